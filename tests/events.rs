//! Every event in `events/` is read as what it is, and an event that cannot be read is told with what to do.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::num::{NonZero, NonZeroU32};
use std::path::PathBuf;

use trimtab::control::trigger::{Shard, Trigger};
use trimtab::handler::event::{Batch, EventError, Incoming, MAX_EVENT_BYTES, Parsed};
use trimtab::model::ServiceId;
use trimtab::model::memory::PauseDirection;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("events")
}

fn checkout() -> ServiceId {
    ServiceId::new("prod", "checkout")
}

fn worker() -> ServiceId {
    ServiceId::new("prod", "orders-worker")
}

fn alarm(name: &str, services: Vec<ServiceId>) -> Trigger {
    Trigger::Alarm { name: name.to_owned(), services }
}

fn ecs(event: &str) -> Trigger {
    Trigger::EcsChange { service: checkout(), event: event.to_owned() }
}

/// Every file of the folder: how it comes, and the trigger that it is.
fn expected() -> Vec<(&'static str, Batch, Trigger)> {
    let cpu = || alarm("checkout-cpu-high", vec![checkout()]);
    let evening = Some("2026-12-01T18:00:00Z".parse().unwrap());
    let tick = Some("2026-11-20T10:04:10Z".parse().unwrap());
    let sent = Shard { services: vec![checkout(), worker()], tick, of: NonZero::new(5).unwrap() };
    vec![
        ("alarm-direct-alarm", Batch::Single, cpu()),
        ("alarm-direct-composite", Batch::Single, alarm("checkout-degraded", vec![])),
        ("alarm-direct-insufficient-data", Batch::Single, cpu()),
        ("alarm-direct-metric-math", Batch::Single, alarm("orders-backlog-per-task", vec![worker()])),
        ("alarm-direct-ok", Batch::Single, cpu()),
        ("ecs-deployment-completed", Batch::Single, ecs("SERVICE_DEPLOYMENT_COMPLETED")),
        ("ecs-deployment-failed", Batch::Single, ecs("SERVICE_DEPLOYMENT_FAILED")),
        ("ecs-service-steady-state", Batch::Single, ecs("SERVICE_STEADY_STATE")),
        ("ecs-service-task-start-impaired", Batch::Single, ecs("SERVICE_TASK_START_IMPAIRED")),
        ("ecs-task-running", Batch::Single, ecs("ECS Task State Change")),
        (
            "evaluate",
            Batch::Single,
            Trigger::Evaluate { services: vec!["prod/checkout".parse().unwrap()], dry_run: true },
        ),
        ("eventbridge-alarm", Batch::Single, cpu()),
        ("onfailure-record", Batch::Single, cpu()),
        (
            "pause",
            Batch::Single,
            Trigger::Pause {
                service: checkout(),
                direction: PauseDirection::In,
                until: evening,
                reason: Some("sale".to_owned()),
            },
        ),
        ("resume", Batch::Single, Trigger::Resume { service: checkout() }),
        ("scheduled-rule", Batch::Single, Trigger::Tick),
        ("scheduler", Batch::Single, Trigger::Tick),
        (
            "set-capacity",
            Batch::Single,
            Trigger::SetCapacity {
                service: checkout(),
                min: Some(4),
                max: Some(20),
                desired: Some(6),
                until: evening,
            },
        ),
        ("shard", Batch::Single, Trigger::Shard(Shard::by_hand(vec![checkout(), worker()]))),
        ("sns-alarm", Batch::Sns, cpu()),
        ("sqs-eventbridge-one-bad", Batch::Sqs, cpu()),
        ("sqs-shard", Batch::Sqs, Trigger::Shard(sent)),
        ("sqs-sns-alarm", Batch::Sqs, cpu()),
        ("status", Batch::Single, Trigger::Status { services: vec!["prod/*".parse().unwrap()] }),
        ("tick", Batch::Single, Trigger::Tick),
    ]
}

fn read(event: &str) -> Result<Incoming, EventError> {
    Incoming::read(event.as_bytes())
}

