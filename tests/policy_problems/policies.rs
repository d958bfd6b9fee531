//! What is wrong with the other policies.

use crate::{Case, Text::Entry, assert_problems};

#[test]
fn steps_obey_the_rules_of_application_auto_scaling() {
    assert_problems(&STEP_SCALING);
}

const STEP_SCALING: [Case; 21] = [
    (
        "no alarm",
        Entry("policies: [{ step_scaling: { steps: [{ lower: 0, change: 1 }] } }]"),
        &[r#"5:32: services[0].policies[0].step_scaling: needs "alarm""#],
    ),
    (
        "no steps",
        Entry("policies: [{ step_scaling: { alarm: high, cooldown: 60s } }]"),
        &[r#"5:32: services[0].policies[0].step_scaling: needs "steps""#],
    ),
    (
        "an empty list of steps",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [] } }]"),
        &["5:54: services[0].policies[0].step_scaling.steps: has 0 steps; a policy has 1 to 20"],
    ),
    (
        "twenty-one steps",
        Entry(
            "policies: [{ step_scaling: { alarm: high, steps: [{ lower: -21, upper: -20, change: 1 }, { lower: -20, upper: -19, change: 1 }, { lower: -19, upper: -18, change: 1 }, { lower: -18, upper: -17, change: 1 }, { lower: -17, upper: -16, change: 1 }, { lower: -16, upper: -15, change: 1 }, { lower: -15, upper: -14, change: 1 }, { lower: -14, upper: -13, change: 1 }, { lower: -13, upper: -12, change: 1 }, { lower: -12, upper: -11, change: 1 }, { lower: -11, upper: -10, change: 1 }, { lower: -10, upper: -9, change: 1 }, { lower: -9, upper: -8, change: 1 }, { lower: -8, upper: -7, change: 1 }, { lower: -7, upper: -6, change: 1 }, { lower: -6, upper: -5, change: 1 }, { lower: -5, upper: -4, change: 1 }, { lower: -4, upper: -3, change: 1 }, { lower: -3, upper: -2, change: 1 }, { lower: -2, upper: -1, change: 1 }, { lower: -1, upper: 0, change: 1 }] } }]",
        ),
        &["5:54: services[0].policies[0].step_scaling.steps: has 21 steps; a policy has 1 to 20"],
    ),
    (
        "an unknown adjustment type",
        Entry(
            "policies: [{ step_scaling: { alarm: high, adjustment_type: ChangeCapacity, steps: [{ lower: 0, change: 1 }] } }]",
        ),
        &[
            r#"5:64: services[0].policies[0].step_scaling.adjustment_type: unknown value "ChangeCapacity"; did you mean "ChangeInCapacity"?"#,
        ],
    ),
    (
        "an unknown aggregation",
        Entry(
            "policies: [{ step_scaling: { alarm: high, metric_aggregation: Mean, steps: [{ lower: 0, change: 1 }] } }]",
        ),
        &[
            r#"5:67: services[0].policies[0].step_scaling.metric_aggregation: unknown value "Mean"; known here: Average, Minimum, Maximum"#,
        ],
    ),
    (
        "an alarm with two aggregations",
        Entry(
            "policies:
  - step_scaling: { alarm: high, steps: [{ lower: 0, change: 1 }] }
  - step_scaling: { alarm: high, metric_aggregation: Maximum, steps: [{ lower: 0, change: 1 }] }",
        ),
        &[
            r#"7:58: services[0].policies[1].step_scaling.metric_aggregation: is Maximum; another policy of the alarm "high" has Average; write the same in both"#,
        ],
    ),
    (
        "no change",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0 }] } }]"),
        &[r#"5:55: services[0].policies[0].step_scaling.steps[0]: needs "change""#],
    ),
    (
        "no bound at all",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [{ change: 1 }] } }]"),
        &[r#"5:55: services[0].policies[0].step_scaling.steps[0]: needs "lower" or "upper""#],
    ),
    (
        "bounds in the wrong order",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [{ lower: 10, upper: 0, change: 1 }] } }]"),
        &["5:55: services[0].policies[0].step_scaling.steps[0]: lower 10 is not below upper 0"],
    ),
    (
        "an overlap",
        Entry(
            "policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0, upper: 20, change: 1 }, { lower: 10, change: 2 }] } }]",
        ),
        &[
            "5:91: services[0].policies[0].step_scaling.steps[1]: begins at 10, within the step that ends at 20",
        ],
    ),
    (
        "a gap",
        Entry(
            "policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0, upper: 10, change: 1 }, { lower: 20, change: 2 }] } }]",
        ),
        &[
            "5:91: services[0].policies[0].step_scaling.steps[1]: begins at 20, but the step before it ends at 10: there is a gap",
        ],
    ),
    (
        "two steps without a lower bound",
        Entry(
            "policies: [{ step_scaling: { alarm: high, steps: [{ upper: -10, change: -2 }, { upper: 0, change: -1 }] } }]",
        ),
        &[
            r#"5:83: services[0].policies[0].step_scaling.steps[1]: another step has no "lower" either; just one may"#,
        ],
    ),
    (
        "two steps without an upper bound",
        Entry(
            "policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0, change: 1 }, { lower: 10, change: 2 }] } }]",
        ),
        &[
            r#"5:80: services[0].policies[0].step_scaling.steps[1]: another step has no "upper" either; just one may"#,
        ],
    ),
    (
        "an overlap with a step without an upper bound",
        Entry(
            "policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0, change: 1 }, { lower: 5, upper: 10, change: 2 }] } }]",
        ),
        &[
            r#"5:80: services[0].policies[0].step_scaling.steps[1]: overlaps the step from 0 on, which has no "upper": this one begins at 5"#,
        ],
    ),
    (
        "nothing takes what is far below",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [{ lower: -20, upper: 0, change: -1 }] } }]"),
        &[
            r#"5:64: services[0].policies[0].step_scaling.steps[0].lower: is -20, and no step takes what is below; leave out the lowest step's "lower""#,
        ],
    ),
    (
        "nothing takes what is far above",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0, upper: 20, change: 1 }] } }]"),
        &[
            r#"5:74: services[0].policies[0].step_scaling.steps[0].upper: is 20, and no step takes what is above; leave out the highest step's "upper""#,
        ],
    ),
    (
        "a negative count",
        Entry(
            "policies: [{ step_scaling: { alarm: high, adjustment_type: ExactCapacity, steps: [{ lower: 0, change: -1 }] } }]",
        ),
        &[
            "5:107: services[0].policies[0].step_scaling.steps[0].change: is -1; with ExactCapacity it is the count itself, 0 or more",
        ],
    ),
    (
        "a fraction of a task",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0, change: 1.5 }] } }]"),
        &["5:75: services[0].policies[0].step_scaling.steps[0].change: expected a whole number, found 1.5"],
    ),
    (
        "a change beyond reason",
        Entry("policies: [{ step_scaling: { alarm: high, steps: [{ lower: 0, change: 200000 }] } }]"),
        &[
            "5:75: services[0].policies[0].step_scaling.steps[0].change: is 200000; that is more than a service can have",
        ],
    ),
    (
        "a cooldown of two days",
        Entry(
            "policies: [{ step_scaling: { alarm: high, cooldown: 48h, steps: [{ lower: 0, change: 1 }] } }]",
        ),
        &["5:57: services[0].policies[0].step_scaling.cooldown: is 48h; it must be 24h at most"],
    ),
];

