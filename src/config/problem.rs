//! What is wrong with a policy file, for the person who wrote it: where, what, and what to write instead.

use std::error::Error;
use std::fmt;

/// One thing that is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's place: `trimtab.yaml`, `s3://bucket/key`, `ssm:/name`.
    pub place: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key, as in `services[2].policies[0].target_tracking.target`; empty for the file as a whole.
    pub path: String,
    /// The pattern of the service entry that it is in, as written, where it is in one.
    pub service: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do, where that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.place, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl Error for Problem {}
