//! The stack that `template.yaml` describes is valid, and its function may do what it needs and nothing else.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use trimtab::aws::OPERATIONS;

/// What Lambda calls in the function's name to hand it messages, beside sqs:GetQueueAttributes.
const POLLER_OPERATIONS: &[&str] = &["sqs:DeleteMessage", "sqs:ReceiveMessage"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn template() -> String {
    fs::read_to_string(root().join("template.yaml")).unwrap()
}

/// A tool of the environment that `tests/setup deploy` makes.
fn tool(name: &str) -> PathBuf {
    let path = root().join("target/venv-deploy/bin").join(name);
    assert!(path.exists(), "{} is missing: run tests/setup deploy", path.display());
    path
}

fn check(command: &mut Command) {
    let output = command.current_dir(root()).env("SAM_CLI_TELEMETRY", "0").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn sam_and_cfn_lint_find_no_fault() {
    check(Command::new(tool("cfn-lint")).args(["template.yaml", "--regions", "eu-central-1", "us-east-1"]));
    check(Command::new(tool("sam")).args(["validate", "--lint", "--region", "eu-central-1"]));
}

#[test]
fn the_role_allows_what_the_function_calls_and_nothing_else() {
    let template = template();
    let is_action = |text: &&str| {
        let name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
        text.split_once(':').is_some_and(|(service, action)| name(service) && name(action))
    };
    let items = template.lines().filter_map(|line| line.trim().strip_prefix("- "));
    let allowed: BTreeSet<&str> = items.filter(is_action).collect();
    assert_eq!(allowed, OPERATIONS.iter().chain(POLLER_OPERATIONS).copied().collect());
}

#[test]
fn a_shard_is_hidden_as_long_as_a_worker_may_take_and_kept_as_long_as_it_is_worth_a_look() {
    let template = template();
    let seconds = |key: &str| -> u32 {
        let (_, after) = template.split_once(&format!(" {key}: ")).unwrap();
        after.split_whitespace().next().unwrap().parse().unwrap()
    };
    let (_, queue) = template.split_once("  ShardQueue:").unwrap();
    assert!(queue.contains("VisibilityTimeout: "), "it is the shard queue's");
    assert!(seconds("Timeout") <= seconds("VisibilityTimeout"));
    let (_, after) = queue.split_once("MessageRetentionPeriod: ").unwrap();
    assert!(after.starts_with("120\n"), "two ticks");
}

#[test]
fn every_action_is_allowed_by_its_own_name() {
    for line in template().lines() {
        assert!(!line.trim_start().starts_with("- ") || !line.trim_end().ends_with(":*"), "{line}");
    }
}

#[test]
fn services_are_updated_in_the_clusters_of_the_parameter_alone() {
    let template = template();
    let (_, after) = template.split_once("Sid: ScaleServicesOfTheClusters").unwrap();
    let (statement, _) = after.split_once("- Sid:").unwrap();
    assert!(statement.contains("ecs:UpdateService"), "{statement}");
    assert!(statement.contains("ecs:cluster:"), "{statement}");
    assert!(statement.contains("!Ref Clusters"), "{statement}");
    assert_eq!(template.matches("- ecs:UpdateService").count(), 1);
}
