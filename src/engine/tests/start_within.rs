//! The promise of a start: tasks are kept busy, and as many as start every message in time.

use super::world::*;
use crate::engine::decide;
use crate::model::memory::{
    LoadMemory, LookaheadMemory, LookaheadTuning, QueueMemory, Rehearsed, StartMemory,
};
use crate::model::policy::{PolicyKind, QueueGoal};
use crate::model::{Decision, Memory, QueueDepth, ReasonCode, ScalableTarget, ServiceStatus, TaskCount};

const NAME: &str = "queue0";

fn worker(promise_s: u64) -> ScalableTarget {
    target(0, 500, [PolicyKind::Queue(queue(QueueGoal::StartWithin(seconds(promise_s))))])
}

/// What is remembered of tasks that finish so many messages a second each.
fn known(rate: f64) -> QueueMemory {
    QueueMemory {
        finished_per_task_s: Some(rate),
        at_full_work: true,
        in_flight_per_task: Some(1.0),
        ..QueueMemory::default()
    }
}

/// Looks at running tasks with a depth, and messages sent in the last minute.
fn look(promise_s: u64, learned: QueueMemory, tasks: TaskCount, depth: QueueDepth, sent: f64) -> Decision {
    let memory = Memory { queues: [(NAME.into(), learned)].into(), ..Memory::default() };
    let seen = seen(after(0), ServiceStatus::steady(tasks)).queue("orders", depth).points(SENT, &[sent]);
    decide(&worker(promise_s), &seen.0, memory.clone())
}

#[test]
fn tasks_that_are_busy_stay_and_those_that_would_idle_go() {
    // (case, tasks, visible, sent in a minute, wanted); a task finishes one message a second, the promise is 180 s
    let cases: &[(&str, TaskCount, u64, f64, TaskCount)] = &[
        ("arrivals keep all busy", 4, 1, 240.0, 4),
        ("and more than all, but nothing is late yet", 4, 60, 300.0, 4),
        ("arrivals of one and 30 messages keep one and a half", 4, 30, 60.0, 1),
        ("the backlog alone keeps two until the next look", 9, 120, 0.0, 2),
        ("what is left keeps one", 9, 1, 0.0, 1),
        ("a backlog that would be late gets more", 4, 900, 240.0, 12),
        ("from zero, all that it needs at once", 0, 500, 0.0, 8),
        ("from zero, one message is one task", 0, 1, 0.0, 1),
    ];
    for (case, tasks, visible, sent, wanted) in cases {
        let decision = look(180, known(1.0), *tasks, depth(*visible, 0), *sent);
        assert_eq!(decision.to, *wanted, "{case}: {:?}", decision.reasons);
    }
}

#[test]
fn tasks_of_unknown_speed_start_one_by_one_and_double_while_the_promise_is_in_danger() {
    let waited = |visible, age| QueueDepth { oldest_age_s: Some(age), ..depth(visible, 0) };
    // (case, desired, running, depth, wanted)
    let cases: &[(&str, TaskCount, TaskCount, QueueDepth, TaskCount)] = &[
        ("from zero one", 0, 0, depth(5000, 0), 1),
        ("it is waited for", 1, 0, waited(5000, 170), 1),
        ("messages that wait for less than half the promise", 3, 3, waited(5000, 60), 3),
        ("those that wait for longer double the tasks", 3, 3, waited(5000, 100), 6),
        ("a look later none are added while they start", 6, 3, waited(5000, 160), 6),
    ];
    for (case, desired, running, depth, wanted) in cases {
        let status = ServiceStatus {
            running: *running,
            pending: desired - running,
            ..ServiceStatus::steady(*desired)
        };
        let seen = seen(after(0), status).queue("orders", *depth);
        assert_eq!(decide_fresh(&worker(180), &seen).to, *wanted, "{case}");
    }
}

#[test]
fn work_in_flight_holds_its_tasks_unless_it_ends_before_ecs_stops_them() {
    // (case, messages that a task finishes in a second, wanted of 8 tasks with a message in flight each)
    let cases = [
        ("a message takes a second", 1.0, 1),
        ("a message takes the 30 s that ECS gives", 1.0 / 30.0, 1),
        ("a message takes half a minute and more", 1.0 / 31.0, 8),
        ("a message takes minutes", 0.005, 8),
    ];
    for (case, rate, wanted) in cases {
        let decision = look(180, known(rate), 8, depth(0, 8), 0.0);
        assert_eq!(decision.to, wanted, "{case}: {:?}", decision.reasons);
    }
    let several = QueueMemory { in_flight_per_task: Some(10.0), ..known(0.1) };
    assert_eq!(
        look(180, several, 8, depth(0, 20), 0.0).to,
        2,
        "ten messages a task, a hundred seconds for them"
    );
}

