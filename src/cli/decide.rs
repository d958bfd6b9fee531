//! `trimtab decide`: the engine as a filter. One observation a line in, one decision a line out; time is the line's `now` and
//! nothing else. It is the engine that the function runs, not a copy.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::engine::{HISTORY, decide, is_possible_value, wanted_history};
use crate::model::capacity::MOST_TASKS;
use crate::model::duration::elapsed;
use crate::model::policy::ScalingPolicy;
use crate::model::target::Mode;
use crate::model::{
    AlarmState, AlarmStatus, Change, Memory, Metric, Name, Observation, Point, QueueDepth, ReasonCode,
    ScalableTarget, ServiceStatus, TaskCount,
};

/// Points of a metric that are kept for the lines to come. More than any policy looks back: 60 points, after those that an
/// offset of an hour leaves out at ten seconds a point.
const KEPT_POINTS: usize = 480;
/// Points of a metric's history: a minute each.
const HISTORY_POINTS: usize = 20_160;
/// So many points that are too old are dropped at a time, since to drop one moves all the others.
const DROPPED_AT_ONCE: usize = 1_440;
/// No line is longer; a first one may carry fourteen days of minutes of several metrics.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// No queue holds more messages; a depth beyond is a fault.
const ABSURD_MESSAGES: f64 = 1e12;

/// Reads observations from `input` until its end, and writes a decision or an error for each to `output`.
///
/// # Errors
/// Only those of reading and writing; a line that cannot be read is answered with an error of its own.
pub fn run(target: &ScalableTarget, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut filter = Filter::new(target);
    let mut line = Vec::new();
    loop {
        line.clear();
        if io::Read::take(&mut input, LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match filter.answer(&line) {
            Ok(answer) => serde_json::to_writer(&mut output, &answer)?,
            Err(error) => serde_json::to_writer(&mut output, &Refusal { error })?,
        }
        output.write_all(b"\n")?;
        output.flush()?;
    }
}

/// The state between lines.
struct Filter<'a> {
    target: &'a ScalableTarget,
    memory: Memory,
    /// The newest points of the metrics that the policies look at; others are not kept.
    metrics: BTreeMap<Name, Vec<Point>>,
    /// The last days of those whose history may be wanted.
    histories: BTreeMap<Name, Vec<Point>>,
}

#[derive(Serialize)]
struct Answer {
    desired: TaskCount,
    change: Change,
    code: ReasonCode,
    reasons: Vec<String>,
}

#[derive(Serialize)]
struct Refusal {
    error: String,
}

/// One line as it is written. Keys that are not known are left alone: a line may carry more than this version reads.
#[derive(Deserialize)]
struct Line {
    now: Timestamp,
    #[serde(deserialize_with = "count")]
    desired: TaskCount,
    #[serde(default, deserialize_with = "optional_count")]
    running: Option<TaskCount>,
    #[serde(default, deserialize_with = "optional_count")]
    pending: Option<TaskCount>,
    #[serde(default)]
    deploying: bool,
    #[serde(default, deserialize_with = "optional_count")]
    protected: Option<TaskCount>,
    #[serde(default)]
    metrics: BTreeMap<String, Vec<(f64, Option<f64>)>>,
    #[serde(default)]
    alarms: BTreeMap<String, AlarmLine>,
    #[serde(default)]
    queues: BTreeMap<String, QueueLine>,
}

#[derive(Deserialize)]
struct AlarmLine {
    state: AlarmStateLine,
    #[serde(default)]
    threshold: Option<f64>,
    #[serde(default)]
    value: Option<f64>,
    #[serde(default)]
    since: Option<Timestamp>,
}

#[derive(Deserialize)]
enum AlarmStateLine {
    #[serde(rename = "OK")]
    Ok,
    #[serde(rename = "ALARM")]
    Alarm,
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

#[derive(Deserialize)]
struct QueueLine {
    visible: Option<f64>,
    #[serde(default)]
    in_flight: Option<f64>,
    #[serde(default)]
    delayed: Option<f64>,
    #[serde(default)]
    oldest_age_s: Option<f64>,
}

impl<'a> Filter<'a> {
    fn new(target: &'a ScalableTarget) -> Self {
        let none_yet = |metrics: Vec<&Metric>| {
            metrics.into_iter().map(|metric| (metric.key.clone(), Vec::new())).collect::<Vec<_>>()
        };
        let policies = target.policies.iter();
        let metrics = policies.clone().map(ScalingPolicy::metrics).flat_map(none_yet);
        let histories = policies.map(ScalingPolicy::history_metrics).flat_map(none_yet);
        Self { target, memory: Memory::default(), metrics: metrics.collect(), histories: histories.collect() }
    }

