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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::control::answer::{AnswerError, ServiceDecision};
    use crate::model::{Change, ReasonCode, ServiceId};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The level and the fields of each event.
    fn logged(answer: &Answer) -> Vec<(String, Value)> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().json().with_writer(move || writer.clone()).without_time().finish();
        tracing::subscriber::with_default(subscriber, || log(answer));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.map(|event| (event["level"].as_str().unwrap().to_owned(), event["fields"].clone())).collect()
    }

    #[test]
    fn a_decision_is_one_event_and_an_error_another_with_the_answers_fields() {
        let service = ServiceId::new("prod", "checkout");
        let decision = ServiceDecision {
            service: service.clone(),
            from: 4,
            to: 6,
            change: Change::Out,
            applied: true,
            code: ReasonCode::TargetTracking,
            reasons: vec!["CPU is at 90%.".to_owned(), "6 tasks are wanted.".to_owned()],
            running: 4,
            pending: 0,
            recommendations: Vec::new(),
            memory: None,
        };
        let of_service = AnswerError { service: Some(service), error: "it is gone".to_owned() };
        let of_none = AnswerError { service: None, error: "no file".to_owned() };
        let events = logged(&Answer { decisions: vec![decision], errors: vec![of_service, of_none] });
        let fields = json!({
            "message": "decision", "format_version": 1, "service": "prod/checkout", "from": 4, "to": 6,
            "change": "out", "applied": true, "code": "TargetTracking",
            "reasons": "CPU is at 90%. 6 tasks are wanted.",
        });
        let service_error = json!({ "message": "error", "format_version": 1, "service": "prod/checkout", "error": "it is gone" });
        let error = json!({ "message": "error", "format_version": 1, "error": "no file" });
        let [info, warn] = ["INFO", "WARN"].map(str::to_owned);
        assert_eq!(events, [(info, fields), (warn.clone(), service_error), (warn, error)]);
    }
}
