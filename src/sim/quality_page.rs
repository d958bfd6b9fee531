//! The page that tells how good trimtab is: a contest's figures as Markdown. It is written by a command and never by hand.

use std::fmt::Write as _;

use super::comparison::Comparison;
use super::contest::{CaseResult, Kind, POLICY, Rules};
use super::number::real;
use super::peers::Peer;
use super::trial::Outcome;

/// Writes the page. `command` is what wrote it, for the reader to do the same.
pub fn quality_page(results: &[CaseResult], rules: &Rules, command: &str) -> String {
    let mut page = format!(
        "# How good is it?\n\n\
         Trimtab beside other scalers on measured loads, in the embedded cloud: what each paid, and whether the promise was kept.\n\
         This page is written by a command, with `DIR` a folder of loads such as [`tests/traces`](../tests/traces); to write it again:\n\n\
         ```sh\n{command}\n```\n"
    );
    for kind in [Kind::Http, Kind::Queue] {
        let of_kind: Vec<&CaseResult> = results.iter().filter(|case| case.kind == kind).collect();
        if !of_kind.is_empty() {
            page.push_str(&section(kind, &of_kind));
        }
    }
    page.push_str(&method(rules));
    page
}

fn section(kind: Kind, cases: &[&CaseResult]) -> String {
    let title = match kind {
        Kind::Http => "## Requests: 99.9 % within 300 ms",
        Kind::Queue => "## Messages: 99.9 % start within 180 s",
    };
    format!("\n{title}\n\n{}\n{}\n{}", summary(cases), by_case(cases), one_setting(cases))
}

/// The figures of a kind in sentences.
fn summary(cases: &[&CaseResult]) -> String {
    let kept = cases.iter().filter(|case| case.comparison.trimtab.kept()).count();
    let over = cases.iter().filter_map(|case| over(&case.comparison, &case.comparison.trimtab));
    let of_best: Vec<f64> = cases.iter().filter_map(|case| case.comparison.of_best_peer()).collect();
    let alone = cases.len() - of_best.len();
    let mut text = format!(
        "Trimtab, under one policy for all, kept the promise in {kept} of {} cases, at {} times the clairvoyant bound",
        cases.len(),
        ratio(geometric_mean(over))
    );
    if !of_best.is_empty() {
        let mean = geometric_mean(of_best.iter().copied());
        let worst = of_best.iter().copied().fold(0.0, f64::max);
        let text = &mut text;
        append(
            text,
            format_args!(
                ", and at {} times the cost of the cheapest peer and setting that was as punctual (at worst {})",
                ratio(mean),
                ratio(Some(worst))
            ),
        );
    }
    append(&mut text, format_args!(" (geometric means)."));
    if 0 < alone {
        append(&mut text, format_args!(" In {alone} of them no peer was as punctual at any setting."));
    }
    text + "\n"
}

/// Each case: what trimtab paid, and what each peer paid at its cheapest setting that keeps the promise.
fn by_case(cases: &[&CaseResult]) -> String {
    let peers = peers(cases);
    let mut table = "Cost as a multiple of the bound. Of each peer: the cheapest of its settings that keeps the promise in this very \
                     case, which nobody knows beforehand; – where none does.\n\n"
        .to_owned();
    append(
        &mut table,
        format_args!("| load | tasks | a second and task | trimtab | late | of the best peer |"),
    );
    for peer in &peers {
        append(&mut table, format_args!(" {} |", peer.title()));
    }
    append(
        &mut table,
        format_args!("\n| --- | ---: | ---: | ---: | ---: | ---: |{}\n", " ---: |".repeat(peers.len())),
    );
    for case in cases {
        let comparison = &case.comparison;
        let ours = &comparison.trimtab;
        append(
            &mut table,
            format_args!(
                "| {} | {} | {} | {}{} | {} | {} |",
                case.trace,
                case.size,
                case.per_task,
                ratio(over(comparison, ours)),
                if ours.kept() { "" } else { " (broken)" },
                late(ours),
                comparison.of_best_peer().map_or_else(|| "none is".to_owned(), |of| ratio(Some(of)))
            ),
        );
        for peer in &peers {
            append(&mut table, format_args!(" {} |", cheapest_kept(comparison, *peer)));
        }
        table.push('\n');
    }
    table
}

fn cheapest_kept(comparison: &Comparison, peer: Peer) -> String {
    let tried = comparison.peers.iter().find(|tried| tried.peer == peer);
    let best = tried.and_then(|tried| tried.best()).filter(|best| best.outcome.kept());
    best.map_or_else(|| "–".to_owned(), |best| ratio(over(comparison, &best.outcome)))
}

