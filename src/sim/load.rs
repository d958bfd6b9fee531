//! Load: its shape over time, and the arrivals that it makes.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Poisson, StandardNormal};
use thiserror::Error;

use super::number::{real, whole};
use super::service::ServiceSpec;
use super::streams::{Stream, stream};
use super::{STEP_S, Seconds};

/// The most days of a load before a run that a scaler may ask CloudWatch for at its first look: what Application Auto
/// Scaling's predictive scaling uses.
pub const HISTORY_DAYS: u32 = 14;

const DAY_S: f64 = 86_400.0;

/// The rate of arrivals over time, in requests or messages a second.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// The same rate at all times.
    Constant(f64),
    /// A curve that every day repeats.
    Daily(Daily),
    /// A flash crowd: nothing before it and nothing after.
    Burst(Burst),
    /// One rate before a moment, another from it on.
    Step {
        /// The moment, in seconds.
        at: f64,
        /// The rate before.
        before: f64,
        /// The rate from then on.
        after: f64,
    },
    /// What was measured.
    Trace(Trace),
    /// Loads that add up.
    Sum(Vec<Self>),
}

/// A curve that every day repeats: a base and bells over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Daily {
    /// The rate far from every bell.
    pub base: f64,
    /// The bells.
    pub bells: Vec<Bell>,
}

/// A bell-shaped rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bell {
    /// The hour of the day of its top.
    pub hour: f64,
    /// Its standard deviation, in hours.
    pub width_h: f64,
    /// Its height, as a rate.
    pub height: f64,
}

/// A flash crowd: up in a straight line, level, and down again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// When it begins, in seconds.
    pub at: f64,
    /// How long it rises, in seconds.
    pub rise: f64,
    /// How long it stays, in seconds.
    pub hold: f64,
    /// How long it falls, in seconds.
    pub fall: f64,
    /// Its height, as a rate.
    pub height: f64,
}

/// A measured load: rates at rising times, joined by straight lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    points: Arc<[(f64, f64)]>,
}

/// A text that is not a trace.
#[derive(Debug, Error)]
pub enum InvalidTrace {
    /// It is not CSV of two numbers a row.
    #[error(
        "{name} is not a load trace (CSV with the header t,rate, in seconds and arrivals a second): {source}"
    )]
    Csv {
        /// The trace's name.
        name: String,
        /// What is wrong, and in which line.
        source: csv::Error,
    },
    /// A row's figures cannot be meant.
    #[error("{name}, line {line}: {why}")]
    Row {
        /// The trace's name.
        name: String,
        /// The line of the file.
        line: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is nothing to follow.
    #[error("{name} has {rows} rows; a load trace needs two at least")]
    TooShort {
        /// The trace's name.
        name: String,
        /// The rows that it has.
        rows: usize,
    },
}

impl Load {
    /// The rate at a moment, in arrivals a second; never negative.
    pub fn rate_at(&self, t: f64) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Daily(daily) => daily.rate_at(t),
            Self::Burst(burst) => burst.rate_at(t),
            Self::Step { at, before, after } => {
                if t < *at {
                    *before
                } else {
                    *after
                }
            }
            Self::Trace(trace) => trace.rate_at(t),
            Self::Sum(loads) => loads.iter().map(|load| load.rate_at(t)).sum(),
        }
        .max(0.0)
    }
}

impl Daily {
    fn rate_at(&self, t: f64) -> f64 {
        let hour = t / 3600.0 % 24.0;
        let height = |bell: &Bell| {
            let apart = (hour - bell.hour).abs();
            let widths = apart.min(24.0 - apart) / bell.width_h;
            bell.height * (-widths * widths / 2.0).exp()
        };
        self.base + self.bells.iter().map(height).sum::<f64>()
    }
}

impl Burst {
    fn rate_at(&self, t: f64) -> f64 {
        let since = t - self.at;
        let until = self.rise + self.hold + self.fall - since;
        self.height * (since / self.rise).min(until / self.fall).clamp(0.0, 1.0)
    }
}

