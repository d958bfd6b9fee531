//! The log: one structured event a decision and one an error; a decision that tells nothing new is told quietly. Metrics are
//! made elsewhere, from the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use tracing::Level;

use super::answer::{Answer, ServiceDecision};
use crate::model::{Change, ReasonCode, ServiceId, TaskCount};

/// Raised when a field of the events is renamed or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// A macro, because the level of an event is a constant.
macro_rules! log_decision {
    ($level:expr, $decision:expr) => {
        tracing::event!(
            $level,
            format_version = FORMAT_VERSION,
            service = %$decision.service,
            from = $decision.from,
            to = $decision.to,
            change = %$decision.change,
            applied = $decision.applied,
            code = ?$decision.code,
            reasons = $decision.reasons.join(" "),
            "decision"
        )
    };
}

/// The log of one process. In a large fleet nearly every decision holds the count that it held before, for the same reason, and
/// every line is paid for; such a one is only told at the level of debugging.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The binding code of each service's last decision, and the count that it found.
    last: Mutex<BTreeMap<ServiceId, (ReasonCode, TaskCount)>>,
}

impl Log {
    /// Logs an answer.
    pub(super) fn write(&self, answer: &Answer) {
        let failed: BTreeSet<&ServiceId> =
            answer.errors.iter().filter_map(|error| error.service.as_ref()).collect();
        for decision in &answer.decisions {
            let is_new = self.is_new(decision);
            if is_new || decision.change != Change::Hold || failed.contains(&decision.service) {
                log_decision!(Level::INFO, decision);
            } else {
                log_decision!(Level::DEBUG, decision);
            }
        }
        for error in &answer.errors {
            let service = error.service.as_ref().map(tracing::field::display);
            tracing::warn!(format_version = FORMAT_VERSION, service, error = error.error, "error");
        }
    }

    /// Whether the binding code or the count that was found is not that of the service's last decision.
    fn is_new(&self, decision: &ServiceDecision) -> bool {
        let told = (decision.code, decision.from);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(decision.service.clone(), told) != Some(told)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::control::answer::AnswerError;

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

    /// The level and the fields of each event of the answers, logged by one process.
    fn logged(answers: &[Answer]) -> Vec<(String, Value)> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().json().with_max_level(Level::DEBUG).with_writer(move || writer.clone());
        let subscriber = subscriber.without_time().finish();
        let log = Log::default();
        tracing::subscriber::with_default(subscriber, || answers.iter().for_each(|answer| log.write(answer)));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.map(|event| (event["level"].as_str().unwrap().to_owned(), event["fields"].clone())).collect()
    }

    fn checkout() -> ServiceId {
        ServiceId::new("prod", "checkout")
    }

    fn decision(to: TaskCount, code: ReasonCode) -> ServiceDecision {
        ServiceDecision {
            service: checkout(),
            at: jiff::Timestamp::UNIX_EPOCH,
            from: 4,
            to,
            change: if to == 4 { Change::Hold } else { Change::Out },
            applied: to != 4,
            code,
            reasons: vec!["CPU is at 90%.".to_owned(), format!("{to} tasks are wanted.")],
            running: 4,
            pending: 0,
            recommendations: Vec::new(),
            memory: None,
        }
    }

    #[test]
    fn a_decision_is_one_event_and_an_error_another_with_the_answers_fields() {
        let of_service = AnswerError::world(Some(checkout()), "it is gone");
        let of_none = AnswerError::world(None, "no file");
        let decisions = vec![decision(6, ReasonCode::TargetTracking)];
        let events = logged(&[Answer { decisions, errors: vec![of_service, of_none], ..Answer::default() }]);
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

    #[test]
    fn a_decision_that_holds_for_the_reason_of_the_last_one_is_told_quietly() {
        use ReasonCode::{CoolingDown, TargetTracking, WithinTolerance};
        let answer = |to, code, errors: &[&str]| {
            let error = |text: &&str| AnswerError::world(Some(checkout()), *text);
            Answer {
                decisions: vec![decision(to, code)],
                errors: errors.iter().map(error).collect(),
                ..Answer::default()
            }
        };
        let found = |count, code| {
            let decision = ServiceDecision { from: count, change: Change::Hold, ..decision(count, code) };
            Answer { decisions: vec![decision], errors: Vec::new(), ..Answer::default() }
        };
        // (case, answer, level of its decision), by the same process one after another
        let cases = [
            ("the first of the process", answer(4, WithinTolerance, &[]), "INFO"),
            ("the same reason", answer(4, WithinTolerance, &[]), "DEBUG"),
            ("a change", answer(6, TargetTracking, &[]), "INFO"),
            ("a change for the same reason", answer(6, TargetTracking, &[]), "INFO"),
            ("another reason to hold", answer(4, CoolingDown, &[]), "INFO"),
            ("an error", answer(4, CoolingDown, &["no metric"]), "INFO"),
            ("and the same reason again", answer(4, CoolingDown, &[]), "DEBUG"),
            ("the same reason to hold another count", found(7, CoolingDown), "INFO"),
            ("and again", found(7, CoolingDown), "DEBUG"),
        ];
        let answers: Vec<Answer> = cases.iter().map(|(_, answer, _)| answer.clone()).collect();
        let events = logged(&answers).into_iter().filter(|(_, fields)| fields["message"] == "decision");
        let levels: Vec<String> = events.map(|(level, _)| level).collect();
        assert_eq!(levels.len(), cases.len());
        for ((case, _, level), logged) in cases.iter().zip(levels) {
            assert_eq!(logged, *level, "{case}");
        }
    }
}
