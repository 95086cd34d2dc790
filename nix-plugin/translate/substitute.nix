# Files with strings replaced: `substituteAll`, `substitute`, `replaceVars`.
#
# Contract: `substituteAll` and `substitute` are known by the digest of the script that they run.
# `replaceVars` is known by its phases, which are made again from `replacements` and compared.
#
# Counterpart: pkgs/build-support/{substitute,replace-vars} in nixpkgs of 2016, 2024, 2025 and 2026.
{
  shared,
  # nixpkgs' lib.escapeShellArg, for `replaceVars`.
  escapeShellArg,
  # Files that may be stdenv's setup, for `substituteAll`, which replaces what that exports.
  setups,
}:
let
  inherit (builtins)
    any
    attrNames
    concatLists
    concatStringsSep
    elem
    elemAt
    filter
    getContext
    hashFile
    head
    isAttrs
    isList
    isPath
    isString
    length
    map
    match
    pathExists
    readFile
    removeAttrs
    replaceStrings
    split
    stringLength
    substring
    toString
    unsafeDiscardStringContext
    ;
  inherit (shared)
    environ
    hasPrefix
    isPlain
    isStructured
    ;

  # Scripts that derivations name as their builder, by digest.
  substituteAllScripts = [
    # nixpkgs since 2016
    "dca2a9fc5bff075a4b09ac58fc44dc9eed73f59adf02ce4fa0614fce43e7e939"
    # corepkgs of 2026
    "9181ef0c222808de26fd2db1ccd6c71e633bc432fa3434a7c67bcdc473121050"
    "b27950aac2fa49196ce09d0656701e9e6b9ca3aae262e3cf2cd97f390b26d21f"
  ];
  substituteScripts = [
    # nixpkgs of 2024
    "2e49773e63f20ac5a434bfa2e1647d28687b90c7f940a7a8b0de60f0770c220b"
    # 2026
    "57f698eda1384c91aca909f1668331da8ac9928722f0c48ae75b433340a4f7cd"
  ];

  builderOf =
    attributes:
    let
      arguments = attributes.args or [ ];
      last = elemAt arguments (length arguments - 1);
    in
    if arguments != [ ] && isPath last && pathExists last then hashFile "sha256" last else null;

  module = attributes: if environ (attributes.isExecutable or "") != "" then "substitute-executable" else "substitute";

  file = attributes: {
    src = environ attributes.src;
    dir =
      let
        dir = environ (attributes.dir or "");
      in
      if dir == "" then null else dir;
    isExecutable = if environ (attributes.isExecutable or "") != "" then true else null;
  };

  # Where the caller has no `shell`, stdenv's setup exports one; if there is no setup to ask, nobody knows.
  setup = filter pathExists setups;
  exportsShell =
    if setup == [ ] then null else length (split "then export shell=" (readFile (head setup))) > 1;

  words = text: filter (word: isString word && word != "") (split "[ \t\n]+" text);

  # Shell code, and what could change how the script runs.
  hooks = [
    "buildInputs"
    "nativeBuildInputs"
    "outputHash"
    "outputs"
    "postHook"
    "postInstall"
    "preHook"
    "preInstall"
    "shellHook"
  ];

  # Whether a file is made by a build, so that it cannot be read while evaluating.
  hasOutputs =
    file:
    isAttrs file
    || isString file
    && any (path: (getContext file).${path} ? outputs) (attrNames (getContext file));

  isVariable = name: match "[a-z][A-Za-z0-9_]*" name != null;
