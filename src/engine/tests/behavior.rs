//! Behaviour against Kubernetes HPA v2: stabilisation, rate limits, and their order.

use super::world::*;
use crate::model::policy::{Behavior, RateAmount, RateLimit, ScalingRules, SelectPolicy};
use crate::model::{ReasonCode, ScalableTarget, TaskCount};

fn service(behavior: Behavior) -> ScalableTarget {
    let mut target = target(1, 1000, [cpu(tracking())]);
    target.behavior = behavior;
    target
}

fn percent(percent: u32, period: u64) -> RateLimit {
    RateLimit { amount: RateAmount::Percent(percent), period: seconds(period) }
}

fn tasks(count: TaskCount, period: u64) -> RateLimit {
    RateLimit { amount: RateAmount::Tasks(count), period: seconds(period) }
}

fn limited_in(select: SelectPolicy, policies: &[RateLimit]) -> Behavior {
    let free = undamped();
    Behavior { scale_in: ScalingRules { select, policies: policies.to_vec(), ..free.scale_in }, ..free }
}

fn limited_out(select: SelectPolicy, policies: &[RateLimit]) -> Behavior {
    let free = undamped();
    Behavior { scale_out: ScalingRules { select, policies: policies.to_vec(), ..free.scale_out }, ..free }
}

fn high(seen: Seen) -> Seen {
    seen.points(CPU, &[600.0])
}

fn low(seen: Seen) -> Seen {
    seen.points(CPU, &[0.0])
}

#[test]
fn rate_limits_bound_the_change_of_a_period() {
    use SelectPolicy::{Max, Min};
    // (case, behaviour, tasks, first looks a minute apart)
    type Case<'a> = (&'a str, Behavior, TaskCount, fn(Seen) -> Seen, &'a [TaskCount]);
    let cases: &[Case<'_>] = &[
        (
            "HPA's example: 10 % a minute, 80 to 72 to 64",
            limited_in(Max, &[percent(10, 60)]),
            80,
            low,
            &[72, 64, 57],
        ),
        ("the loosest of two in", limited_in(Max, &[percent(50, 60), tasks(4, 60)]), 10, low, &[5, 1]),
        (
            "four tasks are more than half of few",
            limited_in(Max, &[percent(50, 60), tasks(4, 60)]),
            6,
            low,
            &[2, 1],
        ),
        (
            "the tightest of two in",
            limited_in(Min, &[percent(50, 60), tasks(4, 60)]),
            20,
            low,
            &[16, 12, 8, 4, 2],
        ),
        ("per cent out is rounded up", limited_out(Max, &[percent(50, 60)]), 3, high, &[5, 8, 12]),
        (
            "the loosest of two out",
            limited_out(Max, &[percent(100, 60), tasks(4, 60)]),
            3,
            high,
            &[7, 14, 28],
        ),
        (
            "the tightest of two out",
            limited_out(Min, &[percent(100, 60), tasks(4, 60)]),
            3,
            high,
            &[6, 10, 14],
        ),
        (
            "a period of several looks",
            limited_out(Max, &[tasks(5, 180)]),
            10,
            high,
            &[15, 15, 15, 20, 20, 20, 25],
        ),
        ("no limit", limited_out(Max, &[]), 3, high, &[30, 300]),
        ("disabled in", limited_in(SelectPolicy::Disabled, &[]), 8, low, &[8, 8]),
        ("disabled out", limited_out(SelectPolicy::Disabled, &[]), 8, high, &[8, 8]),
    ];
    for (case, behavior, start, load, wanted) in cases {
        let mut run = Run::new(service(behavior.clone()), *start);
        let counts: Vec<TaskCount> =
            (0..).zip(*wanted).map(|(minute, _)| run.look(60 * minute, load)).collect();
        assert_eq!(counts, *wanted, "{case}");
    }
}

