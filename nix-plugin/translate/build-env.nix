# `buildEnv`: packages merged by nixpkgs' Perl script.
#
# Contract: `scripts` are the files of the tree that nixpkgs' function may run; one with a known digest
# merges as the builder does. Trees of 2016 merge otherwise and are left as they are.
#
# Counterpart: pkgs/build-support/buildenv in nixpkgs of 2024 and 2026.
{
  shared,
  # Files that may be the script; those that do not exist are skipped.
  scripts,
}:
let
  inherit (builtins)
    any
    elem
    filter
    fromJSON
    hashFile
    isList
    isString
    map
    match
    mapAttrs
    pathExists
    split
    storeDir
    stringLength
    substring
    unsafeDiscardStringContext
    ;
  inherit (shared) environ isCommand isPlain;

  # The script before `@storeDir@` is replaced.
  known = [
    # 2024: other messages, the same merge
    "e8dd3227b239a8c99ec8b0e82e2228090942bf57af2eb126465e9070a964288a"
    # 2026
    "4c64bc2d8a996aaf12b1b9498adb5b1a5a09284a5b9fe76837c60f3c844d402f"
  ];
  isKnown =
    storeDir == "/nix/store"
    && any (file: elem (hashFile "sha256" file) known) (filter pathExists scripts);

  command =
    "/nix/store/[0-9a-z]{32}-perl-[^/ ]*/bin/perl -w /nix/store/[0-9a-z]{32}-builder[.]pl\n"
    + "eval \"[$]postBuild\"\n";

  idle = text: match "([ \t]*\n)*[ \t]*" text != null;

  truth = value: environ value != "";
  words = text: filter (word: isString word && word != "") (split "[ \t\n]+" text);
in
attributes:
let
  inherit (attributes) pkgs;
  # Since 2025 the packages are an attribute, before they were JSON in a variable.
  chosenOutputs =
    if attributes ? chosenOutputs then
      map (package: {
        paths = map environ package.paths;
        inherit (package) priority;
      }) attributes.chosenOutputs
    else
      map (package: {
        paths = map (path: substring 0 0 pkgs + path) package.paths;
        inherit (package) priority;
      }) (fromJSON (unsafeDiscardStringContext pkgs));
  paths = attributes.pathsToLink or [ ];
  ignoreCollisions = truth (attributes.ignoreCollisions or false);
  checkCollisionContents = truth (attributes.checkCollisionContents or false);
  postBuild = environ (attributes.postBuild or "");
in
if
  isCommand attributes
  && (attributes ? chosenOutputs || attributes ? pkgs)
  && stringLength attributes.buildCommand < 1000
  && match command (unsafeDiscardStringContext attributes.buildCommand) != null
  && stringLength postBuild < 1000
  && idle postBuild
  # The closure is another derivation's output there.
  && environ (attributes.extraPathsFrom or "") == ""
  && paths != [ ]
  && isPlain attributes [
    "checkCollisionContents"
    "chosenOutputs"
    "extraOutputsToInstall"
    "extraPathsFrom"
    "extraPrefix"
    "ignoreCollisions"
    "ignoreSingleFileOutputs"
    "includeClosures"
    "manifest"
    "pathsToLink"
    "pathsToLinkJSON"
    "pkgs"
    "postBuild"
  ]
  && isKnown
then
  {
    # Comparing files that collide takes their modes, which plain WASI does not show.
    module =
      if checkCollisionContents && !ignoreCollisions then "symlink-tree-executable" else "symlink-tree";
    attributes = {
      inherit chosenOutputs ignoreCollisions checkCollisionContents;
      pathsToLink = if isList paths then map environ paths else words (environ paths);
      extraPrefix = environ (attributes.extraPrefix or "");
      ignoreSingleFileOutputs = truth (attributes.ignoreSingleFileOutputs or false);
      includeClosures = false;
      manifest = environ (attributes.manifest or "");
    };
  }
else
  null
