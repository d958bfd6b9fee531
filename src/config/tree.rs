//! A YAML document (JSON is one, too) as a tree of values that know their line and column.
//!
//! The tree is built from the parser's events, since the parser's own trees are built by recursion without a limit and
//! do not say where the second of two equal keys is. What a policy file has no use for (anchors, merge keys, tags, more
//! than one document) is refused with a word about what to write instead, not guessed at.

use std::borrow::Cow;
use std::collections::BTreeSet;

use saphyr::Scalar;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::path::{Path, Step};

/// The longest document that is read, in bytes: a fleet of thousands of services needs less.
pub(super) const LONGEST: usize = 1 << 20;
/// The deepest nesting that is read; a policy needs 10.
const DEEPEST: usize = 64;

/// A place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The line, from 1.
    pub(super) line: usize,
    /// The column in characters, from 1.
    pub(super) column: usize,
}

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) at: Position,
    /// The value.
    pub(super) data: Data,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Null, a truth value, a number that is finite, or text.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the text; no key is in it twice.
    Map(Vec<Member>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// The key.
    pub(super) key: String,
    /// Where the key begins.
    pub(super) at: Position,
    /// The value.
    pub(super) value: Node,
}

/// Something in the document that cannot be accepted.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    /// Where in the text.
    pub(super) at: Position,
    /// Where in the tree.
    pub(super) path: Path,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: Option<String>,
}

/// Reads a document into a tree. Flaws within the tree leave the rest of it readable.
///
/// # Errors
/// The flaw that keeps the document from being read at all.
pub(super) fn parse(text: &str) -> Result<(Node, Vec<Flaw>), Flaw> {
    if LONGEST < text.len() {
        let message = format!("the file has {} bytes; the most that is read is 1 MiB", text.len());
        return Err(Flaw::at(START, Path::default(), message));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = position(error.marker());
            Flaw::at(at, Path::default(), format!("this is not YAML: {}", error.info()))
        })?;
        builder.take(event, span)?;
    }
    match builder.root {
        Some(root) => Ok((root, builder.flaws)),
        None => Err(Flaw::at(START, Path::default(), "the file is empty")),
    }
}

const START: Position = Position { line: 1, column: 1 };

impl Node {
    /// The members, where this is a mapping.
    pub(super) fn members(&self) -> &[Member] {
        match &self.data {
            Data::Map(members) => members,
            Data::List(_) | Data::Scalar(_) => &[],
        }
    }

    /// The elements, where this is a list.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.data {
            Data::List(elements) => elements,
            Data::Map(_) | Data::Scalar(_) => &[],
        }
    }

    /// The member of this key.
    pub(super) fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.key == key)
    }

    /// The text, where this is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(value) => value.as_str(),
            Data::List(_) | Data::Map(_) => None,
        }
    }

    /// Where the value at a path begins, or the nearest value around it that exists.
    pub(super) fn position_of(&self, path: &Path) -> Position {
        let mut node = self;
        for step in path.steps() {
            let next = match step {
                Step::Key(key) => node.member(key).map(|member| &member.value),
                Step::Index(index) => node.elements().get(*index),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.at
    }

    /// Where the key at the end of a path begins, or the nearest value around it that exists.
    pub(super) fn position_of_key(&self, path: &Path) -> Position {
        let Some(Step::Key(key)) = path.steps().last() else { return self.position_of(path) };
        let mut node = self;
        for step in path.parent().steps() {
            let next = match step {
                Step::Key(key) => node.member(key).map(|member| &member.value),
                Step::Index(index) => node.elements().get(*index),
            };
            let Some(next) = next else { return node.at };
            node = next;
        }
        node.member(key).map_or(node.at, |member| member.at)
    }

    /// The value without its positions.
    pub(super) fn to_value(&self) -> Value {
        match &self.data {
            Data::Scalar(value) => value.clone(),
            Data::List(elements) => elements.iter().map(Self::to_value).collect(),
            Data::Map(members) => {
                members.iter().map(|member| (member.key.clone(), member.value.to_value())).collect()
            }
        }
    }

    /// This mapping, with the members of another one whose keys it does not have.
    pub(super) fn with_defaults(&self, defaults: &Self) -> Self {
        let Data::Map(own) = &self.data else { return self.clone() };
        let inherited = defaults.members().iter().filter(|member| self.member(&member.key).is_none());
        let members = own.iter().chain(inherited).cloned().collect();
        Self { at: self.at, data: Data::Map(members) }
    }
}

impl Flaw {
    fn at(at: Position, path: Path, message: impl Into<String>) -> Self {
        Self { at, path, message: message.into(), hint: None }
    }

    fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}

/// Puts the tree together from the parser's events.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    flaws: Vec<Flaw>,
}

