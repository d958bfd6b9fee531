//! Amazon CloudWatch.

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricDatum, StateValue, Statistic};
use jiff::Timestamp;
use trimtab::control::ports::{CloudWatch as _, MetricQuery, PortError, QUERIES_PER_GET};
use trimtab::model::metric::{MetricExpression, MetricTerm};
use trimtab::model::{AlarmState, MetricSource, MetricStat, Point};

use crate::support::{cloud, config};

const NOON_S: i64 = 1_767_268_800;

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(NOON_S + minute * 60).unwrap()
}

/// Publishes values, a minute each, until noon. The local server tells metrics apart by name and dimensions only, so
/// each test has a service of its own.
async fn publish(namespace: &str, name: &str, values: &[f64]) {
    let client = Client::new(&config().await);
    let first = NOON_S - 60 * i64::try_from(values.len()).unwrap();
    for (start, value) in (first..).step_by(60).zip(values) {
        let service = Dimension::builder().name("Service").value(namespace).build();
        let time = DateTime::from_secs(start + 5);
        let datum =
            MetricDatum::builder().metric_name(name).timestamp(time).value(*value).dimensions(service);
        client.put_metric_data().namespace(namespace).metric_data(datum.build()).send().await.unwrap();
    }
}

fn stat(namespace: &str, name: &str, stat: &str) -> MetricStat {
    MetricStat::new(namespace, name, [("Service", namespace)], stat)
}

fn query(source: MetricSource, points: u32) -> MetricQuery {
    MetricQuery { source, period: Duration::from_secs(60), points }
}

/// Metric math whose expression is one id: the only one that the local server evaluates.
fn math(namespace: &str) -> MetricSource {
    let load = MetricTerm::Stat(stat(namespace, "Load", "Sum"));
    let expression = MetricTerm::Expression("load".to_owned());
    MetricSource::Math(vec![
        MetricExpression { id: "load".to_owned(), term: load, return_data: false },
        MetricExpression { id: "result".to_owned(), term: expression, return_data: true },
    ])
}

fn values(outcome: Result<Vec<Point>, PortError>) -> Vec<(Timestamp, f64)> {
    outcome.unwrap().into_iter().map(|point| (point.start, point.value)).collect()
}

#[tokio::test]
async fn statistics_come_in_the_order_of_the_queries_oldest_point_first() {
    publish("Plain", "Load", &[3.0, 1.0, 2.0]).await;
    let queries = [
        query(MetricSource::Stat(stat("Plain", "Load", "Maximum")), 3),
        query(MetricSource::Stat(stat("Plain", "Nothing", "Sum")), 3),
        query(MetricSource::Stat(stat("Plain", "Load", "SampleCount")), 3),
    ];
    let outcomes = cloud().await.cloudwatch().get_metric_data(&queries, minute(0)).await.unwrap();
    let outcomes: Vec<_> = outcomes.into_iter().map(values).collect();
    assert_eq!(outcomes[0], [(minute(-3), 3.0), (minute(-2), 1.0), (minute(-1), 2.0)]);
    assert_eq!(outcomes[1], []);
    assert_eq!(outcomes[2], [(minute(-3), 1.0), (minute(-2), 1.0), (minute(-1), 1.0)]);
}

#[tokio::test]
async fn metric_math_of_two_queries_with_the_same_ids_stays_apart() {
    publish("MathA", "Load", &[10.0, 30.0]).await;
    publish("MathB", "Load", &[8.0, 2.0]).await;
    let queries = [query(math("MathA"), 2), query(math("MathB"), 2)];
    let outcomes = cloud().await.cloudwatch().get_metric_data(&queries, minute(0)).await.unwrap();
    let outcomes: Vec<_> = outcomes.into_iter().map(values).collect();
    assert_eq!(outcomes[0], [(minute(-2), 10.0), (minute(-1), 30.0)]);
    assert_eq!(outcomes[1], [(minute(-2), 8.0), (minute(-1), 2.0)]);
}

#[tokio::test]
async fn more_entries_than_a_call_takes_are_split_and_put_together() {
    publish("SplitPlain", "Load", &[1.0]).await;
    publish("SplitMath", "Load", &[2.0]).await;
    let plain = || query(MetricSource::Stat(stat("SplitPlain", "Load", "Sum")), 1);
    let queries: Vec<_> =
        (0..QUERIES_PER_GET).map(|i| if i == 250 { query(math("SplitMath"), 1) } else { plain() }).collect();
    let outcomes = cloud().await.cloudwatch().get_metric_data(&queries, minute(0)).await.unwrap();
    for (i, outcome) in outcomes.into_iter().enumerate() {
        let value = if i == 250 { 2.0 } else { 1.0 };
        assert_eq!(values(outcome), [(minute(-1), value)], "query {i}");
    }
}

async fn alarm(client: &Client, name: &str) {
    client
        .put_metric_alarm()
        .alarm_name(name)
        .namespace("Alarmed")
        .metric_name("Load")
        .dimensions(Dimension::builder().name("Service").value("Alarmed").build())
        .statistic(Statistic::Average)
        .period(120)
        .evaluation_periods(2)
        .threshold(0.5)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn alarms_are_described_by_name_and_absent_ones_are_absent() {
    let client = Client::new(&config().await);
    alarm(&client, "load-high").await;
    alarm(&client, "load-other").await;
    let set = client.set_alarm_state().alarm_name("load-high").state_value(StateValue::Alarm);
    let reason_data = r#"{"recentDatapoints":[0.4,0.75]}"#;
    set.state_reason("by hand").state_reason_data(reason_data).send().await.unwrap();

    let names = ["load-high".to_owned(), "missing".to_owned()];
    let described = cloud().await.cloudwatch().describe_alarms(&names).await.unwrap();

    assert_eq!(described.keys().collect::<Vec<_>>(), ["load-high"]);
    let alarm = &described["load-high"];
    assert_eq!(alarm.status.state, AlarmState::Alarm);
    assert_eq!((alarm.status.threshold, alarm.status.value), (Some(0.5), Some(0.75)));
    assert!(alarm.status.since.is_some());
    assert_eq!((alarm.period, alarm.evaluation_periods), (Duration::from_secs(120), 2));
    assert_eq!(alarm.metric, Some(MetricSource::Stat(stat("Alarmed", "Load", "Average"))));
}

#[tokio::test]
async fn no_names_describe_no_alarms() {
    alarm(&Client::new(&config().await), "not-asked-for").await;
    assert!(cloud().await.cloudwatch().describe_alarms(&[]).await.unwrap().is_empty());
}