#[test]
fn the_speed_of_tasks_is_learned_from_what_they_finish() {
    type Case = (&'static str, &'static [(u64, f64)], Option<f64>, bool);
    // (case, visible at each look and finished in its minute, messages a second and task, at full work)
    let cases: &[Case] = &[
        ("never out of work", &[(500, 0.0), (500, 240.0), (500, 240.0), (500, 240.0)], Some(1.0), true),
        ("at least as fast as they were seen to be", &[(0, 0.0), (0, 120.0), (0, 120.0)], Some(0.5), false),
        (
            "idle minutes do not make them slower",
            &[(500, 0.0), (500, 240.0), (500, 240.0), (0, 240.0), (0, 8.0)],
            Some(1.0),
            true,
        ),
        ("nothing finished", &[(500, 0.0), (500, 0.0)], None, false),
    ];
    for (case, looks, rate, at_full_work) in cases {
        let mut run = Run::new(worker(180), 4);
        for ((visible, finished), minute) in looks.iter().zip(0..) {
            run.desired = 4;
            run.memory.pending = None;
            run.look(60 * minute, |seen| {
                seen.queue("orders", depth(*visible, 0)).points(DELETED, &[*finished])
            });
        }
        let learned = &run.memory.queues[NAME];
        assert_eq!((learned.finished_per_task_s, learned.at_full_work), (*rate, *at_full_work), "{case}");
    }
}

#[test]
fn stale_or_missing_arrivals_take_nothing_away() {
    let memory = Memory { queues: [(NAME.into(), known(1.0))].into(), ..Memory::default() };
    let seen = seen(after(0), ServiceStatus::steady(8)).queue("orders", depth(2, 0));
    assert_eq!(decide(&worker(180), &seen.0, memory.clone()).to, 8, "none");
    let mut stale = seen.clone().points(SENT, &[6.0]);
    stale.0.metrics.get_mut(SENT).unwrap()[0].start = after(-3600);
    assert_eq!(decide(&worker(180), &stale.0, memory.clone()).to, 8, "of an hour ago");
    assert_eq!(decide(&worker(180), &seen.points(SENT, &[6.0]).0, memory.clone()).to, 1, "fresh ones");
}

fn told(decision: &Decision) -> String {
    let codes = [ReasonCode::Queue, ReasonCode::AlreadyAtDesiredCapacity];
    decision.reasons.iter().find(|reason| codes.contains(&reason.code)).unwrap().text.to_string()
}

/// The tasks that start all in time, done again from the sentence.
fn in_time(text: &str) -> f64 {
    let (_, sum) = text.split_once("and task; (").unwrap();
    let sum = format!("({sum}");
    let waiting = figure(&sum, "(", " task-seconds");
    let more = if sum.contains(" + ") && sum.contains(" until the next look - ") {
        figure(&sum, "waiting + ", " until")
    } else {
        0.0
    };
    let done = figure(&sum, " - ", " done before");
    let left = figure(&sum, ") / ", " s left");
    ((waiting + more - done) / left).max(0.0)
}

#[test]
fn the_sum_of_a_scale_out_can_be_done_again_from_its_sentence() {
    // (tasks, visible, sent in a minute, messages that a task finishes in a second)
    for (tasks, visible, sent, rate) in
        [(4, 900, 240.0, 1.0), (0, 500, 0.0, 1.0), (2, 4000, 90.0, 3.7), (1, 77, 600.0, 0.31)]
    {
        let decision = look(180, known(rate), tasks, depth(visible, 0), sent);
        let text = &told(&decision);
        let needed = in_time(text);
        assert!(agree(figure(text, " s left = ", ", so"), needed), "{needed} in: {text}");
        assert!((needed.ceil() - f64::from(decision.to)).abs() < 0.5, "{needed} in: {text}");
        assert!(tasks < decision.to, "{text}");
        let waiting = f64::from(u32::try_from(visible).unwrap()) / rate;
        assert!(agree(figure(text, "and task; (", " task-seconds"), waiting), "{waiting} in: {text}");
    }
}

