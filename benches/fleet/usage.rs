//! What a process took of the machine, as Linux tells it under `/proc`. Elsewhere nothing is told.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    folder: PathBuf,
}

impl Process {
    pub(super) fn new(id: u32) -> Self {
        Self { folder: PathBuf::from(format!("/proc/{id}")) }
    }

    /// The processor time of its threads. That of threads that ended is not in it; the function has one that works.
    pub(super) fn cpu(&self) -> Duration {
        let threads = fs::read_dir(self.folder.join("task")).into_iter().flatten().flatten();
        threads
            .filter_map(|thread| {
                let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
                Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
            })
            .sum()
    }

    /// The most memory that was resident since the peak was forgotten.
    pub(super) fn peak_mib(&self) -> Option<u64> {
        let status = fs::read_to_string(self.folder.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.div_ceil(1024))
    }

    /// Makes the peak what is resident now. Where that cannot be, the peak of the whole life is told.
    pub(super) fn forget_peak(&self) {
        drop(fs::write(self.folder.join("clear_refs"), "5"));
    }
}
