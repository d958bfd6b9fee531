//! The lines are what the format asks for, and count what happened.

use std::cmp::Ordering;

use super::*;
use crate::control::answer::Sent;
use crate::model::ServiceId;
use crate::model::decision::Recommendation;

fn decision(
    service: &str,
    from: TaskCount,
    to: TaskCount,
    applied: bool,
    wanted: Option<TaskCount>,
) -> ServiceDecision {
    ServiceDecision {
        service: ServiceId::new("prod", service),
        at: Timestamp::UNIX_EPOCH,
        from,
        to,
        change: match to.cmp(&from) {
            Ordering::Greater => Change::Out,
            Ordering::Less => Change::In,
            Ordering::Equal => Change::Hold,
        },
        applied,
        code: ReasonCode::TargetTracking,
        reasons: Vec::new(),
        running: from,
        pending: 0,
        recommendations: vec![Recommendation { policy: "cpu".into(), count: wanted }],
        memory: None,
    }
}

fn answer() -> Answer {
    let error =
        |service: Option<&str>| AnswerError::world(service.map(|name| ServiceId::new("prod", name)), "x");
    Answer {
        decisions: vec![
            decision("out", 4, 6, true, Some(6)),
            decision("in", 6, 5, true, Some(5)),
            decision("shadow", 6, 9, false, Some(9)),
            decision("held", 6, 6, false, Some(3)),
            decision("content", 6, 6, false, Some(6)),
            decision("blind", 6, 6, false, None),
        ],
        errors: vec![error(None), error(Some("gone"))],
        at_rest: 40,
        handed_over: vec![ServiceId::new("prod", "late")],
        sent: Sent { shards: 3, services: 5_000 },
    }
}

fn lines(by_service: bool) -> Vec<Value> {
    let answer = answer();
    let report = Report {
        answer: &answer,
        ticks: 1,
        looks: 6,
        at: "2026-11-20T10:05:00Z".parse().unwrap(),
        duration: Duration::from_millis(142),
        usage: &Usage {
            calls: BTreeMap::from([("cloudwatch:GetMetricData", 2), ("ecs:UpdateService", 3)]),
            metrics: 600,
            retries: 1,
            throttled: 1,
            ..Usage::default()
        },
        dollars: 0.006,
        dollars_per_month: 262.8,
    };
    let metrics = Metrics { function: "trimtab".to_owned(), by_service };
    metrics.lines(&report).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rules of the format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
fn assert_is_emf(line: &Value) {
    const UNITS: [&str; 3] = ["Count", "Milliseconds", "None"];
    let metadata = &line["_aws"];
    assert!(metadata["Timestamp"].as_u64().is_some(), "milliseconds since 1970: {line}");
    let directives = metadata["CloudWatchMetrics"].as_array().unwrap();
    for directive in directives {
        let namespace = directive["Namespace"].as_str().unwrap();
        assert!((1..=1024).contains(&namespace.len()));
        for set in directive["Dimensions"].as_array().unwrap() {
            let names = set.as_array().unwrap();
            assert!(names.len() <= 30, "{line}");
            for name in names {
                let value = line[name.as_str().unwrap()].as_str().unwrap();
                assert!((1..=1024).contains(&value.len()), "a dimension is a text of the root: {line}");
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()), "{line}");
        for metric in metrics {
            assert!(
                line[metric["Name"].as_str().unwrap()].is_number(),
                "a metric is a number of the root: {line}"
            );
            assert!(UNITS.contains(&metric["Unit"].as_str().unwrap()), "{line}");
        }
    }
}

#[test]
fn one_line_counts_what_an_event_led_to() {
    let lines = lines(false);
    let [line] = lines.as_slice() else { panic!("one line") };
    assert_is_emf(line);
    let mut root = line.as_object().unwrap().clone();
    let metadata = root.remove("_aws").unwrap();
    assert_eq!(
        Value::Object(root),
        json!({
            "FunctionName": "trimtab", "Ticks": 1, "Decisions": 6, "ScaleOut": 1, "ScaleIn": 1, "NotApplied": 1,
            "Held": 1, "Errors": 2, "FleetErrors": 1, "Duration": 142, "Cost": 0.006,
            "HeldBy": { "TargetTracking": 3 }, "Looks": 6,
             "AtRest": 40, "HandedOver": 1, "Shards": 3,
            "Calls": { "cloudwatch:GetMetricData": 2, "ecs:UpdateService": 3 }, "MetricsRequested": 600,
            "Retries": 1, "Throttled": 1, "CostPerMonth": 262.8,
        })
    );
    assert_eq!(metadata["Timestamp"], 1_795_169_100_000_u64);
    assert_eq!(metadata["CloudWatchMetrics"][0]["Dimensions"], json!([["FunctionName"]]));
}

#[test]
fn services_have_metrics_of_their_own_only_where_asked_for() {
    let lines = lines(true);
    assert_eq!(lines.len(), 7);
    lines.iter().for_each(assert_is_emf);
    let shown = |line: &Value| {
        let [service, desired, running, recommended] =
            ["Service", "DesiredCount", "RunningCount", "RecommendedCount"].map(|key| line[key].clone());
        json!([service, desired, running, recommended])
    };
    assert_eq!(shown(&lines[1]), json!(["prod/out", 6, 4, 6]));
    assert_eq!(
        shown(&lines[3]),
        json!(["prod/shadow", 6, 6, 9]),
        "what shadow decides is not the desired count"
    );
    assert_eq!(
        shown(&lines[6]),
        json!(["prod/blind", 6, 6, null]),
        "a policy that cannot tell recommends nothing"
    );
}

#[test]
fn without_metrics_by_service_the_free_tier_of_ten_holds_them_all() {
    let lines = lines(false);
    let metrics = lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    assert!(metrics.len() <= 10);
}

#[test]
fn what_holds_the_counts_stands_beside_the_metrics_without_being_one() {
    let lines = lines(true);
    assert_eq!(lines[0]["HeldBy"], json!({ "TargetTracking": 3 }));
    assert_eq!(lines[1]["Code"], json!("TargetTracking"));
    let metrics = lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"].to_string();
    assert!(!metrics.contains("HeldBy"), "{metrics}");
}