impl Trace {
    /// Reads CSV with the header `t,rate`: seconds, rising, and arrivals a second. Other columns are ignored. `name` is
    /// for messages.
    ///
    /// # Errors
    /// [`InvalidTrace`] where the text is not CSV, a figure is no number or negative, times do not rise, or there are
    /// fewer than two rows.
    pub fn parse(name: &str, text: &str) -> Result<Self, InvalidTrace> {
        let invalid = |source| InvalidTrace::Csv { name: name.to_owned(), source };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let headers = reader.headers().map_err(invalid)?.clone();
        let mut points: Vec<(f64, f64)> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(invalid)?;
            let row: TraceRow = record.deserialize(Some(&headers)).map_err(invalid)?;
            if let Some(why) = row.fault(points.last().map(|(t, _)| *t)) {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(InvalidTrace::Row { name: name.to_owned(), line, why });
            }
            points.push((row.t, row.rate));
        }
        if points.len() < 2 {
            return Err(InvalidTrace::TooShort { name: name.to_owned(), rows: points.len() });
        }
        Ok(Self::from_zero(&points))
    }

    /// These points, with the first of them at zero.
    fn from_zero(points: &[(f64, f64)]) -> Self {
        let first = points.first().map_or(0.0, |(t, _)| *t);
        Self { points: points.iter().map(|(t, rate)| (t - first, *rate)).collect() }
    }

    /// The mean of its rates, in arrivals a second.
    pub fn mean(&self) -> f64 {
        self.points.iter().map(|(_, rate)| rate).sum::<f64>() / real(self.points.len().max(1) as u64)
    }

    /// The greatest of its rates, in arrivals a second.
    pub fn peak(&self) -> f64 {
        self.points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
    }

    /// The trace with every rate times `factor`.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { points: self.points.iter().map(|(t, rate)| (*t, rate * factor)).collect() }
    }

    /// The `days` that are to be lived through, and what there is before them, in whole days and no more than the
    /// [`HISTORY_DAYS`] that a scaler asks of CloudWatch. The whole trace where it is no longer than that.
    pub fn split(&self, days: f64) -> (Option<Self>, Self) {
        let before_s =
            f64::from(whole((self.duration_s() / DAY_S - days).max(0.0)).min(HISTORY_DAYS)) * DAY_S;
        let at = |t: f64| self.points.partition_point(|(point, _)| *point < t);
        let part = |from: f64, to: f64| self.points.get(at(from)..at(to)).filter(|points| 2 <= points.len());
        match (part(0.0, before_s), part(before_s, before_s + days * DAY_S)) {
            (before, Some(lived)) => (before.map(Self::from_zero), Self::from_zero(lived)),
            (_, None) => (None, self.clone()),
        }
    }

    /// The arrivals of each of its minutes, drawn at random: what CloudWatch would have counted.
    pub fn minutes(&self, seed: u64, name: &str) -> Vec<u32> {
        let mut rng = stream(seed, name, Stream::History);
        let minutes = whole(self.duration_s() / 60.0);
        (0..minutes).map(|minute| poisson(60.0 * self.rate_at(f64::from(minute) * 60.0), &mut rng)).collect()
    }

    /// How long the trace lasts, in seconds: its last interval is as long as the one before.
    pub fn duration_s(&self) -> f64 {
        match self.points.as_ref() {
            [.., (before, _), (last, _)] => 2.0 * last - before,
            _ => 0.0,
        }
    }

    fn rate_at(&self, t: f64) -> f64 {
        let after = self.points.partition_point(|(at, _)| *at <= t);
        let before = after.checked_sub(1).and_then(|index| self.points.get(index));
        match (before, self.points.get(after)) {
            (Some((t0, r0)), Some((t1, r1))) => r0 + (r1 - r0) * (t - t0) / (t1 - t0),
            (Some((_, rate)), None) | (None, Some((_, rate))) => *rate,
            (None, None) => 0.0,
        }
    }
}

#[derive(serde::Deserialize)]
struct TraceRow {
    t: f64,
    rate: f64,
}

