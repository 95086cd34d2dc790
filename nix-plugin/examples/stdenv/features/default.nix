# One derivation for each feature of the shell and of the GNU tools that build commands rest on: the
# scripts beside this file, once with plain and once with structured attributes. What a script writes
# to $out says what it saw, so that a difference of any kind is a difference of the output.
{ lib, structured }:
let
  names = builtins.filter (name: builtins.match ".*\\.sh" name != null) (
    builtins.attrNames (builtins.readDir ./.)
  );

  feature =
    library: name:
    library.runCommandLocal (builtins.replaceStrings [ ".sh" ] [ "" ] name) {
      # Attributes of every kind, for scripts that look at them.
      text = "one & two \\ three\n\t'four' \"five\" $six `seven`\nlast";
      list = [
        "alpha"
        "beta"
        "gamma"
      ];
      number = 42;
      yes = true;
      no = false;
      nothing = null;
      inherit (lib.packages) systemd;
    } (builtins.readFile (./. + "/${name}"));

  # Only structured attributes have values within values.
  nested = structured.runCommandLocal "nested-attributes" {
    table = {
      "with space" = "a b";
      quote = "it's";
      number = -7;
      "ünï" = "çödé";
    };
    matrix = [
      [ 1 ]
      [ 2 ]
    ];
    big = 9007199254740993;
    fraction = 1.5;
    "not-a-name" = "skipped by the shell";
    empty = [ ];
    emptySet = { };
  } (builtins.readFile ./nested-attributes.bash);

  graph = lib.runCommandLocal "references-graph" {
    exportReferencesGraph = [
      "graph"
      nested
    ];
  } ''
    # Paths, derivers and counts of references take turns; the paths are sorted.
    grep -x '/nix/store/.*' graph | sort | uniq > $out
    sed -n -e '/^[0-9][0-9]*$/p' graph | wc -l >> $out
  '';

  outputs = structured.mkDerivation {
    name = "several-outputs";
    outputs = [
      "out"
      "lib"
      "doc"
    ];
    preferLocalBuild = true;
    allowSubstitutes = false;
    __structuredAttrs = true;
    buildCommand = ''
      for name in $(outputNames); do
        mkdir -p "''${!name}"
        printf '%s\n' "$name" > "''${!name}/name"
      done
      ln -s "$lib/name" "$out/lib-name"
      echo "$outputLib $outputDoc $outputBin" | sed -e 's/ /,/g' > "$doc/kinds"
    '';
  };

  # A builder with neither stdenv nor setup script, and sh in place of bash.
  bare = derivation {
    name = "bare";
    inherit (lib.stdenv.stdenv) system;
    builder = "${lib.packages.bash}/bin/sh";
    args = [
      "-euc"
      ''
        PATH=$1 eval 'mkdir -p "$out"'
        set -- "$@" "''${0##*/}"
        printf '%s\n' "$#" "$3" "''${BASH_VERSION+bash}" "$greeting" > $out/arguments
        echo "$SHELLOPTS" > $out/options
      ''
      "/name/of/zero"
      "${lib.packages.coreutils}/bin"
      "a b"
    ];
    greeting = "hello";
    preferLocalBuild = true;
    allowSubstitutes = false;
  };
in
map (feature lib) names
++ map (feature structured) names
++ [
  nested
  graph
  outputs
  outputs.lib
  outputs.doc
  bare
]
