//! `trimtab simulate` and `trimtab demo`: the embedded cloud on the command line.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use super::{Outcome, in_folder, run};

const WEB: &str = "  - service: prod/web
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
";
const WORKER: &str = "  - service: prod/worker
    capacity: { min: 0, max: 60 }
    policies:
      - queue: { queue: orders, start_within: 3m }
";

/// A folder with a policy file for a web service and one for two services, and half an hour of load.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut load = "t,rate\n".to_owned();
    for minute in 0..30 {
        writeln!(load, "{},{}", minute * 60, if minute < 10 { 10 } else { 30 }).unwrap();
    }
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("load.csv", &load);
    file("web.yaml", &format!("version: 1\nservices:\n{WEB}"));
    file("both.yaml", &format!("version: 1\nservices:\n{WEB}{WORKER}"));
    folder
}

fn succeeded(folder: &Path, line: &str) -> Outcome {
    let outcome = run(in_folder(folder, line));
    assert_eq!(outcome.status, 0, "{line}: {outcome:?}");
    assert!(!outcome.stdout.contains('\u{1b}'), "{line}: no colours through a pipe");
    outcome
}

#[test]
fn a_trace_is_simulated_and_told_as_a_chart_with_a_table_and_as_data() {
    let folder = folder();
    let line = "simulate --policy both.yaml --trace load.csv --service prod/";
    for (service, unit) in [("web", "requests"), ("worker", "messages")] {
        let text = succeeded(folder.path(), &format!("{line}{service}"));
        for part in [&format!("{unit}/s"), "PROMISE", "KEPT", "CHANGES", "TASK-HOURS", "COST"] {
            assert!(text.stdout.contains(part), "{part}: {text:?}");
        }
        let data = succeeded(folder.path(), &format!("{line}{service} --json")).json();
        assert_eq!(data["timeline"]["unit"], unit);
        assert_eq!(data["timeline"]["samples"].as_array().map(Vec::len), Some(30));
        assert_eq!(data["score"]["service"], format!("prod/{service}"));
        assert!(0 < data["score"]["actions"].as_u64().unwrap(), "{}", data["score"]);
        let kept = data["score"]["promise"]["kept_percent"].as_f64().unwrap();
        assert!(text.stdout.contains(&format!("{kept:.2} %")), "{kept}: {text:?}");
    }
}

#[test]
fn peers_are_set_beside_it_as_a_table_as_data_and_as_a_page() {
    let folder = folder();
    let line = "simulate --policy both.yaml --trace load.csv --tasks 4 --start 30,50 --compare aas,keda";
    for (service, peer, left_out) in [
        ("web", "AAS target tracking", "KEDA SQS cannot steer this service on this load and is left out\n"),
        ("worker", "KEDA SQS", ""),
    ] {
        let line = format!("{line} --service prod/{service} --report page.html");
        let text = succeeded(folder.path(), &line);
        for part in ["SCALER", "OVER BOUND", "trimtab", peer, "bound", "hindsight"] {
            assert!(text.stdout.contains(part), "{part}: {text:?}");
        }
        assert_eq!(text.stderr, format!("{left_out}The page with the plots: page.html\n"));
        let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
        assert!(page.contains(peer) && page.contains(&format!("prod/{service} on load")), "{page:.200}");

        let data = succeeded(folder.path(), &format!("{line} --json")).json();
        let comparison = &data["comparison"];
        let bound = comparison["bound"]["task_hours"].as_f64().unwrap();
        let paid = comparison["trimtab"]["cost"]["task_hours"].as_f64().unwrap();
        assert!(0.0 < bound && bound < paid, "{comparison}");
        assert_eq!(data["score"]["cost"], comparison["trimtab"]["cost"], "the loop is the controller's");
        assert!(1 < comparison["peers"][0]["settings"].as_array().unwrap().len());
    }
}

