# `buildEnv`: packages merged by nixpkgs' Perl script.
#
# Contract: `scripts` are the files of the tree that nixpkgs' function may run; one with a known digest
# merges as the builder does. Trees before 2024 merge otherwise and are left as they are.
#
# Counterpart: pkgs/build-support/buildenv in nixpkgs of 2024 to 2026.
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
    hashString
    isList
    isString
    map
    match
    pathExists
    readFile
    replaceStrings
    split
    storeDir
    stringLength
    substring
    unsafeDiscardStringContext
    ;
  inherit (shared) environ isCommand isPlain;

  # The script with its `@storeDir@` replaced, as in runtime/src/programs/build_env.rs: those ages that
  # merge alike and differ in their words, or in blanks in `pathsToLink`.
  known = [
    # 2024
    "61cdf5a6b45442e641ee2f59b3b2b1cfe185d36fa4af1f6d49b95ac795add2e0"
    # early 2025
    "f2bba874bca51de4d72c269ef5c4d25f853f9aeb30593e4166cc706729a88ff2"
    # 2025
    "d724793a22fdc37dc7b9d9cd05115e1fbca812036d2bf52917046661feb37577"
    # corepkgs of August 2026
    "65b1bcf75f3af71f119e5b716703158a8c5b8d12b1ebd5781ecdf8e72a8df1de"
  ];
  digest =
    file: hashString "sha256" (replaceStrings [ "@storeDir@" ] [ "/nix/store" ] (readFile file));
  isKnown =
    storeDir == "/nix/store"
    && any (file: elem (digest file) known) (filter pathExists scripts);

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
  && !any (path: match ".*[ \\].*" path != null) (if isList paths then paths else [ ])
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
