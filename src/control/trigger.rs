//! What woke the controller. A trigger is a hint where to look, never an order: what is decided comes from what is
//! observed then. Only those by hand carry something to remember.

use jiff::Timestamp;

use crate::model::memory::PauseDirection;
use crate::model::{ServiceId, ServicePattern, TaskCount};

/// Why the controller looks.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// The clock: look at every service.
    Tick,
    /// An alarm changed its state: look at the services whose policies name it, and at those its metric is of.
    Alarm {
        /// The alarm's name.
        name: String,
        /// The services that its metrics' `ClusterName` and `ServiceName` dimensions name.
        services: Vec<ServiceId>,
    },
    /// ECS reported something of a service: look at it.
    EcsChange {
        /// The service.
        service: ServiceId,
        /// ECS's name of the event, as in `SERVICE_DEPLOYMENT_COMPLETED`.
        event: String,
    },
    /// By hand: look at these services.
    Evaluate {
        /// Which.
        services: Vec<ServicePattern>,
        /// Whether nothing is carried out or remembered.
        dry_run: bool,
    },
    /// By hand: bounds for a while.
    SetCapacity {
        /// The service.
        service: ServiceId,
        /// The lower bound, where set.
        min: Option<TaskCount>,
        /// The upper bound, where set.
        max: Option<TaskCount>,
        /// The count to go to, where set.
        desired: Option<TaskCount>,
        /// When it ends; a day from now where not set.
        until: Option<Timestamp>,
    },
    /// By hand: no scaling for a while.
    Pause {
        /// The service.
        service: ServiceId,
        /// What is paused.
        direction: PauseDirection,
        /// When it ends, where set.
        until: Option<Timestamp>,
        /// Why, in the words of who paused it.
        reason: Option<String>,
    },
    /// By hand: pauses and overrides end.
    Resume {
        /// The service.
        service: ServiceId,
    },
    /// By hand: what is remembered of these services, and what would be decided now.
    Status {
        /// Which.
        services: Vec<ServicePattern>,
    },
    /// A part of a large fleet's tick.
    Shard {
        /// The services to look at.
        services: Vec<ServiceId>,
    },
}
