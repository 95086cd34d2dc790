//! Attributes that speak to Nix and not to the builder, and variables that Nix itself sets.
//!
//! Source: the Nix manual, "Advanced attributes", and `DerivationBuilderImpl::initEnv`.

/// Attributes that mean something to Nix. A builder ignores them, whatever their value.
pub const ATTRIBUTES: &[&str] = &[
    "__contentAddressed",
    "__darwinAllowLocalNetworking",
    "__ignoreNulls",
    "__impure",
    "__impureHostDeps",
    "__json",
    "__meta",
    "__propagatedImpureHostDeps",
    "__sandboxProfile",
    "__structuredAttrs",
    "allowSubstitutes",
    "allowedReferences",
    "allowedRequisites",
    "builder",
    "disallowedReferences",
    "disallowedRequisites",
    "exportReferencesGraph",
    "impureEnvVars",
    "maxClosureSize",
    "maxSize",
    "name",
    "outputChecks",
    "outputHash",
    "outputHashAlgo",
    "outputHashMode",
    "outputs",
    "passAsFile",
    "preferLocalBuild",
    "requiredSystemFeatures",
    "system",
    "unsafeDiscardReferences",
];

/// Variables that Nix adds to every build's environment.
const VARIABLES: &[&str] = &[
    "HOME", "PATH", "PWD", "TEMP", "TEMPDIR", "TERM", "TMP", "TMPDIR",
];

/// Whether Nix, and not the derivation, set this variable.
pub fn is_nix_variable(name: &str) -> bool {
    name.starts_with("NIX_") || VARIABLES.contains(&name)
}
