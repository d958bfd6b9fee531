//! How the function grows with the fleet: 1,000 to 100,000 services in virtual time, an invocation for every few thousand of them,
//! over an account with AWS's latencies and rates. `cargo bench --bench fan_out` tells it; docs/fleet.md has the figures.

#![expect(clippy::unwrap_used, reason = "a simulation that cannot be set up has nothing to tell")]
#![expect(clippy::print_stdout, reason = "it is what the bench is for")]

#[path = "../tests/support/fleet.rs"]
mod fleet;

use fleet::{Mishap, Report, Setup, TIMEOUT, run};

const ONE_BUSY_OF: usize = 20;

/// Services, in shards of so many, workers, ticks, and those of them that are told.
type Fleet = (usize, Option<usize>, usize, usize, &'static [usize]);

fn main() {
    println!(
        "| services | shards of | workers | tick | invocations | shards | decided | changed | handed over | took | \
         DescribeServices | GetMetricData | throttled |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let fleets: [Fleet; 4] = [
        (1_000, None, 0, 2, &[1, 2]),
        (10_000, None, 0, 4, &[1, 2, 3, 4]),
        (10_000, Some(2_000), 4, 4, &[1, 2, 3, 4]),
        (100_000, Some(5_000), 19, 20, &[1, 5, 10, 15, 19, 20]),
    ];
    for (services, shard_size, workers, ticks, told) in fleets {
        let mishaps = if workers == 0 { vec![] } else { vec![Mishap::Twice(1), Mishap::Dies(2)] };
        let setup = Setup {
            services,
            one_busy_of: ONE_BUSY_OF,
            shard_size,
            workers,
            timeout: TIMEOUT,
            ticks,
            mishaps,
        };
        tell(&setup, told);
    }
}

fn tell(setup: &Setup, told: &[usize]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (reports, _) = runtime.block_on(run(setup));
    for (tick, report) in (1..).zip(&reports).filter(|(tick, _)| told.contains(tick)) {
        let Report { invocations, ended, handed_over, sent, took, decided, calls, throttled, errors } =
            report;
        let calls = |operation: &str| calls.get(operation).copied().unwrap_or_default();
        println!(
            "| {} | {} | {} | {tick} | {invocations}{} | {} | {} | {} | {handed_over} | {:.1} s | {} | {} | {throttled} |",
            setup.services,
            setup.shard_size.map_or("-".to_owned(), |size| size.to_string()),
            setup.workers,
            if *ended == 0 { String::new() } else { format!(" ({ended} ended)") },
            sent.shards,
            decided.len(),
            calls("ecs:UpdateService"),
            took.as_secs_f64(),
            calls("ecs:DescribeServices"),
            calls("cloudwatch:GetMetricData"),
        );
        for error in errors.iter().take(1) {
            println!("    {} errors, as {error}", errors.len());
        }
    }
}
