//! What is carried over: each kind, with AAS's defaults where trimtab's differ.

use std::time::Duration;

use super::*;
use crate::model::policy::{
    AdjustmentType, Behavior, MaxCapacityBreach, MetricAggregation, PolicyKind, Predictive, PredictiveMode,
    ScalingRules, SelectPolicy, StepScaling, TargetTracking,
};
use crate::model::target::{AasRegistered, Mode};
use crate::model::{Capacity, MetricSource};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn tracked(target: &ScalableTarget) -> Vec<&TargetTracking> {
    let each = target.policies.iter().map(|policy| match &policy.kind {
        PolicyKind::TargetTracking(policy) => policy,
        PolicyKind::StepScaling(_) | PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => {
            panic!("{policy:?} is no target tracking")
        }
    });
    each.collect()
}

fn stepped(target: &ScalableTarget) -> Vec<&StepScaling> {
    let each = target.policies.iter().map(|policy| match &policy.kind {
        PolicyKind::StepScaling(policy) => policy,
        PolicyKind::TargetTracking(_) | PolicyKind::Queue(_) | PolicyKind::ServiceLevel(_) => {
            panic!("{policy:?} is no step scaling")
        }
    });
    each.collect()
}

#[test]
fn a_fleet_is_written_as_a_file_that_explains_itself() {
    let customized = json!({ "TargetValue": 2.5, "DisableScaleIn": true, "CustomizedMetricSpecification": { "Metrics": [
        { "Id": "m1", "MetricStat": { "Stat": "Sum", "Unit": "Count", "Metric": {
            "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{ "Name": "QueueName", "Value": "orders: #1" }] } }, "ReturnData": false },
        { "Id": "e1", "Label": "backlog", "Expression": "m1 / FILL(m1, 1)" },
    ] } });
    let mut high = cpu(60.0);
    high["Alarms"] = json!([{ "AlarmName": "high" }, { "AlarmName": "low" }]);
    let steps = json!({
        "AdjustmentType": "PercentChangeInCapacity", "MinAdjustmentMagnitude": 2, "MetricAggregationType": "Maximum",
        "Cooldown": 120, "StepAdjustments": [step(Some(0.0), Some(15.5), 10), step(Some(15.5), None, 30)],
    });
    let forecast = json!({ "PredictiveScalingPolicyConfiguration": {
        "Mode": "ForecastAndScale", "SchedulingBufferTime": 600, "MaxCapacityBreachBehavior": "IncreaseMaxCapacity",
        "MaxCapacityBuffer": 20, "MetricSpecifications": [{ "TargetValue": 60.0,
            "PredefinedMetricPairSpecification": { "PredefinedMetricType": "ECSServiceCPUUtilization" } }],
    } });
    let morning = json!({
        "Timezone": "Europe/Berlin", "StartTime": "2026-01-01T00:00:00+01:00", "EndTime": 1_893_456_000,
        "ScalableTargetAction": { "MinCapacity": 2, "MaxCapacity": 20 },
    });
    let past = json!({ "ScalableTargetAction": { "MinCapacity": 8 } });
    let alarm = |name: &str, operator: &str, threshold: f64, periods: u32| {
        json!({
            "AlarmName": name, "ComparisonOperator": operator, "Threshold": threshold, "EvaluationPeriods": periods,
            "Period": 60, "MetricName": "CPUUtilization", "Namespace": "AWS/ECS", "StateValue": "OK",
        })
    };
    let imported = imported(&[
        targets(),
        policies(&[
            high,
            tracking("backlog", customized),
            stepping("busy \"hours\"", &["latency-high"], steps),
            policy("forecast", "PredictiveScaling", forecast),
        ]),
        actions(&[
            action("weekday morning", "cron(0 8 ? * MON-FRI *)", morning),
            action("sale", "at(2026-11-01T08:00:00)", past),
        ]),
        json!({ "MetricAlarms": [
            alarm("high", "GreaterThanThreshold", 60.0, 3), alarm("low", "LessThanThreshold", 54.0, 15),
            alarm("latency-high", "GreaterThanOrEqualToThreshold", 0.5, 2),
        ]}),
    ]);
    insta::assert_snapshot!(imported.text);
    let remarks: Vec<String> = imported.remarks.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(remarks.join("\n"));
}

#[test]
fn a_target_tracking_policy_has_aas_shape_where_it_says_nothing_else() {
    let (target, remarks) = target(&[targets(), policies(&[cpu(60.5)])]);
    assert_eq!(remarks, [""; 0]);
    assert_eq!((target.mode, target.aas), (Mode::Shadow, AasRegistered::Warn));
    assert_eq!(target.capacity, Capacity::new(2, 20).unwrap());
    let [policy] = tracked(&target)[..] else { panic!("{target:?}") };
    assert_eq!(policy.metric.key, "ECSServiceAverageCPUUtilization");
    let expected = TargetTracking {
        metric: policy.metric.clone(),
        target: 60.5,
        scale_out_after: 3,
        scale_out_within: 3,
        scale_in_after: 15,
        scale_in_within: 15,
        scale_out_cooldown: seconds(300),
        scale_in_cooldown: seconds(300),
        disable_scale_in: false,
    };
    assert_eq!(*policy, expected);
    let rules = |tolerance| ScalingRules {
        tolerance,
        stabilization: Duration::ZERO,
        select: SelectPolicy::Max,
        policies: Vec::new(),
    };
    assert_eq!(target.behavior, Behavior { scale_out: rules(0.0), scale_in: rules(0.1) });
}

#[test]
fn settings_of_a_target_tracking_policy_are_carried_over() {
    let label = "app/lb/0123456789abcdef/targetgroup/tg/0123456789abcdef";
    let settings = json!({
        "TargetValue": 800, "ScaleOutCooldown": 0, "ScaleInCooldown": 90, "DisableScaleIn": true,
        "PredefinedMetricSpecification": { "PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label },
    });
    let (target, _) = target(&[targets(), policies(&[tracking("requests", settings)])]);
    let policy = tracked(&target)[0];
    assert_eq!((policy.scale_out_cooldown, policy.scale_in_cooldown), (seconds(0), seconds(90)));
    assert!(policy.disable_scale_in);
    let MetricSource::Stat(stat) = &policy.metric.source else { panic!("{policy:?}") };
    assert_eq!((stat.namespace.as_str(), stat.stat.as_str()), ("AWS/ApplicationELB", "Sum"));
    let dimensions: Vec<&str> = stat.dimensions.values().map(String::as_str).collect();
    assert_eq!(dimensions, ["app/lb/0123456789abcdef", "targetgroup/tg/0123456789abcdef"]);
}

#[test]
fn each_metric_of_ecs_is_the_same_metric() {
    // (name, of CloudWatch, period, points before scale-out, before scale-in)
    let cases = [
        ("ECSServiceAverageCPUUtilization", "CPUUtilization", 60, 3, 15),
        ("ECSServiceAverageMemoryUtilization", "MemoryUtilization", 60, 3, 15),
        ("ECSServiceAverageCPUUtilizationHighResolution", "CPUUtilization", 20, 3, 45),
        ("ECSServiceAverageMemoryUtilizationHighResolution", "MemoryUtilization", 20, 3, 45),
    ];
    for (name, of_cloudwatch, period, out, scale_in) in cases {
        let settings =
            json!({ "TargetValue": 50, "PredefinedMetricSpecification": { "PredefinedMetricType": name } });
        let (target, _) = target(&[targets(), policies(&[tracking("one", settings)])]);
        let policy = tracked(&target)[0];
        let MetricSource::Stat(stat) = &policy.metric.source else { panic!("{policy:?}") };
        assert_eq!((stat.name.as_str(), policy.metric.period), (of_cloudwatch, seconds(period)), "{name}");
        assert_eq!((policy.scale_out_after, policy.scale_in_after), (out, scale_in), "{name}");
    }
}

#[test]
fn a_described_metric_and_metric_math_are_carried_over() {
    let odd = "a: \"b\" # {c}, [d]";
    let single = json!({ "TargetValue": 100, "CustomizedMetricSpecification": {
        "Namespace": "My/App", "MetricName": "Sessions #1", "Statistic": "Maximum", "Unit": "Count",
        "Dimensions": [{ "Name": "Service", "Value": odd }, { "Name": "<<", "Value": "true" }],
    } });
    let math = json!({ "TargetValue": 5, "CustomizedMetricSpecification": { "Metrics": [
        { "Id": "m1", "ReturnData": false, "MetricStat": { "Stat": "p90",
            "Metric": { "Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible" } } },
        { "Id": "e1", "Expression": "IF(m1 > 0, m1 / 2, 0)", "ReturnData": true },
    ] } });
    let (target, remarks) = target(&[targets(), policies(&[tracking("one", single), tracking("two", math)])]);
    assert_eq!(
        remarks,
        ["prod/web: policy \"one\": not carried over: the unit \"Count\": values of all units are read"]
    );
    let [single, math] = tracked(&target)[..] else { panic!("{target:?}") };
    let MetricSource::Stat(stat) = &single.metric.source else { panic!("{single:?}") };
    assert_eq!(
        (&*stat.namespace, &*stat.name, &*stat.stat, single.metric.period),
        ("My/App", "Sessions #1", "Maximum", seconds(60))
    );
    assert_eq!(
        stat.dimensions,
        [("<<".to_owned(), "true".to_owned()), ("Service".to_owned(), odd.to_owned())].into()
    );
    let MetricSource::Math(terms) = &math.metric.source else { panic!("{math:?}") };
    let ids: Vec<(&str, bool)> = terms.iter().map(|term| (term.id.as_str(), term.return_data)).collect();
    assert_eq!(ids, [("m1", false), ("e1", true)]);
}

#[test]
fn the_alarms_of_a_policy_give_its_points_and_its_tolerance() {
    let alarm = |name: &str, operator: &str, threshold: f64, points: (u32, u32), period: u32| {
        json!({ "AlarmName": name, "ComparisonOperator": operator, "Threshold": threshold, "Period": period,
                "DatapointsToAlarm": points.0, "EvaluationPeriods": points.1 })
    };
    let mut policy = cpu(60.0);
    policy["Alarms"] = json!([{ "AlarmName": "low" }, { "AlarmName": "high" }]);
    let alarms = json!({ "MetricAlarms": [
        alarm("high", "GreaterThanThreshold", 63.0, (2, 4), 60), alarm("low", "LessThanThreshold", 48.0, (5, 5), 120),
        alarm("another", "GreaterThanThreshold", 1.0, (9, 9), 60),
    ]});
    let (target, remarks) = target(&[targets(), policies(&[policy]), alarms]);
    assert_eq!(remarks, [""; 0]);
    let policy = tracked(&target)[0];
    assert_eq!((policy.scale_out_after, policy.scale_out_within), (2, 4));
    assert_eq!(
        (policy.scale_in_after, policy.scale_in_within),
        (10, 10),
        "five points of two minutes are ten"
    );
    assert_eq!((target.behavior.scale_out.tolerance, target.behavior.scale_in.tolerance), (0.05, 0.2));
}

#[test]
fn a_step_policy_is_one_for_each_of_its_alarms() {
    let both = json!({
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [step(Some(0.0), None, 2), step(None, Some(0.0), -1)],
    });
    let (target, remarks) = target(&[targets(), policies(&[stepping("steps", &["b", "a", "b"], both)])]);
    assert_eq!(remarks, [""; 0]);
    let policies = stepped(&target);
    let alarms: Vec<&str> = policies.iter().map(|policy| policy.alarm.as_str()).collect();
    assert_eq!(alarms, ["a", "b"]);
    for policy in policies {
        assert_eq!(policy.adjustment_type, AdjustmentType::ChangeInCapacity);
        assert_eq!((policy.cooldown, policy.metric_aggregation), (seconds(300), MetricAggregation::Average));
        let steps: Vec<_> = policy.steps.iter().map(|step| (step.lower, step.upper, step.change)).collect();
        assert_eq!(steps, [(None, Some(0.0), -1), (Some(0.0), None, 2)]);
    }
}

#[test]
fn a_step_without_bounds_is_for_all_values() {
    let exact = json!({ "AdjustmentType": "ExactCapacity", "StepAdjustments": [step(None, None, 7)] });
    let (target, _) = target(&[targets(), policies(&[stepping("steps", &["a"], exact)])]);
    let steps: Vec<_> =
        stepped(&target)[0].steps.iter().map(|step| (step.lower, step.upper, step.change)).collect();
    assert_eq!(steps, [(None, Some(0.0), 7), (Some(0.0), None, 7)]);
}

#[test]
fn a_forecast_has_aas_defaults_and_what_is_set() {
    let forecast = |more: Value| {
        let mut configuration = json!({ "MetricSpecifications": [{ "TargetValue": 60,
            "PredefinedMetricPairSpecification": { "PredefinedMetricType": "ECSServiceCPUUtilization" } }] });
        extend(&mut configuration, more);
        policy("ahead", "PredictiveScaling", json!({ "PredictiveScalingPolicyConfiguration": configuration }))
    };
    let (mut all, remarks) = target(&[targets(), policies(&[cpu(60.0), forecast(json!({}))])]);
    assert_eq!(remarks, [""; 0], "the policy on the same metric teaches it");
    let usual = Predictive {
        mode: PredictiveMode::ForecastOnly,
        scheduling_buffer: seconds(300),
        max_capacity_breach: MaxCapacityBreach::HonorMaxCapacity,
    };
    assert_eq!(all.predictive, Some(usual));
    let more = json!({ "Mode": "ForecastAndScale", "SchedulingBufferTime": 0,
                       "MaxCapacityBreachBehavior": "IncreaseMaxCapacity", "MaxCapacityBuffer": 0 });
    (all, _) = target(&[targets(), policies(&[cpu(60.0), forecast(more)])]);
    let set = Predictive {
        mode: PredictiveMode::ForecastAndScale,
        scheduling_buffer: seconds(0),
        max_capacity_breach: MaxCapacityBreach::IncreaseMaxCapacity { buffer_percent: 0 },
    };
    assert_eq!(all.predictive, Some(set));
}

#[test]
fn scheduled_actions_are_carried_over_with_their_times() {
    let bounds = |min: u32, max: u32| json!({ "MinCapacity": min, "MaxCapacity": max });
    let list = actions(&[
        action(
            "a: daily",
            "cron(0 8 * * ? *)",
            json!({ "ScalableTargetAction": bounds(2, 20), "Timezone": "US/Pacific" }),
        ),
        action("b", "rate(1 day)", json!({ "ScalableTargetAction": { "MaxCapacity": 20 } })),
        action("c", "at(2030-01-01T00:00:00)", json!({ "ScalableTargetAction": { "MinCapacity": 0 } })),
        action(
            "d",
            "cron(0 0 8 * * ? *)",
            json!({ "ScalableTargetAction": bounds(2, 20), "EndTime": "2031-01-01T00:00:00Z" }),
        ),
    ]);
    let (target, remarks) = target(&[targets(), list]);
    assert_eq!(remarks, [""; 0]);
    let told: Vec<_> = target
        .schedules
        .iter()
        .map(|action| {
            let moments = [action.start, action.end].map(|moment| moment.map(|moment| moment.to_string()));
            (&*action.name, action.when.to_string(), moments, action.capacity.min, action.capacity.max)
        })
        .collect();
    let none = || [None, None];
    let [made, end] = ["2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z"].map(|at| Some(at.to_owned()));
    let expected = [
        ("a: daily", "cron(0 8 * * ? *) US/Pacific".to_owned(), none(), Some(2), Some(20)),
        ("b", "rate(1 day) UTC".to_owned(), [made, None], None, Some(20)),
        ("c", "at(2030-01-01T00:00:00) UTC".to_owned(), none(), Some(0), None),
        ("d", "cron(0 0 8 * * ? *) UTC".to_owned(), [None, end], Some(2), Some(20)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_suspended_stays_still() {
    use SelectPolicy::{Disabled, Max};
    let daily = json!({ "ScalableTargetAction": { "MinCapacity": 2 } });
    let suspended = |(scale_in, out, scheduled): (bool, bool, bool)| {
        let mut targets = targets();
        targets["ScalableTargets"][0]["SuspendedState"] = json!({
            "DynamicScalingInSuspended": scale_in, "DynamicScalingOutSuspended": out,
            "ScheduledScalingSuspended": scheduled,
        });
        let daily = action("daily", "cron(0 8 * * ? *)", daily.clone());
        target(&[targets, policies(&[cpu(60.0)]), actions(&[daily])]).0
    };
    // ((in, out, scheduled), mode, scale-out, scale-in, scheduled actions)
    let cases = [
        ((false, false, false), Mode::Shadow, Max, Max, 1),
        ((true, false, false), Mode::Shadow, Max, Disabled, 1),
        ((false, true, false), Mode::Shadow, Disabled, Max, 1),
        ((true, true, false), Mode::Shadow, Disabled, Disabled, 1),
        ((false, false, true), Mode::Shadow, Max, Max, 0),
        ((true, true, true), Mode::Paused, Max, Max, 1),
    ];
    for (flags, mode, out, scale_in, scheduled) in cases {
        let target = suspended(flags);
        let (rules, count) = (&target.behavior, target.schedules.len());
        assert_eq!(
            (target.mode, rules.scale_out.select, rules.scale_in.select, count),
            (mode, out, scale_in, scheduled),
            "{flags:?}"
        );
    }
}

#[test]
fn the_services_that_are_wanted_are_imported() {
    let mut many = targets();
    let mut other = many["ScalableTargets"][0].clone();
    other["ResourceId"] = json!("service/prod/api");
    many["ScalableTargets"].as_array_mut().unwrap().push(other);
    let mut of_other = cpu(50.0);
    of_other["ResourceId"] = json!("service/prod/api");
    let configuration = configuration(&[many, policies(&[cpu(60.0), of_other])]);
    let api = ServiceId::new("prod", "api");
    assert_eq!(import(&configuration, &[], now()).unwrap().services, [api, web()]);
    let one = import(&configuration, &[web()], now()).unwrap();
    assert_eq!((one.services, one.remarks), (vec![web()], vec![]));
}
