//! A process: what it was started with, its descriptors, and how far it is.

use super::fifo::Opening;
use super::random::Stream;
use super::signal;
use super::status::Status;
use super::table::Table;
use crate::engine::Module;
use crate::error::ScriptLine;
use bstr::BString;

/// Number of a build's first process, as in the process namespace that Nix makes.
pub const FIRST_PID: u32 = 1;

/// What a process is doing.
#[derive(Debug)]
pub enum State {
    /// Runs or is in the run queue.
    Ready,
    /// Waits for this; shown when nothing can go on.
    Blocked(&'static str),
    /// Ended, not yet waited for.
    Ended(Status),
}

/// Names and values, in the order in which the parent gave them: scripts see it.
pub type Environment = Vec<(BString, BString)>;

/// A process of the build.
pub struct Process {
    /// Process that started it; 0 for the first and for those whose parent ended.
    pub parent: u32,
    /// The module that runs.
    pub module: Module,
    /// The program's place in the view, for messages.
    pub program: BString,
    /// The script and the line that started it, if the parent said so.
    pub place: Option<ScriptLine>,
    /// Argument vector.
    pub argv: Vec<BString>,
    /// Environment.
    pub env: Environment,
    /// Working directory: a path, since WASI's own directory is the guest's affair.
    pub cwd: BString,
    /// Mode bits that new files do not get.
    pub umask: u32,
    /// Its descriptors.
    pub table: Table,
    /// What it is doing.
    pub state: State,
    /// In the run queue.
    pub queued: bool,
    /// Waits for a child to end.
    pub waits_for_child: bool,
    /// The named pipe that it opens.
    pub opening: Option<Opening>,
    /// The signal that ends it when it is next scheduled.
    pub killed: Option<u8>,
    /// Ignored signals, one bit each.
    pub ignored: u32,
    /// What `random_get` gives.
    pub random: Stream,
}

impl Process {
    /// Does the process ignore the signal?
    pub fn ignores(&self, number: u8) -> bool {
        signal::default_action(number) == signal::Action::Ignore
            || self.ignored & (1u32 << (number & 31)) != 0
    }
}
