//! POSIX regular expressions over bytes, as glibc has them: basic and extended, for `grep`, `sed`,
//! `find` and the shell's `[[ … =~ … ]]`.
//!
//! Contract: the match is the leftmost, and of those the longest. Groups are those of the way that
//! a greedy walk takes which must end where the longest match ends, as glibc's `set_regs` does.
//! Without back-references the time is at most text times pattern; with them a bound on the steps
//! ends ([`Limit`]) what would take too long. A character is a byte as in the C locale, or with
//! [`Syntax::utf8`] a UTF-8 sequence as in C.UTF-8.
//!
//! Counterpart: glibc's `posix/regcomp.c` and `regexec.c`, gnulib's `dfa.c`.

mod class;
mod compile;
mod exec;
mod parse;
mod set;

pub use class::Class;
pub use exec::{Cache, Captures, Limit};
pub use set::{Set, class_of};

/// Which language a pattern is in, and how it matches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Syntax {
    /// Extended syntax.
    pub extended: bool,
    /// Letters match in both cases.
    pub ignore_case: bool,
    /// `^` and `$` match at newlines too.
    pub multiline: bool,
    /// grep's syntax: a `{` that starts no interval is a plain character.
    pub lenient: bool,
    /// In extended syntax a `)` that closes nothing is itself (`regcomp(3)`; not so in sed).
    pub stray_close: bool,
    /// A character is a UTF-8 sequence; a byte that is in none is no character.
    pub utf8: bool,
}

/// What a match must lie between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Anything.
    Any,
    /// No word character on either side (`grep -w`).
    Words,
    /// The ends of the line (`grep -x`).
    Lines,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Regex {
    program: compile::Program,
    groups: usize,
}

impl Regex {
    /// Compiles a pattern. The error is glibc's text.
    pub fn new(pattern: &[u8], syntax: Syntax) -> Result<Regex, &'static str> {
        let parsed = parse::parse(pattern, syntax)?;
        let program = compile::compile(&parsed.node, syntax)?;
        Ok(Regex {
            program,
            groups: parsed.groups,
        })
    }

    /// Compiles patterns of which any may match, for grep. `fixed`: they are plain text.
    pub fn any(
        patterns: &[impl AsRef<[u8]>],
        syntax: Syntax,
        fixed: bool,
        edges: Edges,
    ) -> Result<Regex, &'static str> {
        let mut nodes = Vec::new();
        let mut groups = 0;
        for pattern in patterns {
            if fixed {
                nodes.push(parse::fixed(pattern.as_ref()));
                continue;
            }
            let parsed = parse::parse(pattern.as_ref(), syntax)?;
            if patterns.len() > 1 && parsed.has_back {
                return Err("back-references in one of several patterns");
            }
            // Of several patterns the groups may share numbers: nobody asks for them.
            groups = groups.max(parsed.groups);
            nodes.push(parsed.node);
        }
        let node = parse::between(nodes, edges);
        let program = compile::compile(&node, syntax)?;
        Ok(Regex { program, groups })
    }

    /// How many groups the pattern has.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Finds the leftmost longest match that starts at `from` or later, with its groups.
    pub fn search(
        &self,
        cache: &mut Cache,
        text: &[u8],
        from: usize,
    ) -> Result<Option<Captures>, Limit> {
        exec::search(&self.program, cache, text, from, self.groups)
    }

    /// Only where it starts and ends.
    pub fn find(
        &self,
        cache: &mut Cache,
        text: &[u8],
        from: usize,
    ) -> Result<Option<(usize, usize)>, Limit> {
        exec::find(&self.program, cache, text, from)
    }

    /// Does it match anywhere?
    pub fn is_match(&self, cache: &mut Cache, text: &[u8]) -> Result<bool, Limit> {
        exec::is_match(&self.program, cache, text)
    }
}

#[cfg(test)]
mod tests;
