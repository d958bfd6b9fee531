//! Changes of single settings in a policy file's text. All else stays as it is written: comments, order, quotes, blanks.

use saphyr_parser::{Event, Parser, Span};

use super::path::{Path, Step};
use crate::model::ServiceId;

/// A setting of a service entry, and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The keys and numbers that lead to it from the service entry, as in `policies`, `0`, `target_tracking`, `target`.
    pub keys: Vec<String>,
    /// The value, as YAML.
    pub value: String,
}

/// The text of a policy file with these settings in the entry that selects a service; where the entry has its policies
/// from the file's defaults, these are changed. None where the text is no policy file, the entry is not there, or a
/// setting has no place in it.
pub fn with_settings(text: &str, service: &ServiceId, settings: &[Setting]) -> Option<String> {
    let file = super::PolicyFile::parse("", text).ok()?;
    let index = file.entries.iter().position(|entry| entry.selects(service))?;
    settings.iter().try_fold(text.to_owned(), |text, setting| {
        let outline = Outline::of(&text)?;
        let entry = Path::default().key("services").index(index);
        let first = setting.keys.first()?;
        let defaults = Path::default().key("defaults");
        let is_in = |root: &Path| outline.find(&root.key(first)).is_some();
        let root = if !is_in(&entry) && is_in(&defaults) { defaults } else { entry };
        let path = setting.keys.iter().fold(root, |path, key| match key.parse() {
            Ok(index) => path.index(index),
            Err(_) => path.key(key),
        });
        outline.set(&text, &path, &setting.value)
    })
}

/// Where the values of a document are in its text.
#[derive(Default)]
struct Outline {
    values: Vec<Value>,
}

/// A value, and where it begins and ends, in characters from the beginning of the text.
struct Value {
    path: Path,
    kind: Kind,
    start: usize,
    end: usize,
    /// The column of its beginning, from 0.
    column: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    List,
    Map,
}

/// A list or mapping that has not ended yet.
struct Open {
    path: Path,
    kind: Kind,
    elements: usize,
    key: Option<String>,
}

impl Outline {
    fn of(text: &str) -> Option<Self> {
        let mut outline = Self::default();
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.ok()?;
            match event {
                Event::Scalar(text, ..) => match open.last_mut() {
                    Some(parent) if parent.kind == Kind::Map && parent.key.is_none() => {
                        parent.key = Some(text.into_owned());
                    }
                    parent => outline.add(parent, Kind::Scalar, span).map(drop)?,
                },
                Event::SequenceStart(..) => {
                    let path = outline.add(open.last_mut(), Kind::List, span)?;
                    open.push(Open { path, kind: Kind::List, elements: 0, key: None });
                }
                Event::MappingStart(..) => {
                    let path = outline.add(open.last_mut(), Kind::Map, span)?;
                    open.push(Open { path, kind: Kind::Map, elements: 0, key: None });
                }
                Event::SequenceEnd | Event::MappingEnd => drop(open.pop()?),
                Event::Alias(_) => return None,
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
            }
        }
        Some(outline)
    }

    fn add(&mut self, parent: Option<&mut Open>, kind: Kind, span: Span) -> Option<Path> {
        let path = match parent {
            None => Path::default(),
            Some(Open { path, kind: Kind::List, elements, .. }) => {
                *elements += 1;
                path.index(*elements - 1)
            }
            Some(parent) => parent.path.key(&parent.key.take()?),
        };
        let (start, end) = (span.start.index(), span.end.index());
        self.values.push(Value { path: path.clone(), kind, start, end, column: span.start.col() });
        Some(path)
    }

    fn find(&self, path: &Path) -> Option<&Value> {
        self.values.iter().find(|value| value.path == *path)
    }

    /// The text with a value at a path: in the place of the scalar that is there, else as one more of its mapping, which is made
    /// where there is none.
    fn set(&self, text: &str, path: &Path, value: &str) -> Option<String> {
        if let Some(there) = self.find(path) {
            let written = (there.kind == Kind::Scalar).then_some(value)?;
            return replaced(text, there.start, there.end, written);
        }
        let Some(Step::Key(key)) = path.steps().last() else { return None };
        let Some(map) = self.find(&path.parent()) else {
            return self.set(text, &path.parent(), &format!("{{ {key}: {value} }}"));
        };
        if map.kind != Kind::Map {
            return None;
        }
        if text.chars().nth(map.start) == Some('{') {
            let in_json = text.chars().skip(map.start + 1).find(|c| !c.is_whitespace()) == Some('"');
            let written = if in_json {
                format!("{{\"{key}\": {},", as_json(value))
            } else {
                format!("{{ {key}: {value},")
            };
            return replaced(text, map.start, map.start + 1, &written);
        }
        let indent = " ".repeat(map.column);
        // The first line of an entry tells whose it is, so the new one goes below it, and below its comment.
        match self.values.iter().find(|value| value.path.parent() == map.path && value.path != map.path) {
            Some(first) if first.kind == Kind::Scalar => {
                let rest_of_line = text.chars().skip(first.end).take_while(|c| *c != '\n').count();
                let end = first.end + rest_of_line;
                replaced(text, end, end, &format!("\n{indent}{key}: {value}"))
            }
            _ => replaced(text, map.start, map.start, &format!("{key}: {value}\n{indent}")),
        }
    }
}

