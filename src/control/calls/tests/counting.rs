//! What is counted.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::aws::Aws;
use super::{describe, service, update};
use crate::control::calls::Usage;
use crate::control::ports::PortErrorKind::Transient;
use crate::control::ports::{MetricQuery, StoreError, Versioned};
use crate::control::trigger::Shard;
use crate::model::memory::PendingChange;
use crate::model::metric::{MetricExpression, MetricTerm};
use crate::model::{Memory, MetricSource, MetricStat, ServiceId};

fn stat(name: &str) -> MetricStat {
    MetricStat::new("MyApp", name, [], "Sum")
}

fn query(source: MetricSource, period_s: u64) -> MetricQuery {
    MetricQuery { source, period: Duration::from_secs(period_s), points: 5 }
}

/// A memory whose item is of about so many bytes.
fn memory(bytes: usize) -> Memory {
    let policies = vec!["x".repeat(bytes).into()];
    let pending = PendingChange { at: Timestamp::UNIX_EPOCH, from: 2, to: 4, policies };
    Memory { pending: Some(pending), ..Memory::default() }
}

#[test]
fn every_attempt_counts_under_the_name_of_its_permission() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.fail("sqs:GetQueueAttributes", [Transient]);
    aws.run(async {
        describe(ports).await;
        update(ports, "web").await;
        ports.ecs.list_clusters().await.unwrap();
        ports.cloudwatch.describe_alarms(&["high".to_owned()]).await.unwrap();
        ports.sqs.queue_depth("orders").await.unwrap();
        let shards = ["web", "api"].map(|name| Shard::by_hand(vec![ServiceId::new("prod", name)]));
        ports.shards.as_ref().unwrap().send(&shards).await.unwrap();
    });
    let used = calls.used();
    let expected = BTreeMap::from([
        ("cloudwatch:DescribeAlarms", 1),
        ("ecs:DescribeServices", 1),
        ("ecs:ListClusters", 1),
        ("ecs:UpdateService", 1),
        ("sqs:GetQueueAttributes", 2),
        ("sqs:SendMessage", 1),
    ]);
    assert_eq!((used.calls, used.retries), (expected, 1));
}

#[test]
fn what_one_trigger_used_is_the_difference_of_two_counts() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(async {
        describe(ports).await;
        update(ports, "web").await;
        let before = calls.used();
        describe(ports).await;
        assert_eq!(calls.used().since(&before).calls, BTreeMap::from([("ecs:DescribeServices", 1)]));
        assert_eq!(before.since(&before), Usage::default());
    });
}

#[test]
fn a_listing_counts_a_call_for_each_hundred_names_and_those_after_it_wait_for_its_pages() {
    for (services, pages) in [(0, 1), (100, 1), (101, 2), (1000, 10)] {
        let (aws, calls) = Aws::new();
        let ports = &calls.ports();
        aws.state().services = services;
        aws.run(async {
            ports.ecs.list_services("prod").await.unwrap();
            join_all((0..95).map(|_| describe(ports))).await;
        });
        assert_eq!(calls.used().calls["ecs:ListServices"], pages, "{services} services");
        assert_eq!(aws.elapsed_ms(), u128::from(pages) * 50, "{services} services");
    }
}

#[test]
fn metrics_count_by_the_metric_and_their_calls_by_the_period() {
    let entry = |id: &str, term| MetricExpression { id: id.to_owned(), term, return_data: id == "e" };
    let ratio = MetricSource::Math(vec![
        entry("a", MetricTerm::Stat(stat("A"))),
        entry("b", MetricTerm::Stat(stat("B"))),
        entry("e", MetricTerm::Expression("a / b".to_owned())),
    ]);
    let insight = MetricTerm::Expression("SELECT AVG(A) FROM MyApp".to_owned());
    let one = |period| query(MetricSource::Stat(stat("A")), period);
    // (case, queries, metrics, calls)
    let cases = [
        ("a statistic", vec![one(60)], 1, 1),
        ("a full call", vec![one(60); 500], 500, 1),
        ("two periods", vec![one(60), one(20)], 2, 2),
        ("math: the metrics in it", vec![query(ratio.clone(), 60)], 2, 1),
        ("math: three entries each", vec![query(ratio, 60); 200], 400, 2),
        ("an expression alone", vec![query(MetricSource::Math(vec![entry("e", insight)]), 60)], 1, 1),
    ];
    for (case, queries, metrics, count) in cases {
        let (aws, calls) = Aws::new();
        let now = aws.in_ms(0);
        aws.run(calls.ports().cloudwatch.get_metric_data(&queries, now)).unwrap();
        let used = calls.used();
        assert_eq!((used.metrics, used.calls["cloudwatch:GetMetricData"]), (metrics, count), "{case}");
    }
}

#[test]
fn reads_and_writes_of_dynamodb_count_by_the_size_of_their_items() {
    let (aws, calls) = Aws::new();
    aws.state().is_dynamodb = true;
    let ids: Vec<_> = (0..30).map(|number| service(&number.to_string())).collect();
    let stored = |bytes| Versioned { version: 1, memory: memory(bytes) };
    aws.state().memories = ids.iter().take(20).map(|id| (id.clone(), stored(5000))).collect();
    let states = calls.ports().states;
    aws.run(async {
        states.load(&ids).await.unwrap();
        states.store(&ids[0], Some(1), &memory(100)).await.unwrap();
        states.store(&ids[1], Some(1), &memory(2000)).await.unwrap();
        let outcome = states.store(&ids[2], Some(7), &memory(100)).await;
        assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
    });
    let used = calls.used();
    assert_eq!(used.read_units, 20 * 2 + 10, "two for 5 KB, and one for an item that is not there");
    assert_eq!(used.write_units, 1 + 3 + 1, "one for each KB begun, also of a write that was refused");
    let expected = BTreeMap::from([("dynamodb:BatchGetItem", 1), ("dynamodb:PutItem", 3)]);
    assert_eq!((used.calls, used.retries), (expected, 0), "a conflict is not tried again");
}

#[test]
fn what_is_no_call_to_aws_is_not_counted() {
    for (place, counted) in [
        ("s3://bucket/key", Some("s3:GetObject")),
        ("ssm:/policy", Some("ssm:GetParameter")),
        ("trimtab.yaml", None),
    ] {
        let (aws, calls) = Aws::new();
        aws.state().policy_place = place.to_owned();
        aws.run(async {
            calls.ports().policy.fetch(None).await.unwrap();
            calls.ports().states.load(&[service("web")]).await.unwrap();
        });
        let expected = counted.map(|operation| (operation, 1)).into_iter().collect();
        assert_eq!(calls.used().calls, expected, "a policy at {place}, and memories of this process");
    }
}
