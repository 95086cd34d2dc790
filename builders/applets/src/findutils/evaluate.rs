//! Evaluating an expression for one file.

use super::extra;
use super::glob;
use super::parse::{Command, Node, Permission};
use crate::regex::Cache;
use crate::shared::fs::{Kind, Meta};
use crate::shared::{fs, io, process, program, quote};
use bstr::{BString, ByteSlice};
use std::collections::BTreeMap;

/// The file at hand.
pub struct Visit<'a> {
    pub path: &'a BString,
    pub start: &'a BString,
    pub depth: u64,
    /// Where the last component starts.
    pub base: usize,
    pub meta: &'a Meta,
}

impl Visit<'_> {
    /// The last component.
    pub fn name(&self) -> &[u8] {
        if self.depth == 0 {
            fs::base_name(self.path)
        } else {
            self.path.get(self.base..).unwrap_or_default()
        }
    }
}

/// Bytes of a command line that `-exec … +` gathers.
const MOST_BYTES: usize = 128 * 1024;

/// The expression and what its actions keep.
pub struct Evaluator {
    expression: Option<Box<Node>>,
    pub failed: bool,
    pub quit: bool,
    prune: bool,
    cache: Cache,
    environment: Vec<BString>,
    files: extra::Files,
    /// Names gathered for each `-exec … +`.
    gathered: BTreeMap<usize, (Vec<BString>, Vec<BString>)>,
}

/// The letter of a kind, as `-type` and `%y` have it.
pub fn letter(kind: Kind) -> u8 {
    match kind {
        Kind::File => b'f',
        Kind::Directory => b'd',
        Kind::Link => b'l',
        Kind::Character => b'c',
        Kind::Block => b'b',
        Kind::Fifo => b'p',
        Kind::Socket => b's',
    }
}

impl Evaluator {
    pub fn new(expression: Node) -> Evaluator {
        Evaluator {
            expression: Some(Box::new(expression)),
            failed: false,
            quit: false,
            prune: false,
            cache: Cache::default(),
            environment: process::environment(),
            files: extra::Files::default(),
            gathered: BTreeMap::new(),
        }
    }

    /// Evaluates for one file; true if the directory shall not be entered.
    pub fn run(&mut self, visit: &Visit<'_>) -> bool {
        self.prune = false;
        if let Some(expression) = self.expression.take() {
            self.holds(&expression, visit);
            self.expression = Some(expression);
        }
        self.prune
    }

    /// Runs what is still gathered.
    pub fn finish(&mut self) {
        self.files.finish();
        for (words, names) in std::mem::take(&mut self.gathered).into_values() {
            if !names.is_empty() {
                self.start([words, names].concat(), true);
            }
        }
    }

