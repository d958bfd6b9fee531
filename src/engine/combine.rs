//! Step 2: many recommendations become one. The highest wins, or scale-out needs every policy's agreement, or a formula makes
//! a count of them. A policy that cannot tell always forbids scale-in. Protected tasks hold their tasks.

use std::cmp::Ordering;

use super::account::Account;
use super::figures::{number, tasks};
use super::recommend::{Look, Verdict, Vote};
use crate::model::capacity::tasks_rounded_up;
use crate::model::formula::{Formula, Unanswered};
use crate::model::sentence::phrase;
use crate::model::target::Combine;
use crate::model::{ReasonCode, TaskCount};

/// What the policies ask for together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) count: TaskCount,
    /// Whether any policy asked for a count; without one there is nothing to learn from.
    pub(super) from_policies: bool,
}

/// Combines the votes.
pub(super) fn combine(look: &Look<'_>, verdicts: &[Verdict<'_>], account: &mut Account) -> Wish {
    if let Combine::Formula(formula) = &look.target.combine {
        return by_formula(look, verdicts, formula, account);
    }
    let Some(winner) = winner(verdicts) else {
        if blind(verdicts).is_some() {
            account.bind_to(ReasonCode::InsufficientData);
        }
        return Wish { count: look.desired, from_policies: false };
    };
    let highest = winner.wanted().unwrap_or(look.desired);
    account.bind_to(winner.code);
    if 1 < verdicts.len() {
        account.tell(
            winner.code,
            phrase!(
                "the highest recommendation is {tasks} by {policy}",
                tasks = tasks(highest),
                policy = winner.policy.clone()
            ),
        );
    }
    let count = match (highest.cmp(&look.desired), &look.target.combine) {
        (Ordering::Less, _) => agreed(look, verdicts, highest, account),
        (Ordering::Greater, Combine::AllAgree) => agreed_out(look, verdicts, highest, account),
        (Ordering::Greater, Combine::Max | Combine::Formula(_)) | (Ordering::Equal, _) => highest,
    };
    Wish { count, from_policies: true }
}

/// What a formula makes of the votes. What it cannot do without is no wish: the count stays. A fallback is a figure for it like
/// any other, but nothing is taken away on the strength of one, nor of work in flight.
fn by_formula(look: &Look<'_>, verdicts: &[Verdict<'_>], formula: &Formula, account: &mut Account) -> Wish {
    let stays = Wish { count: look.desired, from_policies: false };
    let vote =
        |name: &str| verdicts.iter().find(|verdict| **verdict.policy == *name).map(|verdict| verdict.vote);
    let figure = |name: &str| match vote(name) {
        Some(Vote::Wants(count) | Vote::NotBelow(count)) => Some(count),
        Some(Vote::Neutral | Vote::Blind) | None => None,
    };
    let filled = formula.filled(|name| figure(name).map(|count| count.to_string()));
    let value = match formula.evaluate(|name| figure(name).map(f64::from)) {
        Ok(value) => value,
        Err(Unanswered::NotFinite) => {
            let text = phrase!(
                "{formula} = {filled}, which is not a number, so {tasks} stay",
                formula = formula.to_string(),
                tasks = tasks(look.desired)
            );
            account.bind(ReasonCode::Formula, text);
            return stays;
        }
        Err(Unanswered::Policy(name)) => {
            let (code, does) = match vote(name) {
                Some(Vote::Blind) => (ReasonCode::InsufficientData, "cannot tell"),
                _ => (ReasonCode::Formula, "asks for nothing"),
            };
            let text = phrase!(
                "{formula} has no result while {name} {does}, so {tasks} stay",
                formula = formula.to_string(),
                name = name.to_owned(),
                tasks = tasks(look.desired)
            );
            account.bind(code, text);
            return stays;
        }
    };
    let count = tasks_rounded_up(value);
    let text = phrase!(
        "{formula} = {filled} = {value}, so {tasks}",
        formula = formula.to_string(),
        value = number(value),
        tasks = tasks(count)
    );
    account.bind(ReasonCode::Formula, text);
    if look.desired <= count {
        return Wish { count, from_policies: true };
    }
    if let Some(verdict) = verdicts.iter().find(|verdict| verdict.code == ReasonCode::Fallback) {
        let text = phrase!(
            "{policy} has no data, so scale-in from {desired} to {count} waits",
            policy = verdict.policy.clone(),
            desired = look.desired
        );
        account.bind(ReasonCode::ScaleInNotAgreed, text);
        return Wish { count: look.desired, from_policies: true };
    }
    let mut count = agreed(look, verdicts, count, account);
    for verdict in verdicts.iter().filter(|verdict| verdict.code == ReasonCode::WorkInFlight) {
        if let Some(busy) = verdict.wanted().map(|busy| busy.min(look.desired)).filter(|busy| count < *busy) {
            count = busy;
            let text = phrase!(
                "work in flight of {policy} keeps {busy}",
                policy = verdict.policy.clone(),
                busy = tasks(busy)
            );
            account.bind(ReasonCode::WorkInFlight, text);
        }
    }
    Wish { count, from_policies: true }
}

