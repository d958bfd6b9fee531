//! What cannot be carried over is said: where it is in the file, and as a remark.

use super::*;

/// What is said of documents, without the service's name.
#[track_caller]
fn check(documents: &[Value], remark: &str) {
    let imported = imported(documents);
    let remarks: Vec<String> = imported.remarks.iter().map(ToString::to_string).collect();
    assert!(remarks.iter().any(|told| told.contains(remark)), "{remark}\n{remarks:#?}");
    let (_, told) = remark.split_once("not carried over: ").unwrap_or(("", remark));
    assert!(imported.text.contains(told), "{remark}\n{}", imported.text);
}

#[test]
fn a_policy_that_cannot_be_carried_over_is_said_and_the_others_are() {
    let predefined = |name: &str| json!({ "TargetValue": 1, "PredefinedMetricSpecification": { "PredefinedMetricType": name } });
    let labelled = json!({ "TargetValue": 1, "PredefinedMetricSpecification": {
        "PredefinedMetricType": "ECSServiceAverageCPUUtilization", "ResourceLabel": "x" } });
    let custom = |value: &str| {
        json!({ "TargetValue": 1, "CustomizedMetricSpecification": {
        "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Dimensions": [{ "Name": "D", "Value": value }] } })
    };
    let steps = |kind: &str, change: i64| {
        json!({ "AdjustmentType": kind,
        "StepAdjustments": [{ "MetricIntervalLowerBound": 0.0, "ScalingAdjustment": change }] })
    };
    let out = || steps("ChangeInCapacity", 1);
    let cases = [
        (
            tracking("p", predefined("RDSReaderAverageCPUUtilization")),
            "RDSReaderAverageCPUUtilization is no metric of an ECS service",
        ),
        (
            tracking("p", predefined("ALBRequestCountPerTarget")),
            "ALBRequestCountPerTarget has no ResourceLabel",
        ),
        (tracking("p", labelled), "with the ResourceLabel \"x\" is not known"),
        (tracking("p", json!({ "TargetValue": 1 })), "it has no metric"),
        (
            tracking("p", json!({ "TargetValue": 1, "CustomizedMetricSpecification": {} })),
            "its metric has no namespace or no name",
        ),
        (tracking("p", custom("{service}")), "in which trimtab would put the service's names"),
        (tracking("p", custom("{servce}")), "the policy file cannot have it: unknown placeholder"),
        (
            tracking(
                "p",
                json!({ "TargetValue": 0, "CustomizedMetricSpecification": { "Namespace": "N", "MetricName": "M" } }),
            ),
            "the policy file cannot have it: is 0; it must be above 0",
        ),
        (stepping("p", &[], out()), "no alarm calls it"),
        (stepping("p", &["a"], steps("Twice", 1)), "the adjustment type \"Twice\" is not known"),
        (
            stepping("p", &["a"], json!({ "AdjustmentType": "ChangeInCapacity" })),
            "the policy file cannot have it: has 0 steps",
        ),
        (stepping("p", &["a"], steps("ChangeInCapacity", 5_000_000_000)), "the policy file cannot have it: "),
        (stepping("p", &["a"], steps("ChangeInCapacity", 500_000)), "that is more than a service can have"),
        (
            policy("p", "ManualScaling", json!({})),
            "its type \"ManualScaling\" has no configuration that is known",
        ),
    ];
    for (policy, remark) in cases {
        let documents = [targets(), policies(&[cpu(60.0), policy])];
        check(&documents, remark);
        let (target, remarks) = target(&documents);
        assert_eq!((target.policies.len(), remarks.len()), (1, 1), "{remark}: {remarks:?}");
    }
}

