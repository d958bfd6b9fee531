//! `trimtab check`: is the policy file right, and what does it cover?

use std::path::Path;

use serde::Serialize;

use super::error::CliError;
use super::screen::Screen;
use super::table::{Column, table};
use crate::config::{PolicyFile, Problem};
use crate::model::{ScalableTarget, ServiceId};

#[derive(Serialize)]
struct Verdict {
    valid: bool,
    entries: Vec<Entry>,
    problems: Vec<ProblemRow>,
}

#[derive(Serialize)]
struct Entry {
    service: String,
    line: usize,
}

#[derive(Serialize)]
struct ProblemRow {
    line: usize,
    column: usize,
    path: String,
    service: Option<String>,
    message: String,
    hint: Option<String>,
}

/// Reads a policy file that is on this machine.
pub(super) fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path)
        .map_err(|error| CliError::no(format!("the file {} cannot be read: {error}", path.display())))
}

/// The policy file in a text, if any of it can be followed.
pub(super) fn parsed(place: &str, text: &str) -> Result<PolicyFile, CliError> {
    PolicyFile::parse(place, text).map_err(|problems| invalid(place, &problems))
}

/// The policy file in a text, if all of it is right.
pub(super) fn valid(place: &str, text: &str) -> Result<PolicyFile, CliError> {
    let file = parsed(place, text)?;
    if file.problems.is_empty() { Ok(file) } else { Err(invalid(place, &file.problems)) }
}

/// The target that a policy file makes of a service.
pub(super) fn target_of(
    file: &PolicyFile,
    place: &str,
    service: &ServiceId,
) -> Result<ScalableTarget, CliError> {
    match file.entry_for(service) {
        Ok(Some(entry)) => Ok(entry.target_for(service)),
        Ok(None) => Err(CliError::no(format!("no entry of {place} is for {service}"))),
        Err(problem) => Err(CliError::no(problem.to_string())),
    }
}

/// The service that is asked for, or the only one of a policy file that is right.
pub(super) fn only_target(
    place: &str,
    text: &str,
    service: Option<&ServiceId>,
) -> Result<ScalableTarget, CliError> {
    let file = valid(place, text)?;
    if let Some(service) = service {
        return target_of(&file, place, service);
    }
    match file.entries.as_slice() {
        [entry] => match entry.pattern().literal() {
            Some(service) => Ok(entry.target_for(service)),
            None => Err(several(place)),
        },
        _ => Err(several(place)),
    }
}

fn several(place: &str) -> CliError {
    CliError::usage(format!("{place} is for more than one service"))
        .with_hint("name one: --service cluster/service")
}

fn invalid(place: &str, problems: &[Problem]) -> CliError {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    CliError::no(format!("{place} is not valid\n{}", lines.join("\n")))
}

/// Checks the file and tells every problem.
pub(super) fn run(path: &Path, screen: &mut Screen) -> Result<(), CliError> {
    let text = read(path)?;
    let place = path.display().to_string();
    let (entries, problems) = match PolicyFile::parse(&place, &text) {
        Ok(file) => (file.entries, file.problems),
        Err(problems) => (Vec::new(), problems),
    };
    let entries: Vec<Entry> = entries
        .iter()
        .map(|entry| Entry { service: entry.pattern().to_string(), line: entry.line() })
        .collect();
    if screen.json {
        let valid = problems.is_empty();
        screen.write_json(&Verdict { valid, entries, problems: problems.iter().map(row).collect() })?;
    } else {
        for problem in &problems {
            screen.write(&format!("{problem}\n"))?;
        }
        if problems.is_empty() {
            let rows = entries.iter().map(|entry| vec![entry.service.clone(), entry.line.to_string()]);
            screen.write(&table(&[Column::Text("SERVICE"), Column::Number("LINE")], rows))?;
        }
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(CliError::no(format!("{place} has a problem"))),
        count => Err(CliError::no(format!("{place} has {count} problems"))),
    }
}

fn row(problem: &Problem) -> ProblemRow {
    ProblemRow {
        line: problem.line,
        column: problem.column,
        path: problem.path.clone(),
        service: problem.service.clone(),
        message: problem.message.clone(),
        hint: problem.hint.clone(),
    }
}
