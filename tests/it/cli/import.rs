//! From Application Auto Scaling to a policy file, from files and from the local AWS.

use std::fs;

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::types::{
    AdjustmentType, CustomizedMetricSpecification, MetricAggregationType, MetricDimension, MetricStatistic,
    MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ScalableTargetAction,
    ServiceNamespace, StepAdjustment, StepScalingPolicyConfiguration, SuspendedState,
    TargetTrackingScalingPolicyConfiguration,
};
use aws_sdk_cloudwatch::types::{ComparisonOperator, Statistic};
use serde_json::json;

use super::{in_folder, in_world, run, run_on};
use crate::support::config;
use crate::world::World;

/// A service of AAS's, in a cluster of the local AWS.
struct Registered<'a> {
    client: Client,
    world: &'a World,
    resource: String,
}

impl<'a> Registered<'a> {
    async fn new(world: &'a World, service: &str, suspended: Option<SuspendedState>) -> Self {
        world.service(service, 3).await;
        let client = Client::new(&config().await);
        let resource = world.named(&format!("service/$CLUSTER/{service}"));
        let register = client.register_scalable_target().service_namespace(ServiceNamespace::Ecs);
        let register = register.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
        let register = register.min_capacity(2).max_capacity(20).set_suspended_state(suspended);
        register.resource_id(&resource).send().await.unwrap();
        Self { client, world, resource }
    }

    /// A target-tracking policy with the alarms that AWS gives it; the local server's have other thresholds.
    async fn target_tracking(&self, name: &str, configuration: TargetTrackingScalingPolicyConfiguration) {
        let target = configuration.target_value();
        let put = self.client.put_scaling_policy().policy_name(name).service_namespace(ServiceNamespace::Ecs);
        let put =
            put.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(&self.resource);
        let put = put.policy_type(PolicyType::TargetTrackingScaling);
        let put = put.target_tracking_scaling_policy_configuration(configuration).send().await.unwrap();
        for alarm in put.alarms() {
            use ComparisonOperator::{GreaterThanThreshold, LessThanThreshold};
            let is_high = alarm.alarm_name().contains("-AlarmHigh-");
            let (operator, share, periods) =
                if is_high { (GreaterThanThreshold, 1.0, 3) } else { (LessThanThreshold, 0.9, 15) };
            let cloudwatch = aws_sdk_cloudwatch::Client::new(&config().await);
            let alarm = cloudwatch.put_metric_alarm().alarm_name(alarm.alarm_name()).namespace("AWS/ECS");
            let alarm = alarm.metric_name("CPUUtilization").statistic(Statistic::Average).period(60);
            let alarm = alarm.comparison_operator(operator).threshold(share * target);
            alarm.evaluation_periods(periods).send().await.unwrap();
        }
    }

    async fn cpu(&self, target: f64) {
        let metric = MetricType::EcsServiceAverageCpuUtilization;
        let metric = PredefinedMetricSpecification::builder().predefined_metric_type(metric).build().unwrap();
        let tracking = TargetTrackingScalingPolicyConfiguration::builder().target_value(target);
        let tracking = tracking.predefined_metric_specification(metric).scale_in_cooldown(120).build();
        self.target_tracking("cpu", tracking.unwrap()).await;
    }

    async fn sessions(&self) {
        let dimension = MetricDimension::builder().name("Service").value("a: #b").build().unwrap();
        let metric = CustomizedMetricSpecification::builder().namespace("MyApp").metric_name("Sessions");
        let metric = metric.statistic(MetricStatistic::Maximum).unit("Count").dimensions(dimension).build();
        let tracking = TargetTrackingScalingPolicyConfiguration::builder().target_value(100.0);
        let tracking = tracking.customized_metric_specification(metric).disable_scale_in(true).build();
        self.target_tracking("sessions", tracking.unwrap()).await;
    }

