//! What is wrong with the file as a whole.

use crate::{Case, Text::File, assert_problems};

#[test]
fn a_document_that_cannot_be_used_is_refused_as_a_whole() {
    assert_problems(&DOCUMENT);
}

const DOCUMENT: [Case; 23] = [
    ("an empty file", File(""), &["1:1: the file is empty"]),
    (
        "a file of comments",
        File(
            "# nothing
",
        ),
        &["1:1: the file is empty"],
    ),
    (
        "no YAML",
        File("version: [1"),
        &["2:1: this is not YAML: while parsing a flow sequence, expected ',' or ']'"],
    ),
    (
        "tabs as indentation",
        File(
            "version: 1
services:
	- service: a/b
",
        ),
        &["3:2: this is not YAML: tabs disallowed within this context (block indentation)"],
    ),
    (
        "a second document",
        File(
            "version: 1
---
version: 1
",
        ),
        &["2:1: a second document begins here; a policy file is one document"],
    ),
    (
        "a list",
        File(
            "- service: prod/checkout
",
        ),
        &["1:1: expected a mapping of keys to values, found a list"],
    ),
    (
        "a text",
        File(
            "hello
",
        ),
        &[r#"1:1: expected a mapping of keys to values, found "hello""#],
    ),
    (
        "no version",
        File(
            "services: [{ service: a/b }]
",
        ),
        &[
            r#"1:1: needs "version""#,
            r#"1:12: services[0]: needs "capacity"; write capacity: { min: 1, max: 10 }"#,
            r#"1:12: services[0]: needs one of "policies", "schedules", "windows" and "predictive""#,
        ],
    ),
    (
        "another version",
        File(
            "version: 2
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &["1:10: version: is 2; this trimtab reads version 1"],
    ),
    (
        "a version as text",
        File(
            r#"version: "1"
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
"#,
        ),
        &[r#"1:10: version: expected a whole number, 0 or more, found "1"; write 1"#],
    ),
    (
        "no services",
        File(
            "version: 1
",
        ),
        &[r#"1:1: needs "services""#],
    ),
    (
        "an empty list of services",
        File(
            "version: 1
services: []
",
        ),
        &["2:11: services: is empty; to stop scaling a service, write mode: paused in its entry"],
    ),
    (
        "services that are no list",
        File(
            "version: 1
services: prod/checkout
",
        ),
        &[r#"2:11: services: expected a list, found "prod/checkout""#],
    ),
    (
        "an unknown key at the top",
        File(
            "version: 1
servcies: []
",
        ),
        &[r#"1:1: needs "services""#, r#"2:1: unknown key "servcies"; did you mean "services"?"#],
    ),
    (
        "a key at the top twice",
        File(
            "version: 1
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
version: 1
",
        ),
        &[r#"4:1: "version" is here a second time; it is already in line 1"#],
    ),
    (
        "a wrong default",
        File(
            "version: 1
defaults: { mode: shdow }
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &[r#"2:19: defaults.mode: unknown value "shdow"; did you mean "shadow"?"#],
    ),
    (
        "a wrong formula among the defaults",
        File(
            "version: 1
defaults: { combine: { formula: cpu + } }
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &["2:33: defaults.combine.formula: ends where a number or a policy's name is expected"],
    ),
    (
        "several wrong defaults",
        File(
            "version: 1
defaults:
  capacity: { min: 3, max: 2 }
  warm_up: 2d
  look_at_least_every: 30s
  service: a/b
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &[
            "3:13: defaults.capacity: min 3 is above max 2",
            "4:12: defaults.warm_up: is 48h; it must be 24h at most",
            "5:24: defaults.look_at_least_every: is 30s; it must be from 1m to 20m",
            "6:12: defaults.service: has no place in the defaults",
        ],
    ),
    (
        "a blast radius without a limit",
        File(
            "version: 1
blast_radius: {}
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &[r#"2:15: blast_radius: needs "services", "tasks_in" or "tasks_out""#],
    ),
    (
        "a misspelt limit",
        File(
            "version: 1
blast_radius: { service: 3, tasks_in: 5 }
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &[r#"2:17: blast_radius: unknown key "service"; did you mean "services"?"#],
    ),
    (
        "a limit in per cent",
        File(
            "version: 1
blast_radius: { tasks_in: 20% }
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &[r#"2:27: blast_radius.tasks_in: expected a whole number, 0 or more, found "20%"; write 20"#],
    ),
    (
        "a list as a key",
        File(
            "version: 1
? [a]
: 1
",
        ),
        &[
            r#"2:3: a key must be a word, not a list or a mapping; a value in braces, as in "{service}", needs quotes"#,
        ],
    ),
    (
        "an anchor among the defaults",
        File(
            "version: 1
defaults: &shared { mode: shadow }
services:
  - { service: prod/checkout, capacity: { min: 1, max: 9 }, predictive: {} }
",
        ),
        &[
            "2:11: defaults: anchors and aliases (&name, *name) are not read; put what service entries share under defaults, and text that begins with * or & in quotes",
        ],
    ),
];