#[test]
fn a_limit_counts_what_was_added_and_removed_within_its_period() {
    let mut run = Run::new(service(limited_in(SelectPolicy::Max, &[tasks(2, 300)])), 10);
    assert_eq!(run.look(0, low), 8);
    assert_eq!(run.look(60, |seen| seen.points(CPU, &[90.0])), 12);
    // 12 now, less the 4 added, plus the 2 removed: 10 at the period's start, so 8.
    assert_eq!(run.look(120, low), 8);
}

#[test]
fn stabilisation_takes_the_highest_recommendation_of_its_window() {
    let free = undamped();
    let behavior =
        Behavior { scale_in: ScalingRules { stabilization: seconds(300), ..free.scale_in }, ..free };
    let mut run = Run::new(service(behavior), 10);
    let share = |value: f64| move |seen: Seen| seen.points(CPU, &[value]);
    assert_eq!(
        run.look(0, share(30.0)),
        10,
        "before the first recommendation the count that is there stands"
    );
    assert_eq!(run.look(60, share(42.0)), 10);
    assert_eq!(run.look(300, share(12.0)), 7, "ten has left the window; seven is the highest in it");
    assert_eq!(run.look(360, share(17.0)), 2, "then five, three, two: the window has moved on");
    assert_eq!(run.look(420, share(120.0)), 4, "scale-out is not held");
}

#[test]
fn stabilisation_out_takes_the_lowest_recommendation_of_its_window() {
    let free = undamped();
    let behavior =
        Behavior { scale_out: ScalingRules { stabilization: seconds(120), ..free.scale_out }, ..free };
    let mut run = Run::new(service(behavior), 4);
    let share = |value: f64| move |seen: Seen| seen.points(CPU, &[value]);
    assert_eq!(run.look(0, share(120.0)), 4);
    assert_eq!(run.look(60, share(90.0)), 4);
    let held = run.look_at(120, 4, share(120.0));
    assert_eq!(
        (held.to, held.binding),
        (6, ReasonCode::Stabilizing),
        "six was the least of the last two minutes"
    );
}

#[test]
fn tolerance_by_direction() {
    let free = undamped();
    let tolerance = |out: f64, scale_in: f64| Behavior {
        scale_out: ScalingRules { tolerance: out, ..free.scale_out.clone() },
        scale_in: ScalingRules { tolerance: scale_in, ..free.scale_in.clone() },
    };
    // (out, in, value of target 60, wanted of 10)
    let cases: &[(f64, f64, f64, TaskCount)] = &[
        (0.0, 0.1, 61.0, 11),
        (0.1, 0.1, 65.9, 10),
        (0.1, 0.1, 66.7, 12),
        (0.0, 0.1, 54.1, 10),
        (0.0, 0.0, 53.0, 9),
        (0.0, 0.3, 43.0, 10),
    ];
    for (out, scale_in, value, wanted) in cases {
        let mut run = Run::new(service(tolerance(*out, *scale_in)), 10);
        assert_eq!(run.look(0, |seen| seen.points(CPU, &[*value])), *wanted, "{out} {scale_in} {value}");
    }
}

#[test]
fn the_default_behaviour_is_free_out_and_half_or_four_a_minute_in() {
    let mut run = Run::new(service(Behavior::default()), 40);
    assert_eq!([0, 60, 120, 180].map(|second| run.look(second, low)), [20, 10, 5, 1]);
    assert_eq!(run.look(240, high), 10);
}

#[test]
fn a_window_is_kept_whole_however_often_the_service_is_looked_at() {
    let free = undamped();
    let behavior =
        Behavior { scale_in: ScalingRules { stabilization: seconds(3600), ..free.scale_in }, ..free };
    let mut run = Run::new(service(behavior), 10);
    run.look(0, |seen| seen.points(CPU, &[60.0]));
    for look in 1..715 {
        assert_eq!(run.look(5 * look, low), 10, "{} s", 5 * look);
    }
    assert_eq!(run.look(3600, low), 1);
}
