//! The services of the fake, what loads them, and the policy file that steers them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Services in a cluster.
const IN_A_CLUSTER: usize = 1000;
/// One service in so many is loaded to the middle of its dead band; the others rest at their minimum.
const LOADED_EVERY: usize = 5;

const LEAST_TASKS: u32 = 2;
const MOST_TASKS: u32 = 60;
const LOADED_TASKS: u32 = 4;
/// The tasks that a service whose load changes needs beyond those that it has.
const MORE_TASKS: u32 = 2;

/// Per cent of what its tasks have: the target, the middle of the dead band below it, and idleness.
const TARGET: u32 = 60;
const MIDDLE: f64 = 57.0;
const IDLE: f64 = 12.0;

/// Messages for each task of a worker: the target, and what keeps the count.
const BACKLOG: u32 = 100;
const BACKLOG_MIDDLE: u32 = 95;

/// How many services of which kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FleetSize {
    /// All services.
    pub(crate) services: usize,
    /// Of them, those that work off a queue, each its own.
    pub(crate) workers: usize,
    /// Of them, those that step as an alarm says, each its own. The others track their processors.
    pub(crate) stepped: usize,
    /// How the policy file names those.
    pub(crate) entries: Entries,
}

/// How a policy file names services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entries {
    /// An entry for each.
    Literal,
    /// One pattern for all that track their processors.
    Glob,
}

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) cluster: String,
    pub(super) name: String,
    pub(super) driver: Driver,
    pub(super) desired: u32,
    /// Per cent of a task's processors in all, or messages in the queue.
    pub(super) load: f64,
}

/// What a service's count follows.
#[derive(Debug)]
pub(super) enum Driver {
    Processors,
    Queue(String),
    Alarm(String),
}

impl Service {
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.cluster, self.name)
    }

    /// Per cent of its tasks' processors in use; none without a task.
    pub(super) fn cpu(&self) -> Option<f64> {
        let load = if matches!(self.driver, Driver::Queue(_)) { IDLE } else { self.load };
        (0 < self.desired).then(|| load / f64::from(self.desired))
    }
}

/// All services, with their indexes.
#[derive(Debug)]
pub(super) struct Fleet {
    size: FleetSize,
    services: Vec<Service>,
    by_cluster: BTreeMap<String, BTreeMap<String, usize>>,
    by_queue: BTreeMap<String, usize>,
    by_alarm: BTreeMap<String, usize>,
    /// Those whose load may change, in an order that spreads over all clusters; the next comes first.
    changeable: Vec<usize>,
    changed: usize,
}

impl Fleet {
    pub(super) fn new(size: FleetSize) -> Self {
        let services: Vec<Service> = (0..size.services).map(|number| service(number, size)).collect();
        let mut by_cluster: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        let (mut by_queue, mut by_alarm, mut changeable) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (index, service) in services.iter().enumerate() {
            by_cluster.entry(service.cluster.clone()).or_default().insert(service.name.clone(), index);
            match &service.driver {
                Driver::Processors if LEAST_TASKS < service.desired => changeable.push(index),
                Driver::Processors => {}
                Driver::Queue(queue) => drop(by_queue.insert(queue.clone(), index)),
                Driver::Alarm(alarm) => drop(by_alarm.insert(alarm.clone(), index)),
            }
        }
        changeable.sort_by_key(|index| spread(*index));
        Self { size, services, by_cluster, by_queue, by_alarm, changeable, changed: 0 }
    }

    pub(super) fn clusters(&self) -> impl Iterator<Item = &str> {
        self.by_cluster.keys().map(String::as_str)
    }

    /// The services of a cluster, by name; none where there is no such cluster.
    pub(super) fn cluster(&self, name: &str) -> Option<&BTreeMap<String, usize>> {
        self.by_cluster.get(name)
    }

    pub(super) fn service(&self, cluster: &str, name: &str) -> Option<&Service> {
        self.services.get(*self.by_cluster.get(cluster)?.get(name)?)
    }

