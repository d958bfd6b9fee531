//! AWS out of reach, and a caller without credentials.

use std::net::TcpListener;

use aws_config::Region;
use aws_config::retry::RetryConfig;
use trimtab::aws::{AwsCloud, config_loader};
use trimtab::control::ports::{Ecs as _, PortErrorKind};

use crate::support::{REGION, config_at};

/// An address at which nothing listens any more.
fn closed_endpoint() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}")
}

#[tokio::test]
async fn an_endpoint_that_refuses_connections_is_a_passing_fault() {
    let config = config_at(&closed_endpoint()).await;
    let config = config.into_builder().retry_config(RetryConfig::disabled()).build();
    let error = AwsCloud::new(config).ecs().list_clusters().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Transient);
    let told = "ecs:ListClusters failed: the request could not be sent: Connection refused";
    assert!(error.to_string().starts_with(told), "{error}");
}

#[tokio::test]
async fn a_caller_without_credentials_is_told_so() {
    let config = config_loader().region(Region::from_static(REGION)).no_credentials().load().await;
    let error = AwsCloud::new(config).ecs().list_clusters().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused);
    let told = "ecs:ListClusters failed: no usable AWS credentials; give a profile, a role or keys (";
    assert!(error.to_string().starts_with(told), "{error}");
}
