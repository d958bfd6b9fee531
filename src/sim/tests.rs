//! The world as the controller sees it: what becomes visible when, what is kept, and that a run can be replayed.

mod bound;
mod closed_loop;

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use jiff::Timestamp;

use super::alarm::{AlarmSpec, Comparison};
use super::faults::{Call, FaultRule};
use super::load::{Load, Trace};
use super::queue::QueueWork;
use super::run::drive;
use super::service::{Arch, TaskSize, Workload};
use super::tasks::StartTime;
use super::world::WorldSpec;
use super::*;
use crate::control::answer::Answer;
use crate::control::ports::{CloudWatch as _, Ecs as _, MetricQuery, PortErrorKind, Sqs as _};
use crate::control::trigger::Trigger;
use crate::model::{AlarmState, MetricSource, MetricStat, ServiceId, TaskCount};

fn web(load: Load, initial: TaskCount) -> ServiceSpec {
    ServiceSpec {
        id: ServiceId::new("prod", "web"),
        workload: Workload::Http(http::Http {
            load_balancer: "app/web/1".to_owned(),
            target_group: "targetgroup/web/1".to_owned(),
            concurrency: 4,
            service_time_s: 0.2,
            timeout_s: 10.0,
            latency_s: 0.3,
            percent: 99.0,
        }),
        load,
        burstiness: 0.08,
        initial,
        start: StartTime::default(),
        size: TaskSize::default(),
        history: Arc::default(),
        deployments: Vec::new(),
    }
}

fn worker(load: Load, initial: TaskCount) -> ServiceSpec {
    ServiceSpec {
        id: ServiceId::new("prod", "orders-worker"),
        workload: Workload::Queue(QueueWork {
            queue: "orders".to_owned(),
            concurrency: 1,
            service_time_s: 0.5,
            visibility_timeout_s: 30,
            start_within_s: 60,
            percent: 99.0,
        }),
        ..web(load, initial)
    }
}

fn cloud(services: Vec<ServiceSpec>) -> SimCloud {
    SimCloud::new(World::new(WorldSpec { seed: 1, services, ..WorldSpec::default() }))
}

fn cpu() -> MetricStat {
    MetricStat::ecs_service("CPUUtilization", &ServiceId::new("prod", "web"))
}

fn values(cloud: &SimCloud, stat: MetricStat) -> Vec<(Timestamp, f64)> {
    let query =
        MetricQuery { source: MetricSource::Stat(stat), period: Duration::from_mins(1), points: 1000 };
    let answer = block_on(cloud.get_metric_data(&[query], Timestamp::UNIX_EPOCH)).unwrap();
    let points = answer.into_iter().next().unwrap().unwrap();
    points.into_iter().map(|point| (point.start, point.value)).collect()
}

fn score_of(spec: ServiceSpec, hours: Seconds) -> Score {
    let id = spec.id.clone();
    let cloud = cloud(vec![spec]);
    cloud.with(|world| {
        world.advance(hours * 3600);
        Score::of(world.service(&id).unwrap())
    })
}

#[test]
fn a_minute_becomes_visible_60_to_120_seconds_after_its_end() {
    let cloud = cloud(vec![web(Load::Constant(40.0), 4)]);
    let mut delays = Vec::new();
    let mut seen = 0;
    for t in (0..7200).step_by(5) {
        cloud.with(|world| world.advance(t));
        let points = values(&cloud, cpu());
        assert!(points.len() <= seen + 1, "minutes become visible one by one");
        if seen < points.len() {
            seen = points.len();
            delays.push(i64::from(t) - (points.last().unwrap().0.as_second() + 60));
        }
    }
    let (soonest, latest) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!((60..75).contains(soonest) && (110..=120).contains(latest), "{soonest} to {latest} s");
}