impl TraceRow {
    fn fault(&self, before: Option<f64>) -> Option<&'static str> {
        if !self.t.is_finite() || before.is_some_and(|before| self.t <= before) {
            return Some("t must be a number greater than the row before's");
        }
        if !self.rate.is_finite() || self.rate < 0.0 {
            return Some("rate must be a number, zero or more");
        }
        None
    }
}

/// The arrivals of a load, step by step.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// They are drawn at random.
    Drawn(Box<Draw>),
    /// They are those of another run.
    Recorded {
        /// The arrivals of each step.
        counts: Arc<[u32]>,
        /// The next step.
        next: usize,
    },
}

/// A Poisson process whose rate strays from the load's shape for some seconds at a time, as real traffic does within a
/// minute.
#[derive(Clone, Debug)]
pub struct Draw {
    load: Load,
    burstiness: f64,
    stray: f64,
    counts: ChaCha8Rng,
    strays: ChaCha8Rng,
}

impl Arrivals {
    /// The arrivals of a load. `burstiness` is the standard deviation of the rate about its shape, as a share of it.
    pub fn drawn(load: Load, burstiness: f64, seed: u64, name: &str) -> Self {
        let counts = stream(seed, name, Stream::Arrivals);
        let strays = stream(seed, name, Stream::Burstiness);
        Self::Drawn(Box::new(Draw { load, burstiness, stray: 0.0, counts, strays }))
    }

    /// The arrivals of a service.
    pub(super) fn of(spec: &ServiceSpec, seed: u64) -> Self {
        Self::drawn(spec.load.clone(), spec.burstiness, seed, &spec.id.to_string())
    }

    /// The very arrivals of another run.
    pub fn recorded(counts: Arc<[u32]>) -> Self {
        Self::Recorded { counts, next: 0 }
    }

    /// How many steps are known to come.
    pub(super) fn steps_to_come(&self) -> usize {
        match self {
            Self::Drawn(_) => 0,
            Self::Recorded { counts, next } => counts.len().saturating_sub(*next),
        }
    }

    /// The arrivals of the step that begins at `t`.
    pub fn step(&mut self, t: Seconds) -> u32 {
        match self {
            Self::Drawn(draw) => draw.step(t),
            Self::Recorded { counts, next } => {
                let count = counts.get(*next).copied().unwrap_or(0);
                *next += 1;
                count
            }
        }
    }
}

impl Draw {
    /// How long the rate strays, as the time constant of its return, in seconds.
    const STRAY_S: f64 = 20.0;

    fn step(&mut self, t: Seconds) -> u32 {
        let kept = (-f64::from(STEP_S) / Self::STRAY_S).exp();
        let noise: f64 = StandardNormal.sample(&mut self.strays);
        self.stray = kept * self.stray + self.burstiness * (1.0 - kept * kept).sqrt() * noise;
        let factor = (self.stray - self.burstiness * self.burstiness / 2.0).exp();
        let mean = self.load.rate_at(f64::from(t)) * factor * f64::from(STEP_S);
        poisson(mean, &mut self.counts)
    }
}

