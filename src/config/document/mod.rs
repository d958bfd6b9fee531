//! The policy file as a document: the keys that people write, their defaults and their descriptions, from which the
//! JSON Schema is generated. What the keys mean together is checked elsewhere.

pub(super) mod policy;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::policy::PolicyDoc;
use super::scalar::DurationDoc;
use crate::model::TaskCount;

/// A trimtab policy file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentDoc {
    /// The version of the file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub(super) version: u32,
    /// Keys that service entries have in common; an entry that has the key itself overrides it.
    #[schemars(with = "Option<DefaultsDoc>")]
    #[expect(dead_code, reason = "entries are read one by one, with their positions")]
    pub(super) defaults: Option<BTreeMap<String, Value>>,
    /// What all services together may change within a minute. Default: no limit.
    pub(super) blast_radius: Option<BlastRadiusDoc>,
    /// The services under trimtab.
    #[schemars(with = "Vec<ServiceDoc>")]
    pub(super) services: Vec<Value>,
}

/// What all services together may change within a minute; what is left out has no limit, and 0 lets nothing change. What is set
/// by hand is not limited.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BlastRadiusDoc {
    /// So many services are changed; one that is changed twice counts twice.
    pub(super) services: Option<u32>,
    /// So many tasks are taken away.
    pub(super) tasks_in: Option<TaskCount>,
    /// So many tasks are added; scale-out goes before scale-in.
    pub(super) tasks_out: Option<TaskCount>,
}

/// An ECS service, or several by a glob, and how it is scaled.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServiceDoc {
    /// `cluster/service`, or a glob: `prod/worker-*`, `*/api`. A `*` does not cross the slash.
    #[schemars(required, example = "prod/checkout")]
    pub(super) service: Option<String>,
    /// Services, or globs of services, that the entry leaves to others.
    pub(super) except: Option<Vec<String>>,
    /// Whether decisions are carried out. Default: `active`.
    pub(super) mode: Option<ModeDoc>,
    /// The bounds of the desired count.
    pub(super) capacity: Option<CapacityDoc>,
    /// The rules that recommend a count; scale-in needs all of them to agree.
    #[schemars(with = "Option<Vec<PolicyDoc>>")]
    pub(super) policies: Option<Vec<Option<PolicyDoc>>>,
    /// How the policies' recommendations become one. Default: `max`.
    pub(super) combine: Option<CombineDoc>,
    /// A forecast that raises the lower bound.
    pub(super) predictive: Option<PredictiveDoc>,
    /// Scheduled actions: bounds that hold from a time on.
    #[schemars(with = "Option<Vec<ScheduleDoc>>")]
    pub(super) schedules: Option<Vec<Option<ScheduleDoc>>>,
    /// Windows: bounds that hold from a time to another, then the former ones again.
    #[schemars(with = "Option<Vec<WindowDoc>>")]
    pub(super) windows: Option<Vec<Option<WindowDoc>>>,
    /// A task this young does not count in utilisation yet. Default: `0s`.
    pub(super) warm_up: Option<DurationDoc>,
    /// How old the last full look at a service at rest may get, from `1m`, which asks for all metrics at every tick, to `20m`.
    /// Default: `10m`.
    pub(super) look_at_least_every: Option<DurationDoc>,
    /// Tolerance, stabilisation and rate limits by direction, as Kubernetes HPA v2's `behavior`.
    pub(super) behavior: Option<BehaviorDoc>,
    /// What a policy without data asks for. Default: `hold`.
    pub(super) on_missing_metrics: Option<OnMissingMetricsDoc>,
    /// What a deployment in progress forbids. Default: `no_scale_in`.
    pub(super) during_deployment: Option<DuringDeploymentDoc>,
    /// What to do where Application Auto Scaling has the service registered as well. Default: `refuse`.
    pub(super) aas: Option<AasDoc>,
}

/// Any key of a service entry but `service`.
struct DefaultsDoc;

impl JsonSchema for DefaultsDoc {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DefaultsDoc".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ServiceDoc::json_schema(generator);
        schema.remove("required");
        schema.insert("description".to_owned(), "Any key of a service entry but `service`.".into());
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.remove("service");
        }
        schema
    }
}

/// Whether decisions are carried out.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModeDoc {
    /// Decide, and set the desired count.
    Active,
    /// Decide and report, never set the desired count.
    Shadow,
    /// Report only that the service is paused.
    Paused,
}

/// How the policies' recommendations become one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CombineDoc {
    /// The highest wins.
    Max,
    /// Scale-out needs every policy's agreement, as scale-in does, and goes to the lowest. A policy that cannot tell, as a
    /// utilisation while no task runs, does not agree.
    AllAgree,
    /// The count is what a formula over the policies' names makes of their recommendations, rounded up.
    #[schemars(example = "max(cpu, min(orders, 20))")]
    Formula(String),
}

/// Bounds of the desired count, in tasks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CapacityDoc {
    /// The lower bound; 0 allows scaling to zero.
    pub(super) min: TaskCount,
    /// The upper bound.
    pub(super) max: TaskCount,
}