    fn answer(&mut self, line: &[u8]) -> Result<Answer, String> {
        let line = read(line)?;
        let mut refused = Vec::new();
        let mut observation = self.observation(line, &mut refused);
        self.add_histories(&mut observation);
        let decision = decide(self.target, &observation, std::mem::take(&mut self.memory));
        self.keep(observation);
        let reasons = decision.reasons.iter().map(|reason| reason.text.to_string());
        let reasons = refused.into_iter().chain(reasons).collect();
        let answer =
            Answer { desired: decision.to, change: decision.change(), code: decision.binding, reasons };
        self.memory = decision.memory;
        if self.target.mode == Mode::Shadow {
            self.memory.pending = None;
        }
        Ok(answer)
    }

    fn observation(&mut self, line: Line, refused: &mut Vec<String>) -> Observation {
        let mut metrics = std::mem::take(&mut self.metrics);
        for (key, points) in line.metrics {
            let Some(known) = metrics.get_mut(key.as_str()) else { continue };
            let mut told = Vec::with_capacity(points.len());
            for (start, value) in points {
                match moment(start).filter(|start| *start <= line.now) {
                    Some(start) => told.push(Point { start, value: value.unwrap_or(f64::NAN) }),
                    None => refused.push(format!(
                        "{key}: {start} is not a time before now in Unix seconds; its point is not observed"
                    )),
                }
            }
            if let Some(history) = self.histories.get_mut(key.as_str()) {
                let possible = told.iter().filter(|point| is_possible_value(point.value));
                add(history, possible.copied().collect());
                let surplus = history.len() - history_of(history).len();
                if DROPPED_AT_ONCE <= surplus {
                    history.drain(..surplus);
                }
            }
            add(known, told);
        }
        let alarms =
            line.alarms.into_iter().map(|(name, alarm)| (name.into(), AlarmStatus::from(alarm))).collect();
        let mut queues = BTreeMap::new();
        for (name, queue) in line.queues {
            if let Some(depth) = queue.depth(&name, refused) {
                queues.insert(name, depth);
            }
        }
        let service = ServiceStatus {
            desired: line.desired,
            running: line.running.unwrap_or(line.desired),
            pending: line.pending.unwrap_or(0),
            deploying: line.deploying,
            scalable: true,
            protected: line.protected.unwrap_or(0),
        };
        Observation { now: line.now, service, metrics, alarms, queues }
    }

    /// Puts the history before the newest points of the metrics of which it is wanted now.
    fn add_histories(&self, observation: &mut Observation) {
        for metric in wanted_history(self.target, &self.memory, observation.now) {
            let history = self.histories.get(&metric.key).map(Vec::as_slice).unwrap_or_default();
            let newest = observation.metrics.entry(metric.key.clone()).or_default();
            let told = std::mem::replace(newest, history_of(history).to_vec());
            add(newest, told);
        }
    }