    pub(super) fn service_mut(&mut self, cluster: &str, name: &str) -> Option<&mut Service> {
        self.services.get_mut(*self.by_cluster.get(cluster)?.get(name)?)
    }

    pub(super) fn of_queue(&self, queue: &str) -> Option<&Service> {
        self.services.get(*self.by_queue.get(queue)?)
    }

    pub(super) fn of_alarm(&self, alarm: &str) -> Option<&Service> {
        self.services.get(*self.by_alarm.get(alarm)?)
    }

    pub(super) fn desired_counts(&self) -> BTreeMap<String, u32> {
        self.services.iter().map(|service| (service.id(), service.desired)).collect()
    }

    /// Raises the load of a share of all services, at least one, so that they need more tasks, and tells how many each needs.
    pub(super) fn change(&mut self, share: f64) -> BTreeMap<String, u32> {
        let count = share_of(self.services.len(), share).max(1);
        let mut wanted = BTreeMap::new();
        for _ in 0..count.min(self.changeable.len()) {
            let next = self.changeable.get(self.changed % self.changeable.len());
            self.changed += 1;
            if let Some(service) = next.and_then(|index| self.services.get_mut(*index)) {
                let tasks = service.desired + MORE_TASKS;
                service.load = f64::from(tasks) * MIDDLE;
                wanted.insert(service.id(), tasks);
            }
        }
        wanted
    }

    pub(super) fn policy(&self) -> String {
        let mut text = format!(
            "version: 1\ndefaults:\n  capacity: {{ min: {LEAST_TASKS}, max: {MOST_TASKS} }}\n  policies:\n    \
             - target_tracking: {{ metric: ECSServiceAverageCPUUtilization, target: {TARGET} }}\nservices:\n"
        );
        if self.size.entries == Entries::Glob {
            text.push_str("  - service: fleet-*/service-*\n");
        }
        for service in &self.services {
            let id = service.id();
            let entry = match &service.driver {
                Driver::Processors if self.size.entries == Entries::Glob => continue,
                Driver::Processors => format!("  - service: {id}\n"),
                Driver::Queue(queue) => format!(
                    "  - service: {id}\n    policies: [queue: {{ queue: {queue}, backlog_per_task: {BACKLOG} }}]\n"
                ),
                Driver::Alarm(alarm) => format!(
                    "  - service: {id}\n    policies:\n      - step_scaling: {{ alarm: {alarm}, \
                     adjustment_type: ChangeInCapacity, steps: [{{ lower: 0, change: 2 }}] }}\n"
                ),
            };
            let written = text.write_str(&entry);
            debug_assert!(written.is_ok(), "a string takes all text");
        }
        text
    }
}

/// Service number so and so: the workers come first, then the stepped ones.
fn service(number: usize, size: FleetSize) -> Service {
    let (kind, driver) = if number < size.workers {
        ("worker", Driver::Queue(format!("jobs-{number}")))
    } else if number < size.workers + size.stepped {
        ("stepped", Driver::Alarm(format!("busy-{number}")))
    } else {
        ("service", Driver::Processors)
    };
    let desired = if number.is_multiple_of(LOADED_EVERY) { LOADED_TASKS } else { LEAST_TASKS };
    let load = match driver {
        Driver::Queue(_) => f64::from(desired * BACKLOG_MIDDLE),
        Driver::Processors | Driver::Alarm(_) if desired == LEAST_TASKS => f64::from(desired) * IDLE,
        Driver::Processors | Driver::Alarm(_) => f64::from(desired) * MIDDLE,
    };
    Service {
        cluster: format!("fleet-{:02}", number / IN_A_CLUSTER),
        name: format!("{kind}-{:03}", number % IN_A_CLUSTER),
        driver,
        desired,
        load,
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some thousand services, and a share from 0 to 1"
)]
fn share_of(count: usize, share: f64) -> usize {
    (count as f64 * share).round() as usize
}

/// A number that has little to do with the index (Knuth's multiplicative hash).
fn spread(index: usize) -> usize {
    index.wrapping_mul(2_654_435_761) % (1 << 32)
}
