//! The limit over all services.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::control::Settings;
use crate::control::answer::ErrorKind;
use crate::control::ports::StateStore as _;
use crate::control::trigger::{Shard, Trigger};
use crate::model::ReasonCode;
use crate::model::blast_radius::{COUNTED_FOR, Spending};

use super::fake::{FakeCloud, NOW, entry, id};
use super::{check_error, decided};

/// A service of so many tasks, and the bounds that it is to be brought into.
type Row<'a> = (&'a str, u32, (u32, u32));

/// Three services below their floor, by 2, 4 and 40 tasks, and two above their ceiling, by 1 and by 10.
const FLEET: [Row<'_>; 5] = [
    ("out2", 1, (3, 99)),
    ("out4", 1, (5, 99)),
    ("out40", 2, (42, 99)),
    ("in1", 5, (0, 4)),
    ("in10", 30, (0, 20)),
];

fn fleet(blast_radius: &Value, rows: &[Row<'_>]) -> Arc<FakeCloud> {
    let entries: Vec<Value> = rows
        .iter()
        .map(|(name, _, (min, max))| {
            let window = json!({ "name": "w", "start": "at(2030-01-01T00:00:00)", "end": "rate(1 day)", "capacity": { "min": 1 } });
            json!({ "service": format!("prod/{name}"), "capacity": { "min": min, "max": max }, "windows": [window] })
        })
        .collect();
    let cloud = FakeCloud::new(&[]);
    cloud.world().policy =
        json!({ "version": 1, "blast_radius": blast_radius, "services": entries }).to_string();
    for (name, desired, _) in rows {
        cloud.run(&format!("prod/{name}"), *desired);
    }
    cloud
}

fn booked(cloud: &FakeCloud) -> Option<Spending> {
    let stored = block_on(cloud.load_spent()).unwrap()?;
    let now: Timestamp = NOW.parse().unwrap();
    Some(stored.memory.sum(now))
}

fn spending(services: u32, tasks_in: u32, tasks_out: u32) -> Spending {
    Spending { at: NOW.parse().unwrap(), services, tasks_in, tasks_out }
}

#[test]
fn a_look_changes_no_more_than_the_limit_and_the_next_minute_goes_on() {
    let cloud = fleet(&json!({ "tasks_out": 10, "tasks_in": 3 }), &FLEET);
    let mut looks = Vec::new();
    for _ in 0..3 {
        let answer = cloud.answer(&Trigger::Tick);
        assert_eq!(answer.errors, []);
        looks.push(decided(&answer));
        cloud.pass(Duration::from_mins(1));
    }
    let expected: [&[&str]; 3] = [
        &["prod/in1 5>4!", "prod/in10 30>28!", "prod/out2 1>3!", "prod/out4 1>5!", "prod/out40 2>6!"],
        &["prod/in1 4>4", "prod/in10 28>25!", "prod/out2 3>3", "prod/out4 5>5", "prod/out40 6>16!"],
        &["prod/in1 4>4", "prod/in10 25>22!", "prod/out2 3>3", "prod/out4 5>5", "prod/out40 16>26!"],
    ];
    assert_eq!(looks, expected);
}

#[test]
fn what_is_cut_says_so_with_its_figures_and_is_remembered_as_it_is_done() {
    let cloud = fleet(&json!({ "tasks_out": 10, "services": 3 }), &FLEET);
    let answer = cloud.answer(&Trigger::Tick);
    let last = |service: &str| {
        let decision = answer.decisions.iter().find(|one| one.service == id(service)).unwrap();
        (decision.code, decision.reasons.last().unwrap().clone())
    };
    assert_eq!(
        last("prod/out40"),
        (
            ReasonCode::BlastRadius,
            "the blast radius lets all services together scale out by 10 tasks in a minute, and 4 are left: 6 instead of 42"
                .to_owned()
        )
    );
    assert_eq!(
        last("prod/in1"),
        (
            ReasonCode::BlastRadius,
            "the blast radius lets 3 services change in a minute, and none is left: 5 instead of 4"
                .to_owned()
        )
    );
    assert_eq!(last("prod/out2").0, ReasonCode::AlreadyAtMinCapacity);
    let pending = |service: &str| cloud.memory(service).unwrap().memory.pending.map(|pending| pending.to);
    assert_eq!((pending("prod/out40"), pending("prod/in1")), (Some(6), None));
    cloud.pass(Duration::from_mins(1));
    let answer = cloud.answer(&Trigger::Tick);
    let reasons = answer.decisions.iter().flat_map(|decision| &decision.reasons);
    assert!(!reasons.into_iter().any(|reason| reason.contains("not seen in effect")), "{answer:#?}");
}

#[test]
fn what_was_changed_counts_for_a_minute_in_every_process() {
    let cloud = fleet(&json!({ "services": 1 }), &FLEET);
    assert!(decided(&cloud.answer(&Trigger::Tick)).contains(&"prod/out2 1>3!".to_owned()));
    cloud.pass(COUNTED_FOR.saturating_sub(Duration::from_secs(1)));
    let held = decided(&cloud.answer(&Trigger::Tick));
    assert!(!held.iter().any(|decision| decision.ends_with('!')), "{held:?}");
    cloud.pass(Duration::from_secs(1));
    assert!(decided(&cloud.answer(&Trigger::Tick)).contains(&"prod/out4 1>5!".to_owned()));
}

#[test]
fn looks_inside_the_minute_share_one_account() {
    let worker = json!({ "service": "prod/worker", "capacity": { "min": 0, "max": 90 },
        "policies": [{ "queue": { "queue": "orders", "backlog_per_task": 1 } }] });
    let cloud = FakeCloud::with_service(&worker, 0);
    cloud.world().policy =
        json!({ "version": 1, "blast_radius": { "tasks_out": 10 }, "services": [worker] }).to_string();
    let depth = crate::model::QueueDepth { visible: 80, in_flight: Some(0), ..Default::default() };
    cloud.world().queues.insert("orders".to_owned(), depth);
    let settings = Settings { look_every: Some(Duration::from_secs(10)), ..Settings::default() };
    let deadline = Some(cloud.world().now + SignedDuration::from_mins(1));
    let watch = block_on(cloud.controller_with(settings).watch(&Trigger::Tick, deadline));
    assert_eq!(
        (watch.looks, decided(&watch.answer)),
        (6, vec!["prod/worker 0>10!".into(), "prod/worker 10>10".into()])
    );
}

#[test]
fn without_a_limit_there_is_no_account_and_without_a_change_nothing_is_booked() {
    let limited = json!({ "services": 3 });
    let content: [Row<'_>; 1] = [("content", 3, (1, 9))];
    for (limit, rows) in [(&Value::Null, &FLEET[..]), (&limited, &content[..])] {
        let cloud = fleet(limit, rows);
        cloud.answer(&Trigger::Tick);
        let calls = cloud.take_calls("");
        assert!(!calls.iter().any(|call| call.contains("spent")), "{limit}: {calls:?}");
    }
}

#[test]
fn what_is_not_carried_out_uses_up_nothing() {
    let dry = Trigger::Evaluate { services: vec!["prod/*".parse().unwrap()], dry_run: true };
    for (trigger, shadow) in [(Trigger::Tick, true), (dry, false)] {
        let cloud = fleet(&json!({ "services": 1 }), &FLEET);
        let controller = cloud.controller_with(Settings { shadow, ..Settings::default() });
        let answer = block_on(controller.handle(&trigger));
        assert_eq!(
            decided(&answer),
            ["prod/in1 5>4", "prod/in10 30>20", "prod/out2 1>3", "prod/out4 1>5", "prod/out40 2>42"],
            "what would be done alone is told in full"
        );
        assert_eq!(booked(&cloud), None);
    }
}

#[test]
fn nothing_at_all_is_a_switch_for_all_services() {
    let cloud = fleet(&json!({ "services": 0 }), &FLEET);
    let answer = cloud.answer(&Trigger::Tick);
    assert!(answer.decisions.iter().all(|decision| decision.code == ReasonCode::BlastRadius), "{answer:#?}");
    assert_eq!(cloud.take_calls("ecs:UpdateService"), [""; 0]);
}

#[test]
fn what_a_person_asks_for_is_neither_cut_nor_booked() {
    let cloud = fleet(&json!({ "services": 0 }), &FLEET);
    let by_hand = Trigger::SetCapacity {
        service: id("prod/out40"),
        min: Some(50),
        max: None,
        desired: None,
        until: None,
    };
    let answer = cloud.answer(&by_hand);
    assert_eq!(decided(&answer), ["prod/out40 2>50!"]);
    let reasons = &answer.decisions[0].reasons;
    assert_eq!(reasons.last().unwrap(), "the blast radius does not limit what is set by hand");
    assert_eq!(booked(&cloud), None);
}

#[test]
fn what_others_booked_just_before_is_not_given_out_again() {
    let cloud = fleet(&json!({ "tasks_out": 10 }), &FLEET[..3]);
    cloud.world().rival_spendings = vec![spending(1, 0, 3), spending(1, 0, 4)];
    let answer = cloud.answer(&Trigger::Tick);
    assert_eq!(answer.errors, []);
    assert_eq!(decided(&answer), ["prod/out2 1>3!", "prod/out4 1>2!", "prod/out40 2>2"]);
    assert_eq!(booked(&cloud), Some(spending(4, 0, 10)));
}

#[test]
fn where_others_never_let_it_book_nothing_is_changed() {
    let cloud = fleet(&json!({ "tasks_out": 1000 }), &FLEET[..3]);
    cloud.world().rival_spendings = vec![spending(1, 0, 1); 10];
    let answer = cloud.answer(&Trigger::Tick);
    check_error(&answer, None, &["nothing is changed", "the next look tries again"]);
    assert_eq!(cloud.take_calls("ecs:UpdateService"), [""; 0]);
}

#[test]
fn where_the_account_cannot_be_reached_nothing_is_scaled_in_and_scale_out_keeps_to_the_limit() {
    for failing in ["load spent", "store spent"] {
        let cloud = fleet(&json!({ "tasks_out": 10, "tasks_in": 99 }), &FLEET);
        cloud.world().failing.insert(failing);
        let controller = cloud.controller();
        let first = block_on(controller.handle(&Trigger::Tick));
        check_error(&first, None, &["cannot be reached", "nothing is scaled in", "out of order"]);
        assert_eq!(first.errors[0].kind, ErrorKind::World);
        let expected =
            ["prod/in1 5>5", "prod/in10 30>30", "prod/out2 1>3!", "prod/out4 1>5!", "prod/out40 2>6!"];
        assert_eq!(decided(&first), expected, "{failing}");
        let second = block_on(controller.handle(&Trigger::Tick));
        assert!(second.decisions.iter().all(|decision| !decision.applied), "{failing}: {second:#?}");
        let waits = &second.decisions[0].reasons;
        let why = "the account of the blast radius cannot be reached, so scale-in waits: 5 instead of 4";
        assert_eq!(waits.last().unwrap(), why);
    }
}

#[test]
fn two_controllers_that_race_never_exceed_it_together() {
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let rows: Vec<Row<'_>> = names.iter().map(|name| (name.as_str(), 1, (4, 9))).collect();
    let cloud = fleet(&json!({ "tasks_out": 25, "services": 9 }), &rows);
    cloud.world().races = true;
    let look_at_each = async |shard: &[String]| {
        let controller = cloud.controller();
        for name in shard {
            let services = vec![id(&format!("prod/{name}"))];
            assert_eq!(controller.handle(&Trigger::Shard(Shard::by_hand(services))).await.errors, []);
        }
    };
    block_on(futures::future::join(look_at_each(&names[..10]), look_at_each(&names[10..])));
    let desired: Vec<u32> = names.iter().map(|name| cloud.desired(&format!("prod/{name}"))).collect();
    let changed = desired.iter().filter(|desired| **desired != 1).count();
    let added: u32 = desired.iter().map(|desired| desired - 1).sum();
    assert_eq!(
        (changed, added),
        (9, 25),
        "eight services by three tasks, a ninth by what is left: {desired:?}"
    );
    assert_eq!(booked(&cloud), Some(spending(9, 0, 25)));
    let bookings = cloud.take_calls("store spent").len();
    assert!(9 < bookings, "{bookings} attempts for nine bookings, for both came to the account at once");
}

#[test]
fn an_account_of_a_clock_that_was_wrong_does_not_hold_for_ever() {
    let cloud = fleet(&json!({ "services": 3 }), &FLEET);
    let next_year = Spending { at: "2027-01-01T00:00:00Z".parse().unwrap(), ..spending(99, 99, 99) };
    block_on(cloud.store_spent(None, &crate::model::blast_radius::Spent::default().with(next_year))).unwrap();
    assert!(decided(&cloud.answer(&Trigger::Tick)).contains(&"prod/out2 1>3!".to_owned()));
}

#[test]
fn a_file_whose_limit_is_wrong_leaves_the_last_good_one_in_force() {
    let cloud = fleet(&json!({ "services": 0 }), &FLEET);
    let controller = cloud.controller();
    block_on(controller.handle(&Trigger::Tick));
    let wrong = json!({ "version": 1, "blast_radius": {}, "services": [entry("prod/out2")] });
    cloud.world().policy = wrong.to_string();
    let answer = block_on(controller.handle(&Trigger::Tick));
    check_error(&answer, None, &["blast_radius: needs", "the last good policy file stays in force"]);
    assert!(answer.decisions.iter().all(|decision| decision.code == ReasonCode::BlastRadius), "{answer:#?}");
}
