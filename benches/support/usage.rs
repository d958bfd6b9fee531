//! What a process took of the machine, as Linux tells it. Elsewhere nothing is told.

use std::fs;
use std::time::Duration;

/// A running process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    id: u32,
}

impl Process {
    pub(crate) fn new(id: u32) -> Self {
        Self { id }
    }

    /// The time that all its threads, also those that ended, have had on processors since its start.
    pub(crate) fn cpu(self) -> Duration {
        #[cfg(target_os = "linux")]
        let cpu = nix::time::clock_getcpuclockid(nix::unistd::Pid::from_raw(self.id.cast_signed()))
            .and_then(nix::time::clock_gettime)
            .map_or(Duration::ZERO, Duration::from);
        #[cfg(not(target_os = "linux"))]
        let cpu = Duration::ZERO;
        cpu
    }

    /// The bytes that are resident now.
    pub(crate) fn resident(self) -> Option<u64> {
        self.status("VmRSS:")
    }

    /// The most bytes that were resident since the peak was forgotten.
    pub(crate) fn peak(self) -> Option<u64> {
        self.status("VmHWM:")
    }

    /// Makes the peak what is resident now. Where that cannot be, the peak of the whole life is told.
    pub(crate) fn forget_peak(self) {
        drop(fs::write(format!("/proc/{}/clear_refs", self.id), "5"));
    }

    fn status(self, key: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }
}
