//! The demo: one day of three services, steered by the real controller under a real policy file.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Seconds;
use super::http::Http;
use super::load::{Bell, Burst, Daily, Load};
use super::moments::{Moment, Occasion, moments};
use super::number::whole;
use super::queue::QueueWork;
use super::run::{At, Scenario, Timeline, run};
use super::score::{Cost, Score};
use super::service::{Service, ServiceSpec, TaskSize, Workload};
use super::tasks::StartTime;
use super::world::WorldSpec;
use crate::control::answer::AnswerError;
use crate::model::ServiceId;

/// The demo's policy file.
pub const POLICY: &str = include_str!("demo.yaml");

const HOUR_S: Seconds = 3600;

/// What the demo shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DemoOutcome {
    /// The day of each service, minute by minute.
    pub timelines: Vec<Timeline>,
    /// What it was worth, in the timelines' order.
    pub scores: Vec<Score>,
    /// The decisions that are worth telling, by time.
    pub moments: Vec<Moment>,
    /// What went wrong.
    pub errors: Vec<At<AnswerError>>,
    /// Where all random numbers came from.
    pub seed: u64,
}

impl DemoOutcome {
    /// What the services cost together.
    pub fn cost(&self) -> Cost {
        Cost::sum(self.scores.iter().map(|score| score.cost))
    }

    /// What they would have cost together at constant counts that keep their promises.
    pub fn static_cost(&self) -> Cost {
        Cost::sum(self.scores.iter().map(|score| score.static_cost))
    }
}

/// Runs the demo: a day, looked at once a minute.
pub fn demo(seed: u64) -> DemoOutcome {
    let scenario = scenario(seed);
    let run = run(&scenario);
    let services: Vec<&Service> =
        scenario.world.services.iter().filter_map(|spec| run.world.service(&spec.id)).collect();
    DemoOutcome {
        timelines: services.iter().map(|service| Timeline::of(service)).collect(),
        scores: services.iter().map(|service| Score::of(service)).collect(),
        moments: moments(&run.decisions, &occasions()),
        errors: run.errors,
        seed,
    }
}

/// The demo's scenario: Tuesday, 3 March 2026.
pub fn scenario(seed: u64) -> Scenario {
    const TUESDAY_S: i64 = 1_772_496_000;
    Scenario {
        world: WorldSpec {
            seed,
            start: Timestamp::from_second(TUESDAY_S).unwrap_or_default(),
            services: vec![web(), orders_worker(), reports()],
            ..WorldSpec::default()
        },
        duration_s: 24 * HOUR_S,
        tick_s: 60,
        policy: POLICY.to_owned(),
        place: "demo.yaml".to_owned(),
    }
}

fn occasions() -> Vec<Occasion> {
    let lasting = |burst: Burst| {
        let begin = whole(burst.at);
        begin..begin + whole(burst.rise + burst.hold)
    };
    vec![
        Occasion { service: web().id, during: lasting(FLASH_CROWD), title: "A flash crowd arrives" },
        Occasion { service: orders_worker().id, during: lasting(NIGHT_IMPORT), title: "An import at night" },
    ]
}

const FLASH_CROWD: Burst =
    Burst { at: 16.25 * 3600.0, rise: 480.0, hold: 1500.0, fall: 1200.0, height: 380.0 };

const NIGHT_IMPORT: Burst = Burst { at: 2.5 * 3600.0, rise: 60.0, hold: 600.0, fall: 120.0, height: 24.0 };

/// Requests over the day, with a peak at lunch and a flash crowd in the afternoon.
fn web() -> ServiceSpec {
    let bells = vec![
        Bell { hour: 10.0, width_h: 2.0, height: 150.0 },
        Bell { hour: 12.6, width_h: 0.6, height: 210.0 },
        Bell { hour: 15.5, width_h: 2.5, height: 120.0 },
        Bell { hour: 20.3, width_h: 1.6, height: 240.0 },
    ];
    let daily = Load::Daily(Daily { base: 45.0, bells });
    ServiceSpec {
        id: ServiceId::new("prod", "web"),
        workload: Workload::Http(Http {
            load_balancer: "app/web/50dc6c495c0c9188".to_owned(),
            target_group: "targetgroup/web/73e2d6bc24d8a067".to_owned(),
            concurrency: 4,
            service_time_s: 0.2,
            timeout_s: 10.0,
            latency_s: 0.5,
            percent: 99.0,
        }),
        load: Load::Sum(vec![daily, Load::Burst(FLASH_CROWD)]),
        burstiness: 0.08,
        initial: 6,
        start: StartTime::default(),
        size: TaskSize::default(),
        history: Arc::default(),
        deployments: Vec::new(),
    }
}

/// Messages in the shop's hours, none at night but for an import.
fn orders_worker() -> ServiceSpec {
    let bells = vec![
        Bell { hour: 12.0, width_h: 1.7, height: 16.0 },
        Bell { hour: 18.5, width_h: 1.1, height: 26.0 },
    ];
    let daily = Load::Daily(Daily { base: 0.0, bells });
    ServiceSpec {
        id: ServiceId::new("prod", "orders-worker"),
        workload: Workload::Queue(QueueWork {
            queue: "orders".to_owned(),
            concurrency: 1,
            service_time_s: 0.5,
            visibility_timeout_s: 30,
            start_within_s: 180,
            percent: 99.0,
        }),
        load: Load::Sum(vec![daily, Load::Burst(NIGHT_IMPORT)]),
        burstiness: 0.1,
        initial: 0,
        start: StartTime::default(),
        size: TaskSize::default(),
        history: Arc::default(),
        deployments: Vec::new(),
    }
}

/// No load that is measured: people want it in office hours.
fn reports() -> ServiceSpec {
    ServiceSpec {
        id: ServiceId::new("prod", "reports"),
        workload: Workload::Scheduled,
        load: Load::Constant(0.0),
        burstiness: 0.0,
        initial: 0,
        start: StartTime::default(),
        size: TaskSize::default(),
        history: Arc::default(),
        deployments: Vec::new(),
    }
}
