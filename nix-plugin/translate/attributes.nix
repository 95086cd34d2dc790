# What may stand in a derivation of nixpkgs for a builder to take its place.
#
# Contract: `isPlain` is true only if nothing in the derivation can change what its script does, beyond
# the attributes that the caller of `isPlain` reads itself. An attribute that is not known here must
# be empty, so that what nixpkgs will invent one day leaves the derivation as it is.
let
  inherit (builtins)
    all
    attrNames
    concatStringsSep
    elem
    filter
    intersectAttrs
    isAttrs
    isBool
    isList
    isPath
    isString
    length
    listToAttrs
    map
    removeAttrs
    stringLength
    substring
    toString
    unsafeDiscardStringContext
    ;

  names = list: listToAttrs (map (name: { inherit name; value = null; }) list);

  # Set by stdenv.mkDerivation in every derivation, or read by Nix, and without a meaning for a
  # script that is run as `buildCommand`.
  usual = names [
    "__darwinAllowLocalNetworking"
    "__ignoreNulls"
    "NIX_MAIN_PROGRAM"
    "__structuredAttrs"
    "allowSubstitutes"
    "args"
    "buildCommand"
    "builder"
    "doCheck"
    "doInstallCheck"
    "enableParallelBuilding"
    "enableParallelChecking"
    "enableParallelInstalling"
    "name"
    "outputs"
    "passAsFile"
    "pname"
    "preferLocalBuild"
    "stdenv"
    "strictDeps"
    "system"
    "userHook"
    "version"
  ];

  # What Nix checks in the output: it goes over to the new derivation.
  outputChecks = names [
    "allowedReferences"
    "allowedRequisites"
    "disallowedReferences"
    "disallowedRequisites"
    "maxClosureSize"
    "maxSize"
  ];

  hasSuffix =
    suffix: text:
    let
      rest = stringLength text - stringLength suffix;
    in
    rest >= 0 && substring rest (-1) text == suffix;

  empty = value: value == null || value == "" || value == [ ] || value == false || value == { };
in
rec {
  inherit hasSuffix;

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;

  # A value as Nix puts it into the environment of a builder. Paths are copied into the store.
  environ =
    value:
    if isString value then
      value
    else if isPath value || isAttrs value then
      "${value}"
    else if isList value then
      concatStringsSep " " (map environ value)
    else if isBool value then
      (if value then "1" else "")
    else
      toString value;

  isPlain =
    attributes: own:
    let
      others = removeAttrs attributes (attrNames (usual // outputChecks // names own));
    in
    attributes.outputs or [ "out" ] == [ "out" ]
    && !(attributes ? outputHash)
    && all (name: empty others.${name}) (attrNames others);

  # Whether the script is `buildCommand`, run by stdenv's usual builder.
  isCommand =
    attributes:
    let
      arguments = attributes.args or [ ];
      last = builtins.elemAt arguments (length arguments - 1);
    in
    isString (attributes.buildCommand or null)
    && arguments != [ ]
    && hasSuffix "default-builder.sh" (unsafeDiscardStringContext (toString last));

  isStructured = attributes: environ (attributes.__structuredAttrs or false) != "";

  # Whether the script finds an attribute in a file, as `passAsFile` says.
  asFile =
    attributes: name:
    let
      passed = attributes.passAsFile or null;
    in
    isList passed && elem name passed && !(isStructured attributes);

  # The checks of the output, in the place where structured attributes have them.
  derivationArgs =
    attributes:
    let
      given = intersectAttrs outputChecks attributes;
      kept = filter (name: !elem given.${name} [ null ]) (attrNames given);
    in
    if kept == [ ] then
      { }
    else
      {
        outputChecks.out = listToAttrs (
          map (name: {
            inherit name;
            value = given.${name};
          }) kept
        );
      };
}