fn read_file(name: &str) -> Incoming {
    let path = folder().join(format!("{name}.json"));
    read(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What the first, and often only, record asks for.
fn first(incoming: &Incoming) -> &[Parsed] {
    incoming.records[0].parsed.as_ref().unwrap()
}

fn trigger_of(event: &str) -> Trigger {
    match first(&read(event).unwrap()) {
        [Parsed::Trigger(trigger)] => trigger.clone(),
        other => panic!("not one trigger: {other:?}"),
    }
}

#[test]
fn every_file_of_the_folder_is_read_as_what_it_is() {
    for (name, batch, trigger) in expected() {
        let incoming = read_file(name);
        assert_eq!(incoming.batch, batch, "{name}");
        assert_eq!(first(&incoming), [Parsed::Trigger(trigger)], "{name}");
    }
}

#[test]
fn the_table_and_the_readme_list_every_file() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(stem) = name.strip_suffix(".json") {
            assert!(readme.contains(&format!("`{name}`")), "{name} is not in events/README.md");
            files.insert(stem.to_owned());
        }
    }
    let ignored = ["eventbridge-alarm-configuration".to_owned()];
    let listed: BTreeSet<String> =
        expected().into_iter().map(|(name, ..)| name.to_owned()).chain(ignored).collect();
    assert_eq!(files, listed);
}

#[test]
fn a_bad_record_fails_alone() {
    let incoming = read_file("sqs-eventbridge-one-bad");
    let [good, bad] = incoming.records.as_slice() else { panic!("two records") };
    assert!(good.parsed.is_ok());
    assert_eq!(bad.id.as_deref(), Some("2e1424d4-f796-459a-8184-9c92662be6da"));
    let error = bad.parsed.as_ref().unwrap_err().to_string();
    assert!(error.starts_with("the message's body: no known event has the keys not; expected"), "{error}");
}

