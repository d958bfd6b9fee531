//! What is wrong with forecasts, schedules, windows, behaviour and the rest.

use crate::{Case, Text::Entry, assert_problems};

#[test]
fn a_forecast_is_checked() {
    assert_problems(&PREDICTIVE);
}

const PREDICTIVE: [Case; 4] = [
    (
        "an unknown mode",
        Entry("predictive: { mode: Forecast }"),
        &[r#"5:25: services[0].predictive.mode: unknown value "Forecast"; did you mean "ForecastOnly"?"#],
    ),
    (
        "a buffer of an hour",
        Entry("predictive: { scheduling_buffer: 1h }"),
        &["5:38: services[0].predictive.scheduling_buffer: is 1h; it must be less than 1h"],
    ),
    (
        "a buffer without its behaviour",
        Entry("predictive: { max_capacity_buffer: 10 }"),
        &[
            "5:40: services[0].predictive.max_capacity_buffer: is only for max_capacity_breach_behavior: IncreaseMaxCapacity",
        ],
    ),
    (
        "a buffer beyond the whole",
        Entry("predictive: { max_capacity_breach_behavior: IncreaseMaxCapacity, max_capacity_buffer: 101 }"),
        &["5:91: services[0].predictive.max_capacity_buffer: is 101; it must be from 0 to 100 per cent"],
    ),
];

#[test]
fn schedules_and_windows_are_checked() {
    assert_problems(&SCHEDULE);
}

const SCHEDULE: [Case; 15] = [
    (
        "no name",
        Entry("schedules: [{ schedule: cron(0 8 ? * * *), capacity: { min: 1 } }]"),
        &[r#"5:17: services[0].schedules[0]: needs "name""#],
    ),
    (
        "an empty name",
        Entry(r#"schedules: [{ name: "", schedule: cron(0 8 ? * * *), capacity: { min: 1 } }]"#),
        &["5:25: services[0].schedules[0].name: is empty"],
    ),
    (
        "a schedule in words",
        Entry("schedules: [{ name: morning, schedule: every morning, capacity: { min: 1 } }]"),
        &[
            r#"5:44: services[0].schedules[0].schedule: "every morning" is not a schedule: write cron(0 8 ? * MON-FRI *), rate(5 minutes) or at(2026-12-01T08:00:00)"#,
        ],
    ),
    (
        "a cron expression of five fields",
        Entry("schedules: [{ name: morning, schedule: cron(0 8 * * *), capacity: { min: 1 } }]"),
        &[
            r#"5:44: services[0].schedules[0].schedule: "0 8 * * *" is not a cron expression of six fields (minutes hours day-of-month month day-of-week year): it has 5 fields"#,
        ],
    ),
    (
        "an unknown time zone",
        Entry(
            "schedules: [{ name: morning, schedule: cron(0 8 ? * * *), timezone: Europe/Berln, capacity: { min: 1 } }]",
        ),
        &[
            r#"5:73: services[0].schedules[0].timezone: "Europe/Berln" is not a time zone: write an IANA name, as in Europe/Berlin"#,
        ],
    ),
    (
        "no bound",
        Entry("schedules: [{ name: morning, schedule: cron(0 8 ? * * *), capacity: {} }]"),
        &[r#"5:73: services[0].schedules[0].capacity: needs "min" or "max""#],
    ),
    (
        "min above max",
        Entry("schedules: [{ name: morning, schedule: cron(0 8 ? * * *), capacity: { min: 3, max: 2 } }]"),
        &["5:73: services[0].schedules[0].capacity: min 3 is above max 2"],
    ),
    (
        "a start that is no time",
        Entry(
            "schedules: [{ name: morning, schedule: cron(0 8 ? * * *), start: tomorrow, capacity: { min: 1 } }]",
        ),
        &[
            r#"5:70: services[0].schedules[0].start: "tomorrow" is not a time; write RFC 3339 in UTC, as in 2026-12-01T00:00:00Z"#,
        ],
    ),
    (
        "an end before the start",
        Entry(
            "schedules: [{ name: morning, schedule: cron(0 8 ? * * *), start: 2026-12-02T00:00:00Z, end: 2026-12-01T00:00:00Z, capacity: { min: 1 } }]",
        ),
        &[
            "5:97: services[0].schedules[0].end: 2026-12-01T00:00:00Z is not after the start, 2026-12-02T00:00:00Z",
        ],
    ),
    (
        "two actions of one name",
        Entry(
            "schedules:
  - { name: a, schedule: rate(1 day), capacity: { min: 1 } }
  - { name: a, schedule: rate(2 days), capacity: { min: 2 } }",
        ),
        &[r#"7:17: services[0].schedules[1].name: "a" is the name of another one of the schedules"#],
    ),
    (
        "a window without its end",
        Entry("windows: [{ name: morning, start: cron(0 8 ? * * *), capacity: { min: 1 } }]"),
        &[r#"5:15: services[0].windows[0]: needs "end""#],
    ),
    (
        "a window that ends as it begins",
        Entry(
            "windows: [{ name: morning, start: cron(0 8 ? * * *), end: cron(0 8 ? * * *), capacity: { min: 1 } }]",
        ),
        &["5:63: services[0].windows[0].end: is the start as well; the window would have no length"],
    ),
    (
        "a window in an unknown time zone",
        Entry(
            "windows: [{ name: morning, start: cron(0 8 ? * * *), end: cron(0 9 ? * * *), timezone: CEST, capacity: { min: 1 } }]",
        ),
        &[
            r#"5:92: services[0].windows[0].timezone: "CEST" is not a time zone: write an IANA name, as in Europe/Berlin"#,
        ],
    ),
    (
        "a window with an end in words",
        Entry("windows: [{ name: morning, start: cron(0 8 ? * * *), end: at noon, capacity: { min: 1 } }]"),
        &[
            r#"5:63: services[0].windows[0].end: "at noon" is not a schedule: write cron(0 8 ? * MON-FRI *), rate(5 minutes) or at(2026-12-01T08:00:00)"#,
        ],
    ),
    (
        "two windows of one name",
        Entry(
            "windows:
  - { name: a, start: cron(0 8 ? * * *), end: cron(0 9 ? * * *), capacity: { min: 1 } }
  - { name: a, start: cron(0 10 ? * * *), end: cron(0 11 ? * * *), capacity: { min: 1 } }",
        ),
        &[r#"7:17: services[0].windows[1].name: "a" is the name of another one of the windows"#],
    ),
];

#[test]
fn behaviour_and_the_other_keys_are_checked() {
    assert_problems(&BEHAVIOR);
}

const BEHAVIOR: [Case; 18] = [
    (
        "an unknown way to combine",
        Entry("predictive: {}\ncombine: all"),
        &[r#"6:14: services[0].combine: unknown value "all"; did you mean "all_agree"?"#],
    ),
    (
        "an unknown direction",
        Entry(
            "predictive: {}
behavior: { scale_up: {} }",
        ),
        &[r#"6:17: services[0].behavior: unknown key "scale_up"; did you mean "scale_out"?"#],
    ),
    (
        "a tolerance in per cent",
        Entry(
            "predictive: {}
behavior: { scale_in: { tolerance: 10 } }",
        ),
        &[
            "6:40: services[0].behavior.scale_in.tolerance: is 10; it is a share from 0 to 1: 0.1 is ten per cent",
        ],
    ),
    (
        "a stabilisation of two hours",
        Entry(
            "predictive: {}
behavior: { scale_in: { stabilization: 2h } }",
        ),
        &["6:44: services[0].behavior.scale_in.stabilization: is 2h; it must be 1h at most"],
    ),
    (
        "an unknown selection",
        Entry(
            "predictive: {}
behavior: { scale_in: { select: Maximum } }",
        ),
        &[r#"6:37: services[0].behavior.scale_in.select: unknown value "Maximum"; did you mean "Max"?"#],
    ),
    (
        "both per cent and tasks",
        Entry(
            "predictive: {}
behavior: { scale_in: { policies: [{ percent: 10, tasks: 4 }] } }",
        ),
        &[r#"6:40: services[0].behavior.scale_in.policies[0]: needs either "percent" or "tasks""#],
    ),
    (
        "neither per cent nor tasks",
        Entry(
            "predictive: {}
behavior: { scale_in: { policies: [{ period: 60s }] } }",
        ),
        &[r#"6:40: services[0].behavior.scale_in.policies[0]: needs either "percent" or "tasks""#],
    ),
    (
        "a limit of nothing",
        Entry(
            "predictive: {}
behavior: { scale_in: { policies: [{ tasks: 0 }] } }",
        ),
        &[
            "6:49: services[0].behavior.scale_in.policies[0].tasks: is 0; it must be above 0; write select: Disabled for no change at all",
        ],
    ),
    (
        "the pods of Kubernetes",
        Entry(
            "predictive: {}
behavior: { scale_in: { policies: [{ pods: 4, period: 60s }] } }",
        ),
        &[
            r#"6:40: services[0].behavior.scale_in.policies[0]: needs either "percent" or "tasks""#,
            r#"6:42: services[0].behavior.scale_in.policies[0]: unknown key "pods"; known here: percent, tasks, period"#,
        ],
    ),
    (
        "a period under a second",
        Entry(
            "predictive: {}
behavior: { scale_in: { policies: [{ tasks: 4, period: 500ms }] } }",
        ),
        &["6:60: services[0].behavior.scale_in.policies[0].period: is 500ms; it must be from 1s to 30m"],
    ),
    (
        "a period over half an hour",
        Entry(
            "predictive: {}
behavior: { scale_in: { policies: [{ tasks: 4, period: 31m }] } }",
        ),
        &["6:60: services[0].behavior.scale_in.policies[0].period: is 31m; it must be from 1s to 30m"],
    ),
    (
        "a fallback without its count",
        Entry(
            "predictive: {}
on_missing_metrics: fallback",
        ),
        &["6:25: services[0].on_missing_metrics: needs its settings under it"],
    ),
    (
        "a fallback below zero",
        Entry(
            "predictive: {}
on_missing_metrics: { fallback: -1 }",
        ),
        &["6:37: services[0].on_missing_metrics.fallback: expected a whole number, 0 or more, found -1"],
    ),
    (
        "a fallback beyond reason",
        Entry(
            "predictive: {}
on_missing_metrics: { fallback: 1000000 }",
        ),
        &["6:37: services[0].on_missing_metrics.fallback: is 1000000; that is more than a service can have"],
    ),
    (
        "an unknown answer to missing metrics",
        Entry(
            "predictive: {}
on_missing_metrics: ignore",
        ),
        &[r#"6:25: services[0].on_missing_metrics: unknown value "ignore"; known here: hold, fallback"#],
    ),
    (
        "an unknown rule for deployments",
        Entry(
            "predictive: {}
during_deployment: no-scale-in",
        ),
        &[r#"6:24: services[0].during_deployment: unknown value "no-scale-in"; did you mean "no_scale_in"?"#],
    ),
    (
        "an unknown rule for Application Auto Scaling",
        Entry(
            "predictive: {}
aas: allow",
        ),
        &[r#"6:10: services[0].aas: unknown value "allow"; known here: refuse, warn"#],
    ),
    (
        "a warm-up of two days",
        Entry(
            "predictive: {}
warm_up: 48h",
        ),
        &["6:14: services[0].warm_up: is 48h; it must be 24h at most"],
    ),
];