    async fn steps(&self) {
        let step = StepAdjustment::builder().metric_interval_lower_bound(0.0).scaling_adjustment(2).build();
        let steps = StepScalingPolicyConfiguration::builder().step_adjustments(step.unwrap()).cooldown(30);
        let steps = steps.adjustment_type(AdjustmentType::ChangeInCapacity);
        let steps = steps.metric_aggregation_type(MetricAggregationType::Maximum).build();
        let put =
            self.client.put_scaling_policy().policy_name("steps").service_namespace(ServiceNamespace::Ecs);
        let put =
            put.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(&self.resource);
        put.policy_type(PolicyType::StepScaling)
            .step_scaling_policy_configuration(steps)
            .send()
            .await
            .unwrap();
    }

    async fn every_morning(&self) {
        let bounds = ScalableTargetAction::builder().min_capacity(2).max_capacity(20).build();
        let put = self.client.put_scheduled_action().scheduled_action_name("every morning");
        let put = put.service_namespace(ServiceNamespace::Ecs).resource_id(&self.resource);
        let put = put.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).timezone("Europe/Berlin");
        put.schedule("cron(0 8 ? * MON-FRI *)").scalable_target_action(bounds).send().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_registered_with_aws_becomes_a_valid_policy_file() {
    let world = World::new("cli-import").await;
    let web = Registered::new(&world, "web", None).await;
    web.cpu(60.0).await;
    web.sessions().await;
    web.steps().await;
    web.every_morning().await;
    let suspended = SuspendedState::builder().dynamic_scaling_in_suspended(true).build();
    Registered::new(&world, "api", Some(suspended)).await.cpu(50.0).await;
    Registered::new(&world, "idle", None).await;
    assert_eq!(web.world.desired("web").await, 3);

    let outcome = run(in_world(&world, "import --all --cluster $CLUSTER --out aas.yaml"));

    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{outcome:?}");
    let text = fs::read_to_string(world.folder().join("aas.yaml")).unwrap();
    let (_, body) = text.split_once("services:\n").unwrap();
    insta::assert_snapshot!(body);
    for remark in [
        "cli-import/idle: scalable target: not carried over: nothing scales it",
        "cli-import/web: policy \"steps\": not carried over: no alarm calls it",
        "cli-import/web: policy \"sessions\": not carried over: the unit \"Count\": values of all units are read",
        "2 services in aas.yaml, none of which acts yet; 3 remarks, told above and in the file",
    ] {
        assert!(outcome.stderr.contains(remark), "{remark}: {outcome:?}");
        assert!(
            remark.contains(" acts yet; ") || text.contains(remark.rsplit_once(": ").unwrap().1),
            "{remark}\n{text}"
        );
    }
    let check = run(in_world(&world, "check aas.yaml"));
    assert_eq!(check.status, 0, "{check:?}");
    world.cpu("web", 90.0).await;
    let plan = run(in_world(&world, "plan --policy aas.yaml --json")).json();
    let planned: Vec<_> = plan["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["service"].clone(), one["to"].clone()))
        .collect();
    assert_eq!(planned, [(json!("cli-import/api"), json!(3)), (json!("cli-import/web"), json!(5))]);
}

#[tokio::test]
async fn services_are_imported_by_name_and_those_that_are_not_registered_are_named() {
    let world = World::new("cli-import-one").await;
    Registered::new(&world, "web", None).await.cpu(60.0).await;
    Registered::new(&world, "api", None).await.cpu(50.0).await;

    let one = run(in_world(&world, "import $CLUSTER/web --json"));
    assert_eq!(one.status, 0, "{one:?}");
    let data = one.json();
    assert_eq!((&data["services"], &data["remarks"]), (&json!(["cli-import-one/web"]), &json!([])));
    assert!(data["policy"].as_str().unwrap().contains("target: 60\n"), "{data}");

    let other = run(in_world(&world, "import $CLUSTER/web $CLUSTER/gone"));
    assert_eq!(other.status, 1, "{other:?}");
    assert!(
        other.stdout.contains("- service: cli-import-one/web"),
        "the one that is there is written: {other:?}"
    );
    assert!(
        other.stderr.contains("not registered with Application Auto Scaling: cli-import-one/gone"),
        "{other:?}"
    );

    let nobody = run(in_world(&world, "import --all --cluster $CLUSTER-not"));
    assert_eq!((nobody.status, nobody.stdout.as_str()), (1, ""), "{nobody:?}");
    assert!(nobody.stderr.contains("no ECS service of that cluster is registered"), "{nobody:?}");
}

const TARGETS: &str = r#"{ "ScalableTargets": [{ "ServiceNamespace": "ecs", "ResourceId": "service/prod/web",
  "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 2, "MaxCapacity": 20 }] }"#;
const POLICIES: &str = r#"{ "ScalingPolicies": [{ "PolicyName": "cpu", "ResourceId": "service/prod/web",
  "ScalableDimension": "ecs:service:DesiredCount", "PolicyType": "TargetTrackingScaling",
  "TargetTrackingScalingPolicyConfiguration": { "TargetValue": 60.0, "Newer": 1,
    "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" } } }] }"#;

