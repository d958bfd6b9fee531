//! What load is usual at a time: the mean of the same time on the days around it, or on the same day of the weeks around it, the
//! nearer the more. A time's own load never counts, so the rehearsal sees no more of it than the live decision will.

use crate::model::memory::{Season, UsualLoad};

/// The length of a slot, in seconds.
const SLOT_S: i64 = 300;
const SLOTS_A_DAY: i64 = 288;
const SLOTS_A_WEEK: i64 = 7 * SLOTS_A_DAY;
/// How much less each day or week further away counts.
const FURTHER_AWAY: f64 = 0.7;
const MOST_DAYS: i64 = 7;
const MOST_WEEKS: i64 = 2;

/// The mean load of each slot, from the first on; none where there was no point.
#[derive(Debug)]
pub(super) struct Slots {
    first: i64,
    load_s: Vec<Option<f64>>,
}

impl Slots {
    /// From minutes: their start in seconds since 1970, and the load.
    pub(super) fn of(minutes: impl Iterator<Item = (i64, f64)>) -> Self {
        let mut slots = Self { first: 0, load_s: Vec::new() };
        let (mut slot, mut sum, mut count) = (i64::MIN, 0.0, 0.0);
        let put = |slots: &mut Self, slot: i64, mean: f64| {
            if slots.load_s.is_empty() {
                slots.first = slot;
            }
            let at = usize::try_from(slot - slots.first).unwrap_or_default();
            slots.load_s.resize(at, None);
            slots.load_s.push(Some(mean));
        };
        for (start, load) in minutes {
            let of = start.div_euclid(SLOT_S);
            if of != slot && 0.0 < count {
                put(&mut slots, slot, sum / count);
                (sum, count) = (0.0, 0.0);
            }
            slot = of;
            sum += load;
            count += 1.0;
        }
        if 0.0 < count {
            put(&mut slots, slot, sum / count);
        }
        slots
    }

    fn at(&self, slot: i64) -> Option<f64> {
        self.load_s.get(usize::try_from(slot - self.first).ok()?).copied()?
    }

    /// The load that is usual in a slot by a pattern.
    pub(super) fn usual_by(&self, season: Season, slot: i64) -> f64 {
        match season {
            Season::None => 0.0,
            Season::Daily => self.usual(slot, SLOTS_A_DAY, MOST_DAYS),
            Season::Weekly => self.usual(slot, SLOTS_A_WEEK, MOST_WEEKS),
        }
    }

    /// The most that is usual by a pattern from a moment until another, in seconds since 1970.
    pub(super) fn most_usual_by(&self, season: Season, (from_s, until_s): (i64, i64)) -> f64 {
        let slots = from_s.div_euclid(SLOT_S)..=until_s.div_euclid(SLOT_S);
        slots.map(|slot| self.usual_by(season, slot)).fold(0.0, f64::max)
    }

    /// A day, and a little more, of what is usual by a pattern.
    pub(super) fn plan(&self, season: Season, from_s: i64) -> Option<UsualLoad> {
        const SLOTS: i64 = SLOTS_A_DAY + 24;
        let first_slot = from_s.div_euclid(SLOT_S);
        let load_s = || (first_slot..first_slot + SLOTS).map(|slot| four_digits(self.usual_by(season, slot)));
        (season != Season::None).then(|| UsualLoad { first_slot, load_s: load_s().collect() })
    }

    fn usual(&self, slot: i64, period: i64, most: i64) -> f64 {
        let (mut sum, mut weights, mut weight) = (0.0, 0.0, 1.0);
        for away in 1..=most {
            for other in [slot - away * period, slot + away * period] {
                if let Some(load) = self.at(other) {
                    sum += weight * load;
                    weights += weight;
                }
            }
            weight *= FURTHER_AWAY;
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }
}

/// The most that was planned to be usual from a moment until another, in seconds since 1970.
pub(super) fn most_usual(plan: &UsualLoad, (from_s, until_s): (i64, i64)) -> f64 {
    let slots = from_s.div_euclid(SLOT_S)..=until_s.div_euclid(SLOT_S);
    let load = |slot: i64| plan.load_s.get(usize::try_from(slot - plan.first_slot).ok()?).copied();
    slots.filter_map(load).fold(0.0, f64::max)
}

/// A number to four digits: memory is stored as text.
fn four_digits(value: f64) -> f64 {
    if !value.is_normal() {
        return 0.0;
    }
    let scale = 10_f64.powf(3.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}