#[test]
fn utilisation_is_absent_while_no_task_runs() {
    let cloud = cloud(vec![web(Load::Constant(40.0), 4)]);
    let set = |desired| block_on(cloud.set_desired_count(&ServiceId::new("prod", "web"), desired)).unwrap();
    cloud.with(|world| world.advance(600));
    set(0);
    cloud.with(|world| world.advance(1200));
    set(4);
    cloud.with(|world| world.advance(2400));
    let minutes: Vec<i64> = values(&cloud, cpu()).iter().map(|(start, _)| start.as_second() / 60).collect();
    assert!((0..10).all(|minute| minutes.contains(&minute)), "{minutes:?}");
    assert!((11..20).all(|minute| !minutes.contains(&minute)), "{minutes:?}");
    assert!((23..36).all(|minute| minutes.contains(&minute)), "{minutes:?}");
}

#[test]
fn each_metric_has_the_value_that_the_load_makes() {
    let balancer = [("LoadBalancer", "app/web/1"), ("TargetGroup", "targetgroup/web/1")];
    let elb = |name: &str, stat: &str| MetricStat::new("AWS/ApplicationELB", name, balancer, stat);
    let sqs = |name: &str| MetricStat::new("AWS/SQS", name, [("QueueName", "orders")], "Sum");
    let cloud = cloud(vec![web(Load::Constant(80.0), 8), worker(Load::Constant(6.0), 10)]);
    cloud.with(|world| world.advance(36_000));
    for (stat, expected, tolerance) in [
        (cpu(), 50.0, 1.0),
        (elb("RequestCount", "Sum"), 4800.0, 100.0),
        (elb("RequestCountPerTarget", "Sum"), 600.0, 15.0),
        (elb("TargetResponseTime", "Average"), 0.2, 0.01),
        (elb("TargetResponseTime", "PR(:0.3)"), 100.0, 0.1),
        (elb("TargetResponseTime", "PR(:0.1)"), 0.0, 0.1),
        (sqs("NumberOfMessagesSent"), 360.0, 10.0),
        (sqs("NumberOfMessagesDeleted"), 360.0, 10.0),
        (sqs("ApproximateNumberOfMessagesVisible"), 0.0, 0.5),
    ] {
        let points = values(&cloud, stat.clone());
        assert!(500 < points.len(), "{stat:?} has {} points", points.len());
        let count = u64::try_from(points.len()).unwrap();
        let mean = points.iter().map(|(_, value)| value).sum::<f64>() / number::real(count);
        assert!((mean - expected).abs() <= tolerance, "{stat:?}: {mean}, not {expected}");
    }
    let other = MetricStat::new("AWS/SQS", "NumberOfMessagesSent", [("QueueName", "refunds")], "Sum");
    assert_eq!(values(&cloud, other), []);
}

#[test]
fn enough_tasks_keep_the_promise_and_too_few_break_it() {
    for (spec, kept) in [
        (web(Load::Constant(100.0), 8), true),
        (web(Load::Constant(100.0), 5), false),
        (worker(Load::Constant(10.0), 6), true),
        (worker(Load::Constant(10.0), 4), false),
    ] {
        let tasks = spec.initial;
        let promise = score_of(spec, 4).promise.unwrap();
        assert_eq!(promise.kept, kept, "{tasks} tasks: {promise:?}");
    }
}

#[test]
fn the_constant_count_is_the_smallest_that_keeps_the_promise() {
    for spec in [web(Load::Constant(100.0), 20), worker(Load::Constant(10.0), 20)] {
        let least = score_of(spec.clone(), 4).static_tasks;
        let kept = |initial| score_of(ServiceSpec { initial, ..spec.clone() }, 4).promise.unwrap().kept;
        assert!(kept(least) && !kept(least - 1), "{least} tasks for {}", spec.id);
    }
}

#[test]
fn a_task_costs_what_fargate_asks_for_half_a_processor_and_a_gigabyte() {
    for (arch, hour) in [(Arch::X86_64, 0.5 * 0.04048 + 0.004_445), (Arch::Arm64, 0.5 * 0.03238 + 0.003_56)] {
        let size = TaskSize { arch, ..TaskSize::default() };
        let score = score_of(ServiceSpec { size, ..web(Load::Constant(1.0), 10) }, 24);
        assert!((score.cost.task_hours - 240.0).abs() < 1e-9);
        assert!((score.cost.usd - 240.0 * hour).abs() < 1e-9, "{arch:?}");
    }
}

