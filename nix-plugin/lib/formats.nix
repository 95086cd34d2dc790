# Configuration files from values: `formats.json { }`, `.yaml { }`, `.toml { }`, `.ini { … }`, ….
#
# Contract: `formats.X { options }.generate name value` as in nixpkgs, with the same bytes. The
# module types of nixpkgs (`type`) need its library: they, and formats that are not here, are those of
# `fallback.formats` where that is given. `separator` is ours: it
# stands between key and value without a function.
#
# Counterpart: pkgs/pkgs-lib/formats.nix; `shellVars` is `writeText name (lib.toShellVars value)`.
{ build, self, fallback, ... }:
let
  inherit (builtins)
    isAttrs
    isFloat
    isList
    isPath
    map
    mapAttrs
    removeAttrs
    toString
    ;

  generators = import ./generators.nix;

  write =
    format: options: name: value:
    build {
      module = "text";
      inherit name;
      attributes = options // { inherit format; };
      # Here `null` is a value too.
      derivationArgs = { inherit value; };
    };

  plain = format: { }: { generate = write format { }; };

  isStringLike = value: isAttrs value && (value ? outPath || value ? __toString);

  # JSON would spell a float its own way; these formats take Nix's `toString`.
  atom =
    value:
    if isFloat value || isStringLike value then
      toString value
    else if isList value then
      map atom value
    else if isPath value then
      throw "wasibuild: ${toString value} is a path; write it as a string (\"\${path}\" copies it into the store)"
    else
      value;
  shellAtom =
    value:
    if isPath value then
      toString value
    else if isAttrs value && !isStringLike value then
      mapAttrs (_: shellAtom) value
    else if isList value then
      map shellAtom value
    else
      atom value;

  listsToValues =
    listToValue: if listToValue == null then value: value else mapAttrs (_: value: if isList value then listToValue value else value);

  # What the formats with lines have in common. `levels` maps a function over the sets of atoms.
  lines =
    {
      format,
      levels,
      toText,
    }:
    {
      listsAsDuplicateKeys ? false,
      listToValue ? null,
      atomsCoercedToLists ? null,
      separator ? null,
      indent ? null,
      ...
    }@arguments:
    assert listsAsDuplicateKeys -> listToValue == null;
    {
      generate =
        name: value:
        let
          values = levels (set: mapAttrs (_: atom) (listsToValues listToValue set)) value;
          # A function decides how a line looks: it has to be called here.
          text = toText (removeAttrs arguments [
            "listToValue"
            "atomsCoercedToLists"
          ]) (levels (listsToValues listToValue) value);
        in
        if arguments ? mkKeyValue || arguments ? mkSectionName then
          assert separator == null;
          self.writeText name text
        else
          write format {
            inherit separator indent;
            listsAsDuplicateKeys = if listsAsDuplicateKeys then true else null;
          } name values;
    };

  # nixpkgs' formats, with what is here in their place.
  others = fallback.formats or { };
  completed =
    own:
    others
    // mapAttrs (
      name: format:
      if !(others ? ${name}) then
        format
      else if isAttrs format then
        others.${name} // format
      else
        options: others.${name} options // format options
    ) own;
in
{
  inherit generators;

  formats = completed {
    json = plain "json";

    # YAML 1.1 by PyYAML, as nixpkgs' `formats.yaml` is.
    yaml = plain "yaml";
    yaml_1_1 = plain "yaml";

    toml = plain "toml";

    ini = lines {
      format = "ini";
      levels = function: mapAttrs (_: function);
      toText = generators.toINI;
    };

    iniWithGlobalSection = lines {
      format = "iniWithGlobalSection";
      levels =
        function:
        {
          globalSection ? { },
          sections ? { },
        }:
        {
          globalSection = function globalSection;
          sections = mapAttrs (_: function) sections;
        };
      toText = generators.toINIWithGlobalSection;
    };

    keyValue = lines {
      format = "keyValue";
      levels = function: function;
      toText = generators.toKeyValue;
    };

    # As in nixpkgs this one takes no options.
    systemd = {
      generate = name: value: write "systemd" { } name (mapAttrs (_: mapAttrs (_: atom)) value);
    };

    shellVars =
      { }:
      {
        generate = name: value: write "shellVars" { } name (mapAttrs (_: shellAtom) value);
      };
  };
}
