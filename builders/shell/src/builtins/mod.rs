//! Builtins: bash(1) "SHELL BUILTIN COMMANDS", one file for each family. What only an interactive
//! shell has (`bind`, `history`, `fc`, job control) is left out.

mod complete;
mod control;
mod declare;
mod declare_list;
mod directory;
mod escape;
mod getopts;
mod jobs;
mod misc;
mod options;
mod output;
mod print_vars;
mod printf;
mod read;
mod test;
mod trap;
mod types;
mod unset;

use crate::state::{Flow, Shell};
use crate::syntax::ast::Assign;
use crate::sys;

/// A call of a builtin.
#[derive(Debug)]
pub struct Call<'a> {
    pub name: Vec<u8>,
    pub args: Vec<Vec<u8>>,
    /// Compound assignments by the position of their argument.
    pub arrays: Vec<(usize, &'a Assign)>,
}

pub type Builtin = fn(&mut Shell, &mut Call) -> Flow;

/// All builtins, by name. `true`: special in POSIX's sense.
pub const TABLE: &[(&str, Builtin, bool)] = &[
    (".", control::source, true),
    (":", misc::truth, true),
    ("[", test::bracket, false),
    ("alias", misc::alias, false),
    ("break", control::break_loop, true),
    ("builtin", types::builtin, false),
    ("caller", misc::caller, false),
    ("cd", directory::cd, false),
    ("command", types::command, false),
    ("compgen", complete::compgen, false),
    ("complete", misc::truth, false),
    ("compopt", misc::truth, false),
    ("continue", control::continue_loop, true),
    ("declare", declare::declare, false),
    ("dirs", directory::dirs, false),
    ("disown", misc::truth, false),
    ("echo", output::echo, false),
    ("enable", types::enable, false),
    ("eval", control::eval, true),
    ("exec", control::exec, true),
    ("exit", control::exit, true),
    ("export", declare::export, true),
    ("false", misc::falsehood, false),
    ("getopts", getopts::getopts, false),
    ("hash", types::hash, false),
    ("help", misc::help, false),
    ("jobs", jobs::jobs, false),
    ("kill", jobs::kill, false),
    ("let", misc::let_builtin, false),
    ("local", declare::local, false),
    ("mapfile", read::mapfile, false),
    ("popd", directory::popd, false),
    ("printf", printf::printf, false),
    ("pushd", directory::pushd, false),
    ("pwd", directory::pwd, false),
    ("read", read::read, false),
    ("readarray", read::mapfile, false),
    ("readonly", declare::readonly, true),
    ("return", control::return_from, true),
    ("set", options::set, true),
    ("shift", misc::shift, true),
    ("shopt", options::shopt, false),
    ("source", control::source, true),
    ("test", test::test, false),
    ("times", misc::times, true),
    ("trap", trap::trap, true),
    ("true", misc::truth, false),
    ("type", types::type_builtin, false),
    ("typeset", declare::declare, false),
    ("ulimit", misc::ulimit, false),
    ("umask", misc::umask, false),
    ("unalias", misc::unalias, false),
    ("unset", unset::unset, true),
    ("wait", jobs::wait, false),
];

/// Where the names with each first byte begin in [`TABLE`].
const STARTS: [u8; 257] = {
    let mut starts = [0; 257];
    let (mut first, mut at) = (0, 0);
    while first < starts.len() {
        while at < TABLE.len() && (TABLE[at].0.as_bytes()[0] as usize) < first {
            at += 1;
        }
        starts[first] = at as u8;
        first += 1;
    }
    starts
};

pub fn find(name: &[u8]) -> Option<Builtin> {
    let first = usize::from(*name.first()?);
    let (from, to) = (*STARTS.get(first)?, *STARTS.get(first + 1)?);
    let found = TABLE.get(usize::from(from)..usize::from(to))?;
    let found = found.iter().find(|(n, ..)| n.as_bytes() == name);
    found.map(|(_, run, _)| *run)
}

pub fn is_special(name: &[u8]) -> bool {
    TABLE
        .iter()
        .any(|(n, _, special)| *special && n.as_bytes() == name)
}

impl Shell {
    /// Writes a builtin's output; gives the status.
    pub fn output(&mut self, name: &[u8], text: &[u8]) -> i32 {
        if text.is_empty() && self.st.fds.get(1).is_some() {
            return 0;
        }
        match self.st.fds.write(1, text) {
            Ok(()) => 0,
            Err(e) if sys::is_broken_pipe(&e) => {
                self.broken_pipe = true;
                self.builtin_error(name, b"write error: Broken pipe");
                1
            }
            Err(e) => {
                self.builtin_error(
                    name,
                    [b"write error: ", sys::error_text(&e).as_bytes()].concat(),
                );
                1
            }
        }
    }

    /// "invalid option" with the usage line; gives the status 2.
    pub fn bad_option(&self, name: &[u8], option: &[u8]) -> i32 {
        self.builtin_error(name, [option, b": invalid option"].concat());
        2
    }

    pub fn not_identifier(&self, name: &[u8], text: &[u8]) {
        self.builtin_error(name, [b"`", text, b"': not a valid identifier"].concat());
    }
}

/// Options of one letter at the start of the arguments.
pub struct Letters {
    /// Letter, value if it takes one, `+` instead of `-`.
    pub found: Vec<(u8, Option<Vec<u8>>, bool)>,
    /// Number of arguments taken.
    pub used: usize,
}

impl Letters {
    pub fn has(&self, letter: u8) -> bool {
        self.found.iter().any(|(l, ..)| *l == letter)
    }

    pub fn value(&self, letter: u8) -> Option<&[u8]> {
        self.found
            .iter()
            .rev()
            .find(|(l, ..)| *l == letter)
            .and_then(|(_, v, _)| v.as_deref())
    }
}

/// Reads options as `getopt` would. `allowed`: letters, `:` behind those with a value. `Err`: the
/// status after a report.
pub fn letters(sh: &Shell, call: &Call, allowed: &[u8], plus: bool) -> Result<Letters, i32> {
    let mut out = Letters {
        found: Vec::new(),
        used: 0,
    };
    while let Some(arg) = call.args.get(out.used) {
        let on = match arg.first() {
            Some(b'-') if arg.len() > 1 => true,
            Some(b'+') if plus && arg.len() > 1 => false,
            _ => break,
        };
        out.used += 1;
        if arg == b"--" {
            break;
        }
        let mut at = 1;
        while let Some(&letter) = arg.get(at) {
            at += 1;
            let spec = allowed.iter().position(|a| *a == letter && letter != b':');
            match spec {
                Some(spec) if allowed.get(spec + 1) == Some(&b':') => {
                    let value = match arg.get(at..).filter(|v| !v.is_empty()) {
                        Some(value) => value.to_vec(),
                        None => match call.args.get(out.used) {
                            Some(value) => {
                                out.used += 1;
                                value.clone()
                            }
                            None => {
                                sh.builtin_error(
                                    &call.name,
                                    [b"-", &[letter][..], b": option requires an argument"]
                                        .concat(),
                                );
                                return Err(2);
                            }
                        },
                    };
                    out.found.push((letter, Some(value), on));
                    break;
                }
                Some(_) => out.found.push((letter, None, on)),
                None => {
                    return Err(sh.bad_option(&call.name, &[if on { b'-' } else { b'+' }, letter]));
                }
            }
        }
    }
    Ok(out)
}
