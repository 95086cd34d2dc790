//! Whether it makes a difference to the plan how much is read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use wasibuild_nix_compat::derivation::{Derivation, Output, OutputPathError};
use wasibuild_nix_compat::store_path::StorePath;

use crate::plan::{Choices, Facts, Offer, Plan, PlanError};
use crate::request::{Extent, Library, Request, RequestError};

const OUTPUTS: [&str; 2] = ["dev", "out"];

/// A store directory in which every file is valid.
struct Files {
    store: PathBuf,
}

impl Files {
    fn in_directory(directory: &Path) -> Files {
        let store = directory.to_owned();
        Files { store }
    }
}

impl Library for Files {
    fn is_valid(&self, path: &StorePath) -> Result<bool, RequestError> {
        Ok(self.real_path(path).exists())
    }
    fn real_path(&self, path: &StorePath) -> PathBuf {
        self.store.join(path.basename())
    }
    fn real_store_dir(&self) -> &Path {
        &self.store
    }
}

impl Facts for Files {
    type Error = std::convert::Infallible;
    fn is_valid(&self, path: &StorePath) -> Result<bool, Self::Error> {
        Ok(self.real_path(path).exists())
    }
    fn offered(
        &self,
        _: &BTreeSet<StorePath>,
    ) -> Result<std::collections::BTreeMap<StorePath, Offer>, Self::Error> {
        Ok(Default::default())
    }
}

/// A derivation of a graph: which outputs of which earlier ones it needs (the number of one, modulo how
/// many there are), and which of its own outputs are valid.
type Shape = (Vec<(usize, [bool; 2])>, [bool; 2]);

/// Writes the derivations into the store, with what is valid. Gives their paths.
fn write(store: &Path, shapes: &[Shape]) -> Vec<StorePath> {
    let mut made: Vec<(StorePath, [u8; 32])> = Vec::new();
    for (number, (inputs, valid)) in shapes.iter().enumerate() {
        let name = format!("d{number}");
        let text = br#"Derive([],[],[],"wasm32-wasi","/nix/store/00000000000000000000000000000000-b",[],[])"#;
        let mut derivation = Derivation::from_aterm_bytes(text).expect("a derivation");
        for (input, wanted) in inputs.iter().filter(|_| number > 0) {
            let (path, _) = &made[input % number];
            let wanted = OUTPUTS.iter().zip(wanted).filter(|(_, wanted)| **wanted);
            let mut wanted: BTreeSet<String> = wanted.map(|(it, _)| (*it).to_owned()).collect();
            if wanted.is_empty() {
                wanted.insert("out".to_owned());
            }
            let all = derivation.input_derivations.entry(path.clone());
            all.or_default().extend(wanted);
        }
        let nowhere = StorePath::from_basename(b"00000000000000000000000000000000-a");
        let nowhere = nowhere.expect("a path");
        for output in OUTPUTS {
            let path = nowhere.clone();
            let output = (output.to_owned(), Output::InputAddressed { path });
            derivation.outputs.extend([output]);
        }
        let hash = |path: &StorePath| -> Result<[u8; 32], OutputPathError> {
            Ok(made.iter().find(|(it, _)| it == path).expect("an input").1)
        };
        let paths = derivation.calculate_output_paths(&name, hash);
        for ((output, path), valid) in paths.expect("paths").into_iter().zip(valid) {
            if *valid {
                fs::write(store.join(path.basename()), "").expect("written");
            }
            let absolute = path.to_absolute_path();
            derivation
                .environment
                .insert(output.as_str().into(), absolute.into());
            derivation
                .outputs
                .insert(output, Output::InputAddressed { path });
        }
        let path = derivation.calculate_derivation_path(&name).expect("a path");
        fs::write(store.join(path.basename()), derivation.to_aterm_bytes()).expect("written");
        let hash = derivation.hash_derivation_modulo(hash).expect("a hash");
        made.push((path, hash));
    }
    made.into_iter().map(|(path, _)| path).collect()
}

fn builds(request: Request, files: &Files) -> Vec<String> {
    let plan = Plan::make(request.graph, request.goals, files, Choices::default());
    let plan = plan.unwrap_or_else(|error| panic!("no plan: {error}"));
    let names = plan
        .builds()
        .map(|id| plan.graph.node(id).name().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..Default::default() })]
    #[test]
    fn what_is_left_out_is_not_missed(
        shapes in prop::collection::vec(
            (
                prop::collection::vec((any::<usize>(), any::<[bool; 2]>()), 0..4),
                any::<[bool; 2]>(),
            ),
            1..24,
        ),
        goals in prop::collection::vec(any::<usize>(), 1..3),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let files = Files::in_directory(directory.path());
        let paths = write(&files.store, &shapes);
        let goals: Vec<OsString> = goals
            .iter()
            .map(|goal| paths[goal % paths.len()].to_absolute_path().into())
            .collect();
        let read = |extent| Request::read(&goals, &files, extent).expect("a request");
        let (all, some) = (read(Extent::Everything), read(Extent::Missing));
        prop_assert!(some.graph.len() <= all.graph.len());
        for id in some.graph.ids() {
            for (input, _) in &some.graph.node(id).inputs {
                prop_assert!(*input < id, "inputs come first");
            }
        }
        prop_assert_eq!(builds(some, &files), builds(all, &files));
    }
}

/// A chain of three, of which the first ones are valid.
fn chain(store: &Path, valid: [bool; 3]) -> Vec<StorePath> {
    let shapes = valid.iter().enumerate();
    let shapes: Vec<Shape> = shapes
        .map(|(number, valid)| (vec![(number.wrapping_sub(1), [true; 2])], [*valid; 2]))
        .collect();
    write(store, &shapes)
}

#[test]
fn nobody_looks_behind_what_is_valid() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = Files::in_directory(directory.path());
    let paths = chain(&files.store, [false, true, false]);
    // What is behind cannot be read.
    fs::remove_file(files.real_path(&paths[0])).expect("removed");
    let goal = [paths[2].to_absolute_path().into()];
    let request = Request::read(&goal, &files, Extent::Missing).expect("a request");
    let unread = |it: usize| {
        let id = request.graph.find(&paths[it]);
        id.map(|id| request.graph.node(id).inputs_unread)
    };
    assert_eq!(
        [unread(0), unread(1), unread(2)],
        [None, Some(true), Some(false)]
    );
    let error = Request::read(&goal, &files, Extent::Everything).expect_err("a file is missing");
    assert!(matches!(error, RequestError::Read { .. }), "{error}");
}

#[test]
fn what_was_collected_meanwhile_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = Files::in_directory(directory.path());
    let paths = chain(&files.store, [false, true, false]);
    let goal = [paths[2].to_absolute_path().into()];
    let request = Request::read(&goal, &files, Extent::Missing).expect("a request");
    let id = request.graph.find(&paths[1]).expect("read");
    for output in request.graph.node(id).outputs.values() {
        fs::remove_file(files.real_path(output)).expect("removed");
    }
    let plan = Plan::make(request.graph, request.goals, &files, Choices::default());
    let error = plan.expect_err("no plan");
    assert!(matches!(error, PlanError::Collected { .. }), "{error}");
    assert!(error.to_string().contains("-d1.drv"), "{error}");
}
