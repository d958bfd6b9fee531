//! What a command ends with when it does not end well: a message, a hint, and an exit status by what the reader can do.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::control::ports::{PortError, PortErrorKind};

/// A command that did not end well.
#[derive(Debug)]
pub struct CliError {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    No,
    Usage,
    World,
    ReaderLeft,
}

impl CliError {
    /// The answer is no: a policy file that is wrong, a check that failed.
    pub(super) fn no(message: impl Into<String>) -> Self {
        Self { kind: Kind::No, message: message.into(), hint: None }
    }

    /// The command was called the wrong way.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into(), hint: None }
    }

    /// AWS, the network or the machine failed.
    pub(super) fn world(message: impl Into<String>) -> Self {
        Self { kind: Kind::World, message: message.into(), hint: None }
    }

    /// What to do about it.
    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Whether nothing went wrong but that the reader of standard output has read enough, as `head` does.
    pub(super) fn reader_left(&self) -> bool {
        self.kind == Kind::ReaderLeft
    }

    /// The exit status: 1 the answer is no, 2 usage, 3 AWS or the network failed.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::No => 1,
            Kind::Usage => 2,
            Kind::World => 3,
            Kind::ReaderLeft => 0,
        })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<PortError> for CliError {
    fn from(error: PortError) -> Self {
        let kind = if error.kind == PortErrorKind::NotFound { Kind::No } else { Kind::World };
        Self { kind, message: error.to_string(), hint: None }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::ReaderLeft } else { Kind::World };
        Self { kind, message: error.to_string(), hint: None }
    }
}
