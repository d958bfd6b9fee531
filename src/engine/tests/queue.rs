//! Queues: KEDA's ratio, activation and idle time, work in flight, and the promise of a start.

use super::world::*;
use crate::model::policy::{PolicyKind, QueueGoal, QueuePolicy};
use crate::model::{QueueDepth, ReasonCode, ScalableTarget, ServiceStatus, TaskCount};

fn worker(policy: QueuePolicy) -> ScalableTarget {
    target(0, 50, [PolicyKind::Queue(policy)])
}

fn per_task(messages: f64) -> QueuePolicy {
    queue(QueueGoal::BacklogPerTask(messages))
}

#[test]
fn messages_over_the_target_rounded_up() {
    let all = QueueDepth { visible: 10, in_flight: Some(10), delayed: Some(10), oldest_age_s: None };
    // (case, policy, depth, tasks, wanted)
    let cases: &[(&str, QueuePolicy, QueueDepth, TaskCount, TaskCount)] = &[
        ("visible and in flight count, delayed does not", per_task(5.0), all, 1, 4),
        (
            "delayed counts where it is asked for",
            QueuePolicy { count_delayed: true, ..per_task(5.0) },
            all,
            1,
            6,
        ),
        (
            "in flight does not where it is not",
            QueuePolicy { count_in_flight: false, ..per_task(5.0) },
            all,
            1,
            2,
        ),
        ("rounded up", per_task(100.0), depth(101, 0), 1, 2),
        ("from zero, all that is needed at once", per_task(10.0), depth(95, 0), 0, 10),
        ("any message is at least one task", per_task(1000.0), depth(1, 0), 0, 1),
        ("up to the ceiling", per_task(1.0), depth(1000, 0), 3, 50),
        (
            "not more than the activation threshold stays at zero",
            QueuePolicy { activation: 5, ..per_task(1.0) },
            depth(5, 0),
            0,
            0,
        ),
        ("more than it leaves zero", QueuePolicy { activation: 5, ..per_task(1.0) }, depth(6, 0), 0, 6),
        ("within the tolerance stays", per_task(10.0), depth(92, 0), 10, 10),
        ("below the tolerance shrinks", per_task(10.0), depth(85, 0), 10, 9),
    ];
    for (case, policy, depth, tasks, wanted) in cases {
        let seen = seen(after(0), ServiceStatus::steady(*tasks)).queue("orders", *depth);
        assert_eq!(decide_fresh(&worker(policy.clone()), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn tasks_that_start_are_not_asked_for_twice() {
    let service = ServiceStatus { running: 1, pending: 9, ..ServiceStatus::steady(10) };
    let seen = seen(after(0), service).queue("orders", depth(100, 0));
    assert_eq!(decide_fresh(&worker(per_task(10.0)), &seen).to, 10);
}

#[test]
fn the_last_task_goes_when_the_queue_has_been_empty_for_long_enough() {
    let mut run = Run::new(worker(per_task(10.0)), 4);
    let empty = |seen: Seen| seen.queue("orders", depth(0, 0));
    let counts: Vec<TaskCount> = (0..7).map(|minute| run.look(60 * minute, empty)).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 0, 0]);
    assert_eq!(run.look(480, |seen| seen.queue("orders", depth(3, 0))), 1, "and comes back at one look");
}

#[test]
fn work_in_flight_holds_its_tasks() {
    // (case, in flight, tasks, wanted)
    let cases: &[(&str, u64, TaskCount, TaskCount)] = &[
        ("one message a task may be on every one of them", 8, 8, 8),
        ("tasks beyond the messages are free to go", 3, 8, 3),
        ("more messages than tasks hold all", 50, 8, 8),
    ];
    for (case, in_flight, tasks, wanted) in cases {
        let seen = seen(after(0), ServiceStatus::steady(*tasks)).queue("orders", depth(0, *in_flight));
        assert_eq!(decide_fresh(&worker(per_task(100.0)), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn tasks_that_hold_several_messages_are_seen_to() {
    let mut run = Run::new(worker(per_task(20.0)), 4);
    run.look(0, |seen| seen.queue("orders", depth(80, 40)));
    assert_eq!(run.desired, 6);
    run.desired = 4;
    run.memory.pending = None;
    assert_eq!(run.look(60, |seen| seen.queue("orders", depth(0, 20))), 2, "at ten a task, twenty keep two");
}

#[test]
fn several_queues_add_up_and_one_unseen_forbids_scale_in() {
    let policy = QueuePolicy { queues: vec![queue_ref("orders"), queue_ref("returns")], ..per_task(10.0) };
    let both =
        seen(after(0), ServiceStatus::steady(2)).queue("orders", depth(30, 0)).queue("returns", depth(20, 0));
    assert_eq!(decide_fresh(&worker(policy.clone()), &both).to, 5);
    let one = |tasks| seen(after(0), ServiceStatus::steady(tasks)).queue("orders", depth(30, 0));
    assert_eq!(decide_fresh(&worker(policy.clone()), &one(2)).to, 3, "what is seen may scale out");
    let blind = decide_fresh(&worker(policy), &one(9));
    assert_eq!((blind.to, blind.binding), (9, ReasonCode::InsufficientData));
}

#[test]
fn start_within_serves_arrivals_and_backlog_in_the_time_that_is_left() {
    let policy = queue(QueueGoal::StartWithin(seconds(180)));
    let mut run = Run::new(worker(policy), 0);
    let minute = |sent: f64, deleted: f64, depth: QueueDepth| {
        move |seen: Seen| {
            seen.points("orders.NumberOfMessagesSent", &[sent])
                .points("orders.NumberOfMessagesDeleted", &[deleted])
                .queue("orders", depth)
        }
    };
    assert_eq!(run.look(0, minute(0.0, 0.0, depth(5, 0))), 1, "from zero one look is enough");
    assert_eq!(run.look(60, minute(60.0, 0.0, depth(30, 0))), 1, "nothing finished yet");
    // One task finishes 60 in a minute: one a second. One arrives a second; 240 wait, 120 s are left.
    assert_eq!(run.look(180, minute(60.0, 60.0, depth(240, 4))), 3, "(1 + 240 / 120) / 1");
}

#[test]
fn messages_in_flight_that_were_not_observed_forbid_scale_in() {
    let seen = |tasks, visible| {
        let depth = QueueDepth { in_flight: None, ..depth(visible, 0) };
        seen(after(0), ServiceStatus::steady(tasks)).queue("orders", depth)
    };
    let held = decide_fresh(&worker(per_task(10.0)), &seen(8, 0));
    assert_eq!((held.to, held.binding), (8, ReasonCode::InsufficientData));
    assert_eq!(decide_fresh(&worker(per_task(10.0)), &seen(2, 50)).to, 5, "what is seen may scale out");
    let visible_only = QueuePolicy { count_in_flight: false, ..per_task(10.0) };
    assert_eq!(
        decide_fresh(&worker(visible_only), &seen(8, 40)).to,
        4,
        "where they do not count they are not missed"
    );
}

#[test]
fn time_in_which_the_queue_was_not_seen_is_not_idle_time() {
    let mut run = Run::new(worker(per_task(10.0)), 1);
    run.look(0, |seen| seen.queue("orders", depth(5, 0)));
    for minute in 1..6 {
        run.look(60 * minute, |seen| seen);
    }
    let empty = |seen: Seen| seen.queue("orders", depth(0, 0));
    assert_eq!([360, 420, 540, 600].map(|second| run.look(second, empty)), [1, 1, 1, 0]);
}

#[test]
fn start_within_takes_nothing_away_without_the_arrivals() {
    let policy = queue(QueueGoal::StartWithin(seconds(120)));
    let mut run = Run::new(worker(policy), 8);
    let fill = |depth: QueueDepth| {
        move |seen: Seen| seen.points("orders.NumberOfMessagesDeleted", &[480.0]).queue("orders", depth)
    };
    run.look(0, fill(depth(900, 0)));
    run.desired = 8;
    run.memory.pending = None;
    assert_eq!(run.look(60, fill(depth(2, 0))), 8);
}
