//! What a tick over a fleet asks of AWS: as few calls as their sizes allow, and the counts that the fleet needs.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{TICK, ask};
use crate::fake_aws::{Conduct, Counts, Entries, FakeAws, FleetSize};
use crate::support::REGION;
use crate::support::runtime_api::Function;

/// A fleet, and the function that steers it.
struct Steered {
    aws: FakeAws,
    function: Function,
    _folder: TempDir,
}

impl Steered {
    async fn new(size: FleetSize, unprocessed_every: u64) -> Self {
        let conduct = Conduct { latency: Duration::ZERO, throttles: true, unprocessed_every, events: 2 };
        let aws = FakeAws::start(0, size, conduct).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("trimtab.yaml");
        fs::write(&policy, aws.policy()).unwrap();
        let function = Function::start(&[
            ("TRIMTAB_POLICY", policy.to_str().unwrap()),
            ("TRIMTAB_STATE", "dynamodb:trimtab"),
            ("AWS_ENDPOINT_URL", &aws.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ])
        .await;
        Self { aws, function, _folder: folder }
    }

    /// A tick that nothing goes wrong with, and what it asked.
    async fn tick(&mut self) -> (Value, Counts) {
        self.aws.reset();
        let answer = ask(&mut self.function, TICK).await;
        let counts = self.aws.counts();
        assert_eq!((&counts.throttled, &counts.refused), (&BTreeMap::new(), &BTreeMap::new()));
        (answer, counts)
    }
}

fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    calls.into_iter().map(|(operation, count)| (operation.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_fleet_is_seen_in_full_batches_and_set_where_its_load_changed() {
    let size = FleetSize { services: 620, workers: 10, stepped: 10, entries: Entries::Literal };
    let mut steered = Steered::new(size, 0).await;

    let (answer, counts) = steered.tick().await;
    assert_eq!(answer["decisions"].as_array().map(Vec::len), Some(620));
    let first = calls([
        ("cloudwatch:DescribeAlarms", 1),
        ("cloudwatch:GetMetricData", 2),
        ("dynamodb:BatchGetItem", 7),
        ("dynamodb:PutItem", 620),
        ("ecs:DescribeServices", 62),
        ("sqs:GetQueueAttributes", 10),
        ("sqs:GetQueueUrl", 10),
    ]);
    assert_eq!(counts.calls, first);
    assert_eq!((counts.metrics, counts.described), (600, 620));

    let before = steered.aws.desired_counts();
    let needed = steered.aws.change(0.05);
    assert_eq!(needed.len(), 31);
    let (_, counts) = steered.tick().await;
    assert_eq!(counts.calls["ecs:UpdateService"], 31);
    let after: BTreeMap<String, u32> = before.into_iter().chain(needed).collect();
    assert_eq!(steered.aws.desired_counts(), after);

    let (_, counts) = steered.tick().await;
    assert_eq!(counts.calls.get("ecs:UpdateService"), None, "nothing changed since");
    assert_eq!(counts.calls.get("sqs:GetQueueUrl"), None, "the URLs of queues are remembered");
}

#[tokio::test]
async fn a_pattern_is_listed_in_full_pages_and_keys_that_were_left_are_read_again() {
    let size = FleetSize { services: 320, workers: 0, stepped: 0, entries: Entries::Glob };
    let mut steered = Steered::new(size, 2).await;

    let (answer, counts) = steered.tick().await;
    assert_eq!(answer["decisions"].as_array().map(Vec::len), Some(320));
    assert_eq!((counts.calls["ecs:ListClusters"], counts.calls["ecs:ListServices"]), (1, 4));
    // Four calls and then one for the key that each second call left, of which the last is a second call no more.
    assert_eq!(counts.calls["dynamodb:BatchGetItem"], 7);

    let (answer, counts) = steered.tick().await;
    assert_eq!(answer["decisions"].as_array().map(Vec::len), Some(320));
    assert_eq!(counts.calls.get("ecs:ListServices"), None, "the listing is kept for some minutes");
}
