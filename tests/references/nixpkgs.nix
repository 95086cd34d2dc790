# What tests/tests/nix_plugin.rs takes for nixpkgs: a stdenv that only writes attributes down, and the
# small builders with nixpkgs' own scripts, which the test also runs with GNU bash.
#
# Counterpart: pkgs/build-support/trivial-builders and nixos/lib/systemd-lib.nix of 2026.
let
  inherit (builtins)
    attrNames
    concatStringsSep
    map
    match
    replaceStrings
    ;
  store = name: "/nix/store/00000000000000000000000000000000-${name}";
  bash = store "bash-5.3";

  # As stdenv: what Nix gets, and around it meta, passthru, and ways to change it.
  mkDerivation =
    attributes:
    let
      own = removeAttrs attributes [
        "meta"
        "passthru"
        "pos"
      ];
      drv = derivation (
        {
          system = "x86_64-linux";
          builder = "${bash}/bin/bash";
          args = [
            "-e"
            ./nixpkgs-default-builder.sh
          ];
          stdenv = store "stdenv";
          outputs = [ "out" ];
          strictDeps = false;
          buildInputs = [ ];
          nativeBuildInputs = [ ];
          __ignoreNulls = true;
        }
        // (
          if attributes.meta.mainProgram or null != null then
            { NIX_MAIN_PROGRAM = attributes.meta.mainProgram; }
          else
            { }
        )
        // own
      );
      passthru = attributes.passthru or { };
    in
    drv
    // {
      meta = {
        available = true;
      }
      // attributes.meta or { };
      inherit passthru;
      overrideAttrs = change: mkDerivation (attributes // change attributes);
    }
    // passthru;

  lib = {
    escapeShellArg =
      word:
      if match "[[:alnum:],._+:@%/-]+" word != null then
        word
      else
        "'${replaceStrings [ "'" ] [ "'\\''" ] word}'";
  };
in
rec {
  inherit lib;
  path = ./.;

  runCommand =
    name: environment: buildCommand:
    mkDerivation (
      {
        inherit name buildCommand;
        enableParallelBuilding = true;
        passAsFile = [ "buildCommand" ] ++ environment.passAsFile or [ ];
      }
      // removeAttrs environment [ "passAsFile" ]
    );
  runCommandLocal =
    name: environment:
    runCommand name (
      {
        preferLocalBuild = true;
        allowSubstitutes = false;
      }
      // environment
    );

  writeTextFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
      checkPhase ? "",
      meta ? { },
      passthru ? { },
      derivationArgs ? { },
    }:
    runCommand name
      (
        {
          inherit
            text
            executable
            checkPhase
            meta
            passthru
            ;
          preferLocalBuild = true;
          allowSubstitutes = false;
          passAsFile = [ "text" ];
        }
        // derivationArgs
      )
      ''
        target=$out${lib.escapeShellArg destination}
        mkdir -p "$(dirname "$target")"

        if [ -e "$textPath" ]; then
          mv "$textPath" "$target"
        else
          echo -n "$text" > "$target"
        fi

        if [ -n "$executable" ]; then
          chmod +x "$target"
        fi

        eval "$checkPhase"
      '';
  writeText = name: text: writeTextFile { inherit name text; };
  writeShellScriptBin =
    name: text:
    writeTextFile {
      inherit name;
      executable = true;
      destination = "/bin/${name}";
      text = "#!${bash}/bin/bash\n${text}\n";
      checkPhase = "${bash}/bin/bash -n -O extglob \"$target\"\n";
      meta.mainProgram = name;
    };
  writeShellApplication =
    { name, text }:
    (writeShellScriptBin name text).overrideAttrs (old: {
      checkPhase = "runHook preCheck\n${old.checkPhase}${store "shellcheck"}/bin/shellcheck \"$target\"\nrunHook postCheck\n";
    });

  concatText =
    name: files:
    runCommandLocal name
      {
        inherit files;
        executable = false;
        checkPhase = "";
        destination = "";
      }
      ''
        file=$out$destination
        mkdir -p "$(dirname "$file")"
        cat $files > "$file"

        if [ -n "$executable" ]; then
          chmod +x "$file"
        fi

        eval "$checkPhase"
      '';

  linkFarm =
    name: entries:
    runCommand name { passthru = { inherit entries; }; } ''
      mkdir -p $out
      cd $out
      ${concatStringsSep "" (
        map (link: ''
          mkdir -p -- "$(dirname -- ${lib.escapeShellArg link})"
          ln -s -- ${lib.escapeShellArg "${entries.${link}}"} ${lib.escapeShellArg link}
        '') (attrNames entries)
      )}
    '';

  symlinkJoin =
    {
      name,
      paths,
      postBuild ? "",
    }:
    runCommand name
      {
        inherit paths;
        passAsFile = [ "paths" ];
      }
      ''
        mkdir -p $out
        for i in $(cat $pathsPath); do
          ${store "lndir-1.0.5"}/bin/lndir -silent $i $out
        done
        ${postBuild}
      '';

  # NixOS' `makeUnit`, with the package set's own `runCommand`.
  makeUnit =
    runCommand: name: text:
    runCommand "unit" {
      inherit text;
      passAsFile = [ "text" ];
    } ''
      name=${replaceStrings [ "\\" ] [ "\\\\" ] name}
      mkdir -p "$out/$(dirname -- "$name")"
      mv "$textPath" "$out/$name"
    '';

  callPackage = function: function { inherit runCommand; };
  newScope =
    extra: function: arguments:
    function (
      builtins.intersectAttrs (builtins.functionArgs function) ({ inherit writeText; } // extra // arguments)
    );
  callPackages = newScope { };
  formats.json =
    { }:
    {
      type = "JSON value";
      generate =
        name: value:
        runCommand name {
          nativeBuildInputs = [
            {
              pname = "jq";
              version = "1.8.1";
              outPath = store "jq-1.8.1";
            }
          ];
          value = builtins.toJSON value;
          passAsFile = [ "value" ];
        } "jq . \"$valuePath\"> $out\n";
    };

  formats.javaProperties =
    {
      comment ? "Generated with Nix",
    }:
    {
      generate =
        name: value:
        runCommand name {
          passAsFile = [ "value" ];
          value = builtins.toJSON value;
          nativeBuildInputs = [
            (store "jq-1.8.1")
            (store "libiconv-1.18")
          ];
          jqCode =
            let
              # Of keys and of values.
              escapes = ''
                gsub("\\\\"; "\\\\")
                | gsub("\\n"; "\\n\\\n")
                | gsub("#"; "\\#")
                | gsub("!"; "\\!")
                | gsub("\\t"; "\\t")
                | gsub("\r"; "\\r")
              '';
            in
            ''
              to_entries
                | .[]
                | "\(
                    .key
                    | ${escapes}
                    | gsub(" "; "\\ ")
                    | gsub("="; "\\=")
                  ) = \(
                    .value
                    | ${escapes}
                    | gsub("^ "; "\\ ")
                    | gsub("\\n "; "\n\\ ")
                  )"
            '';
          inputEncoding = "UTF-8";
          inherit comment;
        } ''
          (
            echo "$comment" | while read -r ln; do echo "# $ln"; done
            echo
            jq -r --arg hash '#' "$jqCode" "$valuePath" \
              | iconv --from-code "$inputEncoding" --to-code JAVA \
          ) > "$out"
        '';
    };
}
