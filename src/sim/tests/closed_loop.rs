//! The closed loop: it is the world, only without the controller between; it loses nothing, and a seed says all of it.

use super::*;
use crate::config::PolicyFile;
use crate::model::{Capacity, ScalableTarget};
use crate::sim::load::Burst;
use crate::sim::simulate::{Simulation, Work, simulate};

/// What each policy of these is for: the first for requests, the second for messages.
const POLICIES: [(&str, Work); 4] = [
    ("target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }", Work::HTTP),
    ("service_level: { load_balancer: app/web/1, latency: 300ms, percent: 99.9 }", Work::HTTP),
    ("queue: { queue: orders, backlog_per_task: 20 }", Work::QUEUE),
    ("queue: { queue: orders, start_within: 3m }", Work::QUEUE),
];

fn target(text: &str) -> ScalableTarget {
    let file = PolicyFile::parse("trimtab.yaml", text).unwrap();
    let [entry] = file.entries.as_slice() else { panic!("{:?}", file.problems) };
    entry.target_for(entry.pattern().literal().unwrap())
}

/// Some hours of a load that rises and falls, under one policy.
fn simulation(policy: &str, work: Work) -> Simulation {
    let policy = format!(
        "version: 1\nservices:\n  - service: prod/web\n    capacity: {{ min: 1, max: 40 }}\n    policies:\n      - {policy}\n"
    );
    let trace = Trace::parse("a trace", "t,rate\n0,20\n3600,160\n7200,40\n10800,120\n14400,10\n").unwrap();
    Simulation {
        target: target(&policy),
        policy,
        place: "trimtab.yaml".to_owned(),
        trace,
        days: None,
        tasks: Some(6.0),
        work,
        start: Timestamp::UNIX_EPOCH,
        seed: 7,
        tick_s: 60,
        task_start: StartTime::default(),
        size: TaskSize::default(),
    }
}

/// A scaler that asks for these counts in turn, whatever it sees.
struct Restless(Vec<TaskCount>, usize);

impl Scaler for Restless {
    fn look_every(&self) -> Seconds {
        45
    }

    fn look(&mut self, _: &View<'_>) -> Option<TaskCount> {
        self.1 += 1;
        self.0.get(self.1 % self.0.len()).copied()
    }
}

#[test]
fn the_engine_in_the_loop_does_what_the_controller_does_in_the_cloud() {
    for (policy, work) in POLICIES {
        let simulation = simulation(policy, work);
        let steered = simulate(&simulation).unwrap();
        let service = simulation.trial().unwrap().run(&mut Trimtab::new(simulation.target.clone()));
        assert_eq!(Timeline::of(&service), steered.timeline, "{policy}");
        assert!(10 < service.actions(), "{policy}: {} actions", service.actions());
    }
}

#[test]
fn both_bring_the_days_before_when_the_engine_wants_to_rehearse_on_them() {
    let promises = [
        ("service_level: { load_balancer: app/web/1, latency: 300ms, percent: 99.9 }", Work::HTTP),
        ("queue: { queue: orders, start_within: 60s }", Work::QUEUE),
    ];
    let rates: String = (0..54).fold("t,rate\n".to_owned(), |text, hour| {
        let rate = 20 + 10 * (hour % 8);
        format!("{text}{},{rate}\n", hour * 3600)
    });
    for (policy, work) in promises {
        let trace = Trace::parse("a trace", &rates).unwrap();
        let simulation = Simulation { trace, days: Some(0.25), ..simulation(policy, work) };
        let steered = simulate(&simulation).unwrap();
        let mut trimtab = Trimtab::new(simulation.target.clone());
        let service = simulation.trial().unwrap().run(&mut trimtab);
        assert_eq!(Timeline::of(&service), steered.timeline, "{policy}");
        let memory = &trimtab.decision().unwrap().memory;
        let loads = memory.service_levels.values().map(|learned| &learned.load);
        let mut loads = loads.chain(memory.queues.values().map(|learned| &learned.load));
        assert!(loads.any(|load| load.rehearsed.is_some()), "{policy}: {memory:?}");
    }
}

#[test]
fn the_messages_of_a_policy_with_two_queues_are_counted_once() {
    let outcome = |queues: &str| {
        let policy = format!("queue: {{ {queues}, backlog_per_task: 20 }}");
        let simulation = simulation(&policy, Work::QUEUE);
        simulation.trial().unwrap().outcome(&mut Trimtab::new(simulation.target.clone()))
    };
    assert_eq!(outcome("queue: [orders, returns]"), outcome("queue: orders"));
}

