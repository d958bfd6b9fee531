//! `trimtab backtest`: a service's own past, from the local AWS and from files.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use trimtab::aws::SystemClock;
use trimtab::control::ports::Clock as _;

use super::unreachable::cut_off;
use super::{Outcome, in_folder, in_world, run};
use crate::world::World;

const POLICY: &str = "version: 1
services:
  - service: $CLUSTER/web
    capacity: { min: 1, max: 20 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn history() -> PathBuf {
    root().join("docs/checkout-history.csv")
}

fn in_root(line: &str) -> Outcome {
    run(in_folder(root(), line))
}

/// A world with a service of three tasks that were 50 per cent busy in the hour before a moment, and that moment.
async fn an_hour(cluster: &str) -> (World, String) {
    let world = World::new(cluster).await;
    let now = SystemClock.now().as_second();
    let until = Timestamp::from_second(now - now % 60 - 600).unwrap();
    for minute in 1..=60 {
        let at = until.checked_sub(SignedDuration::from_mins(minute)).unwrap();
        world.cpu_at("web", at, &[45.0, 50.0, 55.0]).await;
    }
    world.file("trimtab.yaml", POLICY);
    (world, format!("backtest --policy trimtab.yaml --days 1 --until {until} --cache past.csv --seeds 1"))
}

#[tokio::test]
async fn a_past_is_read_from_cloudwatch_once_and_kept_as_a_load_trace() {
    let (world, line) = an_hour("cli-backtest").await;
    let first = run(in_world(&world, &format!("{line} --json")));
    assert_eq!(first.status, 0, "{first:?}");
    let data = first.json();
    assert_eq!((&data["service"], &data["unit"]), (&"cli-backtest/web".into(), &"work".into()));
    assert!((data["peak_rate"].as_f64().unwrap() - 1.5).abs() < 1e-9, "3 tasks at 50 per cent: {data}");
    let measured = &data["happened"]["measured"];
    assert!((measured["task_hours"].as_f64().unwrap() - 3.0).abs() < 1e-9, "{measured}");

    let kept = fs::read_to_string(world.folder().join("past.csv")).unwrap();
    assert_eq!(kept.lines().count(), 1 + 1440);
    assert!(kept.lines().last().unwrap().contains(",1.5,3,,50,,,,,work,cli-backtest/web"), "{kept:.200}");

    let again = run(cut_off(world.folder(), &format!("{line} --json")));
    assert_eq!((again.status, again.stdout), (0, first.stdout), "what is kept is not asked for again");
    let simulated = run(in_folder(world.folder(), "simulate --policy trimtab.yaml --trace past.csv --json"));
    assert_eq!(simulated.status, 0, "{simulated:?}");
}

#[tokio::test]
async fn an_interrupted_read_goes_on_where_it_stopped() {
    let (world, line) = an_hour("cli-interrupted").await;
    assert_eq!(run(in_world(&world, &line)).status, 0);
    let path = world.folder().join("past.csv");
    let whole = fs::read_to_string(&path).unwrap();
    let half: String = whole.split_inclusive('\n').take(700).collect();
    fs::write(&path, &half).unwrap();

    let failed = run(cut_off(world.folder(), &line));
    assert_eq!((failed.status, failed.stdout.as_str()), (3, ""), "{failed:?}");
    assert!(failed.stderr.contains("cloudwatch:GetMetricData failed"), "{failed:?}");
    assert!(
        failed.stderr.contains("hint: what was read is in past.csv; the same command goes on"),
        "{failed:?}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), half);

    assert_eq!(run(in_world(&world, &line)).status, 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
}

#[tokio::test]
async fn a_service_that_cloudwatch_knows_nothing_of_is_told() {
    let world = World::new("cli-nothing").await;
    world.file("trimtab.yaml", POLICY);
    let outcome = run(in_world(&world, "backtest --policy trimtab.yaml --days 1"));
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("there was no load on cli-nothing/web"), "{outcome:?}");
    assert!(world.folder().join("trimtab-history/cli-nothing/web.csv").exists(), "it has a place of its own");
}

#[test]
fn a_past_from_a_file_is_replayed_under_policies_and_told_as_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.yaml");
    fs::write(
        &other,
        "version: 1
services:
  - service: prod/checkout
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 30 }
      - step_scaling: { alarm: high, steps: [{ lower: 0, change: 1 }] }
",
    )
    .unwrap();
    let line = format!(
        "backtest --policy docs/examples/web-service.yaml --against {} --from-csv {} --seeds 1",
        other.display(),
        history().display()
    );
    let text = in_root(&line);
    assert_eq!(text.status, 0, "{text:?}");
    for part in [
        "prod/checkout: 2.0 days from 2026-01-05 00:00 UTC",
        "A task takes 18.87 a second (learned from the 288 busier intervals",
        "Judged by: 99.5 % of requests within 300 ms",
        "what happened ",
        "docs/examples/web-service.yaml ",
        "Measured: 323.3 task-hours of running tasks, 69 changes.",
        "Assumed:\n",
        "other.yaml costs ",
    ] {
        assert!(text.stdout.contains(part), "{part}: {text:?}");
    }
    assert!(
        text.stderr.contains("step_scaling(high) is left out: the history does not tell when"),
        "{text:?}"
    );

    let data = in_root(&format!("{line} --json")).json();
    let cost = |row: &Value| row["usd"]["mean"].as_f64().unwrap();
    assert!(
        cost(&data["policies"][0]) < cost(&data["policies"][1]),
        "a target of 30 per cent is dear: {data}"
    );
    assert_eq!(data["per_task"]["from"], "utilisation");
    assert!(data["peers"].is_null());
    for row in data["policies"].as_array().unwrap().iter().chain([&data["happened"]]) {
        assert!(99.0 < row["kept_percent"]["mean"].as_f64().unwrap(), "{row}");
    }
}

