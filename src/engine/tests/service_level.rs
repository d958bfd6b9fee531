//! The promise of a latency: what a task takes, the load ahead, and the insurance.

use super::world::*;
use crate::engine::decide;
use crate::model::memory::{LoadMemory, LookaheadMemory, LookaheadTuning, Rehearsed, ServiceLevelMemory};
use crate::model::policy::{PolicyKind, ServiceLevel};
use crate::model::{Memory, ReasonCode, ScalableTarget, ServiceStatus, TaskCount};

const NAME: &str = "level0";

fn service() -> ScalableTarget {
    target(0, 1000, [PolicyKind::ServiceLevel(level())])
}

/// Requests in a minute, utilization in per cent where it was published, tasks that run.
type Minute = (f64, Option<f64>, TaskCount);

fn per_task_after(minutes: &[Minute]) -> Option<f64> {
    let mut run = Run::new(service(), 4);
    for ((requests, used, running), minute) in minutes.iter().zip(1..) {
        run.desired = *running;
        run.memory.pending = None;
        run.look(60 * minute, |seen| {
            let seen = seen.points(REQUESTS, &[*requests]);
            used.iter().fold(seen, |seen, used| seen.points(CPU, &[*used]))
        });
    }
    run.memory.service_levels[NAME].per_task_s
}

#[test]
fn what_a_task_takes_is_learned_from_requests_and_utilization() {
    let known = (2400.0, Some(50.0), 4);
    // (case, minutes, requests a second that a task takes)
    let cases: &[(&str, &[Minute], Option<f64>)] = &[
        ("40 a second on half of 4 tasks", &[known], Some(20.0)),
        ("the same again", &[known, known, known], Some(20.0)),
        ("a second sample counts by its share", &[known, (2640.0, Some(50.0), 4)], Some(21.0)),
        ("without utilization nothing is known", &[(2400.0, None, 4)], None),
        ("a minute without it changes nothing", &[known, (9000.0, None, 4)], Some(20.0)),
        ("hardly used tasks say nothing", &[(40.0, Some(2.0), 4)], None),
        ("nor do those without requests", &[(0.0, Some(50.0), 4)], None),
        ("nor those near their limit", &[(4800.0, Some(90.0), 4)], None),
        ("nor those at it, at first", &[(4800.0, Some(100.0), 4)], None),
        (
            "at the limit they take less than was asked",
            &[known, (4000.0, Some(100.0), 4)],
            Some(20.0_f64.min(4000.0 / 60.0 / 4.0 * 0.85)),
        ),
        ("but never more than was known", &[known, (48000.0, Some(100.0), 4)], Some(20.0)),
        ("a count that changed in the minute says nothing", &[known, (9600.0, Some(50.0), 8)], Some(20.0)),
        (
            "unless nothing is known: then the most that ran count",
            &[(4800.0, Some(90.0), 4), (4800.0, Some(50.0), 8)],
            Some(20.0),
        ),
        (
            "at the limit the fewest that ran bound what a task takes",
            &[known, (4000.0, Some(100.0), 8)],
            Some(4000.0 / 60.0 / 4.0 * 0.85),
        ),
        ("an odd sample is believed in part", &[known, (24000.0, Some(50.0), 4)], Some(24.0)),
        ("the other way too", &[known, (24.0, Some(50.0), 4)], Some(17.0)),
        ("no task made no value", &[(2400.0, Some(50.0), 0)], None),
    ];
    for (case, minutes, expected) in cases {
        let learned = per_task_after(minutes);
        let same = match (learned, expected) {
            (Some(learned), Some(expected)) => agree(*expected, learned),
            (learned, expected) => learned.is_none() && expected.is_none(),
        };
        assert!(same, "{case}: {learned:?} instead of {expected:?}");
    }
}

