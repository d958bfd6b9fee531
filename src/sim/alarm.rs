//! CloudWatch alarms, evaluated every minute on what is visible: M of the newest N periods.

use jiff::Timestamp;

use super::Seconds;
use crate::model::{AlarmState, MetricStat, ServiceId};

/// What a scenario says of an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmSpec {
    /// The alarm's name.
    pub name: String,
    /// The statistic that it watches.
    pub stat: MetricStat,
    /// The length of a period, in seconds; whole minutes.
    pub period_s: Seconds,
    /// How a value breaches the threshold.
    pub comparison: Comparison,
    /// The threshold, in the metric's unit.
    pub threshold: f64,
    /// So many of the newest periods must breach: CloudWatch's `DatapointsToAlarm`.
    pub datapoints_to_alarm: usize,
    /// The newest periods that are looked at: CloudWatch's `EvaluationPeriods`.
    pub evaluation_periods: usize,
}

/// CloudWatch's `ComparisonOperator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Above the threshold.
    GreaterThanThreshold,
    /// At the threshold or above it.
    GreaterThanOrEqualToThreshold,
    /// Below the threshold.
    LessThanThreshold,
    /// At the threshold or below it.
    LessThanOrEqualToThreshold,
}

/// An alarm in the world.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// What the scenario says of it.
    pub spec: AlarmSpec,
    /// Its state.
    pub state: AlarmState,
    /// When it entered its state.
    pub since: Timestamp,
    /// The newest value that it saw.
    pub value: Option<f64>,
}

impl Alarm {
    /// More periods than those that count are looked at, since the newest ones may not be visible yet.
    const VISIBILITY_PERIODS: u32 = 3;

    /// An alarm that has seen nothing.
    pub fn new(spec: AlarmSpec, since: Timestamp) -> Self {
        Self { spec, state: AlarmState::InsufficientData, since, value: None }
    }

    /// How many periods to look back.
    pub(super) fn lookback(&self) -> u32 {
        u32::try_from(self.spec.evaluation_periods)
            .unwrap_or(u32::MAX)
            .saturating_add(Self::VISIBILITY_PERIODS)
    }

    /// Takes the visible values, oldest first, and tells whether the state changed.
    pub(super) fn evaluate(&mut self, values: &[f64], now: Timestamp) -> bool {
        self.value = values.last().copied();
        let newest = values.iter().rev().take(self.spec.evaluation_periods);
        let breaching = newest.filter(|value| self.spec.is_breach(**value)).count();
        let state = if values.is_empty() {
            AlarmState::InsufficientData
        } else if self.spec.datapoints_to_alarm <= breaching {
            AlarmState::Alarm
        } else {
            AlarmState::Ok
        };
        let changed = state != self.state;
        if changed {
            (self.state, self.since) = (state, now);
        }
        changed
    }
}

impl AlarmSpec {
    /// The services that the metric's dimensions name.
    pub fn services(&self) -> Vec<ServiceId> {
        let dimension = |name: &str| self.stat.dimensions.get(name);
        let named = dimension("ClusterName").zip(dimension("ServiceName"));
        named.map(|(cluster, service)| ServiceId::new(cluster, service)).into_iter().collect()
    }

    fn is_breach(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::GreaterThanThreshold => self.threshold < value,
            Comparison::GreaterThanOrEqualToThreshold => self.threshold <= value,
            Comparison::LessThanThreshold => value < self.threshold,
            Comparison::LessThanOrEqualToThreshold => value <= self.threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_follows_m_of_its_newest_n_values() {
        let spec = AlarmSpec {
            name: "web-cpu-high".to_owned(),
            stat: MetricStat::new("AWS/ECS", "CPUUtilization", [], "Average"),
            period_s: 60,
            comparison: Comparison::GreaterThanThreshold,
            threshold: 80.0,
            datapoints_to_alarm: 2,
            evaluation_periods: 3,
        };
        let mut alarm = Alarm::new(spec, Timestamp::UNIX_EPOCH);
        for (values, state) in [
            (&[][..], AlarmState::InsufficientData),
            (&[90.0], AlarmState::Ok),
            (&[90.0, 70.0, 90.0], AlarmState::Alarm),
            (&[90.0, 90.0, 80.0, 80.0], AlarmState::Ok),
            (&[], AlarmState::InsufficientData),
        ] {
            alarm.evaluate(values, Timestamp::UNIX_EPOCH);
            assert_eq!(alarm.state, state, "{values:?}");
        }
    }
}
