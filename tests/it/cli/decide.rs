//! `trimtab decide`: the engine as a filter, with the figures that Application Auto Scaling, Kubernetes HPA and KEDA
//! document.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Outcome, in_folder, run, run_on};

/// 2026-01-01T00:00:00Z.
const MIDNIGHT_S: i64 = 1_767_225_600;
/// The value that keeps a task busy is 100; without waiting on scale-in.
const TRACKING: &str = "target_tracking: { metric: { namespace: App, name: Load, dimensions: { Service: app }, \
     stat: Average }, target: 100, scale_in_after: 1, scale_in_cooldown: 0s";
const ONE_TRACKING: &str = "capacity: { min: 0, max: 1000 }, policies: [ { $TRACKING } } ]";
const QUEUE: &str =
    "capacity: { min: 0, max: 1000 }, policies: [ { queue: { queue: orders, backlog_per_task: 5";

/// A folder with a policy file of one entry, for prod/app.
fn folder(entry: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let entry = entry.replace("$TRACKING", TRACKING);
    let policy = format!("version: 1\nservices: [ {{ service: prod/app, {entry} }} ]\n");
    fs::write(folder.path().join("trimtab.yaml"), policy).unwrap();
    folder
}

fn decide_bytes(entry: &str, input: &[u8]) -> Outcome {
    let folder = folder(entry);
    let line = "decide --policy trimtab.yaml --service prod/app";
    let outcome = run_on(in_folder(folder.path(), line), input);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{entry}: {outcome:?}");
    outcome
}

/// An observation as a line, half a minute after the given minute ended; each metric's value is that minute's.
fn line(minute: i64, mut observation: Value) -> String {
    let start = MIDNIGHT_S + 60 * minute;
    let now = jiff::Timestamp::from_second(start + 90).unwrap();
    observation["now"] = json!(now.to_string());
    for (_, value) in observation["metrics"].as_object_mut().into_iter().flatten() {
        *value = json!([[start, value]]);
    }
    if observation["metrics"].is_null() {
        observation["metrics"] = json!({});
    }
    format!("{observation}\n")
}

/// The desired counts that a policy entry leads to on a series of minutes.
fn desired(entry: &str, observations: &[Value]) -> Vec<u64> {
    let lines: String = (0..).zip(observations).map(|(minute, seen)| line(minute, seen.clone())).collect();
    let outcome = decide_bytes(entry, lines.as_bytes());
    let counts = outcome.json_lines();
    counts.iter().map(|line| line["desired"].as_u64().unwrap_or_else(|| panic!("{entry}: {line}"))).collect()
}

fn load(desired: u32, load: f64) -> Value {
    json!({ "desired": desired, "metrics": { "Load": load } })
}

/// The alarm `high` at a value, with 50 as its threshold.
fn high(desired: u32, value: f64) -> Value {
    let low = json!({ "state": "OK", "threshold": 50 });
    let high = json!({ "state": "ALARM", "threshold": 50, "value": value });
    json!({ "desired": desired, "alarms": { "high": high, "low": low } })
}

/// The alarm `low` at a value, with 50 as its threshold.
fn low(desired: u32, value: f64) -> Value {
    let low = json!({ "state": "ALARM", "threshold": 50, "value": value });
    let high = json!({ "state": "OK", "threshold": 50 });
    json!({ "desired": desired, "alarms": { "high": high, "low": low } })
}

fn queue(desired: u32, visible: u32, in_flight: u32, delayed: u32) -> Value {
    let depth = json!({ "visible": visible, "in_flight": in_flight, "delayed": delayed });
    json!({ "desired": desired, "queues": { "orders": depth } })
}

