//! The account of a decision: its reasons in order, and which of them binds.

use crate::model::sentence::Phrase;
use crate::model::{Reason, ReasonCode, Sentence};

/// Collects the reasons of one decision.
#[derive(Debug)]
pub(super) struct Account {
    reasons: Vec<Reason>,
    binding: Option<ReasonCode>,
}

impl Default for Account {
    fn default() -> Self {
        const MOST_LOOKS_HAVE: usize = 4;
        Self { reasons: Vec::with_capacity(MOST_LOOKS_HAVE), binding: None }
    }
}

impl Account {
    /// Tells a step that did not by itself fix the count.
    pub(super) fn tell(&mut self, code: ReasonCode, text: impl Phrase) {
        self.take(Reason { code, text: Sentence::new(text) });
    }

    /// Takes in a step that was put into a sentence elsewhere.
    pub(super) fn take(&mut self, reason: Reason) {
        self.reasons.push(reason);
    }

    /// Tells a step that fixed the count; a later one may fix it again.
    pub(super) fn bind(&mut self, code: ReasonCode, text: impl Phrase) {
        self.tell(code, text);
        self.binding = Some(code);
    }

    /// Makes a step that was told already the binding one.
    pub(super) fn bind_to(&mut self, code: ReasonCode) {
        self.binding = Some(code);
    }

    /// The code of the reason that the count is this and no other.
    pub(super) fn binding(&self) -> ReasonCode {
        self.binding.unwrap_or(ReasonCode::AlreadyAtDesiredCapacity)
    }

    pub(super) fn into_reasons(self) -> Vec<Reason> {
        self.reasons
    }
}
