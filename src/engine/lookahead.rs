//! What a service's load may be by the time that a decision helps.
//!
//! `ahead = max(level + trend x slope x time, share x usual)`, held up for a while after a peak:
//! `held = max(ahead, held x e^(-1 minute / hold))`. How much more than such forecasts came is remembered too, as a mean square. All of
//! it is one pass over minutes of load with a few numbers of state, so the live decision and the rehearsal on history are the same
//! code. It rises with the load: a higher minute never leaves a lower expectation, nor a lower deviation.

use crate::model::memory::{LookaheadMemory, LookaheadTuning, Season};

/// The weight of the newest minute in the slope.
const NEWEST_SLOPE: f64 = 0.2;
/// The weight of the newest minute in the mean square: some three hours count.
const NEWEST_MISS: f64 = 1.0 / 180.0;

impl Default for LookaheadTuning {
    /// What serves a load of which nothing is known.
    fn default() -> Self {
        Self {
            newest: 0.6,
            trend: 0.5,
            hold_min: 15.0,
            margin: 3.0,
            floor_s: 0.0,
            relative: true,
            season: Season::None,
            season_share: 0.0,
        }
    }
}

/// What a tuning comes to from minute to minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// From the middle of the newest minute to the middle of the time that a decision is for, in minutes.
    horizon_min: f64,
    /// The same in whole points.
    horizon_points: usize,
    /// What a minute leaves of a peak.
    fading: f64,
}

impl Pace {
    pub(super) fn new(tuning: &LookaheadTuning, horizon_min: f64) -> Self {
        const MOST_POINTS: f64 = 15.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 15")]
        let horizon_points = horizon_min.round().clamp(1.0, MOST_POINTS) as usize;
        let fading = if tuning.hold_min > 0.0 { (-1.0 / tuning.hold_min).exp() } else { 0.0 };
        Self { horizon_min, horizon_points, fading }
    }
}

/// Takes in the load of the next minute, and the most that is usual in the time that is looked ahead, in requests or
/// messages a second.
pub(super) fn push(
    memory: &mut LookaheadMemory,
    tuning: &LookaheadTuning,
    pace: &Pace,
    load_s: f64,
    usual_s: f64,
) {
    if !memory.begun {
        *memory =
            LookaheadMemory { begun: true, level_s: load_s, held_s: load_s, ..LookaheadMemory::default() };
        return;
    }
    let before = memory.level_s;
    memory.level_s += (load_s - memory.level_s) * tuning.newest;
    memory.slope_s += ((memory.level_s - before) - memory.slope_s) * NEWEST_SLOPE;
    let by_trend = (memory.level_s + tuning.trend * memory.slope_s * pace.horizon_min).max(0.0);
    let ahead = by_trend.max(tuning.season_share * usual_s);
    memory.held_s = ahead.max(memory.held_s * pace.fading);
    memory.forecasts.push(ahead);
    while pace.horizon_points < memory.forecasts.len() {
        let forecast = memory.forecasts.remove(0);
        let scale = if tuning.relative { load_s.max(forecast).max(f64::MIN_POSITIVE) } else { 1.0 };
        let miss = (load_s - forecast).max(0.0) / scale;
        memory.variance += (miss * miss - memory.variance) * NEWEST_MISS;
    }
}
