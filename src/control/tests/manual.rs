//! What a person asks for by hand.

use std::time::Duration;

use futures::executor::block_on;
use jiff::Timestamp;
use serde_json::json;

use crate::control::Settings;
use crate::control::trigger::Trigger;
use crate::model::memory::PauseDirection;
use crate::model::{ServicePattern, TaskCount};

use super::fake::{FakeCloud, entry, id};
use super::{check_error, decided};

type Count = Option<TaskCount>;

fn set_capacity(min: Count, max: Count, desired: Count, until: Option<&str>) -> Trigger {
    let until = until.map(|until| until.parse().unwrap());
    Trigger::SetCapacity { service: id("prod/checkout"), min, max, desired, until }
}

fn pause(direction: PauseDirection, until: Option<&str>, reason: Option<&str>) -> Trigger {
    Trigger::Pause {
        service: id("prod/checkout"),
        direction,
        until: until.map(|until| until.parse().unwrap()),
        reason: reason.map(str::to_owned),
    }
}

fn resume() -> Trigger {
    Trigger::Resume { service: id("prod/checkout") }
}

fn status(pattern: &str) -> Trigger {
    Trigger::Status { services: vec![pattern.parse::<ServicePattern>().unwrap()] }
}

#[test]
fn a_floor_set_by_hand_holds_at_once_and_at_the_next_tick_until_it_ends() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    let answer = cloud.answer(&set_capacity(Some(6), None, None, Some("2026-01-01T13:00:00Z")));
    assert_eq!(decided(&answer), ["prod/checkout 2>6!"]);
    assert_eq!(answer.decisions[0].reasons[0], "Set by hand: min 6 until 2026-01-01T13:00:00Z.");
    cloud.run("prod/checkout", 3);
    assert_eq!(decided(&cloud.answer(&Trigger::Tick)), ["prod/checkout 3>6!"]);
    cloud.pass(Duration::from_secs(3600));
    cloud.run("prod/checkout", 3);
    assert_eq!(decided(&cloud.answer(&Trigger::Tick)), ["prod/checkout 3>3"]);
}

#[test]
fn without_an_end_bounds_set_by_hand_hold_for_a_day_and_the_reasons_say_so() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    let answer = cloud.answer(&set_capacity(Some(4), Some(9), Some(5), None));
    assert_eq!(decided(&answer), ["prod/checkout 2>5!"]);
    assert_eq!(
        answer.decisions[0].reasons[0],
        "Set by hand: min 4, max 9, desired 5 until 2026-01-02T12:00:30Z, a day from now because no end was given."
    );
}

#[test]
fn bounds_that_cannot_be_are_refused_and_nothing_is_looked_at() {
    let cases = [
        (set_capacity(None, None, None, None), "at least one of min, max and desired"),
        (set_capacity(Some(5), Some(4), None, None), "min 5 is above max 4"),
        (set_capacity(None, Some(100_001), None, None), "max 100001 is more than a service can have"),
        (set_capacity(None, None, Some(100_001), None), "desired 100001 is not within 0 to 100000"),
        (set_capacity(Some(2), Some(4), Some(5), None), "desired 5 is not within 2 to 4"),
        (
            set_capacity(Some(2), None, None, Some("2026-01-01T12:00:30Z")),
            "until 2026-01-01T12:00:30Z is over",
        ),
        (pause(PauseDirection::In, Some("2025-12-31T00:00:00Z"), None), "until 2025-12-31T00:00:00Z is over"),
    ];
    for (trigger, why) in cases {
        let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
        let answer = cloud.answer(&trigger);
        assert_eq!(answer.decisions, []);
        check_error(&answer, Some("prod/checkout"), &["prod/checkout was refused", why]);
        assert_eq!(cloud.take_calls(""), [""; 0]);
    }
}

