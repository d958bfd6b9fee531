//! Collects the problems of one part of the file, and reads the part into its document type.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::explain::{About, explain};
use super::path::{Path, Step};
use super::problem::Problem;
use super::tree::{Flaw, Node, Position};

/// Lists whose elements are read or left out one by one.
const READ_APART: [&str; 3] = ["policies", "schedules", "windows"];

/// The problems of one part of the file: a service entry, the defaults, the outline.
pub(super) struct Report<'a> {
    place: &'a str,
    node: &'a Node,
    prefix: Path,
    service: Option<String>,
    /// What was found so far.
    pub(super) problems: Vec<Problem>,
    broken: BTreeSet<String>,
}

impl<'a> Report<'a> {
    /// A report on the part `node` that is at `prefix` in the file at `place`, without a problem yet.
    pub(super) fn new(place: &'a str, node: &'a Node, prefix: Path) -> Self {
        let service = node.member("service").and_then(|member| member.value.text()).map(str::to_owned);
        Self { place, node, prefix, service, problems: Vec::new(), broken: BTreeSet::new() }
    }

    /// The value at `path` is wrong.
    pub(super) fn wrong(&mut self, path: &Path, message: impl Into<String>) {
        self.add(self.node.position_of(path), path, message.into(), None);
    }

    /// The value at `path` is wrong, and this is what to do.
    pub(super) fn wrong_but(&mut self, path: &Path, message: impl Into<String>, hint: impl Into<String>) {
        self.add(self.node.position_of(path), path, message.into(), Some(hint.into()));
    }

    /// What the document as a tree has wrong here.
    pub(super) fn flaw(&mut self, flaw: Flaw) {
        let path = flaw.path.to_string();
        self.problems.push(flaw.into_problem(self.place, path, self.service.clone()));
    }

    /// Whether the key at the top of this part was there but could not be read.
    pub(super) fn is_broken(&self, key: &str) -> bool {
        self.broken.contains(key)
    }

    /// Whether there is a null at `path`.
    pub(super) fn is_null(&self, path: &Path) -> bool {
        at(&self.node.to_value(), path).is_some_and(Value::is_null)
    }

    /// Reads the part. What cannot be read is reported and left out, so that the rest is still read: an unknown key
    /// alone, else the list element or the key at the part's top that it is in.
    pub(super) fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        const MOST: usize = 20;
        let mut value = self.node.to_value();
        if !value.is_object() && !value.is_null() {
            self.wrong(
                &Path::default(),
                format!("expected a mapping of keys to values, found {}", in_short(&value)),
            );
            return None;
        }
        for _ in 0..MOST {
            match serde_path_to_error::deserialize(&value) {
                Ok(document) => return Some(document),
                Err(error) if !self.leave_out(&mut value, &error) => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// Reports an error and takes what it is about out of the value, if that is possible.
    fn leave_out(
        &mut self,
        value: &mut Value,
        error: &serde_path_to_error::Error<serde_json::Error>,
    ) -> bool {
        let path = existing(value, error.path());
        let complaint = explain(&error.inner().to_string(), at(value, &path));
        let (shown, position, cut) = match complaint.about {
            About::UnknownKey => (path.parent(), self.node.position_of_key(&path), path),
            About::MissingKey(key) if path.steps().is_empty() && self.is_broken(&key) => return false,
            About::MissingKey(_) | About::Value => {
                (path.clone(), self.node.position_of(&path), self.fragment(&path))
            }
        };
        self.add(position, &shown, complaint.message, complaint.hint);
        remove(value, &cut)
    }

    /// The list element or the key at the part's top that a path is in, to be left out.
    fn fragment(&mut self, path: &Path) -> Path {
        let fragment: Path = match path.steps() {
            [Step::Key(key), index @ Step::Index(_), ..] if READ_APART.contains(&key.as_str()) => {
                Path::default().key(key).then(index.clone())
            }
            [key, ..] => [key.clone()].into_iter().collect(),
            [] => Path::default(),
        };
        if let [Step::Key(key)] = fragment.steps() {
            self.broken.insert(key.clone());
        }
        fragment
    }

    fn add(&mut self, at: Position, path: &Path, message: String, hint: Option<String>) {
        self.problems.push(Problem {
            place: self.place.to_owned(),
            line: at.line,
            column: at.column,
            path: self.prefix.join(path).to_string(),
            service: self.service.clone(),
            message,
            hint,
        });
    }
}

impl Flaw {
    /// The flaw as a problem.
    pub(super) fn into_problem(self, place: &str, path: String, service: Option<String>) -> Problem {
        Problem {
            place: place.to_owned(),
            line: self.at.line,
            column: self.at.column,
            path,
            service,
            message: self.message,
            hint: self.hint,
        }
    }
}

fn in_short(value: &Value) -> String {
    if value.is_array() { "a list".to_owned() } else { value.to_string() }
}

/// The part of serde's path that exists in the value: names of enum variants are keys, or else nothing.
fn existing(value: &Value, path: &serde_path_to_error::Path) -> Path {
    let mut steps = Vec::new();
    let mut value = value;
    for segment in path {
        let (step, next) = match segment {
            Segment::Seq { index } => (Step::Index(*index), value.get(index)),
            Segment::Map { key } | Segment::Enum { variant: key } => (Step::Key(key.clone()), value.get(key)),
            Segment::Unknown => break,
        };
        let Some(next) = next else { break };
        steps.push(step);
        value = next;
    }
    steps.into_iter().collect()
}

/// The value at a path.
fn at<'v>(value: &'v Value, path: &Path) -> Option<&'v Value> {
    path.steps().iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// Leaves out what is at a path: a key goes, a list element becomes null so that the others keep their places.
fn remove(value: &mut Value, path: &Path) -> bool {
    let Some((last, parents)) = path.steps().split_last() else { return false };
    let parent = parents.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    });
    match (last, parent) {
        (Step::Key(key), Some(Value::Object(map))) => map.remove(key).is_some(),
        (Step::Index(index), Some(Value::Array(list))) => match list.get_mut(*index) {
            Some(element) if !element.is_null() => {
                *element = Value::Null;
                true
            }
            _ => false,
        },
        _ => false,
    }
}
