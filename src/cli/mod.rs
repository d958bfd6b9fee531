//! The command line: what `trimtab --help` teaches.
//!
//! Data goes to standard output, talk to standard error. Exit status: 0 done, 1 the answer is no, 2 usage, 3 AWS or the
//! network failed.

mod backtest;
mod check;
mod compare;
pub mod decide;
mod ecs;
mod error;
mod import;
mod past;
mod plan;
mod screen;
mod shadow_report;
mod simulate;
mod table;
mod tune;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, value_parser};
use jiff::Timestamp;

use crate::aws::{AwsCloud, load_config};
use crate::control::places::{PolicyPlace, StatePlace};
use crate::control::ports::Clock;
use crate::control::{Controller, Ports, Settings};
use crate::handler::Handler;
use crate::handler::connect::ports;
use crate::handler::settings::FunctionSettings;
use crate::model::capacity::MOST_TASKS;
use crate::model::duration::parse_duration;
use crate::model::{ServiceId, TaskCount};
use crate::sim::peers::Peer;
use crate::sim::service::TaskSize;
use crate::sim::tasks::StartTime;
pub use error::CliError;
use screen::{Screen, say};

const EXAMPLES: &str = "\
Examples:
  trimtab demo                                       a day against the embedded cloud; needs no account
  trimtab check trimtab.yaml                         is the policy file right?
  trimtab plan --policy trimtab.yaml                 what would be done now, and why
  trimtab simulate --policy trimtab.yaml --trace load.csv --compare all --report page.html
  trimtab backtest --policy trimtab.yaml --service prod/checkout --days 14

Exit status: 0 done, 1 the answer is no (invalid policy, failed check), 2 usage, 3 AWS or the network failed.
AWS is reached as every AWS SDK does: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL and the rest.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  trimtab import prod/web prod/api --out trimtab.yaml
  trimtab import --all --cluster prod --out trimtab.yaml
  for what in scalable-targets scaling-policies scheduled-actions; do
    aws application-autoscaling describe-$what --service-namespace ecs
  done | trimtab import --from - --out trimtab.yaml

Target tracking, step scaling, scheduled actions and predictive scaling are carried over with AAS's own figures, and what is \
suspended as suspended. The services are written in shadow: trimtab decides and reports, and AAS goes on scaling.

What cannot be carried over is told on standard error, in the file where its entry is, and with --json as a list.

The output of aws cloudwatch describe-alarms may be given to --from as well: it tells how many points each policy waits for.

AWS is asked for application-autoscaling:Describe* and cloudwatch:DescribeAlarms; nothing there is changed.";

const SHADOW_REPORT_EXAMPLES: &str = "\
Examples:
  aws logs filter-log-events --log-group-name /aws/lambda/trimtab --start-time $(date -d '7 days ago' +%s000) \\
    --filter-pattern '{ $.message = \"decision\" }' > decisions.json
  aws application-autoscaling describe-scaling-activities --service-namespace ecs > activities.json
  trimtab shadow-report --decisions decisions.json --activities activities.json
  trimtab shadow-report --decisions decisions.json --real aas prod/web --since 24h --json

For each service: task-hours and their cost, how often the count changed, for how long either had fewer tasks than the other, and \
for each real change whether trimtab had wanted it before, by how much earlier, or only kept it, or did not want it.

The divergence is the integral of the difference of the two counts over the integral of the greater of them: 0 is always the same, \
1 has nothing in common.

A wish counts from the look that tells it to the next one, for two minutes at most; where trimtab is silent it wanted what was. A \
count that was wanted and not set changed no load: a difference is true where it begins, and a guess for as long as it lasts.";

