//! What the alarms of a policy say about its shape: how many points must be beyond which threshold.

use std::collections::BTreeMap;

use super::aas::{AlarmName, MetricAlarm};
use super::entry::{Tolerance, USUAL_TOLERANCE};

/// Points that must be beyond a threshold, among so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Points {
    pub(super) after: u32,
    pub(super) within: u32,
}

/// How a target-tracking policy is shaped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) out: Points,
    pub(super) scale_in: Points,
    pub(super) tolerance: Tolerance,
    /// The period of the metric's points, where an alarm tells it, in seconds.
    pub(super) period: Option<u32>,
}

/// The alarms by name; none where CloudWatch was not asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms<'a>(Option<BTreeMap<&'a str, &'a MetricAlarm>>);

impl<'a> Alarms<'a> {
    pub(super) fn new(alarms: Option<&'a [MetricAlarm]>) -> Self {
        let by_name = |alarms: &'a [MetricAlarm]| {
            alarms.iter().map(|alarm| (alarm.alarm_name.as_str(), alarm)).collect()
        };
        Self(alarms.map(by_name))
    }

    /// Whether CloudWatch was asked.
    pub(super) fn are_known(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a MetricAlarm> {
        self.0.as_ref()?.get(name).copied()
    }

    /// The shape that the alarms of a target-tracking policy give it; AAS's usual one where they say nothing. The period is
    /// that of the metric's points, in seconds, where it is known without them.
    pub(super) fn shape(&self, names: &[AlarmName], target: f64, period: Option<u32>) -> Shape {
        let of = |is_for_more: bool| {
            let mut alarms = names.iter().filter_map(|alarm| self.get(&alarm.alarm_name));
            alarms.find(|alarm| alarm.comparison_operator.is_some() && alarm.is_for_more() == is_for_more)
        };
        let (high, low) = (of(true), of(false));
        let told = high.or(low).and_then(|alarm| alarm.period).filter(|period| 0 < *period);
        let period = period.or(told);
        let usual = usual_points(period.unwrap_or(MINUTE));
        let share = |alarm: Option<&MetricAlarm>| Some(alarm?.threshold? / target);
        Shape {
            out: points(high, period).unwrap_or(usual.0),
            scale_in: points(low, period).unwrap_or(usual.1),
            tolerance: Tolerance {
                out: share(high).map_or(USUAL_TOLERANCE.out, |share| tolerance(share - 1.0)),
                scale_in: share(low).map_or(USUAL_TOLERANCE.scale_in, |share| tolerance(1.0 - share)),
            },
            period: told,
        }
    }
}

const MINUTE: u32 = 60;

/// AAS's usual alarms: three points of a minute for scale-out, a quarter of an hour for scale-in. For 20-second metrics AAS
/// says nothing; three points and a quarter of an hour are taken there, too.
fn usual_points(period: u32) -> (Points, Points) {
    const POINTS_OUT: u32 = 3;
    const MINUTES_IN: u32 = 15;
    let scale_in = (MINUTES_IN * MINUTE).div_ceil(period.max(1)).max(1);
    (Points { after: POINTS_OUT, within: POINTS_OUT }, Points { after: scale_in, within: scale_in })
}

/// The points of an alarm, as points of the metric's period.
fn points(alarm: Option<&MetricAlarm>, period: Option<u32>) -> Option<Points> {
    let alarm = alarm?;
    let within = alarm.evaluation_periods?;
    let after = alarm.datapoints_to_alarm.unwrap_or(within);
    let scaled = |count: u32| match (alarm.period, period) {
        (Some(of_alarm), Some(of_metric)) if 0 < of_metric => {
            count.saturating_mul(of_alarm).div_ceil(of_metric).max(1)
        }
        _ => count,
    };
    Some(Points { after: scaled(after), within: scaled(within).max(scaled(after)) })
}

/// A share of the target without the error of floating point that a quotient has.
fn tolerance(share: f64) -> f64 {
    const EXACT: f64 = 1e6;
    ((share * EXACT).round() / EXACT).clamp(0.0, 1.0)
}