    fn holds(&mut self, node: &Node, visit: &Visit<'_>) -> bool {
        if self.quit {
            return false;
        }
        let fold = |fold: &bool| glob::Options { fold: *fold };
        match node {
            Node::True => true,
            Node::False => false,
            Node::Not(inner) => !self.holds(inner, visit),
            Node::And(left, right) => self.holds(left, visit) && self.holds(right, visit),
            Node::Or(left, right) => self.holds(left, visit) || self.holds(right, visit),
            Node::List(left, right) => {
                self.holds(left, visit);
                self.holds(right, visit)
            }
            Node::Name(pattern, ignore) => glob::matches(pattern, visit.name(), fold(ignore)),
            Node::Path(pattern, ignore) => glob::matches(pattern, visit.path, fold(ignore)),
            Node::LinkName(pattern, ignore) => {
                visit.meta.is_link()
                    && fs::readlink(visit.path)
                        .is_ok_and(|target| glob::matches(pattern, &target, fold(ignore)))
            }
            Node::Regex(regex) => regex.is_match(&mut self.cache, visit.path),
            Node::Kind(kinds, through) => {
                // `-xtype` looks at the other side of a link than `-type`.
                let kind = match (through, visit.meta.is_link()) {
                    (true, true) => fs::stat(visit.path).map_or(visit.meta.kind, |meta| meta.kind),
                    (true, false) => {
                        fs::lstat(visit.path).map_or(visit.meta.kind, |meta| meta.kind)
                    }
                    (false, _) => visit.meta.kind,
                };
                kinds.contains(&letter(kind))
            }
            Node::Empty => match visit.meta.kind {
                Kind::File => visit.meta.size == 0,
                Kind::Directory => fs::list(visit.path).is_ok_and(|names| names.is_empty()),
                _ => false,
            },
            Node::Size(number, unit) => number.holds(visit.meta.size.div_ceil(*unit)),
            Node::Permission(file, directory, how) => {
                let wanted = if visit.meta.is_dir() {
                    *directory
                } else {
                    *file
                };
                let mode = visit.meta.mode;
                match how {
                    Permission::Exactly => mode == wanted,
                    Permission::All => mode & wanted == wanted,
                    Permission::Any => wanted == 0 || mode & wanted != 0,
                }
            }
            Node::Newer(time) => visit.meta.times[1] > *time,
            Node::NewerDate(time) => extra::newer_than(*time, visit.meta),
            Node::Age(number) => extra::age(*number, visit.meta),
            Node::Owner(user, number) => {
                let found = extra::owners(visit.path, visit.meta);
                found.is_ok_and(|it| number.holds(if *user { it.0 } else { it.1 }.into()))
            }
            Node::Same(device, inode) => visit.meta.device == *device && visit.meta.inode == *inode,
            Node::Links(number) => number.holds(visit.meta.links),
            Node::Access(bits) => fs::access(visit.path, *bits).is_ok(),
            Node::Prune => {
                self.prune = true;
                true
            }
            Node::Quit => {
                self.finish();
                self.quit = true;
                true
            }
            Node::Print(end) => {
                io::put(visit.path);
                io::put(&[*end]);
                true
            }
            Node::PrintTo(file, end) => {
                self.files.put(file, visit.path, *end);
                true
            }
            Node::Printf(format) => {
                format.put(visit);
                true
            }
            Node::Delete => self.delete(visit),
            Node::Exec(command) => self.exec(command, visit),
        }
    }

    fn delete(&mut self, visit: &Visit<'_>) -> bool {
        if visit.path == "." {
            return true;
        }
        // What a followed link leads to decides, as in GNU: the link to a directory stays.
        let removed = if visit.meta.is_dir() {
            fs::rmdir(visit.path)
        } else {
            fs::unlink(visit.path)
        };
        match removed {
            Ok(()) => true,
            Err(errno) => {
                program::complain_errno(&[b"cannot delete ", &quote::always(visit.path)], errno);
                self.failed = true;
                false
            }
        }
    }

    fn exec(&mut self, command: &Command, visit: &Visit<'_>) -> bool {
        if command.many {
            let size = |words: &[BString]| words.iter().map(|word| word.len() + 1).sum::<usize>();
            let start = (command.words.clone(), Vec::new());
            let (words, names) = self.gathered.entry(command.number).or_insert(start);
            let full = size(words) + size(names) + visit.path.len() + 1 > MOST_BYTES;
            let argv = full.then(|| [words.clone(), std::mem::take(names)].concat());
            names.push(visit.path.clone());
            if let Some(argv) = argv {
                self.start(argv, true);
            }
            return true;
        }
        let name = if command.inside {
            BString::from([b"./", fs::base_name(visit.path)].concat())
        } else {
            visit.path.clone()
        };
        let argv = command
            .words
            .iter()
            .map(|word| BString::from(word.replace("{}", &name)));
        let argv = argv.collect();
        if command.inside {
            self.start_inside(argv, fs::dir_name(visit.path))
        } else {
            self.start(argv, false)
        }
    }

    /// Starts a command in a directory.
    fn start_inside(&mut self, argv: Vec<BString>, directory: &[u8]) -> bool {
        let Ok(here) = program::here() else {
            program::refuse("-execdir in a directory that is gone");
        };
        let go = |path: &[u8]| {
            if wasibuild_guest::host::chdir(path).is_err() {
                program::refuse("-execdir in a directory that cannot be entered");
            }
        };
        go(directory);
        let good = self.start(argv, false);
        go(&here);
        good
    }

    fn start(&mut self, argv: Vec<BString>, many: bool) -> bool {
        io::flush_quietly();
        match process::run(&argv, &self.environment, true) {
            Ok(ended) => {
                if many && ended.code != 0 {
                    self.failed = true;
                }
                ended.code == 0
            }
            Err(errno) => {
                let name = argv.first().cloned().unwrap_or_default();
                program::complain_errno(&[&quote::always(&name)], errno);
                if many {
                    self.failed = true;
                }
                false
            }
        }
    }
}