#[test]
fn every_request_is_served_given_up_or_waiting_and_every_message_deleted_or_in_the_queue() {
    for work in [Work::HTTP, Work::QUEUE] {
        let simulation = simulation(POLICIES[0].0, work);
        let trial = simulation.trial().unwrap();
        let mut restless = Restless(vec![3, 9, 1, 14, 2, 2, 6], 0);
        let service = trial.run(&mut restless);
        let arrived: u64 = trial.arrivals().iter().map(|count| u64::from(*count)).sum();
        let steps = service.steps();
        match &service.spec().workload {
            Workload::Http(http) => {
                let served = |step: &service::Step| {
                    step.busy * f64::from(step.running * http.concurrency) * 5.0 / http.service_time_s
                };
                let served: f64 = steps.iter().map(served).sum();
                let given_up: f64 = steps.iter().map(|step| step.timed_out).sum();
                let waiting = steps.last().unwrap().backlog;
                assert!(0.0 < given_up, "the load is more than one task serves");
                let missing = number::real(arrived) - served - given_up - waiting;
                assert!(missing.abs() < 1e-3, "{missing} of {arrived} requests are missing");
            }
            Workload::Queue(_) => {
                let depth = service.queue().depth(trial.duration_s());
                let there = service.queue().deleted() + depth.visible + depth.in_flight.unwrap();
                assert_eq!((service.queue().sent(), there), (arrived, arrived));
            }
            Workload::Scheduled => unreachable!("{work:?}"),
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_outcome_and_another_seed_another() {
    for (policy, work) in POLICIES {
        let outcome = |seed| {
            let simulation = Simulation { seed, ..simulation(policy, work) };
            simulation.trial().unwrap().outcome(&mut Trimtab::new(simulation.target.clone()))
        };
        assert_eq!(outcome(1), outcome(1), "{policy}");
        assert_ne!(outcome(1), outcome(2), "{policy}");
    }
}

#[test]
fn a_count_outside_the_bounds_is_brought_within() {
    let spec = web(Load::Constant(10.0), 4);
    let capacity = Capacity::new(2, 5).unwrap();
    let trial = Trial::new(spec, capacity, 600, Timestamp::UNIX_EPOCH, 1);
    let service = trial.run(&mut Restless(vec![0, 50], 0));
    let desired: std::collections::BTreeSet<TaskCount> =
        service.steps().iter().map(|step| step.desired).collect();
    assert_eq!(desired, [2, 5].into());
}

#[test]
fn a_depth_is_seen_at_once_and_a_minute_a_minute_after_its_end() {
    /// Notes when it first sees a message, and when the first minute.
    struct Watch(Periods, Option<Seconds>, Option<Seconds>);
    use crate::sim::trial::Periods;
    impl Scaler for Watch {
        fn look_every(&self) -> Seconds {
            STEP_S
        }
        fn look(&mut self, view: &View<'_>) -> Option<TaskCount> {
            if view.depth().is_some_and(|depth| 0 < depth.visible) {
                self.1.get_or_insert(view.now());
            }
            if self.0.next(view).is_some() {
                self.2.get_or_insert(view.now());
            }
            None
        }
    }
    for (periods, shown) in [(Periods::minutes(), 120), (Periods::high_resolution(), 40)] {
        let spec = worker(Load::Constant(50.0), 0);
        let trial = Trial::new(spec, Capacity::new(0, 5).unwrap(), 600, Timestamp::UNIX_EPOCH, 1);
        let mut watch = Watch(periods, None, None);
        trial.run(&mut watch);
        assert_eq!((watch.1, watch.2), (Some(STEP_S), Some(shown)));
    }
}

#[test]
fn the_first_look_sees_what_arrived_on_the_days_before() {
    let policy = "queue: { queue: orders, start_within: 3m }";
    let hours: String =
        (0..72).fold("t,rate\n".to_owned(), |text, hour| format!("{text}{},4\n", hour * 3600));
    let trace = Trace::parse("a trace", &hours).unwrap();
    let simulation = Simulation { trace, days: Some(1.0), tasks: None, ..simulation(policy, Work::QUEUE) };
    let spec = simulation.trial().unwrap().spec().clone();
    assert_eq!(spec.history.len(), 2 * 1440);
    let world = World::new(WorldSpec { services: vec![spec], ..WorldSpec::default() });
    let sent = MetricStat::new("AWS/SQS", "NumberOfMessagesSent", [("QueueName", "orders")], "Sum");
    let points = world.metric(&sent, 60, 100_000);
    assert_eq!((points.len(), points[0].0, points.last().unwrap().0), (2880, -2880 * 60, -60));
    let mean = points.iter().map(|(_, value)| value).sum::<f64>() / 2880.0;
    assert!((mean - 240.0).abs() < 2.0, "{mean}");
    let deleted = MetricStat { name: "NumberOfMessagesDeleted".to_owned(), ..sent };
    assert_eq!(world.metric(&deleted, 60, 100_000), [], "what tasks did before is not known");
}

#[test]
fn a_flash_crowd_costs_more_than_none() {
    let burst = Burst { at: 600.0, rise: 60.0, hold: 900.0, fall: 60.0, height: 200.0 };
    let cost = |load| {
        let trial = Trial::new(web(load, 4), Capacity::new(1, 60).unwrap(), 3600, Timestamp::UNIX_EPOCH, 1);
        trial.outcome(&mut Trimtab::new(simulation(POLICIES[0].0, Work::HTTP).target)).cost.usd
    };
    let calm = Load::Constant(20.0);
    assert!(cost(calm.clone()) < cost(Load::Sum(vec![calm, Load::Burst(burst)])));
}
