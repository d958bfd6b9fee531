//! One event in, one answer out: what the function and the command line share.

pub mod connect;
pub mod emf;
pub mod event;
pub mod settings;
mod spent;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;
use tracing::{info, warn};

use self::emf::{Metrics, Report};
use self::event::{Batch, EventError, Incoming, Parsed, Record};
use self::spent::{Account, Entry};
use crate::control::answer::{Answer, AnswerError, ErrorKind};
use crate::control::calls::Usage;
use crate::control::ports::Clock;
use crate::control::trigger::Trigger;
use crate::control::{Controller, Watch};
use crate::model::Change;
use crate::model::duration::elapsed;

/// The longest answer, in bytes of JSON: Lambda fails an invocation whose answer is longer than 6 MB, and would repeat it.
const MAX_ANSWER_BYTES: usize = 5 * 1024 * 1024;
/// Raised when a field of the log's events is renamed or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// Answers triggers; the controller does.
#[async_trait]
pub trait Control: Send + Sync {
    /// Looks, decides, acts and tells; with a deadline, several times where that helps.
    async fn handle(&self, trigger: &Trigger, deadline: Option<Timestamp>) -> Watch;

    /// What was used of AWS since the process began.
    fn used(&self) -> Usage {
        Usage::default()
    }
}

#[async_trait]
impl Control for Controller {
    async fn handle(&self, trigger: &Trigger, deadline: Option<Timestamp>) -> Watch {
        self.watch(trigger, deadline).await
    }

    fn used(&self) -> Usage {
        self.calls().used()
    }
}

/// Hands events to a controller.
pub struct Handler<C = Controller> {
    control: C,
    clock: Arc<dyn Clock>,
    account: Account,
    metrics: Option<(Metrics, Mutex<Box<dyn Write + Send>>)>,
}

/// An event that nothing could be done with.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// It cannot be read.
    #[error(transparent)]
    Event(#[from] EventError),
    /// None of its records can be read.
    #[error("none of the {count} SNS records can be read; the first: {first}")]
    NoRecord {
        /// How many there are.
        count: usize,
        /// What is wrong with the first.
        first: EventError,
    },
    /// What was set by hand is not remembered, or not carried out.
    #[error("not done: {0}")]
    Undone(String),
    /// The answer cannot be written.
    #[error("the answer cannot be written as JSON: {0}")]
    Answer(#[from] serde_json::Error),
}

impl HandlerError {
    /// The name of the kind, as Lambda's `errorType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Event(_) | Self::NoRecord { .. } => "EventError",
            Self::Undone(_) => "UndoneError",
            Self::Answer(_) => "AnswerError",
        }
    }
}

impl<C: Control> Handler<C> {
    /// A handler that writes no metrics.
    pub fn new(control: C, clock: Arc<dyn Clock>) -> Self {
        let account = Account::new(clock.now());
        Self { control, clock, account, metrics: None }
    }

    /// The handler as a function with this much memory, whose time is paid for.
    pub fn with_memory(mut self, megabytes: Option<u32>) -> Self {
        self.account.memory_mb = megabytes;
        self
    }

    /// The handler, writing metrics of every event as lines to `out`.
    pub fn with_metrics(self, metrics: Metrics, out: Box<dyn Write + Send>) -> Self {
        Self { metrics: Some((metrics, Mutex::new(out))), ..self }
    }

    /// Handles one event, with one look at each service that it means.
    ///
    /// # Errors
    /// [`HandlerError`] where nothing of the event can be read. What goes wrong later is told in the answer.
    pub async fn handle(&self, event: &[u8]) -> Result<Value, HandlerError> {
        self.handle_until(event, None).await
    }

    /// Handles one event, and uses the time until the deadline, at which Lambda ends the invocation, for more looks.
    ///
    /// # Errors
    /// Those of [`Self::handle`].
    pub async fn handle_until(
        &self,
        event: &[u8],
        deadline: Option<Timestamp>,
    ) -> Result<Value, HandlerError> {
        let (began, used_before) = (self.clock.now(), self.control.used());
        let Incoming { batch, records } = Incoming::read(event)?;
        none_readable(batch, &records)?;
        // In a batch one record must not keep the others waiting.
        let deadline = deadline.filter(|_| records.len() == 1);
        let mut looks = Looks { only_asked: true, deadline, ..Looks::default() };
        let mut failed = Vec::new();
        for record in records {
            if !self.handle_record(&record, &mut looks).await {
                failed.push(record);
            }
        }
        let Looks { answer, taken, ticks, count: looks, waited, only_asked, undone, .. } = looks;
        let asked = u32::try_from(taken.len()).unwrap_or(u32::MAX);
        let (at, used) = (self.clock.now(), self.control.used());
        let usage = &used.since(&used_before);
        let dollars = self.account.book(Entry { usage, time: elapsed(began, at), ticks, only_asked });
        if !only_asked {
            let duration = elapsed(began, at).saturating_sub(waited);
            let dollars_per_month = self.account.per_month(at).total();
            let answer = &answer;
            self.write_metrics(&Report {
                answer,
                ticks,
                looks,
                at,
                duration,
                usage,
                dollars,
                dollars_per_month,
            });
        }
        if let (Some(error), true) = (undone, batch != Batch::Sqs) {
            return Err(HandlerError::Undone(error));
        }
        let mut value = fit(answer)?;
        if asked < looks
            && let Some(object) = value.as_object_mut()
        {
            object.insert("looks".to_owned(), json!(looks));
        }
        let asks_for_status = |(trigger, _): &(Trigger, bool)| matches!(trigger, Trigger::Status { .. });
        if taken.iter().any(asks_for_status)
            && let Some(object) = value.as_object_mut()
        {
            object.insert("spent".to_owned(), self.account.told(&used, at));
        }
        if batch == Batch::Sqs
            && let Some(object) = value.as_object_mut()
        {
            let items = failed.iter().map(|record| json!({ "itemIdentifier": record.id })).collect();
            object.insert("batchItemFailures".to_owned(), Value::Array(items));
        }
        Ok(value)
    }

