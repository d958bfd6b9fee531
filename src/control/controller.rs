//! The controller itself: every trigger goes the one way through policy, targets, look and answer.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::ScalableTarget;
use crate::model::blast_radius::BlastRadius;
use crate::model::duration::elapsed;
use crate::model::target::Mode;

use super::answer::{Answer, AnswerError};
use super::blast_radius::Ledger;
use super::calls::Calls;
use super::fan_out::{self, FanOut, Sharing};
use super::kept_points::KeptPoints;
use super::look::{Look, Manner};
use super::observe::Care;
use super::policy_cache::PolicyCache;
use super::ports::{Clock, CloudWatch, Ecs, PolicySource, Shards, Sqs, StateStore};
use super::report::Log;
use super::targets::{self, Listings};
use super::trigger::Trigger;
use super::watch::{self, Pace, Watch};

/// The world that the controller sees and changes.
#[derive(Clone)]
pub struct Ports {
    /// Amazon ECS.
    pub ecs: Arc<dyn Ecs>,
    /// Amazon CloudWatch.
    pub cloudwatch: Arc<dyn CloudWatch>,
    /// Amazon SQS.
    pub sqs: Arc<dyn Sqs>,
    /// Where memories are kept.
    pub states: Arc<dyn StateStore>,
    /// Where parts of a large fleet's tick go; none where one invocation does all.
    pub shards: Option<Arc<dyn Shards>>,
    /// Where the policy file is.
    pub policy: Arc<dyn PolicySource>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What holds for every service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Every service is decided and reported, none is changed.
    pub shadow: bool,
    /// How often the services that gain by it are looked at in the minute of a tick; none for once.
    pub look_every: Option<Duration>,
    /// How a large fleet is shared out, where there is somewhere to send its parts.
    pub fan_out: FanOut,
}

/// Looks at services and sets their desired count. It keeps the last good policy file and the last listings from one
/// trigger to the next; all else that it remembers is in the state store, so any number of controllers may share one.
#[derive(Debug)]
pub struct Controller {
    ports: Ports,
    calls: Calls,
    settings: Settings,
    policy: PolicyCache,
    listings: Listings,
    ledger: Ledger,
    log: Log,
}

/// What a trigger means under the policy file in force.
struct Aim {
    targets: Vec<ScalableTarget>,
    blast_radius: Option<BlastRadius>,
    /// The digest of the policy file.
    policy: u64,
    errors: Vec<AnswerError>,
}

/// Where ticks are shared out, one lists for all while workers of the last one may still look: it takes half of the rates.
const BESIDE_THE_LAST_TICK: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// What a look has time for before it has to answer.
struct Time {
    /// Reading: at most half of all, so that what was read can be acted on.
    to_read: Option<Timestamp>,
    /// Acting.
    to_act: Option<Timestamp>,
}

impl Time {
    fn until(deadline: Option<Timestamp>, now: Timestamp) -> Self {
        let to_act = deadline.and_then(|deadline| deadline.saturating_sub(watch::TO_ANSWER).ok());
        let to_read = to_act.and_then(|end| now.saturating_add(elapsed(now, end) / 2).ok());
        Self { to_read, to_act }
    }
}

