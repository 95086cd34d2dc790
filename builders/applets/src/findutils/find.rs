//! `find`: the options before the paths, the walk.

use super::evaluate::{Evaluator, Visit};
use super::parse::{self, Settings};
use crate::shared::fs::Meta;
use crate::shared::{errno, fs, program, quote};
use bstr::BString;
use rustix::io::Errno;

/// The options before the paths.
pub(crate) const OPTIONS: &[&str] = &["-H", "-L", "-P"];

/// What expressions may hold.
pub(crate) const PREDICATES: &[&str] = &[
    "!",
    "(",
    ")",
    ",",
    "-a",
    "-and",
    "-o",
    "-or",
    "-not",
    "-true",
    "-false",
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-iwholename",
    "-lname",
    "-ilname",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-xtype",
    "-empty",
    "-size",
    "-perm",
    "-newer",
    "-newermm",
    "-newermt",
    "-mtime",
    "-user",
    "-group",
    "-uid",
    "-gid",
    "-samefile",
    "-links",
    "-readable",
    "-writable",
    "-executable",
    "-maxdepth",
    "-mindepth",
    "-depth",
    "-d",
    "-xdev",
    "-mount",
    "-follow",
    "-noleaf",
    "-prune",
    "-quit",
    "-print",
    "-print0",
    "-printf",
    "-delete",
    "-exec",
    "-execdir",
    "-fprint",
    "-fprint0",
];

/// Runs `find`.
pub fn run(words: Vec<BString>) -> u8 {
    let (mut settings, paths, expression) = parse::parse(words);
    let start: Vec<BString> = if paths.is_empty() {
        vec![".".into()]
    } else {
        paths
    };
    let mut walk = Walk {
        evaluator: Evaluator::new(expression),
        failed: false,
    };
    settings.follow_operands |= settings.follow;
    for path in &start {
        if !walk.operand(path, &settings) {
            break;
        }
    }
    walk.evaluator.finish();
    u8::from(walk.failed || walk.evaluator.failed)
}

struct Walk {
    evaluator: Evaluator,
    failed: bool,
}

enum Pending {
    Enter {
        path: BString,
        depth: u64,
        base: usize,
    },
    Leave {
        path: BString,
        depth: u64,
        base: usize,
        meta: Meta,
    },
}

impl Walk {
    fn complain(&mut self, path: &[u8], number: Errno) {
        program::complain_errno(&[&quote::always(path)], number);
        self.failed = true;
    }

    fn meta(&mut self, path: &[u8], follow: bool) -> errno::Result<Meta> {
        if follow {
            match fs::stat(path) {
                Err(Errno::NOENT | Errno::LOOP) => fs::lstat(path),
                other => other,
            }
        } else {
            fs::lstat(path)
        }
    }

    /// Walks from one path; false when `-quit` ended it all.
    fn operand(&mut self, start: &BString, settings: &Settings) -> bool {
        let mut pending = vec![Pending::Enter {
            path: start.clone(),
            depth: 0,
            base: start.len(),
        }];
        while let Some(next) = pending.pop() {
            let (path, depth, base) = match next {
                Pending::Enter { path, depth, base } => (path, depth, base),
                Pending::Leave {
                    path,
                    depth,
                    base,
                    meta,
                } => {
                    if depth >= settings.least {
                        self.visit(&path, start, depth, base, &meta);
                    }
                    if self.evaluator.quit {
                        return false;
                    }
                    continue;
                }
            };
            let follow = if depth == 0 {
                settings.follow_operands
            } else {
                settings.follow
            };
            let meta = match self.meta(&path, follow) {
                Ok(meta) => meta,
                Err(number) => {
                    self.complain(&path, number);
                    continue;
                }
            };
            let mut pruned = false;
            if !settings.depth_first && depth >= settings.least && depth <= settings.most {
                pruned = self.visit(&path, start, depth, base, &meta);
                if self.evaluator.quit {
                    return false;
                }
            }
            let enters = meta.is_dir() && depth < settings.most && !pruned;
            if settings.depth_first {
                pending.push(Pending::Leave {
                    path: path.clone(),
                    depth,
                    base,
                    meta,
                });
            }
            if !enters {
                continue;
            }
            match fs::list(&path) {
                Ok(names) => {
                    for name in names.iter().rev() {
                        let inner = fs::join(&path, name);
                        let base = inner.len() - name.len();
                        pending.push(Pending::Enter {
                            path: inner,
                            depth: depth + 1,
                            base,
                        });
                    }
                }
                // What an action removed is no error.
                Err(Errno::NOENT) if fs::lstat(&path).is_err() => {
                    self.complain(&path, Errno::NOENT)
                }
                Err(number) => self.complain(&path, number),
            }
        }
        true
    }

    /// Evaluates the expression; true if the directory shall not be entered.
    fn visit(
        &mut self,
        path: &BString,
        start: &BString,
        depth: u64,
        base: usize,
        meta: &Meta,
    ) -> bool {
        let visit = Visit {
            path,
            start,
            depth,
            base,
            meta,
        };
        self.evaluator.run(&visit)
    }
}
