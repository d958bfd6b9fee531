//! What the function is told by its environment variables.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::control::LOOKS_END;
use crate::control::places::{InvalidPlace, PolicyPlace, StatePlace};
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
        Ok(settings)
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
                self.warnings.push(
                    "TRIMTAB_FAN_OUT has no effect: this version looks at all services in one invocation"
                        .to_owned(),
                );
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

fn queue_url(value: &str) -> Result<(), String> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    match rest.and_then(|rest| rest.split_once('/')) {
        Some((host, path)) if !host.is_empty() && !path.is_empty() => Ok(()),
        _ => Err("write a queue's URL, as in https://sqs.eu-central-1.amazonaws.com/123456789012/shards"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ];
        for (name, value, problem) in cases {
            let expected = format!("the environment variable {name} is {value:?}: {problem}");
            assert_eq!(read(name, value), Err(expected));
        }
    }

    #[test]
    fn what_has_no_effect_is_warned_of() {
        let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/shards";
        let cases = [
            (
                "TRIMTAB_LOOK_EVERY",
                "58s",
                "TRIMTAB_LOOK_EVERY=58s has no effect: the looks of a tick end after 55s",
            ),
            (
                "TRIMTAB_FAN_OUT",
                url,
                "TRIMTAB_FAN_OUT has no effect: this version looks at all services in one invocation",
            ),
            ("TRIMTAB_POLCY", "x", "TRIMTAB_POLCY is not a setting of trimtab and has no effect"),
        ];
        for (name, value, warning) in cases {
            assert_eq!(read(name, value).unwrap().warnings, [warning]);
        }
    }
}
