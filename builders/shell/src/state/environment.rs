//! The environment of programs in bash's order, which scripts see (`env`, awk's `ENVIRON`): bash walks
//! its tables of variables, the innermost scope first, chain by chain, in each chain the newest
//! first; then come exported functions and `_`.
//!
//! bash keeps the list from one program to the next, and makes it anew when an exported variable has
//! changed. `cd` and the name of the program change it in place, or add to its end.
//!
//! Counterpart: bash's `variables.c` (`maybe_make_export_env`, `update_export_env_inplace`) and
//! `hashlib.c`.

use std::rc::Rc;

use super::value::{PlainMap, attr, bash_hash};
use super::vars::Vars;
use super::{Functions, Shell};

/// Chains of the global table, of a function's or a command's, of functions, and of what has no name.
const GLOBAL: usize = 1024;
const LOCAL: usize = 4;
const FUNCTIONS: usize = 512;
const NAMELESS: usize = 64;

/// The list that programs got last.
#[derive(Debug, Clone)]
pub struct Made {
    /// An exported variable changed since.
    pub stale: bool,
    /// There are functions in it.
    functions: bool,
    words: Rc<Vec<Vec<u8>>>,
}

impl Default for Made {
    fn default() -> Made {
        Made {
            stale: true,
            functions: false,
            words: Rc::default(),
        }
    }
}

impl Made {
    /// Changes a word in place, or adds it to the end.
    fn replace(&mut self, name: &[u8], text: &[u8]) {
        let word = [name, b"=", text].concat();
        let words = Rc::make_mut(&mut self.words);
        let names = |it: &[u8]| it.strip_prefix(name).is_some_and(|it| it.starts_with(b"="));
        match words.iter_mut().find(|it| names(it)) {
            Some(there) => *there = word,
            None => words.push(word),
        }
    }

    /// Does the list say the same, in whatever order? `_` is not the variables'.
    fn says(&self, words: &[Vec<u8>]) -> bool {
        fn named(list: &[Vec<u8>]) -> impl Iterator<Item = &Vec<u8>> {
            list.iter().filter(|it| !it.starts_with(b"_="))
        }
        fn sorted(list: &[Vec<u8>]) -> Vec<&Vec<u8>> {
            let mut list: Vec<_> = named(list).collect();
            list.sort_unstable();
            list
        }
        named(&self.words).eq(named(words)) || sorted(&self.words) == sorted(words)
    }
}

/// The order in which bash walks a table that these were put into, one after the other.
fn walk<T>(items: Vec<(u32, T)>, mut chains: usize) -> Vec<T> {
    let mut table: Vec<(usize, usize, u32, T)> = Vec::with_capacity(items.len());
    let mut next = usize::MAX;
    for (hash, item) in items {
        if table.len() >= 2 * chains {
            // The table grows: its chains are put into the new one in walking order.
            table.sort_by_key(|(chain, newest, ..)| (*chain, *newest));
            chains *= 4;
            next = usize::MAX;
            for (chain, at, hash, _) in &mut table {
                *chain = *hash as usize & (chains - 1);
                *at = next;
                next -= 1;
            }
        }
        table.push((hash as usize & (chains - 1), next, hash, item));
        next -= 1;
    }
    table.sort_by_key(|(chain, newest, ..)| (*chain, *newest));
    table.into_iter().map(|(.., item)| item).collect()
}

