//! A formula over the counts that policies recommend, as in `max(cpu, min(orders, 20))`: KEDA's `scalingModifiers.formula`,
//! in the part of its expression language that has numbers, conditions and `??`.
//!
//! It is read once, when the policy file is, and every kind of value is checked then: what is computed at a look can only fail
//! for a policy without a recommendation or a result that is no number. There are no loops, no calls but those named here, and
//! a limit to length and depth, so neither reading nor computing takes long, whatever the text.

mod read;

use std::fmt;
use std::ops::Range;

/// The longest formula that is read, in bytes.
pub const LONGEST_FORMULA: usize = 500;
/// The functions that a formula may call.
pub const FUNCTIONS: [&str; 6] = ["max", "min", "abs", "ceil", "floor", "round"];

/// A formula that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    text: String,
    root: Number,
    mentions: Vec<Mention>,
}

/// A policy's name in a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The name.
    pub name: String,
    /// Its place in the text, in bytes.
    at: Range<usize>,
}

/// A text that is no formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFormula {
    /// What is wrong, and at which character.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

/// A formula without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered<'a> {
    /// It needs the recommendation of a policy that has none.
    Policy(&'a str),
    /// A division by zero, or a number beyond all numbers.
    NotFinite,
}

/// What gives a number.
#[derive(Clone, Debug, PartialEq)]
enum Number {
    Literal(f64),
    Policy(String),
    Negated(Box<Self>),
    Arithmetic(Operator, Box<Self>, Box<Self>),
    /// `??`: the second where the first needs a policy that has no recommendation.
    Otherwise(Box<Self>, Box<Self>),
    Chosen(Box<Truth>, Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
}

/// What is true or not.
#[derive(Clone, Debug, PartialEq)]
enum Truth {
    Compared(Comparison, Number, Number),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Max,
    Min,
    Abs,
    Ceil,
    Floor,
    Round,
}

impl Formula {
    /// Reads a formula. Whether the names in it are those of policies is for the caller to check.
    ///
    /// # Errors
    /// [`InvalidFormula`] with the first character that does not fit.
    pub fn parse(text: &str) -> Result<Self, InvalidFormula> {
        let (root, mentions) = read::read(text)?;
        Ok(Self { text: text.to_owned(), root, mentions })
    }

    /// The policies that it names, in the order of the text.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// The place of a mention, in characters from 1.
    pub fn character_of(&self, mention: &Mention) -> usize {
        character(&self.text, mention.at.start)
    }

    /// Computes the formula with each policy's recommendation. A branch that is not taken needs none.
    ///
    /// # Errors
    /// [`Unanswered`] where there is no result.
    pub fn evaluate(&self, recommended: impl Fn(&str) -> Option<f64> + Copy) -> Result<f64, Unanswered<'_>> {
        self.root.evaluate(recommended)
    }

    /// The text with figures in the place of names, where there is one.
    pub fn filled(&self, figure: impl Fn(&str) -> Option<String>) -> String {
        let mut filled = String::new();
        let mut end = 0;
        for Mention { name, at } in &self.mentions {
            filled.push_str(self.text.get(end..at.start).unwrap_or_default());
            filled.push_str(&figure(name).unwrap_or_else(|| name.clone()));
            end = at.end;
        }
        filled + self.text.get(end..).unwrap_or_default()
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a policy of this name can be named in a formula: letters, digits and underscores, and no word of the formulas' own.
pub fn is_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.len() <= 64 && name.chars().all(is_word) && !FUNCTIONS.contains(&name)
}

/// The number of the character that begins at a byte, from 1.
fn character(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).chars().count() + 1
}

impl Number {
    fn evaluate(&self, recommended: impl Fn(&str) -> Option<f64> + Copy) -> Result<f64, Unanswered<'_>> {
        let value = match self {
            Self::Literal(value) => *value,
            Self::Policy(name) => recommended(name).ok_or(Unanswered::Policy(name))?,
            Self::Negated(number) => -number.evaluate(recommended)?,
            Self::Arithmetic(operator, left, right) => {
                operator.apply(left.evaluate(recommended)?, right.evaluate(recommended)?)
            }
            Self::Otherwise(first, second) => match first.evaluate(recommended) {
                Err(Unanswered::Policy(_)) => second.evaluate(recommended)?,
                answer => answer?,
            },
            Self::Chosen(condition, then, otherwise) => {
                let branch = if condition.holds(recommended)? { then } else { otherwise };
                branch.evaluate(recommended)?
            }
            Self::Call(function, arguments) => {
                let values: Result<Vec<f64>, _> =
                    arguments.iter().map(|argument| argument.evaluate(recommended)).collect();
                function.apply(&values?)
            }
        };
        if value.is_finite() { Ok(value) } else { Err(Unanswered::NotFinite) }
    }
}

impl Truth {
    fn holds(&self, recommended: impl Fn(&str) -> Option<f64> + Copy) -> Result<bool, Unanswered<'_>> {
        Ok(match self {
            Self::Compared(comparison, left, right) => {
                comparison.holds(left.evaluate(recommended)?, right.evaluate(recommended)?)
            }
            Self::Not(truth) => !truth.holds(recommended)?,
            Self::And(left, right) => left.holds(recommended)? && right.holds(recommended)?,
            Self::Or(left, right) => left.holds(recommended)? || right.holds(recommended)?,
        })
    }
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Remainder => left % right,
        }
    }
}

impl Comparison {
    #[expect(clippy::float_cmp, reason = "what a formula says is equal is meant so: counts are whole")]
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

impl Function {
    /// The function of this name, and whether it takes any number of arguments or one.
    fn named(name: &str) -> Option<(Self, bool)> {
        Some(match name {
            "max" => (Self::Max, true),
            "min" => (Self::Min, true),
            "abs" => (Self::Abs, false),
            "ceil" => (Self::Ceil, false),
            "floor" => (Self::Floor, false),
            "round" => (Self::Round, false),
            _ => return None,
        })
    }

    fn apply(self, values: &[f64]) -> f64 {
        let one = values.first().copied().unwrap_or(f64::NAN);
        match self {
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Abs => one.abs(),
            Self::Ceil => one.ceil(),
            Self::Floor => one.floor(),
            Self::Round => one.round(),
        }
    }
}

#[cfg(test)]
mod tests;
