//! Requests against a library that is a directory. What users read is tested in `tests/`.

use super::*;
use std::fs;
use wasibuild_nix_compat::hash::sha256;
use wasibuild_nix_compat::store_path::build_output_path;

/// A store directory in which every file is valid.
struct Files {
    store: PathBuf,
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

/// Writes a derivation that needs others into a directory, and returns its path.
fn write(directory: &Path, name: &str, inputs: &[(StorePath, [u8; 32])]) -> (StorePath, [u8; 32]) {
    let mut text = br#"Derive([("out","/nix/store/00000000000000000000000000000000-a","","")],[],[],"wasm32-wasi","/nix/store/00000000000000000000000000000000-b",[],[("out","/nix/store/00000000000000000000000000000000-a")])"#.to_vec();
    let mut derivation = Derivation::from_aterm_bytes(&text).expect("a derivation");
    for (input, _) in inputs {
        derivation
            .input_derivations
            .insert(input.clone(), ["out".to_owned()].into());
    }
    let hash =
        |path: &StorePath| -> Result<[u8; 32], wasibuild_nix_compat::derivation::OutputPathError> {
            Ok(inputs
                .iter()
                .find(|(input, _)| input == path)
                .expect("an input")
                .1)
        };
    let out = derivation
        .calculate_output_paths(name, hash)
        .expect("paths")["out"]
        .clone();
    derivation.outputs.insert(
        "out".to_owned(),
        wasibuild_nix_compat::derivation::Output::InputAddressed { path: out.clone() },
    );
    derivation
        .environment
        .insert("out".into(), out.to_absolute_path().into());
    text = derivation.to_aterm_bytes();
    let path = derivation.calculate_derivation_path(name).expect("a path");
    fs::write(directory.join(path.basename()), text).expect("written");
    let hash = derivation.hash_derivation_modulo(hash).expect("a hash");
    (path, hash)
}

#[test]
fn a_chain_of_thousands_is_read_without_recursion() {
    let directory = tempfile::tempdir().expect("a directory");
    let library = Files {
        store: directory.path().join("store"),
    };
    fs::create_dir(&library.store).expect("a directory");
    let mut last = write(directory.path(), "d0", &[]);
    for number in 1..3000 {
        last = write(
            directory.path(),
            &format!("d{number}"),
            std::slice::from_ref(&last),
        );
    }
    let file = directory.path().join(last.0.basename());
    let request =
        Request::read(&[file.into_os_string()], &library, Extent::Everything).expect("a request");
    assert_eq!(request.graph.len(), 3000);
    assert_eq!(request.imports.derivations.len(), 3000);
    assert_eq!(
        request.imports.derivations.last().map(|(path, _)| path),
        Some(&last.0)
    );
    let names: Vec<_> = request
        .graph
        .ids()
        .map(|id| request.graph.node(id).name().to_owned())
        .collect();
    assert_eq!(names.first().map(String::as_str), Some("d0"));
}

#[test]
fn the_same_derivation_twice_is_one_goal() {
    let directory = tempfile::tempdir().expect("a directory");
    let library = Files {
        store: directory.path().to_owned(),
    };
    let (path, _) = write(directory.path(), "a", &[]);
    let (absolute, real) = (
        path.to_absolute_path().into(),
        directory.path().join(path.basename()).into_os_string(),
    );
    let request =
        Request::read(&[absolute, real], &library, Extent::Everything).expect("a request");
    assert_eq!(request.goals.len(), 1);
    assert!(request.imports.is_empty());
}

#[test]
fn an_output_path_that_does_not_follow_is_a_lie() {
    let directory = tempfile::tempdir().expect("a directory");
    let library = Files {
        store: directory.path().join("store"),
    };
    let (path, _) = write(directory.path(), "a", &[]);
    let file = directory.path().join(path.basename());
    let mut derivation = read_file(&file).expect("readable");
    let wrong = build_output_path("a", "out", &sha256(b"something else")).expect("a path");
    derivation.outputs.insert(
        "out".to_owned(),
        wasibuild_nix_compat::derivation::Output::InputAddressed {
            path: wrong.clone(),
        },
    );
    derivation
        .environment
        .insert("out".into(), wrong.to_absolute_path().into());
    let loose = directory.path().join("loose.drv");
    fs::write(&loose, derivation.to_aterm_bytes()).expect("written");
    let error = Request::read(
        &[loose.clone().into_os_string()],
        &library,
        Extent::Everything,
    )
    .expect_err("refused");
    assert!(
        matches!(error, RequestError::WrongOutputs { .. }),
        "{error}"
    );
    fs::write(&file, derivation.to_aterm_bytes()).expect("written");
    let error =
        Request::read(&[file.into_os_string()], &library, Extent::Everything).expect_err("refused");
    assert!(matches!(error, RequestError::WrongName { .. }), "{error}");
}
