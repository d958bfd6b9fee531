//! What is wrong with service entries and between them.

use crate::{
    Case,
    Text::{Entry, File},
    assert_problems,
};

#[test]
fn an_entry_says_what_it_needs() {
    assert_problems(&ENTRY);
}

const ENTRY: [Case; 21] = [
    (
        "no service",
        File(
            "version: 1
services:
  - capacity: { min: 1, max: 9 }
    predictive: {}
",
        ),
        &[r#"3:5: services[0]: needs "service"; write service: cluster/service"#],
    ),
    (
        "no capacity",
        File(
            "version: 1
services:
  - service: prod/checkout
    predictive: {}
",
        ),
        &[r#"3:5: services[0]: needs "capacity"; write capacity: { min: 1, max: 10 }"#],
    ),
    (
        "nothing that scales",
        Entry("mode: active"),
        &[r#"3:5: services[0]: needs one of "policies", "schedules", "windows" and "predictive""#],
    ),
    (
        "an empty list of policies",
        Entry("policies: []"),
        &[r#"3:5: services[0]: needs one of "policies", "schedules", "windows" and "predictive""#],
    ),
    (
        "an entry that is only a name",
        File(
            "version: 1
services: [prod/checkout]
",
        ),
        &[r#"2:12: services[0]: expected a mapping of keys to values, found "prod/checkout""#],
    ),
    (
        "a service without its cluster",
        File(
            "version: 1
services:
  - { service: checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &[
            r#"3:16: services[0].service: "checkout" is not a service: write cluster/service, as in prod/checkout"#,
        ],
    ),
    (
        "a service that is a number",
        File(
            "version: 1
services:
  - { service: 7, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &["3:16: services[0].service: expected text, found 7; write it in quotes"],
    ),
    (
        "an unknown key",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
cooldown: 60s",
        ),
        &[
            r#"6:5: services[0]: unknown key "cooldown"; known here: service, except, mode, capacity, policies, combine, predictive, schedules, windows, warm_up, look_at_least_every, behavior, on_missing_metrics, during_deployment, aas"#,
        ],
    ),
    (
        "a key in another spelling",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
warmUp: 60s",
        ),
        &[r#"6:5: services[0]: unknown key "warmUp"; did you mean "warm_up"?"#],
    ),
    (
        "a key twice",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
mode: active
mode: shadow",
        ),
        &[r#"7:5: services[0]: "mode" is here a second time; it is already in line 6"#],
    ),
    (
        "an unknown value",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
mode: Shadow",
        ),
        &[r#"6:11: services[0].mode: unknown value "Shadow"; did you mean "shadow"?"#],
    ),
    (
        "an unknown value without a likeness",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
mode: dry-run",
        ),
        &[r#"6:11: services[0].mode: unknown value "dry-run"; known here: active, shadow, paused"#],
    ),
    (
        "a key without a value",
        Entry(
            "policies:
  - target_tracking:
    metric: ECSServiceAverageCPUUtilization
    target: 60",
        ),
        &[
            "6:9: services[0].policies[0]: expected one key with its settings indented under it, found several",
        ],
    ),
    (
        "a list element without a value",
        Entry(
            "policies:
  -",
        ),
        &["6:8: services[0].policies[0]: has no value"],
    ),
    (
        "a pattern of except that is none",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
except: [checkout]",
        ),
        &[
            r#"6:14: services[0].except[0]: "checkout" is not a service: write cluster/service, as in prod/checkout"#,
        ],
    ),
    (
        "an anchor",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
behavior: &gentle { scale_in: { stabilization: 5m } }",
        ),
        &[
            "6:15: services[0].behavior: anchors and aliases (&name, *name) are not read; put what service entries share under defaults, and text that begins with * or & in quotes",
        ],
    ),
    (
        "an alias",
        File(
            "version: 1
services:
  - { service: a/b, capacity: &c { min: 1, max: 9 }, predictive: {} }
  - { service: a/c, capacity: *c, predictive: {} }
",
        ),
        &[
            "3:31: services[0].capacity: anchors and aliases (&name, *name) are not read; put what service entries share under defaults, and text that begins with * or & in quotes",
            "4:31: services[1].capacity: anchors and aliases (&name, *name) are not read; put what service entries share under defaults, and text that begins with * or & in quotes",
        ],
    ),
    (
        "a merge key",
        File(
            "version: 1
services:
  - <<: { mode: shadow }
    service: prod/checkout
    capacity: { min: 1, max: 9 }
    predictive: {}
",
        ),
        &["3:5: services[0]: merge keys (<<) are not read; put what service entries share under defaults"],
    ),
    (
        "a tag",
        Entry(
            "policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 } }]
mode: !Ref Mode",
        ),
        &["6:11: services[0].mode: tags (!Ref) are not read; write the value itself"],
    ),
    (
        "all problems of an entry at once",
        Entry(
            "policies:
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, targt: 60, scale_in_afer: 3 }
  - step_scaling: { alarm: high, steps: [] }
  - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: -1, scale_in_after: 0 }
warm_up: 60
behavoir: {}",
        ),
        &[
            r#"6:26: services[0].policies[0].target_tracking: needs "target""#,
            r#"6:69: services[0].policies[0].target_tracking: unknown key "targt"; did you mean "target"?"#,
            r#"6:80: services[0].policies[0].target_tracking: unknown key "scale_in_afer"; did you mean "scale_in_after"?"#,
            "7:45: services[0].policies[1].step_scaling.steps: has 0 steps; a policy has 1 to 20",
            "8:77: services[0].policies[2].target_tracking.target: is -1; it must be above 0",
            "8:97: services[0].policies[2].target_tracking.scale_in_after: is 0; it must be from 1 to 60 points",
            "9:14: services[0].warm_up: expected a duration such as 30s, found 60; did you mean 60s?",
            r#"10:5: services[0]: unknown key "behavoir"; did you mean "behavior"?"#,
        ],
    ),
    (
        "problems of several entries at once",
        File(
            "version: 1
services:
  - { service: a/b, capacity: { min: 1, max: 9 } }
  - { service: a/c, capacity: { min: 9, max: 1 }, predictive: {} }
",
        ),
        &[
            r#"3:5: services[0]: needs one of "policies", "schedules", "windows" and "predictive""#,
            "4:31: services[1].capacity: min 9 is above max 1",
        ],
    ),
];

#[test]
fn two_entries_of_one_service_are_refused_and_named() {
    assert_problems(&OVERLAP);
}

const OVERLAP: [Case; 4] = [
    (
        "the same service",
        File(
            "version: 1
defaults: { capacity: { min: 1, max: 9 }, predictive: {} }
services:
  - service: prod/checkout
  - service: prod/checkout
",
        ),
        &[
            "5:5: services[1]: prod/checkout is selected by two entries: prod/checkout (line 4) and prod/checkout (line 5); remove one of them",
        ],
    ),
    (
        "the same glob",
        File(
            "version: 1
defaults: { capacity: { min: 1, max: 9 }, predictive: {} }
services:
  - service: prod/*
  - service: prod/*
",
        ),
        &[
            "5:5: services[1]: prod/* is selected by two entries: prod/* (line 4) and prod/* (line 5); remove one of them",
        ],
    ),
    (
        "a glob and a service",
        File(
            "version: 1
defaults: { capacity: { min: 1, max: 9 }, predictive: {} }
services:
  - service: prod/*
  - service: prod/checkout
",
        ),
        &[
            "5:5: services[1]: prod/checkout is selected by two entries: prod/* (line 4) and prod/checkout (line 5); write except: [prod/checkout] in the entry of prod/*",
        ],
    ),
    (
        "a service and a glob",
        File(
            r#"version: 1
defaults: { capacity: { min: 1, max: 9 }, predictive: {} }
services:
  - service: prod/checkout
  - service: "*/checkout"
"#,
        ),
        &[
            "5:5: services[1]: prod/checkout is selected by two entries: prod/checkout (line 4) and */checkout (line 5); write except: [prod/checkout] in the entry of */checkout",
        ],
    ),
];

#[test]
fn bounds_must_be_in_order() {
    assert_problems(&CAPACITY);
}

const CAPACITY: [Case; 7] = [
    (
        "min above max",
        File(
            "version: 1
services:
  - { service: prod/checkout, capacity: { min: 3, max: 2 }, predictive: {} }
",
        ),
        &["3:41: services[0].capacity: min 3 is above max 2"],
    ),
    (
        "a negative min",
        File(
            "version: 1
services:
  - { service: prod/checkout, capacity: { min: -1, max: 2 }, predictive: {} }
",
        ),
        &["3:48: services[0].capacity.min: expected a whole number, 0 or more, found -1"],
    ),
    (
        "a fraction",
        File(
            "version: 1
services:
  - { service: prod/checkout, capacity: { min: 1, max: 2.5 }, predictive: {} }
",
        ),
        &["3:56: services[0].capacity.max: expected a whole number, 0 or more, found 2.5"],
    ),
    (
        "a count in quotes",
        File(
            r#"version: 1
services:
  - { service: prod/checkout, capacity: { min: "1", max: 2 }, predictive: {} }
"#,
        ),
        &[r#"3:48: services[0].capacity.min: expected a whole number, 0 or more, found "1"; write 1"#],
    ),
    (
        "no max",
        File(
            "version: 1
services:
  - { service: prod/checkout, capacity: { min: 1 }, predictive: {} }
",
        ),
        &[r#"3:41: services[0].capacity: needs "max""#],
    ),
    (
        "a max beyond reason",
        File(
            "version: 1
services:
  - { service: prod/checkout, capacity: { min: 1, max: 1000000 }, predictive: {} }
",
        ),
        &["3:41: services[0].capacity: max 1000000 is more than a service can have; the most is 100000"],
    ),
    (
        "the keys of Application Auto Scaling",
        File(
            "version: 1
services:
  - { service: prod/checkout, capacity: { min_capacity: 1, max: 2 }, predictive: {} }
",
        ),
        &[
            r#"3:41: services[0].capacity: needs "min""#,
            r#"3:43: services[0].capacity: unknown key "min_capacity"; did you mean "min"?"#,
        ],
    ),
];
