//! Decide, remember, act.

use futures::executor::block_on;
use serde_json::json;

use crate::control::Settings;
use crate::control::trigger::Trigger;

use super::fake::{FakeCloud, entry, id};
use super::{check_error, decided, evaluate};

#[test]
fn what_is_done_is_remembered_first() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/checkout 1>2!"]);
    assert_eq!(answer.errors, []);
    assert_eq!(cloud.desired("prod/checkout"), 2);
    let calls = cloud.take_calls("");
    assert_eq!(calls[calls.len() - 2..], ["store prod/checkout", "ecs:UpdateService prod/checkout 2"]);
}

#[test]
fn an_event_that_arrives_twice_acts_once() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let event = Trigger::EcsChange { service: id("prod/checkout"), event: "SERVICE_STEADY_STATE".to_owned() };
    assert_eq!(decided(&cloud.answer(&event)), ["prod/checkout 1>2!"]);
    assert_eq!(decided(&cloud.answer(&event)), ["prod/checkout 2>2"]);
    assert_eq!(cloud.take_calls("ecs:UpdateService").len(), 1);
}

#[test]
fn a_memory_that_does_not_change_is_not_written_again() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    let controller = cloud.controller();
    block_on(controller.handle(&Trigger::Tick));
    cloud.take_calls("");
    block_on(controller.handle(&Trigger::Tick));
    assert_eq!(cloud.take_calls("store"), [""; 0]);
}

#[test]
fn where_another_look_came_between_it_looks_again_and_acts_once() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    cloud.world().rivals = 2;
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/checkout 1>2!"]);
    assert_eq!(answer.errors, []);
    let calls = cloud.take_calls("");
    let count = |operation: &str| calls.iter().filter(|call| call.starts_with(operation)).count();
    assert_eq!((count("load"), count("ecs:DescribeServices"), count("ecs:UpdateService")), (3, 3, 1));
}

#[test]
fn after_three_looks_that_others_outpaced_nothing_is_done() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    cloud.world().rivals = 3;
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/checkout 1>2"]);
    check_error(&answer, Some("prod/checkout"), &["nothing is done", "other looks"]);
    assert_eq!(cloud.desired("prod/checkout"), 1);
}

#[test]
fn only_the_services_that_conflicted_are_looked_at_again() {
    let cloud = FakeCloud::new(&[entry("prod/*")]);
    for service in ["prod/a", "prod/b", "prod/c"] {
        cloud.run(service, 1);
    }
    cloud.world().rivals = 1;
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/a 1>2!", "prod/b 1>2!", "prod/c 1>2!"]);
    assert_eq!(
        cloud.take_calls("ecs:DescribeServices"),
        ["ecs:DescribeServices prod 3", "ecs:DescribeServices prod 1"]
    );
}

#[test]
fn in_shadow_paused_or_dry_run_nothing_is_done_nor_remembered_as_done() {
    let of_mode = |mode: &str| {
        let mut entry = entry("prod/checkout");
        entry["mode"] = json!(mode);
        entry
    };
    let dry = Trigger::Evaluate { services: vec!["prod/checkout".parse().unwrap()], dry_run: true };
    let cases = [
        (
            "shadow for all",
            of_mode("active"),
            Settings { shadow: true, ..Settings::default() },
            Trigger::Tick,
            true,
        ),
        ("shadow for one", of_mode("shadow"), Settings::default(), Trigger::Tick, true),
        ("paused", of_mode("paused"), Settings::default(), Trigger::Tick, true),
        ("dry run", of_mode("active"), Settings::default(), dry, false),
    ];
    for (case, entry, settings, trigger, remembers) in cases {
        let cloud = FakeCloud::with_service(&entry, 1);
        let answer = block_on(cloud.controller_with(settings).handle(&trigger));
        assert_eq!(answer.errors, [], "{case}");
        assert_eq!(answer.decisions.len(), 1, "{case}");
        assert!(!answer.decisions[0].applied, "{case}");
        assert_eq!(cloud.desired("prod/checkout"), 1, "{case}");
        let memory = cloud.memory("prod/checkout");
        assert_eq!(memory.is_some(), remembers, "{case}");
        assert!(memory.is_none_or(|stored| stored.memory.pending.is_none()), "{case}");
    }
}

#[test]
fn in_shadow_the_answer_tells_what_would_be_done() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let answer = block_on(
        cloud.controller_with(Settings { shadow: true, ..Settings::default() }).handle(&Trigger::Tick),
    );
    assert_eq!(decided(&answer), ["prod/checkout 1>2"]);
}

#[test]
fn what_cannot_be_remembered_is_not_done() {
    let cloud = FakeCloud::new(&[entry("prod/*")]);
    cloud.run("prod/api", 1);
    cloud.run("prod/checkout", 1);
    cloud.world().failing.insert("store prod/checkout");
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/api 1>2!", "prod/checkout 1>2"]);
    check_error(&answer, Some("prod/checkout"), &["nothing is done", "store failed: out of order"]);
    assert_eq!(cloud.desired("prod/checkout"), 1);
}

#[test]
fn a_failed_update_is_an_error_of_its_service_and_the_next_look_tries_again() {
    let cloud = FakeCloud::new(&[entry("prod/*")]);
    cloud.run("prod/api", 1);
    cloud.run("prod/checkout", 1);
    cloud.world().failing.insert("ecs:UpdateService prod/checkout");
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/api 1>2!", "prod/checkout 1>2"]);
    check_error(&answer, Some("prod/checkout"), &["stays at 1, not 2", "ecs:UpdateService failed"]);
    cloud.world().failing.clear();
    assert_eq!(decided(&cloud.answer(&evaluate(&["prod/checkout"]))), ["prod/checkout 1>2!"]);
}

#[test]
fn the_look_can_move_between_threads() {
    fn can_move<T: Send>(value: T) -> T {
        value
    }
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let controller = cloud.controller();
    assert_eq!(decided(&block_on(can_move(controller.handle(&Trigger::Tick)))), ["prod/checkout 1>2!"]);
}
