//! When a failed call is tried again: exponential backoff with full jitter, so that calls that failed together do not come back
//! together. <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>

use std::time::Duration;

use jiff::Timestamp;

use crate::control::ports::PortErrorKind;

/// How often a call is made at most.
pub const MOST_ATTEMPTS: u32 = 3;
/// The longest wait after a first attempt that met a passing fault; it doubles with each attempt.
const AFTER_FAULT: Duration = Duration::from_millis(100);
/// The same after one that was throttled. The bucket that it emptied makes it wait as well.
const AFTER_THROTTLING: Duration = Duration::from_secs(1);

/// How long to wait after this attempt, the first of which is one, before the next; none where there is none.
pub(super) fn backoff(kind: PortErrorKind, attempt: u32, seed: u64) -> Option<Duration> {
    let base = match kind {
        PortErrorKind::Transient => AFTER_FAULT,
        PortErrorKind::Throttled => AFTER_THROTTLING,
        PortErrorKind::Denied | PortErrorKind::NotFound | PortErrorKind::Refused => return None,
    };
    let doublings = attempt.checked_sub(1).filter(|_| attempt < MOST_ATTEMPTS)?;
    let ceiling = u64::try_from((base * 2_u32.pow(doublings)).as_nanos()).unwrap_or(u64::MAX);
    Some(Duration::from_nanos(scattered(seed) % ceiling.max(1)))
}

/// A seed that differs with the time and the number of the call, and is the same in every run of a test.
pub(super) fn seed(now: Timestamp, call: u64) -> u64 {
    now.as_microsecond().cast_unsigned() ^ call.rotate_left(40)
}

/// The finaliser of `SplitMix64`, which makes near seeds far apart.
fn scattered(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