#[test]
fn the_contracts_sample_line_is_answered_with_its_sample_answer() {
    let policy = "capacity: { min: 2, max: 60 }, policies: [
        { target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } },
        { step_scaling: { alarm: checkout-latency-high, adjustment_type: ChangeInCapacity,
            steps: [ { lower: 0, upper: 15, change: 1 }, { lower: 15, change: 3 } ] } },
        { queue: { queue: orders, backlog_per_task: 25 } } ]";
    let line = r#"{"now": "2026-01-01T00:00:30Z", "desired": 4, "running": 4, "pending": 0, "deploying": false, "metrics": {"ECSServiceAverageCPUUtilization": [[1767225540, 71.2]]}, "alarms": {"checkout-latency-high": {"state": "ALARM", "threshold": 0.5, "value": 0.9, "since": "2025-12-31T23:58:00Z"}}, "queues": {"orders": {"visible": 120, "in_flight": 8, "delayed": 0, "oldest_age_s": 41}}}"#;

    let outcome = decide_bytes(policy, line.as_bytes());

    let answer = outcome.json_lines().remove(0);
    assert_eq!((&answer["desired"], &answer["change"]), (&json!(6), &json!("out")), "{answer}");
    let reasons = answer["reasons"].as_array().unwrap();
    for part in
        ["4 running x 71.2 / 60 = 4.7467, so 5 tasks", "from 4 to 5", "128 / 25 a task = 5.12, so 6 tasks"]
    {
        assert!(reasons.iter().any(|reason| reason.as_str().unwrap().contains(part)), "{part}: {answer}");
    }
}

#[test]
fn target_tracking_counts_as_application_auto_scaling_documents() {
    let with_bounds = ONE_TRACKING.replace("min: 0, max: 1000", "min: 2, max: 12");
    let with_cooldown = ONE_TRACKING.replace("} } ]", ", scale_out_cooldown: 300s } } ]");
    let slow_scale_in = ONE_TRACKING.replace("} } ]", ", disable_scale_in: true } } ]");
    let cases = [
        ("1500 messages over 10 tasks at 100 a task want 15", ONE_TRACKING, vec![load(10, 150.0)], vec![15]),
        ("a metric at its target changes nothing", ONE_TRACKING, vec![load(10, 100.0)], vec![10]),
        ("what is wanted is rounded up", ONE_TRACKING, vec![load(10, 101.0)], vec![11]),
        ("no cut that would push it over the target", ONE_TRACKING, vec![load(2, 60.0)], vec![2]),
        ("a metric that is missing changes nothing", ONE_TRACKING, vec![json!({ "desired": 10 })], vec![10]),
        (
            "the running count is multiplied, the desired one compared",
            ONE_TRACKING,
            vec![json!({ "desired": 10, "running": 4, "pending": 6, "metrics": { "Load": 150 } })],
            vec![10],
        ),
        (
            "from zero the smallest amount, then on from what runs",
            ONE_TRACKING,
            vec![load(0, 0.0), load(0, 500.0), load(1, 500.0)],
            vec![0, 1, 5],
        ),
        (
            "a deployment holds scale-in only",
            ONE_TRACKING,
            vec![
                json!({ "desired": 10, "deploying": true, "metrics": { "Load": 60 } }),
                json!({ "desired": 10, "deploying": true, "metrics": { "Load": 150 } }),
            ],
            vec![10, 15],
        ),
        (
            "bounds hold without a metric",
            &with_bounds,
            vec![json!({"desired": 20}), json!({"desired": 1})],
            vec![12, 2],
        ),
        ("bounds end what is wanted", &with_bounds, vec![load(10, 1000.0), load(12, 0.0)], vec![12, 6]),
        (
            "in the scale-out cooldown only a larger need adds, less what was added",
            &with_cooldown,
            vec![load(10, 150.0), load(15, 120.0), load(15, 150.0)],
            vec![15, 15, 18],
        ),
        ("scale-in can be disabled", &slow_scale_in, vec![load(10, 10.0), load(10, 150.0)], vec![10, 15]),
    ];
    for (rule, entry, seen, expected) in cases {
        assert_eq!(desired(entry, &seen), expected, "{rule}");
    }
}

