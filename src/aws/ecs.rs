//! Amazon ECS: what is running, and the one call that changes it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DeploymentRolloutState, Failure, SchedulingStrategy, Service};

use super::error::port_error;
use super::lazy::Lazy;
use crate::control::ports::{Ecs, PortError, PortErrorKind};
use crate::model::{ServiceId, ServiceStatus, TaskCount};

const LIST_CLUSTERS: &str = "ecs:ListClusters";
const LIST_SERVICES: &str = "ecs:ListServices";
const DESCRIBE_SERVICES: &str = "ecs:DescribeServices";
const UPDATE_SERVICE: &str = "ecs:UpdateService";

/// The most names that one page of ListClusters and ListServices holds.
const NAMES_PER_PAGE: i32 = 100;

/// Amazon ECS in one region of one account.
#[derive(Clone, Debug)]
pub struct EcsApi {
    client: Lazy<Client>,
}

impl EcsApi {
    /// Speaks to ECS through this client.
    pub fn new(client: impl Into<Lazy<Client>>) -> Self {
        Self { client: client.into() }
    }
}

#[async_trait]
impl Ecs for EcsApi {
    async fn list_clusters(&self) -> Result<Vec<String>, PortError> {
        let pages = self.client.list_clusters().max_results(NAMES_PER_PAGE).into_paginator();
        let arns: Result<Vec<_>, _> = pages.items().send().collect().await;
        let arns = arns.map_err(|error| port_error(LIST_CLUSTERS, error))?;
        Ok(arns.iter().filter_map(|arn| Some(arn.split_once(":cluster/")?.1.to_owned())).collect())
    }

    async fn list_services(&self, cluster: &str) -> Result<Vec<ServiceId>, PortError> {
        let list = self.client.list_services().cluster(cluster).max_results(NAMES_PER_PAGE);
        let arns: Result<Vec<_>, _> = list.into_paginator().items().send().collect().await;
        let arns = arns.map_err(|error| port_error(LIST_SERVICES, error))?;
        Ok(arns.iter().filter_map(|arn| ServiceId::from_arn(arn, Some(cluster))).collect())
    }

    async fn describe_services(
        &self,
        cluster: &str,
        services: &[ServiceId],
    ) -> Result<BTreeMap<ServiceId, Result<ServiceStatus, PortError>>, PortError> {
        let names = services.iter().map(|id| id.service().to_owned()).collect();
        let describe = self.client.describe_services().cluster(cluster).set_services(Some(names));
        let answer = describe.send().await.map_err(|error| port_error(DESCRIBE_SERVICES, error))?;
        let described: BTreeMap<&str, &Service> =
            answer.services().iter().filter_map(|service| Some((service.service_name()?, service))).collect();
        let outcome = |id: &ServiceId| match described.get(id.service()) {
            Some(service) => status_of(id, service),
            None => Err(not_described(id, answer.failures())),
        };
        Ok(services.iter().map(|id| (id.clone(), outcome(id))).collect())
    }

    async fn set_desired_count(&self, service: &ServiceId, desired: TaskCount) -> Result<(), PortError> {
        let desired = i32::try_from(desired).map_err(|_| {
            let message = format!("{desired} is more tasks than ECS can be asked for");
            PortError::new(UPDATE_SERVICE, PortErrorKind::Refused, message)
        })?;
        let update = self
            .client
            .update_service()
            .cluster(service.cluster())
            .service(service.service())
            .desired_count(desired);
        update.send().await.map_err(|error| port_error(UPDATE_SERVICE, error))?;
        Ok(())
    }
}

fn status_of(id: &ServiceId, service: &Service) -> Result<ServiceStatus, PortError> {
    match service.status() {
        Some("ACTIVE") => Ok(ServiceStatus {
            desired: count(service.desired_count()),
            running: count(service.running_count()),
            pending: count(service.pending_count()),
            deploying: is_deploying(service),
            scalable: service.scheduling_strategy() != Some(&SchedulingStrategy::Daemon),
            protected: 0,
        }),
        status => {
            let message = format!("service {id} is {}", status.unwrap_or("in an unknown state"));
            Err(PortError::new(DESCRIBE_SERVICES, PortErrorKind::NotFound, message))
        }
    }
}

/// A rolling deployment shows as a second deployment until the old tasks are gone, and as a PRIMARY one whose rollout is
/// in progress while its own tasks start.
fn is_deploying(service: &Service) -> bool {
    let rolling_out = service.deployments().iter().any(|deployment| {
        deployment.status() == Some("PRIMARY")
            && deployment.rollout_state() == Some(&DeploymentRolloutState::InProgress)
    });
    rolling_out || 1 < service.deployments().len()
}

fn not_described(id: &ServiceId, failures: &[Failure]) -> PortError {
    let failure = failures
        .iter()
        .find(|failure| failure.arn().and_then(|arn| arn.rsplit('/').next()) == Some(id.service()));
    let reason = failure.and_then(Failure::reason).unwrap_or("MISSING");
    if reason == "MISSING" {
        let message = format!("service {id} does not exist");
        return PortError::new(DESCRIBE_SERVICES, PortErrorKind::NotFound, message);
    }
    let detail = failure.and_then(Failure::detail).map(|detail| format!(" ({detail})")).unwrap_or_default();
    let message = format!("service {id}: {reason}{detail}");
    PortError::new(DESCRIBE_SERVICES, PortErrorKind::Refused, message)
}

/// ECS never answers a negative count.
fn count(tasks: i32) -> TaskCount {
    TaskCount::try_from(tasks).unwrap_or_default()
}