/// A scalar as JSON: numbers and truth values stand as they are, all else is text.
fn as_json(value: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(value) {
        Ok(_) => value.to_owned(),
        Err(_) => serde_json::Value::from(value).to_string(),
    }
}

/// The text with other characters in the place of those from `start` until before `end`.
fn replaced(text: &str, start: usize, end: usize, by: &str) -> Option<String> {
    let byte = |index: usize| match text.char_indices().nth(index) {
        Some((byte, _)) => byte,
        None => text.len(),
    };
    Some([text.get(..byte(start))?, by, text.get(byte(end)..)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Größe: klein
version: 1
services:
  - service: prod/other
    capacity: { min: 1, max: 4 }
    policies: [{ target_tracking: { metric: ECSServiceAverageCPUUtilization, target: 50 } }]
  - service: prod/web       # the shop
    capacity: { min: 2, max: 60 }
    policies:
      - target_tracking:
          metric: ECSServiceAverageCPUUtilization
          target: 60          # was 70 in May
          scale_in_after: 15
      - target_tracking: { metric: ECSServiceAverageMemoryUtilization, target: 70 }
";

    fn set(text: &str, settings: &[(&str, &str)]) -> Option<String> {
        let setting = |(keys, value): &(&str, &str)| Setting {
            keys: keys.split('.').map(str::to_owned).collect(),
            value: (*value).to_owned(),
        };
        let settings: Vec<Setting> = settings.iter().map(setting).collect();
        with_settings(text, &ServiceId::new("prod", "web"), &settings)
    }

    fn changed_lines(after: &str) -> Vec<&str> {
        after.lines().filter(|line| !FILE.lines().any(|before| before == *line)).collect()
    }

    #[test]
    fn settings_are_changed_where_they_are_and_comments_stay() {
        let after = set(
            FILE,
            &[
                ("policies.0.target_tracking.target", "72.5"),
                ("policies.0.target_tracking.scale_in_after", "5"),
                ("capacity.min", "3"),
            ],
        );
        let after = after.unwrap();
        assert_eq!(
            changed_lines(&after),
            [
                "    capacity: { min: 3, max: 60 }",
                "          target: 72.5          # was 70 in May",
                "          scale_in_after: 5",
            ]
        );
        assert_eq!(after.lines().count(), FILE.lines().count());
    }

    #[test]
    fn a_setting_that_is_not_written_yet_is_added_to_its_mapping() {
        let after = set(
            FILE,
            &[
                ("policies.0.target_tracking.scale_out_cooldown", "60s"),
                ("policies.1.target_tracking.scale_in_after", "3"),
                ("behavior.scale_in.stabilization", "5m"),
            ],
        );
        let after = after.unwrap();
        assert_eq!(
            changed_lines(&after),
            [
                "    behavior: { scale_in: { stabilization: 5m } }",
                "          scale_out_cooldown: 60s",
                "      - target_tracking: { scale_in_after: 3, metric: ECSServiceAverageMemoryUtilization, target: 70 }",
            ]
        );
        assert!(super::super::PolicyFile::parse("", &after).unwrap().problems.is_empty());
    }

    #[test]
    fn policies_of_the_defaults_are_changed_there() {
        let file = "\
version: 1
defaults:
  capacity: { min: 1, max: 4 }
  policies: [{ queue: { queue: '{service}', backlog_per_task: 10 } }]
services:
  - service: prod/*
";
        let after = set(file, &[("policies.0.queue.backlog_per_task", "25")]).unwrap();
        assert_eq!(after, file.replace("backlog_per_task: 10", "backlog_per_task: 25"));
    }

    #[test]
    fn json_is_changed_as_well() {
        let file = r#"{"version": 1, "services": [{"service": "prod/web", "capacity": {"min": 1, "max": 2},
            "policies": [{"target_tracking": {"metric": "ECSServiceAverageCPUUtilization", "target": 60}}]}]}"#;
        let after = set(file, &[("policies.0.target_tracking.target", "50")]).unwrap();
        assert_eq!(after, file.replace("\"target\": 60", "\"target\": 50"));
        let after = set(file, &[("policies.0.target_tracking.scale_in_cooldown", "2m")]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&after).unwrap();
        let policy = &value["services"][0]["policies"][0]["target_tracking"];
        assert_eq!((&policy["scale_in_cooldown"], &policy["target"]), (&"2m".into(), &60.into()));
    }

    #[test]
    fn what_has_no_place_is_refused() {
        assert_eq!(set(FILE, &[("policies.7.target_tracking.target", "1")]), None);
        assert_eq!(set(FILE, &[("capacity", "1")]), None, "a mapping is no setting");
        assert_eq!(set("version: 1", &[("capacity.min", "1")]), None);
    }
}
