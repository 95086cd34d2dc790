//! Redirections. They change the shell's table of descriptors; the caller restores the table.

use std::io;
use std::rc::Rc;

use super::launch::text_desc;
use crate::state::assign::Scope;
use crate::state::fds::{Desc, MAX_FD};
use crate::state::{Shell, Unwind};
use crate::syntax::ast::{Redirect, RedirectFd, RedirectOp, Word};
use crate::sys::{self, FileKind, OpenMode};

const READ: OpenMode = OpenMode {
    read: true,
    write: false,
    create: false,
    truncate: false,
    append: false,
    exclusive: false,
};
const WRITE: OpenMode = OpenMode {
    read: false,
    write: true,
    create: true,
    truncate: true,
    append: false,
    exclusive: false,
};
const APPEND: OpenMode = OpenMode {
    truncate: false,
    append: true,
    ..WRITE
};
const BOTH: OpenMode = OpenMode {
    read: true,
    truncate: false,
    ..WRITE
};

/// What redirections replaced, to be put back.
pub type Undo = Vec<(u32, Option<Rc<Desc>>)>;

impl Shell {
    /// Puts back what redirections replaced.
    pub fn undo_redirects(&mut self, undo: Undo) {
        for (fd, desc) in undo.into_iter().rev() {
            match desc {
                Some(desc) => self.st.fds.set(fd, desc),
                None => {
                    self.st.fds.close(fd);
                }
            }
        }
    }

    fn replace_fd(&mut self, fd: u32, desc: Option<Rc<Desc>>, undo: &mut Undo) {
        undo.push((fd, self.st.fds.get(fd).cloned()));
        match desc {
            Some(desc) => self.st.fds.set(fd, desc),
            None => {
                self.st.fds.close(fd);
            }
        }
    }

