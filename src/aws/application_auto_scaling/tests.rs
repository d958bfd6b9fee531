//! What no local server plays: several pages, predictive policies, calls that are denied.

use aws_sdk_applicationautoscaling::operation::describe_scalable_targets::DescribeScalableTargetsOutput;
use aws_sdk_applicationautoscaling::operation::describe_scaling_activities::DescribeScalingActivitiesOutput;
use aws_sdk_applicationautoscaling::operation::describe_scaling_policies::DescribeScalingPoliciesOutput;
use aws_sdk_applicationautoscaling::operation::describe_scheduled_actions::DescribeScheduledActionsOutput;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::ComparisonOperator;
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, mock};

use super::*;
use crate::aws::tests::config;
use crate::control::ports::PortErrorKind;

fn api(of_aas: &[&Rule], of_cloudwatch: &Rule) -> ApplicationAutoScalingApi {
    let rules =
        of_aas.iter().fold(MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny), |rules, rule| {
            rules.with_rule(rule)
        });
    let aas = aws_sdk_applicationautoscaling::config::Builder::from(&config()).interceptor(rules).build();
    let rules = MockResponseInterceptor::new().with_rule(of_cloudwatch);
    let cloudwatch = aws_sdk_cloudwatch::config::Builder::from(&config()).interceptor(rules).build();
    ApplicationAutoScalingApi::new(Client::from_conf(aas), aws_sdk_cloudwatch::Client::from_conf(cloudwatch))
}

fn registered(service: &str) -> sdk::ScalableTarget {
    let target = sdk::ScalableTarget::builder().service_namespace(ServiceNamespace::Ecs).resource_id(service);
    let target = target.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).role_arn("arn");
    target.min_capacity(2).max_capacity(20).creation_time(DateTime::from_secs(0)).build().unwrap()
}

fn forecasting(service: &str) -> sdk::ScalingPolicy {
    let pair = sdk::PredictiveScalingPredefinedMetricPairSpecification::builder();
    let pair = pair.predefined_metric_type("ECSServiceCPUUtilization").build().unwrap();
    let metric = sdk::PredictiveScalingMetricSpecification::builder().target_value(60.0);
    let metric = metric.predefined_metric_pair_specification(pair).build().unwrap();
    let forecast = sdk::PredictiveScalingPolicyConfiguration::builder().metric_specifications(metric);
    let forecast = forecast.mode(sdk::PredictiveScalingMode::ForecastAndScale).scheduling_buffer_time(600);
    let alarm = sdk::Alarm::builder().alarm_name("high").alarm_arn("arn").build().unwrap();
    let policy = sdk::ScalingPolicy::builder().policy_arn("arn").policy_name("ahead").resource_id(service);
    let policy = policy.service_namespace(ServiceNamespace::Ecs).creation_time(DateTime::from_secs(0));
    let policy = policy.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).alarms(alarm);
    let policy = policy.policy_type(sdk::PolicyType::PredictiveScaling);
    policy.predictive_scaling_policy_configuration(forecast.build().unwrap()).build().unwrap()
}

fn two_pages_of_targets() -> Rule {
    mock!(Client::describe_scalable_targets)
        .sequence()
        .output(|| {
            let page =
                DescribeScalableTargetsOutput::builder().scalable_targets(registered("service/prod/a"));
            page.next_token("more").build()
        })
        .output(|| {
            DescribeScalableTargetsOutput::builder().scalable_targets(registered("service/prod/b")).build()
        })
        .build()
}

fn one_policy() -> Rule {
    mock!(Client::describe_scaling_policies).then_output(|| {
        DescribeScalingPoliciesOutput::builder().scaling_policies(forecasting("service/prod/a")).build()
    })
}

fn no_actions() -> Rule {
    mock!(Client::describe_scheduled_actions)
        .then_output(|| DescribeScheduledActionsOutput::builder().build())
}

