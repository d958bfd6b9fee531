//! A token bucket that gives way: AWS's own picture of its limits, which this side keeps to and, where AWS says that it was too
//! much all the same, goes below for a while. It knows no clock; it is told the time.

use std::time::Duration;

use jiff::Timestamp;

use super::limits::Rate;
use crate::model::duration::elapsed;

/// The share of a burst that is never used: a call may reach AWS a little sooner after the one before it than it was sent.
const HELD_BACK: f64 = 0.05;
/// The share of a burst that calls without haste leave for the others.
const LEFT_BY_LEISURE: f64 = 0.25;
/// The pace after throttling, of the one before. The limit is shared, so others are using it just now.
const SLOWED_TO: f64 = 0.5;
/// The slowest pace.
const SLOWEST: f64 = 0.125;
/// How much of the full pace is won back in a second: ten seconds after one throttled call all is as before.
const WON_BACK_PER_SECOND: f64 = 0.05;
/// Calls that are throttled within this time of the first are the same sign, not another one.
const ONE_SIGN: Duration = Duration::from_secs(1);
/// What adding and multiplying lose.
const ROUNDING: f64 = 1e-6;

/// How much haste a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Haste {
    /// A decision waits for it.
    Now,
    /// It goes after all others, and leaves them a part of the burst.
    AtLeisure,
}

/// Calls that may be made of one API.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: Rate,
    /// Below nothing where more calls were made than tokens were taken.
    tokens: f64,
    /// The share of the rate that is used.
    pace: f64,
    /// When the tokens were counted; none before the first call.
    counted_at: Option<Timestamp>,
    throttled_at: Option<Timestamp>,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, tokens: usable(rate), pace: 1.0, counted_at: None, throttled_at: None }
    }

    /// Goes on with another rate, and with no more tokens than that allows.
    pub(super) fn set_rate(&mut self, rate: Rate, now: Timestamp) {
        self.count(now);
        self.rate = rate;
        self.tokens = self.tokens.min(usable(rate));
    }

    /// Takes a token for a call, or tells how long there is none.
    pub(super) fn take(&mut self, haste: Haste, now: Timestamp) -> Result<(), Duration> {
        self.count(now);
        let least = match haste {
            Haste::Now => 1.0,
            Haste::AtLeisure => (1.0 + LEFT_BY_LEISURE * self.rate.burst).min(usable(self.rate)),
        };
        if least <= self.tokens + ROUNDING {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = (least - self.tokens) / (self.rate.per_second * self.pace);
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    /// Takes tokens for calls that were made without asking.
    pub(super) fn charge(&mut self, calls: u32) {
        self.tokens -= f64::from(calls);
    }

    /// Puts back tokens that were taken for calls that were not made.
    pub(super) fn put_back(&mut self, calls: u32) {
        self.tokens = (self.tokens + f64::from(calls)).min(usable(self.rate));
    }

    /// A call was throttled: there are no tokens left, and for a while they come more slowly.
    pub(super) fn throttled(&mut self, now: Timestamp) {
        self.count(now);
        self.tokens = self.tokens.min(0.0);
        if self.throttled_at.is_none_or(|at| now < at || ONE_SIGN <= elapsed(at, now)) {
            self.pace = (self.pace * SLOWED_TO).max(SLOWEST);
            self.throttled_at = Some(now);
        }
    }

    /// Adds what came since the last count. A clock that stepped back adds nothing.
    fn count(&mut self, now: Timestamp) {
        let seconds = self.counted_at.map_or(0.0, |at| elapsed(at, now).as_secs_f64());
        self.counted_at = Some(now);
        let pace = (self.pace + seconds * WON_BACK_PER_SECOND).min(1.0);
        let won_back_in = (pace - self.pace) / WON_BACK_PER_SECOND;
        let come = won_back_in * (self.pace + pace) / 2.0 + (seconds - won_back_in) * pace;
        self.pace = pace;
        self.tokens = (self.tokens + come * self.rate.per_second).min(usable(self.rate));
    }
}

/// The tokens that a bucket holds at most.
fn usable(rate: Rate) -> f64 {
    (rate.burst * (1.0 - HELD_BACK)).max(1.0)
}
