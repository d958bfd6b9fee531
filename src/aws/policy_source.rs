//! Where the policy file is: a file beside the function, an object in S3, or a parameter of Systems Manager.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::error::SdkError;

use super::AwsCloud;
use super::error::port_error;
use super::lazy::Lazy;
use crate::control::places::PolicyPlace;
use crate::control::ports::{Fetched, PolicySource, PortError, PortErrorKind};

const GET_OBJECT: &str = "s3:GetObject";
const GET_PARAMETER: &str = "ssm:GetParameter";
const READ_FILE: &str = "reading the file";

const NOT_MODIFIED: u16 = 304;

/// The policy file at a place.
pub fn policy_source(place: &PolicyPlace, cloud: &AwsCloud) -> Arc<dyn PolicySource> {
    match place.clone() {
        PolicyPlace::File(path) => Arc::new(PolicyFile::new(path)),
        PolicyPlace::S3 { bucket, key } => Arc::new(S3Object { client: cloud.s3_client(), bucket, key }),
        PolicyPlace::Ssm { name } => Arc::new(SsmParameter { client: cloud.ssm_client(), name }),
    }
}

/// A policy in a file. Its version is a hash of its content, so that two edits within one tick of the file system's
/// clock are told apart.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    path: PathBuf,
}

impl PolicyFile {
    /// The file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[async_trait]
impl PolicySource for PolicyFile {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError> {
        let text = fs::read_to_string(&self.path).map_err(|error| {
            let absent = error.kind() == std::io::ErrorKind::NotFound;
            let kind = if absent { PortErrorKind::NotFound } else { PortErrorKind::Refused };
            PortError::new(READ_FILE, kind, format!("{}: {error}", self.place()))
        })?;
        let version = content_version(&text);
        Ok(if known == Some(version.as_str()) {
            Fetched::NotModified
        } else {
            Fetched::Document { text, version }
        })
    }
}

/// A policy in an S3 object. Its version is the object's ETag. To a caller that may not list the bucket, S3 tells of a
/// missing object as of a denied one.
#[derive(Debug)]
struct S3Object {
    client: Lazy<aws_sdk_s3::Client>,
    bucket: String,
    key: String,
}

#[async_trait]
impl PolicySource for S3Object {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError> {
        let refused = |what: &str| {
            PortError::new(GET_OBJECT, PortErrorKind::Refused, format!("{} {what}", self.place()))
        };
        let get = self.client.get_object().bucket(&self.bucket).key(&self.key);
        let object = match get.set_if_none_match(known.map(ToOwned::to_owned)).send().await {
            Ok(object) => object,
            Err(SdkError::ServiceError(answer)) if answer.raw().status().as_u16() == NOT_MODIFIED => {
                return Ok(Fetched::NotModified);
            }
            Err(error) => return Err(at_place(port_error(GET_OBJECT, error), &self.place())),
        };
        let version = object.e_tag.ok_or_else(|| refused("came without an ETag"))?;
        let body = object.body.collect().await.map_err(|error| {
            let message = format!("{} broke off: {error}", self.place());
            PortError::new(GET_OBJECT, PortErrorKind::Transient, message)
        })?;
        let text = String::from_utf8(body.to_vec()).map_err(|_| refused("is not UTF-8 text"))?;
        Ok(Fetched::Document { text, version })
    }
}

/// A policy in a parameter. Its version is a hash of its content, for a parameter that is deleted and put again counts its
/// versions anew. A `SecureString` is decrypted, which may need `kms:Decrypt`.
#[derive(Debug)]
struct SsmParameter {
    client: Lazy<aws_sdk_ssm::Client>,
    name: String,
}

#[async_trait]
impl PolicySource for SsmParameter {
    fn place(&self) -> String {
        format!("ssm:{}", self.name)
    }

    async fn fetch(&self, known: Option<&str>) -> Result<Fetched, PortError> {
        let get = self.client.get_parameter().name(&self.name).with_decryption(true);
        let answer =
            get.send().await.map_err(|error| at_place(port_error(GET_PARAMETER, error), &self.place()))?;
        let parameter = answer.parameter.ok_or_else(|| {
            PortError::new(GET_PARAMETER, PortErrorKind::Refused, format!("{} came empty", self.place()))
        })?;
        let text = parameter.value.unwrap_or_default();
        let version = content_version(&text);
        if known == Some(version.as_str()) {
            return Ok(Fetched::NotModified);
        }
        Ok(Fetched::Document { text, version })
    }
}

/// A version that changes with the content; it means something within one process only.
fn content_version(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// AWS's own messages do not say which object or parameter was meant.
fn at_place(mut error: PortError, place: &str) -> PortError {
    error.message = format!("{place}: {}", error.message);
    error
}
