//! The command line's process: hands over the arguments, the environment and a clock.

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use trimtab::aws::SystemClock;
use trimtab::cli;

#[tokio::main]
async fn main() -> ExitCode {
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    cli::main(env::args_os(), variables, Arc::new(SystemClock)).await
}
