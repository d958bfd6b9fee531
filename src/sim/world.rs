//! The world: services, alarms and faults in virtual time. It moves only when it is told to.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::alarm::{Alarm, AlarmSpec};
use super::faults::{FaultRule, Faults};
use super::metrics::{self, MetricDelay, Publication};
use super::service::{Service, ServiceSpec};
use super::{STEP_S, Seconds};
use crate::model::{MetricStat, ServiceId};

/// A world in virtual time.
#[derive(Clone, Debug)]
pub struct World {
    start: Timestamp,
    now: Seconds,
    services: BTreeMap<ServiceId, Simulated>,
    alarms: BTreeMap<String, Alarm>,
    pub(super) faults: Faults,
}

#[derive(Clone, Debug)]
struct Simulated {
    service: Service,
    publication: Publication,
}

/// What a world begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorldSpec {
    /// Where all its random numbers come from.
    pub seed: u64,
    /// Its first moment: a whole minute.
    pub start: Timestamp,
    /// How long CloudWatch takes.
    pub metric_delay: MetricDelay,
    /// Its services.
    pub services: Vec<ServiceSpec>,
    /// Its alarms.
    pub alarms: Vec<AlarmSpec>,
    /// The calls that fail.
    pub faults: Vec<FaultRule>,
}

impl World {
    /// The world at its first moment.
    pub fn new(spec: WorldSpec) -> Self {
        let simulated = |service: ServiceSpec| {
            let publication = Publication::new(spec.metric_delay, spec.seed, &service.id.to_string());
            (service.id.clone(), Simulated { service: Service::new(service, spec.seed), publication })
        };
        let alarm = |alarm: AlarmSpec| (alarm.name.clone(), Alarm::new(alarm, spec.start));
        Self {
            start: spec.start,
            now: 0,
            services: spec.services.into_iter().map(simulated).collect(),
            alarms: spec.alarms.into_iter().map(alarm).collect(),
            faults: Faults::new(spec.faults),
        }
    }

    /// The seconds since its first moment.
    pub fn elapsed(&self) -> Seconds {
        self.now
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.timestamp(self.now.into())
    }

    /// The time of a moment, in seconds since the first one.
    pub fn timestamp(&self, at: i64) -> Timestamp {
        self.start.saturating_add(SignedDuration::from_secs(at)).unwrap_or(self.start)
    }

    /// The services, by name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values().map(|simulated| &simulated.service)
    }

    /// A service.
    pub fn service(&self, id: &ServiceId) -> Option<&Service> {
        self.services.get(id).map(|simulated| &simulated.service)
    }

    /// A service, to change it.
    pub fn service_mut(&mut self, id: &ServiceId) -> Option<&mut Service> {
        self.services.get_mut(id).map(|simulated| &mut simulated.service)
    }

    /// The alarms, by name.
    pub fn alarms(&self) -> &BTreeMap<String, Alarm> {
        &self.alarms
    }

    /// The calls that were made.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Lets time pass until a moment, and names the alarms that changed their state, in order.
    pub fn advance(&mut self, until: Seconds) -> Vec<String> {
        let mut changed = Vec::new();
        while self.now + STEP_S <= until {
            for simulated in self.services.values_mut() {
                simulated.service.step(self.now);
            }
            self.now += STEP_S;
            if self.now.is_multiple_of(60) {
                for simulated in self.services.values_mut() {
                    simulated.publication.minute_ended(self.now);
                }
                changed.extend(self.evaluate_alarms());
            }
        }
        changed
    }

    /// The visible values of a statistic, oldest first, by the period's start in seconds since the first moment.
    pub fn metric(&self, stat: &MetricStat, period_s: Seconds, periods: u32) -> Vec<(i64, f64)> {
        let of = |simulated: &Simulated| {
            metrics::values(&simulated.service, &simulated.publication, stat, period_s, periods, self.now)
        };
        self.services.values().map(of).find(|values| !values.is_empty()).unwrap_or_default()
    }

    fn evaluate_alarms(&mut self) -> Vec<String> {
        let now = self.now();
        let mut alarms = std::mem::take(&mut self.alarms);
        let mut changed = Vec::new();
        for alarm in alarms.values_mut() {
            let points = self.metric(&alarm.spec.stat, alarm.spec.period_s, alarm.lookback());
            let values: Vec<f64> = points.into_iter().map(|(_, value)| value).collect();
            if alarm.evaluate(&values, now) {
                changed.push(alarm.spec.name.clone());
            }
        }
        self.alarms = alarms;
        changed
    }
}
