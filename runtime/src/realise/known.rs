//! What a run knows of store paths: who refers to whom, by numbers.
//!
//! Contract: holds paths that are valid, or in place and about to be, and all that they refer to. The
//! closure of a build's inputs is not written out: whether a path belongs to it is found out when it
//! is asked for, so that a chain of ten thousand derivations, each of which has all before it as
//! inputs, takes time and memory linear in its length. What a valid path refers to never changes
//! while it is valid, and a run keeps collectors away, so each path is looked up once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::refscan::{BEGINNINGS, Candidates, beginning};
use wasibuild_nix_compat::store_path::{HASH_PART_LEN, StorePath};
use wasibuild_sandbox::InputSet;
use wasibuild_store::Store;

/// The number of a path; numbers come from one [`KnownPaths`] only, so that they always name one.
type Number = u32;

/// See the module.
pub struct KnownPaths {
    table: RwLock<Table>,
    /// One bit for each three digits that the hash part of a known path begins with.
    beginnings: Box<[AtomicU64]>,
}

#[derive(Default)]
struct Table {
    /// The last path with this hash part.
    numbers: HashMap<[u8; HASH_PART_LEN], Number>,
    paths: Vec<Known>,
}

struct Known {
    path: StorePath,
    /// Another path with the same hash part.
    same_hash_part: Option<Number>,
    facts: Option<Facts>,
    /// Whether the facts of its whole closure are known.
    closed: bool,
}

#[derive(Clone)]
struct Facts {
    references: Arc<[Number]>,
    nar_hash: [u8; 32],
}

impl Default for KnownPaths {
    fn default() -> Self {
        KnownPaths {
            table: RwLock::default(),
            beginnings: (0..BEGINNINGS / 64).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl KnownPaths {
    /// The closure of these paths. What is not known yet is asked of `info`.
    ///
    /// # Errors
    /// Those of `info`.
    pub fn closure<E>(
        self: &Arc<Self>,
        paths: impl IntoIterator<Item = StorePath>,
        store: &Store,
        info: impl Fn(&StorePath) -> Result<PathInfo, E>,
    ) -> Result<InputClosure, E> {
        let mut roots: Vec<Number> = {
            let mut table = self.write();
            let paths = paths.into_iter();
            paths.map(|path| self.number(&mut table, &path)).collect()
        };
        roots.sort_unstable();
        roots.dedup();
        self.close(&roots, info)?;
        Ok(InputClosure {
            known: Arc::clone(self),
            store: store.clone(),
            roots,
            all: OnceLock::new(),
        })
    }

    /// Notes outputs that are in place. What they refer to is in the closure of the build that made
    /// them, or among them.
    pub fn note_placed<'i>(&self, infos: impl IntoIterator<Item = &'i PathInfo>) {
        let mut table = self.write();
        for info in infos {
            let number = self.note(&mut table, info);
            table.get_mut(number).closed = true;
        }
    }

    /// Finds out all that the paths lead to.
    fn close<E>(
        &self,
        roots: &[Number],
        info: impl Fn(&StorePath) -> Result<PathInfo, E>,
    ) -> Result<(), E> {
        let mut todo: Vec<Number> = {
            let table = self.read();
            let open = roots.iter().filter(|root| !table.get(**root).closed);
            open.copied().collect()
        };
        let mut seen = HashSet::new();
        while let Some(number) = todo.pop() {
            if !seen.insert(number) {
                continue;
            }
            let (path, facts) = {
                let table = self.read();
                let known = table.get(number);
                if known.closed {
                    continue;
                }
                (known.path.clone(), known.facts.clone())
            };
            let facts = match facts {
                Some(facts) => facts,
                None => {
                    let info = info(&path)?;
                    let mut table = self.write();
                    self.note(&mut table, &info);
                    match &table.get(number).facts {
                        Some(facts) => facts.clone(),
                        None => continue, // `info` told of another path.
                    }
                }
            };
            todo.extend_from_slice(&facts.references);
        }
        if !seen.is_empty() {
            let mut table = self.write();
            for number in seen {
                table.get_mut(number).closed = true;
            }
        }
        Ok(())
    }

    /// Notes what is known of a path.
    fn note(&self, table: &mut Table, info: &PathInfo) -> Number {
        let number = self.number(table, &info.path);
        let references = info.references.iter();
        let references = references.map(|path| self.number(table, path)).collect();
        table.get_mut(number).facts = Some(Facts {
            references,
            nar_hash: info.nar_hash,
        });
        number
    }

    /// The number of a path, which is a new one if it has none.
    fn number(&self, table: &mut Table, path: &StorePath) -> Number {
        let hash_part = path.hash_part_bytes();
        if let Some(number) = table.find(&hash_part, path.basename()) {
            return number;
        }
        // A closure of four thousand million paths would not fit into memory.
        let number = Number::try_from(table.paths.len()).unwrap_or(Number::MAX);
        let same_hash_part = table.numbers.insert(hash_part, number);
        table.paths.push(Known {
            path: path.clone(),
            same_hash_part,
            facts: None,
            closed: false,
        });
        let bit = beginning(&hash_part);
        if let Some(word) = self.beginnings.get(bit / 64) {
            word.fetch_or(1 << (bit % 64), Ordering::Relaxed);
        }
        number
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn get(&self, number: Number) -> &Known {
        &self.paths[number as usize]
    }

    fn get_mut(&mut self, number: Number) -> &mut Known {
        &mut self.paths[number as usize]
    }

    /// The paths with a hash part.
    fn with_hash_part(
        &self,
        hash_part: &[u8; HASH_PART_LEN],
    ) -> impl Iterator<Item = Number> + use<'_> {
        let first = self.numbers.get(hash_part).copied();
        std::iter::successors(first, |number| self.get(*number).same_hash_part)
    }

    fn find(&self, hash_part: &[u8; HASH_PART_LEN], base_name: &str) -> Option<Number> {
        self.with_hash_part(hash_part)
            .find(|number| self.get(*number).path.basename() == base_name)
    }
}

impl fmt::Debug for KnownPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownPaths({})", self.read().paths.len())
    }
}

