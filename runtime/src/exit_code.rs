//! The exit codes of `wasibuild`, in one table.
//!
//! Contract: scripts may rely on these numbers. `--help`, the man page and `docs/cli.md` print
//! [`TABLE`]; a test compares the documents with it. The codes from 100 on are Nix's
//! (`Worker::failingExitStatus` in `libstore/build/worker.cc`): a base of 96 with one bit for
//! each reason, so that several reasons can be told apart in one number.

use std::process::ExitCode;

/// Everything that was asked for was done.
pub const SUCCESS: u8 = 0;
/// Any other failure, for instance a file that cannot be written.
pub const OTHER: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// A derivation, or what it needs, cannot be used: unreadable, lying, cyclic, incomplete.
pub const BAD_INPUT: u8 = 3;
/// The store failed: it cannot be opened, read or written, or `store verify` found errors.
pub const STORE: u8 = 4;
/// A derivation asks for what this program does not do.
pub const UNSUPPORTED: u8 = 5;
/// Interrupted by Ctrl-C (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;
/// Ended by SIGTERM (128 + SIGTERM).
pub const TERMINATED: u8 = 143;

/// The table as `--help` and the man page show it.
pub const TABLE: &str = "\
Exit codes:
  0    done
  1    another error, such as a file that cannot be written
  2    wrong use of the command line
  3    a derivation, or what it needs, is unreadable, lies, is cyclic or is missing
  4    the store cannot be opened, read or written, or `store verify` found errors
  5    a derivation asks for something that is not supported, such as another system, or a
       program that is not run here
  100  a build failed
  101  a build ran into --timeout or --max-silent-time
  102  a fixed output has another hash than its derivation says
  104  --check found a difference
       (as in Nix, several reasons give the sum of their bits: 96 + 4 failed + 1 time
       + 2 hash + 8 difference)
  130  interrupted by Ctrl-C
  143  ended by SIGTERM";

/// What went wrong in the builds of one run, as Nix counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuildFailures {
    /// A builder failed, or its outputs were rejected.
    pub failed: bool,
    /// A build was given up, because it needs a program that is not run here. Nix has no such case:
    /// beside other failures it counts as a failed build.
    pub refused: bool,
    /// A build ran out of time or was silent for too long.
    pub timed_out: bool,
    /// A fixed output had the wrong hash.
    pub hash_mismatch: bool,
    /// `--check` found other contents.
    pub not_deterministic: bool,
}

impl BuildFailures {
    /// Whether anything at all went wrong.
    pub fn any(self) -> bool {
        self != Self::default()
    }

    /// The number, as Nix computes it; [`SUCCESS`] if nothing went wrong.
    pub fn code(self) -> u8 {
        if !self.any() {
            return SUCCESS;
        }
        let only_refused = BuildFailures {
            refused: true,
            ..Self::default()
        };
        if self == only_refused {
            return UNSUPPORTED;
        }
        let failed = self.failed || self.refused || self.timed_out || self.hash_mismatch;
        0x60 | u8::from(failed) << 2
            | u8::from(self.timed_out)
            | u8::from(self.hash_mismatch) << 1
            | u8::from(self.not_deterministic) << 3
    }
}

/// The process's exit code for one of the numbers above.
pub fn process(code: u8) -> ExitCode {
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_nix() {
        let code = |failed, timed_out, hash_mismatch, not_deterministic| {
            BuildFailures {
                refused: false,
                failed,
                timed_out,
                hash_mismatch,
                not_deterministic,
            }
            .code()
        };
        assert_eq!(code(false, false, false, false), 0);
        assert_eq!(code(true, false, false, false), 100);
        assert_eq!(code(false, true, false, false), 101);
        assert_eq!(code(true, false, true, false), 102);
        assert_eq!(code(false, false, false, true), 104);
        assert_eq!(code(true, false, false, true), 108);
        let refused = |failed| BuildFailures {
            refused: true,
            failed,
            ..BuildFailures::default()
        };
        assert_eq!(refused(false).code(), UNSUPPORTED);
        assert_eq!(refused(true).code(), 100);
    }

    #[test]
    fn the_table_names_every_constant() {
        for number in [
            SUCCESS,
            OTHER,
            USAGE,
            BAD_INPUT,
            STORE,
            UNSUPPORTED,
            INTERRUPTED,
            TERMINATED,
        ] {
            assert!(
                TABLE
                    .lines()
                    .any(|line| line.trim_start().starts_with(&format!("{number} "))),
                "{number}"
            );
        }
    }

    #[test]
    fn the_documentation_has_the_same_table() {
        let document = include_str!("../../docs/cli.md");
        let lines: Vec<_> = TABLE.lines().skip(1).collect();
        assert!(
            document.contains(&lines.join("\n")),
            "docs/cli.md differs from the table"
        );
    }
}
