//! See the program.

mod archive;
mod boot;
mod build;
mod control;
mod filter;
mod group;
mod images;
mod jail;
mod network;
mod root;
mod serve;
mod sys;
mod system;

use std::process;

/// Process 1, or a build's.
pub fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(jail::ARGUMENT) => jail::main(arguments.get(2).map_or("", String::as_str)),
        _ if process::id() == 1 => {
            if let Err(problem) =
                boot::boot().and_then(|(control, images)| serve::serve(control, images))
            {
                // The console's last lines are what the host shows when a machine does not come.
                eprintln!("wasibuild: {problem}");
            }
            sys::power_off();
        }
        _ => {
            eprintln!("this program is process 1 of a virtual machine");
            process::exit(1);
        }
    }
}

/// A failure in words: what was tried, and the system's answer.
pub type Result<T> = std::result::Result<T, String>;

/// Says what was tried.
pub trait Tried<T> {
    /// `cannot WHAT: error`.
    fn tried(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::fmt::Display> Tried<T> for std::result::Result<T, E> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| format!("cannot {}: {error}", what()))
    }
}