#[test]
fn files_and_standard_input_are_imported_without_aws() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("targets.json"), TARGETS).unwrap();
    fs::write(folder.path().join("policies.json"), POLICIES).unwrap();

    let files = run(in_folder(folder.path(), "import --from targets.json policies.json"));
    assert_eq!(files.status, 0, "{files:?}");
    let both = format!("{TARGETS}\n{POLICIES}");
    let stdin = run_on(in_folder(folder.path(), "import --from -"), both.as_bytes());
    let body = |text: &str| text.split_once("version: 1").unwrap().1.to_owned();
    assert_eq!(body(&stdin.stdout), body(&files.stdout), "but for the time, the same");
    let told = "prod/web: policy \"cpu\": not carried over: TargetTrackingScalingPolicyConfiguration.Newer: unknown key";
    assert!(files.stderr.contains(told), "{files:?}");

    let data =
        run(in_folder(folder.path(), "import --json --from targets.json policies.json --out one.yaml"));
    assert_eq!(data.status, 0, "{data:?}");
    let remark = json!({ "service": "prod/web", "item": "policy \"cpu\"",
        "remark": "TargetTrackingScalingPolicyConfiguration.Newer: unknown key" });
    assert_eq!(data.json(), json!({ "services": ["prod/web"], "remarks": [remark], "out": "one.yaml" }));

    let again = run(in_folder(folder.path(), "import --from targets.json policies.json --out one.yaml"));
    assert_eq!(again.status, 1, "{again:?}");
    assert!(
        again.stderr.contains("the file one.yaml is there already\nhint: give another --out, or --force"),
        "{again:?}"
    );
    let forced =
        run(in_folder(folder.path(), "import --from targets.json policies.json --out one.yaml --force"));
    assert_eq!(forced.status, 0, "{forced:?}");
}

#[test]
fn an_import_that_cannot_be_is_told_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("targets.json"), TARGETS).unwrap();
    fs::write(folder.path().join("services.json"), r#"{ "serviceArns": [] }"#).unwrap();
    // (line, status, told)
    let cases = [
        ("import", 2, "<CLUSTER/SERVICE|--all|--from <FILE>...>"),
        ("import --all prod/web", 2, "cannot be used with"),
        ("import web", 2, "\"web\" is not a service: write cluster/service"),
        ("import --from gone.json", 1, "the file gone.json cannot be read: "),
        ("import --from services.json", 1, "services.json: it has none of the keys ScalableTargets,"),
        ("import --from targets.json", 1, "no ECS service has a scaling policy or a scheduled action there"),
        ("import --from targets.json", 1, "prod/web: scalable target: not carried over: nothing scales it"),
        (
            "import prod/gone --from targets.json",
            1,
            "not registered with Application Auto Scaling: prod/gone",
        ),
    ];
    for (line, status, told) in cases {
        let outcome = run(in_folder(folder.path(), line));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (status, ""), "{line}: {outcome:?}");
        assert!(outcome.stderr.contains(told), "{line}: {outcome:?}");
    }
}
