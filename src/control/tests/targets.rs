//! Which services a trigger means.

use std::time::Duration;

use futures::executor::block_on;
use serde_json::json;

use crate::control::trigger::{Shard, Trigger};
use crate::model::AlarmState;

use super::fake::{FakeCloud, alarm, entry, entry_with, id, steps};
use super::{check_error, decided, evaluate};

fn alarm_of(services: &[&str]) -> Trigger {
    let services = services.iter().map(|service| id(service)).collect();
    Trigger::Alarm { name: "slow".to_owned(), services }
}

#[test]
fn a_literal_entry_needs_no_listing() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 2);
    cloud.answer(&Trigger::Tick);
    assert_eq!(cloud.take_calls("ecs:List"), [""; 0]);
}

#[test]
fn a_glob_lists_only_the_clusters_that_it_matches() {
    let cases = [
        ("prod/*", vec!["ecs:ListServices prod"], vec!["prod/api 1>2!", "prod/web 1>2!"]),
        (
            "*/api",
            vec!["ecs:ListClusters ", "ecs:ListServices prod", "ecs:ListServices stage"],
            vec!["prod/api 1>2!", "stage/api 1>2!"],
        ),
        ("st*/*", vec!["ecs:ListClusters ", "ecs:ListServices stage"], vec!["stage/api 1>2!"]),
    ];
    for (pattern, calls, outcome) in cases {
        let cloud = FakeCloud::new(&[entry(pattern)]);
        for service in ["prod/api", "prod/web", "stage/api"] {
            cloud.run(service, 1);
        }
        assert_eq!(decided(&cloud.answer(&Trigger::Tick)), outcome, "{pattern}");
        assert_eq!(cloud.take_calls("ecs:List"), calls, "{pattern}");
    }
}

#[test]
fn a_listing_is_used_for_five_minutes() {
    let cloud = FakeCloud::new(&[entry("*/*")]);
    cloud.run("prod/api", 2);
    let controller = cloud.controller();
    for (after, calls) in [(0, 2), (299, 0), (1, 2)] {
        cloud.pass(Duration::from_secs(after));
        block_on(controller.handle(&Trigger::Tick));
        assert_eq!(cloud.take_calls("ecs:List").len(), calls, "{after} s after the last tick");
    }
}

#[test]
fn where_listing_fails_the_last_listing_is_used_and_literal_entries_go_on() {
    for failing in ["ecs:ListClusters", "ecs:ListServices stage"] {
        let cloud = FakeCloud::new(&[entry("prod/checkout"), entry("st*/*")]);
        cloud.run("prod/checkout", 2);
        cloud.run("stage/api", 2);
        cloud.world().failing.insert(failing);
        let controller = cloud.controller();
        let answer = block_on(controller.handle(&Trigger::Tick));
        assert_eq!(decided(&answer), ["prod/checkout 2>2"], "{failing}");
        check_error(&answer, None, &["st*/*", "failed", "no earlier listing"]);

        cloud.world().failing.clear();
        assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, []);
        cloud.pass(Duration::from_mins(6));
        cloud.world().failing.insert(failing);
        let answer = block_on(controller.handle(&Trigger::Tick));
        assert_eq!(decided(&answer), ["prod/checkout 2>2", "stage/api 2>2"], "{failing}");
        check_error(&answer, None, &["st*/*", "the listing of 6m ago is used"]);
    }
}

#[test]
fn an_alarm_looks_at_the_services_whose_policies_name_it_and_at_those_it_is_of() {
    let entries = [
        entry_with("prod/api", &json!([steps("slow")])),
        entry_with("prod/web-*", &json!([steps("slow")])),
        entry("prod/checkout"),
        entry("prod/worker"),
    ];
    let cloud = FakeCloud::new(&entries);
    for service in ["prod/api", "prod/web-1", "prod/web-2", "prod/checkout", "prod/worker", "prod/other"] {
        cloud.run(service, 1);
    }
    cloud.world().alarms.insert("slow".to_owned(), alarm(AlarmState::Ok, 20.0, "Latency"));
    let answer = cloud.answer(&alarm_of(&["prod/checkout", "prod/other"]));
    assert_eq!(answer.errors, []);
    let outcome = ["prod/api 1>2!", "prod/checkout 1>2!", "prod/web-1 1>2!", "prod/web-2 1>2!"];
    assert_eq!(decided(&answer), outcome);
}

#[test]
fn an_alarm_that_concerns_no_service_is_an_error_that_says_what_was_expected() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    let answer = cloud.answer(&alarm_of(&[]));
    assert_eq!(answer.decisions, []);
    check_error(
        &answer,
        None,
        &["alarm slow concerns no service", "step_scaling", "no ClusterName and ServiceName"],
    );
    let answer = cloud.answer(&alarm_of(&["prod/other"]));
    check_error(&answer, None, &["alarm slow concerns no service", "no entry selects prod/other"]);
}

