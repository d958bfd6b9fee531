//! CloudWatch's metrics of a service, from its steps. A minute becomes visible 60 to 120 s after its end, where the world is
//! not told otherwise.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Uniform};

use super::number::real;
use super::service::{Service, ServiceSpec, Step, Workload};
use super::streams::{Stream, stream};
use super::{STEP_S, Seconds};
use crate::model::MetricStat;

/// How long after its end a minute becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricDelay {
    /// The soonest, in seconds.
    pub soonest_s: Seconds,
    /// The latest, in seconds.
    pub latest_s: Seconds,
}

impl Default for MetricDelay {
    /// What is seen of CloudWatch.
    fn default() -> Self {
        Self { soonest_s: 60, latest_s: 120 }
    }
}

impl MetricDelay {
    /// Every minute becomes visible so many seconds after its end.
    pub fn always(delay_s: Seconds) -> Self {
        Self { soonest_s: delay_s, latest_s: delay_s }
    }
}

/// When each minute of a service becomes visible.
#[derive(Clone, Debug)]
pub struct Publication {
    delay: MetricDelay,
    visible_at: Vec<Seconds>,
    rng: ChaCha8Rng,
}

impl Publication {
    /// The minutes of the service `name`.
    pub fn new(delay: MetricDelay, seed: u64, name: &str) -> Self {
        Self { delay, visible_at: Vec::new(), rng: stream(seed, name, Stream::Publication) }
    }

    /// The next minute ended at `end`.
    pub fn minute_ended(&mut self, end: Seconds) {
        let MetricDelay { soonest_s, latest_s } = self.delay;
        // Without a range there is nothing to draw, and the one delay it is.
        let delay = Uniform::new(soonest_s, latest_s).map_or(latest_s, |delays| delays.sample(&mut self.rng));
        self.visible_at.push(end + delay);
    }

    fn is_visible(&self, end: Seconds, now: Seconds) -> bool {
        let last_minute = end.div_ceil(60).saturating_sub(1);
        let at = usize::try_from(last_minute).ok().and_then(|minute| self.visible_at.get(minute));
        at.is_some_and(|at| *at <= now)
    }
}

/// The visible values of a statistic in the newest `periods` periods, oldest first, by the period's start in seconds since
/// the world began. A metric that the service does not publish has none.
pub fn values(
    service: &Service,
    publication: &Publication,
    stat: &MetricStat,
    period: Seconds,
    periods: u32,
    now: Seconds,
) -> Vec<(i64, f64)> {
    let Some(series) = Series::find(service.spec(), stat) else { return Vec::new() };
    let newest = i64::from(now / period);
    let is_visible = |start: &i64| {
        let end = Seconds::try_from(start + i64::from(period)).unwrap_or(0);
        *start < 0 || publication.is_visible(end, now)
    };
    (newest - i64::from(periods)..newest)
        .map(|index| index * i64::from(period))
        .filter(is_visible)
        .filter_map(|start| Some((start, series.at(service, start, period)?)))
        .collect()
}

/// The steps of a period that has ended.
pub(super) fn steps_of(service: &Service, start: Seconds, period: Seconds) -> Option<&[Step]> {
    let index = |t: Seconds| usize::try_from(t / STEP_S).ok();
    service.steps().get(index(start)?..index(start + period)?)
}

/// The mean of a quantity over all tasks; none where no task ran.
pub(super) fn mean_over_tasks(steps: &[Step], of: impl Fn(&Step) -> f64) -> Option<f64> {
    let tasks: f64 = steps.iter().map(|step| f64::from(step.running)).sum();
    let total: f64 = steps.iter().map(|step| f64::from(step.running) * of(step)).sum();
    (0.0 < tasks).then(|| total / tasks)
}

/// What a metric is of a step, and how steps become a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    quantity: Quantity,
    statistic: Statistic,
}

#[derive(Clone, Copy, Debug)]
enum Quantity {
    Cpu,
    Memory,
    RequestCount,
    RequestCountPerTarget,
    ResponseTime,
    MessagesSent,
    MessagesDeleted,
    MessagesVisible,
    OldestAge,
}

