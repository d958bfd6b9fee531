//! What a decision costs in time and memory: an ordinary look of every kind of policy, the same with more and more history, a
//! rehearsal on fourteen days, and a day of a service in the closed loop. `cargo bench --no-default-features --bench decide` measures it.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use divan::{AllocProfiler, Bencher};
use jiff::{SignedDuration, Timestamp};
use trimtab::config::PolicyFile;
use trimtab::engine::decide;
use trimtab::model::{
    AlarmState, AlarmStatus, Memory, Observation, Point, QueueDepth, ScalableTarget, ServiceId, ServiceStatus,
};
use trimtab::sim::load::Trace;
use trimtab::sim::simulate::{Simulation, Work};
use trimtab::sim::tasks::StartTime;
use trimtab::sim::{Scaler as _, Trial, Trimtab};

const POLICIES: &str = "
version: 1
defaults:
  capacity: { min: 1, max: 200 }
services:
  - service: bench/target_tracking
    policies: [target_tracking: { metric: ECSServiceAverageMemoryUtilization, target: 60 }]
  - service: bench/target_tracking_scale_in
    policies: [target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }]
  - service: bench/target_tracking_predictive
    predictive: { mode: ForecastAndScale }
    policies: [target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }]
  - service: bench/step_scaling
    policies:
      - step_scaling: { alarm: high, adjustment_type: ChangeInCapacity, steps: [{ lower: 0, change: 2 }] }
  - service: bench/backlog_per_task
    policies: [queue: { queue: orders, backlog_per_task: 100 }]
  - service: bench/start_within
    predictive: { mode: ForecastAndScale }
    policies: [queue: { queue: orders, start_within: 180s }]
  - service: bench/service_level
    predictive: { mode: ForecastAndScale }
    policies: [service_level: { load_balancer: app/bench/1, latency: 300ms, percent: 99.9 }]
";

/// The kinds of policies. A service at rest is within the tolerance of its target; one that scales in asks for less at each look.
const KINDS: [&str; 7] = [
    "target_tracking",
    "target_tracking_scale_in",
    "target_tracking_predictive",
    "step_scaling",
    "backlog_per_task",
    "start_within",
    "service_level",
];

/// Counts allocations for the benches that ask for them.
#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const START: Timestamp = Timestamp::constant(1_767_225_600, 0);
const DAY_MINUTES: i64 = 1440;
const REHEARSED_MINUTES: i64 = 14 * DAY_MINUTES;
const TASKS: u32 = 20;
const PER_TASK_S: f64 = 20.0;

fn main() {
    divan::main();
}

fn target(name: &str) -> ScalableTarget {
    let file = PolicyFile::parse("bench.yaml", POLICIES).unwrap();
    let service = ServiceId::new("bench", name);
    let entry = file.entries.iter().find(|entry| entry.selects(&service)).unwrap();
    entry.target_for(&service)
}

/// Requests or messages a second: a day with a peak of twice its mean.
fn load_s(minute: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some thousand minutes")]
    let days = minute as f64 / DAY_MINUTES as f64;
    200.0 - 190.0 * (TAU * days).cos()
}

/// What is seen at the end of a minute, with so many minutes of metrics, the newest one minute old.
fn seen(target: &ScalableTarget, minute: i64, minutes: i64) -> Observation {
    let at = |minute: i64| START + SignedDuration::from_mins(minute);
    let value = |key: &str, minute: i64| match key {
        "RequestCount" | "orders.NumberOfMessagesSent" | "orders.NumberOfMessagesDeleted" => {
            (60.0 * load_s(minute)).round()
        }
        "ECSServiceAverageCPUUtilization" => 100.0 * load_s(minute) / (f64::from(TASKS) * PER_TASK_S),
        "ECSServiceAverageMemoryUtilization" => 58.0,
        _ => 99.95,
    };
    let points = |key: &str| {
        let newest = minute - 2;
        (newest - minutes + 1..=newest)
            .map(|minute| Point { start: at(minute), value: value(key, minute) })
            .collect()
    };
    let metrics = target.policies.iter().flat_map(|policy| policy.metrics());
    let alarm =
        AlarmStatus { state: AlarmState::Alarm, threshold: Some(50.0), value: Some(70.0), since: None };
    let depth = QueueDepth { visible: 900, in_flight: Some(40), delayed: Some(0), oldest_age_s: None };
    Observation {
        now: at(minute),
        service: ServiceStatus::steady(TASKS),
        metrics: metrics.map(|metric| (metric.key.clone(), points(&metric.key))).collect(),
        alarms: BTreeMap::from([("high".into(), alarm)]),
        queues: BTreeMap::from([("orders".into(), depth)]),
    }
}

