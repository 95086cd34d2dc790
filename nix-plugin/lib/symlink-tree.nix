# Trees of symlinks: `buildEnv`, `symlinkJoin`, `lndir`, `linkFarm`, `linkFarmFromDrvs`.
#
# Contract: the arguments of nixpkgs' functions and the trees that they give. Shell code that
# nixpkgs runs afterwards (`postBuild`) cannot run here: it falls back, or is refused.
#
# Counterpart: pkgs/build-support/buildenv/default.nix, and `symlinkJoin` and `linkFarm` of
# pkgs/build-support/trivial-builders/default.nix.
{ build, self, beyond, ... }:
let
  inherit (builtins)
    concatLists
    filter
    foldl'
    isAttrs
    isList
    listToAttrs
    map
    substring
    ;

  # nixpkgs' `lib.meta.defaultPriority`.
  defaultPriority = 5;

  withoutPostBuild =
    function: name: arguments: result:
    if arguments.postBuild or "" != "" then
      beyond function (
        function: function arguments
      ) "${function} ${name}: postBuild is a shell script, which this builder does not run; remove it"
    else
      result;

  fullName =
    function: name: pname: version:
    if name != null then
      name
    else if pname != null && version != null then
      "${pname}-${version}"
    else
      throw "wasibuild: ${function} requires either a `name` or `pname` and `version`";

  # The outputs of a package that are linked: what the user chose, or else what its `meta` says.
  outputsOf =
    extraOutputs: package:
    (
      if !(package.outputSpecified or false) && package.meta.outputsToInstall or null != null then
        map (output: package.${output}) package.meta.outputsToInstall
      else
        [ package ]
    )
    ++ filter (output: output != null) (map (output: package.${output} or null) extraOutputs);

  # Lists within lists in one, without nulls.
  flatten =
    value:
    if isList value then
      concatLists (map flatten value)
    else if value == null then
      [ ]
    else
      [ value ];
in
{
  buildEnv =
    arguments@{
      name ? null,
      pname ? null,
      version ? null,
      # Packages; their `meta.priority` decides on collisions.
      paths,
      # Names below a package that are linked.
      pathsToLink ? [ "/" ],
      # Where in the output the tree begins, as "/share".
      extraPrefix ? "",
      extraOutputsToInstall ? [ ],
      # Whether all that the packages refer to is linked too.
      includeClosures ? false,
      ignoreCollisions ? false,
      checkCollisionContents ? true,
      ignoreSingleFileOutputs ? false,
      # What a link `manifest` leads to.
      manifest ? "",
      postBuild ? "",
      meta ? { },
      passthru ? { },
      derivationArgs ? { },
    }:
    let
      drvName = fullName "buildEnv" name pname version;
      chosenOutputs = map (package: {
        paths = map (output: "${output}") (outputsOf extraOutputsToInstall package);
        priority = package.meta.priority or defaultPriority;
      }) paths;
    in
    withoutPostBuild "buildEnv" drvName arguments (build {
      # Comparing files that collide takes their modes, which plain WASI does not show.
      module =
        if checkCollisionContents && !ignoreCollisions then "symlink-tree-executable" else "symlink-tree";
      name = drvName;
      inherit meta;
      passthru = {
        inherit paths;
      }
      // passthru;
      attributes = {
        inherit
          chosenOutputs
          pathsToLink
          extraPrefix
          ignoreCollisions
          checkCollisionContents
          ignoreSingleFileOutputs
          includeClosures
          ;
        manifest = "${manifest}";
        exportReferencesGraph =
          if includeClosures then
            { closure = concatLists (map (package: package.paths) chosenOutputs); }
          else
            null;
      };
      inherit derivationArgs;
    });

  symlinkJoin =
    arguments@{
      name ? null,
      pname ? null,
      version ? null,
      paths,
      # A directory of each path, as "/lib", that is joined instead of the path itself.
      stripPrefix ? "",
      failOnMissing ? stripPrefix == "",
      preferLocalBuild ? true,
      allowSubstitutes ? false,
      postBuild ? "",
      meta ? { },
      passthru ? { },
    }:
    let
      drvName = fullName "symlinkJoin" name pname version;
    in
    if stripPrefix != "" && (substring 0 1 stripPrefix != "/" || stripPrefix == "/") then
      throw "wasibuild: symlinkJoin ${drvName}: stripPrefix must be empty or a subdirectory that begins with a slash"
    else
      withoutPostBuild "symlinkJoin" drvName arguments (build {
        module = "symlink-tree";
        name = drvName;
        inherit meta;
        passthru = {
          inherit paths;
        }
        // passthru;
        attributes = {
          paths = map (path: "${path}${stripPrefix}") (flatten paths);
          inherit failOnMissing preferLocalBuild allowSubstitutes;
        };
      });

  # What `lndir PATH $out` makes.
  lndir =
    {
      name,
      path,
      # Link to the symlinks in `path` instead of copying them.
      ignoreLinks ? false,
      silent ? false,
      meta ? { },
      passthru ? { },
    }:
    build {
      module = "symlink-tree";
      inherit name meta passthru;
      attributes = {
        paths = [ "${path}" ];
        inherit ignoreLinks silent;
      };
    };

  # Links by name: a set of paths, or a list of { name; path; } where the last of a name wins.
  linkFarm =
    name: entries:
    let
      set =
        if isAttrs entries then
          entries
        else if isList entries then
          foldl' (found: entry: found // { "${entry.name}" = entry.path; }) { } entries
        else
          throw "wasibuild: linkFarm ${name}: entries must be either attrs or a list";
    in
    build {
      module = "symlink-tree";
      inherit name;
      passthru.entries = set;
      attributes.entries = builtins.mapAttrs (_: path: "${path}") set;
    };

  linkFarmFromDrvs =
    name: drvs:
    self.linkFarm name (
      map (drv: {
        inherit (drv) name;
        path = drv;
      }) drvs
    );
}
