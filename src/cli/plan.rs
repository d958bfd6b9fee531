//! `trimtab plan` and `trimtab invoke`: the controller on the real services, without and with its hands.

use std::path::Path;
use std::time::Duration;

use anstyle::AnsiColor;
use serde::Serialize;
use serde_json::{Value, json};

use super::error::CliError;
use super::screen::{Screen, bold, coloured, say};
use super::table::{Column, table};
use crate::control::Controller;
use crate::control::answer::{Answer, ErrorKind, ServiceDecision};
use crate::control::calls::Usage;
use crate::control::calls::price::{Bill, LambdaTime};
use crate::control::trigger::Trigger;
use crate::handler::event::{Incoming, Parsed};
use crate::handler::{Handler, HandlerError};
use crate::model::Change;

/// The time between two ticks.
const A_MINUTE: Duration = Duration::from_secs(60);

/// Shows what the function would do now, or on an event, and why.
pub(super) async fn plan(
    controller: &Controller,
    event: Option<&Path>,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let mut answer = Answer::default();
    for trigger in triggers(event)? {
        answer.extend(controller.plan(&trigger).await);
    }
    let used = controller.calls().used();
    let month = Bill::of(&used, LambdaTime::default()).per_month(A_MINUTE);
    if screen.json {
        let cost = json!({ "calls": used.calls, "metrics": used.metrics, "cost_per_month": month.total() });
        screen.write_json(&Planned { answer: &answer, spent: cost })?;
    } else {
        screen.write(&told(&answer))?;
        screen.write(&format!("\n{}", spent(&used, &month)))?;
    }
    verdict(&answer)
}

/// The answer, and what it took.
#[derive(Serialize)]
struct Planned<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    spent: Value,
}

/// A table of the calls that the plan took, and what they would cost with a tick a minute.
fn spent(used: &Usage, month: &Bill) -> String {
    let columns = [Column::Text("CALL"), Column::Number("TIMES"), Column::Number("$ A MONTH")];
    let rows = used.calls.iter().map(|(name, count)| {
        let dollars = month.parts().get(name).copied().unwrap_or_default();
        vec![(*name).to_owned(), count.to_string(), format!("{dollars:.2}")]
    });
    let metrics = if used.metrics == 1 { "metric" } else { "metrics" };
    format!(
        "{}With a look like this each minute ${:.2} a month, by the list prices of us-east-1, for {} {metrics} and the rest.\n",
        table(&columns, rows),
        month.total(),
        used.metrics
    )
}

/// Hands an event to the handler, as Lambda would, and writes its answer.
pub(super) async fn invoke(handler: &Handler, event: &Path, screen: &mut Screen) -> Result<(), CliError> {
    let answer = handler.handle(&read(event)?).await.map_err(|error| match error {
        HandlerError::Undone(_) => CliError::world(error.to_string()),
        HandlerError::Event(_) | HandlerError::NoRecord { .. } | HandlerError::Answer(_) => {
            unreadable(event, &error)
        }
    })?;
    screen.write_json(&answer)?;
    match answer.get("errors").and_then(Value::as_array).map_or(0, Vec::len) {
        0 => Ok(()),
        1 => Err(CliError::world("the answer lists an error")),
        count => Err(CliError::world(format!("the answer lists {count} errors"))),
    }
}

fn triggers(event: Option<&Path>) -> Result<Vec<Trigger>, CliError> {
    let Some(path) = event else { return Ok(vec![Trigger::Tick]) };
    let incoming = Incoming::read(&read(path)?).map_err(|error| unreadable(path, &error.into()))?;
    let mut triggers = Vec::new();
    for record in incoming.records {
        for parsed in record.parsed.map_err(|error| unreadable(path, &error.into()))? {
            match parsed {
                Parsed::Trigger(trigger) => triggers.push(trigger),
                Parsed::Ignored { why } => say(&format!("ignored: {why}")),
            }
        }
    }
    Ok(triggers)
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path)
        .map_err(|error| CliError::no(format!("the file {} cannot be read: {error}", path.display())))
}

fn unreadable(path: &Path, error: &HandlerError) -> CliError {
    CliError::no(format!("{}: {error}", path.display()))
}

/// A table of what would be done, the reasons of each change below it, and every error.
fn told(answer: &Answer) -> String {
    let columns = [
        Column::Text("SERVICE"),
        Column::Number("DESIRED"),
        Column::Number("RUNNING"),
        Column::Text("PLAN"),
        Column::Text("BECAUSE"),
    ];
    let rows = answer.decisions.iter().map(|decision| {
        let plan =
            if decision.change == Change::Hold { "hold".to_owned() } else { format!("-> {}", decision.to) };
        let code = serde_json::to_value(decision.code).ok().and_then(|code| code.as_str().map(str::to_owned));
        let counts = [decision.from, decision.running].map(|count| count.to_string());
        [vec![decision.service.to_string()], counts.to_vec(), vec![plan, code.unwrap_or_default()]].concat()
    });
    let decisions = answer.decisions.iter().map(reasons);
    let errors = answer.errors.iter().map(|error| {
        let service = error.service.as_ref().map(ToString::to_string);
        let service = service.filter(|service| !error.error.starts_with(service));
        let service = service.map_or_else(String::new, |service| format!("{service}: "));
        format!("{} {service}{}\n", coloured("error:", AnsiColor::Red), error.error)
    });
    let parts: Vec<String> = [table(&columns, rows)].into_iter().chain(decisions).chain(errors).collect();
    parts.join("\n")
}

fn reasons(decision: &ServiceDecision) -> String {
    let change = match decision.change {
        Change::Out => coloured(&format!("{} -> {}", decision.from, decision.to), AnsiColor::Green),
        Change::In => coloured(&format!("{} -> {}", decision.from, decision.to), AnsiColor::Yellow),
        Change::Hold => format!("{} stays", decision.from),
    };
    let service = bold(&decision.service.to_string());
    format!("{service} {change}\n  {}\n", decision.reasons.join("\n  "))
}

fn verdict(answer: &Answer) -> Result<(), CliError> {
    let of_world = answer.errors.iter().any(|error| error.kind == ErrorKind::World);
    if !of_world && !answer.errors.is_empty() {
        return Err(CliError::no("the errors told above are of the policy file or of what was asked"));
    }
    match answer.errors.len() {
        0 => Ok(()),
        1 => Err(CliError::world("one thing could not be looked at; it is told above")),
        count => Err(CliError::world(format!("{count} things could not be looked at; they are told above"))),
    }
}
