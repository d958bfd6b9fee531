//! The policy file: from text to the model.
//!
//! ```text
//! text ──> tree (values with line and column) ──> document (keys and defaults) ──> model (what keys mean together)
//! ```
//!
//! Every service entry is read on its own. One that is wrong is reported and left out, and the others hold.

mod combine;
mod document;
mod edit;
mod entry;
mod explain;
mod metrics;
mod path;
mod policies;
mod problem;
mod report;
mod scalar;
mod steps;
mod tree;
mod validate;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::document::{BlastRadiusDoc, DocumentDoc, ServiceDoc};
pub use self::edit::{Setting, with_settings};
pub use self::entry::ServiceEntry;
use self::path::{Path, Step};
pub use self::problem::Problem;
use self::report::Report;
use self::tree::{Flaw, Node};
use crate::model::blast_radius::BlastRadius;
use crate::model::{ServiceId, ServicePattern};

/// The version of the file's format.
const VERSION: u32 = 1;

/// A policy file that can be used, at least in part.
#[derive(Clone, Debug, Default)]
pub struct PolicyFile {
    /// What all services together may change within a minute, where that is limited.
    pub blast_radius: Option<BlastRadius>,
    /// The service entries that are valid.
    pub entries: Vec<ServiceEntry>,
    /// What is wrong with the other ones, and which entries select the same service; by line.
    pub problems: Vec<Problem>,
}

impl PolicyFile {
    /// The longest text that is read, in bytes.
    pub const LONGEST: usize = tree::LONGEST;

    /// Reads the text of the policy file at `place`, YAML or JSON.
    ///
    /// # Errors
    /// All problems of a document that cannot be used as a whole: it cannot be parsed, is over 1 MiB, has an unknown key
    /// at its top or another version, or has wrong defaults.
    pub fn parse(place: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let whole = |flaw: Flaw| {
            let path = flaw.path.to_string();
            flaw.into_problem(place, path, None)
        };
        let (root, flaws) = tree::parse(text).map_err(|flaw| vec![whole(flaw)])?;
        let (mut by_entry, others) = flaws_by_entry(flaws);
        let mut problems: Vec<Problem> = others.into_iter().map(whole).collect();
        let (of_outline, blast_radius) = outline(place, &root);
        problems.extend(of_outline);
        let defaults = root.member("defaults").map(|member| &member.value);
        let wrong_defaults = defaults.map(|defaults| defaults_problems(place, defaults)).unwrap_or_default();
        let services = match root.member("services") {
            Some(member) if wrong_defaults.is_empty() => member.value.elements(),
            _ => &[], // without its defaults no entry can be judged
        };
        problems.extend(wrong_defaults);
        let is_whole = problems.is_empty();
        let mut entries = Vec::new();
        for (i, node) in services.iter().enumerate() {
            match service_entry(place, i, node, defaults, by_entry.remove(&i).unwrap_or_default()) {
                Ok(entry) => entries.push((i, entry)),
                Err(of_entry) => problems.extend(of_entry),
            }
        }
        problems.extend(overlaps(&mut entries));
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let entries = entries.into_iter().map(|(_, entry)| entry).collect();
        if is_whole { Ok(Self { blast_radius, entries, problems }) } else { Err(problems) }
    }

    /// The entry that selects the service, if any does.
    ///
    /// # Errors
    /// A problem that names two entries that select it.
    #[expect(clippy::result_large_err, reason = "a problem is built once a service at most, and shown")]
    pub fn entry_for(&self, service: &ServiceId) -> Result<Option<&ServiceEntry>, Problem> {
        let mut selecting = self.entries.iter().filter(|entry| entry.selects(service));
        match (selecting.next(), selecting.next()) {
            (Some(one), Some(other)) => Err(overlap(&service.to_string(), one, other, "services".to_owned())),
            (entry, _) => Ok(entry),
        }
    }

    /// This file, with the entries of the last good one whose pattern has only entries that are wrong here: a slip in an
    /// edit must not leave a service without its policy.
    pub fn keeping_last_good(mut self, last: &Self) -> Self {
        let wrong: BTreeSet<&str> =
            self.problems.iter().filter_map(|problem| problem.service.as_deref()).collect();
        let is_here = |pattern: &ServicePattern| self.entries.iter().any(|entry| entry.pattern == *pattern);
        let kept: Vec<ServiceEntry> = last
            .entries
            .iter()
            .filter(|entry| wrong.contains(entry.pattern.to_string().as_str()) && !is_here(&entry.pattern))
            .map(|entry| ServiceEntry { is_kept: true, ..entry.clone() })
            .collect();
        self.entries.extend(kept);
        self
    }
}

/// The JSON Schema of the policy file, for editors.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(DocumentDoc);
    schema.insert("title".to_owned(), "trimtab policy file".into());
    schema.to_value()
}

