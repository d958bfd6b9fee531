//! Trimtab as a scaler of a trial: the engine itself, asked directly. It is what the controller asks, with what the
//! controller would show it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Seconds;
use super::metrics::Series;
use super::trial::{HIGH_RESOLUTION_DELAY_S, METRIC_DELAY_S, Scaler, View};
use crate::control::recent_points;
use crate::engine::{HISTORY, decide, is_news, remember_rest, rests, wanted_history};
use crate::model::metric::MetricSource;
use crate::model::policy::{PolicyKind, ScalingPolicy};
use crate::model::{
    Change, Decision, Memory, Metric, MetricStat, Name, Observation, Point, ScalableTarget, ServiceStatus,
    TaskCount,
};

/// A trial has one policy from its beginning to its end.
const POLICY: u64 = 0;

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
    key: Name,
    stat: MetricStat,
    period_s: Seconds,
    delay_s: Seconds,
    /// The points that the first look sees.
    first: u32,
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

    /// The engine, looking every so many seconds. A trial has one queue: where a policy adds up several, all messages come through
    /// its first.
    pub fn looking_every(mut target: ScalableTarget, look_every: Seconds) -> Self {
        for policy in &mut target.policies {
            if let PolicyKind::Queue(queue) = &mut policy.kind {
                queue.queues.truncate(1);
            }
        }
        let queues = target.policies.iter().flat_map(|policy| match &policy.kind {
            PolicyKind::Queue(queue) => queue.queues.iter().map(|queue| queue.name.clone()).collect(),
            PolicyKind::TargetTracking(_) | PolicyKind::StepScaling(_) | PolicyKind::ServiceLevel(_) => {
                Vec::new()
            }
        });
        let mut feeds: Vec<Feed> = target.policies.iter().flat_map(Feed::of_policy).collect();
        feeds.sort_by(|one, other| one.key.cmp(&other.key));
        feeds.dedup_by(|one, other| one.key == other.key); // what two policies look at is observed once
        Self {
            look_every,
            feeds,
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
        if rests(&self.target, memory, POLICY, &self.observation) {
            return None;
        }
        let wanted = wanted_history(&self.target, memory, self.observation.now);
        for metric in &wanted {
            if let Some(feed) = self.feeds.iter().find(|feed| feed.key == metric.key) {
                self.observation.metrics.insert(metric.key.clone(), feed.history(view));
            }
        }
        let mut decision = decide(&self.target, &self.observation, memory.clone());
        remember_rest(&self.target, &self.observation, memory, POLICY, &mut decision);
        let is_told = !wanted.is_empty() || decision.change() != Change::Hold;
        if !is_told && !is_news(&self.target, memory, &decision.memory) {
            decision.memory = memory.clone();
        }
        let to = decision.to;
        self.decision = Some(decision);
        Some(to)
    }
}

impl Feed {
    /// More points than most policies look back; to keep a few more costs less than to move them often.
    const KEPT: usize = 64;

    fn of_policy(policy: &ScalingPolicy) -> Vec<Self> {
        policy.metrics().into_iter().filter_map(|metric| Self::of(policy, metric)).collect()
    }

    /// Metric math the world does not know.
    fn of(policy: &ScalingPolicy, metric: &Metric) -> Option<Self> {
        let MetricSource::Stat(stat) = &metric.source else { return None };
        let period_s = Seconds::try_from(metric.period.as_secs()).ok().filter(|period| 0 < *period)?;
        let first = recent_points(policy, metric);
        Some(Self {
            key: metric.key.clone(),
            stat: stat.clone(),
            period_s,
            delay_s: if period_s < 60 { HIGH_RESOLUTION_DELAY_S } else { METRIC_DELAY_S },
            first,
            kept: usize::try_from(first).unwrap_or(usize::MAX).max(Self::KEPT),
            next: None,
        })
    }

    /// Begins with the newest points of the time before the trial.
    fn begin(&mut self, view: &View<'_>) {
        let start = self.start_of(view, self.first);
        self.next = Series::find(view.service().spec(), &self.stat).map(|series| (series, start));
    }

    /// The points of the last days, as far as they are visible.
    fn history(&self, view: &View<'_>) -> Vec<Point> {
        let Some((series, next)) = &self.next else { return Vec::new() };
        let periods = HISTORY.as_secs().div_ceil(self.period_s.into());
        let mut points = Vec::new();
        let mut start = self.start_of(view, u32::try_from(periods).unwrap_or(u32::MAX));
        while start < *next {
            points.extend(self.point(*series, view, start));
            start += i64::from(self.period_s);
        }
        points
    }

    /// The start of the oldest of so many periods before now.
    fn start_of(&self, view: &View<'_>, periods: u32) -> i64 {
        (i64::from(view.now() / self.period_s) - i64::from(periods)) * i64::from(self.period_s)
    }

    fn point(&self, series: Series, view: &View<'_>, start: i64) -> Option<Point> {
        let value = series.at(view.service(), start, self.period_s)?;
        Some(Point { start: view.trial().timestamp(start), value })
    }

    /// Adds the points that became visible.
    fn read(&mut self, view: &View<'_>, points: &mut Vec<Point>) {
        let Some((series, mut next)) = self.next else { return };
        let period = i64::from(self.period_s);
        while next + period + i64::from(self.delay_s) <= i64::from(view.now()) {
            points.extend(self.point(series, view, next));
            next += period;
        }
        self.next = Some((series, next));
    }
}
