//! The history that promise policies rehearse on: a service under one learns at its first look what a task takes, and wants the
//! requests of the last days at the second.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::control::calls::MOST_ATTEMPTS;
use crate::control::trigger::Trigger;
use crate::control::{Controller, Settings};
use crate::model::QueueDepth;
use crate::model::memory::LoadMemory;

use super::decided;
use super::fake::{FakeCloud, entry, entry_with};

const MINUTE: Duration = Duration::from_mins(1);
const FORTNIGHT: u32 = 14 * 1440;

fn promise(load_balancer: &str) -> Value {
    json!([{ "service_level": { "load_balancer": load_balancer, "latency": "300ms", "percent": 99.9 } }])
}

/// Five minutes at 50 %, under which each of four tasks serves 300 requests a minute, after so many minutes of the same.
fn cloud(entries: &[Value], minutes: usize) -> Arc<FakeCloud> {
    let cloud = FakeCloud::new(entries);
    for entry in entries {
        cloud.run(entry["service"].as_str().unwrap(), 4);
    }
    cloud.world().series.insert("RequestCount".to_owned(), vec![Some(1200.0); minutes]);
    cloud.world().series.insert("CPUUtilization".to_owned(), vec![Some(50.0); 5]);
    cloud
}

/// The histories that one more look a minute later asks for; nothing else that it does may fail.
fn asked_at_the_next_look(cloud: &Arc<FakeCloud>, controller: &Controller) -> usize {
    let decided = cloud.world().services.len();
    cloud.pass(MINUTE);
    cloud.world().queries.clear();
    let answer = block_on(controller.handle(&Trigger::Tick));
    assert_eq!((answer.decisions.len(), answer.errors), (decided, vec![]));
    histories(cloud)
}

fn histories(cloud: &Arc<FakeCloud>) -> usize {
    cloud.world().queries.iter().filter(|query| query.points == FORTNIGHT).count()
}

fn load(cloud: &Arc<FakeCloud>, service: &str) -> LoadMemory {
    let memory = cloud.memory(service).unwrap().memory;
    memory.service_levels.into_values().next().unwrap().load
}

#[test]
fn a_look_whose_memory_wants_history_brings_it_and_the_engine_rehearses_once_a_day() {
    let cloud = cloud(&[entry_with("prod/api", &promise("app/web/1"))], 2000);
    let controller = cloud.controller();
    let asked: Vec<usize> = (0..4).map(|_| asked_at_the_next_look(&cloud, &controller)).collect();
    assert_eq!(asked, [0, 1, 0, 0], "the first look knows nothing of the tasks");
    let now = cloud.world().now;
    let at = load(&cloud, "prod/api").rehearsed.map(|rehearsed| now.duration_since(rehearsed.at));
    assert_eq!(at, Some(SignedDuration::from_mins(2)));
    cloud.pass(Duration::from_hours(24));
    assert_eq!(asked_at_the_next_look(&cloud, &controller), 1);
}

#[test]
fn a_service_without_a_promise_is_looked_at_without_history() {
    let backlog = json!([{ "queue": { "queue": "orders", "backlog_per_task": 10 } }]);
    let cloud = cloud(&[entry("prod/api"), entry_with("prod/worker", &backlog)], 2000);
    let controller = cloud.controller();
    let asked: Vec<usize> = (0..4).map(|_| asked_at_the_next_look(&cloud, &controller)).collect();
    assert_eq!(asked, [0; 4]);
}

#[test]
fn a_plan_rehearses_as_the_next_look_would_but_not_for_a_service_of_which_nothing_is_known() {
    let cloud = cloud(&[entry_with("prod/api", &promise("app/web/1"))], 2000);
    let controller = cloud.controller();
    block_on(controller.plan(&Trigger::Tick));
    assert_eq!(histories(&cloud), 0);
    asked_at_the_next_look(&cloud, &controller);
    for _ in 0..2 {
        let planned = block_on(controller.plan(&Trigger::Tick));
        let reasons = planned.decisions[0].reasons.join(" ");
        assert!(reasons.contains("(rehearsed "), "{reasons}");
    }
    assert_eq!((histories(&cloud), load(&cloud, "prod/api").rehearsed), (2, None), "nothing is remembered");
}

#[test]
fn a_history_that_fails_or_is_too_short_leaves_the_decision_and_is_asked_for_again_in_an_hour() {
    for (case, failing, minutes) in
        [("it fails", Some("cloudwatch:GetMetricData 1"), 2000), ("short", None, 100)]
    {
        let cloud = cloud(&[entry_with("prod/api", &promise("app/web/1"))], minutes);
        let controller = cloud.controller();
        asked_at_the_next_look(&cloud, &controller);
        cloud.world().failing.extend(failing);
        cloud.pass(MINUTE);
        cloud.take_calls("");
        let now = cloud.world().now;
        let answer = block_on(controller.handle(&Trigger::Tick));
        assert_eq!((decided(&answer), answer.errors), (vec!["prod/api 4>4".to_owned()], vec![]), "{case}");
        let attempts = if failing.is_some() { MOST_ATTEMPTS as usize } else { 1 };
        assert_eq!(cloud.take_calls("cloudwatch:GetMetricData 1").len(), attempts, "{case}");
        let LoadMemory { rehearsed, tried_at, .. } = load(&cloud, "prod/api");
        assert_eq!((rehearsed, tried_at), (None, Some(now)), "{case}");
        assert_eq!(asked_at_the_next_look(&cloud, &controller), 0, "{case}");
        cloud.world().failing.clear();
        cloud.pass(Duration::from_hours(1));
        assert_eq!(asked_at_the_next_look(&cloud, &controller), 1, "{case}");
    }
}

