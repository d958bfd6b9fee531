//! `trimtab compare`: a contest over a folder of loads, and the page of its figures.

use std::path::{Path, PathBuf};

use super::CompareArgs;
use super::error::CliError;
use super::screen::{Screen, say};
use super::simulate::{bar, positive, read_trace, trace_name, write_file};
use super::table::{Column, table};
use crate::sim::contest::{Case, CaseResult, Kind, NamedTrace, Rules, cases};
use crate::sim::quality_page::{geometric_mean, quality_page};

/// Runs the contest, and tells who paid what.
pub(super) fn run(args: &CompareArgs, screen: &mut Screen) -> Result<(), CliError> {
    let rules = rules(args)?;
    let traces = traces(&args.traces)?;
    let cases = cases(&traces, &rules).map_err(|error| CliError::no(error.to_string()))?;
    let progress = bar(cases.iter().map(Case::runs).sum(), "Comparing");
    let results: Vec<CaseResult> = cases.iter().map(|case| case.run(&|| progress.inc(1))).collect();
    progress.finish_and_clear();
    if let Some(path) = &args.markdown {
        write_file(path, &quality_page(&results, &rules, &command(args)))?;
    }
    if screen.json {
        return screen.write_json(&results);
    }
    screen.write(&told(&results))?;
    if let Some(path) = &args.markdown {
        say(&format!("The page with the figures: {}", path.display()));
    }
    Ok(())
}

fn rules(args: &CompareArgs) -> Result<Rules, CliError> {
    let sizes = args.tasks.iter().map(|tasks| positive("--tasks", *tasks)).collect::<Result<_, _>>()?;
    Ok(Rules { days: positive("--days", args.days)?, sizes, start: args.start, seed: args.seed })
}

/// The CSV files of a folder, by name.
fn traces(folder: &Path) -> Result<Vec<NamedTrace>, CliError> {
    let unreadable = |error| CliError::no(format!("the folder {} cannot be read: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let files = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = files.collect::<Result<_, _>>().map_err(unreadable)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    if files.is_empty() {
        return Err(CliError::no(format!("the folder {} has no CSV file", folder.display())));
    }
    let named = |path: &PathBuf| {
        let name = trace_name(path);
        read_trace(&name, path).map(|trace| NamedTrace { name, trace })
    };
    files.iter().map(named).collect()
}

/// The command line, for the page that it writes. Where the loads are is of no use to who reads it.
fn command(args: &CompareArgs) -> String {
    let sizes: Vec<String> = args.tasks.iter().map(f64::to_string).collect();
    let start = args.start;
    let page = args.markdown.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    format!(
        "trimtab compare DIR --days {} --tasks {} --start {},{} --seed {} --markdown docs/{}",
        args.days,
        sizes.join(","),
        start.median_s,
        start.p95_s,
        args.seed,
        page.unwrap_or_else(|| "quality.md".into())
    )
}

fn told(results: &[CaseResult]) -> String {
    let columns = [
        Column::Text("LOAD"),
        Column::Text("KIND"),
        Column::Number("TASKS"),
        Column::Text("PROMISE"),
        Column::Number("LATE"),
        Column::Number("OVER BOUND"),
        Column::Text("CHEAPEST PEER THAT IS AS PUNCTUAL"),
        Column::Number("OVER BOUND"),
        Column::Number("OF ITS COST"),
    ];
    let rows = results.iter().map(|case| {
        let (comparison, ours) = (&case.comparison, &case.comparison.trimtab);
        let two = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let best = comparison.best_as_punctual();
        vec![
            case.trace.clone(),
            kind(case.kind).to_owned(),
            case.size.to_string(),
            if ours.kept() { "kept" } else { "broken" }.to_owned(),
            format!("{:.3} %", ours.late_percent()),
            two(comparison.over_bound(ours.cost)),
            best.map_or_else(
                || "none".to_owned(),
                |(tried, setting)| format!("{}, {}", tried.peer.title(), setting.name),
            ),
            two(best.and_then(|(_, setting)| comparison.over_bound(setting.outcome.cost))),
            two(comparison.of_best_peer()),
        ]
    });
    let summaries = [Kind::Http, Kind::Queue].into_iter().filter_map(|kind| summary(kind, results));
    format!("{}\n{}", table(&columns, rows), summaries.collect::<String>())
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Http => "http",
        Kind::Queue => "queue",
    }
}

/// The figures of a kind in a sentence.
fn summary(of: Kind, results: &[CaseResult]) -> Option<String> {
    let cases: Vec<&CaseResult> = results.iter().filter(|case| case.kind == of).collect();
    let kept = cases.iter().filter(|case| case.comparison.trimtab.kept()).count();
    let over = cases.iter().filter_map(|case| case.comparison.over_bound(case.comparison.trimtab.cost));
    let over = geometric_mean(over)?;
    let of_peers: Vec<f64> = cases.iter().filter_map(|case| case.comparison.of_best_peer()).collect();
    let alone = cases.len() - of_peers.len();
    let of_peers = geometric_mean(of_peers.into_iter());
    let of_peers =
        of_peers.map_or_else(String::new, |of| format!(", {of:.3} of the best peer's of each case"));
    Some(format!(
        "{}: promise kept in {kept} of {}; cost {over:.3} times the bound{of_peers}; {alone} where no peer is as punctual\n",
        kind(of),
        cases.len(),
    ))
}
