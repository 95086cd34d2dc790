//! Skipped tests: a test that cannot run here prints `SKIPPED: TEST: REASON`. Each such line must
//! stand in `tests/skips.list`, with the reason why that is acceptable, or CI fails.

use anyhow::{Context, Result, bail};
use std::path::Path;

/// The tests that said they were skipped: what follows `SKIPPED: ` in a log.
pub fn found(log: &str) -> Vec<&str> {
    let mut found: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once("SKIPPED: ").map(|(_, what)| what.trim()))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns the skips in the log, and fails if one is among them that no line of the list allows. A
/// line of the list is `TEST: REASON`, and allows the skips whose text begins with `TEST`.
pub fn check<'l>(log: &'l str, list: &Path) -> Result<Vec<&'l str>> {
    let allowed =
        std::fs::read_to_string(list).with_context(|| format!("reading {}", list.display()))?;
    let allowed: Vec<&str> = allowed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(": ").map_or(line, |(test, _)| test))
        .collect();
    let is_allowed = |skip: &str| allowed.iter().any(|test| skip.starts_with(test));
    let found = found(log);
    let surprises: Vec<&str> = found
        .iter()
        .copied()
        .filter(|skip| !is_allowed(skip))
        .collect();
    if !surprises.is_empty() {
        bail!(
            "skipped, but not in tests/skips.list:\n  {}",
            surprises.join("\n  ")
        );
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_skips_pass() {
        let folder = std::env::temp_dir().join(format!("skips-{}", std::process::id()));
        std::fs::write(&folder, "# why\nneeds_root: not everyone is root\n").unwrap();
        assert!(
            check(
                "running 1 test\nSKIPPED: needs_root: uid is 1000\n",
                &folder
            )
            .is_ok()
        );
        assert!(check("SKIPPED: real_nix: no nix-store\n", &folder).is_err());
        assert!(check("test a ... ok\n", &folder).is_ok());
        std::fs::remove_file(&folder).unwrap();
    }
}
