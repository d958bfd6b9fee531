//! Cases that are computed by hand.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use super::compare::{Comparison, Part};
use super::*;

/// A minute of the day that all cases are of.
fn at(minute: f64) -> Timestamp {
    let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    noon + SignedDuration::try_from_secs_f64(minute * 60.0).unwrap()
}

/// Looks at minutes: (minute, found, wanted).
fn looks(looks: &[(f64, TaskCount, TaskCount)]) -> Vec<Look> {
    looks
        .iter()
        .map(|(minute, from, to)| Look { at: at(*minute), from: *from, to: *to, applied: false })
        .collect()
}

fn counts(counts: &[(f64, TaskCount)]) -> Vec<Count> {
    counts.iter().map(|(minute, count)| Count { at: at(*minute), count: *count }).collect()
}

fn evidence(seen: &[(f64, TaskCount, TaskCount)], reported: &[(f64, TaskCount)]) -> Evidence {
    Evidence { looks: looks(seen), counts: counts(reported), ..Evidence::default() }
}

/// Compared at a dollar for a task-hour.
fn compared(evidence: &Evidence) -> Comparison {
    compare(evidence, Span::default(), 1.0).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// Load rises at 12:00. Trimtab wants 6 of 4 at once; AAS gets there in the fifth minute, and holds 6 to the hour's end, which
/// trimtab would have left at 12:40.
fn an_hour() -> Evidence {
    let mut seen: Vec<(f64, TaskCount, TaskCount)> = (0..5).map(|minute| (f64::from(minute), 4, 6)).collect();
    seen.push((5.0, 6, 6)); // it holds, and is silent until it wants something else
    seen.extend((40..60).map(|minute| (f64::from(minute), 6, 4)));
    seen.push((60.0, 4, 4));
    evidence(&seen, &[(4.5, 6), (59.5, 4)])
}

#[test]
fn an_hour_is_compared() {
    let hour = compared(&an_hour());
    assert!(near(hour.hours, 1.0), "{hour:?}");
    // Really 4 for 4.5 minutes, 6 for 55 and 4 for half a minute; wanted 6 for 40 minutes and 4 for 20.
    assert!(near(hour.real.task_hours, (4.0 * 5.0 + 6.0 * 55.0) / 60.0), "{hour:?}");
    assert!(near(hour.trimtab.task_hours, (6.0 * 40.0 + 4.0 * 20.0) / 60.0), "{hour:?}");
    assert!(near(hour.real.usd, hour.real.task_hours), "a dollar an hour");
    assert_eq!((hour.real.changes, hour.trimtab.changes), (2, 2));
    assert!(
        near(hour.real.minutes_with_fewer, 4.5) && near(hour.trimtab.minutes_with_fewer, 19.5),
        "{hour:?}"
    );
    // Apart by 2 for 24 minutes; the greater of the two is 6 for 59.5 minutes and 4 for half a minute.
    assert!(near(hour.divergence, (2.0 * 24.0) / (6.0 * 59.5 + 4.0 * 0.5)), "{hour:?}");
    let outs: Vec<_> =
        hour.scale_outs.moves.iter().map(|one| (one.from, one.to, one.trimtab, one.lead_s)).collect();
    assert_eq!(outs, [(4, 6, Part::Earlier, Some(270))]);
    let ins: Vec<_> =
        hour.scale_ins.moves.iter().map(|one| (one.from, one.to, one.trimtab, one.lead_s)).collect();
    assert_eq!(ins, [(6, 4, Part::Earlier, Some(1170))]);
    insta::assert_snapshot!(verdict(&hour).join("\n"), @r"
    1 scale-out: 1 wanted before; 4m30s earlier.
    1 scale-in: 1 wanted before; 19m30s earlier.
    Trimtab wanted 5.3 task-hours instead of 5.8: 8.6 % fewer, $0.50 less.
    It wanted more tasks than there were for 4 min, and fewer for 20 min.
    The two differ clearly: divergence 0.134.
    ");
}

#[test]
fn the_log_alone_tells_what_was_to_a_look() {
    let alone = Evidence { counts: Vec::new(), ..an_hour() };
    let hour = compared(&alone);
    let leads = |moves: &Moves| moves.moves.iter().map(|one| one.lead_s).collect::<Vec<_>>();
    assert_eq!((leads(&hour.scale_outs), leads(&hour.scale_ins)), (vec![Some(300)], vec![Some(1200)]));
    assert!(near(hour.real.minutes_with_fewer, 5.0), "{hour:?}");
}

/// A real scale-out from 4 to 8 at 12:10, beside looks of trimtab.
#[test]
fn what_trimtab_had_to_do_with_a_scale_out() {
    use Part::{Earlier, Kept, Unseen, Unwanted};
    type Seen<'a> = &'a [(f64, TaskCount, TaskCount)];
    let cases: &[(&str, Seen<'_>, Part, Option<i64>)] = &[
        ("wanted before", &[(0.0, 4, 4), (7.0, 4, 8), (8.0, 4, 9), (20.0, 8, 8)], Earlier, Some(180)),
        ("wanted more before", &[(0.0, 4, 4), (9.0, 4, 12), (20.0, 8, 8)], Earlier, Some(60)),
        (
            "wanted fewer before, and kept",
            &[(0.0, 4, 4), (9.0, 4, 6), (10.5, 8, 8), (20.0, 8, 8)],
            Kept,
            Some(-30),
        ),
        (
            "not wanted before, and more wanted then",
            &[(0.0, 4, 4), (12.0, 8, 10), (20.0, 8, 8)],
            Kept,
            Some(-120),
        ),
        (
            "wanted after it began, before ECS told",
            &[(0.0, 4, 4), (10.1, 4, 8), (20.0, 8, 8)],
            Kept,
            Some(-6),
        ),
        ("not wanted", &[(0.0, 4, 4), (11.0, 8, 4), (20.0, 8, 8)], Unwanted, None),
        ("not seen", &[(0.0, 4, 4), (9.0, 4, 4)], Unseen, None),
    ];
    for (case, seen, part, lead) in cases {
        let span = Span { since: Some(at(0.0)), until: Some(at(20.0)) };
        let told = compare(&evidence(seen, &[(0.0, 4), (10.0, 8)]), span, 1.0).unwrap();
        let [one] = &told.scale_outs.moves[..] else { panic!("{case}: {told:?}") };
        assert_eq!((one.at, one.trimtab, one.lead_s), (at(10.0), *part, *lead), "{case}");
    }
}

#[test]
fn a_wish_of_long_ago_or_of_another_rise_is_not_this_ones() {
    let long_ago = compared(&evidence(&[(0.0, 4, 8), (1.0, 4, 4), (90.0, 4, 4), (91.5, 8, 8)], &[(91.0, 8)]));
    assert_eq!(long_ago.scale_outs.moves[0].trimtab, Part::Kept);
    let another =
        evidence(&[(0.0, 4, 8), (2.0, 8, 8), (12.0, 4, 4), (21.0, 8, 8)], &[(1.0, 8), (11.0, 4), (20.0, 8)]);
    let parts: Vec<Part> = compared(&another).scale_outs.moves.iter().map(|one| one.trimtab).collect();
    assert_eq!(parts, [Part::Earlier, Part::Kept]);
}

#[test]
fn a_wish_stands_for_two_minutes_where_no_look_follows() {
    let told = compared(&evidence(&[(0.0, 4, 6), (10.0, 4, 4)], &[]));
    assert!(near(told.real.minutes_with_fewer, 2.0), "{told:?}");
    assert_eq!(told.trimtab.changes, 1);
}

#[test]
fn a_wish_that_is_repeated_is_one_change() {
    let told = compared(&evidence(
        &[(0.0, 4, 6), (1.0, 4, 6), (2.0, 4, 7), (3.0, 4, 4), (4.0, 4, 7), (5.0, 7, 7)],
        &[],
    ));
    assert_eq!((told.trimtab.changes, told.real.changes), (3, 1));
}

#[test]
fn a_count_that_ecs_tells_late_is_no_change_back() {
    let told = compared(&evidence(&[(0.0, 4, 4), (10.2, 4, 4), (11.0, 6, 6), (20.0, 5, 5)], &[(10.0, 6)]));
    let moves: Vec<_> =
        told.scale_outs.moves.iter().chain(&told.scale_ins.moves).map(|one| (one.from, one.to)).collect();
    assert_eq!(moves, [(4, 6), (6, 5)], "what was set by hand is seen in the looks");
}

#[test]
fn counts_that_are_measured_each_minute_stand_alone() {
    let measured =
        Evidence { measured: true, ..evidence(&[(0.0, 4, 4), (10.0, 9, 9)], &[(0.0, 4), (5.0, 5)]) };
    let told = compared(&measured);
    assert!(near(told.real.task_hours, 45.0 / 60.0) && told.real.changes == 1, "{told:?}");
}

#[test]
fn a_span_cuts_what_is_compared() {
    let span = Span { since: Some(at(30.0)), until: Some(at(50.0)) };
    let told = compare(&an_hour(), span, 1.0).unwrap();
    assert!(near(told.hours, 20.0 / 60.0) && near(told.real.task_hours, 2.0), "{told:?}");
    assert!(near(told.trimtab.minutes_with_fewer, 10.0), "{told:?}");
    assert_eq!((told.scale_outs.count(), told.scale_ins.count(), told.trimtab.changes), (0, 0, 1));
    let later = Span { since: Some(at(100.0)), until: Some(at(200.0)) };
    assert_eq!(compare(&an_hour(), later, 1.0), None, "trimtab did not look then");
    assert_eq!(compare(&Evidence::default(), Span::default(), 1.0), None);
}

#[test]
fn time_before_trimtab_looked_is_not_compared() {
    let span = Span { since: Some(at(-60.0)), until: None };
    let mut early = an_hour();
    early.counts.push(Count { at: at(-30.0), count: 4 });
    let told = compare(&early, span, 1.0).unwrap();
    assert!(near(told.hours, 1.0) && told.since == at(0.0), "{told:?}");
}

#[test]
fn leads_are_ranked() {
    // Scale-outs at 10, 20, .. 100 minutes from 1 to 11 tasks, wanted 1, 2, .. 10 minutes before.
    let mut seen = vec![(0.0, 1, 1)];
    let mut reported = vec![(0.0, 1)];
    for number in 1..=10 {
        let minute = f64::from(number) * 10.0;
        seen.extend([
            (minute - f64::from(number), number, number + 1),
            (minute + 0.5, number + 1, number + 1),
        ]);
        reported.push((minute, number + 1));
    }
    let told = compared(&evidence(&seen, &reported));
    assert_eq!((told.scale_outs.earlier, told.scale_outs.count()), (10, 10), "{told:?}");
    assert_eq!((told.scale_outs.median_lead_s, told.scale_outs.p90_lead_s), (Some(300), Some(540)));
}

#[test]
fn a_promise_is_told_by_whether_there_were_enough_tasks() {
    let minute =
        |start: f64, percent: f64| Within { start: at(start), period: Duration::from_secs(60), percent };
    let within =
        vec![minute(-5.0, 1.0), minute(0.0, 90.0), minute(1.0, 94.0), minute(10.0, 99.0), minute(45.0, 98.0)];
    let told = compared(&Evidence { within, ..an_hour() });
    let promise = told.promise.unwrap();
    assert_eq!((promise.fewer.periods, promise.fewer.percent), (2, Some(92.0)));
    assert_eq!((promise.enough.periods, promise.enough.percent), (2, Some(98.5)));
    assert!(
        verdict(&told).iter().any(|line| line.contains("kept less: 92.00 % against 98.50 %")),
        "{told:?}"
    );
}

#[test]
fn decisions_that_were_carried_out_are_told() {
    let mut active = an_hour();
    active.looks[0].applied = true;
    assert!(
        verdict(&compared(&active))
            .iter()
            .any(|line| line.starts_with("1 of the 27 decisions were carried out"))
    );
}

#[test]
fn a_log_is_read_however_it_was_fetched() {
    let line = json!({ "timestamp": "2026-11-23T12:00:00.123456Z", "level": "INFO", "format_version": 1, "message": "decision",
        "service": "prod/web", "from": 4, "to": 6, "change": "out", "applied": false, "code": "TargetTracking", "reasons": "…" });
    let nested = json!({ "timestamp": "2026-11-23T12:00:00.123456Z", "level": "INFO", "fields": { "message": "decision",
        "service": "prod/web", "from": 4, "to": 6 } });
    let event = json!({ "events": [{ "timestamp": 1, "message": format!("{line}\n") }, { "timestamp": 2, "message": "START" }] });
    let results = json!({ "status": "Complete", "results": [[
        { "field": "@timestamp", "value": "2026-11-23" }, { "field": "@message", "value": line.to_string() },
    ]] });
    let cases = [
        ("as it is", format!("{line}\n\n"), 0),
        ("behind a time", format!("2026-11-23T12:00:00.200Z {line}\nSTART RequestId: 1\n"), 1),
        ("with its fields apart", format!("{nested}\n{{\"_aws\": {{}}, \"Ticks\": 1}}\n"), 1),
        ("filter-log-events", event.to_string(), 1),
        ("get-query-results", results.to_string(), 0),
    ];
    for (case, text, others) in cases {
        let mut fleet = Fleet::default();
        fleet.add_log(&text);
        let expected = Read { decisions: 1, other_lines: others, unreadable: 0, activities: 0 };
        assert_eq!(fleet.read, expected, "{case}");
        let [look] = fleet.services[&ServiceId::new("prod", "web")].looks[..] else { panic!("{case}") };
        assert_eq!((look.from, look.to, look.applied), (4, 6, false), "{case}");
        assert_eq!(look.at.to_string(), "2026-11-23T12:00:00.123456Z", "{case}");
    }
    let mut fleet = Fleet::default();
    fleet.add_log(&line.to_string().replace("\"from\":4", "\"from\":-4"));
    assert_eq!(fleet.read.unreadable, 1);
}

#[test]
fn activities_tell_the_counts_that_were_set() {
    let activity = |description: &str, status: &str, start: serde_json::Value| {
        json!({ "ActivityId": "1", "ServiceNamespace": "ecs", "ResourceId": "service/prod/web", "Cause": "monitor alarm …",
                "ScalableDimension": "ecs:service:DesiredCount", "Description": description, "StatusCode": status,
                "StartTime": start, "EndTime": "2026-11-23T12:01:00+00:00" })
    };
    let text = json!({ "ScalingActivities": [
        activity("Setting desired count to 6.", "Successful", json!("2026-11-23T13:00:00.5+01:00")),
        activity("Setting desired count to 12.", "Unfulfilled", json!(1_795_435_260.0)),
        activity("Setting desired count to 7.", "Failed", json!("2026-11-23T12:02:00Z")),
        activity("Setting min capacity to 2 and max capacity to 9", "Successful", json!("2026-11-23T12:03:00Z")),
    ] });
    let mut fleet = Fleet::default();
    fleet.add_activities(&text.to_string()).unwrap();
    assert_eq!(fleet.read.activities, 2);
    let told: Vec<_> = fleet.services[&ServiceId::new("prod", "web")]
        .counts
        .iter()
        .map(|count| (count.at.to_string(), count.count))
        .collect();
    let expected = [("2026-11-23T12:00:00.5Z".to_owned(), 6), ("2026-11-23T12:01:00Z".to_owned(), 12)];
    assert_eq!(told, expected);
    for (text, told) in [
        ("", "no list ScalingActivities"),
        ("{}", "no list ScalingActivities"),
        ("[", "it is not JSON"),
        (r#"{"ScalingActivities": [{"ResourceId": 1}]}"#, "ScalingActivities[0] cannot be read: ResourceId"),
    ] {
        let error = Fleet::default().add_activities(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever was seen: nothing is counted twice or lost, and a service that trimtab always agrees with does not diverge.
    #[test]
    fn figures_agree_with_one_another(
        seen in prop::collection::vec((0..600_u32, 0..20_u32, 0..20_u32), 1..60),
        reported in prop::collection::vec((0..600_u32, 0..20_u32), 0..20),
    ) {
        let seen: Vec<_> = seen.into_iter().map(|(tenth, from, to)| (f64::from(tenth) / 10.0, from, to)).collect();
        let reported: Vec<_> = reported.into_iter().map(|(tenth, count)| (f64::from(tenth) / 10.0, count)).collect();
        let Some(told) = compare(&evidence(&seen, &reported), Span::default(), 2.0) else { return Ok(()) };
        prop_assert!((0.0..=1.0).contains(&told.divergence));
        prop_assert!(told.real.minutes_with_fewer + told.trimtab.minutes_with_fewer <= told.hours * 60.0 + 1e-6);
        prop_assert_eq!(told.scale_outs.count() + told.scale_ins.count(), told.real.changes);
        let Moves { earlier, kept, unwanted, unseen, .. } = told.scale_outs;
        prop_assert_eq!(earlier + kept + unwanted + unseen, told.scale_outs.count());
        prop_assert!(!verdict(&told).is_empty());
        let agreeing: Vec<_> = seen.iter().map(|(minute, from, _)| (*minute, *from, *from)).collect();
        let same = compare(&evidence(&agreeing, &reported), Span::default(), 2.0).unwrap();
        prop_assert_eq!((same.divergence, same.real.task_hours, same.trimtab.changes), (0.0, same.trimtab.task_hours, 0));
    }
}
