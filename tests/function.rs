//! The function's binary as Lambda runs it: a process that asks the Runtime API for events and answers each, whatever it
//! is. The AWS behind it denies everything: what counts here is that every event has an answer that a person understands.

#![cfg(test)]

#[path = "support/runtime_api.rs"]
mod runtime_api;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use runtime_api::{Function, serve};

const POLICY: &str = "version: 1
services:
  - service: prod/checkout
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
";

/// A function with a policy of one service.
async fn start() -> (Function, NamedTempFile) {
    let mut policy = NamedTempFile::new().unwrap();
    policy.write_all(POLICY.as_bytes()).unwrap();
    let denied =
        || async { (StatusCode::BAD_REQUEST, r#"{"__type":"AccessDeniedException","message":"no"}"#) };
    let aws = format!("http://{}", serve(Router::new().fallback(denied)).await);
    let function = Function::start(&[
        ("TRIMTAB_POLICY", policy.path().to_str().unwrap()),
        ("TRIMTAB_STATE", "memory"),
        ("AWS_ENDPOINT_URL", &aws),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ])
    .await;
    (function, policy)
}

fn assert_is_answer(name: &str, answer: &Value) {
    for list in ["decisions", "errors"] {
        assert!(answer[list].is_array(), "{name}: {answer}");
    }
    assert_eq!(answer.get("batchItemFailures").is_some(), name.starts_with("sqs-"), "{name}: {answer}");
}

#[tokio::test]
async fn every_sample_event_is_answered() {
    let (mut function, _policy) = start().await;
    let mut answered = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("events")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let answer = function.invoke(fs::read(&path).unwrap()).await;
            match answer {
                Ok(answer) => assert_is_answer(name, &answer),
                // What is set by hand fails, so that Lambda tries again: here AWS refuses every call.
                Err((kind, message)) => {
                    assert!(["pause", "resume", "set-capacity"].contains(&name), "{name}: {message}");
                    assert_eq!(kind, "UndoneError", "{name}");
                    assert!(message.starts_with("not done: "), "{name}: {message}");
                }
            }
            answered += 1;
        }
    }
    assert!(answered >= 20, "{answered} events");
}

#[tokio::test]
async fn of_a_batch_the_bad_message_is_reported_back() {
    let (mut function, _policy) = start().await;
    let event = fs::read("events/sqs-eventbridge-one-bad.json").unwrap();
    let answer = function.invoke(event).await.unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let bad = json!({ "itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da" });
    assert!(failures.contains(&bad), "{answer}");
}

#[tokio::test]
async fn a_bad_event_is_answered_with_what_is_wrong_and_the_process_lives_on() {
    let (mut function, _policy) = start().await;
    let pad = "x".repeat(6 * 1024 * 1024);
    let cases = [
        ("tick", "DeserializeError", "expected ident at line 1 column 2"),
        ("", "DeserializeError", "EOF while parsing a value at line 1 column 0"),
        ("{}", "EventError", "no known event has no keys at all; expected a CloudWatch alarm"),
        (r#"{"action": "tock"}"#, "EventError", "\"tock\" is not an action"),
        (
            &format!(r#"{{"action": "tick", "pad": "{pad}"}}"#),
            "EventError",
            "the event has 6291485 bytes; Lambda hands over 6291456 at most",
        ),
        (&"[".repeat(100_000), "DeserializeError", "EOF while parsing"),
    ];
    for (event, kind, message) in cases {
        let shown: String = event.chars().take(40).collect();
        let (error_type, error_message) = function.invoke(event).await.expect_err(&shown);
        assert!(error_type.ends_with(kind), "{shown}: {error_type}");
        assert!(error_message.contains(message), "{shown}: {error_message}");
        assert_is_answer("tick", &function.invoke(r#"{"action": "tick"}"#).await.unwrap());
    }
}

#[tokio::test]
async fn an_alarm_of_a_service_without_a_policy_is_answered() {
    let (mut function, _policy) = start().await;
    let event = json!({ "alarmArn": "a", "alarmData": { "alarmName": "a", "configuration": { "metrics": [
        { "metricStat": { "metric": { "dimensions": { "ClusterName": "prod", "ServiceName": "nobody" } } } },
    ] } } });
    let answer = function.invoke(event.to_string()).await.unwrap();
    assert_is_answer("alarm", &answer);
    let error = "the alarm a concerns no service: no step_scaling policy names it under `alarm`, and no entry selects \
                 prod/nobody, which its metrics are of";
    assert_eq!(
        (&answer["decisions"], &answer["errors"]),
        (&json!([]), &json!([{ "error": error, "kind": "request" }]))
    );
}

#[tokio::test]
async fn settings_that_cannot_be_followed_answer_every_event() {
    let mut function = Function::start(&[("TRIMTAB_STATE", "redis"), ("AWS_REGION", "eu-central-1")]).await;
    for _ in 0..2 {
        let error = function.invoke(r#"{"action": "tick"}"#).await.unwrap_err();
        let message = r#"the environment variable TRIMTAB_STATE is "redis": write dynamodb:TABLE or memory"#;
        assert_eq!(error, ("SettingsError".to_owned(), message.to_owned()));
    }
}

#[tokio::test]
async fn standard_output_is_json_lines_of_log_and_metrics() {
    let (mut function, _policy) = start().await;
    function.invoke(r#"{"action": "tick"}"#).await.unwrap();
    function.invoke(r#"{"action": "status"}"#).await.unwrap();
    let lines: Vec<Value> =
        function.stdout().await.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    let metrics: Vec<&Value> = lines.iter().filter(|line| line.get("_aws").is_some()).collect();
    assert_eq!(metrics.len(), 1, "{lines:?}");
    assert_eq!(metrics[0]["Ticks"], 1);
    assert_eq!(metrics[0]["FunctionName"], "trimtab");
    assert!(lines.iter().all(|line| line.get("_aws").is_some() || line["level"].is_string()), "{lines:?}");
}
