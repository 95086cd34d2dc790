//! How `buildEnv` differed over the years.
//!
//! The script that nixpkgs runs is part of the derivation, so an old derivation must be built by the
//! old rules to get the same bytes. Each difference that can be seen is one field here.

/// The rules of one age of nixpkgs' `buildenv/builder.pl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// All parents of `pathsToLink` are directories from the start, and names outside of it are not
    /// looked at. Before, they were looked at and could collide.
    pub selected_first: bool,
    /// Two paths that lead to the same file do not collide; the one that is no link wins.
    pub same_file_agrees: bool,
    /// A missing file makes the comparison of contents fail without a word.
    pub missing_differs_silently: bool,
    /// `info/dir` is left out wherever the name contains it, not only where it ends so.
    pub info_dir_anywhere: bool,
    /// A package that is a single file is refused by name.
    pub single_files_checked: bool,
    /// Dangling links are pointed out.
    pub dangling_shown: bool,
    /// Collisions are worded as "two given paths contain a conflicting subpath".
    pub collisions_explained: bool,
    /// What is put before a warning.
    pub warning: &'static str,
    /// What is put before an error.
    pub error: &'static str,
}

impl Rules {
    /// The ages by the names under which a host asks for them.
    pub const AGES: &[(&str, Self)] = &[("2016", Self::OF_2016), ("current", Self::CURRENT)];

    /// nixpkgs of 2025 and 2026.
    pub const CURRENT: Self = Self {
        selected_first: true,
        same_file_agrees: true,
        missing_differs_silently: true,
        info_dir_anywhere: false,
        single_files_checked: true,
        dangling_shown: true,
        collisions_explained: true,
        warning: "pkgs.buildEnv warning: ",
        error: "pkgs.buildEnv error: ",
    };

    /// nixpkgs of July 2016.
    pub const OF_2016: Self = Self {
        selected_first: false,
        same_file_agrees: false,
        missing_differs_silently: false,
        info_dir_anywhere: true,
        single_files_checked: false,
        dangling_shown: false,
        collisions_explained: false,
        warning: "",
        error: "",
    };
}
