//! The policy file in force.

use futures::executor::block_on;
use serde_json::json;

use crate::control::trigger::Trigger;

use super::fake::{FakeCloud, entry, policy};
use super::{check_error, decided};

const NOT_A_FILE: &str = "{ \"version\": 1, \"services\": [";

#[test]
fn the_file_is_fetched_at_each_trigger_and_read_when_it_changed() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let controller = cloud.controller();
    block_on(controller.handle(&Trigger::Tick));
    assert_eq!(decided(&block_on(controller.handle(&Trigger::Tick))), ["prod/checkout 2>2"]);
    assert_eq!(cloud.take_calls("fetch"), ["fetch ", "fetch known"]);
    let mut larger = entry("prod/checkout");
    larger["capacity"]["min"] = json!(5);
    cloud.world().policy = policy(&[larger]);
    assert_eq!(decided(&block_on(controller.handle(&Trigger::Tick))), ["prod/checkout 2>5!"]);
}

#[test]
fn a_file_gone_bad_leaves_the_last_good_one_in_force_and_every_answer_says_so() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    let controller = cloud.controller();
    assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, []);
    cloud.world().policy = NOT_A_FILE.to_owned();
    for _ in 0..2 {
        cloud.run("prod/checkout", 1);
        let answer = block_on(controller.handle(&Trigger::Tick));
        assert_eq!(decided(&answer), ["prod/checkout 1>2!"]);
        check_error(&answer, None, &["trimtab.yaml", "the last good policy file stays in force"]);
    }
    cloud.world().policy = policy(&[entry("prod/checkout")]);
    assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, []);
}

#[test]
fn a_file_that_cannot_be_fetched_leaves_the_last_good_one_in_force() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let controller = cloud.controller();
    block_on(controller.handle(&Trigger::Tick));
    cloud.world().failing.insert("fetch");
    let answer = block_on(controller.handle(&Trigger::Tick));
    assert_eq!(decided(&answer), ["prod/checkout 2>2"]);
    check_error(&answer, None, &["trimtab.yaml cannot be read", "the last good policy file stays in force"]);
}

#[test]
fn without_any_good_file_nothing_is_scaled() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    cloud.world().policy = NOT_A_FILE.to_owned();
    let controller = cloud.controller();
    for _ in 0..2 {
        let answer = block_on(controller.handle(&Trigger::Tick));
        assert_eq!(answer.decisions, []);
        check_error(&answer, None, &["trimtab.yaml", "nothing is scaled"]);
    }
    cloud.world().failing.insert("fetch");
    let answer = cloud.answer(&Trigger::Tick);
    check_error(&answer, None, &["trimtab.yaml cannot be read: fetch failed", "nothing is scaled"]);
}

#[test]
fn an_entry_without_a_service_is_an_error_and_stops_no_other() {
    let mut nameless = entry("prod/checkout");
    nameless.as_object_mut().unwrap().remove("service");
    let cloud = FakeCloud::new(&[entry("prod/api"), nameless]);
    cloud.run("prod/api", 1);
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(decided(&answer), ["prod/api 1>2!"]);
    check_error(&answer, None, &["trimtab.yaml", "service", "it scales nothing"]);
}

#[test]
fn a_bad_entry_stops_no_other_and_keeps_its_last_good_one() {
    let mut bad = entry("prod/checkout");
    bad["capacity"] = json!({ "min": 5, "max": 2 });
    let cloud = FakeCloud::new(&[entry("prod/api"), bad.clone()]);
    cloud.run("prod/api", 1);
    cloud.run("prod/checkout", 1);
    let controller = cloud.controller();
    let answer = block_on(controller.handle(&Trigger::Tick));
    assert_eq!(decided(&answer), ["prod/api 1>2!"]);
    check_error(&answer, Some("prod/checkout"), &["min 5 is above max 2", "no earlier good entry"]);

    cloud.world().policy = policy(&[entry("prod/api"), entry("prod/checkout")]);
    assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, []);
    cloud.world().policy = policy(&[entry("prod/api"), bad]);
    cloud.run("prod/checkout", 1);
    let answer = block_on(controller.handle(&Trigger::Tick));
    assert_eq!(decided(&answer), ["prod/api 2>2", "prod/checkout 1>2!"]);
    check_error(
        &answer,
        Some("prod/checkout"),
        &["min 5 is above max 2", "the last good entry stays in force"],
    );
}
