//! Calls in virtual time: when they come, how often, and what is counted.

mod aws;
mod counting;
mod limits;
mod retries;

use crate::control::Ports;
use crate::model::ServiceId;

fn service(name: &str) -> ServiceId {
    ServiceId::new("prod", name)
}

async fn describe(ports: &Ports) {
    ports.ecs.describe_services("prod", &[]).await.unwrap();
}

async fn update(ports: &Ports, name: &str) {
    ports.ecs.set_desired_count(&service(name), 4).await.unwrap();
}
