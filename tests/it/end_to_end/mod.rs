//! The function's process between the Lambda Runtime API and AWS: an event in, a desired count out.

mod by_hand;
mod fan_out;
mod faults;
mod fleet;
mod places;
mod scaling;

use serde_json::Value;

use crate::support::runtime_api::Function;

const TICK: &str = r#"{"action": "tick"}"#;

/// One service that keeps its processors at 60 per cent.
const TRACKING: &str = "version: 1
services:
  - service: $CLUSTER/checkout
    capacity: { min: 1, max: 20 }
    policies:
      - target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 60 }
";

/// Hands the function an event that nothing goes wrong with.
async fn ask(function: &mut Function, event: &str) -> Value {
    let answer = function.invoke(event).await.unwrap();
    assert_eq!(answer["errors"], Value::Array(Vec::new()), "{answer}");
    answer
}

/// What an answer says of a service.
fn decision<'a>(answer: &'a Value, service: &str) -> &'a Value {
    let decisions = answer["decisions"].as_array().expect("an answer has decisions");
    let is_of = |decision: &&Value| {
        decision["service"]
            .as_str()
            .and_then(|id| id.split_once('/'))
            .is_some_and(|(_, name)| name == service)
    };
    decisions.iter().find(is_of).unwrap_or_else(|| panic!("no decision on {service}: {answer}"))
}

/// The count before, the count after, and whether that was carried out.
fn decided(answer: &Value, service: &str) -> (u64, u64, bool) {
    let decision = decision(answer, service);
    let count = |key: &str| decision[key].as_u64().expect("a decision has counts");
    (count("from"), count("to"), decision["applied"].as_bool().expect("a decision is applied or not"))
}