#[test]
fn a_depth_is_seen_at_once_by_url_by_arn_and_by_name() {
    let cloud = cloud(vec![worker(Load::Constant(4.0), 0)]);
    cloud.with(|world| world.advance(60));
    for queue in [
        "orders",
        "https://sqs.eu-central-1.amazonaws.com/123456789012/orders",
        "arn:aws:sqs:eu-central-1:123456789012:orders",
    ] {
        let depth = block_on(cloud.queue_depth(queue)).unwrap();
        assert!((180..300).contains(&depth.visible), "{depth:?}");
        assert_eq!(depth.oldest_age_s, Some(60));
    }
    let error = block_on(cloud.queue_depth("refunds")).unwrap_err();
    assert_eq!((error.kind, error.operation), (PortErrorKind::NotFound, "sqs:GetQueueAttributes"));
}

#[test]
fn a_call_fails_when_and_how_the_scenario_says() {
    let fault = FaultRule { call: Call::UpdateService, during: 60..120, kind: PortErrorKind::Transient };
    let services = vec![web(Load::Constant(1.0), 1)];
    let spec = WorldSpec { services, faults: vec![fault], ..WorldSpec::default() };
    let cloud = SimCloud::new(World::new(spec));
    let set = |t, desired| {
        cloud.with(|world| world.advance(t));
        block_on(cloud.set_desired_count(&ServiceId::new("prod", "web"), desired)).map_err(|error| error.kind)
    };
    assert_eq!(set(55, 2), Ok(()));
    assert_eq!(set(60, 3), Err(PortErrorKind::Transient));
    assert_eq!(set(120, 4), Ok(()));
    assert_eq!(cloud.with(|world| world.faults().calls()[&Call::UpdateService]), 3);
}

