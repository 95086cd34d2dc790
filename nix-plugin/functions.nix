# An overlay for nixpkgs: its small builders make derivations for WebAssembly builders.
#
#     nixpkgs.overlays = [ (import ./nix-plugin/overlay.nix { builders = …; }) ];
#
# Contract: a function of the overlay calls nixpkgs' own and replaces the derivation that it returns if,
# and only if, a builder gives the same bytes (translate/default.nix says how that is known). Attributes
# are those of nixpkgs; errors and warnings too. What has no builder stays nixpkgs' derivation.
#
# Packages are not changed: they stand in binary caches under the hashes that nixpkgs gives them, and
# many of them contain a `writeText` or a `replaceVars`. So `callPackage` hands out nixpkgs' own
# functions, and only who asks the package set itself (`pkgs.writeText …`, as NixOS' modules do) gets
# those of the overlay.
#
# Counterpart: pkgs/build-support of nixpkgs.
{
  # Name of a module → file, as builders.nix gives them.
  builders,
  # The system of the new derivations.
  system ? "wasm32-wasi",
  # Whether `callPackage` too hands out the functions of the overlay: for package sets that nobody
  # has in a cache.
  overlayPackages ? false,
  # The tree that the package set is made of, where the set itself does not say it (`path`).
  tree ? null,
}:
final: prev:
let
  inherit (builtins)
    attrNames
    functionArgs
    intersectAttrs
    isAttrs
    isFunction
    listToAttrs
    filter
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

  buildEnvWay = import ./translate/build-env.nix {
    inherit shared;
    scripts =
      let
        root = if tree == null then prev.path or null else tree;
      in
      if root == null then
        [ ]
      else
        map (place: root + place) [
          "/pkgs/build-support/buildenv/builder.pl"
          "/pkgs/buildEnv/builder.pl"
        ];
  };
  substituteWays = import ./translate/substitute.nix {
    inherit shared;
    inherit (lib) escapeShellArg;
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
      // (if formats ? toml then { toml = format formatWays.toml formats.toml; } else { });
  };

  # Those that this nixpkgs has.
  present = filter (name: prev ? ${name}) (attrNames functions);
  select =
    function:
    listToAttrs (
      map (name: {
        inherit name;
        value = function name;
      }) present
    );
  overlaid = select (name: functions.${name} prev.${name});
  own = select (name: prev.${name});

  # nixpkgs' own functions as arguments, where a package asks for them by name.
  ownFor =
    package:
    let
      function = if isFunction package || isAttrs package then package else import package;
    in
    intersectAttrs (if isAttrs function then function.__functionArgs or { } else functionArgs function) own;

  packagesUnchanged = {
    newScope = extra: prev.newScope (own // extra);
    callPackages =
      package: arguments:
      prev.callPackages package (ownFor package // arguments);
  };
in
overlaid // (if overlayPackages then { } else packagesUnchanged)
