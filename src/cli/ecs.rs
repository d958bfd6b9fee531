//! The everyday verbs: `clusters`, `services` and `scale`, as `aws ecs list-clusters`, `list-services` and `update-service`.

use futures::stream::{self, StreamExt as _};
use serde::Serialize;

use super::error::CliError;
use super::screen::{Screen, say};
use super::table::{Column, table};
use crate::control::ports::{Ecs, PortErrorKind, SERVICES_PER_DESCRIBE};
use crate::model::{ServiceId, ServiceStatus, TaskCount};

/// Calls under way at once: quick, and far from the account's quota of 20 reads a second.
const CALLS_AT_ONCE: usize = 4;

#[derive(Serialize)]
struct ServiceRow {
    service: ServiceId,
    desired: TaskCount,
    running: TaskCount,
    pending: TaskCount,
    state: &'static str,
}

/// Lists the clusters.
pub(super) async fn clusters(ecs: &dyn Ecs, screen: &mut Screen) -> Result<(), CliError> {
    let mut clusters = ecs.list_clusters().await?;
    clusters.sort();
    if screen.json {
        return screen.write_json(&clusters);
    }
    screen.write(&table(&[Column::Text("CLUSTER")], clusters.into_iter().map(|cluster| vec![cluster])))
}

/// Lists the services of a cluster, or of all of them, with their counts.
pub(super) async fn services(
    ecs: &dyn Ecs,
    cluster: Option<String>,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let clusters = match cluster {
        Some(cluster) => vec![cluster],
        None => ecs.list_clusters().await?,
    };
    let listings = stream::iter(clusters.iter().map(|cluster| ecs.list_services(cluster)));
    let listings: Vec<_> = listings.buffered(CALLS_AT_ONCE).collect().await;
    let (mut batches, mut errors) = (Vec::new(), Vec::new());
    for (cluster, services) in clusters.iter().zip(listings) {
        let services = match services {
            Ok(services) => services,
            Err(error) if clusters.len() == 1 => return Err(error.into()),
            Err(error) => {
                errors.push(format!("{cluster}: {error}"));
                continue;
            }
        };
        batches.extend(services.chunks(SERVICES_PER_DESCRIBE).map(|batch| (cluster.clone(), batch.to_vec())));
    }
    let described = batches.iter().map(|(cluster, batch)| ecs.describe_services(cluster, batch));
    let described: Vec<_> = stream::iter(described).buffered(CALLS_AT_ONCE).collect().await;
    let mut rows = Vec::new();
    for batch in described {
        match batch {
            Ok(batch) => batch.into_iter().for_each(|(service, status)| match status {
                Ok(status) => rows.push(row(service, &status)),
                Err(error) if error.kind == PortErrorKind::NotFound => say(&format!("{service}: {error}")),
                Err(error) => errors.push(format!("{service}: {error}")),
            }),
            Err(error) => errors.push(error.to_string()),
        }
    }
    rows.sort_by(|a, b| a.service.cmp(&b.service));
    if screen.json {
        screen.write_json(&rows)?;
    } else {
        screen.write(&service_table(rows))?;
    }
    match errors.len() {
        0 => Ok(()),
        _ => Err(CliError::world(errors.join("\n"))),
    }
}

fn service_table(rows: Vec<ServiceRow>) -> String {
    let columns = [
        Column::Text("SERVICE"),
        Column::Number("DESIRED"),
        Column::Number("RUNNING"),
        Column::Number("PENDING"),
        Column::Text("STATE"),
    ];
    let cells = rows.into_iter().map(|row| {
        let counts = [row.desired, row.running, row.pending].map(|count| count.to_string());
        [vec![row.service.to_string()], counts.to_vec(), vec![row.state.to_owned()]].concat()
    });
    table(&columns, cells)
}

/// Sets the desired count of a service.
pub(super) async fn scale(
    ecs: &dyn Ecs,
    service: &ServiceId,
    desired: TaskCount,
    screen: &mut Screen,
) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Scaled<'a> {
        service: &'a ServiceId,
        from: TaskCount,
        to: TaskCount,
    }
    let mut described = ecs.describe_services(service.cluster(), std::slice::from_ref(service)).await?;
    let missing = || CliError::no(format!("ECS did not describe {service}"));
    let status = described.remove(service).ok_or_else(missing)??;
    if !status.scalable {
        return Err(CliError::no(format!(
            "{service} takes no desired count: its scheduling strategy is DAEMON"
        )));
    }
    ecs.set_desired_count(service, desired).await?;
    if screen.json {
        return screen.write_json(&Scaled { service, from: status.desired, to: desired });
    }
    screen.write(&format!("{service}: desired count {} -> {desired}\n", status.desired))
}

fn row(service: ServiceId, status: &ServiceStatus) -> ServiceRow {
    let state = match status {
        ServiceStatus { scalable: false, .. } => "daemon",
        ServiceStatus { deploying: true, .. } => "deploying",
        ServiceStatus { desired, running, .. } if desired == running => "steady",
        ServiceStatus { .. } => "scaling",
    };
    ServiceRow { service, desired: status.desired, running: status.running, pending: status.pending, state }
}
