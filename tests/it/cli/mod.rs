//! The command line as a process: what is typed, what is written, and the exit status.

mod acting;
mod backtest;
mod check;
mod decide;
mod help;
mod import;
mod shadow_report;
mod simulate;
mod tune;
mod unreachable;

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::World;

/// How a command ended.
struct Outcome {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Outcome {
    /// Standard output as JSON.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output's lines, each as JSON.
    fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "status {}", self.status)?;
        writeln!(f, "--- stdout\n{}", self.stdout)?;
        write!(f, "--- stderr\n{}", self.stderr)
    }
}

/// A command line as it is typed, in a terminal of 100 columns without colours or an environment.
fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
    command.args(line.split_whitespace()).env_clear().env("COLUMNS", "100").stdin(Stdio::null());
    command
}

/// A command line in a folder.
fn in_folder(folder: &Path, line: &str) -> Command {
    let mut command = command(line);
    command.current_dir(folder);
    command
}

/// A command line in a world's folder, with its AWS, policy file and state table.
fn in_world(world: &World, line: &str) -> Command {
    let mut command = in_folder(world.folder(), &world.named(line));
    command.envs(world.variables());
    command
}

fn run(mut command: Command) -> Outcome {
    let output = command.output().expect("trimtab starts");
    let text = |bytes| String::from_utf8(bytes).expect("trimtab writes UTF-8");
    Outcome {
        status: output.status.code().expect("trimtab ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs a command on a text as its standard input.
fn run_on(mut command: Command, input: &[u8]) -> Outcome {
    let mut file: File = tempfile::tempfile().expect("a temporary file");
    file.write_all(input).and_then(|()| file.rewind()).expect("a temporary file takes the input");
    command.stdin(file);
    run(command)
}