#[test]
fn the_sum_of_a_scale_in_can_be_done_again_from_its_sentence() {
    let not_at_full_work = QueueMemory { at_full_work: false, ..known(1.0) };
    for learned in [known(1.0), known(0.4), not_at_full_work] {
        let decision = look(180, learned.clone(), 20, depth(30, 0), 90.0);
        let text = &told(&decision);
        let backlog = figure(text, "there is work for ", " / ");
        let look_s = figure(text, "until the next look in ", " s there");
        let (_, sum) = text.split_once("there is work for ").unwrap();
        let (arriving, probe) = if learned.at_full_work {
            (figure(sum, " + ", " = "), 1.0)
        } else {
            (figure(sum, " + ", ", over"), figure(sum, "over ", " as tasks"))
        };
        let busy = (backlog / look_s + arriving) / probe;
        assert!(agree(figure(sum, " = ", " tasks"), busy), "{busy} in: {text}");
        let kept = busy.floor().max(in_time(text).ceil()).max(1.0);
        assert!((kept - f64::from(decision.to)).abs() < 0.5, "{kept} in: {text}");
    }
}

/// Tasks that take three minutes to start.
fn slow_starts() -> StartMemory {
    StartMemory { seen: 200.0, mean_s: 180.0, variance_s2: 400.0, look_s: 60.0, ..StartMemory::default() }
}

fn load_ahead(held_s: f64, floor_s: f64) -> LoadMemory {
    let tuning = LookaheadTuning { floor_s, margin: 2.0, ..LookaheadTuning::default() };
    LoadMemory {
        lookahead: LookaheadMemory {
            begun: true,
            level_s: held_s,
            held_s,
            variance: 0.01,
            ..LookaheadMemory::default()
        },
        rehearsed: Some(Rehearsed { at: after(-600), per_task_s: 1.0, tuning }),
        ..LoadMemory::default()
    }
}

#[test]
fn where_tasks_start_too_slowly_to_react_the_load_ahead_decides() {
    // (case, start times, the load ahead and its floor, more than the sum of what waits)
    let cases = [
        ("they start in time", StartMemory::default(), load_ahead(20.0, 0.0), false),
        ("they start too late", slow_starts(), load_ahead(20.0, 0.0), true),
        ("too late, with a floor", slow_starts(), load_ahead(5.0, 40.0), true),
    ];
    for (case, starts, load, is_ahead) in cases {
        let learned = QueueMemory { load, ..known(1.0) };
        let memory = Memory { queues: [(NAME.into(), learned)].into(), starts, ..Memory::default() };
        let seen =
            seen(after(0), ServiceStatus::steady(2)).queue("orders", depth(10, 0)).points(SENT, &[120.0]);
        let decision = decide(&worker(180), &seen.0, memory.clone());
        let text = &told(&decision);
        assert_eq!(text.contains("that may come by then"), is_ahead, "{case}: {text}");
        if !is_ahead {
            assert_eq!(decision.to, 2, "{case}: {text}");
            continue;
        }
        let work = figure(text, "by then ", " + ");
        let rate = figure(text, "arriving a second, ", " finished");
        assert!(agree(work, figure(text, "so for the ", " a second that") / rate), "{case}: {text}");
        let margin = figure(text, &format!("by then {work} + "), " x ");
        let floored = text.contains(", not under ");
        let end = if floored { ", not under " } else { " = " };
        let deviation = figure(text, &format!(" + {margin} x "), end);
        let floor = if floored { figure(text, "not under ", " = ") } else { 0.0 };
        let needed = (work + margin * deviation).max(floor);
        assert!((needed.ceil() - f64::from(decision.to)).abs() < 0.5, "{case}: {needed} in: {text}");
    }
}

#[test]
fn tasks_that_start_in_time_forget_the_load_ahead() {
    let learned = QueueMemory { load: load_ahead(20.0, 40.0), ..known(1.0) };
    let decision = look(180, learned, 2, depth(10, 0), 120.0);
    assert_eq!(decision.memory.queues[NAME].load, LoadMemory::default());
}

#[test]
fn the_example_of_the_documentation_is_a_decision() {
    let decision = look(180, known(2.0), 4, depth(1500, 0), 600.0);
    let text = &told(&decision);
    assert!(include_str!("../../../docs/promises.md").contains(text), "{text}");
}