/// The closure of a build's inputs.
#[derive(Debug)]
pub struct InputClosure {
    known: Arc<KnownPaths>,
    store: Store,
    /// The inputs themselves, sorted: nearly always one of them is asked for.
    roots: Vec<Number>,
    /// All paths, found when one is asked for that is no root.
    all: OnceLock<Numbers>,
}

/// A set of numbers, one bit for each.
#[derive(Debug, Default)]
struct Numbers(Vec<u64>);

impl Numbers {
    /// Whether the number is new.
    fn insert(&mut self, number: Number) -> bool {
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let bit = 1 << (number % 64);
        let new = self.0.get(word).is_some_and(|word| word & bit == 0);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
        new
    }

    fn contains(&self, number: Number) -> bool {
        let word = self.0.get(number as usize / 64);
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

impl InputClosure {
    /// Whether a path belongs to it.
    pub fn contains(&self, path: &StorePath) -> bool {
        let table = self.known.read();
        let number = table.find(&path.hash_part_bytes(), path.basename());
        number.is_some_and(|number| self.has(&table, number))
    }

    /// What may occur in the outputs of the build: the closure, and they themselves.
    pub fn with_outputs<'c>(&'c self, outputs: &'c BTreeMap<String, StorePath>) -> Occurring<'c> {
        Occurring {
            closure: self,
            outputs: outputs
                .values()
                .map(|path| (beginning(&path.hash_part_bytes()), path))
                .collect(),
        }
    }

    fn has(&self, table: &Table, number: Number) -> bool {
        self.roots.binary_search(&number).is_ok() || self.all(table).contains(number)
    }

    fn all(&self, table: &Table) -> &Numbers {
        self.all.get_or_init(|| {
            let mut all = Numbers::default();
            let mut todo = self.roots.clone();
            while let Some(number) = todo.pop() {
                if all.insert(number) {
                    let facts = table.get(number).facts.as_ref();
                    todo.extend(facts.into_iter().flat_map(|facts| facts.references.iter()));
                }
            }
            all
        })
    }

    /// The number of an input by its base name.
    fn find(&self, table: &Table, name: &str) -> Option<Number> {
        let hash_part = name.as_bytes().first_chunk()?;
        let number = table.find(hash_part, name);
        number.filter(|number| self.has(table, *number))
    }
}

impl InputSet for InputClosure {
    fn place(&self, name: &str) -> Option<PathBuf> {
        let path = {
            let table = self.known.read();
            let number = self.find(&table, name)?;
            table.get(number).path.clone()
        };
        Some(self.store.real_path(&path))
    }

    fn names(&self) -> Vec<String> {
        let table = self.known.read();
        let all = self.all(&table);
        let known = (0..).zip(&table.paths);
        let known = known.filter(|(number, _)| all.contains(*number));
        known
            .map(|(_, known)| known.path.basename().to_owned())
            .collect()
    }

    fn nar_hash(&self, name: &str) -> Option<[u8; 32]> {
        let table = self.known.read();
        let number = self.find(&table, name)?;
        let facts = table.get(number).facts.as_ref();
        facts.map(|facts| facts.nar_hash)
    }
}

/// See [`InputClosure::with_outputs`].
pub struct Occurring<'c> {
    closure: &'c InputClosure,
    outputs: Vec<(usize, &'c StorePath)>,
}

impl Candidates for Occurring<'_> {
    fn may_begin(&self, beginning: usize) -> bool {
        let word = self.closure.known.beginnings.get(beginning / 64);
        let known =
            word.is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (beginning % 64)) != 0);
        known || self.outputs.iter().any(|(output, _)| *output == beginning)
    }

    fn with_hash_part(&self, hash_part: &[u8; HASH_PART_LEN]) -> Vec<StorePath> {
        let outputs = self.outputs.iter().map(|(_, output)| *output);
        let outputs = outputs.filter(|output| output.hash_part_bytes() == *hash_part);
        let mut found: Vec<StorePath> = outputs.cloned().collect();
        let table = self.closure.known.read();
        let known = table.with_hash_part(hash_part);
        let inputs = known.filter(|number| self.closure.has(&table, *number));
        found.extend(inputs.map(|number| table.get(number).path.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::BTreeSet;
    use std::convert::Infallible;
    use std::sync::LazyLock;
    use wasibuild_nix_compat::file_system_object::FileSystemObject;
    use wasibuild_nix_compat::refscan::scan;

    /// Only its places matter.
    static STORE: LazyLock<(tempfile::TempDir, Store)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("root")).unwrap();
        (dir, store)
    });

    /// The path of a number. Every fifth has the hash part of the one before.
    fn path(number: usize) -> StorePath {
        let digest = [u8::try_from(number - usize::from(number % 5 == 4)).unwrap(); 20];
        StorePath::from_digest(&digest, &format!("p{number}")).unwrap()
    }

    /// A graph: each path refers to some before it, and perhaps to itself.
    fn graphs() -> impl Strategy<Value = Vec<BTreeSet<usize>>> {
        prop::collection::vec(prop::collection::btree_set(0..40usize, 0..4), 1..40).prop_map(
            |graph| {
                let below = |number, set: BTreeSet<usize>| {
                    set.into_iter().filter(|to| *to <= number).collect()
                };
                let all = graph.into_iter().enumerate();
                all.map(|(number, set)| below(number, set)).collect()
            },
        )
    }

    fn naive(graph: &[BTreeSet<usize>], roots: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        let mut todo: Vec<usize> = roots.iter().copied().collect();
        while let Some(number) = todo.pop() {
            if all.insert(number) {
                todo.extend(&graph[number]);
            }
        }
        all
    }

    fn info(graph: &[BTreeSet<usize>], number: usize) -> PathInfo {
        let mut info = PathInfo::new(path(number), [u8::try_from(number).unwrap(); 32], 1);
        info.references = graph[number].iter().map(|to| path(*to)).collect();
        info
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..Default::default() })]
        #[test]
        fn a_closure_that_is_not_written_out_is_the_same(
            graph in graphs(),
            wanted in prop::collection::vec(prop::collection::btree_set(0..40usize, 0..4), 1..6),
            placed in prop::collection::btree_set(0..40usize, 0..20),
        ) {
            let (_, store) = &*STORE;
            let known = Arc::new(KnownPaths::default());
            let asked = Cell::new(0);
            let ask = |path: &StorePath| {
                asked.set(asked.get() + 1);
                let number = path.name()[1..].parse().unwrap();
                Ok::<_, Infallible>(info(&graph, number))
            };
            // Some are outputs that were made in this run, so after all that they refer to.
            for number in placed.into_iter().filter(|number| *number < graph.len()) {
                let inputs = graph[number].iter().filter(|to| **to != number).map(|to| path(*to));
                known.closure(inputs, store, ask).unwrap();
                known.note_placed([&info(&graph, number)]);
            }
            for roots in wanted {
                let roots = roots.into_iter().filter(|root| *root < graph.len()).collect();
                let expected = naive(&graph, &roots);
                let inputs = roots.iter().map(|root| path(*root));
                let closure = known.closure(inputs, store, ask).unwrap();
                let own = BTreeMap::from([("out".to_owned(), path(44))]);
                // The tree names all paths that there are; its references are those that may occur.
                let names: Vec<String> = (0..50).map(|n| path(n).to_absolute_path()).collect();
                let scanned = scan(
                    &FileSystemObject::file(names.join(" ").into_bytes()),
                    &closure.with_outputs(&own),
                ).unwrap();
                let mut occurring: BTreeSet<StorePath> = expected.iter().map(|n| path(*n)).collect();
                occurring.insert(path(44));
                prop_assert_eq!(scanned.references, occurring);
                for number in 0..50 {
                    let path = path(number);
                    let inside = expected.contains(&number);
                    prop_assert_eq!(closure.contains(&path), inside, "{}", number);
                    let place = inside.then(|| store.real_path(&path));
                    prop_assert_eq!(closure.place(path.basename()), place);
                    let hash = inside.then(|| [u8::try_from(number).unwrap(); 32]);
                    prop_assert_eq!(closure.nar_hash(path.basename()), hash);
                }
                let names: BTreeSet<String> = closure.names().into_iter().collect();
                let expected = expected.iter().map(|n| path(*n).basename().to_owned());
                prop_assert_eq!(names, expected.collect());
            }
            prop_assert!(asked.get() <= graph.len(), "each path is asked for once");
        }
    }
}
