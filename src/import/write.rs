//! Writing YAML with comments. What is not plainly a word is quoted, so that no name, however odd, is read as anything else.

use std::fmt::Write as _;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A number, a truth value, a duration or text, as it is spelled.
    Scalar(String),
    /// A mapping within a line: `{ min: 2, max: 60 }`.
    Flow(Vec<(&'static str, Self)>),
    /// A list within a line.
    FlowList(Vec<Self>),
    /// A mapping, a member a line.
    Map(Vec<Member>),
    /// A list, an element a line.
    List(Vec<Element>),
}

/// A member of a mapping, with the comments above it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) comments: Vec<String>,
    pub(super) key: String,
    pub(super) value: Node,
}

/// An element of a list, with the comments above it; or comments alone, in the place of what is not there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub(super) comments: Vec<String>,
    pub(super) value: Option<Node>,
}

/// A member without comments.
pub(super) fn member(key: &str, value: Node) -> Member {
    Member { comments: Vec::new(), key: key.to_owned(), value }
}

impl Node {
    /// Text, quoted where it must be.
    pub(super) fn text(text: &str) -> Self {
        Self::Scalar(if is_word(text) { text.to_owned() } else { quoted(text) })
    }

    /// What is spelled by trimtab itself: a duration, a word of the policy file.
    pub(super) fn word(word: impl Into<String>) -> Self {
        Self::Scalar(word.into())
    }

    /// A number, without a fraction where it has none.
    pub(super) fn number(number: f64) -> Self {
        const EXACT: f64 = 1e15;
        let is_whole = number.fract() == 0.0 && number.abs() < EXACT;
        Self::Scalar(match serde_json::Number::from_f64(number) {
            Some(_) if is_whole => format!("{number:.0}"),
            Some(number) => number.to_string(),
            None => quoted(&number.to_string()),
        })
    }

    /// A truth value.
    pub(super) fn truth(truth: bool) -> Self {
        Self::Scalar(truth.to_string())
    }
}

/// The document of a mapping.
pub(super) fn document(comments: &[String], members: &[Member], at_the_end: &[String]) -> String {
    let mut text = String::new();
    write_comments(&mut text, comments, 0);
    write_members(&mut text, members, 0, false);
    write_comments(&mut text, at_the_end, 0);
    text
}

fn write_members(text: &mut String, members: &[Member], indent: usize, mut is_indented: bool) {
    for member in members {
        if !is_indented {
            write_comments(text, &member.comments, indent);
            text.push_str(&" ".repeat(indent));
        }
        is_indented = false;
        text.push_str(&key(&member.key));
        text.push(':');
        match &member.value {
            Node::Map(members) => {
                text.push('\n');
                write_members(text, members, indent + 2, false);
            }
            Node::List(elements) if elements.is_empty() => text.push_str(" []\n"),
            Node::List(elements) => {
                text.push('\n');
                write_elements(text, elements, indent + 2);
            }
            inline @ (Node::Scalar(_) | Node::Flow(_) | Node::FlowList(_)) => {
                text.push(' ');
                write_inline(text, inline);
                text.push('\n');
            }
        }
    }
}

fn write_elements(text: &mut String, elements: &[Element], indent: usize) {
    for element in elements {
        write_comments(text, &element.comments, indent);
        let Some(value) = &element.value else { continue };
        text.push_str(&" ".repeat(indent));
        text.push_str("- ");
        match value {
            Node::Map(members) => {
                if let Some(first) = members.first() {
                    debug_assert!(first.comments.is_empty(), "the dash stands before the first key");
                }
                write_members(text, members, indent + 2, true);
            }
            inline @ (Node::Scalar(_) | Node::Flow(_) | Node::FlowList(_) | Node::List(_)) => {
                write_inline(text, inline);
                text.push('\n');
            }
        }
    }
}

fn write_inline(text: &mut String, node: &Node) {
    match node {
        Node::Scalar(spelled) => text.push_str(spelled),
        Node::Flow(members) => {
            for (place, (name, value)) in members.iter().enumerate() {
                text.push_str(if place == 0 { "{ " } else { ", " });
                text.push_str(name);
                text.push_str(": ");
                write_inline(text, value);
            }
            text.push_str(if members.is_empty() { "{}" } else { " }" });
        }
        Node::FlowList(elements) => {
            text.push('[');
            for (place, element) in elements.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                write_inline(text, element);
            }
            text.push(']');
        }
        Node::Map(_) | Node::List(_) => debug_assert!(false, "a block has no place within a line"),
    }
}

fn write_comments(text: &mut String, comments: &[String], indent: usize) {
    for comment in comments {
        let comment = printable(comment);
        let _infallible = writeln!(text, "{}# {}", " ".repeat(indent), comment.trim_end());
    }
}

/// A key; as a value, but the merge key of YAML is not read even in quotes, so whoever writes keys that are not trimtab's own
/// writes lists.
fn key(key: &str) -> String {
    if is_word(key) { key.to_owned() } else { quoted(key) }
}

/// Whether a text stands for itself without quotes, also within a line: it begins with a letter, holds nothing that YAML has a
/// meaning for, and is no word that YAML reads as another value.
fn is_word(text: &str) -> bool {
    const VALUES: [&str; 12] =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "infinity", "nan"];
    let is_inside = |c: char| c.is_ascii_alphanumeric() || " _./-()*?+".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_inside)
        && !text.ends_with(' ')
        && !VALUES.contains(&text.to_ascii_lowercase().as_str())
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            ' '..='~' => quoted.push(c),
            c if c.is_alphanumeric() => quoted.push(c),
            c => quoted.push_str(&escaped(c)),
        }
    }
    quoted.push('"');
    quoted
}

fn escaped(c: char) -> String {
    let code = u32::from(c);
    if code <= 0xFFFF { format!("\\u{code:04X}") } else { format!("\\U{code:08X}") }
}

/// A text of which nothing can end a comment.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' '..='~' => c.to_string(),
            c if c.is_alphanumeric() => c.to_string(),
            c => escaped(c),
        })
        .collect()
}
