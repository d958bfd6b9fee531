//! The rules for the steps of step scaling policies, which are Application Auto Scaling's, and for their alarms:
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-step-scaling-policies.html>.

use std::collections::BTreeMap;

use super::document::policy::{AdjustmentTypeDoc, StepDoc};
use super::path::Path;
use super::report::Report;
use crate::model::capacity::MOST_TASKS;
use crate::model::policy::{MetricAggregation, PolicyKind, ScalingPolicy};

/// The most steps of a policy.
const MOST_STEPS: usize = 20;

/// A lower bound as a number: none is minus infinity.
pub(super) fn lower(bound: Option<f64>) -> f64 {
    bound.unwrap_or(f64::NEG_INFINITY)
}

/// Reports what is wrong with the steps at `path`. Their order does not matter.
pub(super) fn check(report: &mut Report<'_>, path: &Path, steps: &[StepDoc], adjustment: AdjustmentTypeDoc) {
    let before = report.problems.len();
    if steps.is_empty() || MOST_STEPS < steps.len() {
        report.wrong(path, format!("has {} steps; a policy has 1 to {MOST_STEPS}", steps.len()));
    }
    for (i, step) in steps.iter().enumerate() {
        check_step(report, &path.index(i), *step, adjustment);
    }
    if before < report.problems.len() {
        return; // the steps together say nothing while one of them is wrong
    }
    let mut sorted: Vec<(usize, StepDoc)> = steps.iter().copied().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| lower(a.lower).total_cmp(&lower(b.lower)));
    for pair in sorted.windows(2) {
        if let [(_, a), (i, b)] = pair {
            check_neighbours(report, &path.index(*i), *a, *b);
        }
    }
    if before == report.problems.len() {
        check_ends(report, path, &sorted);
    }
}

/// Reports policies of one alarm that aggregate its metric differently: an alarm is observed with one value.
pub(super) fn check_aggregations(report: &mut Report<'_>, policies: &[(Path, ScalingPolicy)]) {
    let mut first: BTreeMap<&str, MetricAggregation> = BTreeMap::new();
    for (path, policy) in policies {
        let PolicyKind::StepScaling(step) = &policy.kind else { continue };
        let (own, other) =
            (step.metric_aggregation, *first.entry(&step.alarm).or_insert(step.metric_aggregation));
        if own != other {
            let message = format!("is {own:?}; another policy of the alarm {:?} has {other:?}", step.alarm);
            report.wrong_but(
                &path.key("step_scaling").key("metric_aggregation"),
                message,
                "write the same in both",
            );
        }
    }
}

fn check_step(report: &mut Report<'_>, path: &Path, step: StepDoc, adjustment: AdjustmentTypeDoc) {
    match (step.lower, step.upper) {
        (None, None) => report.wrong(path, "needs \"lower\" or \"upper\""),
        (Some(lower), Some(upper)) if upper <= lower => {
            report.wrong(path, format!("lower {lower} is not below upper {upper}"));
        }
        _ => {}
    }
    if matches!(adjustment, AdjustmentTypeDoc::ExactCapacity) && step.change < 0 {
        let message = format!("is {}; with ExactCapacity it is the count itself, 0 or more", step.change);
        report.wrong(&path.key("change"), message);
    }
    if MOST_TASKS < step.change.unsigned_abs() {
        report
            .wrong(&path.key("change"), format!("is {}; that is more than a service can have", step.change));
    }
}

/// Step `b` is the next one above step `a`.
fn check_neighbours(report: &mut Report<'_>, path: &Path, a: StepDoc, b: StepDoc) {
    match (a.upper, b.lower) {
        (_, None) => report.wrong(path, "another step has no \"lower\" either; just one may"),
        (None, Some(_)) if b.upper.is_none() => {
            report.wrong(path, "another step has no \"upper\" either; just one may");
        }
        (None, Some(lower)) => {
            let message =
                format!("overlaps the step from {} on, which has no \"upper\"", self::lower(a.lower));
            report.wrong(path, format!("{message}: this one begins at {lower}"));
        }
        (Some(upper), Some(lower)) if lower < upper => {
            report.wrong(path, format!("begins at {lower}, within the step that ends at {upper}"));
        }
        (Some(upper), Some(lower)) if upper < lower => {
            report.wrong(
                path,
                format!("begins at {lower}, but the step before it ends at {upper}: there is a gap"),
            );
        }
        (Some(_), Some(_)) => {}
    }
}

/// An alarm's value can be as low or high as it likes, so the steps on its side of the threshold must go on for ever.
fn check_ends(report: &mut Report<'_>, path: &Path, sorted: &[(usize, StepDoc)]) {
    if let Some((i, StepDoc { lower: Some(lower), .. })) = sorted.first()
        && *lower < 0.0
    {
        let message = format!("is {lower}, and no step takes what is below");
        report.wrong_but(&path.index(*i).key("lower"), message, "leave out the lowest step's \"lower\"");
    }
    if let Some((i, StepDoc { upper: Some(upper), .. })) = sorted.last()
        && 0.0 < *upper
    {
        let message = format!("is {upper}, and no step takes what is above");
        report.wrong_but(&path.index(*i).key("upper"), message, "leave out the highest step's \"upper\"");
    }
}