/// An event-driven autoscaler for Amazon ECS: it decides each service's desired count, says why, and can be tried before it acts
#[derive(Debug, Parser)]
#[command(name = "trimtab", version, after_help = EXAMPLES, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Write data as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a day of load against the embedded cloud and draw it
    Demo(DemoArgs),
    /// Validate a policy file
    Check {
        /// The policy file
        file: PathBuf,
    },
    /// Print the JSON Schema of the policy file, for editors
    Schema,
    /// List the clusters
    Clusters,
    /// List the services of a cluster, or of all, with their counts
    Services {
        /// The cluster's name; all clusters where none is given
        cluster: Option<String>,
    },
    /// Set the desired count of a service
    Scale {
        /// The service
        #[arg(value_name = "CLUSTER/SERVICE")]
        service: ServiceId,
        /// The desired count, in tasks
        #[arg(value_parser = value_parser!(TaskCount).range(..=i64::from(MOST_TASKS)))]
        desired: TaskCount,
    },
    /// Show what the function would do now, and why; change nothing
    Plan {
        /// The event to answer; a tick where none is given
        #[arg(long, value_name = "FILE")]
        event: Option<PathBuf>,
        #[command(flatten)]
        place: PolicyArgs,
    },
    /// Hand one event to the handler, in this process; this acts
    Invoke {
        /// The event, as JSON
        file: PathBuf,
        #[command(flatten)]
        place: PolicyArgs,
    },
    /// Decide on observations from standard input, one JSON object a line
    Decide {
        /// The policy file
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// The service that the observations are of
        #[arg(long, value_name = "CLUSTER/SERVICE")]
        service: ServiceId,
    },
    /// Simulate a service on a load trace: cost, promise, actions
    Simulate(SimulateArgs),
    /// Replay a service's own past: what happened, and what policies would have made of it
    #[command(after_help = BACKTEST_EXAMPLES)]
    Backtest(BacktestArgs),
    /// Search a policy's settings for the cheapest that keep a promise on a service's own past
    #[command(after_help = TUNE_EXAMPLES)]
    Tune(TuneArgs),
    /// Set the promise policies beside other scalers on all load traces of a folder
    Compare(CompareArgs),
    /// Write the policy file that behaves as Application Auto Scaling does for your services
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Compare what trimtab wanted in shadow with what really happened
    #[command(after_help = SHADOW_REPORT_EXAMPLES)]
    ShadowReport(ShadowReportArgs),
}

#[derive(Debug, Args)]
struct PolicyArgs {
    #[arg(
        long,
        value_name = "PLACE",
        help = "The policy file: a path, s3://bucket/key or ssm:/name [default: TRIMTAB_POLICY, or trimtab.yaml]"
    )]
    policy: Option<String>,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Where to write the page with the plots
    #[arg(long, value_name = "FILE", default_value = "trimtab-demo.html")]
    report: PathBuf,
    /// Where to write a picture of the day, as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Where all random numbers come from; the same seed gives the same day
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The width of the drawing, in characters
    #[arg(long, default_value_t = 100)]
    width: u16,
}

#[derive(Debug, Args)]
struct SimulateArgs {
    /// The policy file
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The load: a CSV file with the columns t (seconds) and rate (a second), evenly spaced
    #[arg(long, value_name = "CSV")]
    trace: PathBuf,
    /// The service, where the policy file is for several
    #[arg(long, value_name = "CLUSTER/SERVICE")]
    service: Option<ServiceId>,
    /// What the load is of; by the service's policies where not given
    #[arg(long)]
    kind: Option<TraceKind>,
    /// Simulate this many days of the load, after those before them as history that the forecast may use
    #[arg(long, value_name = "N")]
    days: Option<f64>,
    /// Make the load so large that its mean keeps this many tasks busy
    #[arg(long, value_name = "N")]
    tasks: Option<f64>,
    /// How long a task takes to start: the median and the 95th percentile, in seconds
    #[arg(long, value_name = "MEDIAN,P95", default_value = "45,90", value_parser = start_time)]
    start: StartTime,
    #[arg(
        long,
        value_name = "PEERS",
        value_delimiter = ',',
        value_parser = peer_names(),
        help = "Set other scalers beside it on the same load, each at the best of its settings"
    )]
    compare: Vec<String>,
    /// Where to write a page with the plots, all scalers side by side
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where all random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The width of the drawing, in characters
    #[arg(long, default_value_t = 100)]
    width: u16,
}

