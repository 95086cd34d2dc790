# Replaces a derivation of nixpkgs by one for a WebAssembly builder that gives the same output.
#
#     translate original        the derivation, with another `drvPath` and `outPath` where one is known
#
# Contract: the script in the original says what is built, and it is known by its text, to the byte.
# A script that is not known, an attribute that could change what it does, a check that cannot run
# here: the derivation stays as it is. So a nixpkgs of another age gets fewer derivations for the sandbox,
# never other bytes. All other attributes (`meta`, `passthru`, `name`, `text`, …) are the original's,
# and what `overrideAttrs` and `override` return is translated again.
#
# Nothing of the script is looked at before `drvPath` or `outPath` is asked for, so that the values
# in it may depend on the derivation's other attributes as before.
{
  # nix-plugin/lib/derivation.nix.
  build,
  # Name of a module → path in the store.
  program,
  # Whether a module was given.
  has,
}:
let
  inherit (builtins) foldl' isAttrs;

  shared = import ./attributes.nix;
  check = import ./check.nix { inherit program has shared; };

  scripts = map (file: import file { inherit shared check; }) [
    ./text.nix
    ./units.nix
    ./links.nix
    ./symlink-join.nix
  ];

  # How a derivation is built instead: the arguments of `build`, or null.
  planWith =
    ways: original:
    let
      attributes = original.drvAttrs;
      found = foldl' (plan: way: if plan != null then plan else way attributes) null ways;
    in
    if found == null then
      null
    else
      found
      // {
        inherit (attributes) name;
        derivationArgs = (found.derivationArgs or { }) // shared.derivationArgs attributes;
      };

  # `ways`: functions from the attributes of a derivation to a plan or null.
  translateWith =
    ways: original:
    let
      plan = planWith ways original;
      ours = build plan;
      of = attribute: if plan == null then original.${attribute} else ours.${attribute};
      core = {
        drvPath = of "drvPath";
        outPath = of "outPath";
        drvAttrs = of "drvAttrs";
        system = of "system";
        builder = of "builder";
      };
      out = (if plan == null then original.out else original.out // core);
      again = function: argument: translateWith ways (function argument);
      overriders =
        (if original ? overrideAttrs then { overrideAttrs = again original.overrideAttrs; } else { })
        // (if original ? override then { override = again original.override; } else { });
    in
    original
    // core
    // overriders
    // {
      inherit out;
      all = if plan == null then original.all else [ out ];
    };
in
{
  translate =
    original: if isAttrs original && original ? drvAttrs then translateWith scripts original else original;

  # The same with ways that know the arguments of the function that made the original.
  translateAs =
    ways: original:
    if isAttrs original && original ? drvAttrs then translateWith (ways ++ scripts) original else original;

  inherit shared;
}
