//! `[[ … ]]`, and the file and string tests that it shares with `test`.

use super::regexes::RegexError;
use crate::pattern;
use crate::state::assign::split_reference;
use crate::state::value::{Value, attr};
use crate::state::{Flow, Shell, Unwind};
use crate::syntax::ast::{Cond, Word};
use crate::sys::{self, Access, FileKind};

impl Shell {
    pub(super) fn run_cond(&mut self, cond: &Cond) -> Flow {
        match self.cond(cond) {
            Ok(true) => Ok(0),
            Ok(false) => Ok(1),
            Err(CondError::Status(status)) => Ok(status),
            Err(CondError::Unwind(e)) => Err(e),
        }
    }

    fn cond(&mut self, cond: &Cond) -> Result<bool, CondError> {
        Ok(match cond {
            Cond::Or(terms) | Cond::And(terms) => {
                let ends = matches!(cond, Cond::Or(_));
                for term in terms {
                    if self.cond(term)? == ends {
                        return Ok(ends);
                    }
                }
                !ends
            }
            Cond::Not(a) => !self.cond(a)?,
            Cond::Group(a) => self.cond(a)?,
            Cond::Word(word) => {
                let text = self.expand_single(word)?;
                self.trace_cond(|sh| [b"-n ", &sh.shown(&text)[..]].concat());
                !text.is_empty()
            }
            Cond::Unary(op, word) => {
                let text = self.expand_single(word)?;
                self.trace_cond(|sh| [op.as_slice(), b" ", &sh.shown(&text)].concat());
                let letter = op.get(1).copied().unwrap_or(b'n');
                if letter == b'v' {
                    self.is_set(&text)?
                } else {
                    self.unary_test(letter, &text)
                }
            }
            Cond::Binary(op, left, right) => self.cond_binary(op, left, right)?,
        })
    }

    fn shown(&self, text: &[u8]) -> Vec<u8> {
        crate::expand::quote::reusable(text, self.st.utf8)
    }

    fn trace_cond(&mut self, text: impl FnOnce(&Shell) -> Vec<u8>) {
        if self.st.options.xtrace() {
            let text = text(self);
            self.trace_text(&[b"[[ ", text.as_slice(), b" ]]"].concat());
        }
    }

    fn cond_binary(&mut self, op: &[u8], left: &Word, right: &Word) -> Result<bool, CondError> {
        let text = self.expand_single(left)?;
        match op {
            b"=" | b"==" | b"!=" => {
                let pattern = self.expand_pattern(right)?;
                self.trace_cond(|sh| [&sh.shown(&text)[..], b" ", op, b" ", &pattern].concat());
                let options = pattern::Options {
                    extglob: true,
                    ..self.pattern_options()
                };
                let hit = self.patterns.matches(&pattern, options, &text);
                Ok(hit != (op == b"!="))
            }
            b"=~" => {
                let expression = self.expand_regex(right)?;
                self.trace_cond(|sh| [&sh.shown(&text)[..], b" =~ ", &expression].concat());
                self.match_regex(&text, &expression)
            }
            _ => {
                let other = self.expand_single(right)?;
                self.trace_cond(|sh| {
                    [&sh.shown(&text)[..], b" ", op, b" ", &sh.shown(&other)].concat()
                });
                match op {
                    b"<" => Ok(text < other),
                    b">" => Ok(text > other),
                    b"-nt" | b"-ot" | b"-ef" => Ok(self.compare_files(op, &text, &other)),
                    _ => {
                        let a = self.cond_number(&text)?;
                        let b = self.cond_number(&other)?;
                        Ok(compare_numbers(op, a, b))
                    }
                }
            }
        }
    }

    fn cond_number(&mut self, text: &[u8]) -> Result<i64, CondError> {
        match self.eval_cached(text) {
            Ok(n) => Ok(n),
            Err(e) => match self.report_arith(text, e, b"[[: ") {
                Unwind::Discard(_) => Err(CondError::Status(1)),
                other => Err(CondError::Unwind(other)),
            },
        }
    }

    fn match_regex(&mut self, text: &[u8], expression: &[u8]) -> Result<bool, CondError> {
        let (ignore_case, utf8) = (self.st.options.nocasematch(), self.st.utf8);
        let found = match self.regexes.search(expression, ignore_case, utf8, text) {
            Ok(found) => found,
            Err(RegexError::Invalid) => return Err(CondError::Status(2)),
            Err(RegexError::Limit(limit)) => {
                // No answer is known: going on would be a guess.
                self.error(format!("[[: {limit}"));
                return Err(CondError::Unwind(Unwind::Exit(1)));
            }
        };
        let hit = found.is_some();
        let groups = found.unwrap_or_default().into_iter().map(|span| {
            span.and_then(|(a, b)| text.get(a..b))
                .unwrap_or_default()
                .to_vec()
        });
        let groups = groups.enumerate().map(|(i, v)| (i as i64, v)).collect();
        self.vars.get_or_create(b"BASH_REMATCH").value = Value::Indexed(groups);
        Ok(hit)
    }

