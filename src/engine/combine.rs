//! Step 2: many recommendations become one. The highest wins, or scale-out needs every policy's agreement; scale-in needs it
//! always, and a policy that cannot tell forbids it. Protected tasks hold their tasks.

use std::cmp::Ordering;

use super::account::Account;
use super::figures::tasks;
use super::recommend::{Look, Verdict, Vote};
use crate::model::target::Combine;
use crate::model::{ReasonCode, TaskCount};

/// What the policies ask for together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) count: TaskCount,
    /// Whether any policy asked for a count; without one there is nothing to learn from.
    pub(super) from_policies: bool,
}

/// Combines the votes, and tells each with its reasons.
pub(super) fn combine(look: &Look<'_>, verdicts: &[Verdict<'_>], account: &mut Account) -> Wish {
    for reason in verdicts.iter().flat_map(|verdict| &verdict.reasons) {
        account.tell(reason.code, reason.text.clone());
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
            format!("the highest recommendation is {} by {}", tasks(highest), winner.policy),
        );
    }
    let count = match (highest.cmp(&look.desired), look.target.combine) {
        (Ordering::Less, _) => agreed(look, verdicts, highest, account),
        (Ordering::Greater, Combine::AllAgree) => agreed_out(look, verdicts, highest, account),
        (Ordering::Greater, Combine::Max) | (Ordering::Equal, _) => highest,
    };
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
        verdicts.iter().filter(|verdict| !agrees(verdict)).map(|verdict| verdict.policy).collect();
    if !against.is_empty() {
        let (policies, does) = (against.join(", "), if against.len() == 1 { "does" } else { "do" });
        let text =
            format!("{policies} {does} not agree to scale-out, so {} instead of {highest}", look.desired);
        account.bind(ReasonCode::ScaleOutNotAgreed, text);
        return look.desired;
    }
    let Some(lowest) = verdicts.iter().min_by_key(|verdict| verdict.wanted()) else {
        return highest;
    };
    let count = lowest.wanted().unwrap_or(highest);
    if 1 < verdicts.len() {
        let text = format!("every policy agrees to scale-out, to {} as {} asks", tasks(count), lowest.policy);
        account.bind(lowest.code, text);
    }
    count
}

/// The scale-in that every policy can agree to.
fn agreed(look: &Look<'_>, verdicts: &[Verdict<'_>], highest: TaskCount, account: &mut Account) -> TaskCount {
    if let Some(blind) = blind(verdicts) {
        let text =
            format!("{} cannot tell, so scale-in from {} to {highest} waits", blind.policy, look.desired);
        account.bind(ReasonCode::ScaleInNotAgreed, text);
        return look.desired;
    }
    let mut count = highest;
    for verdict in verdicts {
        if let Vote::NotBelow(floor) = verdict.vote
            && count < floor
        {
            count = floor;
            let text = format!("{} agrees to no fewer than {}", verdict.policy, tasks(floor));
            account.bind(ReasonCode::ScaleInNotAgreed, text);
        }
    }
    let protected = look.observation.service.protected.min(look.desired);
    if count < protected {
        count = protected;
        let text = format!("{} protected from scale-in", tasks(protected));
        account.bind(ReasonCode::WorkInFlight, text);
    }
    count
}