#[test]
fn steps_count_as_application_auto_scaling_documents() {
    let percent = |steps: &str| {
        format!(
            "capacity: {{ min: 0, max: 1000 }}, policies: [ {{ step_scaling: {{ alarm: high, cooldown: 0s, \
             adjustment_type: PercentChangeInCapacity, {steps} }} }} ]"
        )
    };
    let documented = "capacity: { min: 0, max: 1000 }, policies: [
        { step_scaling: { alarm: high, cooldown: 0s, adjustment_type: PercentChangeInCapacity, steps: [
            { lower: 0, upper: 10, change: 0 }, { lower: 10, upper: 20, change: 10 }, { lower: 20, change: 30 } ] } },
        { step_scaling: { alarm: low, cooldown: 0s, adjustment_type: PercentChangeInCapacity, steps: [
            { lower: -10, upper: 0, change: 0 }, { lower: -20, upper: -10, change: -10 }, { upper: -20, change: -30 } ] } } ]";
    let in_cooldown = "capacity: { min: 0, max: 1000 }, policies: [ { step_scaling: { alarm: high, cooldown: 300s,
        adjustment_type: ChangeInCapacity, steps: [ { lower: 0, upper: 10, change: 2 }, { lower: 10, change: 3 } ] } } ]";
    let exact = "capacity: { min: 0, max: 1000 }, policies: [ { step_scaling: { alarm: high,
        adjustment_type: ExactCapacity, steps: [ { lower: 0, change: 7 } ] } } ]";
    let cases = [
        (
            "10, threshold 50: 60 gives 11, 70 gives 14, 40 gives 13, 30 gives 10",
            documented.to_owned(),
            vec![high(10, 60.0), high(11, 70.0), low(14, 40.0), low(13, 30.0)],
            vec![11, 14, 13, 10],
        ),
        ("12.7 is 12", percent("steps: [ { lower: 0, change: 10 } ]"), vec![high(127, 60.0)], vec![139]),
        ("0.67 is 1", percent("steps: [ { lower: 0, change: 1 } ]"), vec![high(67, 60.0)], vec![68]),
        ("-0.58 is -1", percent("steps: [ { lower: 0, change: -1 } ]"), vec![high(58, 60.0)], vec![57]),
        ("-6.67 is -6", percent("steps: [ { lower: 0, change: -1 } ]"), vec![high(667, 60.0)], vec![661]),
        (
            "25 % of 4, but at least 2",
            percent("min_adjustment_magnitude: 2, steps: [ { lower: 0, change: 25 } ]"),
            vec![high(4, 60.0)],
            vec![6],
        ),
        (
            "in the cooldown a larger step adds the difference",
            in_cooldown.to_owned(),
            vec![high(10, 55.0), high(12, 55.0), high(12, 65.0)],
            vec![12, 12, 13],
        ),
        ("an exact count", exact.to_owned(), vec![high(4, 60.0), high(7, 60.0)], vec![7, 7]),
    ];
    for (rule, entry, seen, expected) in cases {
        assert_eq!(desired(&entry, &seen), expected, "{rule}");
    }
}

#[test]
fn behavior_damps_as_the_horizontal_pod_autoscaler_documents() {
    let behaving = |behavior: &str| format!("{ONE_TRACKING}, behavior: {{ {behavior} }}");
    let twice_or_four =
        "scale_out: { policies: [ { percent: 100, period: 15s }, { tasks: 4, period: 15s } ] }";
    let cases = [
        (
            "10 % a minute: 80, 72, 64, for 7.2 removed count as 8",
            behaving("scale_in: { policies: [ { percent: 10, period: 60s } ] }"),
            vec![load(80, 1.0), load(72, 1.0)],
            vec![72, 64],
        ),
        (
            "to twice as many, or 4 more",
            behaving(twice_or_four),
            vec![load(1, 1e5), load(10, 1e5)],
            vec![5, 20],
        ),
        (
            "the tighter of two limits",
            behaving(&twice_or_four.replace("scale_out: {", "scale_out: { select: Min,")),
            vec![load(10, 1e5)],
            vec![14],
        ),
        ("scale-out disabled", behaving("scale_out: { select: Disabled }"), vec![load(10, 150.0)], vec![10]),
        (
            "a tolerance of a tenth",
            behaving("scale_out: { tolerance: 0.1 }, scale_in: { tolerance: 0.1 }"),
            vec![load(100, 109.0), load(100, 111.0), load(100, 95.0), load(100, 89.0)],
            vec![100, 111, 100, 89],
        ),
        (
            "the highest recommendation of five minutes",
            behaving("scale_in: { stabilization: 300s }"),
            (0..6).map(|_| load(10, 50.0)).collect(),
            vec![10, 10, 10, 10, 10, 5],
        ),
    ];
    for (rule, entry, seen, expected) in cases {
        assert_eq!(desired(&entry, &seen), expected, "{rule}");
    }
}

