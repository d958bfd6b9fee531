//! How the function grows with the fleet: 1,000 to 100,000 services in virtual time, an invocation for every few thousand of them,
//! over an account with AWS's latencies and rates. `cargo bench --bench fan_out` tells it; docs/fleet.md has the figures.

#![expect(clippy::unwrap_used, reason = "a simulation that cannot be set up has nothing to tell")]
#![expect(clippy::print_stdout, reason = "it is what the bench is for")]

#[path = "../tests/support/fleet.rs"]
mod fleet;

use fleet::{Mishap, Report, Setup, run};

const TICKS: usize = 3;
const ONE_BUSY_OF: usize = 20;

fn main() {
    println!(
        "| services | shards of | workers | tick | invocations | shards | decided | changed | handed over | took | calls | throttled |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let sizes = [
        (1_000, None, 0),
        (10_000, None, 0),
        (10_000, Some(2_000), 4),
        (100_000, Some(2_000), 20),
        (100_000, Some(5_000), 20),
    ];
    for (services, shard_size, workers) in sizes {
        let mishaps = if workers == 0 { vec![] } else { vec![Mishap::Twice(1), Mishap::Dies(2)] };
        tell(&Setup { services, one_busy_of: ONE_BUSY_OF, shard_size, workers, ticks: TICKS, mishaps });
    }
}

fn tell(setup: &Setup) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (reports, _) = runtime.block_on(run(setup));
    for (number, report) in reports.iter().enumerate() {
        let Report { invocations, ended, handed_over, sent, took, decided, calls, throttled, errors } =
            report;
        let calls_by_kind: Vec<String> =
            calls.iter().map(|(name, count)| format!("{count} {name}")).collect();
        println!(
            "| {} | {} | {} | {} | {invocations} ({ended} ended) | {} | {} | {} | {handed_over} | {:.1} s | {} | {throttled} |",
            setup.services,
            setup.shard_size.map_or("-".to_owned(), |size| size.to_string()),
            setup.workers,
            number + 1,
            sent.shards,
            decided.len(),
            calls.get("ecs:UpdateService").unwrap_or(&0),
            took.as_secs_f64(),
            calls_by_kind.join(", "),
        );
        for error in errors.iter().take(3) {
            println!("    {} errors, as {error}", errors.len());
        }
    }
}
