//! What trimtab wanted in shadow beside what really happened: from logs as they are written by hand here, from the log that the
//! function itself writes, and with what the local AWS knows.

use std::fmt::Write as _;
use std::fs;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use serde_json::{Value, json};

use super::{command, in_folder, in_world, run, run_on};
use crate::support::config;
use crate::world::World;

/// A line of the function's log.
fn line(service: &str, minute: u32, from: u32, to: u32) -> String {
    let timestamp = format!("2026-11-23T{:02}:{:02}:05.250000Z", 12 + minute / 60, minute % 60);
    let decision = json!({ "timestamp": timestamp, "level": "INFO", "format_version": 1, "service": service, "from": from,
        "to": to, "change": "hold", "applied": false, "code": "TargetTracking", "reasons": "", "message": "decision" });
    format!("{decision}\n")
}

/// An hour in which trimtab wanted 6 of 4 tasks from the start and 4 again from the fortieth minute.
fn an_hour(service: &str) -> String {
    let mut log: String = (0..5).map(|minute| line(service, minute, 4, 6)).collect();
    log.push_str("{\"_aws\": {}, \"FunctionName\": \"trimtab\", \"Ticks\": 1}\n");
    log.push_str(&line(service, 5, 6, 6));
    (40..60).for_each(|minute| log.push_str(&line(service, minute, 6, 4)));
    log + &line(service, 60, 4, 4)
}

/// AAS scaled out in the fifth minute, and in at the end of the hour.
fn activities(service: &str) -> Value {
    let activity = |count: u32, start: &str| {
        json!({ "ActivityId": "1", "ServiceNamespace": "ecs", "ResourceId": format!("service/{service}"),
            "ScalableDimension": "ecs:service:DesiredCount", "Description": format!("Setting desired count to {count}."),
            "Cause": "monitor alarm", "StartTime": start, "StatusCode": "Successful" })
    };
    json!({ "ScalingActivities": [activity(4, "2026-11-23T12:59:35.250Z"), activity(6, "2026-11-23T12:04:35.250Z")] })
}

#[test]
fn a_service_is_told_by_figures_and_in_words() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.json"), an_hour("prod/web")).unwrap();
    fs::write(folder.path().join("activities.json"), activities("prod/web").to_string()).unwrap();
    let line = "shadow-report --decisions log.json --activities activities.json --vcpu 1 --memory-gb 2";

    let text = run(in_folder(folder.path(), line));
    assert_eq!((text.status, text.stderr.as_str()), (0, ""), "{text:?}");
    insta::assert_snapshot!(text.stdout);

    let data = run(in_folder(folder.path(), &format!("{line} --json")));
    assert_eq!(data.status, 0, "{data:?}");
    let data = data.json();
    assert_eq!(data["read"], json!({ "decisions": 27, "other_lines": 1, "unreadable": 0, "activities": 2 }));
    let service = &data["services"][0];
    assert_eq!(service["service"], "prod/web");
    assert_eq!(
        service["scale_outs"]["moves"],
        json!([{ "at": "2026-11-23T12:04:35.25Z", "from": 4, "to": 6, "trimtab": "earlier", "lead_s": 270 }])
    );
    assert_eq!((&service["real"]["changes"], &service["trimtab"]["changes"]), (&json!(2), &json!(2)));
    assert_eq!(service["verdict"].as_array().map(Vec::len), Some(5), "{data}");

    let cut = run(in_folder(folder.path(), &format!("{line} --since 2026-11-23T12:30:00Z --json"))).json();
    assert_eq!(cut["services"][0]["scale_outs"]["moves"], json!([]), "{cut}");
    assert_eq!(cut["services"][0]["since"], "2026-11-23T12:30:00Z");
}

#[test]
fn several_services_have_a_line_each_first() {
    let mut log = an_hour("prod/web");
    for minute in 0..61 {
        log.push_str(&line("prod/api", minute, 3, 3));
        let _infallible = writeln!(log, "START RequestId: {minute}");
    }
    let text = run_on(command("shadow-report --decisions -"), log.as_bytes());
    assert_eq!((text.status, text.stderr.as_str()), (0, ""), "{text:?}");
    let head: Vec<&str> = text.stdout.lines().take(3).collect();
    insta::assert_snapshot!(head.join("\n"));
    let one = run_on(command("shadow-report --decisions - -- prod/api"), log.as_bytes());
    assert!(one.stdout.starts_with("prod/api from "), "{one:?}");
    assert!(one.stdout.contains("The two hardly differ: divergence 0.000."), "{one:?}");
}

