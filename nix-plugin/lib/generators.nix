# Lines of keys and values as text, at evaluation time.
#
# Why: nixpkgs lets a caller pass functions (`mkKeyValue`, `mkSectionName`), which cannot go into
# a derivation. `formats.nix` uses this file for such calls, and the builder for all others; tests
# hold the two against each other.
#
# Counterpart: lib/generators.nix in nixpkgs.
let
  inherit (builtins)
    attrNames
    concatLists
    concatStringsSep
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isString
    map
    replaceStrings
    toString
    typeOf
    ;

  mapToList = function: set: map (name: function name set.${name}) (attrNames set);

  escape = characters: replaceStrings characters (map (character: "\\${character}") characters);

  isStringLike = value: isString value || isAttrs value && (value ? outPath || value ? __toString);
in
rec {
  mkValueStringDefault =
    _: value:
    if isInt value || isFloat value || isStringLike value then
      toString value
    else if isBool value then
      if value then "true" else "false"
    else if value == null then
      "null"
    else
      throw "wasibuild: a ${typeOf value} cannot be a value in this format";

  mkKeyValueDefault =
    {
      mkValueString ? mkValueStringDefault { },
    }:
    separator: key: value:
    "${escape [ separator ] key}${separator}${mkValueString value}";

  toKeyValue =
    {
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
      indent ? "",
    }:
    let
      line = key: value: indent + mkKeyValue key value + "\n";
      lines =
        key: value: if listsAsDuplicateKeys && isList value then map (line key) value else [ (line key value) ];
    in
    set: concatStringsSep "" (concatLists (mapToList lines set));

  toINI =
    {
      mkSectionName ? escape [
        "["
        "]"
      ],
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    let
      section =
        name: values:
        "[${mkSectionName name}]\n" + toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } values;
    in
    sections: concatStringsSep "\n" (mapToList section sections);

  toINIWithGlobalSection =
    arguments:
    {
      globalSection,
      sections ? { },
    }:
    (
      if globalSection == { } then
        ""
      else
        toKeyValue (removeAttrs arguments [ "mkSectionName" ]) globalSection + "\n"
    )
    + toINI arguments sections;
}
