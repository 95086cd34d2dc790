# All of nix-plugin, for those without flakes.
#
#     wasibuild = import ./nix-plugin { builders = ./wasibuild-builders; };
#
# Contract: pure Nix, no nixpkgs, Nix 2.8 or newer. The builders are those of builders.lock
# (builders.nix), whatever folder they come from, so that all users have the same derivations.
{
  # Folder with the builders (`wasibuild builders export DIR` writes one), or an attribute set as
  # builders.nix returns it.
  builders,
  # `wasm32-wasi` or `wasm32-wasip1`, the name that Determinate Nix knows.
  system ? "wasm32-wasi",
  # For lib/: nixpkgs' functions for what is beyond a builder (lib/default.nix).
  fallback ? { },
}:
let
  files =
    if builtins.isAttrs builders && !(builders ? outPath) then
      builders
    else
      import ./builders.nix { from = builders; };
in
{
  # Name of a module → its file.
  builders = files;

  # Functions with nixpkgs' names that need no nixpkgs.
  lib = import ./lib {
    builders = files;
    inherit system fallback;
  };

  # pkgs → its small builders, with derivations for the builders.
  functions = import ./functions.nix {
    builders = files;
    inherit system;
  };

  # For `import <nixpkgs> { overlays = [ … ]; }`.
  overlay = import ./overlay.nix {
    builders = files;
    inherit system;
  };

  # Module for a NixOS that is built here.
  configuration = {
    imports = [ ./modules/configuration.nix ];
    wasibuild = {
      builders = files;
      inherit system;
    };
  };

  # Modules for the machine that builds.
  nixosModule = ./modules/nixos.nix;
  darwinModule = ./modules/darwin.nix;
}