/// A lower bound, an upper bound, or both, in tasks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartialCapacityDoc {
    /// The lower bound; left out, it stays as it is.
    pub(super) min: Option<TaskCount>,
    /// The upper bound; left out, it stays as it is.
    pub(super) max: Option<TaskCount>,
}

/// `PredictiveScalingPolicyConfiguration` of Application Auto Scaling.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PredictiveDoc {
    /// Whether the forecast acts.
    #[serde(default = "forecast_and_scale")]
    pub(super) mode: PredictiveModeDoc,
    /// How long before they are needed tasks are started; less than an hour.
    #[serde(default = "five_minutes")]
    pub(super) scheduling_buffer: DurationDoc,
    /// What happens where the forecast is above the upper bound.
    #[serde(default = "honor_max_capacity")]
    pub(super) max_capacity_breach_behavior: MaxCapacityBreachDoc,
    /// For `IncreaseMaxCapacity`: how far above the forecast the upper bound rises, in per cent. Default: 10.
    #[schemars(range(min = 0, max = 100))]
    pub(super) max_capacity_buffer: Option<u32>,
}

/// Whether the forecast acts.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(super) enum PredictiveModeDoc {
    /// The forecast raises the lower bound.
    ForecastAndScale,
    /// The forecast is reported.
    ForecastOnly,
}

/// What happens where the forecast is above the upper bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(super) enum MaxCapacityBreachDoc {
    /// The upper bound stands.
    HonorMaxCapacity,
    /// The upper bound rises.
    IncreaseMaxCapacity,
}

/// A scheduled action: bounds that hold from a time on, until another action sets them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleDoc {
    /// The action's name.
    pub(super) name: String,
    /// `cron(0 8 ? * MON-FRI *)`, `rate(1 day)` or `at(2026-12-01T08:00:00)`.
    pub(super) schedule: String,
    /// An IANA name, as in `Europe/Berlin`. Default: UTC.
    pub(super) timezone: Option<String>,
    /// The action does not run before: RFC 3339, as in `2026-12-01T00:00:00Z`.
    #[schemars(extend("format" = "date-time"))]
    pub(super) start: Option<String>,
    /// The action does not run after: RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub(super) end: Option<String>,
    /// The bounds that it sets.
    pub(super) capacity: PartialCapacityDoc,
}

/// A window: from start to end these bounds hold, then the former ones again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowDoc {
    /// The window's name.
    pub(super) name: String,
    /// When it begins, as in `cron(0 20 ? * MON-FRI *)`.
    pub(super) start: String,
    /// When it ends, as in `cron(0 7 ? * MON-FRI *)`.
    pub(super) end: String,
    /// An IANA name, as in `Europe/Berlin`. Default: UTC.
    pub(super) timezone: Option<String>,
    /// The bounds in it.
    pub(super) capacity: PartialCapacityDoc,
}

/// Damping by direction.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BehaviorDoc {
    /// For scale-out. Default: no tolerance, no stabilisation, no rate limit.
    pub(super) scale_out: Option<RulesDoc>,
    /// For scale-in. Default: tolerance 0.1, no stabilisation, half the tasks or four of them a minute.
    pub(super) scale_in: Option<RulesDoc>,
}

/// `HPAScalingRules` of Kubernetes HPA v2.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RulesDoc {
    /// The share by which a metric may leave its target before anything happens: 0.1 is ten per cent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) tolerance: Option<f64>,
    /// The window over which the least change of direction is taken; an hour at most.
    pub(super) stabilization: Option<DurationDoc>,
    /// Which of several limits holds: that of the largest change, that of the smallest, or no change at all.
    pub(super) select: Option<SelectDoc>,
    /// Limits on the change within a period; an empty list is no limit.
    pub(super) policies: Option<Vec<RateLimitDoc>>,
}

/// Which of several limits holds.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) enum SelectDoc {
    /// The limit that allows the largest change.
    Max,
    /// The limit that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A limit on the change within a period: give either `percent` or `tasks`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitDoc {
    /// So many per cent of the count at the period's start.
    pub(super) percent: Option<u32>,
    /// So many tasks.
    pub(super) tasks: Option<TaskCount>,
    /// The period, from one second to 30 minutes.
    #[serde(default = "a_minute")]
    pub(super) period: DurationDoc,
}

/// What a policy without data asks for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnMissingMetricsDoc {
    /// The count stays.
    Hold,
    /// At least this many tasks; a larger count stays.
    Fallback(TaskCount),
}

/// What a deployment in progress forbids.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DuringDeploymentDoc {
    /// Scale-in waits, scale-out goes on.
    NoScaleIn,
    /// The count stays.
    Hold,
    /// A deployment changes nothing.
    Ignore,
}

/// What to do where Application Auto Scaling has the service registered as well.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AasDoc {
    /// Leave the service alone.
    Refuse,
    /// Act, and warn.
    Warn,
}

fn a_minute() -> DurationDoc {
    DurationDoc::from_secs(60)
}

fn five_minutes() -> DurationDoc {
    DurationDoc::from_secs(300)
}

fn forecast_and_scale() -> PredictiveModeDoc {
    PredictiveModeDoc::ForecastAndScale
}

fn honor_max_capacity() -> MaxCapacityBreachDoc {
    MaxCapacityBreachDoc::HonorMaxCapacity
}
