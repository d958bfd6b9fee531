//! Reads a formula: words, then what they mean together, by the precedence of KEDA's expression language. Of two readings the
//! one with more limits is taken: a number is never a truth, and comparisons do not follow one another.

use std::ops::Range;

use super::character;
use super::{
    Comparison, FUNCTIONS, Function, InvalidFormula, LONGEST_FORMULA, Mention, Number, Operator, Truth,
};
use crate::model::spelling::nearest;

/// The deepest nesting that is read: parentheses, calls, signs and conditions within one another.
const DEEPEST: u32 = 32;

/// Reads the whole text.
pub(super) fn read(text: &str) -> Result<(Number, Vec<Mention>), InvalidFormula> {
    if LONGEST_FORMULA < text.len() {
        let message = format!("has {} bytes; a formula has {LONGEST_FORMULA} at most", text.len());
        return Err(InvalidFormula { message, hint: None });
    }
    let mut reader = Reader { text, words: words(text)?, next: 0, depth: 0, mentions: Vec::new() };
    let (start, value) = (reader.here(), reader.value()?);
    if reader.peek().is_some() {
        return Err(reader.expected("an operator"));
    }
    let root = reader.number(start, value)?;
    Ok((root, reader.mentions))
}

/// One word of a formula.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word<'t> {
    Number(f64),
    Name(&'t str),
    Sign(&'static str),
}

/// Longer signs come before those that they begin with.
const SIGNS: [&str; 21] = [
    "??", "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", "(", ")",
    ",", "=",
];

fn words(text: &str) -> Result<Vec<(Range<usize>, Word<'_>)>, InvalidFormula> {
    let mut words = Vec::new();
    let mut start = 0;
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let spaces = rest.len() - rest.trim_start().len();
        if spaces != 0 {
            start += spaces;
            continue;
        }
        let while_in = |is_in: fn(char) -> bool| rest.find(|c: char| !is_in(c)).unwrap_or(rest.len());
        let (length, word) = if rest.starts_with(|c: char| c.is_ascii_digit()) {
            let length = while_in(|c| c.is_ascii_digit() || c == '.');
            let digits = rest.get(..length).unwrap_or_default();
            let number = digits.parse().ok().filter(|number: &f64| number.is_finite());
            let number = number.ok_or_else(|| wrong(text, start, &format!("{digits:?} is not a number")))?;
            (length, Word::Number(number))
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let length = while_in(|c| c.is_ascii_alphanumeric() || c == '_');
            (length, Word::Name(rest.get(..length).unwrap_or_default()))
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (sign.len(), Word::Sign(sign))
        } else {
            let found = rest.chars().next().unwrap_or_default();
            return Err(wrong(text, start, &format!("{found:?} has no place in a formula")));
        };
        words.push((start..start + length, word));
        start += length;
    }
    Ok(words)
}

fn wrong(text: &str, byte: usize, what: &str) -> InvalidFormula {
    InvalidFormula { message: format!("{what} (character {})", character(text, byte)), hint: None }
}

/// An operator between two values.
#[derive(Clone, Copy)]
enum Joint {
    Or,
    And,
    Compare(Comparison),
    Compute(Operator),
    Otherwise,
}

/// A part of a formula, of either kind.
enum Value {
    Number(Number),
    Truth(Truth),
}

struct Reader<'t> {
    text: &'t str,
    words: Vec<(Range<usize>, Word<'t>)>,
    next: usize,
    depth: u32,
    mentions: Vec<Mention>,
}

