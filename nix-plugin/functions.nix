# nixpkgs' small builders for a given package set, with derivations for WebAssembly builders.
#
#     import ./functions.nix { builders = …; } pkgs      { writeText = …; runCommand = …; … }
#
# Contract: a function calls that of the set and replaces the derivation that it returns if, and only if,
# a builder gives the same bytes (translate/default.nix says how that is known). Attributes, errors and
# warnings are those of nixpkgs. What has no builder stays nixpkgs' derivation. Functions that the
# set does not have are not there.
#
# Counterpart: pkgs/build-support and pkgs/pkgs-lib of nixpkgs.
{
  # Name of a module → file, as builders.nix gives them.
  builders,
  # The system of the new derivations.
  system ? "wasm32-wasi",
  # The tree that the package set is made of, where the set itself does not say it (`path`).
  tree ? null,
}:
prev:
let
  inherit (builtins)
    attrNames
    filter
    isAttrs
    listToAttrs
    map
    ;
  inherit (prev) lib;

  program = import ./lib/program.nix { inherit builders; };
  inherit
    (import ./translate {
      inherit program;
      has = module: builders ? ${module};
      build = import ./lib/derivation.nix { inherit builders system; };
    })
    translate
    translateAs
    shared
    ;

  # Files of the tree that say how its functions work; nixpkgs has them at the first place.
  files =
    let
      root = if tree == null then prev.path or null else tree;
    in
    places: if root == null then [ ] else map (place: root + place) places;
  buildEnvWay = import ./translate/build-env.nix {
    inherit shared;
    scripts = files [
      "/pkgs/build-support/buildenv/builder.pl"
      "/pkgs/buildEnv/builder.pl"
    ];
  };
  substituteWays = import ./translate/substitute.nix {
    inherit shared;
    inherit (lib) escapeShellArg;
    setups = files [
      "/pkgs/stdenv/generic/setup.sh"
      "/stdenv/generic/setup.sh"
    ];
  };
  formatWays = import ./translate/formats.nix { inherit shared; };

  # nixpkgs' function, with its result translated. Some are sets that can be called, with `override`.
  one =
    make: function:
    if isAttrs function then
      function
      // {
        __functor = _: argument: make argument (function argument);
      }
      // (
        if function ? override then { override = argument: one make (function.override argument); } else { }
      )
    else
      argument: make argument (function argument);

  # By the number of arguments.
  afterOne = one (_: translate);
  afterTwo = function: first: second: translate (function first second);
  afterThree = function: first: second: third: translate (function first second third);

  format =
    way: function:
    argument:
    let
      made = function argument;
    in
    made
    // {
      generate = name: value: translateAs [ (way value) ] (made.generate name value);
    };

  functions = {
    runCommand = afterThree;
    runCommandLocal = afterThree;

    writeTextFile = afterOne;
    writeText = afterTwo;
    writeTextDir = afterTwo;
    writeScript = afterTwo;
    writeScriptBin = afterTwo;
    writeShellScript = afterTwo;
    writeShellScriptBin = afterTwo;
    writeShellApplication = afterOne;
    concatTextFile = afterOne;
    concatText = afterTwo;
    concatScript = afterTwo;

    symlinkJoin = afterOne;
    linkFarm = afterTwo;
    linkFarmFromDrvs = afterTwo;
    buildEnv = one (_: translateAs [ buildEnvWay ]);

    substitute = one (arguments: translateAs [ (substituteWays.substitute arguments) ]);
    substituteAll = one (arguments: translateAs [ (substituteWays.substituteAll arguments) ]);
    replaceVarsWith = one (arguments: translateAs [ (substituteWays.replaceVars arguments) ]);
    replaceVars =
      function: src: replacements:
      translateAs [ (substituteWays.replaceVars { inherit replacements; }) ] (function src replacements);

    makeDesktopItem = one (_: translateAs [ (import ./translate/desktop-item.nix { inherit shared; }) ]);

    formats =
      formats:
      formats
      // (
        if formats ? json then { json = format formatWays.json formats.json; } else { }
      )
      // (if formats ? yaml then { yaml = format formatWays.yaml formats.yaml; } else { })
      // (if formats ? yaml_1_1 then { yaml_1_1 = format formatWays.yaml formats.yaml_1_1; } else { })
      // (if formats ? toml then { toml = format formatWays.toml formats.toml; } else { })
      // (
        if formats ? javaProperties then
          { javaProperties = format formatWays.javaProperties formats.javaProperties; }
        else
          { }
      );
  };

in
listToAttrs (
  map (name: {
    inherit name;
    value = functions.${name} prev.${name};
  }) (filter (name: prev ? ${name}) (attrNames functions))
)
