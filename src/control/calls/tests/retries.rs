//! Which calls are tried again, when, and what the others notice of it.

use std::time::Duration;

use futures::future::{join, join_all};

use super::aws::Aws;
use super::{describe, service, update};
use crate::control::calls::MOST_ATTEMPTS;
use crate::control::ports::Clock as _;
use crate::control::ports::PortErrorKind::{Denied, NotFound, Refused, Throttled, Transient};

const DESCRIBE: &str = "ecs:DescribeServices";
const UPDATE: &str = "ecs:UpdateService";

#[test]
fn a_call_that_is_throttled_twice_succeeds_at_the_third_attempt() {
    let (aws, calls) = Aws::new();
    aws.fail(UPDATE, [Throttled, Throttled]);
    aws.run(update(&calls.ports(), "web"));
    assert_eq!(aws.times(UPDATE).len(), 3);
    let used = calls.used();
    assert_eq!((used.calls[UPDATE], used.retries, used.throttled), (3, 2, 2));
}

#[test]
fn only_what_may_pass_is_tried_again_and_not_for_ever() {
    for (kind, attempts) in
        [(Transient, MOST_ATTEMPTS), (Throttled, MOST_ATTEMPTS), (Denied, 1), (NotFound, 1), (Refused, 1)]
    {
        let (aws, calls) = Aws::new();
        aws.fail(UPDATE, [kind; 9]);
        let error = aws.run(calls.ports().ecs.set_desired_count(&service("web"), 4)).unwrap_err();
        assert_eq!((error.kind, aws.times(UPDATE).len()), (kind, attempts as usize), "{kind:?}");
    }
}

#[test]
fn the_waits_are_random_within_bounds_that_double_and_the_same_in_every_run() {
    let waits = |calls_before: usize| {
        let (aws, calls) = Aws::new();
        let ports = &calls.ports();
        aws.fail(DESCRIBE, [Transient; 3]);
        aws.run(async {
            join_all((0..calls_before).map(|_| ports.ecs.describe_services("prod", &[]))).await
        });
        aws.fail(UPDATE, [Transient; 2]);
        aws.run(update(ports, "web"));
        let times = aws.times(UPDATE);
        [times[1] - times[0], times[2] - times[1]]
    };
    let [first, second] = waits(0);
    assert!(first <= 100 && second <= 200, "{first} ms, {second} ms");
    assert_eq!(waits(0), [first, second]);
    assert_ne!(waits(1), [first, second], "another call waits another time");
}

#[test]
fn calls_that_fail_together_do_not_come_back_together() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.fail("sqs:GetQueueAttributes", [Transient; 20]);
    aws.run(join_all((0..20).map(|_| async { ports.sqs.queue_depth("orders").await.unwrap() })));
    let mut again = aws.times("sqs:GetQueueAttributes").split_off(20);
    again.dedup();
    assert!(15 < again.len(), "20 calls came back at {} moments", again.len());
}

#[test]
fn a_call_that_waits_for_its_next_attempt_holds_up_no_other() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.fail("ecs:UpdateService bad", [Transient; 2]);
    aws.run(async {
        join(update(ports, "bad"), join_all((0..40).map(|_| update(ports, "good")))).await;
    });
    assert_eq!(aws.times("ecs:UpdateService good"), [0; 40]);
    assert_eq!(aws.times("ecs:UpdateService bad").len(), 3);
}

#[test]
fn throttling_empties_the_bucket_and_halves_its_rate_until_ten_seconds_went_well() {
    let (aws, calls) = Aws::new();
    let ports = &calls.ports();
    aws.run(async {
        aws.fail("ecs:DescribeServices bad", [Throttled]);
        let bad = async { drop(ports.ecs.describe_services("bad", &[]).await) };
        join(bad, async {
            aws.sleep(Duration::from_millis(2)).await;
            join_all((0..10).map(|_| describe(ports))).await;
            aws.sleep(Duration::from_secs(20)).await;
            join_all((0..115).map(|_| describe(ports))).await;
        })
        .await;
    });
    let times = aws.times("ecs:DescribeServices prod");
    assert!((90..=110).contains(&times[0]), "the first token comes at half the rate: {} ms", times[0]);
    assert!((850..=1100).contains(&times[9]), "ten calls take about a second: {} ms", times[9]);
    let (later, last) = (times[10], times[124]);
    assert_eq!(times[10..105], [later; 95], "a whole burst is saved again");
    assert_eq!(last - later, 1000, "20 more at the whole rate");
}

#[test]
fn calls_that_are_throttled_at_the_same_time_are_one_sign() {
    let slowed_by = |throttled: usize| {
        let (aws, calls) = Aws::new();
        let ports = &calls.ports();
        aws.state().call_takes = Duration::from_millis(1);
        aws.fail("ecs:DescribeServices bad", vec![Throttled; throttled]);
        aws.run(async {
            let bad = (0..throttled).map(|_| async { drop(ports.ecs.describe_services("bad", &[]).await) });
            join(join_all(bad), async {
                aws.sleep(Duration::from_millis(2)).await;
                describe(ports).await;
            })
            .await;
        });
        aws.times("ecs:DescribeServices prod")[0]
    };
    assert_eq!(slowed_by(10), slowed_by(1));
}

#[test]
fn there_is_no_attempt_after_the_deadline() {
    let (aws, calls) = Aws::new();
    aws.fail(UPDATE, [Transient; 9]);
    let ports = calls.until(aws.in_ms(1));
    let error = aws.run(ports.ecs.set_desired_count(&service("web"), 4)).unwrap_err();
    assert_eq!((error.kind, error.is_out_of_time()), (Transient, false), "what AWS said is told");
    assert_eq!(aws.times(UPDATE).len(), 1);
}
