//! Starting the shell: command line, environment, and the main loop.

use std::cell::RefCell;
use std::rc::Rc;

use super::image::{self, Order};
use super::outline;
use crate::state::fds::{Desc, Fds, Text};
use crate::state::options::{self, Options};
use crate::state::vars::Vars;
use crate::state::{Bounds, CommandText, Shell, State, Unwind};
use crate::syntax::Parser;
use crate::syntax::ast::{Part, Place, Source, Word};
use crate::sys;

/// What the command line asks for.
#[derive(Debug, Default)]
struct Invocation {
    command: Option<Vec<u8>>,
    stdin: bool,
    file: Option<Vec<u8>>,
    args: Vec<Vec<u8>>,
    name: Option<Vec<u8>>,
}

/// Runs the shell with a command line and an environment; gives the exit status.
pub fn run(argv: Vec<Vec<u8>>, environment: Vec<(Vec<u8>, Vec<u8>)>) -> i32 {
    let mut sh = Shell::start(argv.first().cloned().unwrap_or_else(|| b"bash".to_vec()));
    for (fd, handle) in sys::inherited() {
        sh.st.fds.set(fd, Rc::new(Desc::Os(handle)));
    }
    if let [_, flag, fd] = argv.as_slice()
        && flag == image::INSTANCE_FLAG
    {
        let status = sh.run_instance(fd);
        std::mem::forget(sh);
        return status;
    }
    if let [_, flag, flags] = argv.as_slice()
        && flag == outline::OUTLINE_FLAG
    {
        return sh.run_outline(flags);
    }
    sh.import_environment(environment);
    if sh.get(b"LC_ALL").is_none_or(|locale| locale.is_empty()) {
        // bash does so before it asks for the locale.
        sh.make_environment();
    }
    let status = match sh.parse_arguments(&argv) {
        Ok(invocation) => {
            let status = sh.run_invocation(invocation);
            sh.await_consumers();
            status
        }
        Err(status) => status,
    };
    // The process ends: nobody needs the pieces of its memory back, one by one.
    std::mem::forget(sh);
    status
}

impl Shell {
    /// A shell with nothing in it.
    pub fn start(arg0: Vec<u8>) -> Shell {
        let pid = sys::process_id();
        let empty = Source {
            name: Rc::default(),
            text: Rc::from(&b""[..]),
        };
        let mask = sys::set_umask(0o022);
        sys::set_umask(mask);
        Shell {
            vars: Vars::default(),
            st: State {
                functions: Rc::default(),
                nameless: Rc::default(),
                options: Options::default(),
                positional: Rc::default(),
                script: arg0.as_slice().into(),
                arg0: arg0.into(),
                traps: Rc::default(),
                cwd: Rc::from(&b"/"[..]),
                umask: mask,
                fds: Fds::default(),
                frames: Vec::new(),
                status: 0,
                pipe_status: Rc::default(),
                background: None,
                dir_stack: Rc::default(),
                hashed: Rc::default(),
                disabled: Rc::default(),
                line: 0,
                subshell: 0,
                subshell_level: 0,
                quiet: 0,
                loops: 0,
                getopts: (1, 0),
                random: sys::seed(),
                command: CommandText::default(),
                last_arg: Vec::new(),
                utf8: false,
                start_letter: 0,
                pid,
                shell_pid: pid,
                dead_specials: Rc::default(),
                readonly_functions: Rc::default(),
            },
            jobs: Vec::new(),
            arith_cache: Default::default(),
            call_depth: 0,
            in_trap: Vec::new(),
            started: sys::now(),
            seconds_offset: 0,
            sub_status: None,
            place: Rc::new(Place {
                source: Rc::new(empty),
                start: 0,
                end: 0,
                line: 1,
                flags: 0,
            }),
            process_fds: Vec::new(),
            signalled: Vec::new(),
            broken_pipe: false,
            quiet_discard: false,
            exec_keeps: false,
            frozen_line: false,
            regexes: Default::default(),
            patterns: Default::default(),
            slots: Default::default(),
            search_path: Default::default(),
            null: None,
            bounds: Bounds::SCRIPTS,
            next_pid: pid,
        }
    }

