//! `trimtab tune`: settings that are searched on the first part of a past, and judged on the rest.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Outcome, command, in_folder, run};

const POLICY: &str = "# The shop.
version: 1
services:
  - service: prod/checkout
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking:
          metric: ECSServiceAverageCPUUtilization
          target: 40     # by feeling
  - service: prod/other
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 40 }
";

/// A folder with the policy file, and the hours of the shipped history in which the shop is busy.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trimtab.yaml"), POLICY).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checkout-history.csv");
    let shipped = fs::read_to_string(shipped).unwrap();
    let busy: Vec<&str> =
        shipped.lines().take(1).chain(shipped.lines().skip(1 + 9 * 12).take(13 * 12)).collect();
    fs::write(folder.path().join("past.csv"), busy.join("\n")).unwrap();
    folder
}

fn tune(folder: &Path, arguments: &str) -> Outcome {
    let line =
        "tune --policy trimtab.yaml --service prod/checkout --from-csv past.csv --fit-share 0.5 --seeds 1";
    run(in_folder(folder, &format!("{line} {arguments}")))
}

#[test]
fn a_cautious_policy_is_made_cheaper_and_keeps_the_promise_on_the_days_that_were_held_out() {
    let folder = folder();
    let text = tune(folder.path(), "--promise 99.5");
    assert_eq!(text.status, 0, "{text:?}");
    for part in
        ["HELD OUT: COST", "today ", "found ", "front ", "Assumed:", "cheaper than today's on the days"]
    {
        assert!(text.stderr.contains(part), "{part}: {text:?}");
    }
    let tuned = folder.path().join("tuned.yaml");
    fs::write(&tuned, &text.stdout).unwrap();
    let check = run(command(&format!("check {}", tuned.display())));
    assert_eq!(check.status, 0, "{check:?}");
    let kept: Vec<&str> = POLICY.lines().filter(|line| !line.contains("by feeling")).collect();
    assert!(kept.iter().all(|line| text.stdout.lines().any(|written| written == *line)), "{}", text.stdout);
    assert!(
        text.stdout.contains("# by feeling") && !text.stdout.contains("target: 40     #"),
        "{}",
        text.stdout
    );

    let data = tune(folder.path(), "--promise 99.5 --json --out out.yaml");
    assert_eq!(data.status, 0, "{data:?}");
    assert_eq!(
        fs::read_to_string(folder.path().join("out.yaml")).unwrap(),
        text.stdout,
        "it is the same again"
    );
    let data = data.json();
    assert_eq!((&data["verdict"], &data["policy"]), (&"cheaper".into(), &text.stdout.into()));
    let held_out = |which: &str, figure: &str| data[which]["held_out"][figure]["mean"].as_f64().unwrap();
    assert!(held_out("found", "usd") < held_out("today", "usd"));
    assert!(99.5 <= held_out("found", "kept_percent"));
    assert!(
        data["found"]["settings"][0].as_str().unwrap().starts_with("policies.0.target_tracking."),
        "{data}"
    );
}

#[test]
fn a_promise_that_no_settings_keep_ends_with_status_1_and_writes_no_policy() {
    let folder = folder();
    let outcome = tune(folder.path(), "--promise 99.5 --latency 100ms --out out.yaml");
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.stderr.contains("no settings keep 99.5 % even on the days that were searched"),
        "{outcome:?}"
    );
    assert!(!folder.path().join("out.yaml").exists());
}

#[test]
fn what_cannot_be_searched_for_is_usage() {
    let folder = folder();
    for (arguments, told) in [
        ("--promise 100", "--promise must be above 0 and below 100"),
        ("--promise 99 --cache x", "cannot be used with"),
        ("", "--promise <PERCENT>"),
    ] {
        let outcome = tune(folder.path(), arguments);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{arguments}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{arguments}: {outcome:?}");
    }
}