#[test]
fn a_pause_holds_the_service_until_it_is_resumed() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let answer = cloud.answer(&pause(PauseDirection::Both, None, Some("sale")));
    assert_eq!(decided(&answer), ["prod/checkout 1>1"]);
    assert_eq!(answer.decisions[0].reasons[0], "Paused by hand: all scaling until resumed (sale).");
    assert_eq!(decided(&cloud.answer(&Trigger::Tick)), ["prod/checkout 1>1"]);
    let answer = cloud.answer(&resume());
    assert_eq!(decided(&answer), ["prod/checkout 1>2!"]);
    assert_eq!(answer.decisions[0].reasons[0], "Resumed by hand: pauses and bounds set by hand have ended.");
    assert_eq!(
        cloud.answer(&resume()).decisions[0].reasons[0],
        "Resumed by hand, though nothing was paused or set."
    );
}

#[test]
fn a_pause_of_schedules_leaves_the_bounds_of_the_policy_file_until_it_is_resumed() {
    let mut entry = entry("prod/checkout");
    let action = json!({ "name": "floor", "schedule": "at(2025-01-05T08:00:00)", "capacity": { "min": 9 } });
    entry["schedules"] = json!([action]);
    let cloud = FakeCloud::with_service(&entry, 4);
    let answer = cloud.answer(&pause(PauseDirection::Schedules, None, None));
    assert_eq!(decided(&answer), ["prod/checkout 4>4"]);
    assert_eq!(
        answer.decisions[0].reasons[0],
        "Paused by hand: scheduled actions and windows until resumed."
    );
    assert_eq!(decided(&cloud.answer(&resume())), ["prod/checkout 4>9!"]);
}

#[test]
fn a_second_pause_in_the_same_direction_replaces_the_first() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    cloud.answer(&pause(PauseDirection::In, None, Some("sale")));
    cloud.answer(&pause(PauseDirection::Out, None, None));
    cloud.answer(&pause(PauseDirection::In, Some("2026-01-01T18:00:00Z"), Some("longer sale")));
    let pauses = cloud.memory("prod/checkout").unwrap().memory.pauses;
    let until: Timestamp = "2026-01-01T18:00:00Z".parse().unwrap();
    let kept: Vec<_> =
        pauses.iter().map(|pause| (pause.direction, pause.until, pause.reason.as_deref())).collect();
    assert_eq!(
        kept,
        [(PauseDirection::Out, None, None), (PauseDirection::In, Some(until), Some("longer sale"))]
    );
}

#[test]
fn what_is_set_by_hand_outlasts_a_look_that_came_between() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    cloud.world().rivals = 1;
    assert_eq!(decided(&cloud.answer(&set_capacity(Some(6), None, None, None))), ["prod/checkout 2>6!"]);
    assert_eq!(cloud.memory("prod/checkout").unwrap().memory.manual.unwrap().min, Some(6));
}

#[test]
fn in_shadow_what_is_set_by_hand_is_remembered_but_not_done() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    let controller = cloud.controller_with(Settings { shadow: true, ..Settings::default() });
    let answer = block_on(controller.handle(&set_capacity(Some(6), None, None, None)));
    assert_eq!(decided(&answer), ["prod/checkout 2>6"]);
    assert_eq!(cloud.memory("prod/checkout").unwrap().memory.manual.unwrap().min, Some(6));
    assert_eq!(cloud.desired("prod/checkout"), 2);
}

#[test]
fn status_tells_what_is_remembered_and_would_be_decided_and_changes_nothing() {
    let cloud = FakeCloud::new(&[entry("prod/*")]);
    cloud.run("prod/checkout", 1);
    cloud.run("prod/api", 1);
    cloud.answer(&pause(PauseDirection::Both, None, Some("sale")));
    let before = cloud.memory("prod/checkout");
    cloud.take_calls("");
    let answer = cloud.answer(&status("prod/*"));
    assert_eq!(decided(&answer), ["prod/api 1>2", "prod/checkout 1>1"]);
    let told = answer.decisions[1].memory.as_ref().unwrap();
    assert_eq!(told["pauses"], json!([{ "direction": "both", "reason": "sale" }]));
    assert_eq!(cloud.memory("prod/checkout"), before);
    let calls = cloud.take_calls("");
    assert!(
        !calls.iter().any(|call| call.starts_with("store") || call.starts_with("ecs:Update")),
        "{calls:?}"
    );
}
