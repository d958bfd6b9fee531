//! The buckets and their queues.

use std::num::NonZeroU32;
use std::time::Duration;

use futures::future::{join, join_all};

use super::aws::Aws;
use super::{describe, service, update};
use crate::control::Ports;
use crate::control::calls::limits::{Limits, Rate};
use crate::control::ports::{Clock as _, PortError};

const DESCRIBE: &str = "ecs:DescribeServices";
const UPDATE: &str = "ecs:UpdateService";

fn four() -> NonZeroU32 {
    NonZeroU32::new(4).unwrap()
}

/// How many calls of so many that are wanted at once come at once, and when the last comes, in milliseconds.
fn at_once_and_last(times: &[u128]) -> (usize, u128) {
    (times.iter().filter(|at| **at == 0).count(), *times.iter().max().unwrap())
}

#[test]
fn the_documented_burst_but_a_twentieth_comes_at_once_and_the_rest_at_the_documented_rate() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(join_all((0..135).map(|_| describe(ports))));
    assert_eq!(at_once_and_last(&aws.times(DESCRIBE)), (95, 2000), "40 more at 20 a second");
    aws.run(join_all((0..57).map(|number| async move { update(ports, &number.to_string()).await })));
    let updates: Vec<u128> = aws.times(UPDATE).iter().map(|at| at - 2000).collect();
    assert_eq!(at_once_and_last(&updates), (47, 1900), "half a token was left; 10 more at 5 a second");
}

#[test]
fn describing_and_listing_services_share_a_limit_and_nothing_else_waits_for_them() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(async {
        join_all((0..95).map(|_| describe(ports))).await;
        let list = ports.ecs.list_services("prod");
        let others = join(update(ports, "a"), ports.ecs.list_clusters());
        let (listed, ((), clusters)) = join(list, others).await;
        assert!(listed.is_ok() && clusters.is_ok());
    });
    assert_eq!(aws.times("ecs:ListServices"), [50]);
    assert_eq!((aws.times(UPDATE), aws.times("ecs:ListClusters")), (vec![0], vec![0]));
}

#[test]
fn a_bucket_that_rests_fills_up_to_its_burst_and_no_further() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(async {
        join_all((0..95).map(|_| describe(ports))).await;
        aws.sleep(Duration::from_secs(3600)).await;
        join_all((0..100).map(|_| describe(ports))).await;
    });
    let later: Vec<u128> = aws.times(DESCRIBE).split_off(95).iter().map(|at| at - 3_600_000).collect();
    assert_eq!(at_once_and_last(&later), (95, 250));
}

#[test]
fn waiting_calls_are_served_in_the_order_in_which_they_came() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    let names: Vec<String> = (0..60).map(|number| format!("{number:02}")).collect();
    aws.run(join_all(names.iter().map(|name| update(ports, name))));
    let expected: Vec<String> = names.iter().map(|name| format!("{UPDATE} {name}")).collect();
    assert_eq!(aws.order(), expected);
}

#[test]
fn a_call_that_is_given_up_leaves_its_place_to_the_next() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(async {
        join_all((0..95).map(|_| describe(ports))).await;
        let mut first = Box::pin(describe(ports));
        assert!(futures::poll!(&mut first).is_pending());
        let second = describe(ports);
        drop(first);
        second.await;
    });
    assert_eq!(aws.times(DESCRIBE).split_off(95), [50]);
}

#[test]
fn workers_that_share_a_limit_use_an_equal_part_of_burst_and_rate() {
    let (aws, calls) = Aws::new();
    calls.share(four());
    let ports = &calls.ports();
    aws.run(join_all((0..33).map(|_| describe(ports))));
    assert_eq!(at_once_and_last(&aws.times(DESCRIBE)), (23, 1850), "23.75 of 25; the rest at 5 a second");
    let thousand = Limits::default().shared_by(NonZeroU32::new(1000).unwrap());
    assert_eq!(thousand.service_updates, Rate { burst: 1.0, per_second: 0.005 }, "one call at a time always");
}

#[test]
fn a_worker_that_works_alone_again_has_the_whole_rate_but_no_burst_that_it_did_not_save() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    calls.share(four());
    calls.limit(Limits::default());
    aws.run(join_all((0..43).map(|_| describe(ports))));
    assert_eq!(
        at_once_and_last(&aws.times(DESCRIBE)),
        (23, 962),
        "23.75 of its share; the rest at 20 a second"
    );
}