fn poisson(mean: f64, rng: &mut ChaCha8Rng) -> u32 {
    if mean <= 0.0 {
        return 0;
    }
    Poisson::new(mean).map_or(0, |poisson| whole(poisson.sample(rng)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(load: Load, seconds: Seconds) -> u64 {
        let mut arrivals = Arrivals::drawn(load, 0.08, 1, "prod/web");
        (0..seconds / STEP_S).map(|step| u64::from(arrivals.step(step * STEP_S))).sum()
    }

    #[test]
    fn each_shape_has_its_rate_at_each_time() {
        let bell = Bell { hour: 12.0, width_h: 2.0, height: 50.0 };
        let daily = Load::Daily(Daily { base: 10.0, bells: vec![bell] });
        let burst = Load::Burst(Burst { at: 100.0, rise: 10.0, hold: 20.0, fall: 10.0, height: 8.0 });
        let step = Load::Step { at: 60.0, before: 1.0, after: 5.0 };
        let trace = Load::Trace(Trace::parse("a trace", "t,rate\n0,10\n60,20\n120,0\n").unwrap());
        let noon = 12.0 * 3600.0;
        for (load, t, rate) in [
            (&daily, noon, 60.0),
            (&daily, noon + 86_400.0, 60.0),
            (&daily, 0.0, 10.0),
            (&burst, 99.0, 0.0),
            (&burst, 105.0, 4.0),
            (&burst, 120.0, 8.0),
            (&burst, 135.0, 4.0),
            (&burst, 141.0, 0.0),
            (&step, 59.0, 1.0),
            (&step, 60.0, 5.0),
            (&trace, 30.0, 15.0),
            (&trace, 60.0, 20.0),
            (&trace, 500.0, 0.0),
        ] {
            let found = load.rate_at(t);
            assert!((found - rate).abs() < 1e-6, "{load:?} at {t}: {found}, not {rate}");
        }
    }

    #[test]
    fn arrivals_follow_the_rate_in_the_long_run() {
        let count = total(Load::Constant(20.0), 36_000);
        assert!((705_600..734_400).contains(&count), "{count} of about 720000");
        assert_eq!(total(Load::Constant(0.0), 36_000), 0);
    }

    #[test]
    fn a_trace_that_cannot_be_meant_is_refused_with_its_line() {
        for (text, message) in [
            ("t,rate\n0,1\n60,-2\n", "a.csv, line 3: rate must be a number, zero or more"),
            ("t,rate\n0,1\n0,2\n", "a.csv, line 3: t must be a number greater than the row before's"),
            ("t,rate\n0,1\n", "a.csv has 1 rows; a load trace needs two at least"),
        ] {
            assert_eq!(Trace::parse("a.csv", text).unwrap_err().to_string(), message);
        }
        let message = Trace::parse("a.csv", "t,rate\n0,1\n60,much\n").unwrap_err().to_string();
        assert!(message.contains("line: 3") && message.contains("t,rate"), "{message}");
        let message = Trace::parse("a.csv", "time,load\n0,1\n60,2\n").unwrap_err().to_string();
        assert!(message.contains("missing field `t`"), "{message}");
    }

    #[test]
    fn a_trace_is_split_into_days_to_live_through_and_whole_days_before() {
        let hours: String =
            (0..100).fold("t,rate\n".to_owned(), |text, hour| format!("{text}{},{hour}\n", hour * 3600));
        let trace = Trace::parse("a trace", &hours).unwrap();
        for (days, before_h, lived_h, first) in
            [(1.0, 72.0, 24.0, 72.0), (3.5, 0.0, 84.0, 0.0), (9.0, 0.0, 100.0, 0.0)]
        {
            let (before, lived) = trace.split(days);
            let hours = |trace: &Trace| trace.duration_s() / 3600.0;
            assert_eq!(
                (before.as_ref().map_or(0.0, hours), hours(&lived)),
                (before_h, lived_h),
                "{days} days"
            );
            assert!((lived.rate_at(0.0) - first).abs() < 1e-9, "{days} days begin with hour {first}");
        }
    }

    #[test]
    fn a_scaled_trace_has_its_shape_and_another_mean() {
        let trace = Trace::parse("a trace", "t,rate\n0,1\n60,3\n").unwrap().scaled(10.0);
        assert_eq!((trace.mean(), trace.peak()), (20.0, 30.0));
        let minutes = trace.minutes(1, "prod/web");
        assert!(minutes.len() == 2 && (450..750).contains(&minutes[0]), "{minutes:?}");
    }

    #[test]
    fn a_trace_begins_at_zero_and_ends_with_its_last_interval() {
        let trace = Trace::parse("a trace", "t,rate,note\n600,1,a\n660,3,b\n").unwrap();
        assert!((trace.duration_s() - 120.0).abs() < 1e-9);
        assert!((trace.rate_at(30.0) - 2.0).abs() < 1e-9);
    }
}
