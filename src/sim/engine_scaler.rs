//! Trimtab as a scaler of a trial: the engine itself, asked directly. It is what the controller asks, with what the
//! controller would show it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Seconds;
use super::metrics::Series;
use super::trial::{HIGH_RESOLUTION_DELAY_S, METRIC_DELAY_S, Scaler, View};
use crate::engine::decide;
use crate::model::metric::MetricSource;
use crate::model::policy::PolicyKind;
use crate::model::{
    Decision, Memory, Metric, MetricStat, Observation, Point, ScalableTarget, ServiceStatus, TaskCount,
};

/// The engine under a policy. The policy's mode makes no difference: a trial changes nothing but itself.
#[derive(Clone, Debug)]
pub struct Trimtab {
    target: ScalableTarget,
    look_every: Seconds,
    feeds: Vec<Feed>,
    queues: Vec<String>,
    observation: Observation,
    decision: Option<Decision>,
}

/// A metric that the policy looks at.
#[derive(Clone, Debug)]
struct Feed {
    key: String,
    stat: MetricStat,
    period_s: Seconds,
    delay_s: Seconds,
    /// The points that stay for the next looks.
    kept: usize,
    /// The next period to become visible, where the service publishes the metric.
    next: Option<(Series, i64)>,
}

impl Trimtab {
    /// The engine, looking once a minute.
    pub fn new(target: ScalableTarget) -> Self {
        Self::looking_every(target, 60)
    }

    /// The engine, looking every so many seconds.
    pub fn looking_every(target: ScalableTarget, look_every: Seconds) -> Self {
        let queues = target.policies.iter().flat_map(|policy| match &policy.kind {
            PolicyKind::Queue(queue) => queue.queues.iter().map(|queue| queue.name.clone()).collect(),
            PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) | PolicyKind::ServiceLevel(_) => {
                Vec::new()
            }
        });
        let feeds = target.policies.iter().flat_map(|policy| policy.metrics()).filter_map(Feed::of);
        Self {
            look_every,
            feeds: feeds.collect(),
            queues: queues.collect(),
            observation: Observation {
                now: Timestamp::UNIX_EPOCH,
                service: ServiceStatus::steady(0),
                metrics: BTreeMap::new(),
                alarms: BTreeMap::new(),
                queues: BTreeMap::new(),
            },
            decision: None,
            target,
        }
    }

    /// What was decided last, with its reasons.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }
}

impl Scaler for Trimtab {
    fn look_every(&self) -> Seconds {
        self.look_every
    }

    fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
        let is_first = self.decision.is_none();
        self.observation.now = view.trial().timestamp(view.now().into());
        self.observation.service = view.status();
        for feed in &mut self.feeds {
            let points = self.observation.metrics.entry(feed.key.clone()).or_default();
            if is_first {
                feed.begin(view);
            } else {
                let surplus = points.len().saturating_sub(feed.kept);
                points.drain(..surplus);
            }
            feed.read(view, points);
        }
        if let Some(depth) = view.depth() {
            self.observation.queues.extend(self.queues.iter().map(|name| (name.clone(), depth)));
        }
        let nothing = Memory::default();
        let memory = self.decision.as_ref().map_or(&nothing, |decision| &decision.memory);
        let decision = decide(&self.target, &self.observation, memory);
        let to = decision.to;
        self.decision = Some(decision);
        Some(to)
    }
}

impl Feed {
    /// More points than any policy looks back, after those that its offset leaves out.
    const KEPT: usize = 64;

    /// Metric math the world does not know.
    fn of(metric: &Metric) -> Option<Self> {
        let MetricSource::Stat(stat) = &metric.source else { return None };
        let period_s = Seconds::try_from(metric.period.as_secs()).ok().filter(|period| 0 < *period)?;
        let left_out = metric.offset.as_secs().div_ceil(u64::from(period_s));
        Some(Self {
            key: metric.key.clone(),
            stat: stat.clone(),
            period_s,
            delay_s: if period_s < 60 { HIGH_RESOLUTION_DELAY_S } else { METRIC_DELAY_S },
            kept: Self::KEPT.saturating_add(usize::try_from(left_out).unwrap_or(usize::MAX)),
            next: None,
        })
    }

    /// Begins with all that CloudWatch has from before the trial.
    fn begin(&mut self, view: &View<'_>) {
        let spec = view.service().spec();
        let before = 60 * i64::try_from(spec.history.len()).unwrap_or(i64::MAX / 60);
        let whole_periods = before / i64::from(self.period_s) * i64::from(self.period_s);
        self.next = Series::find(spec, &self.stat).map(|series| (series, -whole_periods));
    }

    /// Adds the points that became visible.
    fn read(&mut self, view: &View<'_>, points: &mut Vec<Point>) {
        let Some((series, next)) = &mut self.next else { return };
        let period = i64::from(self.period_s);
        while *next + period + i64::from(self.delay_s) <= i64::from(view.now()) {
            if let Some(value) = series.at(view.service(), *next, self.period_s) {
                points.push(Point { start: view.trial().timestamp(*next), value });
            }
            *next += period;
        }
    }
}
