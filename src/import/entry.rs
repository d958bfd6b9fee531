//! Service entries as they will be written: what is carried over, and at its place what is not.

use jiff::{Timestamp, Unit};

use super::Remark;
use super::write::{Element, Member, Node, document, member};
use crate::model::ServiceId;

/// How far a metric may be over and under its target with AAS before its alarms count points. AAS has no rule that says so
/// for scale-in; its alarms have this threshold.
pub(super) const USUAL_TOLERANCE: Tolerance = Tolerance { out: 0.0, scale_in: 0.1 };

/// All that will be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// By service.
    pub(super) entries: Vec<Entry>,
    /// About what is in no entry.
    pub(super) others: Vec<Remark>,
}

/// A service entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) service: ServiceId,
    pub(super) mode: Mode,
    pub(super) capacity: Vec<(&'static str, Node)>,
    pub(super) policies: Vec<Item>,
    pub(super) predictive: Option<Item>,
    pub(super) schedules: Vec<Item>,
    pub(super) damping: Damping,
    /// Remarks about the service, and about parts that are not there.
    pub(super) remarks: Vec<Remark>,
}

/// A part of an entry.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// What it is, as in `policy "cpu60"`.
    pub(super) label: String,
    /// What is good to know.
    pub(super) notes: Vec<String>,
    /// What of it is not carried over.
    pub(super) lost: Vec<String>,
    pub(super) value: Node,
}

/// Whether an entry acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As every imported service at first.
    Shadow,
    /// As a service for which AAS does nothing either.
    Paused,
}

/// What is not AAS's usual way in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Damping {
    pub(super) tolerance: Tolerance,
    pub(super) suspended_out: bool,
    pub(super) suspended_in: bool,
}

/// Shares of the target, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    pub(super) out: f64,
    pub(super) scale_in: f64,
}

/// Which part of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Policy(usize),
    Predictive,
    Schedule(usize),
}

impl Item {
    pub(super) fn new(label: impl Into<String>, value: Node) -> Self {
        Self { label: label.into(), notes: Vec::new(), lost: Vec::new(), value }
    }

    fn comments(&self) -> Vec<String> {
        let lost = self.lost.iter().map(|lost| not_carried_over(lost));
        [self.label.clone()].into_iter().chain(self.notes.iter().cloned()).chain(lost).collect()
    }

    fn member(self, key: &str) -> Member {
        Member { comments: self.comments(), key: key.to_owned(), value: self.value }
    }

    fn element(self) -> Element {
        Element { comments: self.comments(), value: Some(self.value) }
    }
}

impl Default for Damping {
    fn default() -> Self {
        Self { tolerance: USUAL_TOLERANCE, suspended_out: false, suspended_in: false }
    }
}

impl Damping {
    fn value(self) -> Node {
        let rules = |tolerance, is_suspended: bool| {
            let mut rules = vec![("tolerance", Node::number(tolerance)), ("stabilization", Node::word("0s"))];
            if is_suspended {
                rules.push(("select", Node::word("Disabled")));
            }
            rules.push(("policies", Node::FlowList(Vec::new())));
            Node::Flow(rules)
        };
        Node::Map(vec![
            member("scale_out", rules(self.tolerance.out, self.suspended_out)),
            member("scale_in", rules(self.tolerance.scale_in, self.suspended_in)),
        ])
    }

    fn comments(self) -> Vec<String> {
        let mut comments = Vec::new();
        for (is_suspended, direction) in [(self.suspended_out, "scale_out"), (self.suspended_in, "scale_in")]
        {
            if is_suspended {
                comments.push(format!(
                    "suspended in Application Auto Scaling; to resume, take out select: Disabled of {direction}"
                ));
            }
        }
        comments
    }
}

impl Entry {
    /// Says what of a part is not carried over.
    pub(super) fn lose(&mut self, item: &str, what: &str) {
        let remark = self.remark(item, what);
        self.remarks.push(remark);
    }

    fn remark(&self, item: &str, what: &str) -> Remark {
        Remark { service: Some(self.service.clone()), item: item.to_owned(), remark: what.to_owned() }
    }

    /// Whether there is anything that scales the service.
    fn has_rules(&self) -> bool {
        !self.policies.is_empty() || !self.schedules.is_empty() || self.predictive.is_some()
    }

    /// Takes a part out, and says why. False where there is no such part.
    pub(super) fn take_out(&mut self, part: Part, why: &str) -> bool {
        let item = match part {
            Part::Policy(index) if index < self.policies.len() => self.policies.remove(index),
            Part::Schedule(index) if index < self.schedules.len() => self.schedules.remove(index),
            Part::Predictive => match self.predictive.take() {
                Some(item) => item,
                None => return false,
            },
            Part::Policy(_) | Part::Schedule(_) => return false,
        };
        self.lose(&item.label, why);
        true
    }

