//! How a process ended, and its number for `wait`.

use super::signal;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code.
    Exit(u8),
    /// By a signal (Linux number).
    Signal(u8),
    /// By a WebAssembly trap, told as this signal, with its text.
    Trap(u8, String),
}

impl Status {
    /// What `wait` gives: the low 8 bits are the shell's `$?` (the exit code, or 128 + signal);
    /// bit 8 is set when a signal or a trap ended the process.
    pub fn code(&self) -> u32 {
        match self {
            Status::Exit(code) => u32::from(*code),
            Status::Signal(signal) | Status::Trap(signal, _) => {
                0x100 | (128 + u32::from(*signal)) & 0xff
            }
        }
    }

    /// The status for a WebAssembly trap.
    pub fn from_trap(trap: Option<wasmtime::Trap>, text: String) -> Status {
        use wasmtime::Trap;
        let number = match trap {
            Some(Trap::UnreachableCodeReached) => signal::SIGABRT,
            Some(Trap::StackOverflow | Trap::MemoryOutOfBounds | Trap::HeapMisaligned) => {
                signal::SIGSEGV
            }
            Some(Trap::IntegerDivisionByZero | Trap::IntegerOverflow) => signal::SIGFPE,
            _ => signal::SIGILL,
        };
        Status::Trap(number, text)
    }
}
