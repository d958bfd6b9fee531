//! Target tracking against Application Auto Scaling (AAS) and HPA: ratio, rounding, zero, consecutive points, cooldowns.

use super::world::*;
use crate::model::policy::{RateAmount, RateLimit, TargetTracking};
use crate::model::{Point, ReasonCode, ServiceStatus, TaskCount};

#[test]
fn the_count_is_the_running_tasks_times_value_over_target_rounded_up() {
    // (case, tasks, value, target, wanted)
    let cases: &[(&str, TaskCount, f64, f64, TaskCount)] = &[
        ("over the target, rounded up", 4, 71.2, 60.0, 5),
        ("AWS's backlog example: 1,500 messages on 10 tasks, 100 each", 10, 150.0, 100.0, 15),
        ("twice the target doubles", 4, 120.0, 60.0, 8),
        ("a hair over the target adds one", 4, 60.1, 60.0, 5),
        ("exactly at the target stays", 4, 60.0, 60.0, 4),
        ("a whole product adds no task for an error of floating point", 3, 0.7, 0.3, 7),
        ("HPA: 200m against 100m doubles", 1, 200.0, 100.0, 2),
        ("HPA: 50m against 100m halves", 2, 50.0, 100.0, 1),
        ("under the target, rounded up", 10, 30.5, 60.0, 6),
        ("within the tolerance of a tenth stays", 10, 54.0, 60.0, 10),
        ("just below the tolerance shrinks where a task can go", 20, 53.9, 60.0, 18),
        ("a real zero takes everything down to the floor", 10, 0.0, 60.0, 1),
        ("the ceiling ends it", 90, 200.0, 60.0, 100),
    ];
    for (case, tasks, value, target_value, wanted) in cases {
        let policy = TargetTracking { target: *target_value, ..tracking() };
        let seen = seen(after(0), ServiceStatus::steady(*tasks)).points(CPU, &[*value]);
        assert_eq!(decide_fresh(&target(1, 100, [cpu(policy)]), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn tasks_that_are_starting_count_as_already_there() {
    // (case, running, desired, value, wanted)
    let cases: &[(&str, TaskCount, TaskCount, f64, TaskCount)] = &[
        ("what starts is enough", 4, 6, 90.0, 6),
        ("what starts is not enough", 4, 6, 120.0, 8),
        ("what starts is more than enough, and nothing is taken away for it", 4, 12, 90.0, 12),
        ("nothing runs yet: a utilisation says nothing", 0, 4, 90.0, 4),
        ("more run than are desired: the metric is of those that run", 6, 4, 60.0, 4),
    ];
    for (case, running, desired, value, wanted) in cases {
        let pending = desired.saturating_sub(*running);
        let service = ServiceStatus { running: *running, pending, ..ServiceStatus::steady(*desired) };
        let seen = seen(after(0), service).points(CPU, &[*value]);
        assert_eq!(decide_fresh(&target(1, 100, [cpu(tracking())]), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn a_value_is_read_against_the_tasks_that_made_it() {
    let mut run = Run::new(target(1, 100, [cpu(tracking())]), 4);
    assert_eq!(run.look(0, |seen| seen.points(CPU, &[90.0])), 6);
    // The same minute, seen once more after the two tasks have started: it was made by four.
    let again = |seen: Seen| seen.points(CPU, &[90.0]);
    let seen_late = |mut seen: Seen| {
        let points = seen.0.metrics.get_mut(CPU).unwrap();
        points[0].start = after(-90);
        seen
    };
    assert_eq!(
        run.look(60, |seen| seen_late(again(seen))),
        6,
        "four tasks at 90 % are six at 60 %, not nine"
    );
    assert_eq!(run.look(120, again), 9, "a minute that began after they ran is of six");
}

#[test]
fn scale_out_and_scale_in_wait_for_consecutive_points() {
    let policy = TargetTracking {
        scale_out_after: 3,
        scale_out_within: 3,
        scale_in_after: 5,
        scale_in_within: 5,
        ..tracking()
    };
    // (case, points, wanted of 4)
    let cases: &[(&str, &[f64], TaskCount)] = &[
        ("three points over scale out", &[90.0, 90.0, 90.0], 6),
        ("two points over wait", &[50.0, 90.0, 90.0], 4),
        ("one point at the target breaks the row", &[90.0, 60.0, 90.0], 4),
        ("five points under scale in", &[20.0, 20.0, 20.0, 20.0, 20.0], 2),
        ("four points under wait", &[60.0, 20.0, 20.0, 20.0, 20.0], 4),
        ("the highest of the row decides", &[20.0, 44.0, 20.0, 20.0, 20.0], 3),
        ("too few points wait", &[20.0, 20.0], 4),
    ];
    for (case, points, wanted) in cases {
        let seen = seen(after(0), ServiceStatus::steady(4)).points(CPU, points);
        assert_eq!(decide_fresh(&target(1, 100, [cpu(policy.clone())]), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn so_many_of_the_newest_points_may_be_enough() {
    let policy = TargetTracking {
        scale_out_after: 2,
        scale_out_within: 3,
        scale_in_after: 3,
        scale_in_within: 5,
        ..tracking()
    };
    // (case, points, wanted of 4)
    let cases: &[(&str, &[f64], TaskCount)] = &[
        ("two of three over scale out", &[90.0, 60.0, 90.0], 6),
        ("two in a row as well", &[90.0, 90.0], 6),
        ("the newest one must be over", &[90.0, 90.0, 60.0], 4),
        ("two of four are not two of three", &[90.0, 60.0, 60.0, 90.0], 4),
        ("three of five under scale in", &[20.0, 60.0, 20.0, 60.0, 20.0], 2),
        ("also where the window is not full yet", &[20.0, 20.0, 20.0], 2),
        ("the highest of those under decides, not the one that is not under", &[20.0, 90.0, 44.0, 20.0], 3),
        ("the newest one must be under", &[20.0, 20.0, 20.0, 20.0, 60.0], 4),
        ("three of six are not three of five", &[20.0, 20.0, 60.0, 60.0, 60.0, 20.0], 4),
    ];
    for (case, points, wanted) in cases {
        let seen = seen(after(0), ServiceStatus::steady(4)).points(CPU, points);
        assert_eq!(decide_fresh(&target(1, 100, [cpu(policy.clone())]), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn a_gap_ends_the_points_among_which_some_may_be_enough() {
    let policy = TargetTracking { scale_in_after: 3, scale_in_within: 5, ..tracking() };
    let mut gap = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[20.0, 20.0, 20.0, 60.0, 20.0]);
    gap.0.metrics.get_mut(CPU).unwrap().remove(2);
    let decision = decide_fresh(&target(1, 100, [cpu(policy)]), &gap);
    let told = "under 54 for 1 point of 3 among the newest 5, so scale-in waits";
    assert!(decision.reasons[0].text.to_string().ends_with(told), "{}", decision.reasons[0].text);
    assert_eq!(decision.to, 4);
}

#[test]
fn a_missing_point_starts_the_count_again() {
    let policy = TargetTracking { scale_in_after: 3, scale_in_within: 3, ..tracking() };
    let mut gap = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[20.0, 20.0, 20.0, 20.0]);
    gap.0.metrics.get_mut(CPU).unwrap().remove(2);
    assert_eq!(decide_fresh(&target(1, 100, [cpu(policy)]), &gap).to, 4);
}

#[test]
fn a_metric_without_fresh_values_changes_nothing() {
    let target = target(1, 100, [cpu(tracking())]);
    let service = ServiceStatus::steady(4);
    let unseen = decide_fresh(&target, &seen(after(0), service.clone()));
    let empty = decide_fresh(&target, &seen(after(0), service.clone()).points(CPU, &[]));
    let mut stale = seen(after(0), service).points(CPU, &[10.0]);
    stale.0.now = after(360);
    for (case, decision) in [("absent", unseen), ("empty", empty), ("stale", decide_fresh(&target, &stale))] {
        assert_eq!((decision.to, decision.binding), (4, ReasonCode::InsufficientData), "{case}");
    }
}

#[test]
fn points_that_ended_less_than_the_offset_ago_are_not_used() {
    // The points ended 90 and 30 seconds before the look. (case, offset, points, wanted of 4, binding)
    use ReasonCode::{InsufficientData, TargetTracking, WithinTolerance};
    type Case<'a> = (&'a str, u64, &'a [f64], TaskCount, ReasonCode);
    let cases: &[Case<'_>] = &[
        ("without an offset the newest decides", 0, &[60.0, 90.0], 6, TargetTracking),
        ("a point that ended just so long ago is used", 30, &[60.0, 90.0], 6, TargetTracking),
        ("a longer one does", 31, &[60.0, 90.0], 4, WithinTolerance),
        ("an incomplete point holds no scale-in", 31, &[30.0, 60.0], 2, TargetTracking),
        ("with no other point nothing can be told", 31, &[90.0], 4, InsufficientData),
    ];
    for (case, offset, points, wanted, binding) in cases {
        let mut policy = tracking();
        policy.metric.offset = seconds(*offset);
        let seen = seen(after(0), ServiceStatus::steady(4)).points(CPU, points);
        let decision = decide_fresh(&target(1, 100, [cpu(policy)]), &seen);
        assert_eq!((decision.to, decision.binding), (*wanted, *binding), "{case}");
    }
}

#[test]
fn an_offset_makes_no_value_stale() {
    let mut policy = tracking();
    policy.metric.offset = seconds(600);
    let mut late = seen(after(0), ServiceStatus::steady(4)).points(CPU, &[90.0]);
    for (age, wanted) in [(600, 6), (900, 6), (901, 4)] {
        late.0.now = after(age - 30);
        assert_eq!(decide_fresh(&target(1, 100, [cpu(policy.clone())]), &late).to, wanted, "{age} s");
    }
}

#[test]
fn from_zero_a_metric_that_exists_without_tasks_starts_the_first_one() {
    let utilisation = target(0, 10, [cpu(tracking())]);
    let sessions = target(0, 10, [cpu(tracking_of("ActiveSessions", 100.0, true))]);
    let at_zero = || seen(after(0), ServiceStatus::steady(0));
    assert_eq!(decide_fresh(&utilisation, &at_zero().points(CPU, &[90.0])).to, 0, "no task made this value");
    assert_eq!(
        decide_fresh(&sessions, &at_zero().points("ActiveSessions", &[950.0])).to,
        1,
        "the smallest amount first"
    );
    assert_eq!(decide_fresh(&sessions, &at_zero().points("ActiveSessions", &[0.0])).to, 0, "no demand");
}

#[test]
fn in_a_scale_out_cooldown_only_a_larger_need_goes_through_less_what_was_added() {
    let policy = TargetTracking { scale_out_cooldown: seconds(300), ..tracking() };
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 4);
    assert_eq!(run.look(0, |seen| seen.points(CPU, &[90.0])), 6, "two more are added");
    assert_eq!(
        run.look_at(60, 4, |seen| seen.points(CPU, &[90.0])).to,
        6,
        "the same need: two, and two are there"
    );
    assert_eq!(run.look_at(120, 4, |seen| seen.points(CPU, &[105.0])).to, 7, "a need of three is one more");
    assert_eq!(run.look_at(240, 7, |seen| seen.points(CPU, &[65.0])).to, 7, "a need of one waits");
    assert_eq!(run.look_at(480, 7, |seen| seen.points(CPU, &[65.0])).to, 8, "until the cooldown is over");
}

#[test]
fn a_scale_in_cooldown_blocks_scale_in_and_a_scale_out_ends_it() {
    let policy = TargetTracking { scale_in_cooldown: seconds(300), ..tracking() };
    let low = |seen: Seen| seen.points(CPU, &[40.0]);
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 12);
    assert_eq!(run.look(0, low), 8);
    assert_eq!(run.look(120, low), 8, "the cooldown runs");
    assert_eq!(run.look(180, |seen| seen.points(CPU, &[90.0])), 12, "a scale-out goes through at once");
    assert_eq!(run.look(360, low), 8, "and has ended the scale-in cooldown");
    assert_eq!(run.look(720, low), 6, "which runs its time otherwise");
}

#[test]
fn a_failed_update_starts_no_cooldown() {
    let policy = TargetTracking { scale_out_cooldown: seconds(300), ..tracking() };
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 4);
    assert_eq!(run.look(0, |seen| seen.points(CPU, &[90.0])), 6);
    run.desired = 4;
    assert_eq!(run.look(60, |seen| seen.points(CPU, &[90.0])), 6, "decided anew");
}

#[test]
fn scale_in_that_would_push_the_metric_back_over_its_target_is_foreseen() {
    let seen = seen(after(0), ServiceStatus::steady(2)).points(CPU, &[40.0]);
    let decision = decide_fresh(&target(1, 100, [cpu(tracking())]), &seen);
    assert_eq!((decision.to, decision.binding), (2, ReasonCode::AutoScalingAnticipatedFlapping));
}

#[test]
fn disable_scale_in_never_asks_for_fewer_and_still_guards_its_metric() {
    let never_in = TargetTracking { disable_scale_in: true, ..tracking() };
    let alone = target(1, 100, [cpu(never_in.clone())]);
    let with_other = target(1, 100, [cpu(never_in), cpu(tracking_of("Other", 60.0, false))]);
    let seen = seen(after(0), ServiceStatus::steady(10)).points(CPU, &[30.0]).points("Other", &[6.0]);
    assert_eq!(decide_fresh(&alone, &seen).to, 10);
    assert_eq!(decide_fresh(&with_other, &seen).to, 5, "the other asks for one, this one needs five");
}

#[test]
fn tasks_that_warm_up_do_not_count_on_the_way_out_and_do_on_the_way_in() {
    let mut target = target(1, 100, [cpu(tracking())]);
    target.warm_up = seconds(120);
    let mut run = Run::new(target, 4);
    let mid = |seen: Seen| seen.points(CPU, &[60.0]);
    assert_eq!(run.look(0, mid), 4);
    run.desired = 8;
    assert_eq!(run.look(60, mid), 8);
    assert_eq!(
        run.look(120, |seen| seen.points(CPU, &[90.0])),
        8,
        "four warm tasks at 90 % are six, and eight are there"
    );
    assert_eq!(run.look(180, |seen| seen.points(CPU, &[30.0])), 4, "eight tasks made the 30 %");
}

#[test]
fn a_scale_in_ends_a_scale_out_cooldown() {
    let policy = TargetTracking { scale_out_cooldown: seconds(600), ..tracking() };
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 4);
    assert_eq!(run.look(0, |seen| seen.points(CPU, &[120.0])), 8);
    assert_eq!(run.look(60, |seen| seen.points(CPU, &[30.0])), 4);
    assert_eq!(run.look(120, |seen| seen.points(CPU, &[110.0])), 8, "the four that were added are gone");
}

#[test]
fn in_a_cooldown_never_more_than_is_wanted() {
    let policy = TargetTracking { scale_out_cooldown: seconds(300), ..tracking() };
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 2);
    let counts = [(0, 300.0), (60, 360.0), (120, 390.0)];
    let counts = counts.map(|(second, value)| run.look_at(second, 2, |seen| seen.points(CPU, &[value])).to);
    assert_eq!(counts, [10, 12, 13]);
}

#[test]
fn metrics_that_stop_are_not_followed_down() {
    let mut run = Run::new(target(1, 100, [cpu(tracking())]), 100);
    run.target.behavior.scale_in.policies =
        vec![RateLimit { amount: RateAmount::Percent(50), period: seconds(60) }];
    let points = seen(after(0), ServiceStatus::steady(100)).points(CPU, &[1.0]).0.metrics;
    let old = |mut seen: Seen| {
        seen.0.metrics = points.clone();
        seen
    };
    let counts: Vec<TaskCount> = (0..6).map(|minute| run.look(60 * minute, old)).collect();
    assert_eq!(counts, [50, 25, 12, 6, 6, 6], "the newest value ended three and a half minutes ago by then");
}

#[test]
fn a_value_set_aside_ends_the_row_of_a_scale_in() {
    let seen = seen(after(0), ServiceStatus::steady(8)).points(CPU, &[10.0, 10.0, f64::NAN]);
    assert_eq!(decide_fresh(&target(1, 100, [cpu(tracking())]), &seen).to, 8);
}

#[test]
fn long_periods_are_read_against_the_tasks_of_their_time() {
    let mut policy = TargetTracking { scale_in_after: 1, ..tracking_of("Hourly", 60.0, true) };
    policy.metric.period = seconds(3600);
    let mut run = Run::new(target(1, 100, [cpu(policy)]), 20);
    let hourly = |value: f64, start: i64| {
        move |mut seen: Seen| {
            seen.0.metrics.insert("Hourly".into(), vec![Point { start: after(start), value }]);
            seen
        }
    };
    run.look(3600, hourly(57.0, 0));
    run.desired = 10;
    run.memory.pending = None;
    assert_eq!(run.look(3700, hourly(50.0, 0)), 10, "twenty made the 50 %: seventeen, and ten are there");
}
