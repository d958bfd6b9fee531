//! CloudWatch's metrics of a service, from its steps. A minute becomes visible 60 to 120 s after its end.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Uniform};

use super::number::real;
use super::service::{Service, Step, Workload};
use super::streams::{Stream, stream};
use super::{STEP_S, Seconds};
use crate::model::MetricStat;

/// When each minute of a service becomes visible.
#[derive(Clone, Debug)]
pub struct Publication {
    visible_at: Vec<Seconds>,
    rng: ChaCha8Rng,
}

impl Publication {
    /// The soonest that a minute becomes visible after its end, in seconds.
    pub const SOONEST_S: Seconds = 60;
    /// The latest, in seconds.
    pub const LATEST_S: Seconds = 120;

    /// The minutes of the service `name`.
    pub fn new(seed: u64, name: &str) -> Self {
        Self { visible_at: Vec::new(), rng: stream(seed, name, Stream::Publication) }
    }

    /// The next minute ended at `end`.
    pub fn minute_ended(&mut self, end: Seconds) {
        let delay = Uniform::new(Self::SOONEST_S, Self::LATEST_S)
            .map_or(Self::LATEST_S, |delays| delays.sample(&mut self.rng));
        self.visible_at.push(end + delay);
    }

    fn is_visible(&self, end: Seconds, now: Seconds) -> bool {
        let last_minute = end.div_ceil(60).saturating_sub(1);
        let at = usize::try_from(last_minute).ok().and_then(|minute| self.visible_at.get(minute));
        at.is_some_and(|at| *at <= now)
    }
}

/// The visible values of a statistic in the newest `periods` periods, oldest first, by the period's start. A metric that
/// the service does not publish has none.
pub fn values(
    service: &Service,
    publication: &Publication,
    stat: &MetricStat,
    period: Seconds,
    periods: u32,
    now: Seconds,
) -> Vec<(Seconds, f64)> {
    let Some(series) = Series::find(service, stat) else { return Vec::new() };
    let newest = now / period;
    (newest.saturating_sub(periods)..newest)
        .map(|index| index * period)
        .filter(|start| publication.is_visible(start + period, now))
        .filter_map(|start| Some((start, series.value(steps_of(service, start, period)?)?)))
        .collect()
}

fn steps_of(service: &Service, start: Seconds, period: Seconds) -> Option<&[Step]> {
    let index = |t: Seconds| usize::try_from(t / STEP_S).ok();
    service.steps().get(index(start)?..index(start + period)?)
}

/// What a metric is of a step, and how steps become a value.
struct Series {
    quantity: Quantity,
    statistic: Statistic,
}

#[derive(Clone, Copy)]
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

#[derive(Clone, Copy)]
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
    fn find(service: &Service, stat: &MetricStat) -> Option<Self> {
        let spec = service.spec();
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

    fn value(&self, steps: &[Step]) -> Option<f64> {
        let running: f64 = steps.iter().map(|step| f64::from(step.running)).sum();
        let arrived: f64 = steps.iter().map(|step| f64::from(step.arrived)).sum();
        match self.quantity {
            Quantity::Cpu | Quantity::Memory | Quantity::RequestCountPerTarget if running == 0.0 => None,
            Quantity::RequestCount | Quantity::ResponseTime if arrived == 0.0 => None,
            Quantity::RequestCountPerTarget => {
                Some(arrived / (running / real(u64::try_from(steps.len()).ok()?)))
            }
            Quantity::ResponseTime => self.response_time(steps, arrived),
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
    fn weighted(&self, steps: &[Step], of: impl Fn(&Step) -> f64) -> Option<f64> {
        let with_tasks = || steps.iter().filter(|step| 0 < step.running);
        match self.statistic {
            Statistic::Average => {
                let tasks: f64 = with_tasks().map(|step| f64::from(step.running)).sum();
                let total: f64 = with_tasks().map(|step| f64::from(step.running) * of(step)).sum();
                Some(total / tasks)
            }
            Statistic::Minimum => with_tasks().map(of).reduce(f64::min),
            Statistic::Maximum => with_tasks().map(of).reduce(f64::max),
            Statistic::Sum | Statistic::WithinPercent(_) | Statistic::Percentile(_) => None,
        }
    }

    fn simple(&self, steps: &[Step], of: impl Fn(&Step) -> f64) -> Option<f64> {
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

    fn response_time(&self, steps: &[Step], arrived: f64) -> Option<f64> {
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
