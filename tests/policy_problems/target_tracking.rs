//! What is wrong with target tracking policies and their metrics.

use crate::{Case, Text::Entry, assert_problems};

#[test]
fn a_target_tracking_policy_is_checked() {
    assert_problems(&TARGET_TRACKING);
}

const TARGET_TRACKING: [Case; 28] = [
    (
        "no metric",
        Entry("policies: [{ target_tracking: { target: 60 } }]"),
        &[r#"5:35: services[0].policies[0].target_tracking: needs "metric""#],
    ),
    (
        "no target",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization } }]"),
        &[r#"5:35: services[0].policies[0].target_tracking: needs "target""#],
    ),
    (
        "an unknown key with a near one",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, targt: 60 } }]",
        ),
        &[r#"5:90: services[0].policies[0].target_tracking: unknown key "targt"; did you mean "target"?"#],
    ),
    (
        "the key of Application Auto Scaling",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_in_cool_down: 60s } }]",
        ),
        &[
            r#"5:90: services[0].policies[0].target_tracking: unknown key "scale_in_cool_down"; did you mean "scale_in_cooldown"?"#,
        ],
    ),
    (
        "an unknown policy",
        Entry("policies: [{ target_traking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]"),
        &[
            r#"5:16: services[0].policies[0]: unknown value "target_traking"; did you mean "target_tracking"?"#,
        ],
    ),
    (
        "two policies in one element",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }, queue: { queue: q, start_within: 1m } }]",
        ),
        &[
            "5:16: services[0].policies[0]: expected one key with its settings indented under it, found several",
        ],
    ),
    (
        "a policy that is only its name",
        Entry("policies: [target_tracking]"),
        &["5:16: services[0].policies[0]: needs its settings under it"],
    ),
    (
        "an unknown predefined metric",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilisation, target: 60 } }]"),
        &[
            r#"5:45: services[0].policies[0].target_tracking.metric: unknown value "ECSServiceAverageCPUUtilisation"; did you mean "ECSServiceAverageCPUUtilization"?"#,
        ],
    ),
    (
        "a metric that is a number",
        Entry("policies: [{ target_tracking: { metric: 5, target: 60 } }]"),
        &[
            "5:45: services[0].policies[0].target_tracking.metric: expected the name of a predefined metric, or the keys of a metric, found 5",
        ],
    ),
    (
        "a target of zero",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 0 } }]"),
        &["5:86: services[0].policies[0].target_tracking.target: is 0; it must be above 0"],
    ),
    (
        "a negative target",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: -60 } }]"),
        &["5:86: services[0].policies[0].target_tracking.target: is -60; it must be above 0"],
    ),
    (
        "a target that is not a number",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: .nan } }]"),
        &[r#"5:86: services[0].policies[0].target_tracking.target: expected a number, found ".nan""#],
    ),
    (
        "an infinite target",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: .inf } }]"),
        &[r#"5:86: services[0].policies[0].target_tracking.target: expected a number, found ".inf""#],
    ),
    (
        "a target beyond floating point",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 1e999 } }]"),
        &[r#"5:86: services[0].policies[0].target_tracking.target: expected a number, found "1e999""#],
    ),
    (
        "a target in per cent",
        Entry("policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60% } }]"),
        &[
            r#"5:86: services[0].policies[0].target_tracking.target: expected a number, found "60%"; write 60"#,
        ],
    ),
    (
        "no points out",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_out_after: 0 } }]",
        ),
        &[
            "5:107: services[0].policies[0].target_tracking.scale_out_after: is 0; it must be from 1 to 60 points",
        ],
    ),
    (
        "too many points in",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_in_after: 61 } }]",
        ),
        &[
            "5:106: services[0].policies[0].target_tracking.scale_in_after: is 61; it must be from 1 to 60 points",
        ],
    ),
    (
        "some points out of fewer",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_out_after: 3, scale_out_within: 2 } }]",
        ),
        &[
            "5:128: services[0].policies[0].target_tracking.scale_out_within: is 2; it must be from scale_out_after, 3, to 60 points",
        ],
    ),
    (
        "fewer points in than the default",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_in_within: 4 } }]",
        ),
        &[
            "5:107: services[0].policies[0].target_tracking.scale_in_within: is 4; it must be from scale_in_after, 5, to 60 points",
        ],
    ),
    (
        "points of more than an hour",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_in_within: 61 } }]",
        ),
        &[
            "5:107: services[0].policies[0].target_tracking.scale_in_within: is 61; it must be from scale_in_after, 5, to 60 points",
        ],
    ),
    (
        "a cooldown without a unit",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_in_cooldown: 60 } }]",
        ),
        &[
            "5:109: services[0].policies[0].target_tracking.scale_in_cooldown: expected a duration such as 30s, found 60; did you mean 60s?",
        ],
    ),
    (
        "a cooldown in words",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_in_cooldown: a minute } }]",
        ),
        &[
            r#"5:109: services[0].policies[0].target_tracking.scale_in_cooldown: "a minute" is not a duration: write 30s, 5m, 1h, 300ms or ISO 8601 as in PT30S"#,
        ],
    ),
    (
        "a cooldown of days",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_out_cooldown: 2d } }]",
        ),
        &[
            "5:110: services[0].policies[0].target_tracking.scale_out_cooldown: is 48h; it must be 24h at most",
        ],
    ),
    (
        "a truth value of YAML 1.1",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, disable_scale_in: yes } }]",
        ),
        &[
            r#"5:108: services[0].policies[0].target_tracking.disable_scale_in: expected true or false, found "yes"; write true"#,
        ],
    ),
    (
        "requests per target without a label",
        Entry("policies: [{ target_tracking: { metric: ALBRequestCountPerTarget, target: 800 } }]"),
        &[
            r#"5:35: services[0].policies[0].target_tracking: ALBRequestCountPerTarget needs "resource_label"; write resource_label: app/<lb>/<id>/targetgroup/<tg>/<id>, the ends of the two ARNs"#,
        ],
    ),
    (
        "half a resource label",
        Entry(
            "policies: [{ target_tracking: { metric: ALBRequestCountPerTarget, target: 800, resource_label: app/my-alb/778d41231b141a0f } }]",
        ),
        &[
            r#"5:100: services[0].policies[0].target_tracking.resource_label: "app/my-alb/778d41231b141a0f" does not name a load balancer and a target group; write resource_label: app/<lb>/<id>/targetgroup/<tg>/<id>, the ends of the two ARNs"#,
        ],
    ),
    (
        "a network load balancer",
        Entry(
            "policies: [{ target_tracking: { metric: ALBRequestCountPerTarget, target: 800, resource_label: net/a/1/targetgroup/b/2 } }]",
        ),
        &[
            r#"5:100: services[0].policies[0].target_tracking.resource_label: "net/a/1/targetgroup/b/2" does not name a load balancer and a target group; write resource_label: app/<lb>/<id>/targetgroup/<tg>/<id>, the ends of the two ARNs"#,
        ],
    ),
    (
        "a label of another metric",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, resource_label: app/a/1/targetgroup/b/2 } }]",
        ),
        &[
            "5:106: services[0].policies[0].target_tracking.resource_label: is only for the metric ALBRequestCountPerTarget",
        ],
    ),
];

