//! What a scaler that knew the load beforehand would have to pay at least, so that a cost can be read against it.
//!
//! For messages it is the work itself. For requests it is the cheapest run of task counts over all steps: each step costs
//! its tasks and makes some requests late, a task that is started or stopped is paid while it starts or drains (so a
//! valley shorter than that is filled), and all steps together may make as many requests late as the promise allows.
//! That last condition is put into the costs as a price for each late request (Lagrange's relaxation): whatever the price,
//! the cheapest run is then no dearer than the cheapest one that keeps the promise, and the best price comes near to it.

use std::collections::BTreeMap;

use super::STEP_S;
use super::http::{self, Http};
use super::number::{real, whole};
use super::queue::QueueWork;
use super::service::Workload;
use super::tasks::Tasks;
use super::trial::Trial;
use crate::model::TaskCount;
use crate::model::capacity::MOST_TASKS;

/// The least seconds of tasks that keep the promise of a trial, each task taking the median time to start; none where
/// nothing is promised.
pub fn least_task_seconds(trial: &Trial) -> Option<f64> {
    let floor = f64::from(trial.capacity().min()) * f64::from(trial.duration_s());
    match &trial.spec().workload {
        Workload::Http(http) => Some(Requests::new(trial, http).bound().max(floor)),
        Workload::Queue(work) => Some(work_itself(trial, work).max(floor)),
        Workload::Scheduled => None,
    }
}

/// The work of all messages that must be done before the end, less those that may be late.
fn work_itself(trial: &Trial, work: &QueueWork) -> f64 {
    let step_s = f64::from(STEP_S);
    let is_short = work.service_time_s < step_s;
    let takes_s =
        if is_short { work.service_time_s } else { (work.service_time_s / step_s).round() * step_s };
    let last = trial.duration_s().saturating_sub(work.start_within_s + whole(takes_s.ceil()));
    let steps = trial.arrivals().iter().zip((0..last).step_by(STEP_S as usize));
    let due: u64 = steps.map(|(count, _)| u64::from(*count)).sum();
    let all: u64 = trial.arrivals().iter().map(|count| u64::from(*count)).sum();
    // Of short messages, one more may be done than whole steps allow.
    let spared = real(all) * (1.0 - work.percent / 100.0) + 1.0;
    (real(due) - spared).max(0.0) * takes_s / f64::from(work.concurrency)
}

/// So many different numbers of arrivals are told apart.
const MOST_DISTINCT: u32 = 4096;

/// The requests of a trial, ready for many prices.
struct Requests {
    /// What each number of arrivals makes of each count of tasks.
    lateness: Vec<Lateness>,
    /// Which of them each step is.
    steps: Vec<usize>,
    least: TaskCount,
    most: TaskCount,
    /// Requests that may be late.
    allowed: f64,
    start_s: f64,
    drain_s: f64,
}

/// How many requests of a step are late.
#[derive(Clone, Debug, Default)]
struct Lateness {
    all: f64,
    /// With so few tasks all of them are.
    none_in_time: TaskCount,
    /// With each more, these; with still more, none.
    late: Vec<f64>,
}

impl Lateness {
    /// A share that is taken for none.
    const NEGLIGIBLE: f64 = 1e-7;

    fn new(http: &Http, arrived: u32) -> Self {
        let all = f64::from(arrived);
        let with = |tasks: TaskCount| http::serve(http, tasks, arrived, 0.0).late;
        let busy = all / f64::from(STEP_S) / http.capacity_per_task();
        let mut none_in_time = whole(busy.floor());
        if with(none_in_time) < all {
            none_in_time = 0;
        }
        let late = (none_in_time + 1..=MOST_TASKS)
            .map(with)
            .take_while(|late| Self::NEGLIGIBLE * all < *late)
            .collect();
        Self { all, none_in_time, late }
    }

