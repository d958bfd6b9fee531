//! EventBridge events: alarms, clocks and what ECS reports.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::{Map, Value};

use super::{EventError, Parsed, alarm, envelope};
use crate::control::trigger::Trigger;
use crate::model::ServiceId;

pub(super) fn read(object: Map<String, Value>) -> Result<Parsed, EventError> {
    let event: EventBridgeEvent = envelope(Value::Object(object), "an EventBridge event")?;
    match (event.source.as_str(), event.detail_type.as_str()) {
        ("aws.events" | "aws.scheduler", "Scheduled Event") => Ok(Parsed::Trigger(Trigger::Tick)),
        ("aws.cloudwatch", "CloudWatch Alarm State Change" | "CloudWatch Alarm Contributor State Change") => {
            alarm::of_data(&event.detail).map(Parsed::Trigger)
        }
        ("aws.cloudwatch", "CloudWatch Alarm Configuration Change") => {
            Ok(ignored(&event, "alarms are read anew at every look"))
        }
        ("aws.ecs", "ECS Service Action" | "ECS Deployment State Change") => service_event(&event),
        ("aws.ecs", "ECS Task State Change") => Ok(task_event(&event)),
        ("aws.ecs", _) => Ok(ignored(&event, "it is about no service")),
        ("aws.cloudwatch", _) => Ok(ignored(&event, "it is no alarm's change of state")),
        _ => Err(EventError::OtherEventBridge { detail_type: event.detail_type, event_source: event.source }),
    }
}

/// A service action or a deployment's change: the service is the event's resource.
fn service_event(event: &EventBridgeEvent) -> Result<Parsed, EventError> {
    let cluster = cluster(event);
    let mut arns = event.resources.iter().flatten();
    match arns.find_map(|arn| ServiceId::from_arn(arn, cluster)) {
        Some(service) => {
            let name = event.detail.get("eventName").and_then(Value::as_str);
            let event = name.unwrap_or(&event.detail_type).to_owned();
            Ok(Parsed::Trigger(Trigger::EcsChange { service, event }))
        }
        None => Err(EventError::Envelope {
            kind: "an ECS event",
            problem: "no service ARN in its resources, as in arn:aws:ecs:...:service/prod/checkout"
                .to_owned(),
        }),
    }
}

/// A task's change. ECS puts a service's tasks into the group `service:NAME`.
fn task_event(event: &EventBridgeEvent) -> Parsed {
    let group = event.detail.get("group").and_then(Value::as_str);
    let service = group.and_then(|group| group.strip_prefix("service:"));
    match (cluster(event), service) {
        (Some(cluster), Some(service)) => Parsed::Trigger(Trigger::EcsChange {
            service: ServiceId::new(cluster, service),
            event: event.detail_type.clone(),
        }),
        _ => ignored(event, "the task belongs to no service"),
    }
}

fn cluster(event: &EventBridgeEvent) -> Option<&str> {
    let arn = event.detail.get("clusterArn")?.as_str()?;
    arn.split_once(":cluster/").map(|(_, name)| name)
}

fn ignored(event: &EventBridgeEvent, why: &str) -> Parsed {
    Parsed::Ignored { why: format!("{:?} of {}: {why}", event.detail_type, event.source) }
}
