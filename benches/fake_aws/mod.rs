//! A fake of AWS on loopback, for benchmarks of whole processes: what the clients of the AWS SDKs for Rust, Python and JavaScript
//! send over HTTP is answered from a fleet in memory, after the time that a call to AWS takes, and refused where AWS's documented
//! request rates refuse it. It counts what it was asked.
//!
//! It knows the calls that a scaler makes, and no more. Everything else is answered with `UnknownOperationException`.

pub(crate) mod buckets;
mod cloudwatch;
mod dynamodb;
mod ecs;
mod fleet;
mod sqs;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Json, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;

use self::buckets::Buckets;
use self::dynamodb::Tables;
use self::fleet::Fleet;
pub(crate) use self::fleet::{Entries, FleetSize};
use self::wire::{Call, Fault};

/// The region and the account that it plays.
const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "123456789012";

/// How the fake behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conduct {
    /// What each call takes.
    pub(crate) latency: Duration,
    /// Whether AWS's request rates are enforced.
    pub(crate) throttles: bool,
    /// Every so many reads of items leave a key unprocessed; 0 for none.
    pub(crate) unprocessed_every: u64,
    /// Events in a service's description. ECS tells the last hundred, and a service that lives long has as many.
    pub(crate) events: usize,
}

/// What was asked since the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Calls by operation, as `ecs:DescribeServices`, with those that were refused.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Of them, those beyond a request rate.
    pub(crate) throttled: BTreeMap<String, u64>,
    /// Of them, those that were wrong in themselves, with the error code: `dynamodb:PutItem ConditionalCheckFailedException`.
    pub(crate) refused: BTreeMap<String, u64>,
    /// The metrics that GetMetricData was asked for, which is what it is billed by.
    pub(crate) metrics: u64,
    /// The services that were described.
    pub(crate) described: u64,
}

/// The fake, serving until the process ends.
#[derive(Clone, Debug)]
pub(crate) struct FakeAws {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    conduct: Conduct,
    buckets: Mutex<Buckets>,
    counts: Mutex<Counts>,
    fleet: Mutex<Fleet>,
    tables: Mutex<Tables>,
}

impl FakeAws {
    /// Serves a fleet on a port of loopback; port 0 is any free one.
    ///
    /// # Errors
    /// Where the port cannot be bound.
    pub(crate) async fn start(port: u16, size: FleetSize, conduct: Conduct) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            conduct,
            buckets: Mutex::new(Buckets::full()),
            counts: Mutex::default(),
            fleet: Mutex::new(Fleet::new(size)),
            tables: Mutex::default(),
        });
        let router = Router::new()
            .route("/counts", get(|State(fake): State<Self>| async move { Json(fake.counts()) }))
            .route("/reset", post(|State(fake): State<Self>| async move { fake.reset() }))
            .route("/change", post(change))
            .route("/policy", get(|State(fake): State<Self>| async move { fake.policy() }))
            .route("/services", get(|State(fake): State<Self>| async move { Json(fake.desired_counts()) }))
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(Self { shared: Arc::clone(&shared) });
        // Without this an answer of several segments waits for the client's delayed acknowledgement.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { shared })
    }

    /// The URL for `AWS_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// What was asked since the last reset.
    pub(crate) fn counts(&self) -> Counts {
        locked(&self.shared.counts).clone()
    }

    /// Counts from zero, with full buckets. The fleet and the tables stay as they are.
    pub(crate) fn reset(&self) {
        *locked(&self.shared.counts) = Counts::default();
        *locked(&self.shared.buckets) = Buckets::full();
    }

    /// Raises the load of this share of the services, others at every call, and tells the desired counts that are then right.
    pub(crate) fn change(&self, share: f64) -> BTreeMap<String, u32> {
        locked(&self.shared.fleet).change(share)
    }

    /// A policy file for the fleet.
    pub(crate) fn policy(&self) -> String {
        locked(&self.shared.fleet).policy()
    }

    /// The desired count of every service, by `cluster/service`.
    pub(crate) fn desired_counts(&self) -> BTreeMap<String, u32> {
        locked(&self.shared.fleet).desired_counts()
    }
}

#[derive(Deserialize)]
struct Change {
    share: f64,
}

async fn change(
    State(fake): State<FakeAws>,
    Json(change): Json<Change>,
) -> Result<Json<BTreeMap<String, u32>>, StatusCode> {
    if (0.0..=1.0).contains(&change.share) {
        Ok(Json(fake.change(change.share)))
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

/// Answers one call of an SDK.
async fn answer(State(fake): State<FakeAws>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let Some(call) = Call::read(&uri, &headers, &body) else {
        return (StatusCode::NOT_FOUND, "neither a call of an AWS SDK nor a path of this fake\n")
            .into_response();
    };
    let shared = &fake.shared;
    let throttled = shared.conduct.throttles && !locked(&shared.buckets).take(&call.operation);
    tokio::time::sleep(shared.conduct.latency).await;
    let outcome = if throttled { Err(Fault::throttled(&call.operation)) } else { shared.carry_out(&call) };
    shared.count(&call, throttled, outcome.as_ref().err());
    call.answer(outcome)
}

impl Shared {
    fn carry_out(&self, call: &Call) -> Result<String, Fault> {
        let input = &call.input;
        let json = |answer: Value| answer.to_string();
        match call.operation.as_str() {
            "ecs:ListClusters" => ecs::list_clusters(&locked(&self.fleet), input).map(json),
            "ecs:ListServices" => ecs::list_services(&locked(&self.fleet), input).map(json),
            "ecs:DescribeServices" => {
                ecs::describe_services(&locked(&self.fleet), input, self.conduct.events)
            }
            "ecs:UpdateService" => ecs::update_service(&mut locked(&self.fleet), input, self.conduct.events),
            "cloudwatch:GetMetricData" => cloudwatch::get_metric_data(&locked(&self.fleet), input).map(json),
            "cloudwatch:DescribeAlarms" => cloudwatch::describe_alarms(&locked(&self.fleet), input).map(json),
            "dynamodb:GetItem" => locked(&self.tables).get_item(input).map(json),
            "dynamodb:BatchGetItem" => {
                locked(&self.tables).batch_get_item(input, self.conduct.unprocessed_every).map(json)
            }
            "dynamodb:PutItem" => locked(&self.tables).put_item(input).map(json),
            "sqs:GetQueueUrl" => sqs::get_queue_url(&locked(&self.fleet), input, self.address).map(json),
            "sqs:GetQueueAttributes" => sqs::get_queue_attributes(&locked(&self.fleet), input).map(json),
            "sqs:SendMessageBatch" => sqs::send_message_batch(input).map(json),
            other => Err(Fault::new("UnknownOperationException", format!("the fake has no {other}"))),
        }
    }

    fn count(&self, call: &Call, throttled: bool, fault: Option<&Fault>) {
        let mut counts = locked(&self.counts);
        let add = |counts: &mut BTreeMap<String, u64>, what: String| *counts.entry(what).or_default() += 1;
        add(&mut counts.calls, call.operation.clone());
        match fault {
            Some(_) if throttled => add(&mut counts.throttled, call.operation.clone()),
            Some(fault) => add(&mut counts.refused, format!("{} {}", call.operation, fault.code())),
            None => {
                let entries = |list: &str| call.input.get(list).and_then(Value::as_array).map_or(0, Vec::len);
                counts.metrics += entries("MetricDataQueries") as u64;
                counts.described += entries("services") as u64;
            }
        }
    }
}

/// What is behind a lock is consistent after every statement, so also after a panic elsewhere.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
