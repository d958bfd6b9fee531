//! The comparison in words.

use super::compare::{Comparison, Moves, length};
use crate::model::duration::format_duration;

/// What the figures say, a sentence each.
pub fn verdict(comparison: &Comparison) -> Vec<String> {
    let Comparison { real, trimtab, scale_outs, scale_ins, divergence, .. } = comparison;
    let mut sentences = vec![of_moves("scale-out", scale_outs), of_moves("scale-in", scale_ins)];
    let hours = format!("{:.1} task-hours instead of {:.1}", trimtab.task_hours, real.task_hours);
    let change =
        if 0.0 < real.task_hours { 100.0 * (trimtab.task_hours / real.task_hours - 1.0) } else { 0.0 };
    let usd = (trimtab.usd - real.usd).abs();
    sentences.push(match change {
        less if less <= -0.05 => format!("Trimtab wanted {hours}: {:.1} % fewer, ${usd:.2} less.", -less),
        more if 0.05 <= more => format!("Trimtab wanted {hours}: {more:.1} % more, ${usd:.2} more."),
        _ => format!("Trimtab wanted {hours}: the same."),
    });
    sentences.push(format!(
        "It wanted more tasks than there were for {}, and fewer for {}.",
        minutes(real.minutes_with_fewer),
        minutes(trimtab.minutes_with_fewer)
    ));
    if let Some(promise) = comparison.promise
        && let (Some(fewer), Some(enough)) = (promise.fewer.percent, promise.enough.percent)
    {
        let effect = if fewer < enough { "kept less" } else { "kept as well" };
        sentences.push(format!(
            "While there were fewer tasks than it wanted, the promise was {effect}: {fewer:.2} % against {enough:.2} %."
        ));
    }
    let alike = match *divergence {
        none if none < 0.02 => "The two hardly differ",
        little if little < 0.1 => "The two differ a little",
        much if much < 0.3 => "The two differ clearly",
        _ => "The two have little in common",
    };
    sentences.push(format!("{alike}: divergence {divergence:.3}."));
    if 0 < comparison.applied {
        let (count, looks) = (comparison.applied, comparison.looks);
        sentences.push(format!(
            "{count} of the {looks} decisions were carried out: trimtab was not in shadow then, and is compared with itself."
        ));
    }
    sentences
}

fn of_moves(noun: &str, moves: &Moves) -> String {
    let count = moves.count();
    let parts = [
        (moves.earlier, "wanted before"),
        (moves.kept, "not wanted before, but kept"),
        (moves.unwanted, "not wanted"),
        (moves.unseen, "over before it looked"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| 0 < *count)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let plural = if count == 1 { "" } else { "s" };
    let lead = match (moves.median_lead_s, moves.p90_lead_s) {
        (Some(median), Some(p90)) if median != p90 => {
            format!("; median {}, 90th percentile {}", when(median), when(p90))
        }
        (Some(median), _) => format!("; {}", when(median)),
        _ => String::new(),
    };
    match count {
        0 => format!("There was no {noun}."),
        _ => format!("{count} {noun}{plural}: {}{lead}.", parts.join(", ")),
    }
}

/// A lead in words.
pub fn when(lead_s: i64) -> String {
    match lead_s {
        0 => "at the same time".to_owned(),
        1.. => format!("{} earlier", format_duration(length(lead_s))),
        _ => format!("{} later", format_duration(length(lead_s))),
    }
}

fn minutes(minutes: f64) -> String {
    format!("{minutes:.0} min")
}
