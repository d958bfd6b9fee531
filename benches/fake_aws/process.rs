//! The fake of AWS as a process: `cargo run --example fake_aws -- --services 1000`. It prints its endpoint, and serves until it is
//! ended.

#[path = "mod.rs"]
mod fake_aws;

use std::future::pending;
use std::io::Write as _;
use std::time::Duration;

use clap::Parser;

use fake_aws::{Conduct, Entries, FakeAws, FleetSize};

/// A fake of AWS for benchmarks: ECS, CloudWatch, DynamoDB and SQS on loopback, with latencies and AWS's request rates.
///
/// The first line that it prints is the URL for `AWS_ENDPOINT_URL`; any credentials and the region eu-central-1 do. Under that URL:
/// GET /policy is a policy file for its services, GET /counts tells what was asked, POST /reset counts from zero with full token
/// buckets, POST /change {"share": 0.05} raises the load of a share of the services and tells the desired counts that are then
/// right, GET /services tells all desired counts. DynamoDB has every table that is named, with the partition key `service`.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port of 127.0.0.1; 0 for any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Services, in clusters of a thousand; one in five is in the middle of its dead band, the others rest
    #[arg(long, default_value_t = 100)]
    services: usize,
    /// Of them, those that work off a queue each
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// Of them, those that step as an alarm says
    #[arg(long, default_value_t = 0)]
    stepped: usize,
    /// The policy file has one pattern for the services that track their processors, not an entry each
    #[arg(long)]
    glob: bool,
    /// What each call takes, in milliseconds
    #[arg(long, default_value_t = 15)]
    latency: u64,
    /// No call is refused for a request rate
    #[arg(long)]
    unlimited: bool,
    /// Every so many reads of items leave a key unprocessed; 0 for none
    #[arg(long, default_value_t = 0)]
    unprocessed_every: u64,
    /// Events in a service's description; ECS tells the last hundred
    #[arg(long, default_value_t = 100)]
    events: usize,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let size = FleetSize {
        services: arguments.services,
        workers: arguments.workers,
        stepped: arguments.stepped,
        entries: if arguments.glob { Entries::Glob } else { Entries::Literal },
    };
    let conduct = Conduct {
        latency: Duration::from_millis(arguments.latency),
        throttles: !arguments.unlimited,
        unprocessed_every: arguments.unprocessed_every,
        events: arguments.events,
    };
    let fake = FakeAws::start(arguments.port, size, conduct).await?;
    writeln!(std::io::stdout(), "{}", fake.endpoint())?;
    pending().await
}
