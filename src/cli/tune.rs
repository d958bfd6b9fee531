//! `trimtab tune`: the cheapest settings of a policy that keep a promise on a service's own past.

use serde::Serialize;

use super::error::CliError;
use super::past::{Basis, Row, past, replay};
use super::screen::{Screen, say};
use super::simulate::{bar, write_file};
use super::table::{Column, table};
use super::{TuneArgs, check};
use crate::config::{PolicyFile, Setting, with_settings};
use crate::control::ports::Clock;
use crate::history::{Candidate, Figure, Search, Tuning, Verdict, tune};
use crate::model::ScalableTarget;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    basis: Basis,
    promise: Option<String>,
    promise_percent: f64,
    verdict: &'static str,
    told: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_percent: Option<Figure>,
    tried: usize,
    today: CandidateRow,
    found: CandidateRow,
    front: Vec<CandidateRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
    /// The policy file with the settings that were found.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

#[derive(Serialize)]
struct CandidateRow {
    settings: Vec<String>,
    fit: Row,
    held_out: Row,
}

/// Reads the past, searches, and tells what it is worth.
pub(super) async fn run(args: &TuneArgs, clock: &dyn Clock, screen: &mut Screen) -> Result<(), CliError> {
    if !(0.0 < args.fit_share && args.fit_share < 1.0) {
        return Err(CliError::usage("--fit-share must be above 0 and below 1"));
    }
    let place = args.policy.display().to_string();
    let text = check::read(&args.policy)?;
    let target = check::only_target(&place, &text, args.past.service.as_ref())?;
    let history = past(&args.past, &target, clock).await?;
    let replay = replay(&args.past, &history, &[&target], Some(args.promise))?;
    let basis = Basis::of(&args.past, &history, &replay, &target);
    let search = Search { promise_percent: args.promise, fit_share: args.fit_share, seeds: args.past.seeds };
    let bar = bar(0, "Searching");
    let tuning = tune(&replay, &history, &target, search, &|done, of| {
        bar.set_length(u64::try_from(of).unwrap_or(u64::MAX));
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    });
    bar.finish_and_clear();
    let tuning = tuning?;

    let keeps = !matches!(tuning.verdict, Verdict::NoneKeeps | Verdict::NotKeptOnRest);
    let policy = if keeps { Some(edited(&place, &text, &target, &tuning.found)?) } else { None };
    if let (Some(path), Some(policy)) = (&args.out, &policy) {
        write_file(path, policy)?;
    }
    let report = report(basis, search, &tuning, policy);
    if screen.json {
        screen.write_json(&report)?;
    } else {
        tell(&report, args, screen)?;
    }
    if keeps { Ok(()) } else { Err(CliError::no(report.told)) }
}

/// The policy file with the settings that were found, if it means just that.
fn edited(place: &str, text: &str, target: &ScalableTarget, found: &Candidate) -> Result<String, CliError> {
    let edited = with_settings(text, &target.service, &found.settings);
    let means = |text: &String| {
        let file = PolicyFile::parse(place, text).ok().filter(|file| file.problems.is_empty())?;
        Some(file.entry_for(&target.service).ok()??.target_for(&target.service) == found.target)
    };
    match edited {
        Some(text) if means(&text) == Some(true) => Ok(text),
        _ => {
            let settings: Vec<String> = found.settings.iter().map(setting).collect();
            let message = format!("the settings that were found cannot be put into {place} as it is written");
            Err(CliError::no(message).with_hint(format!("put them in by hand: {}", settings.join(", "))))
        }
    }
}

fn report(basis: Basis, search: Search, tuning: &Tuning, policy: Option<String>) -> Report {
    let (verdict, saved) = match tuning.verdict {
        Verdict::NoneKeeps => ("none_keeps", None),
        Verdict::NotKeptOnRest => ("not_kept_on_rest", None),
        Verdict::TodayIsBest => ("today_is_best", None),
        Verdict::KeepsWhatTodayBreaks => ("keeps_what_today_breaks", None),
        Verdict::WithinNoise(saved) => ("within_noise", Some(saved)),
        Verdict::Cheaper(saved) => ("cheaper", Some(saved)),
        Verdict::SaferAndDearer(saved) => ("safer_and_dearer", Some(saved)),
    };
    Report {
        basis,
        promise: tuning.found.held_out.promise().map(str::to_owned),
        promise_percent: search.promise_percent,
        verdict,
        told: told(tuning, search.promise_percent),
        saved_percent: saved,
        tried: tuning.tried,
        today: row(&tuning.today),
        found: row(&tuning.found),
        front: tuning.front.iter().map(row).collect(),
        remarks: tuning.remarks.clone(),
        policy,
    }
}

