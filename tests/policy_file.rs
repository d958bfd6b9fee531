//! A good policy file becomes the model's values: every key, its default, and what it means for each service.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use trimtab::config::{PolicyFile, schema};
use trimtab::model::blast_radius::BlastRadius;
use trimtab::model::metric::MetricTerm;
use trimtab::model::policy::*;
use trimtab::model::target::{AasRegistered, Combine, DuringDeployment, Mode, OnMissingMetrics};
use trimtab::model::{Capacity, Metric, MetricSource, ScalableTarget, ServiceId};

const MINUTE: Duration = Duration::from_secs(60);

fn good(text: &str) -> PolicyFile {
    let file =
        PolicyFile::parse("trimtab.yaml", text).unwrap_or_else(|problems| panic!("{}\n{text}", problems[0]));
    assert_eq!(file.problems, [], "{text}");
    file
}

/// The target that an entry of `prod/checkout` with this content makes.
fn target(content: &str) -> ScalableTarget {
    let head = "version: 1\nservices:\n  - service: prod/checkout\n    capacity: { min: 1, max: 9 }";
    let content = content.replace('\n', "\n    ");
    target_of(&good(&format!("{head}\n    {content}\n")), "prod/checkout")
}

fn target_of(file: &PolicyFile, service: &str) -> ScalableTarget {
    let service: ServiceId = service.parse().unwrap();
    file.entry_for(&service).unwrap().expect("an entry selects the service").target_for(&service)
}

fn stat(metric: &Metric) -> (&str, &str, BTreeMap<&str, &str>, &str) {
    let MetricSource::Stat(stat) = &metric.source else { panic!("{} is metric math", metric.key) };
    let dimensions = stat.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    (&stat.namespace, &stat.name, dimensions, &stat.stat)
}

fn keys(target: &ScalableTarget) -> Vec<&str> {
    target.policies.iter().flat_map(ScalingPolicy::metrics).map(|metric| metric.key.as_str()).collect()
}

fn names(target: &ScalableTarget) -> Vec<&str> {
    target.policies.iter().map(|policy| policy.name.as_str()).collect()
}