/// What programs get besides variables: words of the environment whose names are no names.
pub fn nameless(words: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Vec<u8>> {
    let items = words.into_iter();
    let walked = walk(items.map(|it| (bash_hash(&it.0), it)).collect(), NAMELESS);
    let mut kept: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (name, value) in walked {
        if !kept.iter().any(|(other, _)| *other == name) {
            kept.push((name, value));
        }
    }
    let kept = kept.into_iter();
    kept.map(|(name, value)| [name.as_slice(), b"=", &value].concat())
        .collect()
}

impl Vars {
    /// Names and texts of what is exported, in bash's order.
    fn exported(&self) -> Vec<(&[u8], &[u8])> {
        let mut scopes: Vec<u32> = Vec::new();
        let mut globals = 0;
        for (_, binding) in self.bound() {
            globals += usize::from(binding.level == 0);
            if binding.exports() && !scopes.contains(&binding.level) {
                scopes.push(binding.level);
            }
        }
        // Of the global table only those count that are exported, unless it grows.
        let grows = globals > 2 * GLOBAL;
        let bound = self.bound().filter(|(_, it)| {
            scopes.contains(&it.level) && (it.exports() || it.level > 0 || grows)
        });
        let mut bound: Vec<_> = bound.collect();
        bound.sort_unstable_by_key(|(_, it)| (std::cmp::Reverse(it.level), it.made));
        let mut list: Vec<(&[u8], &[u8])> = Vec::new();
        let mut seen = PlainMap::default();
        for scope in bound.chunk_by(|(_, one), (_, other)| one.level == other.level) {
            let level = scope.first().map_or(0, |(_, it)| it.level);
            let items = scope.iter().map(|it| (bash_hash(it.0), it)).collect();
            for (name, binding) in walk(items, if level == 0 { GLOBAL } else { LOCAL }) {
                if !binding.exports() || !binding.var.is_set() {
                    continue;
                }
                if scopes.len() > 1 && seen.insert(*name, ()).is_some() {
                    continue;
                }
                if !binding.var.is_array()
                    && let Some(text) = binding.var.text()
                {
                    list.push((name, text));
                }
            }
        }
        list
    }

    /// What is exported changed in a way that variables do not tell.
    pub fn changes_environment(&mut self) {
        self.made.stale = true;
    }

    /// Is the list as it was made?
    pub fn has_environment(&self) -> bool {
        !self.made.stale
    }

    /// After a change of directory, of a list that was as it was made: it is changed in place.
    pub fn enters_directory(&mut self) {
        self.made.stale = false;
        for name in [&b"OLDPWD"[..], b"PWD"] {
            let var = self.get(name).filter(|it| it.has(attr::EXPORT));
            if let Some(text) = var.and_then(|it| it.text()).map(<[u8]>::to_vec) {
                self.made.replace(name, &text);
            }
        }
    }
}

impl Functions {
    /// The exported ones, in bash's order.
    fn exported(&self) -> Vec<(&[u8], &super::Function)> {
        let items = self.by_age().into_iter();
        let items = items.map(|(name, it)| (bash_hash(name), (name.as_slice(), &**it)));
        let mut walked = walk(items.collect(), FUNCTIONS);
        walked.retain(|(_, function)| function.exported);
        walked
    }
}

impl Shell {
    /// All words that programs get, but for `_`.
    fn exported_words(&self) -> Vec<Vec<u8>> {
        let mut words: Vec<Vec<u8>> = self.st.nameless.to_vec();
        let variables = self.vars.exported().into_iter();
        words.extend(variables.map(|(name, text)| [name, b"=", text].concat()));
        for (name, function) in self.st.functions.exported() {
            if let Some(body) = self.function_body(function) {
                let text =
                    crate::syntax::print::function_environment(&body, &function.place.source);
                words.push([b"BASH_FUNC_", name, b"%%=() ", &text].concat());
            }
        }
        words
    }

    /// Makes the list anew if what is exported has changed.
    pub fn make_environment(&mut self) {
        let functions = self.st.functions.any_exported();
        let made = &self.vars.made;
        if !(made.stale || made.functions || functions || self.vars.may_change_environment()) {
            return;
        }
        let words = self.exported_words();
        self.vars.forget_changes();
        if self.vars.made.stale || !self.vars.made.says(&words) {
            self.vars.made = Made {
                stale: false,
                functions,
                words: Rc::new(words),
            };
        }
    }

    /// The environment of a program. With the path of the program it has `_`.
    pub fn environment(&mut self, program: Option<&[u8]>) -> Rc<Vec<Vec<u8>>> {
        self.make_environment();
        if let Some(program) = program {
            self.vars.made.replace(b"_", program);
        }
        self.vars.made.words.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_as_bash_lets_it() {
        // Four chains with two elements each at most: the ninth makes sixteen of them.
        let items: Vec<(u32, u32)> = (0..9).map(|it| (it * 4, it)).collect();
        assert_eq!(walk(items.clone(), 1024), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(walk(items, 4), [8, 0, 4, 1, 5, 2, 6, 3, 7]);
    }
}