#[test]
fn a_setting_that_cannot_be_carried_over_is_said_and_its_policy_is() {
    let long = json!({ "TargetValue": 1, "ScaleInCooldown": 90_000,
        "CustomizedMetricSpecification": { "Namespace": "N", "MetricName": "M", "Unit": "Percent" } });
    let steps = |aggregation: &str| {
        json!({ "AdjustmentType": "ChangeInCapacity", "MetricAggregationType": aggregation,
        "StepAdjustments": [step(Some(0.0), None, 1)] })
    };
    let scale_in =
        json!({ "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(None, Some(0.0), -1)] });
    let forecast = |name: &str, more: Value| {
        let mut settings = json!({ "MetricSpecifications": [{ "TargetValue": 70.0,
            "PredefinedMetricPairSpecification": { "PredefinedMetricType": "ECSServiceCPUUtilization" } }] });
        extend(&mut settings, more);
        policy(name, "PredictiveScaling", json!({ "PredictiveScalingPolicyConfiguration": settings }))
    };
    let mut newer = cpu(60.0);
    newer["TargetTrackingScalingPolicyConfiguration"]["ScaleMode"] = json!("Eager");
    newer["Priority"] = json!(1);
    let cases: Vec<(Vec<Value>, &str)> = vec![
        (
            vec![tracking("p", long.clone())],
            "policy \"p\": not carried over: scale_in_cooldown of 90000 s: it is a day at most here",
        ),
        (vec![tracking("p", long)], "the unit \"Percent\": values of all units are read"),
        (
            vec![stepping("p", &["a"], steps("Average")), stepping("q", &["a"], steps("Maximum"))],
            "policy \"q\": not carried over: the aggregation Maximum: another policy of the alarm has Average",
        ),
        (vec![cpu(60.0), stepping("in", &["a"], scale_in)], "all policies must agree to scale-in here"),
        (
            vec![cpu(60.0), forecast("f", json!({}))],
            "the forecast of ECSServiceCPUUtilization for a target of 70",
        ),
        (vec![forecast("f", json!({}))], "and there is none that could teach it"),
        (
            vec![cpu(70.0), forecast("f", json!({ "SchedulingBufferTime": 3600 }))],
            "a SchedulingBufferTime of 3600 s",
        ),
        (
            vec![cpu(70.0), forecast("f", json!({ "MaxCapacityBuffer": 9 }))],
            "MaxCapacityBuffer 9: it has no effect with HonorMaxCapacity",
        ),
        (
            vec![cpu(70.0), forecast("f", json!({})), forecast("g", json!({}))],
            "policy \"g\": not carried over: a service has one forecast here, that of policy \"f\"",
        ),
        (vec![newer.clone()], "policy \"cpu\": not carried over: Priority: unknown key"),
        (vec![newer], "TargetTrackingScalingPolicyConfiguration.ScaleMode: unknown key"),
    ];
    for (list, remark) in cases {
        check(&[targets(), policies(&list)], remark);
    }
}

#[test]
fn policies_with_different_alarms_have_one_tolerance() {
    let alarm = |name: &str, threshold: f64| {
        json!({ "AlarmName": name, "ComparisonOperator": "LessThanThreshold",
        "Threshold": threshold, "EvaluationPeriods": 15, "Period": 60 })
    };
    let mut one = cpu(60.0);
    one["Alarms"] = json!([{ "AlarmName": "one" }]);
    let memory = json!({ "TargetValue": 50, "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageMemoryUtilization" } });
    let mut other = tracking("memory", memory);
    other["Alarms"] = json!([{ "AlarmName": "other" }]);
    let alarms = json!({ "MetricAlarms": [alarm("one", 54.0), alarm("other", 40.0)] });
    check(
        &[targets(), policies(&[one, other]), alarms],
        "policy \"cpu\": not carried over: alarms 0 % over and 10 % under the target: a service has one tolerance, here 0 % and 20 %",
    );
}

#[test]
fn an_alarm_that_is_not_there_is_said() {
    let out = json!({ "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step(Some(0.0), None, 1)] });
    let documents = [targets(), policies(&[stepping("p", &["gone"], out)]), json!({ "MetricAlarms": [] })];
    check(&documents, "the alarm \"gone\" is no metric alarm or does not exist");
}

#[test]
fn a_scheduled_action_that_cannot_be_carried_over_is_said() {
    let min = |more: Value| {
        let mut settings = json!({ "ScalableTargetAction": { "MinCapacity": 2 } });
        extend(&mut settings, more);
        settings
    };
    let cases = [
        (
            action("s", "cron(0 8)", min(json!({}))),
            "scheduled action \"s\": not carried over: \"0 8\" is not a cron expression",
        ),
        (
            action("s", "cron(0 8 * * ? *)", min(json!({ "Timezone": "Mars/Olympus" }))),
            "\"Mars/Olympus\" is not a time zone",
        ),
        (action("s", "cron(0 8 * * ? *)", json!({})), "it sets neither a minimum nor a maximum"),
        (
            action("s", "at(2026-11-01T08:00:00)", min(json!({}))),
            "it has run for the last time, at 2026-11-01T08:00:00Z",
        ),
        (
            action("s", "cron(0 8 * * ? *)", min(json!({ "EndTime": "2026-11-20T00:00:00Z" }))),
            "it has run for the last time, at 2026-11-19T08:00:00Z",
        ),
        (
            action(
                "s",
                "cron(0 8 * * ? *)",
                min(json!({ "EndTime": "2026-11-20T00:00:00Z", "StartTime": "2026-11-19T12:00:00Z" })),
            ),
            "it has run for the last time, at 2026-11-19T12:00:00Z",
        ),
        (
            action(
                "s",
                "cron(0 8 * * ? *)",
                min(json!({ "StartTime": "2027-02-01T00:00:00Z", "EndTime": "2027-01-01T00:00:00Z" })),
            ),
            "the policy file cannot have it: 2027-01-01T00:00:00Z is not after the start",
        ),
    ];
    for (action, remark) in cases {
        check(&[targets(), policies(&[cpu(60.0)]), actions(&[action])], remark);
    }
}

#[test]
fn bounds_that_were_changed_by_hand_since_an_action_set_them_are_said() {
    let set = |min: u32| json!({ "ScalableTargetAction": { "MinCapacity": min, "MaxCapacity": 20 } });
    let same = [targets(), actions(&[action("a", "cron(0 8 * * ? *)", set(2))])];
    assert_eq!(imported(&same).remarks, []);
    let other = [
        targets(),
        actions(&[action("a", "cron(0 8 * * ? *)", set(5)), action("b", "cron(0 7 * * ? *)", set(9))]),
    ];
    check(
        &other,
        "MinCapacity 2: scheduled action \"a\" set 5 at 2026-11-23T08:00:00Z, and trimtab holds to that",
    );
    assert_eq!(imported(&other).remarks.len(), 1, "the ceiling is as it was set");
}

#[test]
fn what_is_suspended_by_schedule_is_said() {
    let mut suspended = targets();
    suspended["ScalableTargets"][0]["SuspendedState"] = json!({ "ScheduledScalingSuspended": true });
    let daily = action("daily", "cron(0 8 * * ? *)", json!({ "ScalableTargetAction": { "MinCapacity": 2 } }));
    check(&[suspended, policies(&[cpu(60.0)]), actions(&[daily])], "scheduled scaling is suspended");
}

#[test]
fn what_belongs_to_no_service_is_said() {
    let mut table = targets()["ScalableTargets"][0].clone();
    table["ResourceId"] = json!("table/orders");
    table["ScalableDimension"] = json!("dynamodb:table:ReadCapacityUnits");
    let mut odd = targets()["ScalableTargets"][0].clone();
    odd["ResourceId"] = json!("service/web");
    let mut all = targets();
    all["ScalableTargets"].as_array_mut().unwrap().extend([table, odd, json!({ "ResourceId": 7 })]);
    all["NextToken"] = json!("more");
    all["Odd"] = json!(1);
    let mut orphan = cpu(60.0);
    orphan["ResourceId"] = json!("service/prod/orphan");
    let documents = [all, policies(&[cpu(60.0), orphan])];
    for remark in [
        "scalable target \"table/orders\": not carried over: its dimension is \"dynamodb:table:ReadCapacityUnits\"",
        "scalable target \"service/web\": not carried over: it is not named as an ECS service",
        "input: not carried over: ScalableTargets[3] cannot be read: ResourceId: invalid type: integer `7`",
        "input: not carried over: NextToken: the output is one page of several",
        "input: not carried over: Odd: unknown key",
        "prod/orphan: policy \"cpu\": not carried over: the service has no scalable target here",
    ] {
        check(&documents, remark);
    }
}

#[test]
fn what_is_told_twice_and_differs_is_said() {
    let mut other_bounds = targets();
    other_bounds["ScalableTargets"][0]["MaxCapacity"] = json!(30);
    let set = |min: u32| json!({ "ScalableTargetAction": { "MinCapacity": min } });
    let daily = |min: u32| actions(&[action("daily", "at(2030-01-01T00:00:00)", set(min))]);
    let documents =
        [targets(), other_bounds, policies(&[cpu(60.0)]), policies(&[cpu(70.0)]), daily(2), daily(3)];
    for item in ["scalable target", "policy \"cpu\"", "scheduled action \"daily\""] {
        check(
            &documents,
            &format!("{item}: not carried over: it is told twice, and differs; the first is taken"),
        );
    }
    let same = [targets(), targets(), policies(&[cpu(60.0)]), policies(&[cpu(60.0)])];
    assert_eq!(imported(&same).remarks, []);
}

#[test]
fn a_service_that_nothing_scales_is_said() {
    let mut two = targets();
    let mut idle = two["ScalableTargets"][0].clone();
    idle["ResourceId"] = json!("service/prod/idle");
    idle["SuspendedStates"] = json!(1);
    two["ScalableTargets"].as_array_mut().unwrap().push(idle);
    check(
        &[two.clone(), policies(&[cpu(60.0)])],
        "prod/idle: scalable target: not carried over: nothing scales it",
    );
    check(
        &[two, policies(&[cpu(60.0)])],
        "prod/idle: scalable target: not carried over: SuspendedStates: unknown key",
    );
    let Err(ImportError::Nothing(remarks)) = try_import(&[targets()]) else {
        panic!("something is imported")
    };
    assert_eq!(remarks.len(), 1);
}

#[test]
fn bounds_that_no_policy_file_can_have_leave_the_service_out() {
    let mut wrong = targets();
    let mut huge = wrong["ScalableTargets"][0].clone();
    huge["ResourceId"] = json!("service/prod/huge");
    huge["MaxCapacity"] = json!(1_000_000);
    wrong["ScalableTargets"].as_array_mut().unwrap().insert(0, huge);
    let mut of_huge = cpu(60.0);
    of_huge["ResourceId"] = json!("service/prod/huge");
    check(
        &[wrong, policies(&[cpu(60.0), of_huge])],
        "prod/huge: scalable target: not carried over: the policy file cannot have it: max 1000000 is more than",
    );
}

#[test]
fn a_text_that_is_something_else_is_refused() {
    let cases = [
        ("", "it is empty"),
        ("ScalableTargets: []", "it is not JSON: expected value at line 1 column 1"),
        ("[]", "it has none of the keys"),
        (r#"{"Services": []}"#, "its keys are: Services"),
        (r#"{"ScalableTargets": {}}"#, "its keys are: ScalableTargets"),
    ];
    for (text, told) in cases {
        let error = Configuration::default().add(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn a_fleet_beyond_the_longest_policy_file_is_refused() {
    let mut many = json!({ "ScalableTargets": [] });
    let mut list = Vec::new();
    for number in 0..3000 {
        let mut one = targets()["ScalableTargets"][0].clone();
        let resource = format!("service/prod/service-{number}");
        one["ResourceId"] = json!(resource);
        many["ScalableTargets"].as_array_mut().unwrap().push(one);
        let mut policy = cpu(60.0);
        policy["ResourceId"] = json!(resource);
        list.push(policy);
    }
    let Err(ImportError::TooLong { bytes }) = try_import(&[many, policies(&list)]) else {
        panic!("it is imported")
    };
    assert!((1_100_000..1_600_000).contains(&bytes), "{bytes}");
}