#[test]
fn calls_at_leisure_leave_a_quarter_of_the_burst_and_go_after_all_others() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(async {
        let leisure = join_all((0..80).map(|_| ports.ecs.describe_services_at_leisure("leisure", &[])));
        let urgent = async {
            aws.sleep(Duration::from_millis(1)).await;
            join_all((0..30).map(|_| describe(ports))).await;
        };
        join(leisure, urgent).await;
    });
    let leisure = aws.times("ecs:DescribeServices leisure");
    assert_eq!(leisure.iter().filter(|at| **at == 0).count(), 70, "95 can be used, 25 are left");
    let urgent = aws.times("ecs:DescribeServices prod");
    assert_eq!((urgent[24], urgent[29]), (1, 250), "25 at once, the others at 20 a second");
    assert_eq!(leisure[70], 1550, "when a quarter of the burst is there again");
}

#[test]
fn a_call_that_waits_for_time_that_the_invocation_does_not_have_fails_and_says_so() {
    let (aws, calls) = Aws::new();
    let ports = &calls.until(aws.in_ms(500));
    let errors = aws.run(async {
        let describe = || ports.ecs.describe_services("prod", &[]);
        let outcomes = join_all((0..120).map(|_| describe())).await;
        outcomes.into_iter().filter_map(Result::err).collect::<Vec<_>>()
    });
    assert_eq!(aws.times(DESCRIBE).len(), 105, "95, and 10 within half a second");
    assert_eq!(errors.len(), 15);
    assert!(errors.iter().all(PortError::is_out_of_time));
    let told = "ecs:DescribeServices failed: the time of this invocation ended (the next look tries again)";
    assert_eq!(errors[0].to_string(), told);
    assert_eq!(aws.elapsed_ms(), 500, "nobody waits longer");
    let late = aws.run(ports.sqs.queue_depth("orders")).unwrap_err();
    assert!(late.is_out_of_time() && aws.times("sqs:").is_empty(), "after the end nothing is called");
}

#[test]
fn a_call_that_does_not_answer_is_given_up_at_the_deadline() {
    let (aws, calls) = Aws::new();
    aws.state().hanging.insert(DESCRIBE);
    let ports = &calls.until(aws.in_ms(500));
    let error = aws.run(ports.ecs.describe_services("prod", &[])).unwrap_err();
    assert!(error.is_out_of_time(), "{error}");
    assert_eq!(aws.elapsed_ms(), 500);
}

#[test]
fn a_place_that_is_kept_for_an_update_is_used_by_the_next_one_and_before_all_that_wait() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(async {
        join_all((0..47).map(|number| async move { update(ports, &number.to_string()).await })).await;
        ports.ecs.room_to_update().await;
        let another = calls.ports();
        let kept = async {
            aws.sleep(Duration::from_millis(10)).await;
            update(ports, "kept").await;
        };
        join(update(&another, "waiting"), kept).await;
    });
    assert_eq!(aws.times("ecs:UpdateService kept"), [110], "room at 100, as half a token was left");
    assert_eq!(aws.times("ecs:UpdateService waiting"), [300]);
}

#[test]
fn a_place_that_is_kept_and_not_used_goes_back_with_the_invocation() {
    let (aws, calls) = Aws::new();
    let one = calls.until(aws.in_ms(60_000));
    aws.run(async { join_all((0..47).map(|_| one.ecs.room_to_update())).await });
    drop(one);
    let next = &calls.ports();
    aws.run(join_all((0..47).map(|number| async move { update(next, &number.to_string()).await })));
    assert_eq!(at_once_and_last(&aws.times(UPDATE)), (47, 0));
}

#[test]
fn room_that_there_is_no_time_for_keeps_no_place() {
    let (aws, calls) = Aws::new();
    let ports: &Ports = &calls.until(aws.in_ms(50));
    let error = aws.run(async {
        join_all((0..48).map(|_| ports.ecs.room_to_update())).await;
        join_all((0..47).map(|number| async move { update(ports, &number.to_string()).await })).await;
        ports.ecs.set_desired_count(&service("late"), 4).await.unwrap_err()
    });
    assert!(error.is_out_of_time(), "{error}");
}