#[test]
fn queues_count_as_keda_documents() {
    let queue_with = |more: &str| format!("{QUEUE}{more} }} }} ]");
    let cases = [
        ("visible and in flight", "", vec![queue(1, 10, 5, 100)], vec![3]),
        ("visible only", ", count_in_flight: false", vec![queue(1, 10, 5, 100)], vec![2]),
        ("delayed as well", ", count_delayed: true", vec![queue(1, 10, 5, 100)], vec![23]),
        ("one message is enough to start", "", vec![queue(0, 0, 0, 0), queue(0, 1, 0, 0)], vec![0, 1]),
        (
            "active beyond the activation threshold, not at it",
            ", activation: 5",
            vec![queue(0, 5, 0, 0), queue(0, 6, 0, 0)],
            vec![0, 2],
        ),
        (
            "the last task goes after five idle minutes",
            ", idle_for: 300s",
            vec![queue(1, 0, 0, 0); 6],
            vec![1, 1, 1, 1, 1, 0],
        ),
        ("a depth that was not seen keeps the count", "", vec![json!({ "desired": 3 })], vec![3]),
    ];
    for (rule, more, seen, expected) in cases {
        assert_eq!(desired(&queue_with(more), &seen), expected, "{rule}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_answered_with_an_error_and_the_next_line_is_read() {
    let good = line(0, load(10, 150.0));
    let deep = "[".repeat(100_000);
    let unreadable: [&[u8]; 7] = [
        b"garbage",
        b"{}",
        b"[1, 2]",
        b"{\"now\": \"yesterday\", \"desired\": 4}",
        b"{\"now\": \"2026-01-01T00:00:30Z\", \"desired\": -4}",
        b"\xff\xfe",
        deep.as_bytes(),
    ];
    for bad in unreadable {
        let outcome = decide_bytes(ONE_TRACKING, &[bad, b"\n\n", good.as_bytes()].concat());
        let shown = String::from_utf8_lossy(&bad[..bad.len().min(60)]);
        let [error, answer] =
            outcome.json_lines().try_into().unwrap_or_else(|lines| panic!("{shown}: {lines:?}"));
        assert!(error["error"].as_str().is_some_and(|error| !error.is_empty()), "{shown}: {error}");
        assert_eq!(answer["desired"], 15, "{shown}");
    }
}

#[test]
fn a_value_that_no_metric_can_have_is_not_observed_and_the_reasons_say_so() {
    let now = r#""now": "2026-01-01T00:01:30Z", "desired": 10"#;
    let queue = format!("{QUEUE} }} }} ]");
    for value in ["NaN", "Infinity", "-Infinity", "-1", "1e300", "1e999"] {
        let cases = [
            (ONE_TRACKING, format!("{{{now}, \"metrics\": {{\"Load\": [[{MIDNIGHT_S}, {value}]]}}}}\n")),
            (
                &queue,
                format!(
                    "{{{now}, \"queues\": {{\"orders\": {{\"visible\": {value}, \"in_flight\": 0}}}}}}\n"
                ),
            ),
        ];
        for (entry, line) in cases {
            let outcome = decide_bytes(entry, line.as_bytes());
            let answer = outcome.json_lines().remove(0);
            assert_eq!(
                (&answer["desired"], &answer["change"]),
                (&json!(10), &json!("hold")),
                "{line}: {answer}"
            );
            let reasons = answer["reasons"].to_string();
            assert!(reasons.contains("not observed"), "{line}: {reasons}");
            assert!(reasons.len() < 500, "{line}: {reasons}");
        }
    }
}

#[test]
fn a_first_line_may_carry_a_fortnight_of_history() {
    let history: Vec<_> = (0..20_000).rev().map(|ago| json!([MIDNIGHT_S - 60 * ago, 150.0])).collect();
    let first = json!({ "now": "2026-01-01T00:01:30Z", "desired": 10, "metrics": { "Load": history } });
    let outcome = decide_bytes(ONE_TRACKING, format!("{first}\n{}", line(1, load(15, 100.0))).as_bytes());
    let counts: Vec<_> = outcome.json_lines().iter().map(|line| line["desired"].as_u64()).collect();
    assert_eq!(counts, [Some(15), Some(15)]);
}

#[test]
fn the_history_of_the_first_line_is_rehearsed_on_when_the_engine_knows_its_tasks() {
    let promise = "capacity: { min: 1, max: 1000 }, policies: [ { service_level: { load_balancer: app/web/1, \
         latency: 300ms, percent: 99.9 } } ]";
    let history: Vec<_> = (1..3000).rev().map(|ago| json!([MIDNIGHT_S - 60 * ago, 6000])).collect();
    let (now, midnight) = ("2026-01-01T00:00:30Z", json!([[MIDNIGHT_S - 120, 50.0]]));
    let metrics = json!({ "RequestCount": history, "ECSServiceAverageCPUUtilization": midnight });
    let first = json!({ "now": now, "desired": 10, "metrics": metrics });
    let later = |minute| line(minute, json!({ "desired": 10, "metrics": { "RequestCount": 6000 } }));
    let outcome = decide_bytes(promise, format!("{first}\n{}{}", later(0), later(1)).as_bytes());
    let rehearsed = |answer: &Value| answer["reasons"].to_string().contains("(rehearsed 2026-01-01T00:0");
    let answers = outcome.json_lines();
    assert!(answers[1..].iter().all(rehearsed), "{answers:#?}");
}

#[test]
fn each_line_is_answered_before_the_next_one_is_written() {
    let folder = folder(ONE_TRACKING);
    let mut command = in_folder(folder.path(), "decide --policy trimtab.yaml --service prod/app");
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = process.stdin.take().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let (sender, answers) = mpsc::channel();
    let reader = std::thread::spawn(move || output.lines().try_for_each(|line| sender.send(line.unwrap())));
    for (minute, expected) in [(0, 15), (1, 15)] {
        input.write_all(line(minute, load(10, 150.0)).as_bytes()).unwrap();
        let answer = answers.recv_timeout(Duration::from_secs(60)).expect("the line is answered at once");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["desired"], expected, "{answer}");
    }
    drop(input);
    assert!(process.wait().unwrap().success());
    reader.join().unwrap().unwrap();
}

#[test]
fn a_policy_file_that_cannot_be_followed_is_told_before_the_first_line() {
    let folder = folder(ONE_TRACKING);
    fs::write(folder.path().join("bad.yaml"), "version: 1\nservices: 7\n").unwrap();
    let cases = [
        ("--policy trimtab.yaml --service prod/other", "no entry of trimtab.yaml is for prod/other"),
        ("--policy bad.yaml --service prod/app", "bad.yaml:2:11: "),
        ("--policy none.yaml --service prod/app", "the file none.yaml cannot be read: "),
    ];
    for (arguments, told) in cases {
        let outcome = run(in_folder(folder.path(), &format!("decide {arguments}")));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{arguments}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{arguments}: {outcome:?}");
    }
}
