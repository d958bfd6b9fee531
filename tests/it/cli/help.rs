//! What `trimtab --help` teaches, and what a slip in typing is told.

use super::{command, run};

#[test]
fn every_command_explains_itself() {
    let commands = [
        "",
        "demo",
        "check",
        "schema",
        "clusters",
        "services",
        "scale",
        "plan",
        "invoke",
        "decide",
        "simulate",
        "import",
        "shadow-report",
        "compare",
        "backtest",
        "tune",
    ];
    for name in commands {
        let outcome = run(command(&format!("{name} --help")));
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{name}");
        let snapshot = if name.is_empty() { "help".to_owned() } else { format!("help-{name}") };
        insta::assert_snapshot!(snapshot, outcome.stdout);
    }
}

#[test]
fn the_version_is_the_packages() {
    let outcome = run(command("--version"));
    assert_eq!((outcome.status, outcome.stdout), (0, format!("trimtab {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_slip_in_typing_is_usage() {
    let cases = [
        ("", "Usage: trimtab [OPTIONS] <COMMAND>"),
        ("simulat", "a similar subcommand exists: 'simulate'"),
        ("check", "<FILE>"),
        ("scale prod 3", "\"prod\" is not a service: write cluster/service, as in prod/checkout"),
        ("scale prod/web many", "invalid value 'many' for '<DESIRED>'"),
        ("scale prod/web 100001", "100001 is not in 0..=100000"),
        ("demo --width 1000000000000", "1000000000000 is not in 0..=65535"),
        ("plan --polcy x", "a similar argument exists: '--policy'"),
        ("simulate --policy a --trace b --kind tcp", "[possible values: http, queue]"),
        ("simulate --policy a --trace b --compare hap", "[possible values: constant, aas, aas-20s"),
        (
            "simulate --policy a --trace b --start 90,45",
            "write the median and the 95th percentile in seconds",
        ),
    ];
    for (line, told) in cases {
        let outcome = run(command(line));
        assert_eq!((outcome.status, outcome.stdout.as_str()), (2, ""), "{line}");
        assert!(outcome.stderr.contains(told), "{line}: {outcome:?}");
    }
}