/// Each setting of each peer over all cases: what one gets who does not know the load.
fn one_setting(cases: &[&CaseResult]) -> String {
    let mut table = "One setting for all cases, as it is in practice; settings that keep the promise in none are left out.\n\n\
                     | scaler | setting | promise kept | cost over the bound | median late | changes a day |\n\
                     | --- | --- | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    let ours: Vec<(&CaseResult, &Outcome)> =
        cases.iter().map(|case| (*case, &case.comparison.trimtab)).collect();
    append(&mut table, format_args!("{}", row("trimtab", "the policy below", &ours)));
    for peer in peers(cases) {
        for setting in peer.settings() {
            let outcomes: Vec<(&CaseResult, &Outcome)> =
                cases.iter().filter_map(|case| Some((*case, outcome(case, peer, *setting)?))).collect();
            if outcomes.iter().any(|(_, outcome)| outcome.kept()) {
                append(&mut table, format_args!("{}", row(peer.title(), &peer.setting(*setting), &outcomes)));
            }
        }
    }
    table
}

fn outcome(case: &CaseResult, peer: Peer, setting: f64) -> Option<&Outcome> {
    let tried = case.comparison.peers.iter().find(|tried| tried.peer == peer)?;
    let found = tried.settings.iter().find(|tried| tried.setting.total_cmp(&setting).is_eq())?;
    Some(&found.outcome)
}

fn row(scaler: &str, setting: &str, outcomes: &[(&CaseResult, &Outcome)]) -> String {
    let kept = outcomes.iter().filter(|(_, outcome)| outcome.kept()).count();
    let over = geometric_mean(outcomes.iter().filter_map(|(case, outcome)| over(&case.comparison, outcome)));
    let mut lates: Vec<f64> = outcomes.iter().map(|(_, outcome)| outcome.late_percent()).collect();
    lates.sort_by(f64::total_cmp);
    let median = lates.get(lates.len() / 2).copied().unwrap_or(0.0);
    let actions: f64 = outcomes.iter().map(|(case, outcome)| f64::from(outcome.actions) / case.days).sum();
    let a_day = actions / real(outcomes.len().max(1) as u64);
    format!(
        "| {scaler} | {setting} | {kept} of {} | {} | {median:.3} % | {a_day:.0} |\n",
        outcomes.len(),
        ratio(over)
    )
}

/// The peers of any of the cases, in order.
fn peers(cases: &[&CaseResult]) -> Vec<Peer> {
    let is_in =
        |peer: &Peer| cases.iter().flat_map(|case| &case.comparison.peers).any(|tried| tried.peer == *peer);
    Peer::ALL.into_iter().filter(is_in).collect()
}

fn over(comparison: &Comparison, outcome: &Outcome) -> Option<f64> {
    comparison.over_bound(outcome.cost)
}

/// The geometric mean of ratios; none where there are none.
pub fn geometric_mean(ratios: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = ratios.fold((0.0, 0.0), |(sum, count), ratio| (sum + ratio.ln(), count + 1.0));
    (0.0 < count).then(|| f64::exp(sum / count))
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn late(outcome: &Outcome) -> String {
    format!("{:.3} %", outcome.late_percent())
}

fn append(text: &mut String, more: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(more);
    debug_assert!(written.is_ok(), "writing to a string does not fail");
}

fn method(rules: &Rules) -> String {
    let (median, p95) = (rules.start.median_s, rules.start.p95_s);
    let sizes: Vec<String> = rules.sizes.iter().map(f64::to_string).collect();
    format!(
        "
## How it is measured

* Each load is a measured curve ([their sources](../tests/traces/README.md)), made so large that its mean keeps {sizes} tasks busy. \
  {days} days of it are lived through, after up to 14 days that a scaler may know as CloudWatch would still have them.
  Within a minute arrivals are random, and their rate strays by 8 % for some 20 s at a time. A load whose peak is over 20 times its mean is given to queues only.
* A task takes {median} s to start at the median and {p95} s at the 95th percentile (lognormal), drains for 30 s, and is paid all that time.
  A web task serves 4 requests at once, 200 ms each; a worker works off a message after the other, of 4 s, 500 ms or 50 ms by the load, so that no number of messages a task suits all. A twentieth of the web tasks' capacity is lost to imperfect balancing.
* CloudWatch shows a minute 60 s after its end, and the twenty seconds of a high-resolution metric after 20 s. A queue's depth is seen at once.
  Trimtab looks once a minute; AAS each minute or 20 s, Kubernetes' autoscaler and KEDA every 15 s.
* All have the same bounds: at least one web task and no worker, at most twice what the peak keeps busy.
* *The bound* is what a scaler would have to pay at least that knew the load beforehand: for messages the work itself; for requests the cheapest run of task counts that keeps the promise, with the starts and drains that it takes.
* The peers are written out after what their makers publish ([`src/sim/peers`](../src/sim/peers)); where that leaves something open, the choice is the one kinder to them. Trimtab is the engine that the function runs.
* Of all that is random the seed is {seed}: the same command gives the same page.

Trimtab's policy, the same in all cases:

```yaml
{policy}```
",
        sizes = sizes.join(" or "),
        days = rules.days,
        seed = rules.seed,
        policy = POLICY
    )
}
