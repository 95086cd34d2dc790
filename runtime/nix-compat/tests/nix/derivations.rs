//! Derivations that Nix wrote: read, written back, and their paths computed again.

use crate::nix::{Nix, text};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use wasibuild_nix_compat::{
    derivation::{Derivation, DerivationKind, Output, OutputPathError},
    hash::sha256,
    store_path::StorePath,
};

type Derivations = BTreeMap<StorePath, (Vec<u8>, Derivation)>;

/// Evaluates an expression and reads every `.drv` file in the store.
fn evaluate(nix: &Nix, expression: &str) -> Result<Derivations> {
    nix.write("bytes", (1..=255).collect::<Vec<u8>>())?;
    let file = nix.write("expressions.nix", expression)?;
    nix.run("nix-instantiate", &[text(&file)?])?;
    let mut derivations = BTreeMap::new();
    for entry in std::fs::read_dir(nix.real_path("/nix/store"))? {
        let name = entry?.file_name().into_encoded_bytes();
        let Ok(path) = StorePath::from_basename(&name) else {
            continue; // .links
        };
        if path.is_derivation() {
            let bytes = std::fs::read(nix.real_path(&path.to_absolute_path()))?;
            let derivation = Derivation::from_aterm_bytes(&bytes)
                .with_context(|| String::from_utf8_lossy(&bytes).into_owned())?;
            derivations.insert(path, (bytes, derivation));
        }
    }
    Ok(derivations)
}

/// The modulo hash of a derivation; recursive, which is fine for the few of this test.
fn modulo(derivations: &Derivations, path: &StorePath) -> Result<[u8; 32]> {
    let (_, derivation) = derivations.get(path).context("an input is missing")?;
    derivation.hash_derivation_modulo(|input| modulo(derivations, input))
}

fn validate(derivations: &Derivations, derivation: &Derivation, path: &StorePath) -> Result<()> {
    let name = path.derivation_name().context("no .drv path")?;
    derivation.validate_output_paths(name, |input| modulo(derivations, input))
}

#[test]
fn paths_and_bytes_are_those_of_nix() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let derivations = evaluate(&nix, include_str!("expressions.nix"))?;
    ensure!(
        derivations.len() == 16,
        "found {} derivations",
        derivations.len()
    );
    for (path, (bytes, derivation)) in &derivations {
        let name = path.derivation_name().context("no .drv path")?;
        ensure!(
            derivation.to_aterm_bytes() == *bytes,
            "{path} is written differently"
        );
        assert_eq!(derivation.calculate_derivation_path(name)?, *path);
        validate(&derivations, derivation, path).with_context(|| path.to_string())?;
    }
    Ok(())
}

#[test]
fn a_file_that_lies_is_refused() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let derivations = evaluate(&nix, include_str!("expressions.nix"))?;
    let wrong = StorePath::from_digest(&[7; 20], "wrong")?;
    for (path, (_, derivation)) in &derivations {
        let refused = |changed: Derivation| -> Result<OutputPathError> {
            match validate(&derivations, &changed, path) {
                Ok(()) => bail!("{path} was accepted"),
                Err(error) => Ok(error.downcast()?),
            }
        };
        for name in derivation.outputs.keys() {
            let mut changed = derivation.clone();
            match changed.outputs.get_mut(name) {
                Some(Output::InputAddressed { path } | Output::Fixed { path, .. }) => {
                    path.clone_from(&wrong);
                }
                other => bail!("{path}: {other:?}"),
            }
            assert!(matches!(
                refused(changed)?,
                OutputPathError::WrongPath { .. }
            ));
            let mut changed = derivation.clone();
            changed
                .environment
                .insert(name.as_str().into(), "/elsewhere".into());
            assert!(matches!(
                refused(changed)?,
                OutputPathError::WrongEnvironment { .. }
            ));
            let mut changed = derivation.clone();
            changed
                .environment
                .remove(&bstr::BString::from(name.as_str()));
            refused(changed)?;
        }
        if derivation.kind()? == DerivationKind::InputAddressed {
            let mut changed = derivation.clone();
            changed.arguments.push("another".into());
            assert!(matches!(
                refused(changed)?,
                OutputPathError::WrongPath { .. }
            ));
        }
    }
    Ok(())
}

#[test]
fn json_is_that_of_nix() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    for (path, (_, derivation)) in evaluate(&nix, include_str!("expressions.nix"))? {
        if derivation
            .environment
            .values()
            .any(|value| value.contains(&0xff))
        {
            continue; // Nix prints such bytes as they are, which is no JSON.
        }
        let printed = nix.run("nix", &["show-derivation", &path.to_absolute_path()])?;
        let expected: serde_json::Value = serde_json::from_slice(&printed)?;
        assert_eq!(derivation.to_json(&path), expected);
    }
    Ok(())
}

#[test]
fn content_addressed_and_impure_ones_are_read_but_refused() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let derivations = evaluate(
        &nix,
        r#"let
          drv = attrs: derivation ({ system = "x"; builder = "b"; outputHashAlgo = "sha256"; outputHashMode = "recursive"; } // attrs);
          floating = drv { name = "floating"; __contentAddressed = true; };
        in [
          floating
          (drv { name = "impure"; __impure = true; })
          (derivation { name = "deferred"; system = "x"; builder = "b"; inherit floating; })
        ]"#,
    )?;
    let mut kinds = Vec::new();
    for (path, (bytes, derivation)) in &derivations {
        assert_eq!(derivation.to_aterm_bytes(), *bytes);
        let error = validate(&derivations, derivation, path)
            .expect_err("accepted")
            .to_string();
        ensure!(error.contains("is not supported"), "{path}: {error}");
        kinds.push(derivation.kind()?.to_string());
    }
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "content-addressed (floating)",
            "deferred, with a content-addressed input",
            "impure"
        ]
    );
    Ok(())
}

#[test]
fn the_masked_hash_of_a_known_derivation() {
    // A fixed output's modulo hash is that of this text, whatever the derivation is otherwise.
    let path = "/nix/store/4q0pg5zpfmznxscq3avycvf9xdvx50n3-n";
    let text = format!(
        "Derive([(\"out\",\"{path}\",\"sha1\",\"da39a3ee5e6b4b0d3255bfef95601890afd80709\")],[],[],\"x\",\"b\",[],[])"
    );
    let derivation = Derivation::from_aterm_bytes(text.as_bytes()).expect("it is well formed");
    let hash = derivation.hash_derivation_modulo(|input| -> Result<_, OutputPathError> {
        panic!("asked for {input}");
    });
    let clear = format!("fixed:out:sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709:{path}");
    assert_eq!(hash, Ok(sha256(clear.as_bytes())));
}
