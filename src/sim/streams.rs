//! Random numbers: one stream for each use and service, all from one seed. Adding a service, or a use, leaves every other
//! stream as it was, so that two runs differ only where they were made to.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// How many requests or messages arrive in a step.
    Arrivals,
    /// How far the load strays from its shape within a minute.
    Burstiness,
    /// How long a task takes to start.
    Starts,
    /// How long a metric's minute takes to become visible.
    Publication,
    /// How many requests or messages arrived in the minutes before the run.
    History,
}

/// The stream of a use and a name, as of a service.
pub fn stream(seed: u64, name: &str, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ fnv1a(name.as_bytes()));
    rng.set_stream(stream as u64);
    rng
}

/// The FNV-1a hash: the same on every platform and in every release, which the standard library's is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::Rng as _;

    use super::*;

    #[test]
    fn a_stream_depends_on_its_seed_its_name_and_its_use() {
        let first = |seed, name, kind| stream(seed, name, kind).next_u64();
        let here = first(1, "prod/web", Stream::Starts);
        assert_eq!(here, first(1, "prod/web", Stream::Starts));
        assert_ne!(here, first(2, "prod/web", Stream::Starts));
        assert_ne!(here, first(1, "prod/api", Stream::Starts));
        assert_ne!(here, first(1, "prod/web", Stream::Arrivals));
    }
}
