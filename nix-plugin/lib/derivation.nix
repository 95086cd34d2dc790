# Makes the one kind of derivation that every function of this library returns.
#
# Contract: the same call gives the same derivation on every host. So the system is fixed, nothing
# reads `builtins.currentSystem`, and a builder is copied into the store under a fixed name, where-
# ever its file stands. Needs Nix 2.8 or newer and nothing else.
#
# Counterpart: `stdenv.mkDerivation` in nixpkgs, without a stdenv: the builder is a WebAssembly
# module that reads its attributes from `.attrs.json`.
{
  # Attribute set: name of a module (`text`, `text-executable`, …) → path of its .wasm file, or
  # a string with context (the output of a derivation that builds it).
  builders,
  # The system that the builds ask for.
  system,
}:
let
  inherit (builtins)
    attrNames
    filter
    removeAttrs
    ;

  program = import ./program.nix { inherit builders; };

  withoutNulls = attributes: removeAttrs attributes (
    filter (name: attributes.${name} == null) (attrNames attributes)
  );
in
{
  # The builder's module, a key of `builders`.
  module,
  # The derivation's name.
  name,
  # What the builder reads. Attributes that are `null` are left out.
  attributes,
  # Further attributes of the derivation that Nix reads (allowedReferences, outputs, …).
  derivationArgs ? { },
  # Not part of the derivation: added to the result, as in nixpkgs.
  meta ? { },
  passthru ? { },
}:
let
  drv = derivation (
    {
      inherit name system;
      builder = program module;
      __structuredAttrs = true;
      # Building such a file is faster than asking a cache for it (as `writeTextFile` says).
      preferLocalBuild = true;
      allowSubstitutes = false;
    }
    // withoutNulls attributes
    // derivationArgs
  );
in
drv // { inherit meta; } // passthru // { inherit passthru; }