type Read<T> = Result<T, InvalidFormula>;

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<Word<'t>> {
        self.words.get(self.next).map(|(_, word)| *word)
    }

    /// Where the next word begins.
    fn here(&self) -> usize {
        self.words.get(self.next).map_or(self.text.len(), |(at, _)| at.start)
    }

    fn take(&mut self, sign: &'static str) -> bool {
        let is_next = self.peek() == Some(Word::Sign(sign));
        self.next += usize::from(is_next);
        is_next
    }

    fn need(&mut self, sign: &'static str) -> Read<()> {
        if self.take(sign) { Ok(()) } else { Err(self.expected(&format!("{sign:?}"))) }
    }

    fn expected(&self, what: &str) -> InvalidFormula {
        let Some((at, _)) = self.words.get(self.next) else {
            return InvalidFormula { message: format!("ends where {what} is expected"), hint: None };
        };
        let found = self.text.get(at.clone()).unwrap_or_default();
        let error = wrong(self.text, at.start, &format!("expected {what}, found {found:?}"));
        let hint = (found == "=").then(|| "did you mean \"==\"?".to_owned());
        InvalidFormula { hint, ..error }
    }

    fn number(&self, at: usize, value: Value) -> Read<Number> {
        match value {
            Value::Number(number) => Ok(number),
            Value::Truth(_) => Err(wrong(self.text, at, "expected a number, found a condition")),
        }
    }

    fn truth(&self, at: usize, value: Value) -> Read<Truth> {
        match value {
            Value::Truth(truth) => Ok(truth),
            Value::Number(_) => {
                let error = wrong(self.text, at, "expected a condition, found a number");
                Err(InvalidFormula { hint: Some("compare it, as in cpu > 5".to_owned()), ..error })
            }
        }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        self.depth += 1;
        if DEEPEST < self.depth {
            let what = format!("is nested more than {DEEPEST} levels deep");
            return Err(wrong(self.text, self.here(), &what));
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// A whole expression, with the condition that chooses between two.
    fn value(&mut self) -> Read<Value> {
        self.deeper(|reader| {
            let at = reader.here();
            let value = reader.binary(0)?;
            if !reader.take("?") {
                return Ok(value);
            }
            let condition = reader.truth(at, value)?;
            let then = reader.numeric()?;
            reader.need(":")?;
            let otherwise = reader.numeric()?;
            Ok(Value::Number(Number::Chosen(Box::new(condition), Box::new(then), Box::new(otherwise))))
        })
    }

    fn numeric(&mut self) -> Read<Number> {
        let at = self.here();
        let value = self.value()?;
        self.number(at, value)
    }

    /// What operators of at least this precedence join, from the left.
    fn binary(&mut self, least: u32) -> Read<Value> {
        let at = self.here();
        let mut left = self.unary()?;
        while let Some((joint, precedence)) = self.joint().filter(|(_, precedence)| least <= *precedence) {
            self.next += 1;
            let right_at = self.here();
            let right = self.binary(precedence + 1)?;
            left = self.join(joint, (at, left), (right_at, right))?;
        }
        Ok(left)
    }

    /// The next word as an operator between two values, with its precedence.
    fn joint(&self) -> Option<(Joint, u32)> {
        let Some(Word::Sign(sign)) = self.peek() else { return None };
        Some(match sign {
            "||" => (Joint::Or, 0),
            "&&" => (Joint::And, 1),
            "==" => (Joint::Compare(Comparison::Equal), 2),
            "!=" => (Joint::Compare(Comparison::NotEqual), 2),
            "<" => (Joint::Compare(Comparison::Less), 2),
            "<=" => (Joint::Compare(Comparison::LessOrEqual), 2),
            ">" => (Joint::Compare(Comparison::Greater), 2),
            ">=" => (Joint::Compare(Comparison::GreaterOrEqual), 2),
            "+" => (Joint::Compute(Operator::Add), 3),
            "-" => (Joint::Compute(Operator::Subtract), 3),
            "*" => (Joint::Compute(Operator::Multiply), 4),
            "/" => (Joint::Compute(Operator::Divide), 4),
            "%" => (Joint::Compute(Operator::Remainder), 4),
            "??" => (Joint::Otherwise, 5),
            _ => return None,
        })
    }

    fn join(
        &self,
        joint: Joint,
        (at, left): (usize, Value),
        (right_at, right): (usize, Value),
    ) -> Read<Value> {
        let numbers = |left, right| Ok((self.number(at, left)?, self.number(right_at, right)?));
        let truths =
            |left, right| Ok((Box::new(self.truth(at, left)?), Box::new(self.truth(right_at, right)?)));
        Ok(match joint {
            Joint::Or => truths(left, right).map(|(left, right)| Value::Truth(Truth::Or(left, right)))?,
            Joint::And => truths(left, right).map(|(left, right)| Value::Truth(Truth::And(left, right)))?,
            Joint::Compare(comparison) => {
                let (left, right) = numbers(left, right)?;
                Value::Truth(Truth::Compared(comparison, left, right))
            }
            Joint::Compute(operator) => {
                let (left, right) = numbers(left, right)?;
                Value::Number(Number::Arithmetic(operator, Box::new(left), Box::new(right)))
            }
            Joint::Otherwise => {
                let (left, right) = numbers(left, right)?;
                Value::Number(Number::Otherwise(Box::new(left), Box::new(right)))
            }
        })
    }

    fn unary(&mut self) -> Read<Value> {
        if self.take("-") {
            let (at, value) = (self.here(), self.deeper(Self::unary)?);
            return Ok(Value::Number(Number::Negated(Box::new(self.number(at, value)?))));
        }
        if self.take("!") {
            let (at, value) = (self.here(), self.deeper(Self::unary)?);
            return Ok(Value::Truth(Truth::Not(Box::new(self.truth(at, value)?))));
        }
        self.primary()
    }

    fn primary(&mut self) -> Read<Value> {
        let Some((at, word)) = self.words.get(self.next).cloned() else {
            return Err(self.expected("a number or a policy's name"));
        };
        match word {
            Word::Number(number) => {
                self.next += 1;
                Ok(Value::Number(Number::Literal(number)))
            }
            Word::Name(name) => {
                self.next += 1;
                if self.take("(") {
                    return self.call(&at, name);
                }
                self.mentions.push(Mention { name: name.to_owned(), at });
                Ok(Value::Number(Number::Policy(name.to_owned())))
            }
            Word::Sign("(") => {
                self.next += 1;
                let value = self.value()?;
                self.need(")")?;
                Ok(value)
            }
            Word::Sign(_) => Err(self.expected("a number or a policy's name")),
        }
    }

    fn call(&mut self, at: &Range<usize>, name: &str) -> Read<Value> {
        let Some((function, takes_many)) = Function::named(name) else {
            let error = wrong(self.text, at.start, &format!("unknown function {name:?}"));
            let hint = nearest(name, FUNCTIONS).map_or_else(
                || format!("known here: {}", FUNCTIONS.join(", ")),
                |known| format!("did you mean {known:?}?"),
            );
            return Err(InvalidFormula { hint: Some(hint), ..error });
        };
        let mut arguments = vec![self.numeric()?];
        while takes_many && self.take(",") {
            arguments.push(self.numeric()?);
        }
        self.need(")")?;
        Ok(Value::Number(Number::Call(function, arguments)))
    }
}
