//! What no local server plays: percentiles, partial data, refused queries, composite alarms.

use std::time::Duration;

use aws_sdk_cloudwatch::error::ErrorMetadata;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::operation::get_metric_data::{
    GetMetricDataError, GetMetricDataInput, GetMetricDataOutput,
};
use aws_sdk_cloudwatch::types::{
    CompositeAlarm, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat as SdkMetricStat, StateValue,
};
use aws_smithy_mocks::{MockResponse, MockResponseInterceptor, Rule, mock};

use super::*;
use crate::aws::tests::config;
use crate::history::MetricHistory as _;
use crate::model::metric::{MetricExpression, MetricTerm};
use crate::model::{AlarmState, MetricSource, MetricStat};

const NOON_S: i64 = 1_767_268_800;

fn noon() -> Timestamp {
    Timestamp::from_second(NOON_S).unwrap()
}

fn cloudwatch(rule: &Rule) -> CloudWatchApi {
    let rules = MockResponseInterceptor::new().with_rule(rule);
    let config = aws_sdk_cloudwatch::config::Builder::from(&config()).interceptor(rules).build();
    CloudWatchApi::new(Client::from_conf(config))
}

fn query(name: &str, stat: &str) -> MetricQuery {
    let stat = MetricStat::new("MyApp", name, [("Service", "checkout")], stat);
    MetricQuery { source: MetricSource::Stat(stat), period: Duration::from_secs(60), points: 3 }
}

fn result(id: &str, status: StatusCode, points: &[(i64, f64)]) -> MetricDataResult {
    points
        .iter()
        .fold(MetricDataResult::builder().id(id).label(id).status_code(status), |result, (minute, value)| {
            result.timestamps(DateTime::from_secs(NOON_S + minute * 60)).values(*value)
        })
        .build()
}

fn output(results: Vec<MetricDataResult>) -> GetMetricDataOutput {
    GetMetricDataOutput::builder().set_metric_data_results(Some(results)).build()
}

fn point(minute: i64, value: f64) -> Point {
    Point { start: Timestamp::from_second(NOON_S + minute * 60).unwrap(), value }
}

fn told(outcomes: Vec<Outcome>) -> Vec<Result<Vec<Point>, String>> {
    outcomes.into_iter().map(|outcome| outcome.map_err(|error| error.to_string())).collect()
}

#[tokio::test]
async fn every_statistic_is_asked_for_as_it_is_written() {
    let rule = mock!(Client::get_metric_data).then_compute_output(|request: &GetMetricDataInput| {
        let stats: Vec<_> =
            request.metric_data_queries().iter().filter_map(|query| query.metric_stat()?.stat()).collect();
        assert_eq!(stats, ["p99.9", "PR(:0.3)", "SampleCount"]);
        assert_eq!(request.scan_by(), Some(&ScanBy::TimestampAscending));
        assert_eq!(request.start_time(), Some(&DateTime::from_secs(NOON_S - 6 * 60)));
        assert_eq!(request.end_time(), Some(&DateTime::from_secs(NOON_S)));
        output((0..3).map(|i| result(&format!("q{i}"), StatusCode::Complete, &[])).collect())
    });
    let queries = ["p99.9", "PR(:0.3)", "SampleCount"].map(|stat| query("Latency", stat));
    let outcomes = cloudwatch(&rule).get_metric_data(&queries, noon()).await.unwrap();
    assert_eq!(told(outcomes), vec![Ok(vec![]); 3]);
}

#[tokio::test]
async fn pages_are_put_together_and_points_come_oldest_first() {
    let rule = mock!(Client::get_metric_data)
        .sequence()
        .output(|| {
            let first = result("q0", StatusCode::PartialData, &[(-2, 2.0), (-3, 1.0), (-9, 9.0)]);
            GetMetricDataOutput::builder().metric_data_results(first).next_token("more").build()
        })
        .output(|| output(vec![result("q0", StatusCode::Complete, &[(0, 4.0), (-1, 3.0), (-4, f64::NAN)])]))
        .build();
    let outcomes = cloudwatch(&rule).get_metric_data(&[query("Load", "Sum")], noon()).await.unwrap();
    let ended = vec![point(-3, 1.0), point(-2, 2.0), point(-1, 3.0)];
    assert_eq!(told(outcomes), [Ok(ended)], "the minute that began at noon still runs");
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(NOON_S + minute * 60).unwrap()
}

