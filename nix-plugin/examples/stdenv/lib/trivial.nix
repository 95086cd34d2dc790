# nixpkgs' small builders: runCommand, writeTextFile and what is made of them, symlinkJoin, linkFarm,
# substituteAll, replaceVars, concatText. Each is one shell command on the stdenv.
{
  packages,
  stdenv,
  # Whether derivations get their attributes as `.attrs.sh`, as nixpkgs plans for all.
  structured ? false,
}:
let
  inherit (stdenv) mkDerivation;
  inherit (builtins) attrNames concatStringsSep isList;
in
rec {
  runCommandWith =
    {
      name,
      local ? false,
      environment ? { },
    }:
    buildCommand:
    let
      asStructured = environment.__structuredAttrs or structured;
    in
    mkDerivation (
      {
        inherit name buildCommand;
        enableParallelBuilding = true;
        __structuredAttrs = asStructured;
      }
      // (
        if local then
          {
            preferLocalBuild = true;
            allowSubstitutes = false;
          }
        else
          { }
      )
      // removeAttrs environment [ "passAsFile" ]
      # With structured attributes every value is a shell variable, and there are no files.
      // (
        if asStructured then
          { }
        else
          { passAsFile = [ "buildCommand" ] ++ (environment.passAsFile or [ ]); }
      )
    );

  runCommand =
    name: environment:
    runCommandWith { inherit name environment; };

  runCommandLocal =
    name: environment:
    runCommandWith {
      inherit name environment;
      local = true;
    };

  writeTextFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
      checkPhase ? "",
    }:
    runCommandLocal name
      {
        inherit
          text
          executable
          checkPhase
          destination
          ;
        passAsFile = [ "text" ];
      }
      ''
        target=$out$destination
        mkdir -p "$(dirname "$target")"

        if [ -e "''${textPath:-}" ]; then
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

  writeTextDir =
    path: text:
    writeTextFile {
      inherit text;
      name = baseNameOf path;
      destination = "/${path}";
    };

  writeScript =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
    };

  checkShell = ''
    ${stdenv.shell} -n -O extglob "$target"
  '';

  writeShellScript =
    name: text:
    writeTextFile {
      inherit name;
      executable = true;
      text = ''
        #!${stdenv.shell}
        ${text}
      '';
      checkPhase = checkShell;
    };

  writeShellScriptBin =
    name: text:
    writeTextFile {
      inherit name;
      executable = true;
      destination = "/bin/${name}";
      text = ''
        #!${stdenv.shell}
        ${text}
      '';
      checkPhase = checkShell;
    };

  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
    }:
    writeTextFile {
      inherit name;
      executable = true;
      destination = "/bin/${name}";
      text = ''
        #!${stdenv.shell}
        set -o errexit
        set -o nounset
        set -o pipefail

        export PATH="${concatStringsSep ":" (map (input: "${input}/bin") runtimeInputs)}:$PATH"

        ${text}
      '';
      checkPhase = ''
        runHook preCheck
        ${checkShell}
        runHook postCheck
      '';
    };

  # The files' contents one after another.
  concatTextFile =
    {
      name,
      files,
      executable ? false,
    }:
    runCommandLocal name { inherit files executable; } ''
      declare -a list=()
      concatTo list files
      cat "''${list[@]}" > "$out"
      [ -z "$executable" ] || chmod +x "$out"
    '';

  concatText = name: files: concatTextFile { inherit name files; };

  symlinkJoin =
    {
      name,
      paths,
      postBuild ? "",
    }:
    runCommandLocal name
      {
        inherit paths postBuild;
        passAsFile = [ "paths" ];
      }
      ''
        mkdir -p $out
        if [ -f "''${pathsPath:-}" ]; then
          read -r -d "" -a paths < "$pathsPath" || true
        fi
        for i in "''${paths[@]}"; do
          ${packages.lndir}/bin/lndir -silent "$i" "$out"
        done
        eval "$postBuild"
      '';

  # entries: name → path, or a list of { name, path }.
  linkFarm =
    name: entries:
    let
      list =
        if isList entries then
          entries
        else
          map (name: {
            inherit name;
            path = entries.${name};
          }) (attrNames entries);
    in
    runCommandLocal name { } ''
      mkdir -p $out
      cd $out
      ${concatStringsSep "\n" (
        map (entry: ''
          mkdir -p -- "$(dirname -- ${quote entry.name})"
          ln -s -- ${quote "${entry.path}"} ${quote entry.name}
        '') list
      )}
    '';

  # Replaces `@name@` by the attribute of that name.
  substituteAll =
    arguments:
    let
      control = builtins.intersectAttrs {
        name = null;
        dir = null;
        src = null;
        isExecutable = null;
        preInstall = null;
        postInstall = null;
      } arguments;
    in
    mkDerivation (
      {
        name = baseNameOf (toString arguments.src);
        builder = stdenv.script "substitute-all.sh";
        preferLocalBuild = true;
        allowSubstitutes = false;
        __structuredAttrs = structured;
        env = builtins.mapAttrs (_: toString) (removeAttrs arguments (attrNames control));
      }
      // control
    );

  # Replaces `@name@` by the text of that name; null leaves it, and none may be left unnamed.
  replaceVarsWith =
    {
      src,
      replacements,
      name ? baseNameOf (toString src),
      dir ? "",
      isExecutable ? false,
    }:
    let
      given = builtins.filter (name: replacements.${name} != null) (attrNames replacements);
      kept = builtins.filter (name: replacements.${name} == null) (attrNames replacements);
      pairs = builtins.concatMap (name: [
        "--replace-fail"
        "@${name}@"
        "${toString replacements.${name}}"
      ]) given;
    in
    runCommandLocal name
      {
        inherit src dir isExecutable;
        allowed = concatStringsSep "|" kept;
      }
      ''
        if [ -n "$dir" ]; then
          target=$out/$dir/$name
          mkdir -p "$out/$dir"
        else
          target=$out
        fi
        substitute "$src" "$target" ${concatStringsSep " " (map quote pairs)}
        # What looks like a variable that was not given is a mistake.
        if grep -Eo '@[a-zA-Z_][0-9A-Za-z_'\'''-]*@' "$target" | sort | uniq | grep -v -x -E "@(''${allowed:-})@" > left; then
          echo "variables left in $src: $(tr '\n' ' ' < left)" >&2
          exit 1
        fi
        [ -z "$isExecutable" ] || chmod +x "$target"
      '';

  replaceVars = src: replacements: replaceVarsWith { inherit src replacements; };

  # A word for the shell.
  quote = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
}
