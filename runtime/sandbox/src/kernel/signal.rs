//! Signals as far as builds need them: they end a process or do nothing.
//!
//! Contract: Linux numbers and default actions. A guest cannot catch a signal (WASI preview 1 has
//! no way to call it back), but it can ignore one; children inherit that.

/// A pipe without readers was written to.
pub const SIGPIPE: u8 = 13;
/// Abnormal end: a WebAssembly `unreachable`.
pub const SIGABRT: u8 = 6;
/// Illegal instruction: any other trap.
pub const SIGILL: u8 = 4;
/// Division by zero and its like.
pub const SIGFPE: u8 = 8;
/// Access outside memory, or the stack's end.
pub const SIGSEGV: u8 = 11;
const SIGKILL: u8 = 9;
const SIGSTOP: u8 = 19;
/// The highest signal number.
pub const MAX: u8 = 31;

/// What a signal does by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The process ends.
    End,
    /// Nothing.
    Ignore,
}

/// The default action. Stopping is not offered, so stop signals do nothing.
pub fn default_action(signal: u8) -> Action {
    match signal {
        17 | 18 | SIGSTOP | 20 | 21 | 22 | 23 | 28 => Action::Ignore,
        _ => Action::End,
    }
}

/// May a process ignore the signal?
pub fn can_ignore(signal: u8) -> bool {
    signal != SIGKILL && signal != SIGSTOP && signal != 0 && signal <= MAX
}

/// The signal's name on Linux.
pub fn name(signal: u8) -> &'static str {
    const NAMES: [&str; 32] = [
        "0",
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    NAMES.get(usize::from(signal)).copied().unwrap_or("unknown")
}

/// Linux number of a signal that WASI numbers (type `signal` of preview 1).
pub fn from_wasi(signal: u32) -> Option<u8> {
    // WASI: none hup int quit ill trap abrt bus fpe kill usr1 segv usr2 pipe alrm term chld cont
    // stop tstp ttin ttou urg xcpu xfsz vtalrm prof winch poll pwr sys.
    const LINUX: [u8; 31] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25,
        26, 27, 28, 29, 30, 31,
    ];
    LINUX.get(usize::try_from(signal).ok()?).copied()
}