impl Controller {
    /// A controller that has not looked yet.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let calls = Calls::new(ports);
        Self {
            ports: calls.ports(),
            calls,
            settings,
            policy: PolicyCache::default(),
            listings: Listings::default(),
            ledger: Ledger::default(),
            log: Log::default(),
        }
    }

    /// Its calls to the world: their limits, and what was used.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Looks at the services that the trigger means, and carries out and reports what is decided. It never fails as a
    /// whole: what went wrong is in the answer, beside the decisions that it did not touch.
    pub async fn handle(&self, trigger: &Trigger) -> Answer {
        self.look_once(trigger, None).await
    }

    /// Handles a trigger as [`Self::handle`] does, and answers before the deadline: what there is no time for is handed over. After a
    /// tick, or a shard of one, it goes on looking at the services that gain by it, as often as the settings say, until the next
    /// tick is near. Without a deadline there is one look.
    pub async fn watch(&self, trigger: &Trigger, deadline: Option<Timestamp>) -> Watch {
        let tick = fan_out::minute_of(trigger, self.ports.clock.now());
        match (tick, self.settings.look_every, deadline) {
            (Some(tick), Some(every), Some(deadline)) => {
                self.watch_the_minute(trigger, Pace::new(tick, every, deadline), deadline).await
            }
            _ => self.look_once(trigger, deadline).await.into(),
        }
    }

    async fn look_once(&self, trigger: &Trigger, deadline: Option<Timestamp>) -> Answer {
        let answer = match Manner::of(trigger, self.ports.clock.now()) {
            Ok(manner) => self.answer(trigger, &manner, deadline).await,
            Err(error) => Answer { errors: vec![error], ..Answer::default() },
        };
        self.log.write(&answer);
        answer
    }

    async fn watch_the_minute(&self, trigger: &Trigger, pace: Pace, deadline: Timestamp) -> Watch {
        let clock = &self.ports.clock;
        let began = clock.now();
        let mut sharing = Sharing::of(trigger, &self.ports, self.settings.fan_out, true);
        let time = Time::until(Some(deadline), began);
        let Aim { targets, blast_radius, policy, errors } = self.aim(trigger, time.to_read).await;
        let mut answer = Answer { errors, ..Answer::default() };
        let targets = self.keep_own(&mut sharing, targets, &mut answer).await;
        let gaining: Vec<ScalableTarget> =
            targets.iter().filter(|target| watch::gains(target)).cloned().collect();
        let cloudwatch = Arc::new(KeptPoints::new(Arc::clone(&self.ports.cloudwatch)));
        let ports = Ports { cloudwatch, ..self.ports.clone() };
        let manner = Manner::default();
        let look = Look {
            ports: &ports,
            manner: &manner,
            care: Care {
                thrifty: true,
                with_history: true,
                policy,
                sharers: sharing.sharers(),
                until: time.to_read,
            },
            limits: blast_radius.as_ref(),
            ledger: &self.ledger,
            until: time.to_act,
        };
        answer.extend(look.at(targets).await);
        sharing.hand_on(&mut answer).await;
        self.log.write(&answer);
        let mut watch = Watch::from(answer);
        let mut lasted = elapsed(began, clock.now());
        let end = Some(pace.end());
        let later_look =
            Look { care: Care { with_history: false, until: end, ..look.care }, until: end, ..look };
        for time in pace.times().filter(|_| !gaining.is_empty()) {
            let now = clock.now();
            if time < now {
                continue; // the look before took so long
            }
            if !pace.allows(time, lasted) {
                break;
            }
            clock.sleep(elapsed(now, time)).await;
            watch.waited += elapsed(now, time);
            let left = elapsed(time, pace.end());
            let Some(mut later) = watch::in_time(later_look.at(gaining.clone()), clock.as_ref(), left).await
            else {
                let later = Answer { errors: vec![watch::given_up()], ..Answer::default() };
                self.log.write(&later);
                watch::add(&mut watch.answer, &later);
                break;
            };
            later.errors.retain(|error| !watch.answer.errors.contains(error));
            self.log.write(&later);
            watch::add(&mut watch.answer, &later);
            watch.looks += 1;
            lasted = elapsed(time, clock.now());
        }
        watch
    }

    /// Answers a trigger without remembering or doing anything.
    pub async fn plan(&self, trigger: &Trigger) -> Answer {
        match Manner::of(trigger, self.ports.clock.now()) {
            Ok(manner) => self.answer(trigger, &manner.dry(), None).await,
            Err(error) => Answer { errors: vec![error], ..Answer::default() },
        }
    }

    async fn answer(&self, trigger: &Trigger, manner: &Manner, deadline: Option<Timestamp>) -> Answer {
        let began = self.ports.clock.now();
        let carries_out = !manner.is_dry_run();
        let mut sharing = Sharing::of(trigger, &self.ports, self.settings.fan_out, carries_out);
        let time = Time::until(deadline, began);
        let Aim { targets, blast_radius, policy, errors } = self.aim(trigger, time.to_read).await;
        let mut answer = Answer { errors, ..Answer::default() };
        let targets = self.keep_own(&mut sharing, targets, &mut answer).await;
        let thrifty = carries_out && fan_out::minute_of(trigger, began).is_some();
        let look = Look {
            ports: &self.ports,
            manner,
            care: Care {
                thrifty,
                with_history: true,
                policy,
                sharers: sharing.sharers(),
                until: time.to_read,
            },
            limits: blast_radius.as_ref(),
            ledger: &self.ledger,
            until: time.to_act,
        };
        answer.extend(look.at(targets).await);
        sharing.hand_on(&mut answer).await;
        answer
    }

    /// The targets to look at here. Others are sent to other invocations, with which the rate limits of the account are shared.
    async fn keep_own(
        &self,
        sharing: &mut Sharing<'_>,
        targets: Vec<ScalableTarget>,
        answer: &mut Answer,
    ) -> Vec<ScalableTarget> {
        let own = sharing.share(targets, answer).await;
        self.calls.share(sharing.sharers());
        own
    }

    /// The targets that a trigger means, as the settings have them. What cannot be listed until then is left out.
    async fn aim(&self, trigger: &Trigger, until: Option<Timestamp>) -> Aim {
        if *trigger == Trigger::Tick && self.ports.shards.is_some() {
            self.calls.share(BESIDE_THE_LAST_TICK);
        }
        let current = self.policy.current(self.ports.policy.as_ref()).await;
        let mut errors = current.errors;
        let Some(policy) = current.file else {
            return Aim { targets: Vec::new(), blast_radius: None, policy: current.digest, errors };
        };
        let ports = until.map_or_else(|| self.ports.clone(), |until| self.calls.until(until));
        let found = targets::resolve(&policy, trigger, &ports, &self.listings).await;
        errors.extend(found.errors);
        let targets = found.targets.into_iter().map(|target| self.with_settings(target)).collect();
        Aim { targets, blast_radius: policy.blast_radius, policy: current.digest, errors }
    }

    fn with_settings(&self, target: ScalableTarget) -> ScalableTarget {
        match target.mode {
            Mode::Active if self.settings.shadow => ScalableTarget { mode: Mode::Shadow, ..target },
            Mode::Active | Mode::Shadow | Mode::Paused => target,
        }
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("policy", &self.policy.place()).finish_non_exhaustive()
    }
}
