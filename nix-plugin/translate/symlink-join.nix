# `symlinkJoin`: packages joined by X.Org's `lndir`.
#
# Counterpart: pkgs/build-support/trivial-builders in nixpkgs of 2016, 2024 and 2026.
{ shared, check }:
let
  inherit (builtins)
    all
    elemAt
    filter
    isString
    map
    match
    split
    stringLength
    substring
    unsafeDiscardStringContext
    ;
  inherit (shared)
    asFile
    environ
    isCommand
    isPlain
    isStructured
    ;

  script =
    "mkdir -p [$]out\nfor i in ([$][(]cat [$]pathsPath[)]|[$]paths); do\n"
    + "  (if test -d [$]i; then )?/nix/store/[0-9a-z]{32}-lndir[^/ ]*/bin/lndir( -silent)? [$]i [$]out(; fi)?\n"
    + "done\n[ \n]*";
in
attributes:
let
  command = unsafeDiscardStringContext attributes.buildCommand;
  matched = match script command;
  paths = environ attributes.paths;
  words = filter (word: isString word && word != "") (split "[ \t\n]+" paths);
in
if
  isCommand attributes
  && attributes ? paths
  && !(isStructured attributes)
  && stringLength command < 1000
  && matched != null
  && asFile attributes "paths" == (elemAt matched 0 != "$paths")
  && (elemAt matched 1 == null) == (elemAt matched 3 == null)
  && all (word: match "/[^][*?\\]*" (unsafeDiscardStringContext word) != null) words
  && isPlain attributes [ "paths" ]
then
  {
    module = "symlink-tree";
    attributes = {
      # `split` forgets what the paths refer to.
      paths = map (word: substring 0 0 paths + word) words;
      failOnMissing = elemAt matched 1 == null;
      # The log differs otherwise.
      silent = if elemAt matched 2 == null then false else null;
    };
  }
else
  null