#[tokio::test]
async fn the_past_is_asked_for_by_the_minute_with_its_bounds_and_pages_are_put_together() {
    let rule = mock!(Client::get_metric_data)
        .match_requests(|request| {
            let stat = request.metric_data_queries()[1].metric_stat();
            stat.and_then(SdkMetricStat::period) == Some(60)
                && request.start_time() == Some(&DateTime::from_secs(NOON_S - 180))
                && request.end_time() == Some(&DateTime::from_secs(NOON_S))
                && request.max_datapoints() == Some(100_800)
        })
        .sequence()
        .output(|| {
            let loads = result("q0", StatusCode::PartialData, &[(-3, 1.0), (-2, 2.0)]);
            let page = GetMetricDataOutput::builder().metric_data_results(loads);
            page.metric_data_results(result("q1", StatusCode::PartialData, &[])).next_token("more").build()
        })
        .output(|| {
            let loads = result("q0", StatusCode::Complete, &[(-1, 3.0), (0, 4.0)]);
            output(vec![result("q1", StatusCode::Complete, &[(-2, 7.0)]), loads])
        })
        .build();
    let stats = ["A", "B"].map(|name| MetricStat::new("MyApp", name, [("Service", "checkout")], "Sum"));
    let past = cloudwatch(&rule).minutes(&stats, at(-3), at(0)).await.unwrap();
    assert_eq!(past, [vec![point(-3, 1.0), point(-2, 2.0), point(-1, 3.0)], vec![point(-2, 7.0)]]);
}

#[tokio::test]
async fn a_past_with_a_hole_is_an_error() {
    let stats = [MetricStat::new("MyApp", "A", [("Service", "checkout")], "Sum")];
    for (status, kind) in [
        (StatusCode::PartialData, PortErrorKind::Transient),
        (StatusCode::InternalError, PortErrorKind::Transient),
        (StatusCode::Forbidden, PortErrorKind::Denied),
    ] {
        let rule = mock!(Client::get_metric_data)
            .then_output(move || output(vec![result("q0", status.clone(), &[(-1, 1.0)])]));
        let error = cloudwatch(&rule).minutes(&stats, at(-3), at(0)).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    }
}

#[tokio::test]
async fn a_query_without_complete_data_fails_alone() {
    let rule = mock!(Client::get_metric_data).then_output(|| {
        let several = |label: &str| {
            MetricDataResult::builder().id("q4").label(label).status_code(StatusCode::Complete).build()
        };
        let remark = MessageData::builder().code("Limit").value("too many points").build();
        let partial =
            MetricDataResult::builder().id("q1").status_code(StatusCode::PartialData).messages(remark);
        output(vec![
            result("q0", StatusCode::Complete, &[(-1, 1.0)]),
            partial.build(),
            result("q2", StatusCode::InternalError, &[(-1, 1.0)]),
            result("q3", StatusCode::Forbidden, &[]),
            several("one"),
            several("two"),
        ])
    });
    let queries = ["A", "B", "C", "D", "E", "F"].map(|name| query(name, "Sum"));
    let outcomes = cloudwatch(&rule).get_metric_data(&queries, noon()).await.unwrap();
    let failed = |what: &str| Err(format!("cloudwatch:GetMetricData failed: {what}"));
    assert_eq!(
        told(outcomes),
        [
            Ok(vec![point(-1, 1.0)]),
            failed("CloudWatch answered PartialData: too many points (the next look tries again)"),
            failed("CloudWatch answered InternalError (the next look tries again)"),
            failed("CloudWatch answered Forbidden (allow cloudwatch:GetMetricData in the role's policy)"),
            failed("the expression gives more than one series"),
            failed("CloudWatch answered no result (the next look tries again)"),
        ]
    );
}