/// A service's past, and what it does not tell.
#[derive(Debug, Args)]
struct PastArgs {
    /// The service, where the policy file is for several
    #[arg(long, value_name = "CLUSTER/SERVICE")]
    service: Option<ServiceId>,
    /// Take the past from a CSV file (t, rate and what else is known) and ask nothing of AWS
    #[arg(long, value_name = "CSV", conflicts_with_all = ["days", "until", "cache"])]
    from_csv: Option<PathBuf>,
    /// The days to read from CloudWatch, which keeps points of one minute for 15 days
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = value_parser!(u32).range(1..=14))]
    days: u32,
    /// The end of these days; now where not given
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Where what was read is kept, day by day: a .csv file, or a folder with one for each service
    #[arg(long, value_name = "PATH", default_value = "trimtab-history")]
    cache: PathBuf,
    /// What a task can take, in requests or messages a second; learned from the past where not given
    #[arg(long, value_name = "RATE")]
    per_task: Option<f64>,
    /// A request should take no longer; the policy's promise where it has one, else 1.5 times what a request takes
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    latency: Option<Duration>,
    /// A message should start within this; the policy's promise where it has one, else 3m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    start_within: Option<Duration>,
    /// How long a task takes to start: the median and the 95th percentile, in seconds
    #[arg(long, value_name = "MEDIAN,P95", default_value = "45,90", value_parser = start_time)]
    start: StartTime,
    /// The processors of a task, for its price
    #[arg(long, value_name = "N", default_value_t = 0.5)]
    vcpu: f64,
    /// The memory of a task in gigabytes, for its price
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    memory_gb: f64,
    /// How many times to replay, with other random arrivals within each minute and other starts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u64).range(1..=100))]
    seeds: u64,
}

const BACKTEST_EXAMPLES: &str = "\
Examples:
  trimtab backtest --policy trimtab.yaml --service prod/checkout
  trimtab backtest --policy trimtab.yaml --service prod/checkout --against proposed.yaml
  trimtab backtest --policy trimtab.yaml --from-csv history.csv --latency 250ms --compare all

Needs the permission cloudwatch:GetMetricData. What is assumed is told with the result; docs/backtest.md says more.";

#[derive(Debug, Args)]
struct BacktestArgs {
    /// Today's policy file
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// A policy file to compare it with
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// The share of requests or messages that should be served in time, in per cent; the policy's where not given
    #[arg(long, value_name = "PERCENT")]
    promise: Option<f64>,
    #[arg(
        long,
        value_name = "PEERS",
        value_delimiter = ',',
        value_parser = peer_names(),
        help = "Set other scalers beside them with the first seed, each at the best of its settings"
    )]
    compare: Vec<String>,
    #[command(flatten)]
    past: PastArgs,
}

const TUNE_EXAMPLES: &str = "\
Examples:
  trimtab tune --policy trimtab.yaml --service prod/checkout --promise 99.9 --latency 300ms
  trimtab tune --policy trimtab.yaml --from-csv history.csv --promise 99.9 --out tuned.yaml

The settings are searched on the first part of the past and judged on the rest; docs/backtest.md says how, and what that is
worth. Exit status 1: no settings were found that keep the promise on both.";

#[derive(Debug, Args)]
struct TuneArgs {
    /// Today's policy file
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The share of requests or messages that must be served in time, in per cent
    #[arg(long, value_name = "PERCENT")]
    promise: f64,
    /// The share of the past that is searched on; what is found is judged on the rest
    #[arg(long, value_name = "SHARE", default_value_t = 0.7)]
    fit_share: f64,
    /// Where to write the policy file with the settings that were found; to standard output where not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    past: PastArgs,
}