#[test]
fn events_of_services_that_no_entry_selects_change_nothing() {
    let other = || id("prod/other");
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    cloud.run("prod/other", 1);
    for event in [
        Trigger::EcsChange { service: other(), event: "SERVICE_STEADY_STATE".to_owned() },
        Trigger::Shard(Shard::by_hand(vec![other()])),
    ] {
        let answer = cloud.answer(&event);
        assert_eq!((answer.decisions, answer.errors), (vec![], vec![]), "{event:?}");
    }
    assert_eq!(cloud.desired("prod/other"), 1);
}

#[test]
fn a_service_asked_for_by_hand_that_no_entry_selects_is_an_error_with_the_nearest_pattern() {
    let cloud = FakeCloud::with_service(&entry("prod/checkout"), 1);
    for trigger in [evaluate(&["prod/chekout"]), Trigger::Resume { service: id("prod/chekout") }] {
        let answer = cloud.answer(&trigger);
        assert_eq!(answer.decisions, []);
        check_error(
            &answer,
            Some("prod/chekout"),
            &["no entry of the policy file selects", "did you mean prod/checkout?"],
        );
    }
    let answer = cloud.answer(&evaluate(&["stage/zebra"]));
    assert!(!answer.errors[0].error.contains("did you mean"), "{:?}", answer.errors);
    check_error(&cloud.answer(&evaluate(&["stage/*"])), None, &["stage/* matches no service"]);
}

#[test]
fn evaluate_looks_only_at_the_services_it_names() {
    let cloud = FakeCloud::new(&[entry("prod/*"), entry("stage/api")]);
    for service in ["prod/api", "prod/web", "stage/api"] {
        cloud.run(service, 1);
    }
    let answer = cloud.answer(&evaluate(&["prod/w*", "stage/a*", "stage/api"]));
    assert_eq!(decided(&answer), ["prod/web 1>2!", "stage/api 1>2!"]);
    let answer = cloud.answer(&evaluate(&["stage/*"]));
    assert_eq!(decided(&answer), ["stage/api 2>2"]);
}

#[test]
fn evaluate_lists_no_cluster_that_it_cannot_mean() {
    let cloud = FakeCloud::new(&[entry("*/*")]);
    cloud.run("prod/api", 1);
    cloud.run("stage/api", 1);
    assert_eq!(decided(&cloud.answer(&evaluate(&["prod/*"]))), ["prod/api 1>2!"]);
    assert_eq!(cloud.take_calls("ecs:ListServices"), ["ecs:ListServices prod"]);
}

#[test]
fn a_service_under_two_entries_is_one_error_and_left_alone() {
    for (one, other) in [("prod/a*", "prod/*i"), ("prod/api", "prod/a*")] {
        let cloud = FakeCloud::new(&[entry(one), entry(other), entry("stage/api")]);
        cloud.run("prod/api", 1);
        cloud.run("stage/api", 1);
        let answer = cloud.answer(&Trigger::Tick);
        assert_eq!(decided(&answer), ["stage/api 1>2!"]);
        assert_eq!(answer.errors.len(), 1, "{:#?}", answer.errors);
        check_error(&answer, Some("prod/api"), &[one, other]);
    }
}

#[test]
fn a_shard_looks_at_its_services_alone() {
    let cloud = FakeCloud::new(&[entry("prod/*"), entry("stage/api")]);
    for service in ["prod/api", "prod/web", "stage/api"] {
        cloud.run(service, 1);
    }
    let answer = cloud.answer(&Trigger::Shard(Shard::by_hand(vec![id("stage/api"), id("prod/web")])));
    assert_eq!(decided(&answer), ["prod/web 1>2!", "stage/api 1>2!"]);
    assert_eq!(cloud.take_calls("ecs:List"), [""; 0]);
}

#[test]
fn the_listings_of_a_large_account_are_renewed_in_turn() {
    let cloud = FakeCloud::new(&[entry("*/web-*")]);
    for cluster in 0..12 {
        for number in 0..1_000 {
            cloud.run(&format!("cluster-{cluster:02}/other-{number}"), 1); // ten pages a cluster
        }
    }
    let controller = cloud.controller();
    let mut listed = Vec::new();
    for _ in 0..9 {
        assert_eq!(block_on(controller.handle(&Trigger::Tick)).errors, []);
        listed.push(cloud.take_calls("ecs:ListServices").len());
        cloud.pass(Duration::from_secs(60));
    }
    assert_eq!(listed, [12, 0, 0, 0, 0, 10, 2, 0, 0]);
}