#[tokio::test]
async fn all_pages_are_read_and_the_alarms_of_the_policies() {
    let (targets, policies, actions) = (two_pages_of_targets(), one_policy(), no_actions());
    let alarms = mock!(aws_sdk_cloudwatch::Client::describe_alarms)
        .match_requests(|request| request.alarm_names() == ["high"])
        .then_output(|| {
            let alarm = SdkMetricAlarm::builder().alarm_name("high").threshold(60.0).evaluation_periods(3);
            let alarm = alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).period(60);
            DescribeAlarmsOutput::builder().metric_alarms(alarm.datapoints_to_alarm(2).build()).build()
        });

    let read = api(&[&targets, &policies, &actions], &alarms).configuration(&[]).await.unwrap();

    let resources: Vec<&str> = read.targets.iter().map(|target| target.value.resource_id.as_str()).collect();
    assert_eq!((targets.num_calls(), resources), (2, vec!["service/prod/a", "service/prod/b"]));
    let forecast = read.policies[0].value.predictive.clone().unwrap();
    assert_eq!(
        (forecast.mode.as_deref(), forecast.scheduling_buffer_time, forecast.max_capacity_buffer),
        (Some("ForecastAndScale"), Some(600), None)
    );
    let pair = forecast.metric_specifications[0].pair.clone().unwrap();
    assert_eq!(pair.predefined_metric_type, "ECSServiceCPUUtilization");
    let [alarm] = &read.alarms.as_ref().unwrap()[..] else { panic!("{read:?}") };
    assert!(alarm.is_for_more());
    assert_eq!(
        (alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.period),
        (Some(3), Some(2), Some(60))
    );
}

#[tokio::test]
async fn alarms_that_may_not_be_read_are_told_and_stop_nothing() {
    let (targets, policies, actions) = (two_pages_of_targets(), one_policy(), no_actions());
    let denied = r#"{"__type":"AccessDeniedException","message":"no"}"#;
    let alarms = mock!(aws_sdk_cloudwatch::Client::describe_alarms)
        .sequence()
        .http_status(403, Some(denied.to_owned()))
        .repeatedly()
        .build();

    let read = api(&[&targets, &policies, &actions], &alarms).configuration(&[]).await.unwrap();

    assert_eq!((read.targets.len(), read.alarms), (2, None));
    assert!(
        read.unread[0].contains("(allow cloudwatch:DescribeAlarms in the role's policy)"),
        "{:?}",
        read.unread
    );
}

#[tokio::test]
async fn activities_are_read_back_to_a_time() {
    let activity = |second: i64, count: u32| {
        let activity =
            sdk::ScalingActivity::builder().activity_id("1").resource_id("service/prod/a").cause("");
        let activity =
            activity.service_namespace(ServiceNamespace::Ecs).start_time(DateTime::from_secs(second));
        let activity = activity.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
        let activity = activity.description(format!("Setting desired count to {count}."));
        activity.status_code(sdk::ScalingActivityStatusCode::Successful).build().unwrap()
    };
    let page = move |activities: [(i64, u32); 2], more: Option<&str>| {
        let activities = activities.map(|(second, count)| activity(second, count)).to_vec();
        let page = DescribeScalingActivitiesOutput::builder().set_scaling_activities(Some(activities));
        page.set_next_token(more.map(str::to_owned)).build()
    };
    let activities = mock!(Client::describe_scaling_activities)
        .match_requests(|request| request.resource_id() == Some("service/prod/a"))
        .sequence()
        .output(move || page([(400, 6), (300, 5)], Some("more")))
        .output(move || page([(200, 4), (100, 3)], Some("more")))
        .build();
    let alarms = mock!(aws_sdk_cloudwatch::Client::describe_alarms)
        .then_output(|| DescribeAlarmsOutput::builder().build());

    let since = Timestamp::from_second(200).unwrap();
    let api = api(&[&activities], &alarms);
    let read = api.activities(&ServiceId::new("prod", "a"), since).await.unwrap();

    let counts: Vec<u32> =
        read.iter().filter_map(ScalingActivity::count).map(|(_, count)| count.count).collect();
    assert_eq!((counts, activities.num_calls()), (vec![6, 5, 4], 2), "no page is read beyond the time");
}

#[tokio::test]
async fn a_call_that_is_denied_names_its_permission() {
    let denied = r#"{"__type":"AccessDeniedException","message":"no"}"#;
    let targets =
        mock!(Client::describe_scalable_targets).sequence().http_status(400, Some(denied.to_owned())).build();
    let alarms = mock!(aws_sdk_cloudwatch::Client::describe_alarms)
        .then_output(|| DescribeAlarmsOutput::builder().build());
    let error = api(&[&targets], &alarms).configuration(&[]).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert!(error.to_string().contains("allow application-autoscaling:DescribeScalableTargets"), "{error}");
}
