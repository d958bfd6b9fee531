//! The policy file in force: fetched at every invocation, parsed when it changed. A file or an entry that went bad leaves
//! the last good one in force, and the answer says so until it is corrected.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{PolicyFile, Problem};
use crate::model::ServiceId;

use super::answer::AnswerError;
use super::ports::{Fetched, PolicySource};

/// The last policy file that was read, and the last good one.
#[derive(Debug, Default)]
pub(super) struct PolicyCache {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    version: Option<String>,
    digest: u64,
    good: Option<Arc<PolicyFile>>,
    /// What is wrong with the version that was read last.
    errors: Vec<AnswerError>,
}

/// The policy file to go by now.
#[derive(Debug)]
pub(super) struct Current {
    /// The last good file; none where there has not been one.
    pub(super) file: Option<Arc<PolicyFile>>,
    /// A number that another file has another of, most likely.
    pub(super) digest: u64,
    /// What is wrong with the newest file, or with reading it.
    pub(super) errors: Vec<AnswerError>,
}

impl PolicyCache {
    /// The policy file in force, newly fetched where it changed.
    pub(super) async fn current(&self, source: &dyn PolicySource) -> Current {
        let known = self.last().version.clone();
        let fetched = source.fetch(known.as_deref()).await;
        let mut last = self.last();
        let mut errors = Vec::new();
        match fetched {
            Ok(Fetched::NotModified) => {}
            Ok(Fetched::Document { text, version }) => last.take_in(&source.place(), &text, version),
            Err(error) => errors.push(AnswerError::world(
                None,
                format!("the policy file {} cannot be read: {error}; {}", source.place(), last.instead()),
            )),
        }
        errors.extend(last.errors.iter().cloned());
        Current { file: last.good.clone(), digest: last.digest, errors }
    }

    /// A new file is taken in as a whole, so the last one is consistent even after a panic elsewhere.
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not the same in every version of Rust; another one has every service looked at once.
fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Last {
    fn take_in(&mut self, place: &str, text: &str, version: String) {
        match PolicyFile::parse(place, text) {
            Ok(file) => {
                let problems = file.problems.clone();
                let file = match &self.good {
                    Some(good) => file.keeping_last_good(good),
                    None => file,
                };
                self.errors = problems.iter().filter_map(|problem| entry_error(problem, &file)).collect();
                self.good = Some(Arc::new(file));
            }
            Err(problems) => {
                let instead = self.instead();
                self.errors = problems.iter().map(|problem| error(problem, instead)).collect();
            }
        }
        self.version = Some(version);
        self.digest = digest(text);
    }

    fn instead(&self) -> &'static str {
        match self.good {
            Some(_) => "the last good policy file stays in force",
            None => "there is no earlier good one to go by, so nothing is scaled",
        }
    }
}

/// What is wrong with an entry, and what holds instead. Of a service under two entries there is nothing to say here: each
/// look at it does.
fn entry_error(problem: &Problem, in_force: &PolicyFile) -> Option<AnswerError> {
    let service: Option<ServiceId> = problem.service.as_ref().and_then(|service| service.parse().ok());
    if service.is_some_and(|service| in_force.entry_for(&service).is_err()) {
        return None;
    }
    let mut in_force = in_force.entries.iter().map(|entry| entry.pattern().to_string());
    let instead = if in_force.any(|pattern| problem.service.as_ref() == Some(&pattern)) {
        "the last good entry stays in force"
    } else {
        "there is no earlier good entry to go by, so it scales nothing"
    };
    Some(error(problem, instead))
}

fn error(problem: &Problem, instead: &str) -> AnswerError {
    let service = problem.service.as_ref().and_then(|service| service.parse().ok());
    AnswerError::policy(service, format!("{problem}; {instead}"))
}
