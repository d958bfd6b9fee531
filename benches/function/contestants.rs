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

    /// The bytes of what is deployed.
    pub(crate) fn size(&self) -> u64 {
        size(&self.artefact)
    }

    /// The bytes of what is uploaded, which is zipped; `None` where there is no Python to zip it.
    pub(crate) fn zipped(&self) -> Option<u64> {
        let folder = tempfile::tempdir().ok()?;
        let zip = folder.path().join("function.zip");
        let mut command = process::Command::new("python3");
        told(command.args(["-m", "zipfile", "-c"]).arg(&zip).arg(&self.artefact))?;
        Some(size(&zip))
    }

    fn binary(name: String, path: &Path, scales: bool) -> Self {
        Self {
            name,
            artefact: path.to_owned(),
            scales,
            program: path.to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }
}

/// Builds of trimtab.
pub(crate) fn builds(paths: &[PathBuf]) -> Vec<Contestant> {
    let name = |path: &Path| match paths {
        [_] => "trimtab".to_owned(),
        _ => format!("trimtab, {}", path.display()),
    };
    paths.iter().map(|path| Contestant::binary(name(path), path, true)).collect()
}

/// Who trimtab is compared with, of those that are installed.
pub(crate) fn peers() -> Vec<Contestant> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    let peers =
        [empty(&installed.join("empty")), boto3(&installed.join("boto3")), node(&installed.join("node"))];
    peers.into_iter().flatten().collect()
}

fn empty(installed: &Path) -> Option<Contestant> {
    let binary = installed.join("release/bootstrap");
    binary.exists().then(|| Contestant::binary("empty, Rust".to_owned(), &binary, false))
}

fn boto3(installed: &Path) -> Option<Contestant> {
    let python = installed.join("venv/bin/python");
    let version = told(process::Command::new(&python).arg("--version"))?;
    Some(Contestant {
        name: format!("boto3, {version}"),
        artefact: installed.join("package"),
        scales: true,
        program: python,
        arguments: ["-m", "awslambdaric", "handler.handler"].map(PathBuf::from).to_vec(),
        variables: vec![
            ("PYTHONPATH", format!("{0}/package:{0}/runtime", installed.display())),
            ("PYTHONPYCACHEPREFIX", installed.join("compiled").display().to_string()),
        ],
    })
}

fn node(installed: &Path) -> Option<Contestant> {
    let bundle = installed.join("dist/handler.cjs");
    let version = told(process::Command::new("node").arg("--version"))?;
    let program = told(process::Command::new("node").args(["-p", "process.execPath"]))?;
    bundle.exists().then(|| Contestant {
        name: format!("SDK v3, Node.js {version}"),
        artefact: bundle.clone(),
        scales: true,
        program: program.into(),
        arguments: vec![installed.join("runtime.mjs"), bundle],
        variables: vec![("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true".to_owned())],
    })
}

/// The size of a file, or of all files in a folder.
fn size(path: &Path) -> u64 {
    let metadata = fs::metadata(path).unwrap();
    if metadata.is_file() {
        return metadata.len();
    }
    fs::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum()
}

/// What a command tells; `None` where it cannot be run.
fn told(command: &mut process::Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}