#[derive(Debug, Args)]
struct CompareArgs {
    /// A folder of loads: CSV files with the columns t (seconds) and rate (a second), evenly spaced
    #[arg(value_name = "DIR")]
    traces: PathBuf,
    /// The days of each load to simulate, after those before them as history
    #[arg(long, value_name = "N", default_value_t = 3.0)]
    days: f64,
    /// The sizes of the service: how many tasks the mean of a load keeps busy
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_values_t = [3.0, 30.0])]
    tasks: Vec<f64>,
    /// How long a task takes to start: the median and the 95th percentile, in seconds
    #[arg(long, value_name = "MEDIAN,P95", default_value = "45,90", value_parser = start_time)]
    start: StartTime,
    /// Where all random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write the figures as a page of Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Where to read, and where to write.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["services", "all", "from"]))]
struct ImportArgs {
    /// The services to import
    #[arg(value_name = "CLUSTER/SERVICE")]
    services: Vec<ServiceId>,
    /// Import every ECS service that is registered
    #[arg(long, conflicts_with_all = ["services", "from"])]
    all: bool,
    /// Import the services of this cluster only
    #[arg(long, value_name = "CLUSTER", conflicts_with = "services")]
    cluster: Option<String>,
    /// Read what aws printed instead of asking AWS; - is standard input, a file may hold several outputs
    #[arg(long, value_name = "FILE", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Where to write the policy file; standard output where not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Debug, Args)]
struct ShadowReportArgs {
    /// The services to compare; all that are in the log where none is given
    #[arg(value_name = "CLUSTER/SERVICE")]
    services: Vec<ServiceId>,
    /// The function's log, as lines or as aws logs prints it; - is standard input
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    decisions: Vec<PathBuf>,
    /// What aws application-autoscaling describe-scaling-activities printed
    #[arg(long, value_name = "FILE", num_args = 1..)]
    activities: Vec<PathBuf>,
    /// From where it is known what really happened, beside --activities
    #[arg(long, default_value = "log")]
    real: RealCounts,
    /// From when: RFC 3339, or how long ago, as in 7d; from the first decision where not given
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Until when; until the last decision where not given
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The policy file: where it promises a latency, CloudWatch is asked how that was kept
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Processors of a task, for the money (Fargate, Linux on x86, us-east-1)
    #[arg(long, default_value_t = TaskSize::default().vcpu)]
    vcpu: f64,
    /// Memory of a task, in gigabytes
    #[arg(long, default_value_t = TaskSize::default().memory_gb)]
    memory_gb: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RealCounts {
    /// The log alone: the desired count that trimtab found at its looks
    Log,
    /// The scaling activities of Application Auto Scaling, asked of AWS; to the second
    Aas,
    /// CloudWatch's `DesiredTaskCount` of Container Insights, by the minute
    ContainerInsights,
    /// CloudWatch's count of `CPUUtilization` samples, which are the running tasks, by the minute
    Ecs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TraceKind {
    /// Requests: a task serves 4 at once, 200 ms each
    Http,
    /// Messages: a task works off 2 a second
    Queue,
}

fn peer_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Peer::ALL.map(Peer::name).into_iter().chain(["all"]))
}

fn start_time(text: &str) -> Result<StartTime, String> {
    let seconds = |text: &str| text.trim().parse::<f64>().ok().filter(|seconds| 0.0 < *seconds);
    let time = text
        .split_once(',')
        .and_then(|(median, p95)| Some(StartTime { median_s: seconds(median)?, p95_s: seconds(p95)? }));
    time.filter(|time| time.median_s <= time.p95_s && time.p95_s.is_finite())
        .ok_or_else(|| "write the median and the 95th percentile in seconds, as in 45,90".to_owned())
}

/// Runs a command line in an environment, and tells with which status to end.
pub async fn main(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (String, String)>,
    clock: Arc<dyn Clock>,
) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, to standard output, with status 0. Nobody is left to tell a failure.
            drop(error.print());
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    match run(cli, variables, clock).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.reader_left() {
                say(&error.to_string());
            }
            error.exit_code()
        }
    }
}

