//! Application Auto Scaling's configuration as a policy file that behaves the same.
//!
//! ```text
//! JSON or API ──> aas (its own words) ──> entries (ours, with remarks) ──> YAML, read again before it is handed out
//! ```
//!
//! Nothing is dropped in silence: what cannot be carried over is a remark, which stands in the file where its entry is.

pub mod aas;
mod alarms;
mod entry;
mod policies;
mod schedules;
mod translate;
mod write;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use self::aas::Configuration;
use self::entry::{Draft, Part};
use crate::config::{PolicyFile, Problem};
use crate::model::ServiceId;

/// Rounds of taking out what the policy file's rules refuse: each takes something out of every entry that is refused.
const MOST_ROUNDS: usize = 100;

/// A policy file, and what it leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The text of the policy file.
    pub text: String,
    /// The services in it.
    pub services: Vec<ServiceId>,
    /// What could not be carried over.
    pub remarks: Vec<Remark>,
}

/// Something that could not be carried over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The service, where it concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceId>,
    /// What it is about, as in `policy "cpu60"`.
    pub item: String,
    /// What was not carried over, and why or what to do.
    pub remark: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(service) = &self.service {
            write!(f, "{service}: ")?;
        }
        write!(f, "{}: not carried over: {}", self.item, self.remark)
    }
}

/// No policy file could be made.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ImportError {
    /// No service is scaled by anything.
    #[error("no ECS service has a scaling policy or a scheduled action there")]
    Nothing(Vec<Remark>),
    /// It would not be read.
    #[error("the policy file would be {bytes} bytes long, and at most {} are read", PolicyFile::LONGEST)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A fault of this program.
    #[error("the policy file that was made is not valid, which is a fault of trimtab: {0}")]
    Internal(String),
}

/// Makes the policy file that behaves as the configuration does, for the services that are wanted; none wants all. The time is
/// when the configuration was read: it tells which scheduled actions have run.
///
/// # Errors
/// [`ImportError`] where nothing can be written. What only a part of the configuration is wrong for is a remark.
pub fn import(
    configuration: &Configuration,
    wanted: &[ServiceId],
    now: Timestamp,
) -> Result<Imported, ImportError> {
    let mut draft = translate::draft(configuration, wanted, now);
    for _ in 0..MOST_ROUNDS {
        draft.leave_out_empty();
        if draft.entries.is_empty() {
            return Err(ImportError::Nothing(draft.remarks()));
        }
        let text = draft.text(now);
        if PolicyFile::LONGEST < text.len() {
            return Err(ImportError::TooLong { bytes: text.len() });
        }
        let problems = match PolicyFile::parse("the imported policy file", &text) {
            Ok(file) => file.problems,
            Err(problems) => return Err(internal(&problems)),
        };
        if problems.is_empty() {
            let services = draft.entries.iter().map(|entry| entry.service.clone()).collect();
            return Ok(Imported { text, services, remarks: draft.remarks() });
        }
        if !leave_out(&mut draft, &problems) {
            return Err(internal(&problems));
        }
    }
    Err(ImportError::Internal("it does not come to an end".to_owned()))
}

/// Takes out of the draft what the policy file's rules refuse: AAS has other limits than trimtab. False where a problem is in
/// nothing that can be taken out.
fn leave_out(draft: &mut Draft, problems: &[Problem]) -> bool {
    // The last ones first: the places of those before them stay.
    let mut refused: Vec<(usize, Option<Part>, &str)> = Vec::new();
    for problem in problems {
        let Some((index, part)) = place_of(&problem.path) else { return false };
        if !refused.iter().any(|(other, other_part, _)| *other == index && *other_part == part) {
            refused.push((index, part, &problem.message));
        }
    }
    refused.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)));
    for (index, part, message) in refused {
        let why = format!("the policy file cannot have it: {message}");
        match part {
            Some(part) => draft.entries.get_mut(index).is_some_and(|entry| entry.take_out(part, &why)),
            None => draft.take_out(index, &why),
        };
    }
    true
}

/// The entry and the part of it that a problem's path leads to: `services[2].policies[0].…`.
fn place_of(path: &str) -> Option<(usize, Option<Part>)> {
    let (index, rest) = path.strip_prefix("services[")?.split_once(']')?;
    let numbered = |list: &str| rest.strip_prefix(list)?.split_once(']')?.0.parse().ok();
    let part = numbered(".policies[")
        .map(Part::Policy)
        .or_else(|| numbered(".schedules[").map(Part::Schedule))
        .or_else(|| rest.starts_with(".predictive").then_some(Part::Predictive));
    Some((index.parse().ok()?, part))
}

fn internal(problems: &[Problem]) -> ImportError {
    let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
    ImportError::Internal(told.join("; "))
}
