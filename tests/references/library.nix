# Calls of nix-plugin/lib for tests/tests/builders_text_library.rs: `derivations`, one of each
# function, and `texts`, derivations of the text builder with the text that they must give.
{ lib, builders }:
let
  functions = import lib { inherit builders; };
  inherit (functions) formats generators;
  file = ./text.sh;

  section = {
    "a=b" = "x=y";
    text = "é";
    bool = true;
    other = false;
    nothing = null;
    number = -3;
    real = 0.1;
    tie = 0.0078125;
    derivation = functions.writeText "n" "t";
    coerced.__toString = _: "by function";
  };
  lists = section // {
    list = [
      1
      2.5
      null
      "x"
      true
    ];
    empty = [ ];
  };
  sections = {
    "[odd]" = section;
    empty = { };
    z = section;
  };
  custom = {
    mkKeyValue = key: value: "${key} -> ${toString value}";
    mkSectionName = name: "<${name}>";
  };
  join = list: builtins.concatStringsSep "," (map toString list);
in
{
  derivations = {
    writeText = functions.writeText "hello" "text";
    writeTextDir = functions.writeTextDir "a/b" "text";
    writeScript = functions.writeScript "hello" "text";
    writeScriptBin = functions.writeScriptBin "hello" "text";
    writeTextFile = functions.writeTextFile {
      name = "hello";
      text = "text ${file}";
      destination = "/x";
      derivationArgs.allowedReferences = [ ];
      meta.description = "not in the derivation";
      passthru.x = 1;
    };
    concatText = functions.concatText "all" [
      file
      (functions.writeText "one" "text")
    ];
    concatScript = functions.concatScript "all" [ file ];
    json = (formats.json { }).generate "x.json" { a.b = [ null ]; };
    jsonNull = (formats.json { }).generate "x.json" null;
    yaml = (formats.yaml { }).generate "x.yaml" [ 1 ];
    toml = (formats.toml { }).generate "x.toml" { a = 1; };
    shellVars = (formats.shellVars { }).generate "x.sh" { a = [ 1 ]; };
    substitute = functions.substitute {
      src = file;
      replacements = "--replace a b";
      substitutions = [
        "--subst-var"
        "x"
      ];
      x = [
        1
        true
      ];
    };
    substituteAll = functions.substituteAll {
      src = file;
      dir = "bin";
      isExecutable = true;
      x = null;
    };
    substituteAllFiles = functions.substituteAllFiles {
      name = "files";
      src = file;
      files = [ "." ];
      x = 1.5;
    };
    replaceVars = functions.replaceVars file {
      a = true;
      b = null;
    };
    etcTree = functions.etcTree {
      entries = {
        "a/b".text = "q";
        hosts = {
          source = file;
          mode = "0440";
          user = "root";
          gid = 3;
        };
        no.enable = false;
        "conf.d".source = "${file}*";
      };
    };
  };

  texts = builtins.mapAttrs (_: case: {
    attributes = case.drv.drvAttrs;
    inherit (case) text;
  }) {
    ini = {
      drv = (formats.ini { }).generate "x" sections;
      text = generators.toINI { } sections;
    };
    iniLists = {
      drv = (formats.ini { listsAsDuplicateKeys = true; }).generate "x" { s = lists; };
      text = generators.toINI { listsAsDuplicateKeys = true; } { s = lists; };
    };
    iniListToValue = {
      drv = (formats.ini { listToValue = join; }).generate "x" { s.list = [ 1 2 ]; };
      text = generators.toINI { } { s.list = "1,2"; };
    };
    iniFunctions = {
      drv = (formats.ini custom).generate "x" { s.a = 1; };
      text = "[<s>]\na -> 1\n";
    };
    global = {
      drv = (formats.iniWithGlobalSection { }).generate "x" {
        globalSection = section;
        inherit sections;
      };
      text = generators.toINIWithGlobalSection { } {
        globalSection = section;
        inherit sections;
      };
    };
    globalEmpty = {
      drv = (formats.iniWithGlobalSection { }).generate "x" { inherit sections; };
      text = generators.toINI { } sections;
    };
    keyValue = {
      drv = (formats.keyValue {
        separator = ": ";
        listsAsDuplicateKeys = true;
      }).generate "x" lists;
      text = generators.toKeyValue {
        mkKeyValue = generators.mkKeyValueDefault { } ": ";
        listsAsDuplicateKeys = true;
      } lists;
    };
    keyValueIndented = {
      drv = (formats.keyValue { indent = "  "; }).generate "x" section;
      text = generators.toKeyValue { indent = "  "; } section;
    };
    systemd = {
      drv = formats.systemd.generate "x" { Unit = lists; };
      text = generators.toINI {
        listsAsDuplicateKeys = true;
        mkKeyValue =
          key: value:
          if value == null then
            "# ${key} is unset"
          else
            "${key} = ${generators.mkValueStringDefault { } value}";
      } { Unit = lists; };
    };
    shellVars = {
      drv = (formats.shellVars { }).generate "x" {
        real = 2.5;
        list = [ "a b" 1 ];
        set.key = true;
        quote = "it's";
      };
      text = "declare -a list=('a b' 1)\nquote='it'\\''s'\nreal=2.500000\ndeclare -A set=([key]=1)";
    };
  };

  refused = {
    checkPhase = functions.writeTextFile {
      name = "x";
      text = "";
      checkPhase = "true";
    };
    hook = functions.substituteAll {
      src = file;
      postInstall = "true";
    };
    path = (formats.ini { }).generate "x" { s.path = file; };
    noSource = functions.etcTree { entries.x = { }; };
  };
}
