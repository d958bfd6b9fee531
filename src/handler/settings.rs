//! What the function is told by its environment variables.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::control::places::{InvalidPlace, PolicyPlace, StatePlace};
use crate::control::{FanOut, LOOKS_END};
use crate::model::duration::{format_duration, parse_duration};

/// How often a service is looked at unless told otherwise: at every tick.
const EVERY_TICK: Duration = Duration::from_secs(60);
/// The shortest time between looks that can be asked for.
const SHORTEST_LOOK_EVERY: Duration = Duration::from_secs(10);
/// The policy file beside the binary.
const DEFAULT_POLICY: &str = "trimtab.yaml";

/// The settings of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSettings {
    /// Where the policy file is.
    pub policy: PolicyPlace,
    /// Where memories are kept.
    pub state: StatePlace,
    /// Whether every service is in shadow: decided and told, never updated.
    pub shadow: bool,
    /// Whether each service has metrics of its own.
    pub service_metrics: bool,
    /// How often the services that gain by it are looked at in a tick's minute; none for once.
    pub look_every: Option<Duration>,
    /// The URL of the queue that parts of a large fleet's tick are sent to; none where one invocation does all.
    pub shard_queue: Option<String>,
    /// How a large fleet is shared out.
    pub fan_out: FanOut,
    /// What was set and has no effect, in sentences.
    pub warnings: Vec<String>,
}

/// An environment variable that cannot be followed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the environment variable {variable} is {value:?}: {problem}")]
pub struct SettingsError {
    variable: &'static str,
    value: String,
    problem: String,
}

impl Default for FunctionSettings {
    fn default() -> Self {
        Self {
            policy: PolicyPlace::File(PathBuf::from(DEFAULT_POLICY)),
            state: StatePlace::Memory,
            shadow: false,
            service_metrics: false,
            look_every: None,
            shard_queue: None,
            fan_out: FanOut::default(),
            warnings: Vec::new(),
        }
    }
}

impl FunctionSettings {
    /// Reads the settings from environment variables. An empty one is as good as none, and others are left alone.
    ///
    /// # Errors
    /// [`SettingsError`] for the first variable that cannot be followed.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        for (name, value) in variables {
            if !value.is_empty() && name.starts_with("TRIMTAB_") {
                settings.set(&name, &value)?;
            }
        }
        settings.share_with_nobody_in_vain();
        Ok(settings)
    }

    /// Workers that did not know of each other's decisions would undo them, so without a common state nothing is shared out.
    fn share_with_nobody_in_vain(&mut self) {
        let why = match (&self.shard_queue, &self.state) {
            (Some(_), StatePlace::DynamoDb { .. }) => return,
            (Some(_), StatePlace::Memory) => {
                "TRIMTAB_FAN_OUT has no effect without TRIMTAB_STATE=dynamodb:TABLE: the state of one process is \
                 not known to the others"
            }
            (None, _) if self.fan_out != FanOut::default() => {
                "TRIMTAB_SHARD_SIZE and TRIMTAB_SHARD_WORKERS have no effect without TRIMTAB_FAN_OUT"
            }
            (None, _) => return,
        };
        self.shard_queue = None;
        self.warnings.push(why.to_owned());
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), SettingsError> {
        let refuse = |variable: &'static str| {
            move |problem: String| SettingsError { variable, value: value.to_owned(), problem }
        };
        match name {
            "TRIMTAB_POLICY" => self.policy = place(value).map_err(refuse("TRIMTAB_POLICY"))?,
            "TRIMTAB_STATE" => self.state = place(value).map_err(refuse("TRIMTAB_STATE"))?,
            "TRIMTAB_MODE" => self.shadow = shadow(value).map_err(refuse("TRIMTAB_MODE"))?,
            "TRIMTAB_SERVICE_METRICS" => {
                self.service_metrics = flag(value).map_err(refuse("TRIMTAB_SERVICE_METRICS"))?;
            }
            "TRIMTAB_LOOK_EVERY" => {
                let every = look_every(value).map_err(refuse("TRIMTAB_LOOK_EVERY"))?;
                self.look_every = Some(every).filter(|every| *every < LOOKS_END);
                if self.look_every.is_none() && every != EVERY_TICK {
                    let end = format_duration(LOOKS_END);
                    self.warnings.push(format!(
                        "TRIMTAB_LOOK_EVERY={value} has no effect: the looks of a tick end after {end}"
                    ));
                }
            }
            "TRIMTAB_FAN_OUT" => {
                queue_url(value).map_err(refuse("TRIMTAB_FAN_OUT"))?;
                self.shard_queue = Some(value.to_owned());
            }
            "TRIMTAB_SHARD_SIZE" => {
                self.fan_out.shard_size =
                    at_least_one(value, "services").map_err(refuse("TRIMTAB_SHARD_SIZE"))?;
            }
            "TRIMTAB_SHARD_WORKERS" => {
                let workers = at_least_one(value, "workers").map_err(refuse("TRIMTAB_SHARD_WORKERS"))?;
                self.fan_out.workers = Some(workers);
            }
            other => self.warnings.push(format!("{other} is not a setting of trimtab and has no effect")),
        }
        Ok(())
    }
}

