# Files with strings replaced: `substitute`, `substituteAll`, `substituteAllFiles`, `replaceVars`.
#
# Contract: the arguments and results of nixpkgs' functions of these names. Hooks (`preInstall`,
# `postInstall`) are shell code: they fall back, or are refused. `--subst-var-from NAME ATTRIBUTE` is ours: it puts
# the value of an attribute in place of `@NAME@`.
#
# Counterpart: pkgs/build-support/{substitute,replace-vars} in nixpkgs.
{ build, self, beyond, ... }:
let
  inherit (builtins)
    attrNames
    baseNameOf
    concatLists
    concatStringsSep
    filter
    head
    isList
    isPath
    isString
    map
    mapAttrs
    match
    removeAttrs
    split
    toString
    unsafeDiscardStringContext
    ;

  words = text: filter (part: isString part && part != "") (split "[ \t\n]+" text);

  # A value as a derivation's environment spells it. Paths are copied into the store.
  variable =
    value:
    if isPath value then
      "${value}"
    else if isList value then
      concatStringsSep " " (map variable value)
    else
      toString value;

  # The file's own name; that of a file in the store is without its hash.
  nameOf =
    src:
    let
      base = baseNameOf (unsafeDiscardStringContext (toString src));
      stored = match "[0-9a-z]{32}-(.*)" base;
    in
    if stored == null then base else head stored;

  # Attributes that the functions below and Nix read; all others are variables.
  known = [
    "allowSubstitutes"
    "derivationArgs"
    "dir"
    "files"
    "isExecutable"
    "meta"
    "name"
    "passthru"
    "postInstall"
    "preInstall"
    "preferLocalBuild"
    "replacements"
    "src"
    "substitutions"
  ];

  make =
    function:
    arguments@{
      src,
      name ? nameOf src,
      dir ? null,
      isExecutable ? false,
      meta ? { },
      passthru ? { },
      ...
    }:
    attributes: variables:
    if arguments ? preInstall || arguments ? postInstall then
      beyond function (
        function: function arguments
      ) "${name}: preInstall and postInstall are shell code, which this builder does not run; remove them"
    else
      build {
        module = if isExecutable then "substitute-executable" else "substitute";
        inherit name meta passthru;
        attributes = attributes // {
          inherit src dir;
          isExecutable = if isExecutable then true else null;
        };
        derivationArgs = variables // arguments.derivationArgs or { };
      };

  # As in nixpkgs, what is `null` is no variable.
  variables =
    arguments:
    let
      given = removeAttrs arguments known;
      absent = filter (name: given.${name} == null) (attrNames given);
    in
    mapAttrs (_: variable) (removeAttrs given absent);

  replaceVarsWith =
    arguments@{ src, replacements, ... }:
    make "replaceVarsWith" arguments {
      replacements = mapAttrs (_: value: if value == null then null else toString value) replacements;
    } { };
in
{
  substitute =
    arguments:
    let
      # The old form, a string or strings in which blanks stand between the words.
      old = arguments.replacements or [ ];
      substitutions =
        concatLists (map words (if isList old then old else [ old ])) ++ arguments.substitutions or [ ];
    in
    make "substitute" arguments { substitutions = map toString substitutions; } (variables arguments);

  substituteAll = arguments: make "substituteAll" arguments { all = true; } (variables arguments);

  # The files, and all files below the directories, that `files` names relative to `src`.
  substituteAllFiles =
    arguments@{ src, files, ... }:
    make "substituteAllFiles" arguments {
      all = true;
      inherit files;
    } (variables arguments);

  inherit replaceVarsWith;

  replaceVars = src: replacements: replaceVarsWith { inherit src replacements; };
}
