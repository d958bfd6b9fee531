//! `trimtab import`: Application Auto Scaling's configuration as a policy file.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::ImportArgs;
use super::error::CliError;
use super::screen::{Screen, say};
use crate::aws::ApplicationAutoScalingApi;
use crate::import::aas::{Configuration, DESIRED_COUNT};
use crate::import::{ImportError, Imported, Remark, import};
use crate::model::ServiceId;

#[derive(Serialize)]
struct Report<'a> {
    services: &'a [ServiceId],
    remarks: &'a [Remark],
    /// Where the policy file is, where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<&'a Path>,
    /// The policy file, where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
}

/// Writes the policy file of what is in files.
pub(super) fn from_files(args: &ImportArgs, now: Timestamp, screen: &mut Screen) -> Result<(), CliError> {
    let mut configuration = Configuration::default();
    for path in &args.from {
        configuration
            .add(&text_of(path)?)
            .map_err(|error| CliError::no(format!("{}: {error}", path.display())))?;
    }
    write(args, &configuration, now, screen)
}

/// Writes the policy file of what AAS has.
pub(super) async fn from_aws(
    args: &ImportArgs,
    api: &ApplicationAutoScalingApi,
    now: Timestamp,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let configuration = api.configuration(&args.services).await?;
    write(args, &configuration, now, screen)
}

/// The text of a file, or of standard input.
pub(super) fn text_of(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    }
    .map_err(|error| CliError::no(format!("the file {} cannot be read: {error}", path.display())))
}

fn write(
    args: &ImportArgs,
    configuration: &Configuration,
    now: Timestamp,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let registered: Vec<ServiceId> = services_of(configuration);
    let wanted: Vec<ServiceId> = if args.services.is_empty() {
        let of_cluster =
            |service: &ServiceId| args.cluster.as_deref().is_none_or(|name| name == service.cluster());
        registered.iter().filter(|service| of_cluster(service)).cloned().collect()
    } else {
        args.services.clone()
    };
    // Of no cluster there is nothing; without one, what is registered for others than services is to be told as well.
    let everything = args.services.is_empty() && args.cluster.is_none();
    if wanted.is_empty() && !everything {
        return Err(not_there("no ECS service of that cluster is registered with Application Auto Scaling"));
    }
    let wanted = if everything { Vec::new() } else { wanted };
    let missing: Vec<String> =
        wanted.iter().filter(|service| !registered.contains(service)).map(ToString::to_string).collect();
    let not_registered =
        || not_there(&format!("not registered with Application Auto Scaling: {}", missing.join(", ")));
    if !missing.is_empty() && missing.len() == wanted.len() {
        return Err(not_registered());
    }
    let imported = import(configuration, &wanted, now).map_err(|error| refused(&error))?;
    hand_out(args, &imported, screen)?;
    if missing.is_empty() { Ok(()) } else { Err(not_registered()) }
}

/// Writes the file, and says what it leaves out.
fn hand_out(args: &ImportArgs, imported: &Imported, screen: &mut Screen) -> Result<(), CliError> {
    let Imported { text, services, remarks } = imported;
    if let Some(path) = &args.out {
        write_file(path, text, args.force)?;
    }
    if screen.json {
        let policy = args.out.is_none().then_some(text.as_str());
        screen.write_json(&Report { services, remarks, out: args.out.as_deref(), policy })?;
    } else if args.out.is_none() {
        screen.write(text)?;
    }
    for remark in remarks {
        say(&remark.to_string());
    }
    let place =
        args.out.as_ref().map_or_else(|| "the policy file".to_owned(), |path| path.display().to_string());
    let acts = if services.len() == 1 { "which does not act yet" } else { "none of which acts yet" };
    let services = counted(services.len(), "service");
    let remarks = match remarks.len() {
        0 => "everything was carried over".to_owned(),
        count => format!("{}, told above and in the file", counted(count, "remark")),
    };
    say(&format!("{services} in {place}, {acts}; {remarks}"));
    Ok(())
}

/// Writes a file, but not over one that is there: somebody may have worked on it.
fn write_file(path: &Path, text: &str, force: bool) -> Result<(), CliError> {
    if path.exists() && !force {
        let error = CliError::no(format!("the file {} is there already", path.display()));
        return Err(error.with_hint("give another --out, or --force to write over it"));
    }
    fs::write(path, text)
        .map_err(|error| CliError::no(format!("the file {} cannot be written: {error}", path.display())))
}

fn services_of(configuration: &Configuration) -> Vec<ServiceId> {
    let targets = configuration.targets.iter().map(|target| &target.value);
    let of_services = targets.filter(|target| target.scalable_dimension == DESIRED_COUNT);
    of_services.filter_map(|target| target.resource_id.strip_prefix("service/")?.parse().ok()).collect()
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn not_there(message: &str) -> CliError {
    let hint = "aws application-autoscaling describe-scalable-targets --service-namespace ecs shows what is";
    CliError::no(message).with_hint(hint)
}

fn refused(error: &ImportError) -> CliError {
    match error {
        ImportError::Nothing(remarks) => {
            for remark in remarks {
                say(&remark.to_string());
            }
            not_there(&error.to_string())
        }
        ImportError::TooLong { .. } => {
            CliError::no(error.to_string()).with_hint("import by cluster, with --cluster, into several files")
        }
        ImportError::Internal(_) => CliError::world(error.to_string()),
    }
}