#[test]
fn a_custom_metric_is_checked() {
    assert_problems(&METRIC);
}

const METRIC: [Case; 19] = [
    (
        "no namespace",
        Entry("policies: [{ target_tracking: { metric: { name: Sessions }, target: 1 } }]"),
        &[
            r#"5:45: services[0].policies[0].target_tracking.metric: a metric needs "namespace" and "name", or "metrics" for metric math"#,
        ],
    ),
    (
        "no name",
        Entry("policies: [{ target_tracking: { metric: { namespace: MyApp }, target: 1 } }]"),
        &[
            r#"5:45: services[0].policies[0].target_tracking.metric: a metric needs "namespace" and "name", or "metrics" for metric math"#,
        ],
    ),
    (
        "an odd period",
        Entry(
            "policies: [{ target_tracking: { metric: { namespace: MyApp, name: Sessions, period: 45s }, target: 1 } }]",
        ),
        &[
            "5:89: services[0].policies[0].target_tracking.metric.period: 45s is no period of CloudWatch; write 10s, 20s, 30s or whole minutes up to a day",
        ],
    ),
    (
        "a period of zero",
        Entry(
            "policies: [{ target_tracking: { metric: { namespace: MyApp, name: Sessions, period: 0s }, target: 1 } }]",
        ),
        &[
            "5:89: services[0].policies[0].target_tracking.metric.period: 0s is no period of CloudWatch; write 10s, 20s, 30s or whole minutes up to a day",
        ],
    ),
    (
        "an offset of hours",
        Entry(
            "policies: [{ target_tracking: { metric: { namespace: MyApp, name: Sessions, offset: 2h }, target: 1 } }]",
        ),
        &["5:89: services[0].policies[0].target_tracking.metric.offset: is 2h; it must be 1h at most"],
    ),
    (
        "a dimension that is a number",
        Entry(
            "policies: [{ target_tracking: { metric: { namespace: MyApp, name: Sessions, dimensions: { Port: 80 } }, target: 1 } }]",
        ),
        &[
            "5:101: services[0].policies[0].target_tracking.metric.dimensions.Port: expected text, found 80; write it in quotes",
        ],
    ),
    (
        "a placeholder without quotes",
        Entry(
            "policies: [{ target_tracking: { metric: { namespace: MyApp, name: Sessions, dimensions: { Service: {service} } }, target: 1 } }]",
        ),
        &[
            r#"5:104: services[0].policies[0].target_tracking.metric.dimensions.Service: expected text, found a mapping; text in braces needs quotes, as in "{service}""#,
        ],
    ),
    (
        "a misspelt placeholder",
        Entry(
            r#"policies: [{ target_tracking: { metric: { namespace: MyApp, name: Sessions, dimensions: { Service: "{servce}" } }, target: 1 } }]"#,
        ),
        &[
            r#"5:104: services[0].policies[0].target_tracking.metric.dimensions.Service: unknown placeholder "{servce}"; did you mean "{service}"?"#,
        ],
    ),
    (
        "a dimension twice",
        Entry(
            "policies: [{ target_tracking: { metric: { namespace: MyApp, name: Sessions, dimensions: [{ name: A, value: x }, { name: A, value: y }] }, target: 1 } }]",
        ),
        &[
            r#"5:125: services[0].policies[0].target_tracking.metric.dimensions[1].name: the dimension "A" is here a second time"#,
        ],
    ),
    (
        "math beside a namespace",
        Entry(
            r#"policies: [{ target_tracking: { metric: { namespace: MyApp, metrics: [{ id: a, expression: "1" }] }, target: 1 } }]"#,
        ),
        &[
            r#"5:58: services[0].policies[0].target_tracking.metric.namespace: has no place beside "metrics": each entry has its own metric_stat"#,
        ],
    ),
    (
        "math without an entry",
        Entry("policies: [{ target_tracking: { metric: { metrics: [] }, target: 1 } }]"),
        &[
            "5:56: services[0].policies[0].target_tracking.metric.metrics: has 0 entries; metric math has 1 to 10",
        ],
    ),
    (
        "math with eleven entries",
        Entry(
            r#"policies: [{ target_tracking: { metric: { metrics: [{ id: m0, expression: "1" }, { id: m1, expression: "1" }, { id: m2, expression: "1" }, { id: m3, expression: "1" }, { id: m4, expression: "1" }, { id: m5, expression: "1" }, { id: m6, expression: "1" }, { id: m7, expression: "1" }, { id: m8, expression: "1" }, { id: m9, expression: "1" }, { id: m10, expression: "1" }] }, target: 1 } }]"#,
        ),
        &[
            "5:56: services[0].policies[0].target_tracking.metric.metrics: has 11 entries; metric math has 1 to 10",
        ],
    ),
    (
        "an id in capitals",
        Entry(
            r#"policies: [{ target_tracking: { metric: { metrics: [{ id: Visible, expression: "1" }] }, target: 1 } }]"#,
        ),
        &[
            r#"5:63: services[0].policies[0].target_tracking.metric.metrics[0].id: "Visible" is not an id; begin with a lower-case letter; then letters, digits and underscores"#,
        ],
    ),
    (
        "an id twice",
        Entry(
            r#"policies: [{ target_tracking: { metric: { metrics: [{ id: a, expression: "1", return_data: false }, { id: a, expression: "2" }] }, target: 1 } }]"#,
        ),
        &[
            r#"5:111: services[0].policies[0].target_tracking.metric.metrics[1].id: another entry has the id "a""#,
        ],
    ),
    (
        "two results",
        Entry(
            r#"policies: [{ target_tracking: { metric: { metrics: [{ id: a, expression: "1" }, { id: b, expression: "2" }] }, target: 1 } }]"#,
        ),
        &[
            "5:56: services[0].policies[0].target_tracking.metric.metrics: 2 entries return data; just one may; write return_data: false on those that only feed an expression",
        ],
    ),
    (
        "no result",
        Entry(
            r#"policies: [{ target_tracking: { metric: { metrics: [{ id: a, expression: "1", return_data: false }] }, target: 1 } }]"#,
        ),
        &[
            "5:56: services[0].policies[0].target_tracking.metric.metrics: 0 entries return data; just one may; write return_data: false on those that only feed an expression",
        ],
    ),
    (
        "neither expression nor statistic",
        Entry("policies: [{ target_tracking: { metric: { metrics: [{ id: a }] }, target: 1 } }]"),
        &[
            r#"5:57: services[0].policies[0].target_tracking.metric.metrics[0]: an entry of metric math needs either "expression" or "metric_stat""#,
        ],
    ),
    (
        "a statistic without its metric",
        Entry(
            "policies: [{ target_tracking: { metric: { metrics: [{ id: a, metric_stat: { stat: Sum } }] }, target: 1 } }]",
        ),
        &[r#"5:79: services[0].policies[0].target_tracking.metric.metrics[0].metric_stat: needs "metric""#],
    ),
    (
        "the spelling of AWS",
        Entry(
            "policies: [{ target_tracking: { metric: { metrics: [{ id: a, MetricStat: {} }] }, target: 1 } }]",
        ),
        &[
            r#"5:57: services[0].policies[0].target_tracking.metric.metrics[0]: an entry of metric math needs either "expression" or "metric_stat""#,
            r#"5:66: services[0].policies[0].target_tracking.metric.metrics[0]: unknown key "MetricStat"; did you mean "metric_stat"?"#,
        ],
    ),
];