#[test]
fn a_queue_policy_is_checked() {
    assert_problems(&QUEUE);
}

const QUEUE: [Case; 18] = [
    (
        "an unknown answer to missing data",
        Entry("policies: [{ queue: { queue: orders, start_within: 60s, on_missing_metrics: ignore } }]"),
        &[
            r#"5:81: services[0].policies[0].queue.on_missing_metrics: unknown value "ignore"; known here: hold, fallback"#,
        ],
    ),
    (
        "a fallback beyond reason",
        Entry(
            "policies: [{ queue: { queue: orders, start_within: 60s, on_missing_metrics: { fallback: 200000 } } }]",
        ),
        &[
            "5:93: services[0].policies[0].queue.on_missing_metrics.fallback: is 200000; that is more than a service can have",
        ],
    ),
    (
        "no queue",
        Entry("policies: [{ queue: { start_within: 60s } }]"),
        &[r#"5:25: services[0].policies[0].queue: needs "queue""#],
    ),
    (
        "an empty list of queues",
        Entry("policies: [{ queue: { queue: [], start_within: 60s } }]"),
        &["5:34: services[0].policies[0].queue.queue: is empty; name a queue"],
    ),
    (
        "a queue that is a mapping",
        Entry("policies: [{ queue: { queue: { name: orders }, start_within: 60s } }]"),
        &["5:34: services[0].policies[0].queue.queue: expected text or a list, found a mapping"],
    ),
    (
        "no goal",
        Entry("policies: [{ queue: { queue: orders } }]"),
        &[r#"5:25: services[0].policies[0].queue: needs either "start_within" or "backlog_per_task""#],
    ),
    (
        "two goals",
        Entry("policies: [{ queue: { queue: orders, start_within: 60s, backlog_per_task: 10 } }]"),
        &[
            r#"5:25: services[0].policies[0].queue: has both "start_within" and "backlog_per_task"; keep one of them"#,
        ],
    ),
    (
        "no time to start",
        Entry("policies: [{ queue: { queue: orders, start_within: 0s } }]"),
        &["5:56: services[0].policies[0].queue.start_within: is 0s; it must be longer"],
    ),
    (
        "no backlog",
        Entry("policies: [{ queue: { queue: orders, backlog_per_task: 0 } }]"),
        &["5:60: services[0].policies[0].queue.backlog_per_task: is 0; it must be above 0"],
    ),
    (
        "a negative activation",
        Entry("policies: [{ queue: { queue: orders, start_within: 60s, activation: -1 } }]"),
        &["5:73: services[0].policies[0].queue.activation: expected a whole number, 0 or more, found -1"],
    ),
    (
        "a name that SQS does not know",
        Entry(r#"policies: [{ queue: { queue: "orders queue", start_within: 60s } }]"#),
        &[
            r#"5:34: services[0].policies[0].queue.queue: "orders queue" is not an SQS queue; write its URL, its ARN or its name: letters, digits, - and _, 80 at most, and .fifo at the end of a FIFO queue's name"#,
        ],
    ),
    (
        "a suffix that SQS does not know",
        Entry("policies: [{ queue: { queue: orders.lifo, start_within: 60s } }]"),
        &[
            r#"5:34: services[0].policies[0].queue.queue: "orders.lifo" is not an SQS queue; write its URL, its ARN or its name: letters, digits, - and _, 80 at most, and .fifo at the end of a FIFO queue's name"#,
        ],
    ),
    (
        "a name of eighty-one letters",
        Entry(
            "policies: [{ queue: { queue: qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq, start_within: 60s } }]",
        ),
        &[
            r#"5:34: services[0].policies[0].queue.queue: "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq" is not an SQS queue; write its URL, its ARN or its name: letters, digits, - and _, 80 at most, and .fifo at the end of a FIFO queue's name"#,
        ],
    ),
    (
        "the ARN of a topic",
        Entry(
            r#"policies: [{ queue: { queue: "arn:aws:sns:eu-central-1:123456789012:orders", start_within: 60s } }]"#,
        ),
        &[
            r#"5:34: services[0].policies[0].queue.queue: "arn:aws:sns:eu-central-1:123456789012:orders" is not an SQS queue; write its URL, its ARN or its name: letters, digits, - and _, 80 at most, and .fifo at the end of a FIFO queue's name"#,
        ],
    ),
    (
        "the URL of nothing",
        Entry(
            r#"policies: [{ queue: { queue: "https://sqs.eu-central-1.amazonaws.com/123456789012/", start_within: 60s } }]"#,
        ),
        &[
            r#"5:34: services[0].policies[0].queue.queue: "https://sqs.eu-central-1.amazonaws.com/123456789012/" is not an SQS queue; write its URL, its ARN or its name: letters, digits, - and _, 80 at most, and .fifo at the end of a FIFO queue's name"#,
        ],
    ),
    (
        "a misspelt placeholder",
        Entry(r#"policies: [{ queue: { queue: "{cluter}-jobs", start_within: 60s } }]"#),
        &[
            r#"5:34: services[0].policies[0].queue.queue: unknown placeholder "{cluter}"; did you mean "{cluster}"?"#,
        ],
    ),
    (
        "a queue twice in a list",
        Entry(
            r#"policies: [{ queue: { queue: [orders, "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"], start_within: 60s } }]"#,
        ),
        &[r#"5:34: services[0].policies[0].queue.queue: the service has another queue called "orders""#],
    ),
    (
        "a queue in two policies",
        Entry(
            r#"policies:
  - queue: { queue: checkout-jobs, start_within: 60s }
  - queue: { queue: "{service}-jobs", backlog_per_task: 5 }"#,
        ),
        &[
            r#"7:25: services[0].policies[1].queue.queue: the service has another queue called "checkout-jobs""#,
        ],
    ),
];

#[test]
fn a_service_level_is_checked() {
    assert_problems(&SERVICE_LEVEL);
}

const SERVICE_LEVEL: [Case; 8] = [
    (
        "no load balancer",
        Entry("policies: [{ service_level: { latency: 300ms, percent: 99 } }]"),
        &[r#"5:33: services[0].policies[0].service_level: needs "load_balancer""#],
    ),
    (
        "an ARN as the load balancer",
        Entry(
            r#"policies: [{ service_level: { load_balancer: "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/a/1", latency: 300ms, percent: 99 } }]"#,
        ),
        &[
            r#"5:50: services[0].policies[0].service_level.load_balancer: "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/a/1" is not a load balancer; write app/<name>/<id>, the end of its ARN"#,
        ],
    ),
    (
        "a target group that is none",
        Entry(
            "policies: [{ service_level: { load_balancer: app/a/1, target_group: app/a/1, latency: 300ms, percent: 99 } }]",
        ),
        &[
            r#"5:73: services[0].policies[0].service_level.target_group: "app/a/1" is not a target group; write targetgroup/<name>/<id>, the end of its ARN"#,
        ],
    ),
    (
        "no latency",
        Entry("policies: [{ service_level: { load_balancer: app/a/1, percent: 99 } }]"),
        &[r#"5:33: services[0].policies[0].service_level: needs "latency""#],
    ),
    (
        "a latency of zero",
        Entry("policies: [{ service_level: { load_balancer: app/a/1, latency: 0s, percent: 99 } }]"),
        &["5:68: services[0].policies[0].service_level.latency: is 0s; it must be longer"],
    ),
    (
        "a latency as a number",
        Entry("policies: [{ service_level: { load_balancer: app/a/1, latency: 0.3, percent: 99 } }]"),
        &[
            "5:68: services[0].policies[0].service_level.latency: expected a duration such as 30s, found 0.3; did you mean 0.3s?",
        ],
    ),
    (
        "all requests",
        Entry("policies: [{ service_level: { load_balancer: app/a/1, latency: 300ms, percent: 100 } }]"),
        &["5:84: services[0].policies[0].service_level.percent: is 100; it must be above 0 and below 100"],
    ),
    (
        "no request",
        Entry("policies: [{ service_level: { load_balancer: app/a/1, latency: 300ms, percent: 0 } }]"),
        &["5:84: services[0].policies[0].service_level.percent: is 0; it must be above 0 and below 100"],
    ),
];

#[test]
fn names_and_the_formula_over_them_are_checked() {
    assert_problems(&COMBINE);
}

const COMBINE: [Case; 17] = [
    (
        "a formula that braces cut at its comma",
        Entry(
            "predictive: {}
combine: { formula: max(a, b) }",
        ),
        &[
            "6:14: services[0].combine: expected one key with its settings indented under it, found several; put the formula in quotes: a comma in braces begins a key",
        ],
    ),
    (
        "an unknown rule",
        Entry(
            "predictive: {}
combine: highest",
        ),
        &[r#"6:14: services[0].combine: unknown value "highest"; known here: max, all_agree, formula"#],
    ),
    (
        "a formula without its text",
        Entry(
            "predictive: {}
combine: formula",
        ),
        &["6:14: services[0].combine: needs its settings under it"],
    ),
    (
        "a number for a formula",
        Entry(
            "predictive: {}
combine: { formula: 5 }",
        ),
        &["6:25: services[0].combine.formula: expected text, found 5; write it in quotes"],
    ),
    (
        "a misspelt name",
        Entry(
            "policies: [{ queue: { name: orders, queue: orders, backlog_per_task: 10 } }]
combine: { formula: \"max(orders, 2 * ordres)\" }",
        ),
        &[
            r#"6:25: services[0].combine.formula: no policy has the name "ordres" (character 17); did you mean "orders"?"#,
        ],
    ),
    (
        "a name that is like no other",
        Entry(
            "policies: [{ queue: { name: orders, queue: orders, backlog_per_task: 10 } }]
combine: { formula: \"max(orders, cpu)\" }",
        ),
        &[
            r#"6:25: services[0].combine.formula: no policy has the name "cpu" (character 13); known here: orders"#,
        ],
    ),
    (
        "a policy without a name",
        Entry(
            "policies: [{ queue: { queue: orders, backlog_per_task: 10 } }]
combine: { formula: orders }",
        ),
        &[
            r#"5:25: services[0].policies[0].queue: needs "name", since combine has a formula"#,
            r#"6:25: services[0].combine.formula: no policy has the name "orders" (character 1); give it to one, as in target_tracking: { name: orders, metric: ... }"#,
        ],
    ),
    (
        "a policy that is left out",
        Entry(
            "policies:
  - queue: { name: orders, queue: orders, backlog_per_task: 10 }
  - queue: { name: mails, queue: mails, backlog_per_task: 10 }
combine: { formula: orders + 1 }",
        ),
        &[
            r#"7:24: services[0].policies[1].queue.name: the formula of combine leaves "mails" out, so it would ask in vain; use it there, or remove the policy"#,
        ],
    ),
    (
        "a formula of nothing",
        Entry(
            "predictive: {}
combine: { formula: 2 * 3 }",
        ),
        &["6:25: services[0].combine.formula: names no policy"],
    ),
    (
        "an unknown function",
        Entry(
            "policies: [{ queue: { name: orders, queue: orders, backlog_per_task: 10 } }]
combine: { formula: mim(orders) }",
        ),
        &[r#"6:25: services[0].combine.formula: unknown function "mim" (character 1); did you mean "min"?"#],
    ),
    (
        "a condition for a count",
        Entry(
            "policies: [{ queue: { name: orders, queue: orders, backlog_per_task: 10 } }]
combine: { formula: orders > 5 }",
        ),
        &["6:25: services[0].combine.formula: expected a number, found a condition (character 1)"],
    ),
    (
        "a formula that ends too soon",
        Entry(
            "policies: [{ queue: { name: orders, queue: orders, backlog_per_task: 10 } }]
combine: { formula: (orders + 1 }",
        ),
        &[r#"6:25: services[0].combine.formula: ends where ")" is expected"#],
    ),
    (
        "a name that is no word",
        Entry("policies: [{ queue: { name: orders-queue, queue: orders, backlog_per_task: 10 } }]"),
        &[
            r#"5:33: services[0].policies[0].queue.name: "orders-queue" cannot be named in a formula; write letters, digits and underscores, as in orders_queue; 64 at most"#,
        ],
    ),
    (
        "the name of a function",
        Entry("policies: [{ queue: { name: max, queue: orders, backlog_per_task: 10 } }]"),
        &[
            r#"5:33: services[0].policies[0].queue.name: "max" is a function of formulas; choose another name"#,
        ],
    ),
    (
        "an empty name",
        Entry(r#"policies: [{ queue: { name: "", queue: orders, backlog_per_task: 10 } }]"#),
        &["5:33: services[0].policies[0].queue.name: is empty"],
    ),
    (
        "a name twice",
        Entry(
            "policies:
  - queue: { name: work, queue: orders, backlog_per_task: 10 }
  - queue: { name: work, queue: mails, backlog_per_task: 10 }",
        ),
        &[r#"7:24: services[0].policies[1].queue.name: "work" is the name of another one of the policies"#],
    ),
    (
        "a policy that cannot be read, whose name is not missed",
        Entry(
            "policies: [{ queue: { name: orders, queue: orders, backlog_per_task: ten } }]
combine: { formula: orders }",
        ),
        &[r#"5:74: services[0].policies[0].queue.backlog_per_task: expected a number, found "ten""#],
    ),
];