#[test]
fn until_then_a_cautious_utilization_is_aimed_at() {
    type Case = (&'static str, TaskCount, TaskCount, f64, Option<f64>, TaskCount);
    // (case, desired, running, requests, utilization, wanted)
    let cases: &[Case] = &[
        ("near the limit, 50 %", 4, 4, 4800.0, Some(90.0), 8),
        ("at the limit, 33 %", 4, 4, 4800.0, Some(99.0), 12),
        ("more than all there is counts as all", 4, 4, 4800.0, Some(250.0), 13),
        ("never fewer than there are", 4, 4, 40.0, Some(2.0), 4),
        ("without utilization, what there is", 4, 4, 4800.0, None, 4),
        ("from zero, one task", 0, 0, 60.0, None, 1),
        ("without requests none", 0, 0, 0.0, None, 0),
    ];
    for (case, desired, running, requests, used, wanted) in cases {
        let status = ServiceStatus { running: *running, ..ServiceStatus::steady(*desired) };
        let seen = seen(after(0), status).points(REQUESTS, &[*requests]);
        let seen = used.iter().fold(seen, |seen, used| seen.points(CPU, &[*used]));
        assert_eq!(decide_fresh(&service(), &seen).to, *wanted, "{case}");
    }
}

/// What is remembered of a service whose tasks take 20 requests a second each.
fn known(lookahead: LookaheadMemory, rehearsed: Option<LookaheadTuning>, late: Option<f64>) -> Memory {
    let requests = if late.is_some() { 1e6 } else { 0.0 };
    let level = ServiceLevelMemory {
        per_task_s: Some(20.0),
        per_task_weight: 5.0,
        requests,
        late: late.unwrap_or_default(),
        load: LoadMemory {
            lookahead,
            rehearsed: rehearsed.map(|tuning| Rehearsed { at: after(-600), per_task_s: 20.0, tuning }),
            ..LoadMemory::default()
        },
        ..ServiceLevelMemory::default()
    };
    Memory { service_levels: [(NAME.into(), level)].into(), ..Memory::default() }
}

fn followed(level_s: f64, held_s: f64) -> LookaheadMemory {
    LookaheadMemory { begun: true, level_s, held_s, variance: 0.0025, ..LookaheadMemory::default() }
}

#[test]
fn the_sum_of_a_decision_can_be_done_again_from_its_sentence() {
    let rehearsed = LookaheadTuning { margin: 2.25, ..LookaheadTuning::default() };
    let floored = LookaheadTuning { floor_s: 900.0, ..rehearsed };
    let absolute = LookaheadTuning { relative: false, ..rehearsed };
    // (case, memory, requests of the minute, has a floor, is spared)
    let steady = followed(100.0, 120.0);
    let cases = [
        ("not rehearsed", known(steady.clone(), None, None), 6000.0, false, false),
        ("rehearsed", known(steady.clone(), Some(rehearsed), None), 6000.0, false, false),
        ("a rise", known(steady.clone(), Some(rehearsed), None), 30_000.0, false, false),
        ("a floor", known(steady.clone(), Some(floored), None), 6000.0, true, false),
        ("by so many, not by a share", known(steady.clone(), Some(absolute), None), 6000.0, false, false),
        ("nothing was late", known(steady.clone(), Some(rehearsed), Some(0.0)), 6000.0, false, true),
        (
            "nothing was late above a floor",
            known(steady.clone(), Some(floored), Some(100.0)),
            6000.0,
            true,
            true,
        ),
        ("much was late", known(steady, Some(rehearsed), Some(4000.0)), 6000.0, false, false),
    ];
    for (case, memory, requests, has_floor, is_spared) in cases {
        let seen = seen(after(0), ServiceStatus::steady(1)).points(REQUESTS, &[requests]);
        let decision = decide(&service(), &seen.0, memory.clone());
        let text = &decision
            .reasons
            .iter()
            .find(|reason| reason.code == ReasonCode::ServiceLevel)
            .unwrap()
            .text
            .to_string();

        let ahead_s = figure(text, "Z; ", " a second ahead");
        let per_task_s = figure(text, " a second ahead / ", " a task");
        let work = figure(text, " a task = ", "; +");
        assert!(agree(work, ahead_s / per_task_s), "{case}: {text}");
        let margin = figure(text, "; + ", " x ");
        assert_eq!(
            (text.contains("not under"), text.contains("little of the lateness")),
            (has_floor, is_spared),
            "{case}: {text}"
        );
        let (deviation, floor, after_insured) = if has_floor {
            let deviation = figure(text, &format!("; + {margin} x "), ", not under");
            (deviation, figure(text, "not under ", " for the"), "at any time = ")
        } else {
            (figure(text, &format!("; + {margin} x "), " = "), 0.0, " x ")
        };
        let insured = (work + margin * deviation).max(floor);
        let (_, tail) = text.split_once(after_insured).unwrap();
        let end = if is_spared { "; little" } else { ", so" };
        let told = if has_floor {
            tail.split_once(end).unwrap().0.parse().unwrap()
        } else {
            figure(tail, " = ", end)
        };
        assert!(agree(told, insured), "{case}: {insured} in: {text}");
        let exact = if is_spared {
            let now = figure(text, "above the ", " for now");
            let share = figure(text, "for now only ", ": ");
            assert!(share < 1.0, "{case}");
            now + (insured - now) * share
        } else {
            insured
        };
        assert!((exact.ceil() - f64::from(decision.to)).abs() < 0.5, "{case}: {exact} in: {text}");
    }
}

#[test]
fn stale_or_missing_requests_take_nothing_away() {
    let memory = known(followed(100.0, 120.0), None, None);
    let wants = |seen: &Seen| decide(&service(), &seen.0, memory.clone()).to;
    let fresh = seen(after(0), ServiceStatus::steady(50)).points(REQUESTS, &[6000.0]);
    assert!(wants(&fresh) < 50, "fresh ones may");
    let old = |age_s: i64, tasks| {
        let mut seen = seen(after(0), ServiceStatus::steady(tasks)).points(REQUESTS, &[6000.0]);
        for point in seen.0.metrics.values_mut().flatten() {
            point.start = after(-age_s);
        }
        seen
    };
    for age_s in [300, 400, 3600] {
        assert_eq!(wants(&old(age_s, 50)), 50, "{age_s} s old");
    }
    assert!(1 < wants(&old(300, 1)), "somewhat old ones may still add tasks");
    assert_eq!(wants(&seen(after(0), ServiceStatus::steady(50))), 50, "none");
    let refused = seen(after(0), ServiceStatus::steady(50)).points(REQUESTS, &[6000.0, f64::NAN]);
    assert_eq!(wants(&refused), 50, "a newer one that was set aside");
}

/// The tasks wanted after a day of which so many per cent of requests were within the latency.
fn after_a_day_of(within: f64) -> (TaskCount, f64) {
    let tuning = LookaheadTuning { margin: 4.0, ..LookaheadTuning::default() };
    let mut run = Run::new(service(), 10);
    run.memory = known(followed(100.0, 100.0), Some(tuning), None);
    for minute in 0..1440 {
        run.look(60 * minute, |seen| seen.points(REQUESTS, &[6000.0]).points(WITHIN, &[within]));
    }
    let level = &run.memory.service_levels[NAME];
    (run.desired, level.late / level.requests)
}

#[test]
fn lateness_raises_the_margin_and_its_absence_lowers_the_insurance_within_limits() {
    let (none, _) = after_a_day_of(100.0);
    let (as_aimed, share) = after_a_day_of(100.0 - 0.06);
    let (double, _) = after_a_day_of(100.0 - 0.12);
    let (much, _) = after_a_day_of(90.0);
    let (all, _) = after_a_day_of(0.0);
    assert!((share / 0.0006 - 1.0).abs() < 0.01, "60 % of what is allowed is aimed at: {share}");
    assert_eq!(as_aimed, 9, "what is aimed at leaves the insurance as it is: 5 + 4 x 0.976");
    assert!(none < as_aimed && as_aimed < double, "{none}, {as_aimed}, {double}");
    assert!(much < 2 * as_aimed, "{much}, {as_aimed}");
    assert!(all <= 4 * much, "where all are late, tasks are not what is missing: {all}, {much}");
    assert!(5 < none, "the 5 tasks that work are never touched: {none}");
}

#[test]
fn a_percentage_beyond_the_whole_is_not_learned_from() {
    let mut run = Run::new(service(), 10);
    run.look(0, |seen| seen.points(REQUESTS, &[6000.0]).points(WITHIN, &[120.0]));
    assert!(run.memory.service_levels[NAME].requests <= 0.0);
}

#[test]
fn a_lost_memory_makes_a_decision_plainer() {
    let seen = seen(after(0), ServiceStatus::steady(6)).points(REQUESTS, &[6000.0]).points(CPU, &[99.0]);
    let plain = decide_fresh(&service(), &seen);
    assert_eq!(plain.to, 18, "by utilization: 6 x 99 / 33");
    assert!(decide(&service(), &seen.0, known(followed(100.0, 100.0), None, None)).to < 18);
}

#[test]
fn a_policy_of_another_percentage_allows_another_lateness() {
    let lax = ServiceLevel { percent: 95.0, ..level() };
    let lax = target(0, 1000, [PolicyKind::ServiceLevel(lax)]);
    let tuning = LookaheadTuning { margin: 4.0, ..LookaheadTuning::default() };
    let memory = known(followed(100.0, 100.0), Some(tuning), Some(3000.0));
    let seen = seen(after(0), ServiceStatus::steady(1)).points(REQUESTS, &[6000.0]);
    assert!(decide(&lax, &seen.0, memory.clone()).to < decide(&service(), &seen.0, memory.clone()).to);
}

#[test]
fn the_example_of_the_documentation_is_a_decision() {
    let tuning = LookaheadTuning { margin: 2.5, floor_s: 160.0, ..LookaheadTuning::default() };
    let steady = LookaheadMemory { variance: 0.01, ..followed(180.0, 190.0) };
    let seen = seen(after(0), ServiceStatus::steady(11)).points(REQUESTS, &[12_000.0]);
    let decision = decide(&service(), &seen.0, known(steady, Some(tuning), None));
    let text = &decision
        .reasons
        .iter()
        .find(|reason| reason.code == ReasonCode::ServiceLevel)
        .unwrap()
        .text
        .to_string();
    assert!(include_str!("../../../docs/promises.md").contains(text.as_str()), "{text}");
}

#[test]
fn a_load_balancer_that_publishes_nothing_while_tasks_idle_had_nothing() {
    let at_night = |used: f64| {
        let mut run = Run::new(service(), 10);
        let mut counts = Vec::new();
        for minute in 0..90 {
            counts.push(run.look(60 * minute, |seen| match minute {
                0..30 => seen.points(REQUESTS, &[6000.0]).points(CPU, &[50.0]),
                _ => seen.points(CPU, &[used]),
            }));
        }
        counts
    };
    let quiet = at_night(1.0);
    assert!(quiet[89] <= 1, "then there are none: {quiet:?}");
    let busy = at_night(30.0);
    assert_eq!(busy[89], busy[40], "tasks at work on something keep their count: {busy:?}");
}

#[test]
fn what_a_task_takes_is_not_more_than_what_made_many_requests_late_whatever_limits_it() {
    let mut run = Run::new(service(), 10);
    // At 40 % utilization a task seems to take 50 a second; but of 20 a second all are late.
    let counts: Vec<TaskCount> = (0..12)
        .map(|minute| {
            run.look(60 * minute, |seen| {
                seen.points(REQUESTS, &[12_000.0]).points(CPU, &[40.0]).points(WITHIN, &[0.0])
            })
        })
        .collect();
    assert!(2 * counts[1] < counts[11], "more tasks than utilization alone asks for: {counts:?}");
}
