//! Reading a service's past, a part at a time.

use std::ops::Range;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{History, Sources};
use crate::control::ports::PortError;
use crate::model::{MetricStat, Point};

/// Where the past of metrics is read. Not a port of the controller, which looks back some minutes only.
#[async_trait]
pub trait MetricHistory: Send + Sync {
    /// The points by the minute of each statistic, oldest first, that begin from `start` until before `end`.
    async fn minutes(
        &self,
        stats: &[MetricStat],
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Vec<Point>>, PortError>;
}

/// Reads one part of a past, as [`History::missing`] tells them, and adds it.
///
/// # Errors
/// That of the call; the history is as it was.
pub async fn read(
    history: &mut History,
    source: &dyn MetricHistory,
    sources: &Sources,
    part: Range<Timestamp>,
) -> Result<(), PortError> {
    let points = source.minutes(&sources.stats(), part.start, part.end).await?;
    history.extend(sources.intervals(&points, part.start, part.end));
    Ok(())
}
