//! The policy file in a file, in S3 and in a parameter.

use std::sync::Arc;

use aws_sdk_ssm::types::ParameterType;
use trimtab::aws::policy_source;
use trimtab::control::places::PolicyPlace;
use trimtab::control::ports::{Fetched, PolicySource, PortErrorKind};

use crate::support::{cloud, config};
use crate::world::{bucket, upload};

const KEY: &str = "policies/trimtab.yaml";

async fn source(place: &str) -> Arc<dyn PolicySource> {
    policy_source(&place.parse().unwrap(), &cloud().await)
}

/// The document's version.
async fn fetched(source: &dyn PolicySource, known: Option<&str>, expected: &str) -> String {
    match source.fetch(known).await.unwrap() {
        Fetched::Document { text, version } => {
            assert_eq!(text, expected);
            version
        }
        Fetched::NotModified => panic!("{} came as not modified, {known:?} known", source.place()),
    }
}

#[tokio::test]
async fn an_object_is_fetched_again_only_when_it_changed() {
    let client = bucket("changing").await;
    upload(&client, "changing", KEY, b"version: 1").await;
    let source = source("s3://changing/policies/trimtab.yaml").await;
    let first = fetched(source.as_ref(), None, "version: 1").await;
    assert_eq!(source.fetch(Some(&first)).await.unwrap(), Fetched::NotModified);

    upload(&client, "changing", KEY, b"version: 1 # new").await;
    let second = fetched(source.as_ref(), Some(&first), "version: 1 # new").await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_missing_object_and_a_missing_bucket_are_not_found() {
    bucket("empty").await;
    for place in ["s3://empty/trimtab.yaml", "s3://no-such-bucket/trimtab.yaml"] {
        let error = source(place).await.fetch(None).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::NotFound, "{error}");
        assert!(error.message.starts_with(place), "{error}");
    }
}

#[tokio::test]
async fn an_object_that_is_no_text_is_refused() {
    let client = bucket("binary").await;
    upload(&client, "binary", KEY, b"\xff\xfe").await;
    let error = source("s3://binary/policies/trimtab.yaml").await.fetch(None).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused);
    assert!(error.message.ends_with("is not UTF-8 text"), "{error}");
}

#[tokio::test]
async fn a_parameter_is_fetched_again_only_with_a_new_content() {
    let client = aws_sdk_ssm::Client::new(&config().await);
    let put = |value: &str| {
        let put = client.put_parameter().name("/trimtab/policy").value(value).overwrite(true);
        put.r#type(ParameterType::SecureString).send()
    };
    put("version: 1").await.unwrap();
    let source = source("ssm:/trimtab/policy").await;
    let first = fetched(source.as_ref(), None, "version: 1").await;
    assert_eq!(source.fetch(Some(&first)).await.unwrap(), Fetched::NotModified);

    put("version: 1 # new").await.unwrap();
    assert_ne!(fetched(source.as_ref(), Some(&first), "version: 1 # new").await, first);
}

#[tokio::test]
async fn a_missing_parameter_is_not_found() {
    let error = source("ssm:/trimtab/missing").await.fetch(None).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound, "{error}");
    assert!(error.message.starts_with("ssm:/trimtab/missing: ParameterNotFound"), "{error}");
}

#[tokio::test]
async fn a_file_is_read_again_only_when_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trimtab.yaml");
    let source = source(path.to_str().unwrap()).await;
    assert_eq!(source.fetch(None).await.unwrap_err().kind, PortErrorKind::NotFound);

    std::fs::write(&path, "version: 1").unwrap();
    let first = fetched(source.as_ref(), None, "version: 1").await;
    assert_eq!(source.fetch(Some(&first)).await.unwrap(), Fetched::NotModified);

    std::fs::write(&path, "version: 2").unwrap(); // as long as before
    fetched(source.as_ref(), Some(&first), "version: 2").await;
}

#[tokio::test]
async fn a_place_is_told_as_it_was_written() {
    for place in ["trimtab.yaml", "s3://bucket/a/b.yaml", "ssm:/trimtab/policy"] {
        assert_eq!(source(place).await.place(), place);
    }
}

#[test]
fn a_place_that_names_nothing_is_an_error() {
    // (place, what to write)
    let cases = [
        ("", "write a path, s3://bucket/key or ssm:/parameter/name"),
        ("ftp://host/file", "write a path, s3://bucket/key or ssm:/parameter/name"),
        ("s3://", "write s3://bucket/key"),
        ("s3://bucket", "write s3://bucket/key"),
        ("s3://bucket/", "write s3://bucket/key"),
        ("s3:///key", "write s3://bucket/key"),
        ("ssm:", "write ssm:/parameter/name"),
        ("ssm:/", "write ssm:/parameter/name"),
        ("ssm:name", "write ssm:/parameter/name"),
    ];
    for (place, expected) in cases {
        let error = place.parse::<PolicyPlace>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{place:?}");
    }
}