    /// Adds the price of what is late to the cost of each count of tasks, from the least on.
    fn charge(&self, cost: &mut [f64], least: usize, price: f64) {
        let too_few = (self.none_in_time as usize + 1).saturating_sub(least).min(cost.len());
        let (none_in_time, others) = cost.split_at_mut(too_few);
        for cost in none_in_time {
            *cost += price * self.all;
        }
        let passed = least.saturating_sub(self.none_in_time as usize + 1);
        for (cost, late) in others.iter_mut().zip(self.late.iter().skip(passed)) {
            *cost += price * late;
        }
    }

    fn most_tasks(&self) -> TaskCount {
        self.none_in_time + 1 + TaskCount::try_from(self.late.len()).unwrap_or(TaskCount::MAX)
    }
}

impl Requests {
    fn new(trial: &Trial, http: &Http) -> Self {
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        let mut lateness = Vec::new();
        // Counts are cut down to a few distinct ones: with fewer arrivals no more are late, so the bound holds.
        let coarse = trial.arrivals().iter().max().copied().unwrap_or(0).div_ceil(MOST_DISTINCT).max(1);
        let place = |arrived: &u32| {
            let arrived = arrived / coarse * coarse;
            *places.entry(arrived).or_insert_with(|| {
                lateness.push(Lateness::new(http, arrived));
                lateness.len() - 1
            })
        };
        let steps: Vec<usize> = trial.arrivals().iter().map(place).collect();
        let least = trial.capacity().min();
        let arrived: u64 = trial.arrivals().iter().map(|count| u64::from(*count)).sum();
        Self {
            most: lateness.iter().map(Lateness::most_tasks).max().unwrap_or(0).max(least),
            least,
            lateness,
            steps,
            allowed: real(arrived) * (1.0 - http.percent / 100.0),
            start_s: (trial.spec().start.median_s / f64::from(STEP_S)).ceil() * f64::from(STEP_S),
            drain_s: f64::from(Tasks::DRAIN_S),
        }
    }

    /// The greatest bound that any price of a late request gives. It is concave in the price, so a search by golden
    /// sections finds it.
    fn bound(&self) -> f64 {
        const SECTIONS: u32 = 14;
        const GOLDEN: f64 = 0.618_033_988_75;
        /// In the logarithm of task seconds for a late request.
        const CHEAPEST: f64 = -7.0;
        const DEAREST: f64 = 10.0;
        let at = |price: f64| self.relaxed(price.exp());
        let (mut low, mut high) = (CHEAPEST, DEAREST);
        let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        let (mut at_left, mut at_right) = (at(left), at(right));
        for _ in 0..SECTIONS {
            if at_left < at_right {
                (low, left, at_left) = (left, right, at_right);
                right = low + GOLDEN * (high - low);
                at_right = at(right);
            } else {
                (high, right, at_right) = (right, left, at_left);
                left = high - GOLDEN * (high - low);
                at_left = at(left);
            }
        }
        at_left.max(at_right).max(0.0)
    }

    /// The cost of the cheapest run at a price of so many task seconds for each late request, less what those cost that
    /// may be late: a bound for every run that keeps the promise.
    fn relaxed(&self, price: f64) -> f64 {
        let step_s = f64::from(STEP_S);
        let counts: Vec<f64> = (self.least..=self.most).map(|count| f64::from(count) * step_s).collect();
        let mut cost = vec![0.0; counts.len()];
        for step in &self.steps {
            relax(&mut cost, self.start_s, self.drain_s);
            for (cost, count) in cost.iter_mut().zip(&counts) {
                *cost += count;
            }
            if let Some(step) = self.lateness.get(*step) {
                step.charge(&mut cost, self.least as usize, price);
            }
        }
        cost.into_iter().fold(f64::INFINITY, f64::min) - price * self.allowed
    }
}

/// The least cost of being at each count after starting or stopping tasks.
fn relax(cost: &mut [f64], start_s: f64, drain_s: f64) {
    let mut below = f64::INFINITY;
    for cost in cost.iter_mut() {
        *cost = cost.min(below + start_s);
        below = *cost;
    }
    let mut above = f64::INFINITY;
    for cost in cost.iter_mut().rev() {
        *cost = cost.min(above + drain_s);
        above = *cost;
    }
}
