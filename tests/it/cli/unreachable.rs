//! Commands when AWS cannot be reached, and when there is nobody to be.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::{in_folder, run};

const POLICY: &str = "version: 1
services:
  - service: prod/web
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
";

/// A command for which AWS is at an address where nothing listens any more.
pub(super) fn cut_off(folder: &Path, line: &str) -> Command {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = in_folder(folder, line);
    command.env("AWS_ENDPOINT_URL", format!("http://{closed}")).env("AWS_MAX_ATTEMPTS", "1");
    command.env("AWS_REGION", "eu-central-1");
    command.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

#[test]
fn every_command_that_needs_aws_ends_with_status_3_and_says_which_call_failed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trimtab.yaml"), POLICY).unwrap();
    fs::write(folder.path().join("tick.json"), r#"{"action": "tick"}"#).unwrap();
    let decision =
        r#"{"timestamp":"2026-11-23T12:00:00Z","message":"decision","service":"prod/web","from":4,"to":6}"#;
    fs::write(folder.path().join("log.json"), decision).unwrap();
    let cases = [
        ("clusters", "ecs:ListClusters failed"),
        ("services", "ecs:ListClusters failed"),
        ("services prod", "ecs:ListServices failed"),
        ("scale prod/web 3", "ecs:DescribeServices failed"),
        ("import --all", "application-autoscaling:DescribeScalableTargets failed"),
        (
            "shadow-report --decisions log.json --real aas",
            "application-autoscaling:DescribeScalingActivities failed",
        ),
        ("shadow-report --decisions log.json --real ecs", "cloudwatch:GetMetricData failed"),
        ("plan", "ecs:DescribeServices failed"),
        ("plan --json", "ecs:DescribeServices failed"),
        ("plan --policy s3://bucket/trimtab.yaml", "s3:GetObject failed: s3://bucket/trimtab.yaml"),
        ("plan --policy ssm:/trimtab/policy", "ssm:GetParameter failed: ssm:/trimtab/policy"),
        ("invoke tick.json", "ecs:DescribeServices failed"),
    ];
    for (line, call) in cases {
        let outcome = run(cut_off(folder.path(), line));
        assert_eq!(outcome.status, 3, "{line}: {outcome:?}");
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(told.contains(&format!("{call}: the request could not be sent")), "{line}: {outcome:?}");
    }
}

#[test]
fn settings_and_files_that_cannot_be_followed_are_told_before_aws_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trimtab.yaml"), POLICY).unwrap();
    fs::write(folder.path().join("tock.json"), r#"{"action": "tock"}"#).unwrap();
    let cases = [
        ("plan --policy other.yaml", "", 1, "there is no policy file other.yaml"),
        ("plan --policy s3://bucket", "", 2, "write s3://bucket/key"),
        ("plan", "redis", 2, "TRIMTAB_STATE is \"redis\": write dynamodb:TABLE or memory"),
        ("invoke tick.json", "", 1, "the file tick.json cannot be read: "),
        ("invoke tock.json", "", 1, "tock.json: \"tock\" is not an action (did you mean \"tick\"?)"),
        ("plan --event tock.json", "", 1, "tock.json: \"tock\" is not an action"),
    ];
    for (line, state, status, told) in cases {
        let mut command = cut_off(folder.path(), line);
        command.env("TRIMTAB_STATE", state);
        let outcome = run(command);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{line}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{line}: {outcome:?}");
    }
}