#[test]
fn an_alarm_wakes_whoever_steers_when_it_changes_its_state() {
    let alarm = AlarmSpec {
        name: "web-cpu-high".to_owned(),
        stat: cpu(),
        period_s: 60,
        comparison: Comparison::GreaterThanThreshold,
        threshold: 80.0,
        datapoints_to_alarm: 2,
        evaluation_periods: 3,
    };
    let load = Load::Step { at: 1200.0, before: 20.0, after: 90.0 };
    let spec = WorldSpec { services: vec![web(load, 4)], alarms: vec![alarm], ..WorldSpec::default() };
    let cloud = SimCloud::new(World::new(spec));
    let mut woken = Vec::new();
    drive(&cloud, 1800, 60, |trigger| {
        if let Trigger::Alarm { name, services } = trigger {
            assert_eq!(services, &[ServiceId::new("prod", "web")]);
            woken.push((name.clone(), cloud.with(|world| (world.elapsed(), world.alarms()[name].state))));
        }
        Answer::default()
    });
    let [(_, (_, first)), (_, (at, second))] = woken.as_slice() else { panic!("{woken:?}") };
    assert_eq!((*first, *second), (AlarmState::Ok, AlarmState::Alarm));
    assert!((1380..1500).contains(at), "two minutes of load, and one or two until they are visible: {at}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |seed| serde_json::to_string(&demo::demo(seed)).unwrap();
    let first = bytes(1);
    assert!(first == bytes(1), "two runs of one seed differ");
    assert!(first != bytes(2), "two seeds give the same run");
}

#[test]
fn another_service_changes_nothing_for_the_first() {
    let timeline = |services| {
        let cloud = cloud(services);
        cloud.with(|world| {
            world.advance(7200);
            Timeline::of(world.service(&ServiceId::new("prod", "web")).unwrap())
        })
    };
    let web = web(Load::Constant(50.0), 4);
    assert_eq!(timeline(vec![web.clone()]), timeline(vec![web, worker(Load::Constant(5.0), 3)]));
}

#[test]
fn a_trace_drives_the_arrivals() {
    let trace = Trace::parse("a trace", "t,rate\n0,10\n3600,30\n7200,30\n").unwrap();
    let cloud = cloud(vec![web(Load::Trace(trace), 4)]);
    let samples = cloud.with(|world| {
        world.advance(10_800);
        Timeline::of(world.services().next().unwrap()).samples
    });
    let mean = |from: usize| samples[from..from + 30].iter().map(|sample| sample.load).sum::<f64>() / 30.0;
    assert!((mean(15) - 20.0).abs() < 2.0 && (mean(120) - 30.0).abs() < 2.0, "{} {}", mean(15), mean(120));
}

mod pages {
    use super::*;
    use crate::sim::demo::{DemoOutcome, demo};

    /// The page as XML: without its script, and with its void elements closed.
    fn as_xml(page: &str) -> String {
        let (before, rest) = page.split_once("<script>").unwrap();
        let (_, after) = rest.split_once("</script>").unwrap();
        let (_, html) = before.split_once("<html").unwrap();
        let closed: Vec<String> =
            html.split("<meta ").map(|part| part.replacen("\">", "\"/>", 1)).skip(1).collect();
        format!("<html lang=\"en\"><head><meta {}{after}", closed.join("<meta "))
    }

    fn outcome() -> DemoOutcome {
        demo(1)
    }

    #[test]
    fn the_page_is_well_formed_and_needs_no_network() {
        let page = page::page(&(&outcome()).into());
        let xml = as_xml(&page);
        let document = roxmltree::Document::parse(&xml).unwrap();
        assert_eq!(document.descendants().filter(|node| node.has_tag_name("svg")).count(), 3);
        for reference in ["http:", "https:", "src=", "href=", "url(", "@import", "//cdn"] {
            assert!(!page.contains(reference), "the page refers to {reference}");
        }
    }

    #[test]
    fn the_page_of_a_comparison_is_well_formed_and_needs_no_network() {
        let rules = contest::Rules { days: 1.0, sizes: vec![2.0], start: StartTime::default(), seed: 1 };
        let trace = Trace::parse("shop", "t,rate\n0,10\n1800,30\n3600,10\n").unwrap();
        let traces = [contest::NamedTrace { name: "shop".to_owned(), trace }];
        for case in contest::cases(&traces, &rules).unwrap() {
            let (trial, target) = (case.trial(), case.target());
            let comparison = comparison::compare(trial, target, &peers::Peer::ALL, &|| ());
            let timelines = comparison::timelines(trial, target, &comparison);
            let service = trial.run(&mut Trimtab::new(target.clone()));
            let page = comparison_page::comparison_page(&comparison_page::ComparisonReport {
                trace: "shop & <co>",
                lead: "An hour.",
                comparison: &comparison,
                timelines: &timelines,
                score: &Score::of(&service),
                policy: contest::POLICY,
                seed: 1,
            });
            let xml = as_xml(&page);
            let document = roxmltree::Document::parse(&xml).unwrap();
            let plots = document.descendants().filter(|node| node.has_tag_name("svg")).count();
            assert_eq!(plots, 3 + comparison.peers.len(), "trimtab's, one for each scaler, and all settings");
            assert!(page.contains("shop &amp; &lt;co&gt;"));
            for reference in ["http:", "https:", "src=", "href=", "url(", "@import", "//cdn"] {
                assert!(!page.contains(reference), "the page refers to {reference}");
            }
        }
    }

    #[test]
    fn the_picture_is_an_svg_of_its_own() {
        let picture = picture::picture(&outcome());
        let document = roxmltree::Document::parse(&picture).unwrap();
        assert_eq!(document.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
        for name in ["prod/web", "prod/orders-worker", "prod/reports"] {
            assert!(picture.contains(name));
        }
        assert!(!picture.contains("href="));
    }

    #[test]
    fn a_reason_is_text_and_never_markup() {
        let mut outcome = outcome();
        let moment = outcome.moments.first_mut().unwrap();
        moment.reasons = vec!["<script>alert(1)</script> & more".to_owned()];
        let page = page::page(&(&outcome).into());
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"));
    }

    #[test]
    fn a_chart_is_as_wide_as_asked_and_coloured_only_when_asked() {
        let outcome = outcome();
        for timeline in &outcome.timelines {
            for width in [40, 80, 120] {
                let plain = chart::chart(timeline, width, false);
                assert!(!plain.contains('\u{1b}'));
                let widest = plain.lines().map(|line| line.chars().count()).max().unwrap();
                assert_eq!(widest, width, "{plain}");
            }
            assert!(chart::chart(timeline, 80, true).contains('\u{1b}'));
        }
    }
}