/// The flaws by the number of the service entry that they are in, and those that are in none.
fn flaws_by_entry(flaws: Vec<Flaw>) -> (BTreeMap<usize, Vec<Flaw>>, Vec<Flaw>) {
    let mut by_entry: BTreeMap<usize, Vec<Flaw>> = BTreeMap::new();
    let mut others = Vec::new();
    for flaw in flaws {
        match flaw.path.steps() {
            [Step::Key(key), Step::Index(index), ..] if key == "services" => {
                by_entry.entry(*index).or_default().push(flaw);
            }
            _ => others.push(flaw),
        }
    }
    (by_entry, others)
}

/// What is wrong with the file's top, and the limit over all services that is there.
fn outline(place: &str, root: &Node) -> (Vec<Problem>, Option<BlastRadius>) {
    let mut report = Report::new(place, root, Path::default());
    let top = Path::default();
    let mut limits = None;
    if let Some(DocumentDoc { version, services, blast_radius, .. }) = report.read() {
        if version != VERSION {
            let message = format!("is {version}; this trimtab reads version {VERSION}");
            report.wrong(&top.key("version"), message);
        }
        if services.is_empty() {
            let hint = "to stop scaling a service, write mode: paused in its entry";
            report.wrong_but(&top.key("services"), "is empty", hint);
        }
        limits = blast_radius.map(|BlastRadiusDoc { services, tasks_in, tasks_out }| BlastRadius {
            services,
            tasks_in,
            tasks_out,
        });
        if limits == Some(BlastRadius::default()) {
            report.wrong(&top.key("blast_radius"), "needs \"services\", \"tasks_in\" or \"tasks_out\"");
        }
    }
    (report.problems, limits)
}

fn defaults_problems(place: &str, defaults: &Node) -> Vec<Problem> {
    let mut report = Report::new(place, defaults, Path::default().key("defaults"));
    if let Some(doc) = report.read::<Option<ServiceDoc>>() {
        validate::defaults(&mut report, doc.unwrap_or_default());
    }
    report.problems.into_iter().map(|problem| Problem { service: None, ..problem }).collect()
}

/// Reads the service entry `index`, or says all that is wrong with it.
fn service_entry(
    place: &str,
    index: usize,
    node: &Node,
    defaults: Option<&Node>,
    flaws: Vec<Flaw>,
) -> Result<ServiceEntry, Vec<Problem>> {
    let node = defaults.map_or_else(|| node.clone(), |defaults| node.with_defaults(defaults));
    let mut report = Report::new(place, &node, Path::default().key("services").index(index));
    if !flaws.is_empty() {
        for flaw in flaws {
            report.flaw(flaw);
        }
        return Err(report.problems);
    }
    let read = match report.read::<ServiceDoc>() {
        Some(doc) => validate::service(&mut report, doc),
        None => None,
    };
    match read {
        Some((pattern, except, template)) if report.problems.is_empty() => Ok(ServiceEntry {
            pattern,
            except,
            place: Arc::from(place),
            line: node.at.line,
            column: node.at.column,
            is_kept: false,
            template,
        }),
        _ => Err(report.problems),
    }
}

/// Finds entries that are certain to select the same service. Entries of the same pattern are left out, since neither can
/// ever hold; of a service and a glob that selects it both stay, and the service alone is without a policy.
fn overlaps(entries: &mut Vec<(usize, ServiceEntry)>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut first: BTreeMap<String, &ServiceEntry> = BTreeMap::new();
    let mut repeated = BTreeSet::new();
    for (i, entry) in entries.iter() {
        let pattern = entry.pattern.to_string();
        if let Some(other) = first.get(&pattern) {
            problems.push(overlap(&pattern, other, entry, format!("services[{i}]")));
            repeated.insert(pattern);
        } else {
            first.insert(pattern, entry);
        }
    }
    let globs: Vec<&(usize, ServiceEntry)> =
        entries.iter().filter(|(_, entry)| entry.pattern.literal().is_none()).collect();
    for (i, entry) in entries.iter() {
        let Some(literal) = entry.pattern.literal() else { continue };
        for (j, glob) in globs.iter().filter(|(_, glob)| glob.selects(literal) && entry.selects(literal)) {
            let (one, other) = if i < j { (entry, glob) } else { (glob, entry) };
            let path = format!("services[{}]", i.max(j));
            problems.push(overlap(&literal.to_string(), one, other, path));
        }
    }
    entries.retain(|(_, entry)| !repeated.contains(&entry.pattern.to_string()));
    problems
}

/// Two entries select one service.
fn overlap(service: &str, one: &ServiceEntry, other: &ServiceEntry, path: String) -> Problem {
    let glob = [one, other].into_iter().find(|entry| entry.pattern.literal().is_none());
    let hint = match glob {
        Some(glob) if glob.pattern.to_string() != service => {
            format!("write except: [{service}] in the entry of {}", glob.pattern)
        }
        _ => "remove one of them".to_owned(),
    };
    Problem {
        place: other.place.to_string(),
        line: other.line,
        column: other.column,
        path,
        service: Some(service.to_owned()),
        message: format!(
            "{service} is selected by two entries: {} and {}",
            one.whereabouts(),
            other.whereabouts()
        ),
        hint: Some(hint),
    }
}
