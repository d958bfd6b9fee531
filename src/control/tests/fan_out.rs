//! What goes to other invocations as shards, and what becomes of a shard.

use std::collections::BTreeSet;
use std::num::{NonZero, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::control::answer::{Answer, ErrorKind, Sent};
use crate::control::fan_out::Sharing;
use crate::control::ports::BYTES_PER_SHARD;
use crate::control::trigger::{Shard, Trigger};
use crate::control::{Controller, FanOut, Ports, Settings, Watch};
use crate::model::ServiceId;

use super::fake::{FakeCloud, NOW, entry, entry_with, id, policy};
use super::{check_error, decided, evaluate};

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn some(number: u32) -> NonZeroU32 {
    NonZero::new(number).unwrap()
}

/// `prod/s0` and so on, under one glob, each of which is to be raised to its floor.
fn fleet(services: usize) -> Arc<FakeCloud> {
    let cloud = FakeCloud::new(&[entry("prod/*")]);
    for number in 0..services {
        cloud.run(&format!("prod/s{number}"), 1);
    }
    cloud
}

fn with_queue(cloud: &Arc<FakeCloud>) -> Ports {
    Ports { shards: Some(cloud.clone()), ..cloud.ports() }
}

/// A function that sends away what is more than this many services.
fn sharing(cloud: &Arc<FakeCloud>, shard_size: usize) -> Controller {
    let fan_out = FanOut { shard_size: NonZero::new(shard_size).unwrap(), workers: None };
    Controller::new(with_queue(cloud), Settings { fan_out, ..Settings::default() })
}

fn shards(cloud: &FakeCloud) -> Vec<Shard> {
    std::mem::take(&mut cloud.world().shards)
}

fn sizes(shards: &[Shard]) -> Vec<usize> {
    shards.iter().map(|shard| shard.services.len()).collect()
}

#[test]
fn a_fleet_of_more_than_a_shard_is_dealt_into_even_parts_one_of_which_is_looked_at_here() {
    // (services, at most, of them looked at here, sent in shards)
    let cases: [(usize, usize, usize, &[usize]); 7] = [
        (1, 10, 1, &[]),
        (10, 10, 10, &[]),
        (11, 10, 10, &[1]),
        (20, 10, 10, &[10]),
        (45, 10, 10, &[10, 10, 10, 5]),
        (250, 100, 90, &[80, 80]),
        (7, 2, 2, &[2, 2, 1]),
    ];
    for (services, most, own, sent) in cases {
        let cloud = fleet(services);
        let answer = block_on(sharing(&cloud, most).handle(&Trigger::Tick));
        assert_eq!((answer.decisions.len(), answer.errors.len()), (own, 0), "{services}");
        let shards = shards(&cloud);
        assert_eq!(sizes(&shards), sent, "{services}");
        assert_eq!(answer.sent, Sent { shards: sent.len(), services: services - own });
        let of = some(u32::try_from(1 + sent.len()).unwrap());
        assert!(shards.iter().all(|shard| shard.tick == Some(now()) && shard.of == of), "{shards:?}");
        let here = answer.decisions.iter().map(|decision| decision.service.clone());
        let all: BTreeSet<ServiceId> =
            here.chain(shards.into_iter().flat_map(|shard| shard.services)).collect();
        assert_eq!(all.len(), services, "each service once, in one part");
    }
}

#[test]
fn neighbours_go_to_different_parts_in_batches_of_one_cluster() {
    let cloud = FakeCloud::new(&[entry("*/*")]);
    for number in 0..40 {
        cloud.run(&format!("one/s{number:02}"), 2);
        cloud.run(&format!("two/s{number:02}"), 2);
    }
    block_on(sharing(&cloud, 20).handle(&Trigger::Tick));
    let shards = shards(&cloud);
    assert_eq!(sizes(&shards), [20, 20, 20]);
    for shard in shards {
        let of_one: Vec<&ServiceId> = shard.services.iter().filter(|id| id.cluster() == "one").collect();
        assert_eq!(of_one.len(), 10, "a call of DescribeServices for each cluster: {shard:?}");
    }
}

#[test]
fn as_many_as_share_a_tick_share_the_rate_limits() {
    let cloud = fleet(20);
    let fan_out = FanOut { shard_size: NonZero::new(10).unwrap(), workers: None };
    let controller = Controller::new(with_queue(&cloud), Settings { fan_out, ..Settings::default() });
    let began = now();
    block_on(controller.handle(&Trigger::Tick));
    assert_eq!(
        cloud.world().now,
        began,
        "ten updates at once are a fifth of what ECS takes, and two share it"
    );
    let services = (0..20).map(|number| id(&format!("prod/s{number}"))).collect();
    (0..20).for_each(|number| cloud.run(&format!("prod/s{number}"), 1));
    block_on(controller.handle(&Trigger::Shard(Shard { services, tick: Some(began), of: some(10) })));
    assert!(began < cloud.world().now, "twenty are more than a tenth of it");
}

#[test]
fn without_a_queue_one_invocation_looks_at_all() {
    let cloud = fleet(25);
    let fan_out = FanOut { shard_size: NonZero::new(10).unwrap(), workers: None };
    let answer =
        block_on(cloud.controller_with(Settings { fan_out, ..Settings::default() }).handle(&Trigger::Tick));
    assert_eq!((answer.decisions.len(), answer.sent), (25, Sent::default()));
}

#[test]
fn shards_are_sent_ten_a_call() {
    let cloud = fleet(240);
    block_on(sharing(&cloud, 10).handle(&Trigger::Tick));
    let calls = cloud.take_calls("sqs:SendMessage");
    assert_eq!(calls, ["sqs:SendMessage 10", "sqs:SendMessage 10", "sqs:SendMessage 3"]);
}

#[test]
fn the_workers_look_at_every_service_and_list_nothing() {
    let cloud = fleet(45);
    block_on(sharing(&cloud, 10).handle(&Trigger::Tick));
    cloud.take_calls("");
    for shard in shards(&cloud) {
        let answer = block_on(sharing(&cloud, 10).handle(&Trigger::Shard(shard)));
        assert_eq!((answer.errors.len(), answer.sent), (0, Sent::default()), "a shard is not split again");
    }
    let calls = cloud.take_calls("");
    let count = |operation: &str| calls.iter().filter(|call| call.starts_with(operation)).count();
    assert_eq!((count("ecs:List"), count("ecs:UpdateService")), (0, 35));
    assert!((0..45).all(|number| cloud.desired(&format!("prod/s{number}")) == 2));
}

#[test]
fn names_too_long_for_one_message_make_smaller_shards() {
    let cloud = FakeCloud::new(&[entry("*/*")]);
    let cluster = "c".repeat(255);
    for number in 0..1_000 {
        cloud.run(&format!("{cluster}/{}{number:04}", "s".repeat(251)), 1);
    }
    let answer = block_on(sharing(&cloud, 900).handle(&Trigger::Tick));
    let shards = shards(&cloud);
    let sent: usize = sizes(&shards).iter().sum();
    assert_eq!(sent + answer.decisions.len(), 1_000);
    assert!(shards.iter().all(|shard| shard.to_json().len() < BYTES_PER_SHARD + 200));
    assert_eq!(sizes(&shards)[0], BYTES_PER_SHARD / 514);
}

#[test]
fn as_many_share_the_rate_limits_as_work_at_the_same_time() {
    for (workers, of) in [(None, 5), (Some(some(2)), 3), (Some(some(4)), 5), (Some(some(99)), 5)] {
        let cloud = fleet(50);
        let fan_out = FanOut { shard_size: NonZero::new(10).unwrap(), workers };
        let controller = Controller::new(with_queue(&cloud), Settings { fan_out, ..Settings::default() });
        block_on(controller.handle(&Trigger::Tick));
        assert!(shards(&cloud).iter().all(|shard| shard.of == some(of)), "{workers:?}");
    }
}

#[test]
fn what_cannot_be_sent_is_looked_at_here_with_an_error() {
    // (what fails, looked at here, error)
    let cases = [
        ("sqs:SendMessage", 45, "4 of 4 shards could not be sent"),
        ("shard prod/s18 10", 20, "1 of 4 shards could not be sent"),
    ];
    for (failing, own, error) in cases {
        let cloud = fleet(45);
        cloud.world().failing.insert(failing);
        let answer = block_on(sharing(&cloud, 10).handle(&Trigger::Tick));
        assert_eq!(answer.decisions.len(), own, "{failing}: {:?}", cloud.world().shards);
        assert_eq!(answer.sent.services, 45 - own);
        check_error(
            &answer,
            None,
            &[error, "so this one looks at prod/s18, prod/s19, prod/s2 and", "out of order"],
        );
        assert_eq!(answer.errors.len(), 1);
        assert_eq!(answer.errors[0].kind, ErrorKind::World);
    }
}

#[test]
fn only_a_tick_that_acts_is_shared_out() {
    let cloud = fleet(25);
    let controller = sharing(&cloud, 10);
    assert_eq!(block_on(controller.plan(&Trigger::Tick)).decisions.len(), 25);
    let everything = vec!["prod/*".parse().unwrap()];
    for trigger in [evaluate(&["prod/*"]), Trigger::Status { services: everything }] {
        assert_eq!(block_on(controller.handle(&trigger)).decisions.len(), 25, "{trigger:?}");
    }
    assert_eq!(shards(&cloud), []);
}

fn shard(services: &[&str], tick: Option<Timestamp>) -> Trigger {
    let services = services.iter().map(|service| id(service)).collect();
    Trigger::Shard(Shard { services, tick, of: some(2) })
}

#[test]
fn a_shard_older_than_two_ticks_is_dropped_and_the_answer_says_why() {
    let ago = |seconds: i64| now().checked_sub(SignedDuration::from_secs(seconds)).ok();
    // (case, when its tick began, whether it is looked at)
    let cases = [
        ("at once", ago(0), true),
        ("after a worker died", ago(61), true),
        ("just in time", ago(119), true),
        ("late", ago(120), false),
        ("very late", ago(90_000), false),
        ("by a clock that is ahead", ago(-30), true),
        ("by hand, without a tick", None, true),
    ];
    for (case, tick, is_looked_at) in cases {
        let cloud = fleet(1);
        let answer = cloud.answer(&shard(&["prod/s0"], tick));
        assert_eq!(answer.decisions.len(), usize::from(is_looked_at), "{case}");
        assert_eq!(answer.errors.is_empty(), is_looked_at, "{case}: {:?}", answer.errors);
        if case == "late" {
            let told = "the shard of prod/s0 is dropped, because its tick began 2m ago: newer ticks look at its services";
            check_error(&answer, None, &[told]);
            assert_eq!(answer.errors[0].kind, ErrorKind::Request, "nobody is to send it again");
            assert_eq!(cloud.take_calls(""), [""; 0]);
        }
    }
}

#[test]
fn a_service_that_the_policy_file_lost_since_the_tick_is_left_alone() {
    let cloud = fleet(3);
    cloud.world().policy = policy(&[entry("prod/s1")]);
    let answer = block_on(sharing(&cloud, 2).handle(&shard(&["prod/s1", "prod/s2"], Some(now()))));
    assert_eq!((decided(&answer), answer.errors), (vec!["prod/s1 1>2!".to_owned()], vec![]));
}

#[test]
fn a_shard_seen_twice_acts_once() {
    let cloud = fleet(2);
    let shard = shard(&["prod/s0", "prod/s1"], Some(now()));
    assert_eq!(decided(&cloud.answer(&shard)), ["prod/s0 1>2!", "prod/s1 1>2!"]);
    assert_eq!(decided(&cloud.answer(&shard)), ["prod/s0 2>2", "prod/s1 2>2"]);
    assert_eq!(cloud.take_calls("ecs:UpdateService").len(), 2);
}

/// What becomes of services that an invocation had no time for.
fn hand_on(cloud: &Arc<FakeCloud>, trigger: &Trigger, lasted: Duration, left: &[&str]) -> Answer {
    let ports = with_queue(cloud);
    let fan_out = FanOut { shard_size: NonZero::new(2).unwrap(), workers: None };
    let sharing = Sharing::of(trigger, &ports, fan_out, true);
    cloud.pass(lasted);
    let left = left.iter().map(|service| id(service)).collect();
    let mut answer = Answer { handed_over: left, ..Answer::default() };
    block_on(sharing.hand_on(&mut answer));
    answer
}

#[test]
fn what_there_was_no_time_for_is_sent_on_in_its_order_with_the_tick_that_it_is_of() {
    let left = ["prod/c", "prod/a", "prod/b"];
    let half_a_minute = Duration::from_secs(30);
    let earlier = now() - SignedDuration::from_secs(5);
    let alarm = Trigger::Alarm { name: "high".to_owned(), services: vec![] };
    for (trigger, tick, of) in [
        (Trigger::Tick, now(), 2),
        (alarm, now(), 2),
        (shard(&left, Some(earlier)), earlier, 2),
        (shard(&left, None), now(), 2),
    ] {
        let cloud = fleet(0);
        let answer = hand_on(&cloud, &trigger, half_a_minute, &left);
        let expected = [&left[..2], &left[2..]].map(|names| Shard {
            services: names.iter().map(|name| id(name)).collect(),
            tick: Some(tick),
            of: some(of),
        });
        assert_eq!(shards(&cloud), expected, "{trigger:?}");
        assert_eq!((answer.sent, answer.errors.len()), (Sent { shards: 2, services: 3 }, 0));
        assert_eq!(answer.handed_over.len(), 3, "the answer still tells that this invocation did not look");
    }
}

#[test]
fn what_there_was_no_time_for_waits_for_the_next_tick_where_that_is_near() {
    for (lasted, sent) in [(0, 1), (39, 1), (40, 0), (58, 0)] {
        let cloud = fleet(0);
        let answer = hand_on(&cloud, &Trigger::Tick, Duration::from_secs(lasted), &["prod/a"]);
        assert_eq!(
            (answer.sent.shards, answer.handed_over.len(), answer.errors.len()),
            (sent, 1, 0),
            "{lasted}"
        );
    }
}

#[test]
fn what_cannot_be_sent_on_is_left_to_the_next_tick() {
    let cloud = fleet(0);
    cloud.world().failing.insert("shard prod/a");
    let answer = hand_on(&cloud, &Trigger::Tick, Duration::ZERO, &["prod/a", "prod/b", "prod/c"]);
    check_error(
        &answer,
        None,
        &["prod/a, prod/b, for which there was no time", "waits for the next tick", "out of order"],
    );
    assert_eq!(answer.sent, Sent { shards: 1, services: 1 });
}

#[test]
fn what_a_person_asks_for_is_not_sent_on() {
    for trigger in [evaluate(&["prod/*"]), Trigger::Resume { service: id("prod/a") }] {
        let cloud = fleet(0);
        hand_on(&cloud, &trigger, Duration::ZERO, &["prod/a"]);
        assert_eq!(shards(&cloud), [], "{trigger:?}");
    }
}

#[test]
fn a_worker_goes_on_looking_until_the_minute_of_its_tick_ends() {
    // (seconds after the tick at which the worker begins, looks, seconds after the tick at which it ends)
    for (late, looks, done) in [(0, 6, 50), (3, 6, 50), (25, 4, 50), (52, 1, 52), (70, 1, 70)] {
        let worker = json!([{ "queue": { "queue": "orders", "backlog_per_task": 10 } }]);
        let cloud = FakeCloud::with_service(&entry_with("prod/worker", &worker), 2);
        let tick = now();
        cloud.pass(Duration::from_secs(late));
        let settings = Settings { look_every: Some(Duration::from_secs(10)), ..Settings::default() };
        let deadline = cloud.world().now + SignedDuration::from_secs(60);
        let controller = cloud.controller_with(settings);
        let watch: Watch = block_on(controller.watch(&shard(&["prod/worker"], Some(tick)), Some(deadline)));
        let ended = cloud.world().now.duration_since(tick).as_secs();
        assert_eq!((watch.looks, ended), (looks, done), "{late} s after the tick");
    }
}

#[test]
fn a_shard_that_is_too_late_is_not_watched() {
    let worker = json!([{ "queue": { "queue": "orders", "backlog_per_task": 10 } }]);
    let cloud = FakeCloud::with_service(&entry_with("prod/worker", &worker), 2);
    let settings = Settings { look_every: Some(Duration::from_secs(10)), ..Settings::default() };
    let old = shard(&["prod/worker"], Some(now() - SignedDuration::from_secs(600)));
    let watch =
        block_on(cloud.controller_with(settings).watch(&old, Some(now() + SignedDuration::from_secs(60))));
    assert_eq!((watch.looks, watch.answer.decisions.len(), watch.answer.errors.len()), (1, 0, 1));
}