    /// Whether the record was read, and all that it asked for was looked at.
    async fn handle_record(&self, record: &Record, looks: &mut Looks) -> bool {
        let parsed = match &record.parsed {
            Ok(parsed) => parsed,
            Err(error) => {
                looks.only_asked = false;
                let id = record.id.as_deref().unwrap_or("without an id");
                let error = format!("record {id}: {error}");
                warn!(format_version = FORMAT_VERSION, error, "error");
                looks.answer.errors.push(AnswerError::request(None, error));
                return false;
            }
        };
        let mut done = true;
        for parsed in parsed {
            match parsed {
                Parsed::Ignored { why } => info!(format_version = FORMAT_VERSION, why, "event ignored"),
                Parsed::Trigger(trigger) => done &= self.look(trigger, looks).await,
            }
        }
        done
    }

    /// Hands a trigger on, unless an earlier record led to the same look. Whether it is done with: what AWS kept from being done
    /// is worth another try; what was asked in vain is not. A look is done with where it led to any decision, for the tick
    /// looks again; what is set by hand would be lost.
    async fn look(&self, trigger: &Trigger, looks: &mut Looks) -> bool {
        if let Some((_, done)) = looks.taken.iter().find(|(taken, _)| same_look(taken, trigger)) {
            return *done;
        }
        let Watch { answer, looks: count, waited } = self.control.handle(trigger, looks.deadline).await;
        let failed = answer.errors.iter().find(|error| error.kind == ErrorKind::World);
        let done = failed.is_none() || !is_by_hand(trigger) && !answer.decisions.is_empty();
        if let Some(error) = failed.filter(|_| is_by_hand(trigger)) {
            looks.undone.get_or_insert_with(|| error.error.clone());
        }
        looks.only_asked &=
            matches!(trigger, Trigger::Status { .. } | Trigger::Evaluate { dry_run: true, .. });
        looks.ticks += u32::from(*trigger == Trigger::Tick);
        looks.count += count;
        looks.waited += waited;
        looks.taken.push((trigger.clone(), done));
        looks.answer.extend(answer);
        done
    }

    /// A line that cannot be written is lost, since a scaler must not stop for its metrics.
    fn write_metrics(&self, report: &Report<'_>) {
        let Some((metrics, out)) = &self.metrics else { return };
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        let written = metrics.lines(report).iter().try_for_each(|line| writeln!(out, "{line}"));
        if let Err(error) = written.and_then(|()| out.flush()) {
            warn!(format_version = FORMAT_VERSION, %error, "the metrics could not be written");
        }
    }
}

impl<C> std::fmt::Debug for Handler<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

/// What the records of one event led to.
#[derive(Default)]
struct Looks {
    taken: Vec<(Trigger, bool)>,
    ticks: u32,
    count: u32,
    waited: Duration,
    deadline: Option<Timestamp>,
    /// Whether nothing but questions came, which would show as work in the metrics.
    only_asked: bool,
    answer: Answer,
    /// The first error that kept something set by hand from being done.
    undone: Option<String>,
}

/// Whether a trigger sets something that would be lost if it were not tried again.
fn is_by_hand(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::SetCapacity { .. } | Trigger::Pause { .. } | Trigger::Resume { .. })
}

/// Whether one look serves both. What is set by hand is never merged: pause, resume and pause are not one pause.
fn same_look(a: &Trigger, b: &Trigger) -> bool {
    match (a, b) {
        (Trigger::EcsChange { service: a, .. }, Trigger::EcsChange { service: b, .. }) => a == b,
        (Trigger::SetCapacity { .. } | Trigger::Pause { .. } | Trigger::Resume { .. }, _) => false,
        _ => a == b,
    }
}

/// An SNS event without one readable record fails as a whole: there is nobody else to report it to.
fn none_readable(batch: Batch, records: &[Record]) -> Result<(), HandlerError> {
    let mut errors = records.iter().map_while(|record| record.parsed.as_ref().err());
    match (batch, errors.next(), errors.count() + 1) {
        (Batch::Sns, Some(first), count) if count == records.len() => {
            Err(HandlerError::NoRecord { count, first: first.clone() })
        }
        _ => Ok(()),
    }
}

/// The answer as JSON, cut to what Lambda returns: decisions that change nothing are left out first, then the last ones.
fn fit(mut answer: Answer) -> Result<Value, serde_json::Error> {
    let value = serde_json::to_value(&answer)?;
    if value.to_string().len() <= MAX_ANSWER_BYTES {
        return Ok(value);
    }
    let all = answer.decisions.len() + answer.errors.len();
    answer.decisions.sort_by_key(|decision| decision.change == Change::Hold);
    let mut room = MAX_ANSWER_BYTES;
    let errors = take_fitting(answer.errors, &mut room)?;
    let decisions = take_fitting(answer.decisions, &mut room)?;
    let left_out = all - errors.len() - decisions.len();
    Ok(json!({ "decisions": decisions, "errors": errors, "left_out": left_out }))
}

fn take_fitting<T: serde::Serialize>(
    items: Vec<T>,
    room: &mut usize,
) -> Result<Vec<Value>, serde_json::Error> {
    let mut taken = Vec::new();
    for item in items {
        let value = serde_json::to_value(item)?;
        let Some(left) = room.checked_sub(value.to_string().len() + 1) else { break };
        *room = left;
        taken.push(value);
    }
    Ok(taken)
}

#[cfg(test)]
mod tests;
