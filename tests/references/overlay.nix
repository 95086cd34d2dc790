# Cases for tests/tests/nix_plugin.rs: derivations of the stand-in for nixpkgs with the functions of
# nix-plugin/functions.nix. `cases` are those that a builder takes, `kept` those that stay as they are.
{ plugin, builders }:
let
  plain = import ./nixpkgs.nix;
  functions = import (plugin + "/functions.nix") { inherit builders; } plain;
  package = "/nix/store/11111111111111111111111111111111-package";
  file = "/nix/store/11111111111111111111111111111111-file";

  # The same calls with both sets.
  calls =
    pkgs:
    let
      inherit (pkgs) runCommand;
    in
    {
      writeText = pkgs.writeText "text" "some\ntext ";
      empty = pkgs.writeText "empty" "";
      options = pkgs.writeText "options" "-n";
      place = pkgs.writeTextFile {
        name = "place";
        text = "x";
        destination = "/share/with blank/x";
        executable = true;
      };
      script = pkgs.writeShellScriptBin "hello" "case $1 in @(a|b)) echo; esac";
      renamed = (pkgs.writeShellScriptBin "hello" "echo").overrideAttrs (old: {
        name = "unit-script-${old.name}";
        text = old.text + "# more\n";
      });
      concatText = pkgs.concatText "all" [
        file
        file
      ];
      linkFarm = pkgs.linkFarm "farm" {
        "a/with blank" = package;
        "a/b/c" = "${file}";
        d = file;
      };
      commands = runCommand "commands" { } ''
        mkdir -p $out/etc
        mkdir -p "$out/lib/x"
          # A remark.
        ln -s ${package} $out/etc/package
        ln -sfn '../with blank' "$out/lib/x/y"
      '';
      oldFarm = runCommand "old-farm" { } "mkdir -p $out; cd $out; \nln -s '${package}' 'a';\nln -s '${file}' 'b';\n";
      emptyFolder = runCommand "folder" { } "mkdir $out";
      unit = plain.makeUnit runCommand "dev-disk-by\\x2duuid.swap" "[Unit]\n";
      disabled = runCommand "disabled" { } ''
        name=getty@.service
        mkdir -p "$out/$(dirname "$name")"
        ln -s /dev/null "$out/$name"
      '';
    };
  joins = pkgs: {
    symlinkJoin = pkgs.symlinkJoin {
      name = "join";
      paths = [
        package
        package
      ];
    };
  };
  formats = pkgs: {
    json = (pkgs.formats.json { }).generate "x.json" {
      a = [
        null
        1.5
      ];
    };
    properties = (pkgs.formats.javaProperties { comment = "A b  \\c"; }).generate "x.properties" {
      "" = "";
      "a.b c=d" = "e = f  ";
      "#!\\n" = "x#y!\\t ${file}";
    };
  };

  bad =
    { runCommand, ... }@pkgs:
    {
      application = pkgs.writeShellApplication {
        name = "app";
        text = "echo";
      };
      otherCheck = pkgs.writeTextFile {
        name = "x";
        text = "";
        checkPhase = "grep x $target";
      };
      dots = pkgs.writeTextFile {
        name = "x";
        text = "";
        destination = "/a/../b";
      };
      otherScript = runCommand "x" { text = "a"; } "echo -n $text > $out";
      variable = runCommand "x" { BASH_ENV = "x"; } "mkdir $out";
      fixed = runCommand "x" {
        outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
      } "mkdir $out";
      input = runCommand "x" { nativeBuildInputs = [ package ]; } "mkdir $out";
      expansion = runCommand "x" { } "mkdir $out\nln -s ${package}/* $out/x\n";
      emptyInside = runCommand "x" { } "mkdir -p $out/a $out/b\nln -s ${package} $out/a/x\n";
      noFolder = runCommand "x" { } "mkdir $out\nln -s ${package} $out/a/x\n";
      twice = runCommand "x" { } "mkdir $out\nln -s ${package} $out/x\nln -s ${package} $out/x\n";
      below = runCommand "x" { } "mkdir $out\nln -s ${package} $out/x\nmkdir -p $out/x/y\nln -s a $out/x/y/z\n";
      elsewhere = runCommand "x" { } "mkdir $out\nln -s ${package} x\n";
      postBuild = pkgs.symlinkJoin {
        name = "x";
        paths = [ package ];
        postBuild = "touch $out/x";
      };
      option = runCommand "x" { text = "-n"; } "name=a\nmkdir -p \"$out/$(dirname -- \"$name\")\"\necho -n \"$text\" > \"$out/$name\"\n";
      edited = (pkgs.writeText "x" "y").overrideAttrs (old: {
        buildCommand = old.buildCommand + "\n";
      });
    }
    // builtins.mapAttrs (_: (pkgs.formats.javaProperties { }).generate "x") {
      propertyWithBlank.a = " b";
      propertyWithLines.a = "b\nc";
      propertyOfUnicode.a = "ü";
      propertyOfNumber.a = 1;
      propertyNamedWithTab."a\tb" = "";
    }
    // {
      propertiesWithOption = (pkgs.formats.javaProperties { comment = "-n"; }).generate "x" { };
    };

  with' = plain // functions;

  # What Nix puts into the environment of the script.
  environ =
    value:
    if builtins.isBool value then
      (if value then "1" else "")
    else if builtins.isList value then
      toString value
    else
      toString value;

  describe = original: ours: {
    inherit (ours) system;
    attributes = removeAttrs ours.drvAttrs [
      "builder"
      "outputs"
      "system"
    ];
    builder = "${ours.builder}";
    script = original.buildCommand;
    environment = builtins.mapAttrs (_: environ) (
      removeAttrs original.drvAttrs [
        "buildCommand"
        "stdenv"
        "args"
      ]
    );
    passAsFile = original.passAsFile;
    # Everything but what names the build is that of the original.
    sameAttributes =
      builtins.attrNames original == builtins.attrNames ours
      && original.meta == ours.meta
      && original.name == ours.name
      && original.passthru == ours.passthru
      && original.text or null == ours.text or null;
    sameOutput = "${ours}" == ours.outPath && ours.out.outPath == ours.outPath && ours.drvPath != original.drvPath;
  };
  both =
    calls:
    builtins.mapAttrs (name: original: describe original (calls with').${name}) (calls plain);
in
{
  cases = both calls;
  others = both (pkgs: joins pkgs // formats pkgs);
  kept = builtins.mapAttrs (
    name: original:
    let
      ours = (bad with').${name};
    in
    original.drvPath == ours.drvPath && original.outPath == ours.outPath && ours.out.outPath == original.outPath
  ) (bad plain);
  derivations = calls with' // joins with' // formats with';

  # The overlay keeps packages; a package of an overlaid set has nixpkgs' own text in it.
  overlay =
    let
      overlay = import (plugin + "/overlay.nix");
      package = { writeText }: writeText "in-package" "x";
      set = overlayPackages: overlay { inherit builders overlayPackages; } { } plain;
      own = (plain.writeText "in-package" "x").drvPath;
      called = (set false).newScope { } package { };
      several = (set false).callPackages package { };
    in
    {
      package = called.drvPath == own && several.drvPath == own;
      functions = ((set false).writeText "in-package" "x").drvPath != own;
      all = !((set true) ? newScope);
    };
}
