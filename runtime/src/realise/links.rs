//! `--out-link`: links to the outputs, which are garbage collector roots.
//!
//! Contract: named as `nix-build -o L` names them: `L` for the output `out` of the first derivation,
//! `L-2` of the second, and `-OUTPUT` appended for other outputs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::plan::Plan;

/// The links for a plan's goals, in their order, with what they point to.
pub fn names(plan: &Plan, link: &Path) -> Vec<(PathBuf, StorePath)> {
    let mut links = Vec::new();
    for (number, (goal, wanted)) in plan.goals.iter().enumerate() {
        let outputs = &plan.graph.node(*goal).outputs;
        for (output, path) in outputs
            .iter()
            .filter(|(output, _)| wanted.contains(*output))
        {
            links.push((name(link, number, output), path.clone()));
        }
    }
    links
}

fn name(link: &Path, number: usize, output: &str) -> PathBuf {
    let mut name = OsString::from(link);
    if number > 0 {
        name.push(format!("-{}", number + 1));
    }
    if output != "out" {
        name.push(format!("-{output}"));
    }
    PathBuf::from(name)
}

/// Makes the links whose paths are valid, and registers them as roots.
///
/// # Errors
/// When something else is in the way, or the store fails.
pub fn make(
    links: &[(PathBuf, StorePath)],
    valid: &BTreeSet<StorePath>,
    store: &Store,
) -> Result<(), wasibuild_store::Error> {
    for (link, path) in links.iter().filter(|(_, path)| valid.contains(path)) {
        store.add_root(link, path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_nix_build() {
        // `nix-build -A a -A b -A c.all`: result, result-2, result-3, result-3-dev.
        let at = |number, output| name(Path::new("dir/result"), number, output);
        assert_eq!(at(0, "out"), Path::new("dir/result"));
        assert_eq!(at(0, "dev"), Path::new("dir/result-dev"));
        assert_eq!(at(1, "out"), Path::new("dir/result-2"));
        assert_eq!(at(2, "dev"), Path::new("dir/result-3-dev"));
    }
}