fn place<T: FromStr<Err = InvalidPlace>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|InvalidPlace(problem)| problem.to_owned())
}

fn shadow(value: &str) -> Result<bool, String> {
    match value {
        "active" => Ok(false),
        "shadow" => Ok(true),
        _ => Err("write active or shadow".to_owned()),
    }
}

fn flag(value: &str) -> Result<bool, String> {
    match value {
        "0" | "false" => Ok(false),
        "1" | "true" => Ok(true),
        _ => Err("write 1 or 0".to_owned()),
    }
}

fn look_every(value: &str) -> Result<Duration, String> {
    let every = parse_duration(value).map_err(|error| error.to_string())?;
    if (SHORTEST_LOOK_EVERY..=EVERY_TICK).contains(&every) {
        Ok(every)
    } else {
        let [least, most] = [SHORTEST_LOOK_EVERY, EVERY_TICK].map(format_duration);
        Err(format!("write a duration from {least} to {most}"))
    }
}

fn at_least_one<T: FromStr>(value: &str, of_what: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("write a number of {of_what}, 1 or more"))
}

fn queue_url(value: &str) -> Result<(), String> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    match rest.and_then(|rest| rest.split_once('/')) {
        Some((_, path)) if path.ends_with(".fifo") => {
            Err("a FIFO queue hands out one shard at a time: write the URL of a standard queue".to_owned())
        }
        Some((host, path)) if !host.is_empty() && !path.is_empty() => Ok(()),
        _ => Err("write a queue's URL, as in https://sqs.eu-central-1.amazonaws.com/123456789012/shards"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;

    const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/shards";

    fn read(name: &str, value: &str) -> Result<FunctionSettings, String> {
        FunctionSettings::from_variables([(name.to_owned(), value.to_owned())])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_variables_the_policy_is_beside_the_binary_and_the_state_in_the_process() {
        let settings =
            FunctionSettings::from_variables([("AWS_REGION".to_owned(), "eu-central-1".to_owned())]);
        let file = PolicyPlace::File("trimtab.yaml".into());
        let expected = FunctionSettings { policy: file, ..FunctionSettings::default() };
        assert_eq!(settings, Ok(expected.clone()));
        assert_eq!(read("TRIMTAB_POLICY", ""), Ok(expected), "an empty variable is as good as none");
    }

    #[test]
    fn every_variable_is_read() {
        let base = FunctionSettings::default;
        let table = |table: &str| StatePlace::DynamoDb { table: table.to_owned() };
        let cases = [
            (
                "TRIMTAB_POLICY",
                "/etc/trimtab.yaml",
                FunctionSettings { policy: PolicyPlace::File("/etc/trimtab.yaml".into()), ..base() },
            ),
            (
                "TRIMTAB_POLICY",
                "s3://config/prod/trimtab.yaml",
                FunctionSettings {
                    policy: PolicyPlace::S3 {
                        bucket: "config".to_owned(),
                        key: "prod/trimtab.yaml".to_owned(),
                    },
                    ..base()
                },
            ),
            (
                "TRIMTAB_POLICY",
                "ssm:/trimtab/policy",
                FunctionSettings {
                    policy: PolicyPlace::Ssm { name: "/trimtab/policy".to_owned() },
                    ..base()
                },
            ),
            ("TRIMTAB_STATE", "dynamodb:trimtab", FunctionSettings { state: table("trimtab"), ..base() }),
            ("TRIMTAB_STATE", "memory", base()),
            ("TRIMTAB_MODE", "shadow", FunctionSettings { shadow: true, ..base() }),
            ("TRIMTAB_MODE", "active", base()),
            ("TRIMTAB_SERVICE_METRICS", "1", FunctionSettings { service_metrics: true, ..base() }),
            ("TRIMTAB_LOOK_EVERY", "60s", base()),
            (
                "TRIMTAB_LOOK_EVERY",
                "20s",
                FunctionSettings { look_every: Some(Duration::from_secs(20)), ..base() },
            ),
            ("TRIMTAB_LOOK_EVERY", "PT1M", base()),
        ];
        for (name, value, expected) in cases {
            assert_eq!(read(name, value), Ok(expected), "{name}={value}");
        }
    }

    #[test]
    fn a_large_fleet_is_shared_out_where_there_is_a_queue_and_a_common_state() {
        let variables = [
            ("TRIMTAB_SHARD_SIZE", "500"),
            ("TRIMTAB_FAN_OUT", QUEUE),
            ("TRIMTAB_SHARD_WORKERS", "4"),
            ("TRIMTAB_STATE", "dynamodb:trimtab"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = FunctionSettings::from_variables(variables).unwrap();
        let expected = FanOut { shard_size: NonZero::new(500).unwrap(), workers: NonZero::new(4) };
        assert_eq!((settings.shard_queue.as_deref(), settings.fan_out), (Some(QUEUE), expected));
        assert_eq!(settings.warnings, [""; 0]);
    }

    #[test]
    fn a_value_that_cannot_be_followed_is_told_with_what_to_write() {
        let cases = [
            ("TRIMTAB_POLICY", "s3://bucket", "write s3://bucket/key"),
            ("TRIMTAB_POLICY", "ssm:policy", "write ssm:/parameter/name"),
            ("TRIMTAB_POLICY", "https://x/y", "write a path, s3://bucket/key or ssm:/parameter/name"),
            ("TRIMTAB_STATE", "dynamodb:", "write dynamodb:TABLE or memory"),
            ("TRIMTAB_STATE", "redis", "write dynamodb:TABLE or memory"),
            ("TRIMTAB_MODE", "Shadow", "write active or shadow"),
            ("TRIMTAB_SERVICE_METRICS", "yes", "write 1 or 0"),
            ("TRIMTAB_LOOK_EVERY", "5s", "write a duration from 10s to 1m"),
            ("TRIMTAB_LOOK_EVERY", "2m", "write a duration from 10s to 1m"),
            (
                "TRIMTAB_LOOK_EVERY",
                "20",
                "\"20\" is not a duration: write 30s, 5m, 1h, 300ms or ISO 8601 as in PT30S",
            ),
            (
                "TRIMTAB_FAN_OUT",
                "shards",
                "write a queue's URL, as in https://sqs.eu-central-1.amazonaws.com/123456789012/shards",
            ),
            (
                "TRIMTAB_FAN_OUT",
                "https://sqs.eu-central-1.amazonaws.com/123456789012/shards.fifo",
                "a FIFO queue hands out one shard at a time: write the URL of a standard queue",
            ),
            ("TRIMTAB_SHARD_SIZE", "0", "write a number of services, 1 or more"),
            ("TRIMTAB_SHARD_SIZE", "2k", "write a number of services, 1 or more"),
            ("TRIMTAB_SHARD_WORKERS", "-1", "write a number of workers, 1 or more"),
        ];
        for (name, value, problem) in cases {
            let expected = format!("the environment variable {name} is {value:?}: {problem}");
            assert_eq!(read(name, value), Err(expected));
        }
    }

    #[test]
    fn what_has_no_effect_is_warned_of() {
        let cases = [
            (
                "TRIMTAB_LOOK_EVERY",
                "58s",
                "TRIMTAB_LOOK_EVERY=58s has no effect: the looks of a tick end after 55s",
            ),
            (
                "TRIMTAB_FAN_OUT",
                QUEUE,
                "TRIMTAB_FAN_OUT has no effect without TRIMTAB_STATE=dynamodb:TABLE: the state of one process is not \
                 known to the others",
            ),
            (
                "TRIMTAB_SHARD_SIZE",
                "500",
                "TRIMTAB_SHARD_SIZE and TRIMTAB_SHARD_WORKERS have no effect without TRIMTAB_FAN_OUT",
            ),
            ("TRIMTAB_POLCY", "x", "TRIMTAB_POLCY is not a setting of trimtab and has no effect"),
        ];
        for (name, value, warning) in cases {
            let settings = read(name, value).unwrap();
            assert_eq!((settings.warnings, settings.shard_queue), (vec![warning.to_owned()], None));
        }
    }
}
