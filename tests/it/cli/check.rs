//! `trimtab check` and `trimtab schema`.

use std::fs;

use serde_json::json;

use super::{command, in_folder, run};

const GOOD: &str = "version: 1
services:
  - service: prod/checkout
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
  - service: prod/worker-*
    capacity: { min: 0, max: 40 }
    policies:
      - queue: { queue: orders, start_within: 60s }
";

#[test]
fn a_good_policy_file_is_told_with_what_it_is_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.yaml"), GOOD).unwrap();

    let text = run(in_folder(folder.path(), "check good.yaml"));
    assert_eq!((text.status, text.stderr.as_str()), (0, ""), "{text:?}");
    assert_eq!(text.stdout, "SERVICE        LINE\nprod/checkout     3\nprod/worker-*     7\n");

    let data = run(in_folder(folder.path(), "check good.yaml --json"));
    let entries = json!([
        { "service": "prod/checkout", "line": 3 },
        { "service": "prod/worker-*", "line": 7 },
    ]);
    assert_eq!(data.status, 0, "{data:?}");
    assert_eq!(data.json(), json!({ "valid": true, "entries": entries, "problems": [] }));
}

#[test]
fn a_bad_policy_file_is_answered_with_status_1_and_every_problem_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let bad = GOOD.replace("min: 2", "mni: 2").replace("start_within: 60s", "start_within: 60");
    fs::write(folder.path().join("bad.yaml"), bad).unwrap();

    let text = run(in_folder(folder.path(), "check bad.yaml"));
    assert_eq!(text.status, 1);
    insta::assert_snapshot!(format!("{text:?}"));

    let data = run(in_folder(folder.path(), "--json check bad.yaml"));
    assert_eq!((data.status, data.json()["valid"].as_bool()), (1, Some(false)), "{data:?}");
    let problems = data.json()["problems"].as_array().unwrap().clone();
    assert_eq!(problems.len(), text.stdout.lines().count());
    for (problem, line) in problems.iter().zip(text.stdout.lines()) {
        assert!(line.starts_with(&format!("bad.yaml:{}:{}: ", problem["line"], problem["column"])), "{line}");
        assert!(line.contains(problem["message"].as_str().unwrap()), "{line}");
    }
}

#[test]
fn a_policy_file_that_is_not_there_is_named() {
    let outcome = run(command("check nowhere/trimtab.yaml"));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, ""));
    assert!(
        outcome.stderr.starts_with("error: the file nowhere/trimtab.yaml cannot be read: "),
        "{outcome:?}"
    );
}

#[test]
fn the_schema_is_a_json_schema_of_the_policy_file() {
    let outcome = run(command("schema"));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let schema = outcome.json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["services"].is_object(), "{schema}");
}
