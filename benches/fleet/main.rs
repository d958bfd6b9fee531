//! A fleet in one tick: the function's own process between a Lambda Runtime API and a fake of AWS that takes as long for a call as
//! AWS does and refuses what AWS's request rates refuse. It measures what a tick takes, and beside it what those rates alone
//! would take for the calls that are needed.
//!
//! `cargo bench --no-default-features --features function --bench fleet`, and `-- --help` for more.

#[path = "../fake_aws/mod.rs"]
mod fake_aws;
#[path = "../support/page.rs"]
mod page;
#[path = "../../tests/support/runtime_api.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it is written for tests"
)]
mod runtime_api;

mod needed;
mod table;
#[path = "../support/usage.rs"]
#[expect(dead_code, reason = "the benchmarks share it")]
mod usage;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep, sleep_until};

use fake_aws::{Conduct, Counts, Entries, FakeAws, FleetSize};
use needed::{needed, updates_within};
use page::write_into;
use runtime_api::{Answer, Function};
use table::table;
use usage::Process;

const TICK: &str = r#"{"action": "tick"}"#;
/// Longer than Lambda lets a function run.
const PATIENCE: Duration = Duration::from_secs(1000);

/// Measures ticks of the function over fleets of several sizes, against a fake of AWS with latencies and request rates.
#[derive(Debug, Parser)]
struct Arguments {
    /// The sizes of the fleets
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 1000, 10_000])]
    services: Vec<usize>,
    /// The share of the services whose load changes
    #[arg(long, default_value_t = 0.05)]
    share: f64,
    /// What each call takes, in milliseconds
    #[arg(long, default_value_t = 15)]
    latency: u64,
    /// Seconds from the start of a tick to the start of the next one
    #[arg(long, default_value_t = 60)]
    every: u64,
    /// Seconds that the function is given in the tick that has too little time
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// The policy file has one pattern, not an entry for each service
    #[arg(long)]
    glob: bool,
    /// Another build of the function
    #[arg(long, default_value = env!("CARGO_BIN_EXE_bootstrap"))]
    function: PathBuf,
    /// Writes the table into this Markdown file, in the place of the one that is there
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The ticks, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Nothing is remembered.
    First,
    /// Nothing changed.
    Quiet,
    /// The load of some services changed.
    Changed,
    /// The same for others, with less time than the changes take.
    Short,
    /// What there was no time for is made up for.
    MadeUp,
}

impl Round {
    fn name(self, arguments: &Arguments) -> String {
        match self {
            Self::First => "first".to_owned(),
            Self::Quiet => "nothing changed".to_owned(),
            Self::Changed => "changes".to_owned(),
            Self::Short => format!("changes, {} s of time", arguments.timeout),
            Self::MadeUp => "the one after".to_owned(),
        }
    }
}

/// What a tick took and did.
struct Row {
    services: usize,
    tick: String,
    /// From the event to the answer.
    wall: Duration,
    /// What the request rates alone take for the calls that are needed.
    least: Duration,
    cpu: Duration,
    peak: Option<u64>,
    counts: Counts,
    /// Services that need another count, and of those how many have it at the end of the tick, or of its time.
    changes: usize,
    changed: usize,
    /// How many of them the request rates allow, where the tick has too little time.
    allowed: Option<usize>,
    handed_over: usize,
    errors: usize,
}

/// A fleet and the function that steers it.
struct Steered {
    size: FleetSize,
    aws: FakeAws,
    function: Function,
    process: Process,
    /// Counts that are needed and not yet set.
    owed: BTreeMap<String, u32>,
    _folder: TempDir,
}

