//! Turns serde's complaints into sentences for someone who writes YAML, not Rust.

use serde_json::Value;

use super::scalar::A_DURATION;
use crate::model::spelling::nearest;

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// What is wrong.
    pub(super) message: String,
    /// What to do, where that is known.
    pub(super) hint: Option<String>,
    /// What it is about.
    pub(super) about: About,
}

/// What a complaint is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A value.
    Value,
    /// A key that is not known.
    UnknownKey,
    /// A key that is not there.
    MissingKey(String),
}

/// Explains serde's complaint about `found`, the value at the complaint's path.
pub(super) fn explain(complaint: &str, found: Option<&Value>) -> Complaint {
    if let Some(rest) = complaint.strip_prefix("unknown field ") {
        let (key, known) = quoted(rest);
        let hint = suggestion(&key, &known).or_else(|| list("known here", &known));
        return Complaint { message: format!("unknown key {key:?}"), hint, about: About::UnknownKey };
    }
    if let Some(rest) = complaint.strip_prefix("missing field ") {
        let (key, _) = quoted(rest);
        return Complaint { message: format!("needs {key:?}"), hint: None, about: About::MissingKey(key) };
    }
    let (message, hint) = if let Some(rest) = complaint.strip_prefix("unknown variant ") {
        let (value, known) = quoted(rest);
        let hint = suggestion(&value, &known).or_else(|| list("known here", &known));
        (format!("unknown value {value:?}"), hint)
    } else if let Some((what, expected)) = mismatch(complaint) {
        mismatched(what, expected, found)
    } else {
        (complaint.to_owned(), None)
    };
    Complaint { message, hint, about: About::Value }
}

/// The known word that is probably meant, as a hint.
pub(super) fn suggestion(word: &str, known: &[String]) -> Option<String> {
    nearest(word, known).map(|known| format!("did you mean {known:?}?"))
}

fn list(what: &str, known: &[String]) -> Option<String> {
    (!known.is_empty()).then(|| format!("{what}: {}", known.join(", ")))
}

/// The first word in back quotes, and those after it.
fn quoted(text: &str) -> (String, Vec<String>) {
    let mut words = text.split('`').skip(1).step_by(2).map(str::to_owned);
    (words.next().unwrap_or_default(), words.collect())
}

/// What was found and what was expected.
fn mismatch(complaint: &str) -> Option<(&str, &str)> {
    let rest =
        complaint.strip_prefix("invalid type: ").or_else(|| complaint.strip_prefix("invalid value: "))?;
    rest.rsplit_once(", expected ")
}

fn mismatched(what: &str, expected: &str, found: Option<&Value>) -> (String, Option<String>) {
    let is_number = matches!(expected, "u32" | "u64" | "i32" | "f64");
    let expected = match expected {
        "map with a single key" if what == "map" => {
            let is_formula = found.is_some_and(|found| found.get("formula").is_some());
            let hint =
                is_formula.then(|| "put the formula in quotes: a comma in braces begins a key".to_owned());
            return ("expected one key with its settings indented under it, found several".to_owned(), hint);
        }
        "u32" | "u64" => "a whole number, 0 or more",
        "i32" => "a whole number",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text",
        "a sequence" => "a list",
        "a map" => "a mapping of keys to values",
        "map with a single key" | "string or map" => "one key with its settings indented under it",
        "newtype variant" => return ("needs its settings under it".to_owned(), None),
        "unit" | "unit variant" => "nothing under it",
        structure if structure.starts_with("struct ") => "a mapping of keys to values",
        other => other,
    };
    let found_text = found.and_then(Value::as_str);
    let hint = match (found, found_text) {
        (Some(Value::Number(number)), _) if expected == A_DURATION => {
            Some(format!("did you mean {number}s?"))
        }
        (Some(Value::Number(_) | Value::Bool(_)), _) if expected == "text" => {
            Some("write it in quotes".to_owned())
        }
        (Some(Value::Object(_)), _) if expected == "text" => {
            Some("text in braces needs quotes, as in \"{service}\"".to_owned())
        }
        (_, Some(text)) if is_number => number_in(text).map(|number| format!("write {number}")),
        (_, Some("yes" | "Yes" | "on" | "On" | "y")) if expected == "true or false" => {
            Some("write true".to_owned())
        }
        (_, Some("no" | "No" | "off" | "Off" | "n")) if expected == "true or false" => {
            Some("write false".to_owned())
        }
        _ => None,
    };
    let message = match what {
        "null" => format!("has no value; expected {expected}"),
        _ => format!("expected {expected}, found {}", in_words(what)),
    };
    (message, hint)
}

/// The number in a text such as `"60"` or `50%`.
fn number_in(text: &str) -> Option<&str> {
    let number = text.trim_end_matches('%').trim();
    number.parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| number)
}

/// Serde's words for a value, in the words of YAML.
fn in_words(what: &str) -> String {
    for kind in ["string ", "integer ", "floating point ", "boolean ", "number "] {
        if let Some(value) = what.strip_prefix(kind) {
            return value.trim_matches('`').to_owned();
        }
    }
    match what {
        "map" => "a mapping",
        "sequence" => "a list",
        "unit variant" => "only its name",
        other => other,
    }
    .to_owned()
}