#[derive(Clone, Copy, Debug)]
enum Statistic {
    Sum,
    Average,
    Minimum,
    Maximum,
    /// `PR(:x)`: the share of values up to x, in per cent.
    WithinPercent(f64),
    /// `pN`: the value that N per cent of values do not exceed.
    Percentile(f64),
}

impl Series {
    /// The series of a statistic, where a service of this kind publishes it.
    pub(super) fn find(spec: &ServiceSpec, stat: &MetricStat) -> Option<Self> {
        let quantity = match (stat.namespace.as_str(), &spec.workload) {
            ("AWS/ECS", _) => {
                named(stat, &[("ClusterName", spec.id.cluster()), ("ServiceName", spec.id.service())])?;
                match stat.name.as_str() {
                    "CPUUtilization" => Quantity::Cpu,
                    "MemoryUtilization" => Quantity::Memory,
                    _ => return None,
                }
            }
            ("AWS/ApplicationELB", Workload::Http(http)) => {
                named(stat, &[("LoadBalancer", &http.load_balancer), ("TargetGroup", &http.target_group)])?;
                match stat.name.as_str() {
                    "RequestCount" => Quantity::RequestCount,
                    "RequestCountPerTarget" => Quantity::RequestCountPerTarget,
                    "TargetResponseTime" => Quantity::ResponseTime,
                    _ => return None,
                }
            }
            ("AWS/SQS", Workload::Queue(work)) => {
                named(stat, &[("QueueName", &work.queue)])?;
                match stat.name.as_str() {
                    "NumberOfMessagesSent" => Quantity::MessagesSent,
                    "NumberOfMessagesDeleted" => Quantity::MessagesDeleted,
                    "ApproximateNumberOfMessagesVisible" => Quantity::MessagesVisible,
                    "ApproximateAgeOfOldestMessage" => Quantity::OldestAge,
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some(Self { quantity, statistic: Statistic::read(&stat.stat)? })
    }

    /// The value of the period that begins at `start`, in seconds since the world began. Of the time before only what
    /// arrived is known.
    pub(super) fn at(self, service: &Service, start: i64, period: Seconds) -> Option<f64> {
        match Seconds::try_from(start) {
            Ok(start) => self.value(service.spec(), steps_of(service, start, period)?),
            Err(_) => self.before(&service.spec().history, start, period),
        }
    }

    fn before(self, history: &[u32], start: i64, period: Seconds) -> Option<f64> {
        let minute = |t: i64| usize::try_from(i64::try_from(history.len()).ok()? + t.div_euclid(60)).ok();
        let minutes = history.get(minute(start)?..minute(start + i64::from(period))?)?;
        let arrived: f64 = minutes.iter().map(|count| f64::from(*count)).sum();
        match (self.quantity, self.statistic) {
            (Quantity::RequestCount, Statistic::Sum) => Some(arrived).filter(|arrived| 0.0 < *arrived),
            (Quantity::MessagesSent, Statistic::Sum) => Some(arrived),
            _ => None,
        }
    }

    fn value(self, spec: &ServiceSpec, steps: &[Step]) -> Option<f64> {
        let running: f64 = steps.iter().map(|step| f64::from(step.running)).sum();
        let arrived: f64 = steps.iter().map(|step| f64::from(step.arrived)).sum();
        match self.quantity {
            Quantity::Cpu | Quantity::Memory | Quantity::RequestCountPerTarget if running == 0.0 => None,
            Quantity::RequestCount | Quantity::ResponseTime if arrived == 0.0 => None,
            Quantity::RequestCountPerTarget => {
                Some(arrived / (running / real(u64::try_from(steps.len()).ok()?)))
            }
            Quantity::ResponseTime => self.response_time(spec, steps, arrived),
            Quantity::Cpu => self.weighted(steps, |step| 100.0 * step.busy),
            Quantity::Memory => self.weighted(steps, |step| 30.0 + 30.0 * step.busy),
            Quantity::RequestCount | Quantity::MessagesSent => {
                self.simple(steps, |step| f64::from(step.arrived))
            }
            Quantity::MessagesDeleted => self.simple(steps, |step| real(step.deleted)),
            Quantity::MessagesVisible => self.simple(steps, |step| step.backlog),
            Quantity::OldestAge => self.simple(steps, |step| f64::from(step.oldest_age_s)),
        }
    }

    /// A quantity of every task: the mean is over tasks, the sum means nothing.
    fn weighted(self, steps: &[Step], of: impl Fn(&Step) -> f64) -> Option<f64> {
        let with_tasks = || steps.iter().filter(|step| 0 < step.running);
        match self.statistic {
            Statistic::Average => mean_over_tasks(steps, of),
            Statistic::Minimum => with_tasks().map(of).reduce(f64::min),
            Statistic::Maximum => with_tasks().map(of).reduce(f64::max),
            Statistic::Sum | Statistic::WithinPercent(_) | Statistic::Percentile(_) => None,
        }
    }

    fn simple(self, steps: &[Step], of: impl Fn(&Step) -> f64) -> Option<f64> {
        let values = steps.iter().map(of);
        match self.statistic {
            Statistic::Sum => Some(values.sum()),
            Statistic::Average => {
                Some(values.sum::<f64>() / real(u64::try_from(steps.len()).ok().filter(|n| 0 < *n)?))
            }
            Statistic::Minimum => values.reduce(f64::min),
            Statistic::Maximum => values.reduce(f64::max),
            Statistic::WithinPercent(_) | Statistic::Percentile(_) => None,
        }
    }

    fn response_time(self, spec: &ServiceSpec, steps: &[Step], arrived: f64) -> Option<f64> {
        let over_requests = |of: &dyn Fn(&Step) -> f64| {
            let busy = steps.iter().filter(|step| 0 < step.arrived);
            busy.map(|step| f64::from(step.arrived) * of(step)).sum::<f64>() / arrived
        };
        let within =
            |latency_s: f64| 100.0 * (1.0 - over_requests(&|step| step.traffic.share_over(latency_s)));
        match self.statistic {
            Statistic::Average => {
                Some(over_requests(&|step| step.traffic.mean_s())).filter(|mean| mean.is_finite())
            }
            // What is late by the service's own promise was found in each step already.
            Statistic::WithinPercent(latency_s) if promised(spec) == Some(latency_s) => {
                Some(100.0 * (1.0 - steps.iter().map(|step| step.late).sum::<f64>() / arrived))
            }
            Statistic::WithinPercent(latency_s) => Some(within(latency_s)),
            Statistic::Percentile(percent) => Some(bisect(|latency_s| within(latency_s) < percent)),
            Statistic::Sum | Statistic::Minimum | Statistic::Maximum => None,
        }
    }
}

impl Statistic {
    fn read(text: &str) -> Option<Self> {
        match text {
            "Sum" => Some(Self::Sum),
            "Average" => Some(Self::Average),
            "Minimum" => Some(Self::Minimum),
            "Maximum" => Some(Self::Maximum),
            _ => {
                if let Some(bound) = text.strip_prefix("PR(:").and_then(|rest| rest.strip_suffix(')')) {
                    return bound.parse().ok().map(Self::WithinPercent);
                }
                text.strip_prefix('p').and_then(|percent| percent.parse().ok()).map(Self::Percentile)
            }
        }
    }
}

fn promised(spec: &ServiceSpec) -> Option<f64> {
    match &spec.workload {
        Workload::Http(http) => Some(http.latency_s),
        Workload::Queue(_) | Workload::Scheduled => None,
    }
}

/// Whether the statistic's dimensions are some of these, and at least one.
fn named(stat: &MetricStat, dimensions: &[(&str, &str)]) -> Option<()> {
    let is_ours = |(name, value): (&String, &String)| dimensions.contains(&(name.as_str(), value.as_str()));
    (!stat.dimensions.is_empty() && stat.dimensions.iter().all(is_ours)).then_some(())
}

/// The least response time, in seconds and up to a minute, that is not too small.
fn bisect(is_too_small: impl Fn(f64) -> bool) -> f64 {
    const HALVINGS: u32 = 24;
    let (mut low, mut high) = (0.0, 60.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if is_too_small(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}