    /// `-v name`: is a variable or element set?
    pub fn is_set(&mut self, text: &[u8]) -> Result<bool, Unwind> {
        let (name, subscript) = split_reference(text);
        if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
            let n = crate::arith::parse_decimal(text)
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(usize::MAX);
            return Ok(n == 0 || n <= self.st.positional.len());
        }
        let Some(target) = self.resolve(name) else {
            return Ok(false);
        };
        let subscript = match subscript {
            Some(s) => Some(s.to_vec()),
            None => target.subscript.clone(),
        };
        let name = target.name;
        if crate::expand::param_is_computed(&name)
            && let Some(var) = self.special(&name)
        {
            return Ok(subscript.is_some() || var.text().is_some());
        }
        let Some(var) = self.vars.get(&name) else {
            return Ok(false);
        };
        match subscript {
            None => Ok(var.text().is_some()),
            Some(s)
                if matches!(s.as_slice(), b"@" | b"*") && !matches!(var.value, Value::Assoc(_)) =>
            {
                Ok(var.count() > 0)
            }
            Some(s) => {
                let key = self.expand_subscript_text(&name, &s)?;
                if let Some(Value::Assoc(items)) = self.vars.get(&name).map(|v| &v.value) {
                    return Ok(items.get(&key).is_some()
                        || (matches!(key.as_slice(), b"@" | b"*") && items.len() > 0));
                }
                Ok(self.element(&name, &key).is_some())
            }
        }
    }

    /// A test of one operand, by its letter.
    pub fn unary_test(&mut self, op: u8, text: &[u8]) -> bool {
        let stat = |sh: &Shell, follow: bool| sh.stat_path(text, follow);
        let kind =
            |sh: &Shell, want: FileKind| sh.stat_path(text, true).is_some_and(|s| s.kind == want);
        match op {
            b'n' => !text.is_empty(),
            b'z' => text.is_empty(),
            b'a' | b'e' => stat(self, true).is_some(),
            b'f' => kind(self, FileKind::Regular),
            b'd' => kind(self, FileKind::Directory),
            b'b' => kind(self, FileKind::Block),
            b'c' => kind(self, FileKind::Char),
            b'p' => kind(self, FileKind::Fifo),
            b'S' => kind(self, FileKind::Socket),
            b'h' | b'L' => stat(self, false).is_some_and(|s| s.kind == FileKind::Symlink),
            b's' => stat(self, true).is_some_and(|s| s.size > 0),
            b'r' => !text.is_empty() && sys::access(&self.absolute(text), Access::Read),
            b'w' => !text.is_empty() && sys::access(&self.absolute(text), Access::Write),
            b'x' => !text.is_empty() && sys::access(&self.absolute(text), Access::Execute),
            b'g' => stat(self, true).is_some_and(|s| s.mode & 0o2000 != 0),
            b'u' => stat(self, true).is_some_and(|s| s.mode & 0o4000 != 0),
            b'k' => stat(self, true).is_some_and(|s| s.mode & 0o1000 != 0),
            b'G' => stat(self, true).is_some_and(|s| s.gid == sys::group_id()),
            b'O' => stat(self, true).is_some_and(|s| s.uid == sys::user_id()),
            b'N' => stat(self, true).is_some_and(|s| s.modified > s.accessed),
            b't' => {
                let fd = crate::arith::parse_decimal(text).and_then(|n| u32::try_from(n).ok());
                fd.and_then(|fd| self.st.fds.get(fd).cloned()).is_some_and(
                    |d| matches!(&*d, crate::state::fds::Desc::Os(h) if sys::is_terminal(h)),
                )
            }
            b'o' => crate::state::options::set_index(text)
                .is_some_and(|at| self.st.options.set >> at & 1 != 0),
            b'R' => self
                .vars
                .get(text)
                .is_some_and(|v| v.has(attr::NAMEREF) && v.text().is_some()),
            b'v' => self.is_set(text).unwrap_or(false),
            _ => false,
        }
    }

    pub fn stat_path(&self, path: &[u8], follow: bool) -> Option<sys::Stat> {
        if path.is_empty() {
            return None;
        }
        if let Some(fd) = path
            .strip_prefix(b"/dev/fd/")
            .and_then(crate::arith::parse_decimal)
            .and_then(|n| u32::try_from(n).ok())
        {
            return match self.st.fds.get(fd).map(|d| &**d) {
                Some(crate::state::fds::Desc::Os(handle)) => sys::stat_handle(handle).ok(),
                Some(_) => sys::stat(b"/dev", true).ok().map(|s| sys::Stat {
                    kind: FileKind::Fifo,
                    ..s
                }),
                None => None,
            };
        }
        sys::stat(&self.absolute(path), follow).ok()
    }

    pub fn compare_files(&self, op: &[u8], a: &[u8], b: &[u8]) -> bool {
        let (a, b) = (self.stat_path(a, true), self.stat_path(b, true));
        match (op, a, b) {
            (b"-nt", Some(a), Some(b)) => a.modified > b.modified,
            (b"-nt", Some(_), None) => true,
            (b"-ot", Some(a), Some(b)) => a.modified < b.modified,
            (b"-ot", None, Some(_)) => true,
            (b"-ef", Some(a), Some(b)) => a.device == b.device && a.inode == b.inode,
            _ => false,
        }
    }
}

pub fn compare_numbers(op: &[u8], a: i64, b: i64) -> bool {
    match op {
        b"-eq" => a == b,
        b"-ne" => a != b,
        b"-lt" => a < b,
        b"-le" => a <= b,
        b"-gt" => a > b,
        _ => a >= b,
    }
}

/// Why a test has no truth value.
enum CondError {
    Status(i32),
    Unwind(Unwind),
}

impl From<Unwind> for CondError {
    fn from(e: Unwind) -> CondError {
        CondError::Unwind(e)
    }
}
