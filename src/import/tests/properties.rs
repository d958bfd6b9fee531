//! Whatever Application Auto Scaling has, the file is valid and its figures are the same.

use proptest::prelude::*;

use super::*;
use crate::model::policy::{AdjustmentType, PolicyKind};

/// Names that YAML might take for something else.
fn name() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "null", "~", "true", "No", "1e3", "0x1F", "- a", "a: b", "a #b", "#", "'", "\"", "{", "}", "[a]",
        "*a", "&a", "!t", "%", "@", "`", ">", "|", "<<", "---", "...", "? x", ":", "a\\n", "\u{85}",
        "\u{2028}", "é", "日本", "🚀", " a", "a ", "a\tb", "inf", ".NaN",
    ]);
    prop_oneof![
        odd.prop_map(str::to_owned),
        any::<String>().prop_filter("it is not empty", |text| !text.is_empty()),
        "[a-z:# {}\"'\\\\]{1,12}"
    ]
}

/// A value above zero, at the ends of what AAS takes as well.
fn positive() -> impl Strategy<Value = f64> {
    prop_oneof![0.001..1e6_f64, Just(8.515_920e-109), Just(1.174_271e108), Just(60.0)]
}

#[derive(Clone, Debug)]
struct Tracking {
    name: String,
    target: f64,
    cooldowns: (Option<u32>, Option<u32>),
    disable_scale_in: Option<bool>,
    metric: String,
    dimension: Option<(String, String)>,
}

fn tracking_policy() -> impl Strategy<Value = Tracking> {
    let cooldown = || prop::option::of(0..=86_400_u32);
    let dimension =
        prop::option::of((name(), name().prop_filter("no placeholder", |text| !text.contains('{'))));
    (name(), positive(), (cooldown(), cooldown()), any::<Option<bool>>(), name(), dimension).prop_map(
        |(name, target, cooldowns, disable_scale_in, metric, dimension)| Tracking {
            name,
            target,
            cooldowns,
            disable_scale_in,
            metric,
            dimension,
        },
    )
}

#[derive(Clone, Debug)]
struct Stepping {
    name: String,
    alarm: String,
    kind: usize,
    cooldown: Option<u32>,
    least: Option<u32>,
    /// The upper bounds of all steps but the last, rising from 0, and the change of each step.
    bounds: Vec<f64>,
    changes: Vec<i32>,
}

const KINDS: [(&str, AdjustmentType); 3] = [
    ("ChangeInCapacity", AdjustmentType::ChangeInCapacity),
    ("PercentChangeInCapacity", AdjustmentType::PercentChangeInCapacity),
    ("ExactCapacity", AdjustmentType::ExactCapacity),
];

fn step_policy() -> impl Strategy<Value = Stepping> {
    let bounds = prop::collection::btree_set(1..1_000_000_u32, 0..5)
        .prop_map(|bounds| bounds.into_iter().map(|bound| f64::from(bound) / 8.0).collect::<Vec<f64>>());
    let settings =
        (name(), name(), 0..3_usize, prop::option::of(0..=86_400_u32), prop::option::of(0..100_u32));
    (settings, bounds, prop::collection::vec(0..1000, 6)).prop_map(
        |((name, alarm, kind, cooldown, least), bounds, changes)| Stepping {
            name,
            alarm,
            kind,
            cooldown,
            least,
            bounds,
            changes,
        },
    )
}

impl Tracking {
    fn json(&self, number: usize) -> Value {
        let mut metric = json!({ "Namespace": "N", "MetricName": self.metric, "Statistic": "Sum" });
        if let Some((name, value)) = &self.dimension {
            metric["Dimensions"] = json!([{ "Name": name, "Value": value }]);
        }
        let mut settings = json!({ "TargetValue": self.target, "CustomizedMetricSpecification": metric });
        let (out, scale_in) = self.cooldowns;
        for (key, seconds) in [("ScaleOutCooldown", out), ("ScaleInCooldown", scale_in)] {
            if let Some(seconds) = seconds {
                settings[key] = json!(seconds);
            }
        }
        if let Some(disabled) = self.disable_scale_in {
            settings["DisableScaleIn"] = json!(disabled);
        }
        tracking(&format!("{number}{}", self.name), settings)
    }
}

