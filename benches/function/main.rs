//! What the function costs to start and to run, beside the same job done well on boto3 and on the AWS SDK for JavaScript, and
//! beside a function in Rust that does nothing. `benches/run function` installs the peers and measures.
//!
//! Each runs as a process behind the Lambda Runtime API of the tests, against a fake of AWS on loopback. The job is a tick over ten
//! services with one target-tracking policy each, of which one needs two tasks more at the first invocation. Whoever does not
//! set that count, and no other, ends the benchmark.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what cannot be set up is not measured, and what is measured is told"
)]

mod contestants;
#[path = "../fake_aws/mod.rs"]
mod fake_aws;
mod figures;
#[path = "../support/page.rs"]
mod page;
#[path = "../../tests/support/runtime_api.rs"]
#[expect(dead_code, clippy::expect_used, clippy::indexing_slicing, reason = "it is written for tests")]
mod runtime_api;
#[path = "../support/usage.rs"]
#[expect(dead_code, reason = "the benchmarks share it")]
mod usage;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use contestants::Contestant;
use fake_aws::{Conduct, Entries, FakeAws, FleetSize};
use figures::Figures;
use runtime_api::Function;
use usage::Process;

const REGION: &str = "eu-central-1";
const FLEET: FleetSize = FleetSize { services: 10, workers: 0, stepped: 0, entries: Entries::Literal };
/// Nothing is waited for: what is measured is the functions' own time. A service that lives long has a hundred events.
const CONDUCT: Conduct =
    Conduct { latency: Duration::ZERO, throttles: false, unprocessed_every: 0, events: 100 };
/// The share of the services that the first invocation has to change.
const CHANGED: f64 = 0.1;
const TICK: &str = include_str!("../../events/tick.json");

/// Measures the function beside its peers, which `benches/peers/setup` installs.
#[derive(Debug, Parser)]
struct Arguments {
    /// Starts of each, of which the medians are taken
    #[arg(long, default_value_t = 21)]
    runs: usize,
    /// Invocations after the first, of one process each
    #[arg(long, default_value_t = 300)]
    warm: u32,
    /// Another build of the function; several are measured side by side
    #[arg(long, default_value = env!("CARGO_BIN_EXE_bootstrap"))]
    function: Vec<PathBuf>,
    /// Leaves the peers out
    #[arg(long)]
    alone: bool,
    /// Writes the table into this Markdown file, in the place of the one that is there
    #[arg(long)]
    markdown: Option<PathBuf>,
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let mut contestants = contestants::builds(&arguments.function);
    if !arguments.alone {
        contestants.extend(contestants::peers());
    }
    let mut all: Vec<Figures> = contestants.iter().map(Figures::of).collect();
    // In turns, and each round begins with another, so that all share the machine's better and worse minutes.
    for round in 0..arguments.runs {
        let mut turns: Vec<(&Contestant, &mut Figures)> = contestants.iter().zip(&mut all).collect();
        turns.rotate_left(round % contestants.len());
        for (contestant, figures) in turns {
            Started::new(contestant, figures).await.function.stdout().await;
        }
    }
    let mut running = Vec::new();
    for contestant in &contestants {
        running.push(Started::new(contestant, &mut Figures::of(contestant)).await);
    }
    let before: Vec<Duration> = running.iter().map(|started| started.process.cpu()).collect();
    for _ in 0..arguments.warm {
        for (started, figures) in running.iter_mut().zip(&mut all) {
            figures.warm.push(invoke(&mut started.function).await);
        }
    }
    for ((started, before), figures) in running.iter().zip(before).zip(&mut all) {
        figures.warm_cpu = started.process.cpu().saturating_sub(before) / arguments.warm.max(1);
        figures.warm_memory = started.process.resident().unwrap_or_default();
    }
    let table = figures::table(&all);
    println!("{table}");
    if let Some(page) = arguments.markdown {
        page::write_into(&page, &table).unwrap();
    }
}

/// A function that did the job once.
struct Started {
    function: Function,
    process: Process,
    _policies: TempDir,
}

impl Started {
    /// Starts a contestant on an AWS of its own, and lets it do the job for the first time.
    async fn new(contestant: &Contestant, figures: &mut Figures) -> Self {
        let aws = FakeAws::start(0, FLEET, CONDUCT).await.unwrap();
        let mut wanted = aws.desired_counts();
        let policies = tempfile::tempdir().unwrap();
        let in_yaml = policies.path().join("trimtab.yaml");
        fs::write(&in_yaml, aws.policy()).unwrap();
        let in_json = policies.path().join("services.json");
        fs::write(&in_json, services(wanted.keys())).unwrap();
        let endpoint = aws.endpoint();
        let variables = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("TRIMTAB_POLICY", in_yaml.to_str().unwrap()),
            ("TRIMTAB_STATE", "dynamodb:states"),
            ("POLICY", in_json.to_str().unwrap()),
            ("TABLE", "states"),
        ];
        let variables: Vec<(&str, &str)> =
            variables.into_iter().chain(certificates()).chain(contestant.variables()).collect();
        if contestant.scales {
            wanted.extend(aws.change(CHANGED));
        } else {
            aws.change(CHANGED);
        }
        let (mut function, init) = Function::start_as(contestant.command(), &variables).await;
        let process = Process::new(function.process.id().unwrap());
        figures.init.push(init);
        figures.first.push(invoke(&mut function).await);
        figures.cpu.push(process.cpu());
        figures.memory.push(process.resident().unwrap_or_default());
        assert_eq!(aws.desired_counts(), wanted, "what {} made of it", contestant.name);
        Self { function, process, _policies: policies }
    }
}

/// The system's trusted certificates in one file, which is what Lambda's Amazon Linux has; elsewhere there may be a folder of
/// them too, which takes longer to read.
fn certificates() -> Option<(&'static str, &'static str)> {
    let files = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];
    files.into_iter().find(|file| Path::new(file).exists()).map(|file| ("SSL_CERT_FILE", file))
}

/// The policies of the fake's fleet as the peers read them.
fn services<'a>(ids: impl Iterator<Item = &'a String>) -> String {
    let service = |id: &String| {
        let (cluster, service) = id.split_once('/')?;
        Some(json!({
            "cluster": cluster, "service": service, "min": 2, "max": 60, "target": 60,
            "scale_out_cooldown": 0, "scale_in_cooldown": 300,
        }))
    };
    json!({ "services": ids.filter_map(service).collect::<Vec<_>>() }).to_string()
}

async fn invoke(function: &mut Function) -> Duration {
    let began = Instant::now();
    match function.invoke(TICK).await {
        Ok(answer) if answer.get("errors").and_then(Value::as_array).is_none_or(Vec::is_empty) => {
            began.elapsed()
        }
        other => panic!("{other:?}"),
    }
}