fn failure(code: &str, message: &str) -> GetMetricDataError {
    GetMetricDataError::generic(ErrorMetadata::builder().code(code).message(message).build())
}

#[tokio::test]
async fn a_query_that_cloudwatch_refuses_leaves_the_others_their_points() {
    let rule = mock!(Client::get_metric_data).then_compute_response(|request: &GetMetricDataInput| {
        let queries = request.metric_data_queries();
        let is_wrong = |query: &MetricDataQuery| {
            query.metric_stat().and_then(SdkMetricStat::stat).is_some_and(|stat| stat == "p999")
        };
        if queries.iter().any(is_wrong) {
            return MockResponse::Error(failure("ValidationError", "p999 is no statistic"));
        }
        let ids = queries.iter().filter_map(MetricDataQuery::id);
        MockResponse::Output(output(ids.map(|id| result(id, StatusCode::Complete, &[(-1, 1.0)])).collect()))
    });
    let queries = ["Sum", "Sum", "p999", "Sum", "Sum"].map(|stat| query("Latency", stat));
    let outcomes = cloudwatch(&rule).get_metric_data(&queries, noon()).await.unwrap();
    let failed = "cloudwatch:GetMetricData failed: ValidationError: p999 is no statistic".to_owned();
    let fine = || Ok(vec![point(-1, 1.0)]);
    assert_eq!(told(outcomes), [fine(), fine(), Err(failed), fine(), fine()]);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_one_error() {
    let rule = mock!(Client::get_metric_data).then_error(|| failure("ThrottlingException", "Rate exceeded"));
    let queries = [query("A", "Sum"), query("B", "Sum")];
    let error = cloudwatch(&rule).get_metric_data(&queries, noon()).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Throttled);
    assert_eq!(rule.num_calls(), 3);
}

#[tokio::test]
async fn a_failed_call_leaves_the_points_of_another_call() {
    let rule = mock!(Client::get_metric_data).then_compute_response(|request: &GetMetricDataInput| {
        match request.metric_data_queries() {
            [query] if query.metric_stat().and_then(SdkMetricStat::period) == Some(20) => {
                MockResponse::Error(failure("AccessDenied", "not allowed"))
            }
            _ => MockResponse::Output(output(vec![result("q0", StatusCode::Complete, &[(-1, 1.0)])])),
        }
    });
    let queries = [MetricQuery { period: Duration::from_secs(20), ..query("A", "Sum") }, query("B", "Sum")];
    let outcomes = cloudwatch(&rule).get_metric_data(&queries, noon()).await.unwrap();
    let kinds: Vec<_> =
        outcomes.iter().map(|outcome| outcome.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [Some(PortErrorKind::Denied), None]);
}

async fn describe(alarms: DescribeAlarmsOutput) -> BTreeMap<String, AlarmDescription> {
    let rule = mock!(Client::describe_alarms).then_output(move || alarms.clone());
    cloudwatch(&rule).describe_alarms(&["latency".to_owned(), "any".to_owned()]).await.unwrap()
}