in
{
  # `arguments`: what the caller gave.
  substituteAll =
    arguments: attributes:
    let
      # Values are those of the attributes, which `overrideAttrs` may have changed. stdenv leaves out
      # what is null.
      given = filter (name: isVariable name && attributes.${name} or null != null) (
        attrNames (
          removeAttrs (arguments // { inherit (attributes) name system; }) [
            "meta"
            "passthru"
            "pos"
          ]
        )
      );
      shell = if environ (attributes.shell or "") == "" then [ "shell" ] else [ ];
      value = name: environ (if shell != [ ] && name == "shell" then attributes.builder else attributes.${name});
      options = concatLists (
        map (name: [
          "--subst-var-by"
          name
          (value name)
        ]) (filter (name: !(elem name shell)) given ++ (if exportsShell == true then shell else [ ]))
      );

      # What else stdenv has in its environment must not be asked for: `@stdenv@`, `@builder@`, ….
      others = removeAttrs attributes (given ++ [ "shell" ]);
      asked = template: filter isList (split "@([a-z][A-Za-z0-9_]*)@" template);
      isKnownTemplate =
        !(hasOutputs attributes.src)
        && !any (found: others.${head found} or null != null) (asked (readFile attributes.src));
    in
    if
      exportsShell != null
      && !(isStructured attributes)
      && elem (builderOf attributes) substituteAllScripts
      && isPlain attributes (attrNames (removeAttrs arguments hooks))
      && isKnownTemplate
    then
      {
        module = module attributes;
        attributes = file attributes // {
          substitutions = options ++ [
            "--subst-var"
            "out"
          ];
        };
      }
    else
      null;

  substitute =
    arguments: attributes:
    let
      replacements = environ (attributes.replacements or "");
      options =
        map (word: substring 0 0 replacements + word) (words replacements)
        ++ given;
      given = map toString (arguments.substitutions or [ ]);
      # … as the script gets them.
      escaped = concatStringsSep " " (map escapeShellArg given);
    in
    if
      elem (builderOf attributes) substituteScripts
      && !(isStructured attributes)
      && isPlain attributes (attrNames (removeAttrs arguments hooks))
      && environ (attributes.substitutions or "") == escaped
      # Variables of the shell, which may be more than the derivation's attributes.
      && !(elem "--subst-var" options)
    then
      {
        module = module attributes;
        attributes = file attributes // {
          substitutions = options;
        };
      }
    else
      null;

  replaceVars =
    { replacements, ... }:
    attributes:
    let
      names = attrNames replacements;
      value = name: if replacements.${name} == null then "@${name}@" else toString replacements.${name};
      options = concatStringsSep " " (
        concatLists (
          map (name: [
            "--replace-fail"
            (escapeShellArg "@${name}@")
            (escapeShellArg (value name))
          ]) names
        )
      );
      kept = filter (name: replacements.${name} == null) names;
      lookahead = if kept == [ ] then "" else "(?!${concatStringsSep "|" kept}@)";
      regex = escapeShellArg "@${lookahead}[a-zA-Z_][0-9A-Za-z_'-]*@";
      buildPhase = ''
        runHook preBuild

        target=$out
        if test -n "$dir"; then
            target=$out/$dir/$name
            mkdir -p $out/$dir
        fi

        substitute "$src" "$target" ${options}

        if test -n "$isExecutable"; then
            chmod +x $target
        fi

        runHook postBuild
      '';
      checkPhase = ''
        runHook preCheck
        if grep -Pqe ${regex} "$target"; then
          echo The following look like unsubstituted Nix identifiers that remain in "$target":
          grep -Poe ${regex} "$target"
          echo Use the more precise '`substitute`' function if this check is in error.
          exit 1
        fi
        runHook postCheck
      '';
      executable = environ (attributes.isExecutable or "") != "";

      # stdenv's fixup gives an executable script another interpreter, unless that is in the store.
      firstLine =
        let
          line = head (split "\n" (readFile attributes.src));
        in
        replaceStrings (map (name: "@${name}@") names) (map value names) line;
      keepsInterpreter =
        !executable
        || isPath attributes.src
        && (!(hasPrefix "#!" firstLine) || match "#! *(/nix/store/.*)" (unsafeDiscardStringContext firstLine) != null);
      # … and moves and compresses what is in some directories.
      isQuiet = elem (environ (attributes.dir or "")) [
        ""
        "bin"
        "etc"
        "libexec"
      ];
    in
    if
      attributes.buildPhase or null == buildPhase
      && attributes.checkPhase or null == checkPhase
      && attributes.dontUnpack or false == true
      && attributes.doCheck or false == true
      && isPlain attributes [
        "buildPhase"
        "checkPhase"
        "dir"
        "dontUnpack"
        "isExecutable"
        "replacements"
        "src"
      ]
      && keepsInterpreter
      && isQuiet
    then
      {
        module = module attributes;
        attributes = file attributes // {
          replacements = builtins.listToAttrs (
            map (name: {
              inherit name;
              value = if replacements.${name} == null then null else value name;
            }) names
          );
        };
      }
    else
      null;
}