/// What is remembered after so many minutes of looks.
fn after_looks(target: &ScalableTarget, minutes: i64) -> Memory {
    (REHEARSED_MINUTES..REHEARSED_MINUTES + minutes)
        .fold(Memory::default(), |memory, minute| decide(target, &seen(target, minute, 30), memory).memory)
}

/// A look among others, an hour after the first: half an hour of points, of which one is new.
#[divan::bench(args = KINDS)]
fn look(bencher: Bencher<'_, '_>, policy: &str) {
    look_with(bencher, policy, 60, 30);
}

/// The same after so many looks, with so many points: what a decision allocates does not grow with them.
#[divan::bench(args = KINDS, consts = [10, 100, 1000])]
fn history<const MINUTES: i64>(bencher: Bencher<'_, '_>, policy: &str) {
    look_with(bencher, policy, MINUTES, MINUTES);
}

fn look_with(bencher: Bencher<'_, '_>, policy: &str, looks: i64, points: i64) {
    let target = target(policy);
    let memory = after_looks(&target, looks);
    let observation = seen(&target, REHEARSED_MINUTES + looks, points);
    bencher.with_inputs(|| memory.clone()).bench_values(|memory| decide(&target, &observation, memory));
}

/// The look that rehearses on fourteen days of minutes, once a day.
#[divan::bench(sample_count = 20)]
fn rehearsal_on_14_days(bencher: Bencher<'_, '_>) {
    let target = target("service_level");
    let memory = after_looks(&target, 60);
    let later = REHEARSED_MINUTES + 2 * 60;
    let observation = seen(&target, later, REHEARSED_MINUTES);
    let level = decide(&target, &observation, memory.clone()).memory.service_levels.into_values().next();
    assert!(level.is_some_and(|level| level.load.rehearsed.is_some()), "it rehearses");
    bencher.with_inputs(|| memory.clone()).bench_values(|memory| decide(&target, &observation, memory));
}

fn a_day(policy: &str, work: Work) -> (ScalableTarget, Trial) {
    let target = target(policy);
    let hours = (0..24)
        .fold("t,rate\n".to_owned(), |text, hour| format!("{text}{},{}\n", hour * 3600, load_s(hour * 60)));
    let simulation = Simulation {
        policy: POLICIES.to_owned(),
        place: "bench.yaml".to_owned(),
        target: target.clone(),
        trace: Trace::parse("day", &hours).unwrap(),
        days: None,
        tasks: Some(f64::from(TASKS) / 2.0),
        work,
        start: START,
        seed: 1,
        tick_s: 60,
        task_start: StartTime::default(),
        size: trimtab::sim::service::TaskSize::default(),
    };
    (target, simulation.trial().unwrap())
}

/// A day of a service in the closed loop, in steps of five seconds, with a decision a minute.
#[divan::bench(args = ["target_tracking_scale_in", "service_level", "start_within"], sample_count = 20)]
fn day_in_the_loop(bencher: Bencher<'_, '_>, policy: &str) {
    let work = if policy == "start_within" { Work::QUEUE } else { Work::HTTP };
    let (target, trial) = a_day(policy, work);
    assert_eq!(Trimtab::new(target.clone()).look_every(), 60);
    bencher.bench(|| trial.run(&mut Trimtab::new(target.clone())).actions());
}
