# A tree of links to other trees, as nixpkgs' `buildEnv` makes it, by a script of our own
# (../setup/build-env.sh): packages' programs, manual pages and data under one folder.
{ stdenv, trivial }:
{
  name,
  paths,
  pathsToLink ? [ "/" ],
  ignoreCollisions ? false,
  extraPrefix ? "",
  postBuild ? "",
}:
trivial.runCommandLocal name
  {
    inherit
      paths
      pathsToLink
      ignoreCollisions
      extraPrefix
      postBuild
      ;
  }
  ''
    source ${stdenv.script "build-env.sh"}
    buildEnv
    eval "$postBuild"
  ''
