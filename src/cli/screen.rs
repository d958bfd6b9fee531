//! Where commands write: data to standard output, talk to standard error. Colour only where it is wanted.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::error::CliError;

/// A command's standard output.
pub(super) struct Screen {
    out: anstream::AutoStream<io::Stdout>,
    /// Whether data is written as JSON.
    pub(super) json: bool,
}

impl Screen {
    pub(super) fn new(json: bool) -> Self {
        Self { out: anstream::stdout(), json }
    }

    /// Whether colour reaches the reader: on a terminal, unless `NO_COLOR` is set.
    pub(super) fn has_colour(&self) -> bool {
        self.out.current_choice() != anstream::ColorChoice::Never
    }

    /// Writes a text as it is.
    pub(super) fn write(&mut self, text: &str) -> Result<(), CliError> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Writes data as indented JSON.
    pub(super) fn write_json(&mut self, data: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(data).map_err(io::Error::from)?;
        self.write(&format!("{text}\n"))
    }
}

/// A line of talk to standard error.
pub(super) fn say(text: &str) {
    // A reader who has gone away needs no talk.
    drop(writeln!(anstream::stderr(), "{text}"));
}

/// A text in a colour; the stream drops the colour where it is not wanted.
pub(super) fn coloured(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// A text in bold.
pub(super) fn bold(text: &str) -> String {
    let style = Style::new().bold();
    format!("{style}{text}{style:#}")
}