impl Steered {
    async fn new(services: usize, arguments: &Arguments) -> io::Result<Self> {
        let entries = if arguments.glob { Entries::Glob } else { Entries::Literal };
        let size = FleetSize { services, workers: 0, stepped: 0, entries };
        let latency = Duration::from_millis(arguments.latency);
        let conduct = Conduct { latency, throttles: true, unprocessed_every: 20, events: 100 };
        let aws = FakeAws::start(0, size, conduct).await?;
        let folder = tempfile::tempdir()?;
        let policy = folder.path().join("trimtab.yaml");
        std::fs::write(&policy, aws.policy())?;
        let variables = [
            ("TRIMTAB_POLICY", policy.to_str().unwrap_or_default()),
            ("TRIMTAB_STATE", "dynamodb:trimtab"),
            ("AWS_ENDPOINT_URL", &aws.endpoint()),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let (mut function, _) = Function::start_as(Command::new(&arguments.function), &variables).await;
        function.patience = PATIENCE;
        let process = Process::new(function.process.id().unwrap_or_default());
        Ok(Self { size, aws, function, process, owed: BTreeMap::new(), _folder: folder })
    }

    async fn tick(&mut self, round: Round, arguments: &Arguments) -> Result<Row, String> {
        if matches!(round, Round::Changed | Round::Short) {
            self.owed = self.aws.change(arguments.share);
        }
        let needed = needed(round == Round::First, self.size, &self.owed);
        self.aws.reset();
        self.process.forget_peak();
        let cpu = self.process.cpu();
        let timeout = (round == Round::Short).then(|| Duration::from_secs(arguments.timeout));
        let (answer, wall, open) = self.hand_over(timeout).await;
        let answer = answer.map_err(|(kind, message)| format!("{kind}: {message}"))?;
        let entries = |list: &str| answer.get(list).and_then(Value::as_array).map_or(0, Vec::len);
        let changes = self.owed.len();
        let row = Row {
            services: self.size.services,
            tick: round.name(arguments),
            wall,
            least: if timeout.is_some() { Duration::ZERO } else { needed.least_time() },
            cpu: self.process.cpu().saturating_sub(cpu),
            peak: self.process.peak(),
            counts: self.aws.counts(),
            changes,
            changed: changes - open.len(),
            allowed: timeout.map(|timeout| updates_within(timeout).min(changes)),
            handed_over: entries("handed_over"),
            errors: entries("errors"),
        };
        self.owed = still_owed(&self.owed, &self.aws);
        Ok(row)
    }

    /// Hands the function a tick: its answer, the time that it took, and what is owed at its end or at the end of its time.
    async fn hand_over(&mut self, timeout: Option<Duration>) -> (Answer, Duration, BTreeMap<String, u32>) {
        let began = Instant::now();
        let Some(timeout) = timeout else {
            let answer = self.function.invoke(TICK).await;
            return (answer, began.elapsed(), still_owed(&self.owed, &self.aws));
        };
        let invocation = async {
            let answer = self.function.invoke_within(TICK, timeout).await;
            (answer, began.elapsed())
        };
        let end_of_time = async {
            sleep(timeout).await;
            still_owed(&self.owed, &self.aws)
        };
        let ((answer, wall), owed) = tokio::join!(invocation, end_of_time);
        (answer, wall, owed)
    }
}

/// The counts that are not set yet.
fn still_owed(owed: &BTreeMap<String, u32>, aws: &FakeAws) -> BTreeMap<String, u32> {
    let desired = aws.desired_counts();
    owed.iter()
        .filter(|(service, count)| desired.get(*service) != Some(count))
        .map(|(service, count)| (service.clone(), *count))
        .collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut fleets = Vec::new();
    for services in &arguments.services {
        fleets.push(Steered::new(*services, &arguments).await?);
    }
    let mut rows = Vec::new();
    // Every fleet has its tick in every round, one after the other, so that the sizes share the minutes.
    for round in [Round::First, Round::Quiet, Round::Changed] {
        let next = Instant::now() + Duration::from_secs(arguments.every);
        for fleet in &mut fleets {
            rows.push(fleet.tick(round, &arguments).await?);
            say(&rows)?;
        }
        sleep_until(next).await;
    }
    if let Some(largest) = fleets.iter_mut().max_by_key(|fleet| fleet.size.services) {
        for round in [Round::Short, Round::MadeUp] {
            rows.push(largest.tick(round, &arguments).await?);
            say(&rows)?;
        }
    }
    rows.sort_by_key(|row| row.services);
    let table = table(&rows);
    writeln!(io::stdout(), "\n{table}")?;
    if let Some(file) = &arguments.markdown {
        write_into(file, &table)?;
    }
    for fleet in fleets {
        say_warnings(fleet).await?;
    }
    Ok(())
}

/// Tells how far it is: the whole takes minutes.
fn say(rows: &[Row]) -> io::Result<()> {
    let Some(row) = rows.last() else { return Ok(()) };
    writeln!(
        io::stderr(),
        "{} services, {}: {:.1} s, {} of {} changed, {} errors",
        row.services,
        row.tick,
        row.wall.as_secs_f64(),
        row.changed,
        row.changes,
        row.errors
    )
}

/// Ends the function, and shows the first errors of its log.
async fn say_warnings(fleet: Steered) -> io::Result<()> {
    const SHOWN: usize = 3;
    let services = fleet.size.services;
    let log = fleet.function.stdout().await;
    let is_bad = |line: &&String| line.contains(r#""level":"WARN""#) || line.contains(r#""level":"ERROR""#);
    let bad: Vec<&String> = log.iter().filter(is_bad).collect();
    if !bad.is_empty() {
        writeln!(io::stderr(), "\n{services} services: {} warnings, the first of them", bad.len())?;
    }
    for line in bad.iter().take(SHOWN) {
        writeln!(io::stderr(), "{line}")?;
    }
    Ok(())
}
