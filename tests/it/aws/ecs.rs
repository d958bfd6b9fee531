//! Amazon ECS.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{ContainerDefinition, SchedulingStrategy};
use trimtab::control::ports::{Ecs as _, PortError, PortErrorKind, SERVICES_PER_DESCRIBE};
use trimtab::model::ServiceId;

use crate::support::{cloud, config};

/// A cluster with a task definition of the same name.
async fn cluster(name: &str) -> Client {
    let client = Client::new(&config().await);
    client.create_cluster().cluster_name(name).send().await.unwrap();
    let container = ContainerDefinition::builder().name("app").image("app").memory(128).build();
    client.register_task_definition().family(name).container_definitions(container).send().await.unwrap();
    client
}

async fn service(client: &Client, cluster: &str, name: &str, strategy: SchedulingStrategy) -> ServiceId {
    let create = client.create_service().cluster(cluster).service_name(name).task_definition(cluster);
    let create = if strategy == SchedulingStrategy::Daemon { create } else { create.desired_count(2) };
    create.scheduling_strategy(strategy).send().await.unwrap();
    ServiceId::new(cluster, name)
}

async fn services(client: &Client, cluster: &str, count: usize) -> Vec<ServiceId> {
    let mut ids = Vec::new();
    for i in 0..count {
        ids.push(service(client, cluster, &format!("s-{i:03}"), SchedulingStrategy::Replica).await);
    }
    ids
}

fn kind<T>(outcome: Result<T, PortError>) -> Option<PortErrorKind> {
    outcome.err().map(|error| error.kind)
}

#[tokio::test]
async fn clusters_are_listed_by_name() {
    cluster("listed-one").await;
    cluster("listed-two").await;
    let clusters = cloud().await.ecs().list_clusters().await.unwrap();
    assert!(["listed-one", "listed-two"].iter().all(|name| clusters.iter().any(|cluster| cluster == name)));
}

#[tokio::test]
async fn services_are_listed_beyond_one_page() {
    let client = cluster("many").await;
    let expected = services(&client, "many", 120).await;
    let mut listed = cloud().await.ecs().list_services("many").await.unwrap();
    listed.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn services_are_described_in_batches() {
    let client = cluster("batches").await;
    let ids = services(&client, "batches", 23).await;
    let ecs = cloud().await.ecs();
    let mut described = Vec::new();
    for batch in ids.chunks(SERVICES_PER_DESCRIBE) {
        for (id, status) in ecs.describe_services("batches", batch).await.unwrap() {
            let status = status.unwrap();
            assert_eq!((status.desired, status.scalable), (2, true), "{id}");
            described.push(id);
        }
    }
    assert_eq!(described, ids);
}

#[tokio::test]
async fn a_desired_count_is_set_without_a_deployment() {
    let client = cluster("scaled").await;
    let id = service(&client, "scaled", "checkout", SchedulingStrategy::Replica).await;
    let raw = || client.describe_services().cluster("scaled").services("checkout").send();
    let before = raw().await.unwrap();

    let ecs = cloud().await.ecs();
    ecs.set_desired_count(&id, 7).await.unwrap();

    let status = ecs.describe_services("scaled", std::slice::from_ref(&id)).await.unwrap().remove(&id);
    assert_eq!(status.unwrap().unwrap().desired, 7);
    let after = raw().await.unwrap();
    let unchanged = |services: &[aws_sdk_ecs::types::Service]| {
        let deployments: Vec<_> =
            services[0].deployments().iter().map(|d| d.id().map(ToOwned::to_owned)).collect();
        (services[0].task_definition().map(ToOwned::to_owned), deployments)
    };
    assert_eq!(unchanged(before.services()), unchanged(after.services()));
}

#[tokio::test]
async fn a_daemon_service_is_not_scalable() {
    let client = cluster("daemons").await;
    let id = service(&client, "daemons", "agent", SchedulingStrategy::Daemon).await;
    let ecs = cloud().await.ecs();
    let status = ecs.describe_services("daemons", std::slice::from_ref(&id)).await.unwrap().remove(&id);
    assert!(!status.unwrap().unwrap().scalable);
}

#[tokio::test]
async fn a_missing_service_is_an_error_of_its_own() {
    let client = cluster("partly").await;
    let there = service(&client, "partly", "there", SchedulingStrategy::Replica).await;
    let deleted = service(&client, "partly", "deleted", SchedulingStrategy::Replica).await;
    client.delete_service().cluster("partly").service("deleted").force(true).send().await.unwrap();
    let missing = ServiceId::new("partly", "missing");

    let ecs = cloud().await.ecs();
    let ids = [there.clone(), deleted.clone(), missing.clone()];
    let mut described = ecs.describe_services("partly", &ids).await.unwrap();

    assert_eq!(described.remove(&there).map(kind), Some(None));
    assert_eq!(described.remove(&deleted).map(kind), Some(Some(PortErrorKind::NotFound)));
    assert_eq!(described.remove(&missing).map(kind), Some(Some(PortErrorKind::NotFound)));
    assert_eq!(kind(ecs.set_desired_count(&missing, 1).await), Some(PortErrorKind::NotFound));
}

#[tokio::test]
async fn a_missing_cluster_is_not_found() {
    let ecs = cloud().await.ecs();
    let id = ServiceId::new("nowhere", "checkout");
    assert_eq!(kind(ecs.list_services("nowhere").await), Some(PortErrorKind::NotFound));
    let described = ecs.describe_services("nowhere", std::slice::from_ref(&id)).await;
    assert_eq!(kind(described), Some(PortErrorKind::NotFound));
    let error = ecs.set_desired_count(&id, 1).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound);
    assert!(error.message.starts_with("ClusterNotFoundException: "), "{error}");
}
