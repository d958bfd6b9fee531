//! Where the policy file comes from, and where log and metrics go.

use serde_json::Value;

use super::{TICK, TRACKING, ask, decided};
use crate::world::{World, bucket, upload};

#[tokio::test]
async fn a_policy_file_in_s3_is_followed_and_so_is_its_next_version() {
    let world = World::new("policy-in-s3").await;
    world.service("checkout", 4).await;
    let key = "prod/trimtab.yaml";
    let s3 = bucket("policy-in-s3").await;
    let mut function =
        world.function_with(&[("TRIMTAB_POLICY", "s3://policy-in-s3/prod/trimtab.yaml")]).await;

    for (min, expected) in [("5", (4, 5, true)), ("8", (5, 8, true))] {
        let policy = TRACKING.replace("min: 1", &format!("min: {min}"));
        upload(&s3, "policy-in-s3", key, world.named(&policy).as_bytes()).await;
        assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), expected);
    }
}

#[tokio::test]
async fn a_policy_file_in_a_parameter_is_followed() {
    let world = World::new("policy-in-ssm").await;
    world.service("checkout", 4).await;
    let policy = world.named(&TRACKING.replace("min: 1", "min: 5"));
    world.put_parameter("/policy-in-ssm/trimtab", &policy).await;
    let mut function = world.function_with(&[("TRIMTAB_POLICY", "ssm:/policy-in-ssm/trimtab")]).await;

    assert_eq!(decided(&ask(&mut function, TICK).await, "checkout"), (4, 5, true));
}

#[tokio::test]
async fn a_change_is_one_line_of_the_log_and_one_count_in_the_metrics() {
    let world = World::new("logged").await;
    world.service("checkout", 4).await;
    world.cpu("checkout", 90.0).await;
    let mut function = world.function(TRACKING).await;
    ask(&mut function, TICK).await;

    let lines = function.stdout().await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();

    let decisions: Vec<_> = lines.iter().filter(|line| line["message"] == "decision").collect();
    assert_eq!(decisions.len(), 1, "{lines:?}");
    assert_eq!(decisions[0]["service"], "logged/checkout");
    assert_eq!((&decisions[0]["from"], &decisions[0]["to"]), (&4.into(), &6.into()));
    let metrics: Vec<_> = lines.iter().filter(|line| line.get("_aws").is_some()).collect();
    assert_eq!(metrics.len(), 1, "{lines:?}");
    assert_eq!(metrics[0]["ScaleOut"], 1, "{}", metrics[0]);
}
