//! Sentences that keep their figures and are put into words only where somebody reads them. Most decisions are holds that nobody
//! asks about; their reasons cost no more than their figures.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::name::Name;

/// Anything that can be put into words later, by itself: it owns its figures.
pub trait Phrase: fmt::Display + Send + Sync + 'static {}

impl<T: fmt::Display + Send + Sync + 'static> Phrase for T {}

/// A phrase of a text and its figures, as `format!` takes them: names in the text are the figures given after it, or variables,
/// which move into the phrase.
macro_rules! phrase {
    ($text:literal $(,)?) => {
        ::std::fmt::from_fn(move |f| ::std::write!(f, $text))
    };
    ($text:literal, $($name:ident = $value:expr),+ $(,)?) => {{
        let ($($name,)+) = ($($value,)+);
        ::std::fmt::from_fn(move |f| ::std::write!(f, $text))
    }};
}
pub(crate) use phrase;

/// One sentence. It is written, compared and stored as its text.
#[derive(Clone)]
pub struct Sentence {
    by: Option<Name>,
    told: Arc<dyn Phrase>,
}

impl Sentence {
    /// The sentence that a phrase makes.
    pub fn new(told: impl Phrase) -> Self {
        Self { by: None, told: Arc::new(told) }
    }

    /// The same sentence with the name of who says it before it.
    #[must_use]
    pub fn by(self, name: Name) -> Self {
        Self { by: Some(name), ..self }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            Some(name) => write!(f, "{name}: {}", self.told),
            None => self.told.fmt(f),
        }
    }
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl PartialEq for Sentence {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl PartialEq<str> for Sentence {
    fn eq(&self, text: &str) -> bool {
        self.to_string().as_str() == text
    }
}

impl PartialEq<&str> for Sentence {
    fn eq(&self, text: &&str) -> bool {
        self == *text
    }
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_reads_as_format_would_write_it() {
        let (count, policy) = (3, Name::from("cpu"));
        let sentence = Sentence::new(phrase!("{count} of {most:.1}, {{so}} on", most = 7.25));
        assert_eq!(sentence, "3 of 7.2, {so} on");
        assert_eq!(sentence.by(policy), "cpu: 3 of 7.2, {so} on");
        assert_eq!(Sentence::new("as it is"), "as it is");
    }

    #[test]
    fn figures_are_those_of_the_time_it_was_made() {
        let mut count = 1;
        let sentence = Sentence::new(phrase!("{count} and {next}", next = count + 1, count = count));
        count += 5;
        assert_eq!((sentence, count), (Sentence::new("1 and 2"), 6));
    }

    #[test]
    fn it_is_stored_as_its_text() {
        let sentence = Sentence::new(phrase!("{share} %", share = 50)).by(Name::from("cpu"));
        assert_eq!(serde_json::to_value(&sentence).unwrap(), "cpu: 50 %");
        assert_eq!(format!("{sentence:?}"), "\"cpu: 50 %\"");
    }
}
