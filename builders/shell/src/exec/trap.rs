//! Traps: EXIT, ERR, DEBUG, RETURN, and signals. Actions run between commands.

use std::rc::Rc;

use crate::state::{Shell, TRAP_DEBUG, TRAP_ERR, TRAP_EXIT, TRAP_RETURN, Unwind};
use crate::sys::{self, Disposition};

/// Names of the signals by number, from 1, as Linux has them.
pub const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The number of a trap or signal by name (`EXIT`, `INT`, `SIGINT`, `2`).
pub fn trap_number(name: &[u8]) -> Option<i32> {
    if !name.is_empty() && name.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(name)
            .ok()?
            .parse()
            .ok()
            .filter(|n| (0..=64).contains(n));
    }
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix(b"SIG").unwrap_or(&upper);
    match bare {
        b"EXIT" => return Some(TRAP_EXIT),
        b"DEBUG" => return Some(TRAP_DEBUG),
        b"ERR" => return Some(TRAP_ERR),
        b"RETURN" => return Some(TRAP_RETURN),
        _ => {}
    }
    SIGNALS
        .iter()
        .position(|s| s.as_bytes() == bare)
        .and_then(|n| i32::try_from(n + 1).ok())
}

/// The name of a trap as `trap -p` prints it.
pub fn trap_name(number: i32) -> String {
    match number {
        TRAP_EXIT => "EXIT".into(),
        TRAP_DEBUG => "DEBUG".into(),
        TRAP_ERR => "ERR".into(),
        TRAP_RETURN => "RETURN".into(),
        n => match usize::try_from(n - 1).ok().and_then(|n| SIGNALS.get(n)) {
            Some(name) => format!("SIG{name}"),
            None => format!("{n}"),
        },
    }
}

impl Shell {
    /// Runs a trap's action if it is set; cheap if no trap is.
    pub fn run_trap_quick(&mut self, number: i32) -> Result<(), Unwind> {
        if self.st.traps.is_empty() {
            return Ok(());
        }
        self.run_trap(number)
    }

    fn run_trap(&mut self, number: i32) -> Result<(), Unwind> {
        // The numbers of those that are no signals are the greatest.
        let last = self.st.traps.last_key_value();
        if number >= TRAP_DEBUG && last.is_none_or(|(last, _)| *last < TRAP_DEBUG) {
            return Ok(());
        }
        let Some(trap) = self
            .st
            .traps
            .get(&number)
            .filter(|t| !t.inherited && !t.action.is_empty())
        else {
            return Ok(());
        };
        if self.in_trap.contains(&number)
            || (number != TRAP_EXIT && self.in_trap.contains(&TRAP_DEBUG))
        {
            return Ok(());
        }
        let action = trap.action.clone();
        let (status, pipe_status, line, loops) = (
            self.st.status,
            self.st.pipe_status.clone(),
            self.st.line,
            self.st.loops,
        );
        self.in_trap.push(number);
        let frozen = std::mem::replace(
            &mut self.frozen_line,
            number == TRAP_ERR || number == TRAP_DEBUG,
        );
        let result = self.eval_string(action.to_vec(), if number < TRAP_DEBUG { 1 } else { line });
        self.frozen_line = frozen;
        self.in_trap.pop();
        self.st.line = line;
        self.st.loops = loops;
        match result {
            Ok(_) => {
                self.st.status = status;
                self.st.pipe_status = pipe_status;
                Ok(())
            }
            Err(Unwind::Discard(_)) if number == TRAP_EXIT => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Runs the EXIT trap, once; gives the status to exit with.
    pub fn exit_trap(&mut self, status: i32) -> i32 {
        let Some(trap) = self.st.traps.get(&TRAP_EXIT).cloned() else {
            return status;
        };
        Rc::make_mut(&mut self.st.traps).remove(&TRAP_EXIT);
        if trap.inherited || trap.action.is_empty() {
            return status;
        }
        self.st.status = status;
        self.st.quiet = 0;
        self.in_trap.push(TRAP_EXIT);
        let result = self.eval_string(trap.action.to_vec(), 1);
        self.in_trap.pop();
        match result {
            Err(Unwind::Exit(s)) => s,
            _ => status,
        }
    }

    /// Runs the traps of signals that came.
    pub fn poll_signals(&mut self) -> Result<(), Unwind> {
        let bits = sys::take_signals();
        if bits == 0 && self.signalled.is_empty() {
            return Ok(());
        }
        for number in 1..64 {
            if bits >> number & 1 != 0 {
                self.signalled.push(number);
            }
        }
        if self.signalled.is_empty() {
            return Ok(());
        }
        for number in std::mem::take(&mut self.signalled) {
            self.run_trap(number)?;
        }
        Ok(())
    }

    /// Sets or clears a trap, with the signal's disposition.
    pub fn set_trap(&mut self, number: i32, action: Option<&[u8]>) {
        let traps = Rc::make_mut(&mut self.st.traps);
        // The first change in a subshell forgets what the parent had.
        if traps.values().any(|t| t.inherited && !t.action.is_empty()) {
            traps.retain(|_, t| !t.inherited || t.action.is_empty());
        }
        match action {
            Some(action) => {
                traps.insert(
                    number,
                    crate::state::Trap {
                        action: action.into(),
                        inherited: false,
                    },
                );
            }
            None => {
                traps.remove(&number);
            }
        }
        self.sync_signal(number);
    }

    pub fn sync_signal(&self, number: i32) {
        if !(1..=31).contains(&number) || matches!(number, 9 | 19) {
            return;
        }
        let disposition = match self.st.traps.get(&number) {
            Some(t) if t.action.is_empty() => Disposition::Ignore,
            Some(t) if !t.inherited => Disposition::Catch,
            _ if number == 13 => Disposition::Ignore,
            _ => Disposition::Default,
        };
        sys::set_signal(number, disposition);
    }

    /// Signals that programs start with ignored.
    pub fn ignored_signals(&self) -> Vec<i32> {
        self.st
            .traps
            .iter()
            .filter(|(n, t)| (1..=31).contains(*n) && t.action.is_empty())
            .map(|(n, _)| *n)
            .collect()
    }
}