#[tokio::test]
async fn an_alarm_tells_its_threshold_its_metric_and_its_newest_value() {
    let alarm = MetricAlarm::builder()
        .alarm_name("latency")
        .state_value(StateValue::Alarm)
        .state_reason_data(
            r#"{"version":"1.0","period":60,"recentDatapoints":[0.2,0.6,0.9],"threshold":0.5}"#,
        )
        .state_updated_timestamp(DateTime::from_secs(NOON_S))
        .state_transitioned_timestamp(DateTime::from_secs(NOON_S - 60))
        .threshold(0.5)
        .namespace("AWS/ApplicationELB")
        .metric_name("TargetResponseTime")
        .dimensions(Dimension::builder().name("LoadBalancer").value("app/my-alb/1").build())
        .extended_statistic("p99")
        .period(300)
        .evaluation_periods(3)
        .build();
    let described = describe(DescribeAlarmsOutput::builder().metric_alarms(alarm).build()).await;
    let alarm = &described["latency"];
    assert_eq!(alarm.status.state, AlarmState::Alarm);
    assert_eq!((alarm.status.threshold, alarm.status.value), (Some(0.5), Some(0.9)));
    assert_eq!(alarm.status.since, Some(point(-1, 0.0).start));
    assert_eq!((alarm.period, alarm.evaluation_periods), (Duration::from_secs(300), 3));
    let load_balancer = [("LoadBalancer", "app/my-alb/1")];
    let stat = MetricStat::new("AWS/ApplicationELB", "TargetResponseTime", load_balancer, "p99");
    assert_eq!(alarm.metric, Some(MetricSource::Stat(stat)));
}

#[tokio::test]
async fn a_composite_alarm_has_a_state_and_no_metric() {
    let alarm = CompositeAlarm::builder()
        .alarm_name("any")
        .state_value(StateValue::Ok)
        .state_reason_data(r#"{"triggeringAlarms":[]}"#)
        .state_updated_timestamp(DateTime::from_secs(NOON_S))
        .build();
    let described = describe(DescribeAlarmsOutput::builder().composite_alarms(alarm).build()).await;
    let status = described["any"].status;
    assert_eq!((status.state, status.threshold, status.value), (AlarmState::Ok, None, None));
    assert_eq!(status.since, Some(noon()));
    assert_eq!((described["any"].metric.as_ref(), described["any"].evaluation_periods), (None, 1));
}

fn entry(id: &str, return_data: bool) -> aws_sdk_cloudwatch::types::builders::MetricDataQueryBuilder {
    MetricDataQuery::builder().id(id).return_data(return_data)
}

fn visible() -> SdkMetricStat {
    let metric = Metric::builder().namespace("AWS/SQS").metric_name("Visible").build();
    SdkMetricStat::builder().metric(metric).stat("Sum").period(120).build()
}

#[tokio::test]
async fn an_alarm_on_metric_math_watches_its_one_expression() {
    let alarm = MetricAlarm::builder()
        .alarm_name("any")
        .state_value(StateValue::InsufficientData)
        .metrics(entry("m1", false).metric_stat(visible()).build())
        .metrics(entry("e1", true).expression("m1 / 60").build())
        .build();
    let described = describe(DescribeAlarmsOutput::builder().metric_alarms(alarm).build()).await;
    let term = MetricTerm::Stat(MetricStat::new("AWS/SQS", "Visible", [], "Sum"));
    let expression = MetricTerm::Expression("m1 / 60".to_owned());
    let expected = MetricSource::Math(vec![
        MetricExpression { id: "m1".to_owned(), term, return_data: false },
        MetricExpression { id: "e1".to_owned(), term: expression, return_data: true },
    ]);
    assert_eq!(described["any"].metric, Some(expected));
    assert_eq!(described["any"].period, Duration::from_secs(120));
    assert_eq!(described["any"].status.state, AlarmState::InsufficientData);
}

#[tokio::test]
async fn an_alarm_on_a_band_watches_no_single_metric() {
    let alarm = MetricAlarm::builder()
        .alarm_name("any")
        .state_value(StateValue::Alarm)
        .state_reason_data(r#"{"recentDatapoints":[null],"recentUpperThresholds":[1.0]}"#)
        .metrics(entry("m1", true).metric_stat(visible()).build())
        .metrics(entry("ad1", true).expression("ANOMALY_DETECTION_BAND(m1, 2)").build())
        .build();
    let described = describe(DescribeAlarmsOutput::builder().metric_alarms(alarm).build()).await;
    let alarm = &described["any"];
    assert_eq!((alarm.metric.as_ref(), alarm.status.threshold, alarm.status.value), (None, None, None));
}
