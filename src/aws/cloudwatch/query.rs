//! GetMetricData's queries: which go together in one call, under which ids, over which time.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat as SdkMetricStat};
use jiff::{SignedDuration, Timestamp};

use crate::control::ports::{MetricQuery, QUERIES_PER_GET};
use crate::model::metric::{MetricExpression, MetricTerm};
use crate::model::{MetricSource, MetricStat};

/// More periods than were asked for, since the newest ones are often not yet there.
const SPARE_PERIODS: i64 = 3;

/// Splits queries into calls, each query with its index. A call has one time range for all its queries and counts every
/// entry of metric math, so queries of like periods go together, at most [`QUERIES_PER_GET`] entries a call.
pub(super) fn calls(queries: &[MetricQuery]) -> Vec<Vec<(usize, &MetricQuery)>> {
    let (alone, mut shared): (Vec<_>, Vec<_>) =
        queries.iter().enumerate().partition(|(_, query)| needs_its_own_call(&query.source));
    let mut calls: Vec<_> = alone.into_iter().map(|query| vec![query]).collect();
    shared.sort_by_key(|(_, query)| (query.period, query.points));
    let mut call: Vec<(usize, &MetricQuery)> = Vec::new();
    let mut entries = 0;
    for (index, query) in shared {
        let other_period = call.last().is_some_and(|(_, last)| last.period != query.period);
        let full = !call.is_empty() && QUERIES_PER_GET < entries + entry_count(&query.source);
        if other_period || full {
            calls.push(std::mem::take(&mut call));
            entries = 0;
        }
        entries += entry_count(&query.source);
        call.push((index, query));
    }
    if !call.is_empty() {
        calls.push(call);
    }
    calls
}

/// What one call asks for.
pub(super) struct Request {
    /// The entries of all queries.
    pub(super) queries: Vec<MetricDataQuery>,
    /// The id of the result of each query.
    pub(super) result_ids: Vec<String>,
    /// The earliest start that a query needs.
    pub(super) start: Timestamp,
}

impl Request {
    /// The request for these queries, each under ids of its own.
    pub(super) fn new(queries: &[&MetricQuery], now: Timestamp) -> Self {
        let mut request = Self { queries: Vec::new(), result_ids: Vec::new(), start: now };
        for (index, query) in queries.iter().enumerate() {
            request.start = request.start.min(start(query, now));
            let period = i32::try_from(query.period.as_secs()).unwrap_or(i32::MAX);
            match &query.source {
                MetricSource::Stat(stat) => {
                    let id = format!("q{index}");
                    request.queries.push(stat_entry(&id, stat, period, true));
                    request.result_ids.push(id);
                }
                MetricSource::Math(entries) => {
                    let prefix =
                        if needs_its_own_call(&query.source) { String::new() } else { format!("q{index}_") };
                    request
                        .queries
                        .extend(entries.iter().map(|entry| math_entry(&prefix, entry, entries, period)));
                    let result = entries.iter().find(|entry| entry.return_data);
                    request.result_ids.push(result.map(|entry| prefix + &entry.id).unwrap_or_default());
                }
            }
        }
        request
    }
}

