//! Actions by hand, as in `{"action": "pause", "service": "prod/checkout"}`: typed by people, so every slip is told with
//! what was meant.

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{EventError, short};
use crate::control::trigger::{Shard, Trigger};
use crate::model::capacity::{MOST_TASKS, TaskCount};
use crate::model::memory::PauseDirection;
use crate::model::spelling::nearest;
use crate::model::{Capacity, ServiceId, ServicePattern};

/// The actions and their fields.
const ACTIONS: [(&str, &[&str]); 7] = [
    ("tick", &[]),
    ("evaluate", &["services", "dry_run"]),
    ("set_capacity", &["service", "min", "max", "desired", "until"]),
    ("pause", &["service", "direction", "until", "reason"]),
    ("resume", &["service"]),
    ("status", &["services"]),
    ("shard", &["version", "services", "tick", "of"]),
];
/// The longest reason of a pause, in characters: it is remembered with the service.
const LONGEST_REASON: usize = 500;
/// The longest `cluster/service`, in bytes: ECS gives each name 255.
const LONGEST_SERVICE: usize = 511;
const A_SERVICE: &str = "write cluster/service, as in \"prod/checkout\"";
const A_SHARD: &str = "write the services to look at, as in [\"prod/checkout\"]";
const A_BOUND: &str = "write at least one of min, max and desired";

pub(super) fn read(object: &Map<String, Value>) -> Result<Trigger, EventError> {
    let fields = Fields::of(object)?;
    match fields.action {
        "tick" => Ok(Trigger::Tick),
        "evaluate" => {
            Ok(Trigger::Evaluate { services: fields.patterns()?, dry_run: fields.flag("dry_run")? })
        }
        "set_capacity" => set_capacity(&fields),
        "pause" => Ok(Trigger::Pause {
            service: fields.service()?,
            direction: fields.direction()?,
            until: fields.time("until")?,
            reason: fields.reason()?,
        }),
        "resume" => Ok(Trigger::Resume { service: fields.service()? }),
        "status" => Ok(Trigger::Status { services: fields.patterns()? }),
        _ => fields.shard().map(Trigger::Shard),
    }
}

fn set_capacity(fields: &Fields<'_>) -> Result<Trigger, EventError> {
    let service = fields.service()?;
    let [min, max, desired] = [fields.count("min")?, fields.count("max")?, fields.count("desired")?];
    if [min, max, desired].iter().all(Option::is_none) {
        return Err(EventError::MissingField { action: fields.action, field: "desired", expected: A_BOUND });
    }
    let bounds = Capacity::new(min.unwrap_or(0), max.unwrap_or(MOST_TASKS));
    let bounds = bounds.map_err(|error| fields.bad("min", error.to_string()))?;
    if let Some(count) = desired
        && bounds.clamp(count) != count
    {
        let problem = format!("{count} is not from {} to {}", bounds.min(), bounds.max());
        return Err(fields.bad("desired", problem));
    }
    Ok(Trigger::SetCapacity { service, min, max, desired, until: fields.time("until")? })
}

