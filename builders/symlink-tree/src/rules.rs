//! How `buildEnv` differed over the years.
//!
//! The script that nixpkgs runs is part of the derivation, so an old derivation must be built by the
//! old rules to get the same bytes. Each difference that can be seen is one field here.

/// The rules of one age of nixpkgs' `buildenv/builder.pl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// All parents of `pathsToLink` are directories from the start. Before, only its members were.
    pub parents_first: bool,
    /// Names outside of `pathsToLink` are not looked at. Before, they were and could collide.
    pub unselected_skipped: bool,
    /// `pathsToLink` is split at single blanks, and `\ ` is a blank in a name.
    pub escaped_blanks: bool,
    /// What is no directory where one must be is refused as that, not as a collision.
    pub directories_required: bool,
    /// Two paths that lead to the same file do not collide; the one that is no link wins.
    pub same_file_agrees: bool,
    /// So do two paths that lead nowhere (an undefined path is equal to another).
    pub lost_paths_agree: bool,
    /// A missing file makes the comparison of contents fail without a word.
    pub missing_differs_silently: bool,
    /// `info/dir` is left out wherever the name contains it, not only where it ends so.
    pub info_dir_anywhere: bool,
    /// A package that is a single file is refused by name.
    pub single_files_checked: bool,
    /// `ignoreSingleFileOutputs` leaves it out instead.
    pub single_files_ignorable: bool,
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
    pub const AGES: &[(&str, Self)] = &[
        ("2016", Self::OF_2016),
        ("2019", Self::OF_2019),
        ("2021", Self::OF_2021),
        ("2023", Self::OF_2023),
        ("2024", Self::OF_2024),
        ("2025-early", Self::OF_EARLY_2025),
        ("2025", Self::OF_2025),
        ("current", Self::CURRENT),
    ];

    /// nixpkgs of July 2016.
    pub const OF_2016: Self = Self {
        parents_first: false,
        unselected_skipped: false,
        escaped_blanks: false,
        directories_required: false,
        same_file_agrees: false,
        lost_paths_agree: false,
        missing_differs_silently: false,
        info_dir_anywhere: true,
        single_files_checked: false,
        single_files_ignorable: false,
        dangling_shown: false,
        collisions_explained: false,
        warning: "",
        error: "",
    };

    /// With parents of `pathsToLink`.
    pub const OF_2019: Self = Self {
        parents_first: true,
        ..Self::OF_2016
    };

    /// Names outside of `pathsToLink` are skipped, the same file agrees, single files are refused.
    pub const OF_2021: Self = Self {
        unselected_skipped: true,
        same_file_agrees: true,
        lost_paths_agree: true,
        single_files_checked: true,
        ..Self::OF_2019
    };

    /// With its messages about dangling links.
    pub const OF_2023: Self = Self {
        directories_required: true,
        lost_paths_agree: false,
        missing_differs_silently: true,
        dangling_shown: true,
        warning: "warning: ",
        error: "error: ",
        ..Self::OF_2021
    };

    /// `info/dir` at the end of a name only.
    pub const OF_2024: Self = Self {
        info_dir_anywhere: false,
        ..Self::OF_2023
    };

    /// With `ignoreSingleFileOutputs` and `extraPathsFrom`.
    pub const OF_EARLY_2025: Self = Self {
        single_files_ignorable: true,
        ..Self::OF_2024
    };

    /// With blanks in `pathsToLink`, and its own words for collisions.
    pub const OF_2025: Self = Self {
        escaped_blanks: true,
        collisions_explained: true,
        warning: "pkgs.buildEnv warning: ",
        error: "pkgs.buildEnv error: ",
        ..Self::OF_EARLY_2025
    };

    /// With `pathsToLink` as JSON: 2025 and 2026.
    pub const CURRENT: Self = Self {
        escaped_blanks: false,
        ..Self::OF_2025
    };
}
