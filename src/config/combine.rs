//! How recommendations become one, in the policy file: the policies' names, and the formula over them.

use super::document::CombineDoc;
use super::document::policy::PolicyDoc;
use super::explain::suggestion;
use super::path::Path;
use super::report::Report;
use crate::model::formula::{FUNCTIONS, Formula, is_name};
use crate::model::target::Combine;

/// A policy, and the name that it is given.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Where its settings are.
    pub(super) path: Path,
    /// The name, where it has one.
    pub(super) name: Option<String>,
}

/// The names that policies are given, checked. None where a policy could not be read, since its name is not known then.
pub(super) fn names(
    report: &mut Report<'_>,
    path: &Path,
    docs: Option<&[Option<PolicyDoc>]>,
) -> Option<Vec<Named>> {
    let docs = docs.unwrap_or_default();
    let named = |(i, doc): (usize, &Option<PolicyDoc>)| {
        let doc = doc.as_ref()?;
        Some(Named { path: path.index(i).key(doc.key()), name: doc.name().map(str::to_owned) })
    };
    let found: Vec<Named> = docs.iter().enumerate().filter_map(named).collect();
    for Named { path, name } in &found {
        let Some(name) = name.as_deref().filter(|name| !name.is_empty() && !is_name(name)) else { continue };
        if FUNCTIONS.contains(&name) {
            report
                .wrong(&path.key("name"), format!("{name:?} is a function of formulas; choose another name"));
        } else {
            let hint = "write letters, digits and underscores, as in orders_queue; 64 at most";
            report.wrong_but(&path.key("name"), format!("{name:?} cannot be named in a formula"), hint);
        }
    }
    (found.len() == docs.len()).then_some(found)
}

/// How the recommendations become one. Without `policies` the names in a formula are not checked.
pub(super) fn combine(
    report: &mut Report<'_>,
    path: &Path,
    doc: CombineDoc,
    policies: Option<&[Named]>,
) -> Option<Combine> {
    let text = match doc {
        CombineDoc::Max => return Some(Combine::Max),
        CombineDoc::AllAgree => return Some(Combine::AllAgree),
        CombineDoc::Formula(text) => text,
    };
    let path = path.key("formula");
    match Formula::parse(&text) {
        Ok(formula) => {
            if let Some(policies) = policies {
                check_names(report, &path, &formula, policies);
            }
            Some(Combine::Formula(formula))
        }
        Err(error) => {
            match error.hint {
                Some(hint) => report.wrong_but(&path, error.message, hint),
                None => report.wrong(&path, error.message),
            }
            None
        }
    }
}

/// A formula names policies that there are, and all of them: one that it leaves out would ask in vain.
fn check_names(report: &mut Report<'_>, path: &Path, formula: &Formula, policies: &[Named]) {
    let known: Vec<String> = policies.iter().filter_map(|policy| policy.name.clone()).collect();
    for mention in formula.mentions().iter().filter(|mention| !known.contains(&mention.name)) {
        let name = &mention.name;
        let message =
            format!("no policy has the name {name:?} (character {})", formula.character_of(mention));
        let hint = suggestion(name, &known).unwrap_or_else(|| match known.as_slice() {
            [] => format!("give it to one, as in target_tracking: {{ name: {name}, metric: ... }}"),
            known => format!("known here: {}", known.join(", ")),
        });
        report.wrong_but(path, message, hint);
    }
    for Named { path, name } in policies {
        match name {
            None => report.wrong(path, "needs \"name\", since combine has a formula"),
            Some(name) if formula.mentions().iter().all(|mention| mention.name != *name) => {
                let message = format!("the formula of combine leaves {name:?} out, so it would ask in vain");
                report.wrong_but(&path.key("name"), message, "use it there, or remove the policy");
            }
            Some(_) => {}
        }
    }
    if policies.is_empty() && formula.mentions().is_empty() {
        report.wrong(path, "names no policy");
    }
}
