//! The log: one structured event a decision and one an error. Metrics are made elsewhere, from the answer.

use super::answer::Answer;

/// Raised when a field of the events is renamed or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// Logs an answer.
pub(super) fn log(answer: &Answer) {
    for decision in &answer.decisions {
        tracing::info!(
            format_version = FORMAT_VERSION,
            service = %decision.service,
            from = decision.from,
            to = decision.to,
            change = %decision.change,
            applied = decision.applied,
            code = ?decision.code,
            reasons = decision.reasons.join(" "),
            "decision"
        );
    }
    for error in &answer.errors {
        let service = error.service.as_ref().map(tracing::field::display);
        tracing::warn!(format_version = FORMAT_VERSION, service, error = error.error, "error");
    }
}
