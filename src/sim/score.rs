//! What a run was worth: the promise, the money and the actions, beside the smallest constant count that would have kept
//! the promise under the very same load.

use serde::Serialize;

use super::number::real;
use super::service::{Arch, Service, Step, TaskSize, Workload};
use super::{STEP_S, Seconds};
use crate::model::capacity::MOST_TASKS;
use crate::model::{ServiceId, TaskCount};

/// Dollars for a processor and for a gigabyte an hour: Fargate, Linux, us-east-1, <https://aws.amazon.com/fargate/pricing/>.
fn usd_per_hour(arch: Arch) -> (f64, f64) {
    match arch {
        Arch::X86_64 => (0.04048, 0.004_445),
        Arch::Arm64 => (0.03238, 0.003_56),
    }
}

/// What a run was worth for one service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The service.
    pub service: ServiceId,
    /// The promise, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<PromiseScore>,
    /// How often the desired count was changed.
    pub actions: u32,
    /// The most tasks that ran at a time.
    pub peak_tasks: TaskCount,
    /// What was paid.
    pub cost: Cost,
    /// The smallest constant count that would have kept the promise.
    pub static_tasks: TaskCount,
    /// What that would have cost.
    pub static_cost: Cost,
}

/// How a promise was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PromiseScore {
    /// The promise in words.
    pub text: String,
    /// The share that must keep it, in per cent.
    pub percent: f64,
    /// The share that kept it, in per cent.
    pub kept_percent: f64,
    /// Whether that is enough.
    pub kept: bool,
    /// Requests or messages that arrived.
    pub arrived: u64,
    /// How many of them the promise was broken for.
    pub late: f64,
    /// Requests that gave up.
    pub timed_out: f64,
    /// The greatest age of a message that waited, in seconds.
    pub worst_age_s: Seconds,
}

/// What tasks cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Hours of tasks.
    pub task_hours: f64,
    /// Dollars by Fargate's price.
    pub usd: f64,
}

impl Score {
    /// The score of a service so far.
    pub fn of(service: &Service) -> Self {
        let (spec, steps) = (service.spec(), service.steps());
        let peak_tasks = steps.iter().map(|step| step.running).max().unwrap_or(0);
        let paid: u64 = steps.iter().map(|step| u64::from(step.paid)).sum();
        let static_tasks = least_constant_count(service).unwrap_or(peak_tasks);
        let static_paid = u64::from(static_tasks) * steps.len() as u64;
        Self {
            service: spec.id.clone(),
            promise: PromiseScore::of(service),
            actions: service.actions(),
            peak_tasks,
            cost: Cost::of(paid, spec.size),
            static_tasks,
            static_cost: Cost::of(static_paid, spec.size),
        }
    }

    /// The share of the constant count's price that was saved, in per cent; negative where it was dearer.
    pub fn saved_percent(&self) -> f64 {
        saved_percent(self.cost, self.static_cost)
    }
}

/// The share of `other` that `cost` saves, in per cent; negative where it is dearer, zero where there is nothing to save.
pub fn saved_percent(cost: Cost, other: Cost) -> f64 {
    if other.usd > 0.0 { 100.0 * (1.0 - cost.usd / other.usd) } else { 0.0 }
}

impl Cost {
    /// The cost of tasks over steps.
    pub(super) fn of(task_steps: u64, size: TaskSize) -> Self {
        Self::of_seconds(real(task_steps) * f64::from(STEP_S), size)
    }

    /// The cost of one task for so many seconds, or of several for as many together.
    pub(super) fn of_seconds(task_seconds: f64, size: TaskSize) -> Self {
        let task_hours = task_seconds / 3600.0;
        let (per_vcpu, per_gb) = usd_per_hour(size.arch);
        let price = size.vcpu * per_vcpu + size.memory_gb * per_gb;
        Self { task_hours, usd: task_hours * price }
    }

    /// The cost of all of these.
    pub fn sum(costs: impl Iterator<Item = Self>) -> Self {
        costs.fold(Self { task_hours: 0.0, usd: 0.0 }, |sum, cost| Self {
            task_hours: sum.task_hours + cost.task_hours,
            usd: sum.usd + cost.usd,
        })
    }
}

impl PromiseScore {
    /// How a service kept its promise so far; none where it promises nothing.
    pub fn of(service: &Service) -> Option<Self> {
        let steps = service.steps();
        let over_steps = |of: fn(&Step) -> f64| steps.iter().map(of).sum::<f64>();
        let mut late = over_steps(|step| step.late);
        let (text, percent) = match &service.spec().workload {
            Workload::Http(http) => {
                let text = format!("{} % of requests within {:.0} ms", http.percent, http.latency_s * 1000.0);
                (text, http.percent)
            }
            Workload::Queue(work) => {
                let now = Seconds::try_from(steps.len()).unwrap_or(Seconds::MAX) * STEP_S;
                late += real(service.queue().waiting_longer_than(work.start_within_s, now));
                let text = format!("{} % of messages started within {} s", work.percent, work.start_within_s);
                (text, work.percent)
            }
            Workload::Scheduled => return None,
        };
        let arrived: u64 = steps.iter().map(|step| u64::from(step.arrived)).sum();
        let kept_percent = 100.0 * (1.0 - late / real(arrived.max(1)));
        Some(Self {
            text,
            percent,
            kept_percent,
            kept: percent <= kept_percent,
            arrived,
            late,
            timed_out: over_steps(|step| step.timed_out),
            worst_age_s: steps.iter().map(|step| step.oldest_age_s).max().unwrap_or(0),
        })
    }
}

/// The smallest constant count that keeps the promise under the same arrivals; none where nothing is promised, or where no
/// count keeps it.
pub fn least_constant_count(service: &Service) -> Option<TaskCount> {
    let keeps =
        |count: TaskCount| PromiseScore::of(&service.at_constant_count(count)).map(|promise| promise.kept);
    let mut enough: TaskCount = 1;
    while !keeps(enough)? {
        enough = enough.checked_mul(2).filter(|count| *count <= MOST_TASKS)?;
    }
    let mut too_few = enough / 2;
    while 1 < enough - too_few {
        let middle = too_few.midpoint(enough);
        if keeps(middle)? {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Some(enough)
}