#[test]
fn a_history_that_does_not_come_in_ten_seconds_is_decided_without() {
    let cloud = cloud(&[entry_with("prod/api", &promise("app/web/1"))], 2000);
    let controller = cloud.controller();
    asked_at_the_next_look(&cloud, &controller);
    cloud.world().hangs_beyond = Some(1000);
    let before = cloud.world().now;
    assert_eq!(asked_at_the_next_look(&cloud, &controller), 1);
    assert_eq!(cloud.world().now.duration_since(before), SignedDuration::from_secs(70));
    assert_eq!(load(&cloud, "prod/api").rehearsed, None);
}

#[test]
fn one_look_brings_the_history_of_one_service_and_the_next_that_of_another() {
    let entries: Vec<Value> = (0..3)
        .map(|number| entry_with(&format!("prod/api-{number}"), &promise(&format!("app/web/{number}"))))
        .collect();
    let cloud = cloud(&entries, 2000);
    let controller = cloud.controller();
    let rehearsed = |cloud: &Arc<FakeCloud>| {
        (0..3).filter(|number| load(cloud, &format!("prod/api-{number}")).rehearsed.is_some()).count()
    };
    let looks: Vec<(usize, usize)> =
        (0..5).map(|_| (asked_at_the_next_look(&cloud, &controller), rehearsed(&cloud))).collect();
    assert_eq!(looks, [(0, 0), (1, 1), (1, 2), (1, 3), (0, 3)]);
}

#[test]
fn the_first_look_of_a_minute_brings_the_history_and_those_inside_it_leave_it_to_that() {
    let soon = json!([{ "queue": { "queue": "orders", "start_within": "60s" } }]);
    let cloud = FakeCloud::with_service(&entry_with("prod/worker", &soon), 4);
    for (name, minutes) in [("NumberOfMessagesSent", 2000), ("NumberOfMessagesDeleted", 5)] {
        cloud.world().series.insert(name.to_owned(), vec![Some(240.0); minutes]);
    }
    let waiting = QueueDepth { visible: 20, in_flight: Some(4), ..QueueDepth::default() };
    cloud.world().queues.insert("orders".to_owned(), waiting);
    let settings = Settings { look_every: Some(Duration::from_secs(10)), ..Settings::default() };
    let controller = cloud.controller_with(settings);
    let mut asked = Vec::new();
    for _ in 0..3 {
        cloud.world().queries.clear();
        let began = cloud.world().now;
        let deadline = began.saturating_add(MINUTE).unwrap();
        let watch = block_on(controller.watch(&Trigger::Tick, Some(deadline)));
        assert_eq!((watch.looks, watch.answer.errors), (6, vec![]));
        assert_eq!(cloud.world().queries.iter().filter(|query| query.points < 100).count(), 2);
        asked.push(histories(&cloud));
        cloud.world().now = deadline;
    }
    assert_eq!(asked, [0, 1, 0], "the first minute learns what a task finishes");
    let learned = cloud.memory("prod/worker").unwrap().memory.queues.into_values().next().unwrap();
    assert!(learned.load.rehearsed.is_some(), "{learned:?}");
}

#[test]
fn a_memory_with_a_day_of_the_usual_load_is_a_small_item() {
    let mut entry = entry_with("prod/api", &promise("app/web/1"));
    entry["predictive"] = json!({ "mode": "ForecastAndScale" });
    let cloud = cloud(&[entry], 0);
    // Four days whose noons are eleven times their midnights, to a number of many digits.
    let minutes = (0..4 * 1440).map(|minute| {
        let angle = f64::from(minute) / 1440.0 * std::f64::consts::TAU;
        Some(1200.0 * (6.0 - 5.0 * angle.cos()) / 11.0)
    });
    cloud.world().series.insert("RequestCount".to_owned(), minutes.collect());
    let controller = cloud.controller();
    (0..3).for_each(|_| _ = asked_at_the_next_look(&cloud, &controller));
    let usual = load(&cloud, "prod/api").usual.expect("the pattern of the day is prepared for");
    assert_eq!(usual.load_s.len(), 312);
    let memory = serde_json::to_vec(&cloud.memory("prod/api").unwrap().memory).unwrap();
    assert!(memory.len() < 8 * 1024, "{} bytes", memory.len());
}
