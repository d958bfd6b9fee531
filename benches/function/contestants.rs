//! Who is measured, and how each is run. The peers are where `benches/peers/setup` installed them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use tokio::process::Command;

/// A function to measure.
#[derive(Debug)]
pub(crate) struct Contestant {
    /// What it is called in the table.
    pub(crate) name: String,
    /// What is deployed: a file or a folder.
    pub(crate) artefact: PathBuf,
    /// Whether it does the job, or nothing.
    pub(crate) scales: bool,
    program: PathBuf,
    arguments: Vec<PathBuf>,
    variables: Vec<(&'static str, String)>,
}

impl Contestant {
    /// How it is started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// What it needs in its environment beside what all have.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// What is deployed, zipped.
    pub(crate) fn zipped(&self) -> PathBuf {
        let name: String = self.name.chars().filter(char::is_ascii_alphanumeric).collect();
        let zip = installed().join(name).with_extension("zip");
        let mut command = process::Command::new(python());
        run(command.args(["-m", "zipfile", "-c"]).arg(&zip).arg(&self.artefact));
        zip
    }
}

/// Trimtab, and who it is compared with.
pub(crate) fn all(bootstrap: &Path) -> Vec<Contestant> {
    let empty = installed().join("empty/release/bootstrap");
    let (boto3, node) = (installed().join("boto3"), installed().join("node"));
    assert!(empty.exists() && boto3.exists() && node.exists(), "run benches/peers/setup first");
    let node_program = run(process::Command::new("node").args(["-p", "process.execPath"]));
    let rust = |name: &str, binary: &Path, scales: bool| Contestant {
        name: name.to_owned(),
        artefact: binary.to_owned(),
        scales,
        program: binary.to_owned(),
        arguments: Vec::new(),
        variables: Vec::new(),
    };
    let modules = format!("{0}/package:{0}/runtime", boto3.display());
    vec![
        rust("trimtab", bootstrap, true),
        rust("empty, Rust", &empty, false),
        Contestant {
            name: format!("boto3, {}", run(process::Command::new(python()).arg("--version"))),
            artefact: boto3.join("package"),
            scales: true,
            program: python(),
            arguments: ["-m", "awslambdaric", "handler.handler"].map(PathBuf::from).to_vec(),
            variables: vec![
                ("PYTHONPATH", modules),
                ("PYTHONPYCACHEPREFIX", boto3.join("compiled").display().to_string()),
            ],
        },
        Contestant {
            name: format!("SDK v3, Node.js {}", run(process::Command::new("node").arg("--version"))),
            artefact: node.join("dist/handler.cjs"),
            scales: true,
            program: node_program.into(),
            arguments: vec![node.join("runtime.mjs"), node.join("dist/handler.cjs")],
            variables: vec![("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true".to_owned())],
        },
    ]
}

/// The size of a file, or of all files in a folder.
pub(crate) fn size(path: &Path) -> u64 {
    let metadata = fs::metadata(path).unwrap();
    if metadata.is_file() {
        return metadata.len();
    }
    fs::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum()
}

fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers")
}

fn python() -> PathBuf {
    installed().join("boto3/venv/bin/python")
}

fn run(command: &mut process::Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