    fn run_instance(&mut self, fd: &[u8]) -> i32 {
        let desc = crate::arith::parse_decimal(fd)
            .and_then(|n| u32::try_from(n).ok())
            .and_then(|fd| {
                let desc = self.st.fds.get(fd).cloned();
                self.st.fds.close(fd);
                desc
            });
        let Some(image) = desc.and_then(|d| d.read_to_end().ok()) else {
            return 254;
        };
        let pid = self.st.pid;
        match image::decode(self, &image) {
            Ok(Order::Write(text)) => i32::from(self.st.fds.write(1, &text).is_err()),
            Ok(Order::Run(piece)) => {
                for number in self.st.traps.keys().copied().collect::<Vec<_>>() {
                    self.sync_signal(number);
                }
                sys::set_umask(self.st.umask);
                self.next_pid = pid;
                self.enter_subshell();
                self.st.pid = pid;
                let status = match self.run_piece(&piece) {
                    Ok(status)
                    | Err(
                        Unwind::Exit(status) | Unwind::Return(status) | Unwind::Discard(status),
                    ) => status,
                    Err(_) => self.st.status,
                };
                self.exit_trap(status)
            }
            Err(e) => {
                self.error(e.to_string());
                254
            }
        }
    }

    fn parse_arguments(&mut self, argv: &[Vec<u8>]) -> Result<Invocation, i32> {
        let mut inv = Invocation::default();
        let base = argv
            .first()
            .map(|a| a.rsplit(|c| *c == b'/').next().unwrap_or_default().to_vec())
            .unwrap_or_default();
        if base == b"sh" {
            self.st.options.enable("posix", true);
        }
        let mut rest = argv.iter().skip(1).peekable();
        let mut command = false;
        while let Some(arg) = rest.peek() {
            let arg = (*arg).clone();
            if arg.first() != Some(&b'-') && arg.first() != Some(&b'+') || arg.len() < 2 {
                if arg == b"-" {
                    rest.next();
                }
                break;
            }
            rest.next();
            match arg.as_slice() {
                b"--" => break,
                b"--version" => {
                    let _ = self.st.fds.write(
                        1,
                        b"GNU bash, version 5.2.15(1)-release (wasibuild builder-shell)\n",
                    );
                    return Err(0);
                }
                b"--posix" => self.st.options.enable("posix", true),
                b"--norc" | b"--noprofile" | b"--login" | b"--noediting" | b"--verbose"
                | b"--debugger" | b"--restricted" => continue,
                b"--rcfile" | b"--init-file" => {
                    rest.next();
                }
                long if long.starts_with(b"--") => {
                    self.warn(
                        &[self.st.arg0.as_ref(), b": ", long, b": invalid option\n"].concat(),
                    );
                    return Err(2);
                }
                _ => {
                    let on = arg.first() == Some(&b'-');
                    for letter in arg.iter().skip(1) {
                        match letter {
                            b'c' => command = true,
                            b's' => inv.stdin = true,
                            b'i' | b'l' | b'r' | b'D' => {}
                            b'o' => match rest.next() {
                                Some(name) => {
                                    if let Some(at) = options::set_index(name) {
                                        let bits = &mut self.st.options.set;
                                        *bits = *bits & !(1 << at) | u64::from(on) << at;
                                    } else {
                                        self.warn(
                                            &[
                                                self.st.arg0.as_ref(),
                                                b": ",
                                                name,
                                                b": invalid option name\n",
                                            ]
                                            .concat(),
                                        );
                                        return Err(2);
                                    }
                                }
                                None => continue,
                            },
                            b'O' => match rest.next() {
                                Some(name) => match options::shopt_index(name) {
                                    Some(at) => {
                                        let bits = &mut self.st.options.shopt;
                                        *bits = *bits & !(1 << at) | u64::from(on) << at;
                                    }
                                    None => {
                                        self.warn(
                                            &[
                                                self.st.arg0.as_ref(),
                                                b": ",
                                                name,
                                                b": invalid shell option name\n",
                                            ]
                                            .concat(),
                                        );
                                        return Err(2);
                                    }
                                },
                                None => continue,
                            },
                            letter => {
                                match options::SET.iter().find(|(_, l)| l == letter && *l != 0) {
                                    Some((name, _)) => self.st.options.enable(name, on),
                                    None => {
                                        self.warn(
                                            &[
                                                self.st.arg0.as_ref(),
                                                b": -",
                                                &[*letter],
                                                b": invalid option\n",
                                            ]
                                            .concat(),
                                        );
                                        return Err(2);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        let mut rest: Vec<Vec<u8>> = rest.cloned().collect();
        if command {
            if rest.is_empty() {
                self.warn(
                    &[
                        self.st.arg0.as_ref(),
                        b": -c: option requires an argument\n",
                    ]
                    .concat(),
                );
                return Err(2);
            }
            inv.command = Some(rest.remove(0));
            if !rest.is_empty() {
                inv.name = Some(rest.remove(0));
            }
        } else if !inv.stdin && !rest.is_empty() {
            inv.file = Some(rest.remove(0));
        } else {
            inv.stdin = true;
        }
        inv.args = rest;
        Ok(inv)
    }

    fn run_invocation(&mut self, inv: Invocation) -> i32 {
        self.st.positional = Rc::new(inv.args);
        if let Some(name) = inv.name {
            self.st.arg0 = name.as_slice().into();
            self.st.script = name.into();
        }
        let result = if let Some(text) = inv.command {
            self.st.start_letter = b'c';
            let source = Rc::new(Source {
                name: self.st.script.clone(),
                text: text.into(),
            });
            self.run_source(&source, 1, b"-c")
        } else if let Some(file) = inv.file {
            let path = match sys::stat(&self.absolute(&file), true) {
                Ok(_) => Some(file.clone()),
                Err(_) if !file.contains(&b'/') => {
                    self.search_path(&file, false).into_iter().next()
                }
                Err(_) => None,
            };
            let text = match path {
                Some(path) => self.read_file(&path),
                None => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
            };
            let text = match text {
                Ok(text) => text,
                Err(e) => {
                    let missing = e.kind() == std::io::ErrorKind::NotFound;
                    let why = if missing {
                        "No such file or directory".to_string()
                    } else {
                        sys::error_text(&e)
                    };
                    self.warn(
                        &[
                            self.st.arg0.as_ref(),
                            b": ",
                            &file,
                            b": ",
                            why.as_bytes(),
                            b"\n",
                        ]
                        .concat(),
                    );
                    return if missing { 127 } else { 126 };
                }
            };
            let first = text.split(|c| *c == b'\n').next().unwrap_or_default();
            if first.iter().take(80).any(|c| *c == 0) {
                self.warn(
                    &[
                        file.as_slice(),
                        b": ",
                        &file,
                        b": cannot execute binary file\n",
                    ]
                    .concat(),
                );
                return 126;
            }
            self.st.arg0 = file.as_slice().into();
            self.st.script = file.as_slice().into();
            let source = Rc::new(Source {
                name: file.into(),
                text: text.into(),
            });
            self.run_source(&source, 1, b"")
        } else {
            self.st.start_letter = b's';
            self.run_stdin()
        };
        let status = match result {
            Ok(status)
            | Err(Unwind::Exit(status) | Unwind::Return(status) | Unwind::Discard(status)) => {
                status
            }
            Err(_) => self.st.status,
        };
        self.exit_trap(status)
    }

    /// A script on standard input: commands that read get what follows them.
    fn run_stdin(&mut self) -> Result<i32, Unwind> {
        let Some(input) = self.st.fds.get(0).cloned() else {
            return Ok(0);
        };
        let text: Rc<[u8]> = input.read_to_end().unwrap_or_default().into();
        let source = Rc::new(Source {
            name: self.st.script.clone(),
            text: text.clone(),
        });
        let mut status = 0;
        let (mut offset, mut line) = (0, 1);
        loop {
            let mut parser = Parser::new(&text, source.clone(), offset, line, self.flags());
            let unit = match parser.next_unit() {
                Ok(Some(unit)) => unit,
                Ok(None) => return Ok(status),
                Err(error) => {
                    self.syntax_error(&error, &text, b"");
                    self.st.status = 2;
                    return Ok(2);
                }
            };
            self.here_warnings(&mut parser);
            if self.st.options.verbose() {
                self.echo_source(&text, unit.place.start, unit.place.end);
            }
            let before = parser.offset();
            let rest = Rc::new(Desc::Text(RefCell::new(Text::Memory(text.clone(), before))));
            self.st.fds.set(0, rest.clone());
            let result = self.run_unit(&unit);
            // What the unit's commands left is the script.
            let left = match &*rest {
                Desc::Text(text) => text.borrow().left(),
                _ => 0,
            };
            match result {
                Ok(s) => status = s,
                Err(Unwind::Discard(s)) => {
                    status = s;
                    self.st.status = s;
                    if self.st.options.errexit() && !std::mem::take(&mut self.quiet_discard) {
                        return Err(Unwind::Exit(s));
                    }
                }
                Err(e) => return Err(e),
            }
            let next = text.len().saturating_sub(left).max(before);
            let lines = text
                .get(offset..next)
                .unwrap_or_default()
                .iter()
                .filter(|c| **c == b'\n')
                .count();
            line += u32::try_from(lines).unwrap_or(0);
            offset = next;
        }
    }

    /// Text as one word, for subscripts that come at run time.
    pub fn parse_word_text(&self, text: &[u8]) -> Option<Word> {
        let source = Rc::new(Source {
            name: Rc::default(),
            text: text.into(),
        });
        Parser::new(text, source, 0, self.st.line, self.flags()).subscript_word()
    }

    /// Text as the inside of double quotes.
    pub fn parse_quoted_text(&self, text: &[u8]) -> Option<Vec<Part>> {
        let source = Rc::new(Source {
            name: Rc::default(),
            text: text.into(),
        });
        Parser::new(text, source, 0, self.st.line, self.flags()).quoted_parts()
    }
}