#[test]
fn the_example_of_the_documentation_is_what_is_written() {
    let page = fs::read_to_string(root().join("docs/backtest.md")).unwrap();
    let (_, example) = page.split_once("$ trimtab ").unwrap();
    let (line, output) = example.split_once('\n').unwrap();
    let (output, _) = output.split_once("...\n").unwrap();
    let outcome = in_root(line);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert!(outcome.stdout.starts_with(output), "{outcome:?}");
}

#[test]
fn what_is_not_told_by_the_past_can_be_given() {
    let line = format!(
        "backtest --policy docs/examples/web-service.yaml --from-csv {} --seeds 1 --json",
        history().display()
    );
    let data = |more: &str| {
        let outcome = in_root(&format!("{line} {more}"));
        assert_eq!(outcome.status, 0, "{more}: {outcome:?}");
        outcome.json()
    };
    let hours = |data: &Value| data["policies"][0]["task_hours"]["mean"].as_f64().unwrap();
    let usual = data("");
    let strong = data("--per-task 40");
    assert_eq!(strong["per_task"]["from"], "given");
    assert!(hours(&strong) < 0.7 * hours(&usual), "{} {}", hours(&strong), hours(&usual));
    let dear = data("--vcpu 1 --memory-gb 2");
    let usd = |data: &Value| data["policies"][0]["usd"]["mean"].as_f64().unwrap();
    assert!((usd(&dear) / usd(&usual) - 2.0).abs() < 1e-9);
    let promise = data("--promise 99.99 --latency 400ms");
    assert_eq!(promise["promise"], "99.99 % of requests within 400 ms");
}

#[test]
fn a_past_that_cannot_be_is_told_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("web.yaml", &POLICY.replace("$CLUSTER", "prod"));
    file("idle.csv", "t,rate\n0,0\n60,0\n");
    file("other.csv", "t,rate,service\n0,1,prod/api\n60,1,prod/api\n");
    file("bad.csv", "t,rate\n0,1\n60,many\n");
    let cases = [
        ("--from-csv idle.csv", 1, "there was no load on prod/web in all of its history"),
        ("--from-csv other.csv", 1, "other.csv is the history of prod/api, not of prod/web"),
        ("--from-csv bad.csv", 1, "bad.csv is not a load trace"),
        ("--from-csv none.csv", 1, "the file none.csv cannot be read"),
        ("--from-csv idle.csv --days 3", 2, "cannot be used with"),
        ("--days 15", 2, "15 is not in 1..=14"),
        ("--until 2020-01-01T00:00:00Z", 1, "CloudWatch keeps points of one minute for 15 days only"),
        ("--from-csv other.csv --service prod/api", 1, "no entry of web.yaml is for prod/api"),
    ];
    for (arguments, status, told) in cases {
        let outcome = run(in_folder(folder.path(), &format!("backtest --policy web.yaml {arguments}")));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{arguments}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{arguments}: {outcome:?}");
    }
    file("load.csv", "t,rate\n0,10\n60,10\n");
    for arguments in ["--per-task 0", "--vcpu -1", "--memory-gb nan", "--promise 100"] {
        let line = format!("backtest --policy web.yaml --from-csv load.csv {arguments}");
        let outcome = run(in_folder(folder.path(), &line));
        assert_eq!(outcome.status, 2, "{arguments}: {outcome:?}");
    }
}
