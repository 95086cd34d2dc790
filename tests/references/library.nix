# Calls of nix-plugin/lib for tests/tests/builders_text_library.rs: `derivations`, one of each
# function, and `texts`, derivations of the text builder with the text that they must give.
{ lib, builders }:
let
  functions = import lib { inherit builders; };
  inherit (functions) formats generators;
  file = ./text.sh;

  package = functions.writeScriptBin "tool" "text";
  targets.all.wants = [ "x.service" ];
  services.x = {
    description = "An X";
    path = [ package ];
    environment = {
      A = "b";
      GONE = null;
    };
    serviceConfig.ExecStart = [ "${package}/bin/tool" ];
    restartTriggers = [ file ];
    after = [ "all.target" ];
    wantedBy = [ "all.target" ];
  };

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
    buildEnv = functions.buildEnv {
      name = "env";
      paths = [
        package
        (package // { meta.priority = -1; })
      ];
      pathsToLink = [ "/bin" ];
      extraPrefix = "/share";
    };
    buildEnvClosure = functions.buildEnv {
      pname = "env";
      version = "1";
      paths = [ package ];
      includeClosures = true;
      ignoreCollisions = true;
      manifest = file;
    };
    symlinkJoin = functions.symlinkJoin {
      name = "join";
      paths = [
        [ package ]
        package
      ];
      stripPrefix = "/bin";
    };
    lndir = functions.lndir {
      name = "shadow";
      path = package;
      ignoreLinks = true;
    };
    linkFarm = functions.linkFarm "farm" [
      {
        name = "a/b";
        path = package;
      }
      {
        name = "c";
        path = file;
      }
    ];
    linkFarmFromDrvs = functions.linkFarmFromDrvs "farm" [ package ];
    unitFile = functions.unitFile {
      name = "text@.service";
      text = "[Service]\n";
    };
    masked = functions.makeUnit "gone.service" { enable = false; };
    systemdUnit = functions.systemdUnit {
      name = "x.timer";
      sections.Timer.OnCalendar = [ "" "daily" ];
    };
    units = functions.systemdUnits {
      inherit targets services;
      sockets.listen = {
        listenStreams = [ "80" ];
        socketConfig.Accept = true;
      };
      timers.daily.timerConfig.OnCalendar = "daily";
      paths.watched.pathConfig.PathChanged = "/x";
      mounts.data = {
        what = "/dev/disk";
        where = "/data";
        options = "ro";
      };
      automounts.data.where = "/data";
      slices.small.sliceConfig.CPUWeight = 10;
      packages = [ package ];
      inherit package;
      upstreamUnits = [ "basic.target" ];
      upstreamWants = [ "basic.target.wants" ];
    };
    userUnits = functions.generateUnits {
      type = "user";
      units."text.service" = {
        unit = functions.makeUnit "text.service" { text = ""; };
        aliases = [ "other.service" ];
        wantedBy = [ "default.target" ];
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
    postBuild = functions.buildEnv {
      name = "env";
      paths = [ ];
      postBuild = "true";
    };
    stripPrefix = functions.symlinkJoin {
      name = "join";
      paths = [ ];
      stripPrefix = "lib";
    };
    unitOption = functions.serviceToUnit {
      name = "x.service";
      script = "true";
    };
    unitName = functions.timerToUnit { name = "x.service"; };
    twice = functions.serviceToUnit {
      name = "x.service";
      after = [ "a.target" ];
      unitConfig.After = "b.target";
    };
  };
}