#[test]
fn keys_that_are_left_out_have_the_defaults_of_the_reference() {
    let written = fs::read_to_string("docs/examples/every-key.yaml").unwrap();
    let written = target_of(&good(&written), "prod/checkout");
    let short = target(
        "policies:
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
  - target_tracking: { metric: ALBRequestCountPerTarget, target: 800,
      resource_label: app/my-alb/778d41231b141a0f/targetgroup/my-tg/943f017f100becff }
  - target_tracking: { metric: { namespace: MyApp, name: ActiveSessions, dimensions: { Service: checkout } }, target: 100 }
  - step_scaling: { alarm: checkout-latency-high, steps: [{ lower: 0, upper: 15, change: 1 }, { lower: 15, change: 3 }] }
  - queue: { queue: \"https://sqs.eu-central-1.amazonaws.com/123456789012/orders\", start_within: 60s }
  - service_level: { load_balancer: app/my-alb/778d41231b141a0f, latency: 300ms, percent: 99.9 }
predictive: {}
schedules:
  - { name: weekday-morning, schedule: cron(0 8 ? * MON-FRI *), timezone: Europe/Berlin, start: 2026-12-01T00:00:00Z,
      capacity: { min: 10, max: 60 } }
windows:
  - { name: closed-at-night, start: cron(0 20 ? * MON-FRI *), end: cron(0 7 ? * MON-FRI *), timezone: Europe/Berlin,
      capacity: { min: 0, max: 0 } }",
    );
    assert_eq!(short, ScalableTarget { capacity: Capacity::new(1, 9).unwrap(), ..written });
}

#[test]
fn an_entry_with_only_what_it_needs_is_active_and_careful() {
    let target = target(
        "windows: [{ name: w, start: at(2026-12-01T08:00:00), end: rate(1 day), capacity: { min: 2 } }]",
    );
    assert_eq!(target.mode, Mode::Active);
    assert_eq!((target.policies, target.combine), (vec![], Combine::Max));
    assert_eq!(target.predictive, None);
    assert_eq!(target.warm_up, Duration::ZERO);
    assert_eq!(target.look_at_least_every, Duration::from_secs(600));
    assert_eq!(target.behavior, Behavior::default());
    assert_eq!(target.on_missing_metrics, OnMissingMetrics::Hold);
    assert_eq!(target.during_deployment, DuringDeployment::NoScaleIn);
    assert_eq!(target.aas, AasRegistered::Refuse);
    assert_eq!((target.windows[0].capacity.min, target.windows[0].capacity.max), (Some(2), None));
}

#[test]
fn every_key_of_an_entry_reaches_the_target() {
    let target = target(
        "mode: shadow
combine: all_agree
predictive: { mode: ForecastOnly, scheduling_buffer: 10m, max_capacity_breach_behavior: IncreaseMaxCapacity }
warm_up: PT45S
look_at_least_every: 3m
behavior:
  scale_out: { stabilization: 30s, policies: [{ percent: 100, period: 15s }] }
  scale_in: { tolerance: 0.2, select: Disabled, policies: [] }
on_missing_metrics: { fallback: 6 }
during_deployment: ignore
aas: warn",
    );
    assert_eq!((target.mode, target.combine), (Mode::Shadow, Combine::AllAgree));
    let forecast = target.predictive.unwrap();
    assert_eq!((forecast.mode, forecast.scheduling_buffer), (PredictiveMode::ForecastOnly, 10 * MINUTE));
    assert_eq!(forecast.max_capacity_breach, MaxCapacityBreach::IncreaseMaxCapacity { buffer_percent: 10 });
    assert_eq!(target.warm_up, Duration::from_secs(45));
    assert_eq!(target.look_at_least_every, Duration::from_secs(180));
    let Behavior { scale_out, scale_in } = target.behavior;
    assert_eq!((scale_out.tolerance, scale_out.stabilization), (0.0, Duration::from_secs(30)));
    let limit = RateLimit { amount: RateAmount::Percent(100), period: Duration::from_secs(15) };
    assert_eq!(scale_out.policies, [limit]);
    assert_eq!(
        (scale_in.tolerance, scale_in.select, scale_in.policies),
        (0.2, SelectPolicy::Disabled, vec![])
    );
    assert_eq!(target.on_missing_metrics, OnMissingMetrics::Fallback(6));
    assert_eq!((target.during_deployment, target.aas), (DuringDeployment::Ignore, AasRegistered::Warn));
}

#[test]
fn a_policy_has_the_name_that_it_is_given_and_a_formula_names_it() {
    let target = target(
        "policies:
  - target_tracking: { name: cpu, metric: ECSServiceAverageCPUUtilization, target: 60 }
  - queue: { name: orders, queue: \"{service}-orders\", backlog_per_task: 10 }
combine:
  formula: |
    cpu > 20
      ? cpu
      : min(orders, 20)",
    );
    assert_eq!(names(&target), ["cpu", "orders"]);
    let Combine::Formula(formula) = target.combine else { panic!("{:?}", target.combine) };
    let recommended = |name: &str| Some(if name == "cpu" { 12.0 } else { 30.0 });
    assert_eq!(formula.evaluate(recommended), Ok(20.0));
}

#[test]
fn a_formula_among_the_defaults_is_over_the_policies_of_each_entry() {
    let text = "version: 1
defaults:
  combine: { formula: 'max(cpu, orders)' }
  policies:
    - target_tracking: { name: cpu, metric: ECSServiceAverageCPUUtilization, target: 60 }
    - queue: { name: orders, queue: '{service}', backlog_per_task: 10 }
services:
  - { service: prod/*, capacity: { min: 1, max: 9 } }
";
    assert_eq!(names(&target_of(&good(text), "prod/api")), ["cpu", "orders"]);
}

#[test]
fn a_schedule_occurs_in_its_time_zone() {
    let target = target(
        "schedules: [{ name: a, schedule: cron(0 8 ? * MON-FRI *), timezone: Europe/Berlin, capacity: { max: 3 } }]",
    );
    let saturday: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    let friday_at_eight: Timestamp = "2026-11-27T07:00:00Z".parse().unwrap();
    assert_eq!(target.schedules[0].when.last_occurrence(saturday, None), Some(friday_at_eight));
}

#[test]
fn predefined_metrics_are_those_that_aws_publishes() {
    let label = "app/lb/1/targetgroup/tg/2";
    let service = [("ClusterName", "prod"), ("ServiceName", "checkout")];
    let balancer = [("LoadBalancer", "app/lb/1"), ("TargetGroup", "targetgroup/tg/2")];
    for (name, namespace, metric, dimensions, statistic, seconds) in [
        ("ECSServiceAverageCPUUtilization", "AWS/ECS", "CPUUtilization", service, "Average", 60),
        ("ECSServiceAverageMemoryUtilization", "AWS/ECS", "MemoryUtilization", service, "Average", 60),
        (
            "ECSServiceAverageCPUUtilizationHighResolution",
            "AWS/ECS",
            "CPUUtilization",
            service,
            "Average",
            20,
        ),
        (
            "ECSServiceAverageMemoryUtilizationHighResolution",
            "AWS/ECS",
            "MemoryUtilization",
            service,
            "Average",
            20,
        ),
        ("ALBRequestCountPerTarget", "AWS/ApplicationELB", "RequestCountPerTarget", balancer, "Sum", 60),
    ] {
        let label = if dimensions == balancer { format!(", resource_label: {label}") } else { String::new() };
        let target =
            target(&format!("policies: [{{ target_tracking: {{ metric: {name}, target: 60{label} }} }}]"));
        assert_eq!(names(&target), [format!("target_tracking({name})")]);
        let read = target.policies[0].metrics()[0];
        assert_eq!(read.key, name);
        assert_eq!(stat(read), (namespace, metric, BTreeMap::from(dimensions), statistic));
        assert_eq!((read.period, read.exists_without_tasks), (Duration::from_secs(seconds), false));
    }
}

#[test]
fn metric_math_is_named_by_its_name_or_the_label_or_the_id_of_its_result() {
    let result = "{ id: backlog, expression: visible / 2 }";
    let labelled = "{ id: backlog, label: Backlog, expression: visible / 2 }";
    for (name, result, key) in [
        ("", result, "backlog"),
        ("", labelled, "Backlog"),
        ("name: BacklogPerTask, ", labelled, "BacklogPerTask"),
    ] {
        let visible = "{ id: visible, return_data: false, metric_stat: { stat: Sum, unit: Count,
            metric: { namespace: AWS/SQS, metric_name: Visible, dimensions: [{ name: QueueName, value: q }] } } }";
        let metric = format!("{{ {name}metrics: [{visible}, {result}] }}");
        let target = target(&format!("policies: [{{ target_tracking: {{ metric: {metric}, target: 1 }} }}]"));
        let read = target.policies[0].metrics()[0];
        assert_eq!((read.key.as_str(), read.period, read.exists_without_tasks), (key, MINUTE, true));
        let MetricSource::Math(terms) = &read.source else { panic!("{read:?}") };
        let returned: Vec<(&str, bool)> =
            terms.iter().map(|term| (term.id.as_str(), term.return_data)).collect();
        assert_eq!(returned, [("visible", false), ("backlog", true)]);
        assert_eq!(terms[1].term, MetricTerm::Expression("visible / 2".to_owned()));
    }
}

#[test]
fn a_service_level_reads_requests_and_the_share_within_the_latency() {
    for (latency, percent, group, stat_name) in [
        ("300ms", "99.9", "", "PR(:0.3)"),
        ("1s", "95", "target_group: targetgroup/tg/2, ", "PR(:1)"),
        ("1250ms", "99", "", "PR(:1.25)"),
    ] {
        let level = format!("load_balancer: app/lb/1, {group}latency: {latency}, percent: {percent}");
        let target = target(&format!("policies: [{{ service_level: {{ {level} }} }}]"));
        let within = format!("TargetResponseTime.{stat_name}");
        assert_eq!(keys(&target), ["RequestCount", &within, "ECSServiceAverageCPUUtilization"]);
        let metrics = target.policies[0].metrics();
        let mut dimensions = BTreeMap::from([("LoadBalancer", "app/lb/1")]);
        dimensions.extend((!group.is_empty()).then_some(("TargetGroup", "targetgroup/tg/2")));
        assert_eq!(stat(metrics[0]), ("AWS/ApplicationELB", "RequestCount", dimensions.clone(), "Sum"));
        assert_eq!(stat(metrics[1]), ("AWS/ApplicationELB", "TargetResponseTime", dimensions, stat_name));
        assert_eq!((metrics[0].exists_without_tasks, metrics[1].exists_without_tasks), (true, false));
    }
}

#[test]
fn a_queue_is_named_by_url_arn_or_name() {
    for (reference, name) in [
        ("orders", "orders"),
        ("orders.fifo", "orders.fifo"),
        ("https://sqs.eu-central-1.amazonaws.com/123456789012/orders", "orders"),
        ("http://localhost:4566/000000000000/orders", "orders"),
        ("arn:aws:sqs:eu-central-1:123456789012:orders.fifo", "orders.fifo"),
        ("{cluster}-{service}-jobs", "prod-checkout-jobs"),
    ] {
        let target =
            target(&format!("policies: [{{ queue: {{ queue: \"{reference}\", start_within: 1m }} }}]"));
        assert_eq!(names(&target), [format!("queue({name})")]);
        assert_eq!(
            keys(&target),
            [format!("{name}.NumberOfMessagesSent"), format!("{name}.NumberOfMessagesDeleted")]
        );
        let PolicyKind::Queue(queue) = &target.policies[0].kind else { panic!("{target:?}") };
        let filled = reference.replace("{cluster}", "prod").replace("{service}", "checkout");
        assert_eq!(
            (queue.queues[0].name.as_str(), queue.queues[0].reference.as_str()),
            (name, filled.as_str())
        );
        let sent = stat(&queue.queues[0].sent);
        assert_eq!(sent, ("AWS/SQS", "NumberOfMessagesSent", BTreeMap::from([("QueueName", name)]), "Sum"));
    }
}

#[test]
fn points_are_counted_in_a_row_unless_a_window_is_given() {
    let target = target(
        "policies:
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, scale_out_after: 3, scale_in_within: 7 }",
    );
    let PolicyKind::TargetTracking(policy) = &target.policies[0].kind else { panic!("{target:?}") };
    let counts =
        [policy.scale_out_after, policy.scale_out_within, policy.scale_in_after, policy.scale_in_within];
    assert_eq!(counts, [3, 3, 5, 7]);
}

#[test]
fn every_policy_may_say_what_it_asks_for_without_data() {
    let target = target(
        "on_missing_metrics: { fallback: 3 }
policies:
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60, on_missing_metrics: hold }
  - step_scaling: { alarm: a, steps: [{ lower: 0, change: 1 }], on_missing_metrics: { fallback: 6 } }
  - queue: { queue: q, start_within: 1m, on_missing_metrics: { fallback: 7 } }
  - service_level: { load_balancer: app/a/1, latency: 300ms, percent: 99, on_missing_metrics: { fallback: 8 } }
  - queue: { queue: r, start_within: 1m }",
    );
    let said: Vec<_> = target.policies.iter().map(|policy| policy.on_missing_metrics).collect();
    let fallback = |count| Some(OnMissingMetrics::Fallback(count));
    assert_eq!(said, [Some(OnMissingMetrics::Hold), fallback(6), fallback(7), fallback(8), None]);
}

#[test]
fn a_custom_metric_or_its_math_may_have_an_offset() {
    let target = target(
        "policies:
  - target_tracking: { metric: { namespace: MyApp, name: Load, offset: 60s }, target: 1 }
  - target_tracking: { metric: { metrics: [{ id: a, expression: \"1\" }], offset: 2m }, target: 1 }
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }",
    );
    let offsets: Vec<_> =
        target.policies.iter().flat_map(ScalingPolicy::metrics).map(|metric| metric.offset).collect();
    assert_eq!(offsets, [MINUTE, 2 * MINUTE, Duration::ZERO]);
}

#[test]
fn steps_may_be_written_in_any_order() {
    let target = target(
        "policies:
  - step_scaling:
      alarm: low
      adjustment_type: PercentChangeInCapacity
      steps: [{ lower: -10, upper: 0, change: 0 }, { upper: -20, change: -30 }, { lower: -20, upper: -10, change: -10 }]",
    );
    let PolicyKind::StepScaling(policy) = &target.policies[0].kind else { panic!("{target:?}") };
    let bounds: Vec<_> = policy.steps.iter().map(|step| (step.lower, step.upper, step.change)).collect();
    assert_eq!(
        bounds,
        [(None, Some(-20.0), -30), (Some(-20.0), Some(-10.0), -10), (Some(-10.0), Some(0.0), 0)]
    );
}

#[test]
fn policies_of_one_name_are_numbered_and_different_metrics_of_one_key_told_apart() {
    let target = target(
        "policies:
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 80 }
  - target_tracking: { metric: ALBRequestCountPerTarget, target: 1, resource_label: app/a/1/targetgroup/b/2 }
  - target_tracking: { metric: ALBRequestCountPerTarget, target: 1, resource_label: app/a/1/targetgroup/c/3 }
  - target_tracking: { metric: { namespace: One, name: Load }, target: 1 }
  - target_tracking: { metric: { namespace: Two, name: Load }, target: 1 }
  - target_tracking: { metric: { namespace: Two, name: Load, stat: Maximum }, target: 1 }",
    );
    assert_eq!(
        names(&target),
        [
            "target_tracking(ECSServiceAverageCPUUtilization)",
            "target_tracking(ECSServiceAverageCPUUtilization) #2",
            "target_tracking(ALBRequestCountPerTarget)",
            "target_tracking(ALBRequestCountPerTarget) #2",
            "target_tracking(Load)",
            "target_tracking(Load) #2",
            "target_tracking(Load) #3",
        ]
    );
    assert_eq!(
        keys(&target),
        [
            "ECSServiceAverageCPUUtilization",
            "ECSServiceAverageCPUUtilization",
            "ALBRequestCountPerTarget",
            "ALBRequestCountPerTarget:app/a/1/targetgroup/c/3",
            "Load",
            "Load:Two",
            "Load:Two #2",
        ]
    );
}

#[test]
fn entries_override_the_defaults_key_by_key_and_null_sets_one_aside() {
    let file = good(
        "version: 1
defaults:
  mode: shadow
  capacity: { min: 2, max: 4 }
  predictive: {}
  behavior: { scale_in: { stabilization: 5m } }
services:
  - service: a/inherits
  - { service: a/overrides, mode: active, behavior: { scale_in: { tolerance: 0 } } }
  - { service: a/without, predictive: null, policies: [{ queue: { queue: q, backlog_per_task: 1 } }] }
",
    );
    let inherits = target_of(&file, "a/inherits");
    assert_eq!((inherits.mode, inherits.capacity), (Mode::Shadow, Capacity::new(2, 4).unwrap()));
    assert_eq!(inherits.behavior.scale_in.stabilization, 5 * MINUTE);
    let overrides = target_of(&file, "a/overrides");
    assert_eq!((overrides.mode, overrides.behavior.scale_in.stabilization), (Mode::Active, Duration::ZERO));
    assert_eq!(target_of(&file, "a/without").predictive, None);
}

#[test]
fn a_glob_makes_a_target_of_each_service_and_leaves_those_of_except() {
    let file = good(&fs::read_to_string("docs/examples/fleet.yaml").unwrap());
    assert_eq!(names(&target_of(&file, "prod/worker-mail")), ["queue(worker-mail-jobs)"]);
    let none = file.entry_for(&"prod/worker-legacy".parse().unwrap()).unwrap();
    assert!(none.is_none());
    let api = target_of(&file, "shop/api");
    let sessions = stat(api.policies[1].metrics()[0]).2;
    assert_eq!(sessions, BTreeMap::from([("Cluster", "shop"), ("Service", "api")]));
    let payments = target_of(&file, "payments/api");
    assert_eq!(payments.capacity.min(), 6);
    let MetricSource::Math(terms) = &payments.policies[1].metrics()[0].source else { panic!("{payments:?}") };
    let MetricTerm::Stat(running) = &terms[1].term else { panic!("{terms:?}") };
    assert_eq!(running.dimensions["ServiceName"], "api");
}

#[test]
fn an_entry_names_the_alarms_of_its_step_scaling() {
    let file = good(&fs::read_to_string("docs/examples/step-scaling.yaml").unwrap());
    assert_eq!(file.entries[0].alarms(), ["search-cpu-high", "search-cpu-low"]);
    assert_eq!((file.entries[0].pattern().to_string().as_str(), file.entries[0].line()), ("prod/search", 5));
}

#[test]
fn a_service_of_two_globs_is_an_error_for_that_service_alone() {
    let file = good(
        "version: 1
defaults: { capacity: { min: 1, max: 9 }, predictive: {} }
services:
  - service: prod/*
  - service: \"*/api\"
",
    );
    let problem = file.entry_for(&"prod/api".parse().unwrap()).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "trimtab.yaml:5:5: services: prod/api is selected by two entries: prod/* (line 4) and */api (line 5); \
         write except: [prod/api] in the entry of prod/*"
    );
    assert!(file.entry_for(&"prod/web".parse().unwrap()).unwrap().is_some());
}

#[test]
fn one_bad_entry_leaves_the_others_and_its_last_good_form_in_force() {
    let file = |checkout_max: u32, search_max: u32| {
        let text = format!(
            "version: 1
defaults: {{ predictive: {{}} }}
services:
  - {{ service: prod/checkout, capacity: {{ min: 5, max: {checkout_max} }} }}
  - {{ service: prod/search, capacity: {{ min: 5, max: {search_max} }} }}
"
        );
        PolicyFile::parse("trimtab.yaml", &text).unwrap()
    };
    let last = file(10, 10);
    let edited = file(1, 20);
    assert_eq!((edited.entries.len(), edited.problems.len()), (1, 1));
    assert_eq!(edited.problems[0].service.as_deref(), Some("prod/checkout"));
    let in_force = edited.keeping_last_good(&last);
    assert_eq!(target_of(&in_force, "prod/checkout").capacity, Capacity::new(5, 10).unwrap());
    assert_eq!(target_of(&in_force, "prod/search").capacity, Capacity::new(5, 20).unwrap());
    assert_eq!(in_force.problems.len(), 1);
}

#[test]
fn an_entry_that_is_gone_from_the_new_file_is_not_kept() {
    let file = |service: &str| {
        good(&format!(
            "version: 1\nservices: [{{ service: {service}, capacity: {{ min: 1, max: 2 }}, predictive: {{}} }}]"
        ))
    };
    let in_force = file("prod/search").keeping_last_good(&file("prod/checkout"));
    assert!(in_force.entry_for(&"prod/checkout".parse().unwrap()).unwrap().is_none());
}

#[test]
fn the_blast_radius_is_the_files_and_off_unless_it_is_written() {
    let entry = "services:\n  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }\n";
    let limits = |text: &str| good(&format!("version: 1\n{text}\n{entry}")).blast_radius;
    assert_eq!(limits(""), None);
    assert_eq!(limits("blast_radius:"), None, "a key without a value");
    let some = BlastRadius { services: Some(10), tasks_in: Some(0), tasks_out: None };
    assert_eq!(limits("blast_radius: { services: 10, tasks_in: 0 }"), Some(some));
}

#[test]
fn json_is_read_as_well() {
    let file = good(
        r#"{"version": 1, "services": [{"service": "prod/checkout", "capacity": {"min": 1, "max": 9},
            "policies": [{"target_tracking": {"metric": "ECSServiceAverageCPUUtilization", "target": 60.5}}]}]}"#,
    );
    let target = target_of(&file, "prod/checkout");
    assert_eq!(names(&target), ["target_tracking(ECSServiceAverageCPUUtilization)"]);
}

#[test]
fn documents_that_are_too_long_or_too_deep_are_refused() {
    let long = format!("version: 1\n# {}", "x".repeat(1 << 20));
    let deep = format!("version: 1\nservices: {}{}", "[".repeat(80), "]".repeat(80));
    for (text, message) in [
        (long, "trimtab.yaml:1:1: the file has 1048589 bytes; the most that is read is 1 MiB"),
        (deep, "trimtab.yaml:2:74: nested more than 64 levels deep"),
    ] {
        let problems = PolicyFile::parse("trimtab.yaml", &text).unwrap_err();
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [message]);
    }
}

#[test]
fn every_example_is_good() {
    let examples: Vec<_> =
        fs::read_dir("docs/examples").unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(6 <= examples.len(), "{examples:?}");
    for example in examples {
        let file = good(&fs::read_to_string(&example).unwrap());
        assert!(!file.entries.is_empty(), "{example:?}");
    }
}

#[test]
fn the_published_schema_is_that_of_the_code() {
    let published = fs::read_to_string("docs/trimtab.schema.json").unwrap();
    let generated = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    assert_eq!(
        published, generated,
        "docs/trimtab.schema.json must be what config::schema() gives, pretty and with a newline"
    );
}