async fn run(
    cli: Cli,
    variables: impl IntoIterator<Item = (String, String)>,
    clock: Arc<dyn Clock>,
) -> Result<(), CliError> {
    let mut screen = Screen::new(cli.json);
    match cli.command {
        Command::Demo(args) => simulate::run_demo(&args, &mut screen),
        Command::Check { file } => check::run(&file, &mut screen),
        Command::Schema => screen.write_json(&crate::config::schema()),
        Command::Simulate(args) => simulate::run_simulate(&args, &mut screen),
        Command::Backtest(args) => backtest::run(&args, clock.as_ref(), &mut screen).await,
        Command::Tune(args) => tune::run(&args, clock.as_ref(), &mut screen).await,
        Command::Compare(args) => compare::run(&args, &mut screen),
        Command::Decide { policy, service } => {
            let place = policy.display().to_string();
            let file = check::valid(&place, &check::read(&policy)?)?;
            let target = check::target_of(&file, &place, &service)?;
            Ok(decide::run(&target, io::stdin().lock(), io::BufWriter::new(io::stdout().lock()))?)
        }
        Command::Import(args) if !args.from.is_empty() => import::from_files(&args, clock.now(), &mut screen),
        Command::Import(args) => {
            let api = cloud().await.application_auto_scaling();
            import::from_aws(&args, &api, clock.now(), &mut screen).await
        }
        Command::ShadowReport(args) => shadow_report::run(&args, clock.now(), &mut screen).await,
        Command::Clusters => ecs::clusters(&cloud().await.ecs(), &mut screen).await,
        Command::Services { cluster } => ecs::services(&cloud().await.ecs(), cluster, &mut screen).await,
        Command::Scale { service, desired } => {
            ecs::scale(&cloud().await.ecs(), &service, desired, &mut screen).await
        }
        Command::Plan { event, place } => {
            let (controller, _) = controller(variables, place, clock).await?;
            plan::plan(&controller, event.as_deref(), &mut screen).await
        }
        Command::Invoke { file, place } => {
            let (controller, clock) = controller(variables, place, clock).await?;
            plan::invoke(&Handler::new(controller, clock), &file, &mut screen).await
        }
    }
}

async fn cloud() -> AwsCloud {
    AwsCloud::new(load_config().await)
}

/// The controller that the function would run with these variables.
async fn controller(
    variables: impl IntoIterator<Item = (String, String)>,
    place: PolicyArgs,
    clock: Arc<dyn Clock>,
) -> Result<(Controller, Arc<dyn Clock>), CliError> {
    let given = place.policy.map(|policy| ("TRIMTAB_POLICY".to_owned(), policy));
    let variables = variables.into_iter().filter(|(name, _)| given.is_none() || name != "TRIMTAB_POLICY");
    let settings = FunctionSettings::from_variables(variables.chain(given.clone()))
        .map_err(|error| CliError::usage(error.to_string()))?;
    for warning in &settings.warnings {
        say(&format!("warning: {warning}"));
    }
    if settings.state == StatePlace::Memory {
        say(
            "warning: TRIMTAB_STATE is memory: pauses, overrides and cooldowns of the function are not known here, and none is kept",
        );
    }
    if let PolicyPlace::File(path) = &settings.policy {
        if !path.exists() {
            let error = CliError::no(format!("there is no policy file {}", path.display()));
            return Err(error.with_hint("name one with --policy, or set TRIMTAB_POLICY"));
        }
        check::parsed(&path.display().to_string(), &check::read(path)?)?;
    }
    // What is asked for here is answered here, not sent to the function's workers.
    let ports = Ports { shards: None, ..ports(&cloud().await, &settings, Arc::clone(&clock)) };
    let of_all = Settings { shadow: settings.shadow, ..Settings::default() };
    Ok((Controller::new(ports, of_all), clock))
}