fn row(candidate: &Candidate) -> CandidateRow {
    CandidateRow {
        settings: candidate.settings.iter().map(setting).collect(),
        fit: Row::of(&candidate.fit),
        held_out: Row::of(&candidate.held_out),
    }
}

/// A setting with the way to it from the service entry.
fn setting(setting: &Setting) -> String {
    format!("{}: {}", setting.keys.join("."), setting.value)
}

/// A setting without the way to the first policy, which is the only one of most services.
fn short(setting: &str) -> &str {
    match setting.strip_prefix("policies.0.").and_then(|rest| rest.split_once('.')) {
        Some((_, rest)) => rest,
        None => setting,
    }
}

/// The verdict in words.
fn told(tuning: &Tuning, promise: f64) -> String {
    let kept = |figure: Figure| format!("{:.3} %", figure.mean);
    let (fit, rest) = (tuning.found.fit.kept_percent(), tuning.found.held_out.kept_percent());
    match tuning.verdict {
        Verdict::NoneKeeps => format!(
            "no settings keep {promise} % even on the days that were searched; the nearest kept {}",
            kept(fit)
        ),
        Verdict::NotKeptOnRest => format!(
            "the promise is NOT kept on the days that were held out: {} of {promise} %, after {} on the days that were \
             searched; what was found fits the past and not the service",
            kept(rest),
            kept(fit)
        ),
        Verdict::TodayIsBest => "nothing that was tried is cheaper than today's settings".to_owned(),
        Verdict::KeepsWhatTodayBreaks => format!(
            "these settings keep {promise} % on the days that were held out ({}); today's do not always ({} searched, {} \
             held out)",
            kept(rest),
            kept(tuning.today.fit.kept_percent()),
            kept(tuning.today.held_out.kept_percent())
        ),
        Verdict::WithinNoise(saved) => format!(
            "the gain is within the noise between seeds ({:.2} % to {:.2} %): today's settings are as good",
            saved.least, saved.most
        ),
        Verdict::SaferAndDearer(saved) => format!(
            "{:.1} % dearer than today's on the days that were held out: these settings keep the promise in every third of the \
             days that were searched, today's in all of them together only",
            -saved.mean
        ),
        Verdict::Cheaper(saved) => format!(
            "{:.1} % cheaper than today's on the days that were held out ({:.2} % to {:.2} % by seed), with {} kept",
            saved.mean,
            saved.least,
            saved.most,
            kept(rest)
        ),
    }
}

fn tell(report: &Report, args: &TuneArgs, screen: &mut Screen) -> Result<(), CliError> {
    for remark in &report.remarks {
        say(&format!("note: {remark}"));
    }
    let judged = report.promise.as_deref().unwrap_or("nothing");
    let columns = [
        Column::Text(""),
        Column::Number("COST"),
        Column::Number("KEPT"),
        Column::Number("HELD OUT: COST"),
        Column::Number("KEPT"),
        Column::Text("SETTINGS"),
    ];
    let named = [("today", &report.today), ("found", &report.found)];
    let rows = named.into_iter().chain(report.front.iter().map(|row| ("front", row))).map(|(name, row)| {
        let settings: Vec<&str> = row.settings.iter().map(|setting| short(setting)).collect();
        let settings = if settings.is_empty() { "as they are".to_owned() } else { settings.join(", ") };
        vec![
            name.to_owned(),
            format!("${:.2}", row.fit.usd.mean),
            format!("{:.3} %", row.fit.kept_percent.mean),
            format!("${:.2}", row.held_out.usd.mean),
            format!("{:.3} %", row.held_out.kept_percent.mean),
            settings,
        ]
    });
    let text = format!(
        "{}Judged by: {judged}; settings tried: {}; seeds: {}\n\n{}\n{}",
        report.basis.told(),
        report.tried,
        report.basis.seeds,
        table(&columns, rows),
        report.basis.told_assumptions()
    );
    match (&report.policy, &args.out) {
        (None, _) => screen.write(&text),
        (Some(_), Some(path)) => {
            screen.write(&format!("{text}\n{}\n", sentence(&report.told)))?;
            say(&format!("The policy file with these settings: {}", path.display()));
            Ok(())
        }
        // The policy file has standard output to itself, so that it can be redirected.
        (Some(policy), None) => {
            say(&format!("{text}\n{}\n", sentence(&report.told)));
            screen.write(policy)
        }
    }
}

/// A sentence that begins with a capital letter and ends with a full stop.
fn sentence(told: &str) -> String {
    let mut letters = told.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