/// The fields of one action, all of them known.
struct Fields<'a> {
    action: &'static str,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(object: &'a Map<String, Value>) -> Result<Self, EventError> {
        let given = object.get("action").unwrap_or(&Value::Null);
        let Some((action, known)) = ACTIONS.into_iter().find(|(name, _)| given.as_str() == Some(name)) else {
            let names = ACTIONS.map(|(name, _)| name);
            return Err(EventError::UnknownAction {
                found: short(&given.to_string()),
                nearest: given.as_str().and_then(|given| nearest(given, names.iter().copied())),
                known: names.join(", "),
            });
        };
        let unknown = object.keys().find(|key| *key != "action" && !known.contains(&key.as_str()));
        match unknown {
            None => Ok(Self { action, object }),
            Some(field) => Err(EventError::UnknownField {
                action,
                field: short(field),
                nearest: nearest(field, known.iter().copied()),
                known: [&["action"], known].concat().join(", "),
            }),
        }
    }

    /// A field's value; `null` is as good as none.
    fn get(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    fn bad(&self, field: &'static str, problem: String) -> EventError {
        EventError::BadValue { action: self.action, field, problem }
    }

    fn bad_value(&self, field: &'static str, value: &Value, expected: &str) -> EventError {
        self.bad(field, format!("{} is not {expected}", short(&value.to_string())))
    }

    fn text(&self, field: &'static str) -> Result<Option<&'a str>, EventError> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| self.bad_value(field, value, "a text"));
        self.get(field).map(text).transpose()
    }

    fn flag(&self, field: &'static str) -> Result<bool, EventError> {
        let flag =
            |value: &Value| value.as_bool().ok_or_else(|| self.bad_value(field, value, "true or false"));
        self.get(field).map_or(Ok(false), flag)
    }

    fn count(&self, field: &'static str) -> Result<Option<TaskCount>, EventError> {
        let count = |value: &Value| {
            let count = value.as_u64().and_then(|count| TaskCount::try_from(count).ok());
            count.filter(|count| *count <= MOST_TASKS).ok_or_else(|| {
                self.bad_value(field, value, &format!("a number of tasks: write one from 0 to {MOST_TASKS}"))
            })
        };
        self.get(field).map(count).transpose()
    }

    fn time(&self, field: &'static str) -> Result<Option<Timestamp>, EventError> {
        let time = |value: &Value| {
            value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
                self.bad_value(field, value, "a time: write it in UTC, as in 2026-12-01T18:00:00Z")
            })
        };
        self.get(field).map(time).transpose()
    }

    fn direction(&self) -> Result<PauseDirection, EventError> {
        match self.text("direction")? {
            None | Some("both") => Ok(PauseDirection::Both),
            Some("in") => Ok(PauseDirection::In),
            Some("out") => Ok(PauseDirection::Out),
            Some("schedules") => Ok(PauseDirection::Schedules),
            Some(other) => {
                let problem =
                    format!("{:?} is not a direction: write in, out, both or schedules", short(other));
                Err(self.bad("direction", problem))
            }
        }
    }

    fn reason(&self) -> Result<Option<String>, EventError> {
        let reason = self.text("reason")?;
        if reason.is_some_and(|reason| LONGEST_REASON < reason.chars().count()) {
            return Err(self.bad("reason", format!("longer than {LONGEST_REASON} characters")));
        }
        Ok(reason.map(str::to_owned))
    }

    fn service(&self) -> Result<ServiceId, EventError> {
        match self.text("service")? {
            Some(text) => self.parsed("service", text),
            None => {
                Err(EventError::MissingField { action: self.action, field: "service", expected: A_SERVICE })
            }
        }
    }

    /// The services asked for; all of them where none are named.
    fn patterns(&self) -> Result<Vec<ServicePattern>, EventError> {
        match self.list()? {
            Some(texts) => texts.into_iter().map(|text| self.parsed("services", text)).collect(),
            None => Ok(vec![self.parsed("services", "*/*")?]),
        }
    }

    /// A shard as [`Shard::to_json`] writes it. What only that needs may be left out by hand.
    fn shard(&self) -> Result<Shard, EventError> {
        if let Some(version) = self.get("version")
            && version.as_u64() != Some(Shard::VERSION.into())
        {
            let problem = format!(
                "{} is not read: this function reads {}",
                short(&version.to_string()),
                Shard::VERSION
            );
            return Err(self.bad("version", problem));
        }
        let missing = EventError::MissingField { action: self.action, field: "services", expected: A_SHARD };
        let texts = self.list()?.ok_or(missing)?;
        let services =
            texts.into_iter().map(|text| self.parsed("services", text)).collect::<Result<_, _>>()?;
        let of = |value: &Value| {
            let of = value.as_u64().and_then(|of| u32::try_from(of).ok()).and_then(NonZeroU32::new);
            of.ok_or_else(|| self.bad_value("of", value, "a number of invocations, 1 or more"))
        };
        let of = self.get("of").map_or(Ok(NonZeroU32::MIN), of)?;
        Ok(Shard { services, tick: self.time("tick")?, of })
    }

    fn list(&self) -> Result<Option<Vec<&'a str>>, EventError> {
        let Some(value) = self.get("services") else { return Ok(None) };
        let texts =
            value.as_array().and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        match texts {
            Some(texts) if !texts.is_empty() => Ok(Some(texts)),
            _ => Err(self.bad_value(
                "services",
                value,
                "a list of services, as in [\"prod/checkout\", \"prod/*\"]",
            )),
        }
    }

    fn parsed<T: std::str::FromStr<Err: ToString>>(
        &self,
        field: &'static str,
        text: &str,
    ) -> Result<T, EventError> {
        if LONGEST_SERVICE < text.len() {
            return Err(self.bad(field, format!("{:?} is too long for a service", short(text))));
        }
        text.parse().map_err(|error: T::Err| self.bad(field, error.to_string()))
    }
}
