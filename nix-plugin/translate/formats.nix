# `pkgs.formats.json`, `.yaml` and `.toml`: values written by jq and remarshal.
#
# Contract: the script is compared, and so is the version of the program that it runs, where versions
# write different bytes. All other formats of nixpkgs that a builder could write are texts made while
# evaluating, with `pkgs.writeText`.
#
# Counterpart: pkgs/pkgs-lib/formats.nix in nixpkgs of 2024 to 2026.
{ shared }:
let
  inherit (builtins)
    all
    attrValues
    compareVersions
    elem
    head
    isAttrs
    isFloat
    isInt
    isList
    length
    ;
  inherit (shared) asFile isCommand isPlain;

  programOf = attributes: head attributes.nativeBuildInputs;
  pnameOf = program: program.pname or (builtins.parseDrvName program.name).name;
  versionOf = program: program.version or (builtins.parseDrvName program.name).version;
  isFrom = version: program: compareVersions (versionOf program) version >= 0;
  isBefore = version: program: compareVersions (versionOf program) version < 0;

  # Numbers that every jq writes as Nix does.
  exact = 9007199254740992;
  hasOnlyPlainNumbers =
    value:
    if isFloat value then
      false
    else if isInt value then
      value <= exact && value >= 0 - exact
    else if isList value then
      all hasOnlyPlainNumbers value
    else if isAttrs value && !(value ? outPath || value ? __toString) then
      all hasOnlyPlainNumbers (attrValues value)
    else
      true;

  way =
    {
      format,
      scripts,
      pname,
      writes,
    }:
    value: attributes:
    if
      isCommand attributes
      && elem attributes.buildCommand scripts
      && asFile attributes "value"
      # `overrideAttrs` may have changed it.
      && attributes.value == builtins.toJSON value
      && isList (attributes.nativeBuildInputs or null)
      && length attributes.nativeBuildInputs == 1
      && pnameOf (programOf attributes) == pname
      && writes value (programOf attributes)
      && isPlain attributes [
        "nativeBuildInputs"
        "value"
      ]
    then
      {
        module = "text";
        attributes = {
          inherit format;
        };
        # `null` is a value too, so it goes where it is not left out.
        derivationArgs = {
          inherit value;
        };
      }
    else
      null;
in
{
  json = way {
    format = "json";
    scripts = [
      "jq . \"$valuePath\"> $out\n"
      "jq . \"$valuePath\" > $out\n"
    ];
    pname = "jq";
    writes = value: program: isFrom "1.7" program || hasOnlyPlainNumbers value;
  };

  yaml = way {
    format = "yaml";
    scripts = [ "json2yaml \"$valuePath\" \"$out\"\n" ];
    pname = "remarshal";
    # Later ones write YAML 1.2, earlier ones break lines otherwise.
    writes = _: program: isFrom "0.17" program && isBefore "0.18" program;
  };

  toml = way {
    format = "toml";
    scripts = [ "json2toml \"$valuePath\" \"$out\"\n" ];
    pname = "remarshal";
    # With tomlkit 0.13 or newer, as every nixpkgs with this version has.
    writes = _: program: isFrom "1.0" program;
  };
}