#[test]
fn events_that_are_known_and_of_no_interest_are_ignored() {
    let why = |event: &str| match first(&read(event).unwrap()) {
        [Parsed::Ignored { why }] => why.clone(),
        other => panic!("not ignored: {other:?}"),
    };
    let configuration = fs::read_to_string(folder().join("eventbridge-alarm-configuration.json")).unwrap();
    assert_eq!(
        why(&configuration),
        r#""CloudWatch Alarm Configuration Change" of aws.cloudwatch: alarms are read anew at every look"#
    );
    let cases = [
        (
            r#"{"source": "aws.ecs", "detail-type": "ECS Container Instance State Change", "detail": {}}"#,
            r#""ECS Container Instance State Change" of aws.ecs: it is about no service"#,
        ),
        (
            r#"{"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": {"group": "family:job"}}"#,
            r#""ECS Task State Change" of aws.ecs: the task belongs to no service"#,
        ),
        (
            r#"{"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm Mute Rule", "detail": {}}"#,
            r#""CloudWatch Alarm Mute Rule" of aws.cloudwatch: it is no alarm's change of state"#,
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(why(event), expected);
    }
}

#[test]
fn alarms_of_every_kind_name_their_services() {
    let of = |metrics: &str| {
        let event = format!(
            r#"{{"alarmArn": "a", "alarmData": {{"alarmName": "a", "configuration": {{"metrics": {metrics}}}}}}}"#
        );
        let trigger = trigger_of(&event);
        let Trigger::Alarm { services, .. } = trigger else { panic!("not an alarm: {trigger:?}") };
        services.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let metric =
        |dimensions: &str| format!(r#"{{"metricStat": {{"metric": {{"dimensions": {dimensions}}}}}}}"#);
    let checkout = metric(r#"{"ClusterName": "prod", "ServiceName": "checkout"}"#);
    let api = metric(r#"{"ServiceName": "api", "ClusterName": "prod"}"#);
    let cluster = metric(r#"{"ClusterName": "prod"}"#);
    let cases = [
        (format!("[{checkout}]"), "prod/checkout"),
        (format!("[{checkout}, {api}, {checkout}]"), "prod/api prod/checkout"),
        (format!(r#"[{{"id": "e1", "expression": "m1 * 2"}}, {checkout}]"#), "prod/checkout"),
        (format!("[{cluster}]"), ""),
        (r#"[{"metricStat": {"metric": {"name": "x"}, "period": 86400}}, 3, null]"#.to_owned(), ""),
        ("null".to_owned(), ""),
    ];
    for (metrics, services) in cases {
        assert_eq!(of(&metrics), services, "{metrics}");
    }
}

#[test]
fn an_alarm_over_many_services_names_the_one_that_it_acts_for() {
    let contributor = r#"{"ClusterName": "prod", "ServiceName": "checkout"}"#;
    let sns = format!(r#"{{"AlarmName": "cpu", "AlarmContributorAttributes": {contributor}}}"#);
    let eventbridge = format!(
        r#"{{"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm Contributor State Change",
            "detail": {{"alarmName": "cpu", "alarmContributor": {{"id": "6d44", "attributes": {contributor}}}}}}}"#
    );
    for event in [sns, eventbridge] {
        assert_eq!(trigger_of(&event), alarm("cpu", vec![checkout()]));
    }
}

#[test]
fn what_is_left_out_of_an_action_has_a_default() {
    let all = || vec!["*/*".parse().unwrap()];
    let service = checkout();
    let cases = [
        (r#"{"action": "evaluate"}"#, Trigger::Evaluate { services: all(), dry_run: false }),
        (r#"{"action": "status", "services": null}"#, Trigger::Status { services: all() }),
        (
            r#"{"action": "pause", "service": "prod/checkout"}"#,
            Trigger::Pause {
                service: service.clone(),
                direction: PauseDirection::Both,
                until: None,
                reason: None,
            },
        ),
        (
            r#"{"action": "pause", "service": "prod/checkout", "direction": "schedules"}"#,
            Trigger::Pause {
                service: service.clone(),
                direction: PauseDirection::Schedules,
                until: None,
                reason: None,
            },
        ),
        (
            r#"{"action": "set_capacity", "service": "prod/checkout", "desired": 0}"#,
            Trigger::SetCapacity { service, min: None, max: None, desired: Some(0), until: None },
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(trigger_of(event), expected, "{event}");
    }
}

#[test]
fn a_shard_is_read_as_it_was_written() {
    let fraction = Some("2026-11-20T10:04:10.123456789Z".parse().unwrap());
    for (tick, of) in [(None, NonZeroU32::MIN), (fraction, NonZeroU32::MAX)] {
        let shard = Shard { services: vec![checkout(), worker()], tick, of };
        assert_eq!(trigger_of(&shard.to_json()), Trigger::Shard(shard));
    }
}

#[test]
fn a_failure_record_in_a_queue_wraps_the_batch_that_failed() {
    let sns = fs::read_to_string(folder().join("sns-alarm.json")).unwrap();
    let record = format!(r#"{{"requestContext": {{}}, "requestPayload": {sns}}}"#);
    let record = serde_json::to_string(&record).unwrap();
    let event =
        format!(r#"{{"Records": [{{"eventSource": "aws:sqs", "messageId": "1", "body": {record}}}]}}"#);
    assert_eq!(trigger_of(&event), alarm("checkout-cpu-high", vec![checkout()]));
}

const EXPECTED: &str = "expected a CloudWatch alarm (alarmArn, alarmData), an EventBridge event (source, detail-type), \
                        SNS or SQS Records, or an action as in {\"action\": \"tick\"}";

#[test]
fn an_event_that_cannot_be_read_is_told_with_what_to_do() {
    let shape = |keys: &str| format!("no known event has {keys}; {EXPECTED}");
    let cases: Vec<(&str, String)> = vec![
        ("", "not valid JSON: EOF while parsing a value at line 1 column 0".into()),
        ("tick", "not valid JSON: expected ident at line 1 column 2".into()),
        ("{\n  \"action\": tick\n}", "not valid JSON: expected ident at line 2 column 14".into()),
        (r#"{"action": "tick"} x"#, "not valid JSON: trailing characters at line 1 column 20".into()),
        (r#"{"action": "tick""#, "not valid JSON: EOF while parsing an object at line 1 column 17".into()),
        ("[]", "a list is no event: an event is a JSON object".into()),
        (r#""tick""#, "a text is no event: an event is a JSON object".into()),
        ("null", "null is no event: an event is a JSON object".into()),
        ("{}", shape("no keys at all")),
        (r#"{"acton": "tick", "x": 1}"#, shape("the keys acton, x")),
        (
            r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}"#,
            shape("the keys a, b, c, d, e, f, g, h, ..."),
        ),
        (
            r#"{"action": "evalute"}"#,
            "\"evalute\" is not an action (did you mean \"evaluate\"?); the actions are tick, evaluate, \
             set_capacity, pause, resume, status, shard"
                .into(),
        ),
        (
            r#"{"action": 3}"#,
            "3 is not an action; the actions are tick, evaluate, set_capacity, pause, resume, status, shard"
                .into(),
        ),
        (
            r#"{"action": "evaluate", "dryrun": true}"#,
            "evaluate has no field \"dryrun\" (did you mean \"dry_run\"?); its fields are action, services, dry_run"
                .into(),
        ),
        (
            r#"{"action": "tick", "zebra": 1}"#,
            "tick has no field \"zebra\"; its fields are action".into(),
        ),
        (
            r#"{"action": "evaluate", "dry_run": "yes"}"#,
            "evaluate: dry_run: \"yes\" is not true or false".into(),
        ),
        (
            r#"{"action": "evaluate", "services": "prod/checkout"}"#,
            "evaluate: services: \"prod/checkout\" is not a list of services, as in [\"prod/checkout\", \"prod/*\"]"
                .into(),
        ),
        (
            r#"{"action": "status", "services": []}"#,
            "status: services: [] is not a list of services, as in [\"prod/checkout\", \"prod/*\"]".into(),
        ),
        (
            r#"{"action": "status", "services": ["checkout"]}"#,
            "status: services: \"checkout\" is not a service: write cluster/service, as in prod/checkout".into(),
        ),
        (
            r#"{"action": "resume"}"#,
            "resume needs the field \"service\": write cluster/service, as in \"prod/checkout\"".into(),
        ),
        (
            r#"{"action": "resume", "service": "prod/*"}"#,
            "resume: service: \"prod/*\" is not a service: write cluster/service, as in prod/checkout".into(),
        ),
        (
            r#"{"action": "shard"}"#,
            "shard needs the field \"services\": write the services to look at, as in [\"prod/checkout\"]".into(),
        ),
        (
            r#"{"action": "shard", "services": ["prod/*"]}"#,
            "shard: services: \"prod/*\" is not a service: write cluster/service, as in prod/checkout".into(),
        ),
        (
            r#"{"action": "shard", "version": 2, "services": ["prod/checkout"]}"#,
            "shard: version: 2 is not read: this function reads 1".into(),
        ),
        (
            r#"{"action": "shard", "services": ["prod/checkout"], "of": 0}"#,
            "shard: of: 0 is not a number of invocations, 1 or more".into(),
        ),
        (
            r#"{"action": "shard", "services": ["prod/checkout"], "tick": 1795169050}"#,
            "shard: tick: 1795169050 is not a time: write it in UTC, as in 2026-12-01T18:00:00Z".into(),
        ),
        (
            r#"{"action": "set_capacity", "service": "prod/checkout"}"#,
            "set_capacity needs the field \"desired\": write at least one of min, max and desired".into(),
        ),
        (
            r#"{"action": "set_capacity", "service": "prod/checkout", "min": -1}"#,
            "set_capacity: min: -1 is not a number of tasks: write one from 0 to 100000".into(),
        ),
        (
            r#"{"action": "set_capacity", "service": "prod/checkout", "max": 2.5}"#,
            "set_capacity: max: 2.5 is not a number of tasks: write one from 0 to 100000".into(),
        ),
        (
            r#"{"action": "set_capacity", "service": "prod/checkout", "min": 9, "max": 3}"#,
            "set_capacity: min: min 9 is above max 3".into(),
        ),
        (
            r#"{"action": "set_capacity", "service": "prod/checkout", "max": 3, "desired": 9}"#,
            "set_capacity: desired: 9 is not from 0 to 3".into(),
        ),
        (
            r#"{"action": "pause", "service": "prod/checkout", "until": "tomorrow"}"#,
            "pause: until: \"tomorrow\" is not a time: write it in UTC, as in 2026-12-01T18:00:00Z".into(),
        ),
        (
            r#"{"action": "pause", "service": "prod/checkout", "direction": "up"}"#,
            "pause: direction: \"up\" is not a direction: write in, out, both or schedules".into(),
        ),
        (
            r#"{"action": "pause", "service": "prod/checkout", "reason": 7}"#,
            "pause: reason: 7 is not a text".into(),
        ),
        (
            r#"{"alarmArn": "a", "alarmData": {}}"#,
            "a CloudWatch alarm that cannot be read: missing field `alarmName`".into(),
        ),
        (
            r#"{"detail-type": "Scheduled Event", "detail": {}}"#,
            "an EventBridge event that cannot be read: missing field `source`".into(),
        ),
        (
            r#"{"source": "aws.s3", "detail-type": "Object Created", "detail": {}}"#,
            "an EventBridge event \"Object Created\" from aws.s3 is not read: send alarm state changes, ECS service \
             actions, ECS deployment state changes and scheduled events"
                .into(),
        ),
        (
            r#"{"source": "aws.ecs", "detail-type": "ECS Service Action", "resources": [], "detail": {}}"#,
            "an ECS event that cannot be read: no service ARN in its resources, as in \
             arn:aws:ecs:...:service/prod/checkout"
                .into(),
        ),
        (r#"{"Records": {}}"#, "an event that cannot be read: Records is not a list".into()),
        (r#"{"Records": []}"#, "an event that cannot be read: no record in Records has an eventSource".into()),
        (
            r#"{"Records": [{"eventSource": "aws:s3"}]}"#,
            "Records of aws:s3 are not read: trimtab reads those of aws:sns and aws:sqs".into(),
        ),
        (
            r#"{"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}"#,
            "an SQS record that cannot be read: missing field `messageId`".into(),
        ),
        (
            r#"{"requestContext": {}, "requestPayload": {"ORDER_IDS": []}}"#,
            shape("the keys ORDER_IDS"),
        ),
        (
            r#"{"TopicArn": "t", "Message": "Hello"}"#,
            "the SNS message: not valid JSON: expected value at line 1 column 1".into(),
        ),
    ];
    for (event, message) in cases {
        assert_eq!(read(event).map_err(|error| error.to_string()), Err(message), "{event}");
    }
}

#[test]
fn an_event_larger_than_lambdas_limit_is_refused_unread() {
    let error = Incoming::read(&vec![b'['; MAX_EVENT_BYTES + 1]).unwrap_err();
    assert_eq!(error.to_string(), "the event has 6291457 bytes; Lambda hands over 6291456 at most");
}

#[test]
fn an_event_nested_without_end_is_refused() {
    let deep = "[".repeat(100_000);
    let error = read(&deep).unwrap_err().to_string();
    assert_eq!(error, "not valid JSON: recursion limit exceeded at line 1 column 128");
    let mut wrapped = r#"{"action": "tick"}"#.to_owned();
    for _ in 0..12 {
        wrapped = serde_json::json!({ "TopicArn": "t", "Message": wrapped }).to_string();
    }
    let error = read(&wrapped).unwrap_err().to_string();
    assert!(error.ends_with("the event is wrapped more than 8 times"), "{error}");
}
