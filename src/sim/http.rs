//! A service behind a load balancer: requests wait for a free worker of a task, and give up in the end.

use super::STEP_S;

/// What a service behind a load balancer does with a request, and what it promises.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// The load balancer, as in `app/my-alb/778d41231b141a0f`.
    pub load_balancer: String,
    /// The target group, as in `targetgroup/my-tg/943f017f100becff`.
    pub target_group: String,
    /// Requests that a task serves at once.
    pub concurrency: u32,
    /// The time that a request takes once it is served, in seconds.
    pub service_time_s: f64,
    /// The wait after which a client gives up, in seconds.
    pub timeout_s: f64,
    /// The promise: a request takes no longer than this, in seconds.
    pub latency_s: f64,
    /// The share of requests that must keep the promise, in per cent.
    pub percent: f64,
}

/// Capacity lost because a load balancer never spreads requests perfectly.
const IMBALANCE: f64 = 0.05;

impl Http {
    /// Requests a second that a task can serve.
    pub fn capacity_per_task(&self) -> f64 {
        f64::from(self.concurrency) / self.service_time_s
    }
}

/// The traffic of a step, from which every statistic of the response time follows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Workers.
    workers: f64,
    /// Work that arrives, in workers.
    offered: f64,
    /// The wait behind requests left over from before, in seconds.
    queued_s: f64,
    /// The time that a request takes once it is served, in seconds.
    service_time_s: f64,
}

impl Traffic {
    /// The share of the step's requests that take longer than `latency_s`, by Halfin and Whitt's approximation of the
    /// M/M/c queue ("Heavy-traffic limits for queues with many exponential servers", 1981).
    pub fn share_over(&self, latency_s: f64) -> f64 {
        let patience = latency_s - self.service_time_s - self.queued_s;
        let spare = self.workers - self.offered;
        if patience < 0.0 || spare <= 0.0 {
            return 1.0;
        }
        self.share_waiting(spare) * (-spare / self.service_time_s * patience).exp()
    }

    /// The mean response time, in seconds.
    pub fn mean_s(&self) -> f64 {
        let spare = self.workers - self.offered;
        let wait = if spare <= 0.0 { 0.0 } else { self.share_waiting(spare) * self.service_time_s / spare };
        self.service_time_s + self.queued_s + wait
    }

    fn share_waiting(&self, spare: f64) -> f64 {
        /// Beyond this the share is less than one request in 10^14.
        const AMPLE: f64 = 8.0;
        if self.offered <= 0.0 {
            return 0.0;
        }
        let beta = spare / self.offered.sqrt();
        if beta > AMPLE {
            return 0.0;
        }
        let density = (-beta * beta / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let below = libm::erfc(-beta * std::f64::consts::FRAC_1_SQRT_2) / 2.0;
        1.0 / (1.0 + beta * below / density)
    }
}

/// What became of a step's requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HttpStep {
    pub(super) traffic: Traffic,
    pub(super) late: f64,
    pub(super) timed_out: f64,
    pub(super) backlog: f64,
    pub(super) busy: f64,
}

/// Serves the requests of one step with `running` tasks, after those that `backlog` left over.
pub(super) fn serve(http: &Http, running: u32, arrived: u32, backlog: f64) -> HttpStep {
    let all_workers = f64::from(running * http.concurrency);
    let workers = all_workers * (1.0 - IMBALANCE);
    let (arrived, step_s) = (f64::from(arrived), f64::from(STEP_S));
    let rate = workers / http.service_time_s;
    let waiting = backlog + arrived;
    let done = waiting.min(rate * step_s);
    let left = waiting - done;
    let queued_s = if rate > 0.0 { left / rate } else { f64::INFINITY };
    let offered = arrived / step_s * http.service_time_s;
    let traffic = Traffic { workers, offered, queued_s, service_time_s: http.service_time_s };
    let late = if arrived > 0.0 { arrived * traffic.share_over(http.latency_s) } else { 0.0 };
    let backlog = left.min(rate * http.timeout_s);
    let busy = if all_workers > 0.0 { done * http.service_time_s / (all_workers * step_s) } else { 0.0 };
    HttpStep { traffic, late, timed_out: left - backlog, backlog, busy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> Http {
        Http {
            load_balancer: "app/web/1".to_owned(),
            target_group: "targetgroup/web/1".to_owned(),
            concurrency: 4,
            service_time_s: 0.2,
            timeout_s: 10.0,
            latency_s: 0.3,
            percent: 99.0,
        }
    }

    #[test]
    fn the_share_of_late_requests_falls_as_tasks_are_added() {
        let late = |running| serve(&web(), running, 500, 0.0).late;
        let shares: Vec<f64> = (4..12).map(late).collect();
        assert!(shares.windows(2).all(|pair| pair[1] <= pair[0]), "{shares:?}");
        assert!((shares[0] - 500.0).abs() < 1e-9, "100 a second are more than 4 tasks serve: {shares:?}");
        assert!(shares[7] < 0.1, "{shares:?}");
    }

    #[test]
    fn what_is_not_served_waits_and_gives_up_in_the_end() {
        let first = serve(&web(), 1, 200, 0.0);
        assert!((first.backlog - 105.0).abs() < 1e-9, "{first:?}");
        assert!(first.timed_out.abs() < 1e-9);
        let second = serve(&web(), 1, 200, first.backlog);
        assert!((second.backlog - 190.0).abs() < 1e-9, "ten seconds of work: {second:?}");
        assert!((second.timed_out - 20.0).abs() < 1e-9, "{second:?}");
    }

    #[test]
    fn without_tasks_every_request_fails() {
        let step = serve(&web(), 0, 50, 0.0);
        assert_eq!((step.late, step.timed_out, step.backlog), (50.0, 50.0, 0.0));
    }

    #[test]
    fn the_approximation_is_near_erlangs_formula() {
        // Erlang C for 20 workers and 16 erlangs: 25.61 per cent wait.
        let traffic = Traffic { workers: 20.0, offered: 16.0, queued_s: 0.0, service_time_s: 0.2 };
        let waiting = traffic.share_over(0.2);
        assert!((waiting - 0.2561).abs() < 0.04, "{waiting}");
    }
}