    /// Applies redirections in order. False: one failed, and was reported.
    pub fn redirect_all(
        &mut self,
        redirects: &[Redirect],
        undo: &mut Undo,
    ) -> Result<bool, Unwind> {
        for redirect in redirects {
            if !self.redirect(redirect, undo)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn redirect(&mut self, redirect: &Redirect, undo: &mut Undo) -> Result<bool, Unwind> {
        let default = match &redirect.op {
            RedirectOp::Read(_)
            | RedirectOp::DupIn(_)
            | RedirectOp::HereDoc(_)
            | RedirectOp::HereString(_)
            | RedirectOp::ReadWrite(_) => 0,
            _ => 1,
        };
        match &redirect.op {
            RedirectOp::Read(word) => self.redirect_file(redirect, default, undo, word, READ),
            RedirectOp::Write(word) => self.redirect_file(redirect, default, undo, word, WRITE),
            RedirectOp::Clobber(word) => self.redirect_file(
                redirect,
                default,
                undo,
                word,
                OpenMode {
                    exclusive: false,
                    ..WRITE
                },
            ),
            RedirectOp::Append(word) => self.redirect_file(redirect, default, undo, word, APPEND),
            RedirectOp::ReadWrite(word) => self.redirect_file(redirect, default, undo, word, BOTH),
            RedirectOp::HereDoc(doc) => {
                let word = doc.word.borrow().clone();
                let text = self.expand_quoted_parts(&word.parts)?;
                self.put_desc(redirect, default, undo, text_desc(text))
            }
            RedirectOp::HereString(word) => {
                let mut text = self.expand_single(word)?;
                text.push(b'\n');
                self.put_desc(redirect, default, undo, text_desc(text))
            }
            RedirectOp::Both(word) | RedirectOp::BothAppend(word) => {
                let mode = if matches!(redirect.op, RedirectOp::Both(_)) {
                    WRITE
                } else {
                    APPEND
                };
                let Some(name) = self.redirect_name(word)? else {
                    return Ok(false);
                };
                let Some(desc) = self.open_for(&name, mode, mode.truncate) else {
                    return Ok(false);
                };
                self.replace_fd(1, Some(desc.clone()), undo);
                self.replace_fd(2, Some(desc), undo);
                Ok(true)
            }
            RedirectOp::DupIn(word) | RedirectOp::DupOut(word) => {
                self.redirect_dup(redirect, default, undo, word)
            }
        }
    }

    /// The one word that a redirection's target expands to.
    fn redirect_name(&mut self, word: &Word) -> Result<Option<Vec<u8>>, Unwind> {
        if self.st.options.posix() {
            return self.expand_single(word).map(Some);
        }
        let mut names = Vec::new();
        self.expand_word(word, &mut names)?;
        match names.pop() {
            Some(name) if names.is_empty() => Ok(Some(name)),
            _ => {
                let raw = self
                    .place
                    .source
                    .text
                    .get(word.span.0..word.span.1)
                    .unwrap_or_default()
                    .to_vec();
                self.error([raw.as_slice(), b": ambiguous redirect"].concat());
                Ok(None)
            }
        }
    }

    fn redirect_file(
        &mut self,
        redirect: &Redirect,
        default: u32,
        undo: &mut Undo,
        word: &Word,
        mode: OpenMode,
    ) -> Result<bool, Unwind> {
        let Some(name) = self.redirect_name(word)? else {
            return Ok(false);
        };
        let check = mode.truncate && !matches!(redirect.op, RedirectOp::Clobber(_));
        let Some(desc) = self.open_for(&name, mode, check) else {
            return Ok(false);
        };
        self.put_desc(redirect, default, undo, desc)
    }

    /// Opens a file for a redirection; reports failure. `check`: `noclobber` applies.
    fn open_for(&mut self, name: &[u8], mode: OpenMode, check: bool) -> Option<Rc<Desc>> {
        let result = self.open_path(name, mode, check && self.st.options.noclobber());
        match result {
            Ok(desc) => Some(desc),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && check => {
                self.error([name, b": cannot overwrite existing file"].concat());
                None
            }
            Err(e) => {
                self.error([name, b": ", sys::error_text(&e).as_bytes()].concat());
                None
            }
        }
    }

    /// Opens a path; `/dev/fd/N` and its kin are the shell's own descriptors.
    pub fn open_path(
        &mut self,
        name: &[u8],
        mut mode: OpenMode,
        keep_existing: bool,
    ) -> io::Result<Rc<Desc>> {
        let own = match name {
            b"/dev/stdin" => Some(0),
            b"/dev/stdout" => Some(1),
            b"/dev/stderr" => Some(2),
            _ => name
                .strip_prefix(b"/dev/fd/")
                .and_then(crate::arith::parse_decimal)
                .and_then(|n| u32::try_from(n).ok()),
        };
        if let Some(fd) = own {
            return self
                .st
                .fds
                .get(fd)
                .cloned()
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
                .map_err(|e| if fd > 2 { e } else { sys::bad_descriptor() });
        }
        let path = self.absolute(name);
        if keep_existing {
            match sys::stat(&path, true) {
                Ok(s) if s.kind == FileKind::Regular => {
                    return Err(io::Error::from(io::ErrorKind::AlreadyExists));
                }
                Ok(_) => {}
                Err(_) => mode.exclusive = true,
            }
        }
        // In the sandbox `/dev` stays as it is, so that one descriptor serves all who write to it.
        if cfg!(target_os = "wasi") && name == b"/dev/null" && mode.write && !mode.read {
            if let Some(desc) = &self.null {
                return Ok(desc.clone());
            }
            let desc = Rc::new(Desc::Os(sys::open(&path, mode)?));
            self.null = Some(desc.clone());
            return Ok(desc);
        }
        Ok(Rc::new(Desc::Os(sys::open(&path, mode)?)))
    }

    /// Puts a descriptor where the redirection says.
    fn put_desc(
        &mut self,
        redirect: &Redirect,
        default: u32,
        undo: &mut Undo,
        desc: Rc<Desc>,
    ) -> Result<bool, Unwind> {
        let fd = match &redirect.target {
            RedirectFd::Default => default,
            RedirectFd::Number(n) => *n,
            RedirectFd::Variable(name) => {
                let Some(fd) = self.st.fds.free_from(10) else {
                    self.error("cannot duplicate descriptor: Too many open files");
                    return Ok(false);
                };
                let (base, subscript) = crate::state::assign::split_reference(name);
                let subscript = subscript.map(<[u8]>::to_vec);
                if self
                    .assign(
                        base,
                        subscript.as_deref(),
                        fd.to_string().into_bytes(),
                        false,
                        Scope::Visible,
                    )
                    .is_err()
                {
                    self.error([name.as_slice(), b": cannot assign fd to variable"].concat());
                    return Ok(false);
                }
                // Such a descriptor outlives the command.
                self.st.fds.set(fd, desc);
                return Ok(true);
            }
        };
        if fd > MAX_FD {
            self.error(format!("{fd}: Bad file descriptor"));
            return Ok(false);
        }
        self.replace_fd(fd, Some(desc), undo);
        Ok(true)
    }

    fn redirect_dup(
        &mut self,
        redirect: &Redirect,
        default: u32,
        undo: &mut Undo,
        word: &Word,
    ) -> Result<bool, Unwind> {
        let Some(name) = self.redirect_name(word)? else {
            return Ok(false);
        };
        let bad = |sh: &Shell, what: &[u8]| {
            sh.error([what, b": Bad file descriptor"].concat());
            Ok(false)
        };
        if name == b"-" {
            let fd = match &redirect.target {
                RedirectFd::Default => default,
                RedirectFd::Number(n) => *n,
                RedirectFd::Variable(var) => {
                    match self
                        .get(var)
                        .and_then(|t| crate::arith::parse_decimal(&t))
                        .and_then(|n| u32::try_from(n).ok())
                    {
                        Some(fd) => {
                            self.st.fds.close(fd);
                            return Ok(true);
                        }
                        None => return bad(self, var),
                    }
                }
            };
            self.replace_fd(fd, None, undo);
            return Ok(true);
        }
        let (digits, moves) = match name.strip_suffix(b"-") {
            Some(digits) => (digits, true),
            None => (name.as_slice(), false),
        };
        let number = if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
            crate::arith::parse_decimal(digits).and_then(|n| u32::try_from(n).ok())
        } else {
            None
        };
        let Some(from) = number else {
            // `>& file` is `&> file`.
            if matches!(redirect.op, RedirectOp::DupOut(_))
                && matches!(redirect.target, RedirectFd::Default | RedirectFd::Number(1))
            {
                let Some(desc) = self.open_for(&name, WRITE, true) else {
                    return Ok(false);
                };
                self.replace_fd(1, Some(desc.clone()), undo);
                self.replace_fd(2, Some(desc), undo);
                return Ok(true);
            }
            let raw = self
                .place
                .source
                .text
                .get(word.span.0..word.span.1)
                .unwrap_or_default()
                .to_vec();
            self.error([raw.as_slice(), b": ambiguous redirect"].concat());
            return Ok(false);
        };
        let Some(desc) = self.st.fds.get(from).cloned() else {
            return bad(self, digits);
        };
        let done = self.put_desc(redirect, default, undo, desc)?;
        if done && moves {
            let same = matches!(&redirect.target, RedirectFd::Number(n) if *n == from);
            if !same {
                self.replace_fd(from, None, undo);
            }
        }
        Ok(done)
    }
}