impl Stepping {
    fn edges(&self) -> Vec<(Option<f64>, Option<f64>, i32)> {
        let lower = std::iter::once(0.0).chain(self.bounds.iter().copied()).map(Some);
        let upper = self.bounds.iter().copied().map(Some).chain([None]);
        lower.zip(upper).zip(&self.changes).map(|((lower, upper), change)| (lower, upper, *change)).collect()
    }

    fn json(&self, number: usize) -> Value {
        let steps: Vec<Value> =
            self.edges().into_iter().map(|(lower, upper, change)| step(lower, upper, change)).collect();
        let mut settings = json!({ "AdjustmentType": KINDS[self.kind].0, "StepAdjustments": steps });
        if let Some(seconds) = self.cooldown {
            settings["Cooldown"] = json!(seconds);
        }
        if let Some(least) = self.least {
            settings["MinAdjustmentMagnitude"] = json!(least);
        }
        stepping(&format!("{number}{}", self.name), &[&self.alarm], settings)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_file_is_valid_and_its_policies_have_the_same_figures(
        trackings in prop::collection::vec(tracking_policy(), 0..4),
        steppings in prop::collection::vec(step_policy(), 0..4),
        schedule_names in prop::collection::btree_set(name(), 1..4),
        (min, span) in (0..50_u32, 0..50_u32),
    ) {
        let mut documents = targets();
        documents["ScalableTargets"][0]["MinCapacity"] = json!(min);
        documents["ScalableTargets"][0]["MaxCapacity"] = json!(min + span);
        let tracked = trackings.iter().enumerate().map(|(number, policy)| policy.json(number));
        let stepped = steppings.iter().enumerate().map(|(number, policy)| policy.json(number + 10));
        let list: Vec<Value> = tracked.chain(stepped).collect();
        let bounds = json!({ "ScalableTargetAction": { "MinCapacity": 1 } });
        let scheduled: Vec<Value> = schedule_names.iter().map(|name| action(name, "at(2030-01-01T00:00:00)", bounds.clone())).collect();
        let (target, remarks) = target(&[documents, policies(&list), actions(&scheduled)]);

        // A step policy's scale-in is a remark wherever there is target tracking as well.
        let others: Vec<&String> = remarks.iter().filter(|remark| !remark.contains("all policies must agree")).collect();
        prop_assert!(others.is_empty(), "{others:?}");
        prop_assert_eq!((target.capacity.min(), target.capacity.max()), (min, min + span));
        let names: Vec<&String> = target.schedules.iter().map(|action| &action.name).collect();
        prop_assert_eq!(names, schedule_names.iter().collect::<Vec<_>>());
        prop_assert_eq!(target.policies.len(), trackings.len() + steppings.len());
        let mut carried = target.policies.iter();
        for (policy, carried) in trackings.iter().zip(&mut carried) {
            let PolicyKind::TargetTracking(carried) = &carried.kind else { panic!("{carried:?}") };
            let is_same = (carried.target / policy.target - 1.0).abs() < 1e-12; // JSON is not read to the last bit
            prop_assert!(is_same, "{} is {}", policy.target, carried.target);
            prop_assert_eq!(carried.scale_out_cooldown.as_secs(), u64::from(policy.cooldowns.0.unwrap_or(300)));
            prop_assert_eq!(carried.scale_in_cooldown.as_secs(), u64::from(policy.cooldowns.1.unwrap_or(300)));
            prop_assert_eq!(carried.disable_scale_in, policy.disable_scale_in.unwrap_or(false));
            let crate::model::MetricSource::Stat(stat) = &carried.metric.source else { panic!("{carried:?}") };
            prop_assert_eq!(&stat.name, &policy.metric);
            prop_assert_eq!(&stat.dimensions, &policy.dimension.iter().cloned().collect());
        }
        for (policy, carried) in steppings.iter().zip(carried) {
            let PolicyKind::StepScaling(carried) = &carried.kind else { panic!("{carried:?}") };
            prop_assert_eq!(&carried.alarm, policy.alarm.as_str());
            prop_assert_eq!(carried.adjustment_type, KINDS[policy.kind].1);
            prop_assert_eq!(carried.cooldown.as_secs(), u64::from(policy.cooldown.unwrap_or(300)));
            prop_assert_eq!(carried.min_adjustment_magnitude, policy.least.unwrap_or(1));
            let steps: Vec<_> = carried.steps.iter().map(|step| (step.lower, step.upper, step.change)).collect();
            prop_assert_eq!(steps, policy.edges());
        }
    }
}