    /// Keeps the newest points for the next lines.
    fn keep(&mut self, observation: Observation) {
        self.metrics = observation.metrics;
        for points in self.metrics.values_mut() {
            points.retain(|point| is_possible_value(point.value)); // what was set aside has been told once
            let surplus = points.len().saturating_sub(KEPT_POINTS);
            points.drain(..surplus);
        }
    }
}

impl From<AlarmLine> for AlarmStatus {
    fn from(line: AlarmLine) -> Self {
        let state = match line.state {
            AlarmStateLine::Ok => AlarmState::Ok,
            AlarmStateLine::Alarm => AlarmState::Alarm,
            AlarmStateLine::InsufficientData => AlarmState::InsufficientData,
        };
        Self { state, threshold: line.threshold, value: line.value, since: line.since }
    }
}

impl QueueLine {
    /// The depth as far as it was observed; a number that no queue can have was not.
    fn depth(&self, name: &str, refused: &mut Vec<String>) -> Option<QueueDepth> {
        let mut read = |what: &str, count: Option<f64>| {
            let read = messages(count?);
            if read.is_none() {
                refused.push(format!(
                    "{name} cannot have {} messages {what}; not observed",
                    count.unwrap_or_default()
                ));
            }
            read
        };
        let in_flight = read("in flight", self.in_flight);
        let delayed = read("delayed", self.delayed);
        let oldest_age_s = self.oldest_age_s.and_then(messages);
        Some(QueueDepth { visible: read("visible", self.visible)?, in_flight, delayed, oldest_age_s })
    }
}

/// Reads a line. Numbers that JSON has no word for (`NaN`, `Infinity`, `1e999`) are read as missing: the value is not
/// observed, and the rest of the line counts.
fn read(line: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(line).map_err(|error| format!("the line is not UTF-8: {error}"))?;
    serde_json::from_str(text)
        .or_else(|error| match without_impossible_numbers(text) {
            Cow::Borrowed(_) => Err(error),
            Cow::Owned(text) => serde_json::from_str(&text),
        })
        .map_err(|error| format!("the line is not an observation: {error}"))
}

/// The text with `null` in the place of every bare number that is not finite.
fn without_impossible_numbers(text: &str) -> Cow<'_, str> {
    let mut result = String::new();
    let (mut in_string, mut escaped) = (false, false);
    let mut changed = false;
    let mut token = String::new();
    for c in text.chars().chain(['\n']) {
        if !in_string && (c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) {
            token.push(c);
            continue;
        }
        if !token.is_empty() {
            let impossible = token.parse::<f64>().is_ok_and(|number| !number.is_finite());
            changed |= impossible;
            result.push_str(if impossible { "null" } else { &token });
            token.clear();
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
        result.push(c);
    }
    if changed { Cow::Owned(result) } else { Cow::Borrowed(text) }
}

/// The points of the time that a history is of, and no more than it has minutes.
fn history_of(points: &[Point]) -> &[Point] {
    let Some(newest) = points.last() else { return points };
    let too_old = points.partition_point(|point| HISTORY <= elapsed(point.start, newest.start));
    let surplus = points.len().saturating_sub(HISTORY_POINTS);
    points.get(too_old.max(surplus)..).unwrap_or_default()
}

/// Adds points to those that are known, all in order of time. What is told in order is appended.
fn add(known: &mut Vec<Point>, mut told: Vec<Point>) {
    in_order(&mut told);
    let Some(first) = told.first() else { return };
    let mut later = known.split_off(known.partition_point(|point| point.start < first.start));
    if !later.is_empty() {
        later.append(&mut told);
        in_order(&mut later);
        told = later;
    }
    known.append(&mut told);
}

/// Sorts points by time; of two for the same period the later one told stands.
fn in_order(points: &mut Vec<Point>) {
    points.sort_by_key(|point| point.start);
    points.reverse();
    points.dedup_by_key(|point| point.start);
    points.reverse();
}

#[expect(clippy::cast_possible_truncation, reason = "rounded, and checked to be a time that can be")]
fn moment(seconds: f64) -> Option<Timestamp> {
    const YEAR_3000: f64 = 32_503_680_000.0;
    (0.0..YEAR_3000).contains(&seconds).then(|| Timestamp::from_second(seconds.round() as i64).ok())?
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, and checked to be in range"
)]
fn messages(count: f64) -> Option<u64> {
    (0.0..=ABSURD_MESSAGES).contains(&count).then(|| count.round() as u64)
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TaskCount, D::Error> {
    whole(f64::deserialize(deserializer)?)
}

fn optional_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TaskCount>, D::Error> {
    Option::<f64>::deserialize(deserializer)?.map(whole).transpose()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and in range"
)]
fn whole<E: serde::de::Error>(number: f64) -> Result<TaskCount, E> {
    let in_range = (0.0..=f64::from(MOST_TASKS)).contains(&number);
    if in_range && number.fract() == 0.0 {
        return Ok(number as TaskCount);
    }
    Err(E::custom(format!("{number} is not a number of tasks: write a whole number from 0 to {MOST_TASKS}")))
}