const SHADOW: &str = "version: 1
services:
  - service: $CLUSTER/checkout
    mode: shadow
    capacity: { min: 1, max: 20 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
";

#[tokio::test]
async fn the_log_of_the_function_tells_what_it_wanted_and_what_was() {
    let world = World::new("cli-shadow").await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    let mut function = world.function(SHADOW).await;
    let tick = r#"{"action": "tick"}"#;
    for _ in 0..2 {
        function.invoke(tick).await.unwrap(); // it wants 6
    }
    world.set_desired("checkout", 6).await; // who really scales comes to 6
    world.cpu("checkout", 59.0).await;
    for _ in 0..3 {
        function.invoke(tick).await.unwrap(); // it is content
    }
    world.set_desired("checkout", 7).await; // and on to 7
    for _ in 0..2 {
        function.invoke(tick).await.unwrap(); // it is as content
    }
    fs::write(world.folder().join("log.json"), function.stdout().await.join("\n")).unwrap();

    let data = run(in_world(&world, "shadow-report --decisions log.json --json"));

    assert_eq!(data.status, 0, "{data:?}");
    let data = data.json();
    let moves = data["services"][0]["scale_outs"]["moves"].as_array().unwrap();
    let told: Vec<_> = moves.iter().map(|one| (&one["from"], &one["to"], &one["trimtab"])).collect();
    let expected = [(&json!(4), &json!(6), &json!("earlier")), (&json!(6), &json!(7), &json!("kept"))];
    assert_eq!(told, expected, "{data}");
    assert_eq!((&data["services"][0]["applied"], &data["read"]["unreadable"]), (&json!(0), &json!(0)));
    assert_eq!(world.desired("checkout").await, 7);
}

#[tokio::test]
async fn what_really_was_may_come_from_container_insights() {
    let world = World::new("cli-measured").await;
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&config().await);
    let noon = 1_795_435_200; // 2026-11-23T12:00:00Z
    let data = (0..=60_i64).map(|minute| {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let datum = MetricDatum::builder().metric_name("DesiredTaskCount");
        let datum = datum
            .dimensions(dimension("ClusterName", "cli-measured"))
            .dimensions(dimension("ServiceName", "web"));
        let count = if (10..50).contains(&minute) { 6.0 } else { 4.0 };
        datum.timestamp(DateTime::from_secs(noon + 60 * minute)).value(count).build()
    });
    let put = cloudwatch.put_metric_data().namespace("ECS/ContainerInsights");
    put.set_metric_data(Some(data.collect())).send().await.unwrap();
    fs::write(world.folder().join("log.json"), an_hour("cli-measured/web")).unwrap();

    let data = run(in_world(&world, "shadow-report --decisions log.json --real container-insights --json"));

    assert_eq!(data.status, 0, "{data:?}");
    let moves = &data.json()["services"][0]["scale_outs"]["moves"];
    let expected =
        json!([{ "at": "2026-11-23T12:10:00Z", "from": 4, "to": 6, "trimtab": "earlier", "lead_s": 594 }]);
    assert_eq!(*moves, expected);

    let none = run(in_world(&world, "shadow-report --decisions log.json --real ecs --json"));
    assert_eq!(none.status, 0, "{none:?}");
    assert!(none.stderr.contains("cli-measured/web: CloudWatch has no such counts"), "{none:?}");
}

#[test]
fn a_report_that_cannot_be_is_told_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.json"), an_hour("prod/web")).unwrap();
    fs::write(folder.path().join("other.json"), "START\n{}\n").unwrap();
    // (line, status, told)
    let cases = [
        ("shadow-report", 2, "--decisions <FILE>..."),
        ("shadow-report --decisions gone.json", 1, "the file gone.json cannot be read: "),
        (
            "shadow-report --decisions other.json",
            1,
            "no decision is in other.json: 2 other lines, 0 decisions that cannot be read",
        ),
        (
            "shadow-report prod/api --decisions log.json",
            1,
            "no decision of these services is in log.json: 27 decisions of others",
        ),
        (
            "shadow-report --decisions log.json --activities log.json",
            1,
            "log.json: it has no list ScalingActivities",
        ),
        (
            "shadow-report --decisions log.json --since 2027-01-01T00:00:00Z",
            1,
            "no service can be compared in that time",
        ),
        ("shadow-report --decisions log.json --since yesterday", 2, "--since yesterday is not a time"),
        ("shadow-report --decisions log.json --since 1h --until 2h", 2, "is not after --since"),
        ("shadow-report --decisions log.json --vcpu -1", 2, "unexpected argument '-1'"),
        ("shadow-report --decisions log.json --vcpu=-1", 2, "--vcpu is -1; it must be 0 or more"),
    ];
    for (line, status, told) in cases {
        let outcome = run(in_folder(folder.path(), line));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{line}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{line}: {outcome:?}");
    }
}
