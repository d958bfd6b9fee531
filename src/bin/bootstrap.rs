//! The Lambda function: reads its environment once, and answers events. It connects at the first one, so that it starts as
//! fast as a function that does nothing.
//!
//! Settings that cannot be followed do not stop the process: every event is answered with what is wrong with them, where
//! whoever invoked the function reads it.

use std::env;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use trimtab::aws::{AwsCloud, SystemClock, load_config};
use trimtab::control::places::PolicyPlace;
use trimtab::control::ports::Clock;
use trimtab::control::{Controller, Settings};
use trimtab::handler::connect::ports;
use trimtab::handler::emf::Metrics;
use trimtab::handler::settings::{FunctionSettings, SettingsError};
use trimtab::handler::{Handler, HandlerError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let variables: Vec<(String, String)> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    log_to_stdout(&variables);
    let settings = settings(&variables).inspect_err(|error| tracing::error!(%error, "invalid settings"));
    let handler = OnceCell::new();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let settings = settings.as_ref().map_err(|error| diagnostic("SettingsError", error))?;
        answer(handler.get_or_init(|| connect(settings, &variables)).await, event).await
    }))
    .await
}

fn settings(variables: &[(String, String)]) -> Result<FunctionSettings, SettingsError> {
    let settings = FunctionSettings::from_variables(variables.iter().cloned())?;
    for warning in &settings.warnings {
        tracing::warn!(warning, "setting without effect");
    }
    Ok(FunctionSettings { policy: beside_the_binary(settings.policy), ..settings })
}

async fn connect(settings: &FunctionSettings, variables: &[(String, String)]) -> Handler {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = ports(&AwsCloud::new(load_config().await), settings, Arc::clone(&clock));
    let FunctionSettings { shadow, look_every, fan_out, service_metrics, .. } = *settings;
    let controller = Controller::new(ports, Settings { shadow, look_every, fan_out });
    let function = value_of(variables, "AWS_LAMBDA_FUNCTION_NAME").unwrap_or("trimtab").to_owned();
    let metrics = Metrics { function, by_service: service_metrics };
    let memory =
        value_of(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|memory| memory.parse().ok());
    let handler = Handler::new(controller, clock).with_memory(memory);
    handler.with_metrics(metrics, Box::new(io::stdout()))
}

async fn answer(handler: &Handler, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Diagnostic> {
    let deadline = i64::try_from(event.context.deadline).ok().map(Timestamp::from_millisecond);
    let deadline = deadline.and_then(Result::ok);
    let answer = handler.handle_until(event.payload.get().as_bytes(), deadline).await;
    answer.map_err(|error: HandlerError| diagnostic(error.kind(), &error))
}

fn diagnostic(kind: &str, error: &impl ToString) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: error.to_string() }
}

fn beside_the_binary(policy: PolicyPlace) -> PolicyPlace {
    match policy {
        PolicyPlace::File(path) if path.is_relative() => {
            let binary = env::current_exe().unwrap_or_default();
            PolicyPlace::File(binary.parent().map_or_else(PathBuf::new, PathBuf::from).join(path))
        }
        place @ (PolicyPlace::File(_) | PolicyPlace::S3 { .. } | PolicyPlace::Ssm { .. }) => place,
    }
}

/// JSON lines, which Lambda's log takes as they are. Lambda's own level goes before `RUST_LOG`, which is a list of levels and
/// `target=level`.
fn log_to_stdout(variables: &[(String, String)]) {
    let level = value_of(variables, "AWS_LAMBDA_LOG_LEVEL").or_else(|| value_of(variables, "RUST_LOG"));
    let directives = level.map(|level| level.replace("FATAL", "ERROR")).unwrap_or_default();
    let mut filter = Targets::new().with_default(LevelFilter::INFO);
    let directives = directives.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    for directive in directives.filter_map(|directive| directive.parse::<Targets>().ok()) {
        filter = match directive.default_level() {
            Some(level) => filter.with_default(level),
            None => filter.with_targets(directive),
        };
    }
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(io::stdout);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

fn value_of<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
