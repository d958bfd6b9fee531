//! The bound: no scaler that keeps the promise pays less, whatever the load; and it is not far below what can be had.

use proptest::prelude::*;

use super::*;
use crate::model::Capacity;
use crate::sim::bound::least_task_seconds;
use crate::sim::load::Burst;
use crate::sim::peers::Peer;
use crate::sim::peers::constant::Constant;

const HOUR_S: Seconds = 3600;

/// Starts that take the same time each, as the bound supposes.
const STEADY_START: StartTime = StartTime { median_s: 45.0, p95_s: 45.0 };

fn trial(spec: ServiceSpec, min: TaskCount, seed: u64) -> Trial {
    let spec = ServiceSpec { start: STEADY_START, ..spec };
    Trial::new(spec, Capacity::new(min, 200).unwrap(), HOUR_S, Timestamp::UNIX_EPOCH, seed)
}

fn bursts() -> impl Strategy<Value = Load> {
    let burst = (0.0..3600.0, 1.0..600.0, 0.0..900.0, 1.0..600.0, 0.0..200.0)
        .prop_map(|(at, rise, hold, fall, height)| Load::Burst(Burst { at, rise, hold, fall, height }));
    (0.0..120.0, prop::collection::vec(burst, 0..4)).prop_map(|(base, mut loads)| {
        loads.push(Load::Constant(base));
        Load::Sum(loads)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_scaler_that_keeps_the_promise_pays_less(
        load in bursts(),
        is_http in any::<bool>(),
        min in 0..2_u32,
        initial in 0..20_u32,
        seed in 0..1000_u64,
    ) {
        let spec = if is_http { web(load, initial) } else { worker(load, initial) };
        let trial = trial(spec, min, seed);
        let bound = least_task_seconds(&trial).unwrap() / 3600.0;
        let peers = Peer::ALL.into_iter().filter(|peer| peer.suits(&trial));
        let outcomes = peers.flat_map(|peer| {
            let settings = peer.settings().iter().step_by(2);
            settings.map(move |setting| (peer, *setting)).collect::<Vec<_>>()
        });
        for (peer, setting) in outcomes {
            let outcome = trial.outcome(peer.scaler(setting, &trial).as_mut());
            let paid = outcome.cost.task_hours;
            prop_assert!(!outcome.kept() || bound <= paid, "{peer:?} at {setting} pays {paid}, the bound is {bound}");
        }
    }
}

#[test]
fn under_a_steady_load_it_is_near_the_least_constant_count() {
    for spec in [web(Load::Constant(200.0), 20), worker(Load::Constant(20.0), 20)] {
        let trial = trial(spec, 1, 1);
        let bound = least_task_seconds(&trial).unwrap() / f64::from(HOUR_S);
        let constant = |count| trial.outcome(&mut Constant::new(count)).kept();
        let least = (1..50).find(|count| constant(*count)).unwrap();
        assert!((0.85 * f64::from(least)..=f64::from(least)).contains(&bound), "{bound}, {least}");
    }
}

#[test]
fn a_valley_too_short_to_restart_tasks_in_is_paid_and_a_long_one_is_not() {
    let load = |valley: f64| {
        let plateau =
            |at: f64, hold: f64| Load::Burst(Burst { at, rise: 1.0, hold, fall: 1.0, height: 200.0 });
        Load::Sum(vec![plateau(0.0, 1200.0), plateau(1202.0 + valley, 1200.0)])
    };
    let bound = |valley| {
        let spec = ServiceSpec { burstiness: 0.0, ..web(load(valley), 12) };
        least_task_seconds(&trial(spec, 0, 1)).unwrap()
    };
    let (none, short, long, longer) = (bound(0.0), bound(60.0), bound(300.0), bound(900.0));
    let tasks = 200.0 / 19.0;
    assert!(0.8 * 60.0 * tasks < short - none, "{none}, {short}");
    assert!(
        (long - short) < 1.3 * 15.0 * tasks && (longer - long).abs() < 2.0 * tasks,
        "{short}, {long}, {longer}"
    );
}