/// The start of the first period that a query looks at, aligned to its periods as CloudWatch wants it.
pub(super) fn start(query: &MetricQuery, now: Timestamp) -> Timestamp {
    let period = i64::try_from(query.period.as_secs()).unwrap_or(i64::MAX).max(1);
    let this_period = now.as_second() - now.as_second().rem_euclid(period);
    let back = period.saturating_mul(i64::from(query.points) + SPARE_PERIODS);
    Timestamp::from_second(this_period)
        .and_then(|start| start.checked_sub(SignedDuration::from_secs(back)))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn entry_count(source: &MetricSource) -> usize {
    match source {
        MetricSource::Stat(_) => 1,
        MetricSource::Math(entries) => entries.len(),
    }
}

/// `METRICS()` stands for all metrics of the call, and a call takes one Metrics Insights query only.
fn needs_its_own_call(source: &MetricSource) -> bool {
    let MetricSource::Math(entries) = source else { return false };
    entries.iter().any(|entry| match &entry.term {
        MetricTerm::Expression(expression) => {
            is_metrics_insights(expression) || expression.contains("METRICS(")
        }
        MetricTerm::Stat(_) => false,
    })
}

fn is_metrics_insights(expression: &str) -> bool {
    expression.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

fn math_entry(
    prefix: &str,
    entry: &MetricExpression,
    entries: &[MetricExpression],
    period: i32,
) -> MetricDataQuery {
    let id = format!("{prefix}{}", entry.id);
    match &entry.term {
        MetricTerm::Stat(stat) => stat_entry(&id, stat, period, entry.return_data),
        MetricTerm::Expression(expression) => MetricDataQuery::builder()
            .id(id)
            .expression(with_prefixed_ids(expression, prefix, entries))
            .period(period)
            .return_data(entry.return_data)
            .build(),
    }
}

pub(super) fn stat_entry(id: &str, stat: &MetricStat, period: i32, return_data: bool) -> MetricDataQuery {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace(&stat.namespace)
        .metric_name(&stat.name)
        .set_dimensions(Some(stat.dimensions.iter().map(dimension).collect()))
        .build();
    let stat = SdkMetricStat::builder().metric(metric).period(period).stat(&stat.stat).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).return_data(return_data).build()
}

/// The expression with the ids of its entries prefixed. Only whole identifiers are ids, and none is inside quotes, where
/// names of metrics and labels stand.
fn with_prefixed_ids(expression: &str, prefix: &str, entries: &[MetricExpression]) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rewritten = String::with_capacity(expression.len() * 2);
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => rest.char_indices().skip(1).find(|(_, c)| *c == first).map(|(at, _)| at + 1),
            c if is_word(c) => rest.find(|c| !is_word(c)),
            _ => Some(first.len_utf8()),
        };
        let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
        if entries.iter().any(|entry| entry.id == token) {
            rewritten.push_str(prefix);
        }
        rewritten.push_str(token);
        rest = after;
    }
    rewritten
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stat(name: &str) -> MetricStat {
        MetricStat::new("MyApp", name, [], "Sum")
    }

    fn query(source: MetricSource, period_s: u64, points: u32) -> MetricQuery {
        MetricQuery { source, period: Duration::from_secs(period_s), points }
    }

    fn entry(id: &str, term: MetricTerm, return_data: bool) -> MetricExpression {
        MetricExpression { id: id.to_owned(), term, return_data }
    }

    fn math(expression: &str) -> MetricSource {
        MetricSource::Math(vec![
            entry("m1", MetricTerm::Stat(stat("Visible")), false),
            entry("m", MetricTerm::Stat(stat("Running")), false),
            entry("e1", MetricTerm::Expression(expression.to_owned()), true),
        ])
    }

    #[test]
    fn ids_in_an_expression_are_replaced_as_whole_words_outside_quotes() {
        let entries =
            [entry("m1", MetricTerm::Stat(stat("A")), false), entry("m", MetricTerm::Stat(stat("B")), false)];
        let cases = [
            ("m1 / m", "q7_m1 / q7_m"),
            ("m1/m", "q7_m1/q7_m"),
            ("m10 + m1m + xm1 + M1", "m10 + m1m + xm1 + M1"),
            ("FILL(m1, 0) * 1.5", "FILL(q7_m1, 0) * 1.5"),
            ("IF(m>0,m1/m,m1)", "IF(q7_m>0,q7_m1/q7_m,q7_m1)"),
            ("SEARCH('m1 m', \"m\") + m", "SEARCH('m1 m', \"m\") + q7_m"),
            ("m + 'open m1", "q7_m + 'open m1"),
            ("m1 × m", "q7_m1 × q7_m"),
            ("", ""),
        ];
        for (expression, rewritten) in cases {
            assert_eq!(with_prefixed_ids(expression, "q7_", &entries), rewritten);
        }
    }

    #[test]
    fn the_result_of_math_is_the_entry_that_returns_data() {
        let (sum, ratio) = (query(MetricSource::Stat(stat("Sum")), 60, 1), query(math("m1 / m"), 60, 1));
        let request = Request::new(&[&sum, &ratio], Timestamp::UNIX_EPOCH);
        assert_eq!(request.result_ids, ["q0", "q1_e1"]);
        let ids: Vec<_> = request.queries.iter().filter_map(MetricDataQuery::id).collect();
        assert_eq!(ids, ["q0", "q1_m1", "q1_m", "q1_e1"]);
        assert_eq!(request.queries[3].expression(), Some("q1_m1 / q1_m"));
        assert_eq!(request.queries[1].return_data(), Some(false));
    }

    #[test]
    fn the_time_range_is_aligned_to_the_period_with_three_periods_to_spare() {
        let now: Timestamp = "2026-01-01T12:34:56Z".parse().unwrap();
        let cases = [
            (60, 1, "2026-01-01T12:30:00Z"),
            (60, 5, "2026-01-01T12:26:00Z"),
            (20, 3, "2026-01-01T12:32:40Z"),
            (3600, 24, "2025-12-31T09:00:00Z"),
        ];
        for (period, points, expected) in cases {
            let query = query(MetricSource::Stat(stat("A")), period, points);
            assert_eq!(start(&query, now).to_string(), expected, "{points} points of {period} s");
        }
    }

    #[test]
    fn entries_of_metric_math_count_toward_the_limit_of_a_call() {
        let many: Vec<_> = (0..200).map(|_| query(math("m1 / m"), 60, 5)).collect();
        let entries: Vec<_> = calls(&many)
            .iter()
            .map(|call| call.iter().map(|(_, query)| entry_count(&query.source)).sum::<usize>())
            .collect();
        assert_eq!(entries, [498, 102]);
    }

    #[test]
    fn five_hundred_statistics_of_one_period_are_one_call() {
        let many: Vec<_> = (0..500).map(|i| query(MetricSource::Stat(stat("A")), 60, 1 + i % 15)).collect();
        assert_eq!(calls(&many).len(), 1);
    }

    #[test]
    fn what_would_disturb_other_queries_has_a_call_and_ids_of_its_own() {
        let queries = [
            query(MetricSource::Stat(stat("A")), 60, 5),
            query(math("SUM(METRICS())"), 60, 5),
            query(math("SELECT AVG(m1) FROM MyApp"), 60, 5),
            query(MetricSource::Stat(stat("A")), 20, 5),
            query(math("m1 / m"), 60, 5),
        ];
        let calls: Vec<Vec<_>> =
            calls(&queries).iter().map(|call| call.iter().map(|(index, _)| *index).collect()).collect();
        assert_eq!(calls, [vec![1], vec![2], vec![3], vec![0, 4]]);
        let alone = Request::new(&[&queries[2]], Timestamp::UNIX_EPOCH);
        assert_eq!(alone.queries[2].expression(), Some("SELECT AVG(m1) FROM MyApp"));
    }
}
