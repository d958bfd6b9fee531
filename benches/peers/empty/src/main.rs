//! The least that a Lambda function in Rust is: it answers every event with nothing.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_event: LambdaEvent<Value>| Ok::<_, Error>(Value::Null))).await
}
