//! Variables that the shell computes when they are read (bash(1) "Shell Variables").

use std::collections::BTreeMap;
use std::rc::Rc;

use super::value::{Assoc, Value, Var};
use super::{FrameKind, Shell};
use crate::sys;

/// The version that scripts see.
pub const VERSION: [&str; 6] = ["5", "2", "15", "1", "release", "x86_64-pc-linux-gnu"];

impl Shell {
    fn is_dead_special(&self, name: &[u8]) -> bool {
        self.st.dead_specials.iter().any(|n| n == name)
    }

    /// `unset RANDOM` and its kin take the meaning away.
    pub fn forget_special(&mut self, name: &[u8]) {
        let dynamic = matches!(
            name,
            b"RANDOM"
                | b"SRANDOM"
                | b"SECONDS"
                | b"LINENO"
                | b"BASHPID"
                | b"EPOCHSECONDS"
                | b"EPOCHREALTIME"
                | b"BASH_COMMAND"
                | b"BASH_SUBSHELL"
                | b"FUNCNAME"
                | b"HISTCMD"
                | b"DIRSTACK"
        );
        if dynamic && !self.is_dead_special(name) {
            Rc::make_mut(&mut self.st.dead_specials).push(name.to_vec());
        }
    }

    /// The value of a computed variable. Each read of `RANDOM` gives the next number.
    pub fn special(&mut self, name: &[u8]) -> Option<Var> {
        // Quick way out: computed names begin with few letters.
        if !matches!(
            name.first(),
            Some(b'B' | b'D' | b'E' | b'F' | b'G' | b'H' | b'L' | b'P' | b'R' | b'S' | b'U' | b'_')
        ) || self.is_dead_special(name)
        {
            return None;
        }
        // What comes before the command line, or is counted on whatever runs.
        if matches!(
            name,
            b"BASHPID" | b"BASH_COMMAND" | b"RANDOM" | b"SRANDOM" | b"_"
        ) {
            crate::witness::spoil();
        }
        let text: Vec<u8> = match name {
            b"LINENO" => self.st.line.to_string().into_bytes(),
            b"BASHPID" => self.st.pid.to_string().into_bytes(),
            b"BASH_SUBSHELL" => self.st.subshell.to_string().into_bytes(),
            b"BASH_COMMAND" => self.st.command.text().to_vec(),
            b"RANDOM" => self.next_random().to_string().into_bytes(),
            b"SRANDOM" => {
                let high = u64::from(self.next_random());
                let low = u64::from(self.next_random());
                ((high << 17 ^ low) & 0xffff_ffff).to_string().into_bytes()
            }
            b"SECONDS" => {
                let (now, _) = sys::now();
                (now - self.started.0 + self.seconds_offset)
                    .to_string()
                    .into_bytes()
            }
            b"EPOCHSECONDS" => sys::now().0.to_string().into_bytes(),
            b"EPOCHREALTIME" => {
                let (seconds, nanos) = sys::now();
                format!("{seconds}.{:06}", nanos / 1000).into_bytes()
            }
            b"SHELLOPTS" => self.st.options.shellopts(),
            b"BASHOPTS" => self.st.options.bashopts(),
            b"UID" | b"EUID" => sys::user_id().to_string().into_bytes(),
            b"PPID" => sys::parent_pid().to_string().into_bytes(),
            b"HISTCMD" => b"1".to_vec(),
            b"_" => self.st.last_arg.clone(),
            b"GROUPS" => return Some(indexed([sys::group_id().to_string().into_bytes()])),
            b"PIPESTATUS" => {
                return Some(indexed(
                    self.st
                        .pipe_status
                        .iter()
                        .map(|s| s.to_string().into_bytes()),
                ));
            }
            b"DIRSTACK" => {
                let mut list = vec![self.st.cwd.to_vec()];
                list.extend(self.st.dir_stack.iter().cloned());
                return Some(indexed(list));
            }
            b"FUNCNAME" => {
                if !self.st.frames.iter().any(|f| f.kind == FrameKind::Function) {
                    return None;
                }
                let mut list: Vec<Vec<u8>> = self
                    .st
                    .frames
                    .iter()
                    .rev()
                    .map(|f| f.name.to_vec())
                    .collect();
                if self.st.start_letter == 0 {
                    list.push(b"main".to_vec());
                }
                return Some(indexed(list));
            }
            b"BASH_SOURCE" => {
                let mut list: Vec<Vec<u8>> = self
                    .st
                    .frames
                    .iter()
                    .rev()
                    .map(|f| f.source.to_vec())
                    .collect();
                if self.st.start_letter == 0 {
                    list.push(self.st.script.to_vec());
                }
                return Some(indexed(list));
            }
            b"BASH_LINENO" => {
                let mut list: Vec<Vec<u8>> = self
                    .st
                    .frames
                    .iter()
                    .rev()
                    .map(|f| f.line.to_string().into_bytes())
                    .collect();
                if self.st.start_letter == 0 {
                    list.push(b"0".to_vec());
                }
                return Some(indexed(list));
            }
            b"BASH_ARGV0" => self.st.arg0.to_vec(),
            b"BASH_ARGC" if self.st.options.extdebug() => {
                let list = self
                    .st
                    .frames
                    .iter()
                    .rev()
                    .map(|f| f.args.len().to_string().into_bytes());
                return Some(indexed(list.collect::<Vec<_>>()));
            }
            b"BASH_ARGV" if self.st.options.extdebug() => {
                let list: Vec<_> = self
                    .st
                    .frames
                    .iter()
                    .rev()
                    .flat_map(|f| f.args.iter().rev().cloned())
                    .collect();
                return Some(indexed(list));
            }
            b"BASH_VERSINFO" => {
                return Some(indexed(VERSION.iter().map(|t| t.as_bytes().to_vec())));
            }
            b"BASH_ALIASES" => {
                return Some(Var {
                    value: Value::Assoc(Assoc::default()),
                    ..Var::default()
                });
            }
            b"BASH_CMDS" => {
                let mut items = Assoc::default();
                for (name, path) in self.st.hashed.iter() {
                    items.insert(name, path.clone());
                }
                return Some(Var {
                    value: Value::Assoc(items),
                    ..Var::default()
                });
            }
            _ => return None,
        };
        Some(Var::scalar(text))
    }

    /// The next number of bash's generator (`random.c`, compatibility level above 50).
    fn next_random(&mut self) -> u32 {
        let seed = if self.st.random == 0 {
            123_459_876
        } else {
            self.st.random
        };
        let (high, low) = (i64::from(seed) / 127_773, i64::from(seed) % 127_773);
        let t = 16_807 * low - 2_836 * high;
        self.st.random = (if t < 0 { t + 0x7fff_ffff } else { t }) as u32;
        (self.st.random >> 16 ^ self.st.random & 0xffff) & 32_767
    }
}

fn indexed(items: impl IntoIterator<Item = Vec<u8>>) -> Var {
    let items: BTreeMap<i64, Vec<u8>> = items
        .into_iter()
        .enumerate()
        .map(|(i, v)| (i as i64, v))
        .collect();
    Var {
        value: Value::Indexed(items),
        ..Var::default()
    }
}
