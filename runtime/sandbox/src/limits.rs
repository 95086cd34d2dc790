//! What one build may use, and the name of the option that raises each bound.
//!
//! Contract: the values are part of what decides a build's result (a builder can observe them), so
//! the defaults are the same on every host and never derived from the machine.

use std::fmt;
use std::time::Duration;

/// Bounds of one build. Passing one ends the build with [`crate::BuildError::Limit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one process, in bytes.
    pub memory: u64,
    /// Linear memory of all processes of the build together, in bytes.
    pub total_memory: u64,
    /// Wall time of the whole build; `None` = unbounded (Nix's `timeout = 0`).
    pub timeout: Option<Duration>,
    /// Longest wall time without a byte of log; `None` = unbounded (Nix's `max-silent-time = 0`).
    pub max_silent_time: Option<Duration>,
    /// Bytes in all files that the build holds at a time (outputs, `/build`, `/tmp`).
    pub output_size: u64,
    /// Files, directories and links that the build holds at a time.
    pub files: u64,
    /// Descriptors of one process.
    pub open_files: u32,
    /// Bytes of log (Nix's `max-build-log-size`).
    pub log_size: u64,
    /// Processes alive at a time (ended but not yet waited for count too).
    pub processes: u32,
    /// A file larger than this moves from memory to an unlinked temporary file, in bytes.
    pub spill_file: u64,
    /// All files together hold at most this much in memory, in bytes; later data goes to disk.
    pub spill_total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Limits {
            memory: 2048 * MIB,
            total_memory: 4096 * MIB,
            timeout: None,
            max_silent_time: None,
            output_size: 16 * 1024 * MIB,
            files: 1_000_000,
            open_files: 4096,
            log_size: 256 * MIB,
            processes: 512,
            spill_file: 32 * MIB,
            spill_total: 512 * MIB,
        }
    }
}

/// Which bound was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::total_memory`].
    TotalMemory,
    /// [`Limits::timeout`].
    Timeout,
    /// [`Limits::max_silent_time`].
    Silence,
    /// [`Limits::output_size`].
    OutputSize,
    /// [`Limits::files`].
    Files,
    /// [`Limits::open_files`].
    OpenFiles,
    /// [`Limits::log_size`].
    LogSize,
    /// [`Limits::processes`].
    Processes,
}

impl LimitKind {
    /// The command's option that sets the bound (without the leading dashes).
    pub fn option(self) -> &'static str {
        match self {
            LimitKind::Memory => "max-memory",
            LimitKind::TotalMemory => "max-total-memory",
            LimitKind::Timeout => "timeout",
            LimitKind::Silence => "max-silent-time",
            LimitKind::OutputSize => "max-output-size",
            LimitKind::Files => "max-files",
            LimitKind::OpenFiles => "max-open-files",
            LimitKind::LogSize => "max-build-log-size",
            LimitKind::Processes => "max-processes",
        }
    }

    /// The bound's value in `limits`, as it is shown to a person.
    pub fn describe(self, limits: &Limits) -> String {
        let seconds = |time: Option<Duration>| {
            format!("{} seconds", time.map_or(0.0, |time| time.as_secs_f64()))
        };
        match self {
            LimitKind::Memory => format!("{} bytes of memory in one process", limits.memory),
            LimitKind::TotalMemory => {
                format!("{} bytes of memory in all processes", limits.total_memory)
            }
            LimitKind::Timeout => seconds(limits.timeout),
            LimitKind::Silence => format!("{} without output", seconds(limits.max_silent_time)),
            LimitKind::OutputSize => format!("{} bytes in files", limits.output_size),
            LimitKind::Files => format!("{} files", limits.files),
            LimitKind::OpenFiles => format!("{} open descriptors", limits.open_files),
            LimitKind::LogSize => format!("{} bytes of log", limits.log_size),
            LimitKind::Processes => format!("{} processes", limits.processes),
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.option())
    }
}