    /// Everything that is not carried over.
    fn all_remarks(&self) -> impl Iterator<Item = Remark> {
        let items = self.policies.iter().chain(&self.predictive).chain(&self.schedules);
        let of_items = items.flat_map(|item| item.lost.iter().map(|lost| self.remark(&item.label, lost)));
        self.remarks.iter().cloned().chain(of_items)
    }

    fn element(self) -> Element {
        let comments = self
            .remarks
            .iter()
            .map(|remark| format!("{}: {}", remark.item, not_carried_over(&remark.remark)));
        let comments = comments.collect();
        let mode = match self.mode {
            Mode::Shadow => "shadow",
            Mode::Paused => "paused",
        };
        let mut members = vec![
            member("service", Node::text(&self.service.to_string())),
            member("mode", Node::word(mode)),
            member("capacity", Node::Flow(self.capacity)),
        ];
        if self.mode == Mode::Paused
            && let Some(mode) = members.get_mut(1)
        {
            mode.comments.push(
                "suspended altogether in Application Auto Scaling; to resume, write mode: active".to_owned(),
            );
        }
        if !self.policies.is_empty() {
            let policies = self.policies.into_iter().map(Item::element).collect();
            members.push(member("policies", Node::List(policies)));
        }
        members.extend(self.predictive.map(|predictive| predictive.member("predictive")));
        if !self.schedules.is_empty() {
            let schedules = self.schedules.into_iter().map(Item::element).collect();
            members.push(member("schedules", Node::List(schedules)));
        }
        if self.damping != Damping::default() {
            let comments = self.damping.comments();
            members.push(Member { comments, key: "behavior".to_owned(), value: self.damping.value() });
        }
        Element { comments, value: Some(Node::Map(members)) }
    }
}

impl Draft {
    /// Takes an entry out, and says why.
    pub(super) fn take_out(&mut self, index: usize, why: &str) -> bool {
        if self.entries.len() <= index {
            return false;
        }
        let entry = self.entries.remove(index);
        self.others.extend(entry.all_remarks());
        self.others.push(entry.remark("scalable target", why));
        true
    }

    /// Takes out the entries that scale nothing: a policy file cannot have them.
    pub(super) fn leave_out_empty(&mut self) {
        while let Some(index) = self.entries.iter().position(|entry| !entry.has_rules()) {
            self.take_out(
                index,
                "nothing scales it: it has no policy and no scheduled action that could be carried over",
            );
        }
    }

    /// Everything that is not carried over, by service.
    pub(super) fn remarks(&self) -> Vec<Remark> {
        let of_entries = self.entries.iter().flat_map(Entry::all_remarks);
        let mut remarks: Vec<Remark> = of_entries.chain(self.others.iter().cloned()).collect();
        remarks.sort_by(|a, b| a.service.cmp(&b.service));
        remarks
    }

    /// The policy file.
    pub(super) fn text(&self, now: Timestamp) -> String {
        let entries = self.entries.iter().cloned().map(Entry::element).collect();
        let damping = Member {
            comments: [
                "As Application Auto Scaling: no tolerance over a target, a tenth under it, no rate limit.",
            ]
            .map(str::to_owned)
            .to_vec(),
            key: "behavior".to_owned(),
            value: Damping::default().value(),
        };
        let defaults = Node::Map(vec![member("aas", Node::word("warn")), damping]);
        let members = [
            member("version", Node::word("1")),
            member("defaults", defaults),
            member("services", Node::List(entries)),
        ];
        document(&preamble(now), &members, &self.others.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

fn not_carried_over(what: &str) -> String {
    format!("not carried over: {what}")
}

/// What the file says of itself.
fn preamble(now: Timestamp) -> Vec<String> {
    let now = now.round(Unit::Second).unwrap_or(now);
    let lines = [
        "Every service is in shadow: trimtab decides and reports, Application Auto Scaling goes on scaling.",
        "To take a service over, when trimtab shadow-report shows what you want to see:",
        "  1. suspend it there, which can be undone (CLUSTER/SERVICE is its name):",
        "     aws application-autoscaling register-scalable-target --service-namespace ecs \\",
        "       --scalable-dimension ecs:service:DesiredCount --resource-id service/CLUSTER/SERVICE \\",
        "       --suspended-state DynamicScalingInSuspended=true,DynamicScalingOutSuspended=true,ScheduledScalingSuspended=true",
        "  2. write mode: active in its entry here.",
        "  3. later, deregister-scalable-target there, which deletes its policies, and take out aas: warn here.",
    ];
    let first = format!("Written by trimtab import from Application Auto Scaling at {now}.");
    [first].into_iter().chain(lines.map(str::to_owned)).collect()
}