#[test]
fn a_folder_of_loads_is_compared_and_told_as_a_table_as_data_and_as_markdown() {
    let folder = folder();
    fs::create_dir(folder.path().join("loads")).unwrap();
    fs::copy(folder.path().join("load.csv"), folder.path().join("loads/shop.csv")).unwrap();
    let line = "compare loads --days 1 --tasks 2 --markdown quality.md";
    let text = succeeded(folder.path(), line);
    for part in ["shop", "http: promise kept in", "queue: promise kept in", "OF ITS COST"] {
        assert!(text.stdout.contains(part), "{part}: {text:?}");
    }
    let page = fs::read_to_string(folder.path().join("quality.md")).unwrap();
    for part in ["trimtab compare DIR --days 1 --tasks 2", "| shop | 2 |", "| trimtab | the policy below |"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let data = succeeded(folder.path(), &format!("{line} --json")).json();
    assert_eq!((&data[0]["kind"], &data[1]["kind"]), (&"http".into(), &"queue".into()));
    assert_eq!(fs::read_to_string(folder.path().join("quality.md")).unwrap(), page, "the same again");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let folder = folder();
    let simulate = |seed| {
        succeeded(folder.path(), &format!("simulate --policy web.yaml --trace load.csv --json {seed}"))
    };
    assert_eq!(simulate("").stdout, simulate("--seed 1").stdout);
    assert_ne!(simulate("").stdout, simulate("--seed 2").stdout);
}

#[test]
fn a_simulation_that_cannot_be_is_told_what_is_missing() {
    let folder = folder();
    fs::write(folder.path().join("bad.csv"), "t,rate\n0,10\n60,lots\n").unwrap();
    let cases = [
        ("--policy both.yaml --trace load.csv", 2, "name one: --service cluster/service"),
        (
            "--policy web.yaml --trace load.csv --service prod/other",
            1,
            "no entry of web.yaml is for prod/other",
        ),
        ("--policy web.yaml --trace bad.csv", 1, "bad.csv: "),
        ("--policy web.yaml --trace none.csv", 1, "the file none.csv cannot be read: "),
        ("--policy load.csv --trace load.csv", 1, "load.csv is not valid"),
        ("--policy web.yaml --trace load.csv --days 0", 2, "--days must be above 0, not 0"),
        ("--policy web.yaml --trace load.csv --tasks 1e9", 1, "no service has more than 100000"),
    ];
    for (arguments, status, told) in cases {
        let outcome = run(in_folder(folder.path(), &format!("simulate {arguments}")));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{arguments}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{arguments}: {outcome:?}");
    }
}

#[test]
fn a_folder_without_loads_is_told() {
    let folder = folder();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (arguments, told) in
        [("empty", "the folder empty has no CSV file"), ("none", "the folder none cannot be read: ")]
    {
        let outcome = run(in_folder(folder.path(), &format!("compare {arguments}")));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""), "{arguments}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{arguments}: {outcome:?}");
    }
}

#[test]
fn the_demo_draws_a_day_writes_its_page_and_is_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let line = "demo --report page.html --picture day.svg";
    let text = succeeded(folder.path(), line);
    for service in ["prod/web", "prod/orders-worker", "prod/reports"] {
        assert!(text.stdout.contains(service), "{service}: {text:?}");
    }
    assert_eq!(text.stderr, "The page with the plots: page.html\n");
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("prod/orders-worker"), "{page:.200}");
    assert!(fs::read_to_string(folder.path().join("day.svg")).unwrap().starts_with("<svg"));
    assert_eq!(succeeded(folder.path(), line).stdout, text.stdout);

    let data = succeeded(folder.path(), "demo --json").json();
    assert_eq!(data["timelines"].as_array().map(Vec::len), Some(3));
    assert_eq!(data["scores"].as_array().map(Vec::len), Some(3));
    assert!(folder.path().join("trimtab-demo.html").exists(), "the page has a name of its own");
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = in_folder(folder.path(), "demo");
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    let output = process.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn a_page_that_cannot_be_written_is_a_fault_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(in_folder(folder.path(), "demo --report no/such/folder.html"));
    assert_eq!(outcome.status, 3);
    assert!(
        outcome.stderr.starts_with("error: the file no/such/folder.html cannot be written: "),
        "{outcome:?}"
    );
}
