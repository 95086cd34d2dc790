# An overlay for nixpkgs: its small builders make derivations for WebAssembly builders.
#
#     nixpkgs.overlays = [ (import ./nix-plugin/overlay.nix { builders = …; }) ];
#
# Contract: functions.nix says what is replaced by what. Packages are meant to keep the hashes under which
# binary caches have them, and many of them contain a `writeText` or a `replaceVars`: so `callPackage`
# hands out nixpkgs' own functions, and only who asks the package set itself (`pkgs.writeText …`) gets
# those of the overlay.
#
# Some files of nixpkgs ask the set itself, too: all-packages.nix makes a hook that Python's packages
# need with `with pkgs; writeScript`. An overlay cannot keep these packages as they are. NixOS has a way
# that changes none: modules/configuration.nix.
{
  # Name of a module → file, as builders.nix gives them.
  builders,
  # The system of the new derivations.
  system ? "wasm32-wasi",
  # The tree that the package set is made of, where the set itself does not say it (`path`).
  tree ? null,
  # Whether `callPackage` too hands out the functions of the overlay: for package sets that nobody
  # has in a cache.
  overlayPackages ? false,
}:
final: prev:
let
  inherit (builtins) functionArgs intersectAttrs isAttrs isFunction;

  functions = import ./functions.nix { inherit builders system tree; } prev;
  own = intersectAttrs functions prev;

  # nixpkgs' own functions as arguments, where a package asks for them by name.
  ownFor =
    package:
    let
      function = if isFunction package || isAttrs package then package else import package;
    in
    intersectAttrs (
      if isAttrs function then function.__functionArgs or { } else functionArgs function
    ) own;
in
functions
// (
  if overlayPackages then
    { }
  else
    {
      newScope = extra: prev.newScope (own // extra);
      callPackages = package: arguments: prev.callPackages package (ownFor package // arguments);
    }
)