/// The verdict with the highest count; the first of several.
fn winner<'a, 'b>(verdicts: &'b [Verdict<'a>]) -> Option<&'b Verdict<'a>> {
    let highest = verdicts.iter().filter_map(Verdict::wanted).max()?;
    verdicts.iter().find(|verdict| verdict.wanted() == Some(highest))
}

fn blind<'a, 'b>(verdicts: &'b [Verdict<'a>]) -> Option<&'b Verdict<'a>> {
    verdicts.iter().find(|verdict| verdict.vote == Vote::Blind)
}

/// The scale-out that every policy asks for: the lowest recommendation, if each is for more than there is.
fn agreed_out(
    look: &Look<'_>,
    verdicts: &[Verdict<'_>],
    highest: TaskCount,
    account: &mut Account,
) -> TaskCount {
    let agrees = |verdict: &&Verdict<'_>| verdict.wanted().is_some_and(|count| look.desired < count);
    let against: Vec<&str> =
        verdicts.iter().filter(|verdict| !agrees(verdict)).map(|verdict| verdict.policy.as_str()).collect();
    if !against.is_empty() {
        let (policies, does) = (against.join(", "), if against.len() == 1 { "does" } else { "do" });
        let text = phrase!(
            "{policies} {does} not agree to scale-out, so {desired} instead of {highest}",
            desired = look.desired
        );
        account.bind(ReasonCode::ScaleOutNotAgreed, text);
        return look.desired;
    }
    let Some(lowest) = verdicts.iter().min_by_key(|verdict| verdict.wanted()) else {
        return highest;
    };
    let count = lowest.wanted().unwrap_or(highest);
    if 1 < verdicts.len() {
        let text = phrase!(
            "every policy agrees to scale-out, to {tasks} as {policy} asks",
            tasks = tasks(count),
            policy = lowest.policy.clone()
        );
        account.bind(lowest.code, text);
    }
    count
}

/// The scale-in that every policy can agree to.
fn agreed(look: &Look<'_>, verdicts: &[Verdict<'_>], highest: TaskCount, account: &mut Account) -> TaskCount {
    if let Some(blind) = blind(verdicts) {
        let text = phrase!(
            "{policy} cannot tell, so scale-in from {desired} to {highest} waits",
            policy = blind.policy.clone(),
            desired = look.desired
        );
        account.bind(ReasonCode::ScaleInNotAgreed, text);
        return look.desired;
    }
    let mut count = highest;
    for verdict in verdicts {
        if let Vote::NotBelow(floor) = verdict.vote
            && count < floor
        {
            count = floor;
            let text = phrase!(
                "{policy} agrees to no fewer than {tasks}",
                policy = verdict.policy.clone(),
                tasks = tasks(floor)
            );
            account.bind(ReasonCode::ScaleInNotAgreed, text);
        }
    }
    let protected = look.observation.service.protected.min(look.desired);
    if count < protected {
        count = protected;
        let text = phrase!("{tasks} protected from scale-in", tasks = tasks(protected));
        account.bind(ReasonCode::WorkInFlight, text);
    }
    count
}
