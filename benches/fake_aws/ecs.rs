//! Amazon ECS: listing, describing, and setting a desired count. Tasks start and stop at once.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::fleet::{Fleet, Service};
use super::wire::Fault;
use super::{ACCOUNT, REGION};

const NAMES_PER_PAGE: u64 = 100;
const DEFAULT_NAMES_PER_PAGE: u64 = 10;
const SERVICES_PER_DESCRIBE: usize = 10;

pub(super) fn list_clusters(fleet: &Fleet, input: &Value) -> Result<Value, Fault> {
    let arns = fleet.clusters().map(|cluster| format!("{}:cluster/{cluster}", prefix())).collect();
    page("clusterArns", arns, input, NAMES_PER_PAGE)
}

pub(super) fn list_services(fleet: &Fleet, input: &Value) -> Result<Value, Fault> {
    let cluster = cluster_of(input);
    let services = fleet.cluster(cluster).ok_or_else(no_cluster)?;
    let arns = services.keys().map(|name| format!("{}:service/{cluster}/{name}", prefix())).collect();
    page("serviceArns", arns, input, DEFAULT_NAMES_PER_PAGE)
}

pub(super) fn describe_services(fleet: &Fleet, input: &Value, events: usize) -> Result<String, Fault> {
    let cluster = cluster_of(input);
    fleet.cluster(cluster).ok_or_else(no_cluster)?;
    let asked = input.get("services").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if asked.is_empty() || SERVICES_PER_DESCRIBE < asked.len() {
        return Err(invalid("Services cannot be empty, and are 10 at most."));
    }
    let mut described = Described { services: Vec::new(), failures: Vec::new() };
    let events = events_of(events);
    for name in asked.iter().filter_map(Value::as_str).map(last_part) {
        match fleet.service(cluster, name) {
            Some(service) => described.services.push(description(service, &events)),
            None => described.failures.push(json!({
                "arn": format!("{}:service/{cluster}/{name}", prefix()), "reason": "MISSING",
            })),
        }
    }
    document(&described)
}

pub(super) fn update_service(fleet: &mut Fleet, input: &Value, events: usize) -> Result<String, Fault> {
    #[derive(Serialize)]
    struct Updated<'a> {
        service: Description<'a>,
    }
    let cluster = cluster_of(input);
    fleet.cluster(cluster).ok_or_else(no_cluster)?;
    let name = last_part(input.get("service").and_then(Value::as_str).unwrap_or_default());
    let missing = || Fault::new("ServiceNotFoundException", "Service not found.");
    let service = fleet.service_mut(cluster, name).ok_or_else(missing)?;
    if let Some(desired) = input.get("desiredCount") {
        let desired = desired.as_u64().and_then(|count| u32::try_from(count).ok());
        service.desired = desired.ok_or_else(|| invalid("desiredCount cannot be negative"))?;
    }
    document(&Updated { service: description(service, &events_of(events)) })
}

#[derive(Serialize)]
struct Described<'a> {
    services: Vec<Description<'a>>,
    failures: Vec<Value>,
}

/// A service as ECS tells it: what a scaler needs of it is a fraction.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    service_arn: String,
    service_name: &'a str,
    cluster_arn: String,
    status: &'static str,
    desired_count: u32,
    running_count: u32,
    pending_count: u32,
    launch_type: &'static str,
    platform_version: &'static str,
    task_definition: String,
    scheduling_strategy: &'static str,
    deployment_configuration: Value,
    deployments: Value,
    events: &'a RawValue,
    load_balancers: Value,
    network_configuration: Value,
    created_at: f64,
    enable_execute_command: bool,
}

fn description<'a>(service: &'a Service, events: &'a RawValue) -> Description<'a> {
    const CREATED_AT: f64 = 1_767_225_600.25;
    let task_definition = format!("{}:task-definition/{}:7", prefix(), service.name);
    let network = json!({ "awsvpcConfiguration": {
        "subnets": ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
        "securityGroups": ["sg-0123456789abcdef0"], "assignPublicIp": "DISABLED",
    } });
    Description {
        service_arn: format!("{}:service/{}", prefix(), service.id()),
        service_name: &service.name,
        cluster_arn: format!("{}:cluster/{}", prefix(), service.cluster),
        status: "ACTIVE",
        desired_count: service.desired,
        running_count: service.desired,
        pending_count: 0,
        launch_type: "FARGATE",
        platform_version: "LATEST",
        deployment_configuration: json!({
            "deploymentCircuitBreaker": { "enable": true, "rollback": true },
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING",
        }),
        deployments: json!([{
            "id": "ecs-svc/1234567890123456789", "status": "PRIMARY", "taskDefinition": task_definition,
            "desiredCount": service.desired, "pendingCount": 0, "runningCount": service.desired, "failedTasks": 0,
            "createdAt": CREATED_AT, "updatedAt": CREATED_AT, "launchType": "FARGATE", "platformVersion": "1.4.0",
            "platformFamily": "Linux", "networkConfiguration": network, "rolloutState": "COMPLETED",
            "rolloutStateReason": "ECS deployment ecs-svc/1234567890123456789 completed.",
        }]),
        task_definition,
        scheduling_strategy: "REPLICA",
        events,
        load_balancers: json!([{
            "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/943f017f100becff",
            "containerName": "web", "containerPort": 8080,
        }]),
        network_configuration: network,
        created_at: CREATED_AT,
        enable_execute_command: false,
    }
}

fn events_of(count: usize) -> Box<RawValue> {
    let event = json!({
        "id": "0f1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8", "createdAt": 1_767_225_600.25,
        "message": "(service web) has reached a steady state.",
    });
    to_raw_value(&vec![event; count]).unwrap_or_default()
}

fn document(answer: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(answer).map_err(|error| Fault::new("ServerException", error.to_string()))
}

/// A page of names, from the one that the token numbers.
fn page(list: &str, names: Vec<String>, input: &Value, default_size: u64) -> Result<Value, Fault> {
    let size = input.get("maxResults").and_then(Value::as_u64).unwrap_or(default_size);
    if !(1..=NAMES_PER_PAGE).contains(&size) {
        return Err(invalid("maxResults is from 1 to 100"));
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let from = match input.get("nextToken").and_then(Value::as_str) {
        Some(token) => token.parse().map_err(|_| invalid("Invalid token"))?,
        None => 0_usize,
    };
    let more = from + size < names.len();
    let names: Vec<String> = names.into_iter().skip(from).take(size).collect();
    let mut answer = json!({ list: names });
    if let Some(answer) = answer.as_object_mut().filter(|_| more) {
        answer.insert("nextToken".to_owned(), (from + size).to_string().into());
    }
    Ok(answer)
}

fn prefix() -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}")
}

fn cluster_of(input: &Value) -> &str {
    last_part(input.get("cluster").and_then(Value::as_str).unwrap_or("default"))
}

/// The name in an ARN, or the name itself.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn no_cluster() -> Fault {
    Fault::new("ClusterNotFoundException", "Cluster not found.")
}

fn invalid(message: &str) -> Fault {
    Fault::new("InvalidParameterException", message)
}
