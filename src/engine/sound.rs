//! Numbers that cannot have been learned. The memory is text in a table that people can edit and that other versions wrote; what
//! is beyond any load or time is forgotten and learned anew, before a rule divides by it.

use super::starts::{LONGEST_LOOK_S, LONGEST_START_S};
use crate::model::Memory;
use crate::model::memory::{
    LoadMemory, LookaheadMemory, LookaheadTuning, QueueMemory, Rehearsed, ServiceLevelMemory, StartMemory,
    UsualLoad,
};

/// No rate, no sum of requests and no time in seconds reaches this; its square is far from the largest number.
const LARGEST: f64 = 1e15;
/// A task that does less than this a second was never seen at work.
pub(super) const LEAST_RATE: f64 = 1e-6;
/// A day of slots, twice over: more than are ever planned.
const MOST_SLOTS: usize = 600;
/// More than a decision looks ahead, in minutes.
const MOST_FORECASTS: usize = 60;
/// A slot of five minutes later than any timestamp's.
const LAST_SLOT: i64 = 1_000_000_000;

/// Forgets what cannot have been learned.
pub(super) fn forget_the_impossible(memory: &mut Memory) {
    if !is_sound_start(&memory.starts) {
        memory.starts = StartMemory::default();
    }
    for queue in memory.queues.values_mut() {
        if !is_sound_queue(queue) {
            *queue = QueueMemory { active_at: queue.active_at, ..QueueMemory::default() };
        }
        forget_load(&mut queue.load);
    }
    for level in memory.service_levels.values_mut() {
        if !is_sound_level(level) {
            *level = ServiceLevelMemory::default();
        }
        forget_load(&mut level.load);
    }
}

fn forget_load(load: &mut LoadMemory) {
    let rehearsed = load.rehearsed.as_ref().is_none_or(is_sound_rehearsal);
    let usual = load.usual.as_ref().is_none_or(is_sound_usual);
    if !(is_sound_lookahead(&load.lookahead) && rehearsed && usual) {
        *load = LoadMemory::default();
    }
}

fn is_amount(value: f64) -> bool {
    (0.0..=LARGEST).contains(&value)
}

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

fn is_rate(value: f64) -> bool {
    (LEAST_RATE..=LARGEST).contains(&value)
}

/// Twice what is ever learned: an average may be a hair above its largest sample.
fn is_sound_start(starts: &StartMemory) -> bool {
    let is_time = |value: f64, longest_s: f64| (0.0..=2.0 * longest_s).contains(&value);
    is_amount(starts.seen)
        && is_time(starts.look_s, LONGEST_LOOK_S)
        && is_time(starts.mean_s, LONGEST_START_S)
        && is_time(starts.variance_s2.sqrt(), LONGEST_START_S)
}

fn is_sound_queue(queue: &QueueMemory) -> bool {
    let amounts = [queue.finished_per_task_s, queue.arrivals_s, queue.in_flight_per_task];
    amounts.into_iter().flatten().all(is_amount)
}

fn is_sound_level(level: &ServiceLevelMemory) -> bool {
    [level.per_task_s, level.limit_s].into_iter().flatten().all(is_rate)
        && [level.per_task_weight, level.requests, level.late].into_iter().all(is_amount)
}

fn is_sound_lookahead(lookahead: &LookaheadMemory) -> bool {
    [lookahead.level_s, lookahead.held_s].into_iter().all(is_amount)
        && lookahead.slope_s.abs() <= LARGEST
        && (0.0..=LARGEST * LARGEST).contains(&lookahead.variance)
        && lookahead.forecasts.len() <= MOST_FORECASTS
        && lookahead.forecasts.iter().copied().all(is_amount)
}

fn is_sound_rehearsal(rehearsed: &Rehearsed) -> bool {
    let LookaheadTuning { newest, trend, hold_min, margin, floor_s, season_share, relative: _, season: _ } =
        rehearsed.tuning;
    is_rate(rehearsed.per_task_s)
        && [newest, trend].into_iter().all(is_share)
        && [hold_min, margin, floor_s, season_share].into_iter().all(is_amount)
}

fn is_sound_usual(usual: &UsualLoad) -> bool {
    (-LAST_SLOT..=LAST_SLOT).contains(&usual.first_slot)
        && usual.load_s.len() <= MOST_SLOTS
        && usual.load_s.iter().copied().all(is_amount)
}