/// A list or mapping that has not ended yet.
enum Open {
    List { at: Position, elements: Vec<Node> },
    Map { at: Position, members: Vec<Member>, keys: BTreeSet<String>, key: Option<(String, Position)> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Flaw> {
        let at = position(&span.start);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => Err(Flaw::at(
                at,
                Path::default(),
                "a second document begins here; a policy file is one document",
            )),
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(at, anchor, tag.as_deref());
                self.begin(Open::List { at, elements: Vec::new() }, at)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(at, anchor, tag.as_deref());
                let keys = BTreeSet::new();
                self.begin(Open::Map { at, members: Vec::new(), keys, key: None }, at)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end();
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(at, anchor, tag.as_deref());
                self.scalar(text, style, at);
                Ok(())
            }
            Event::Alias(_) => {
                self.refuse_anchor(at);
                self.scalar(Cow::Borrowed(""), ScalarStyle::Plain, at);
                Ok(())
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, at: Position) -> Result<(), Flaw> {
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(Flaw::at(at, self.path(), "a key must be a word, not a list or a mapping")
                .hint("a value in braces, as in \"{service}\", needs quotes"));
        }
        if self.open.len() == DEEPEST {
            return Err(Flaw::at(at, Path::default(), format!("nested more than {DEEPEST} levels deep")));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::List { at, elements }) => self.value(Node { at, data: Data::List(elements) }),
            Some(Open::Map { at, members, .. }) => self.value(Node { at, data: Data::Map(members) }),
            None => {}
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, at: Position) {
        if let Some(Open::Map { key: key @ None, .. }) = self.open.last_mut() {
            *key = Some((text.into_owned(), at));
            return;
        }
        self.value(Node { at, data: Data::Scalar(resolve(text, style)) });
    }

    /// Puts a value where the next one belongs.
    fn value(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { elements, .. }) => elements.push(node),
            Some(Open::Map { members, keys, key, .. }) => {
                let Some((key, at)) = key.take() else { return };
                if key == "<<" {
                    let flaw = Flaw::at(at, self.path(), "merge keys (<<) are not read");
                    self.flaws.push(flaw.hint("put what service entries share under defaults"));
                    return;
                }
                if keys.insert(key.clone()) {
                    members.push(Member { key, at, value: node });
                    return;
                }
                let first =
                    members.iter().find(|member| member.key == key).map_or(0, |member| member.at.line);
                let message = format!("{key:?} is here a second time; it is already in line {first}");
                self.flaws.push(Flaw::at(at, self.path(), message));
            }
        }
    }

    fn refuse_extras(&mut self, at: Position, anchor: usize, tag: Option<&Tag>) {
        if anchor != 0 {
            self.refuse_anchor(at);
        }
        if let Some(tag) = tag {
            let message = format!("tags ({tag}) are not read");
            self.flaws.push(Flaw::at(at, self.path(), message).hint("write the value itself"));
        }
    }

    fn refuse_anchor(&mut self, at: Position) {
        let flaw = Flaw::at(at, self.path(), "anchors and aliases (&name, *name) are not read");
        let hint =
            "put what service entries share under defaults, and text that begins with * or & in quotes";
        self.flaws.push(flaw.hint(hint));
    }

    /// The path to the value that is being read.
    fn path(&self) -> Path {
        let step = |open: &Open| match open {
            Open::List { elements, .. } => Some(Step::Index(elements.len())),
            Open::Map { key, .. } => key.as_ref().map(|(key, _)| Step::Key(key.clone())),
        };
        self.open.iter().filter_map(step).collect()
    }
}

/// The value of a scalar by YAML 1.2's core schema. What no number of a policy can be (not a number, infinite) stays the
/// text that it is written as, and is so refused wherever a number is expected.
fn resolve(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    let written = text.clone();
    match Scalar::parse_from_cow_and_metadata(text, style, None) {
        None | Some(Scalar::Null) => Value::Null,
        Some(Scalar::Boolean(value)) => Value::Bool(value),
        Some(Scalar::Integer(value)) => Value::from(value),
        Some(Scalar::FloatingPoint(value)) => serde_json::Number::from_f64(value.into_inner())
            .map_or_else(|| Value::String(written.into_owned()), Value::Number),
        Some(Scalar::String(text)) => Value::String(text.into_owned()),
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}
