//! What woke the controller. A trigger is a hint where to look, never an order: what is decided comes from what is
//! observed then. Only those by hand carry something to remember.

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde_json::json;

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
    /// A part of a large fleet's tick: look at its services.
    Shard(Shard),
}

/// A part of a large fleet's tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The services to look at, by name: who takes the shard lists nothing.
    pub services: Vec<ServiceId>,
    /// When the tick began; none where it is asked for by hand, which is never too late.
    pub tick: Option<Timestamp>,
    /// How many invocations at most share the tick, this one among them, and with it the rate limits of the account.
    pub of: NonZeroU32,
}

impl Shard {
    /// Raised when a field of the message is renamed or changes its meaning.
    pub const VERSION: u32 = 1;

    /// Services to look at by hand, beside nobody.
    pub fn by_hand(services: Vec<ServiceId>) -> Self {
        Self { services, tick: None, of: NonZeroU32::MIN }
    }

    /// The shard as an event that leads to it: `{"action": "shard", "version": 1, "services": ["prod/checkout"], ...}`.
    pub fn to_json(&self) -> String {
        let services: Vec<String> = self.services.iter().map(ToString::to_string).collect();
        let Self { tick, of, .. } = self;
        json!({ "action": "shard", "version": Self::VERSION, "tick": tick, "of": of, "services": services })
            .to_string()
    }
}
