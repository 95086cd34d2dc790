# `pkgs.formats.json`, `.yaml` and `.toml`: values written by jq and remarshal; and `.javaProperties`, which jq and
# iconv write.
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
    attrNames
    concatStringsSep
    hashString
    head
    isAttrs
    isFloat
    isInt
    isList
    isString
    length
    match
    replaceStrings
    stringLength
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

  # What the script of `javaProperties` writes in the same way whatever jq and iconv it has: keys and values that
  # iconv leaves alone, and in which jq has to escape no end of a line and no blank at the beginning.
  isLine = text: isString text && stringLength text < 4096 && match "([!-~][ -~]*)?" text != null;
  # A comment that `echo` and `read` leave alone.
  isComment = text: isLine text && match "[A-Za-z0-9].*" text != null && match ".* " text == null;
  # What jq is told in nixpkgs of 2022 to 2026.
  propertiesCode = "2df9476ec3ecc015f8453a5cf4babaa735d302dae0217b23f6fe923f215e38d6";
  propertyKey = replaceStrings [ "\\" "#" "!" " " "=" ] [ "\\\\" "\\#" "\\!" "\\ " "\\=" ];
  propertyValue = replaceStrings [ "\\" "#" "!" ] [ "\\\\" "\\#" "\\!" ];
in
{
  javaProperties =
    value: attributes:
    if
      isCommand attributes
      && attributes.buildCommand == ''
        (
          echo "$comment" | while read -r ln; do echo "# $ln"; done
          echo
          jq -r --arg hash '#' "$jqCode" "$valuePath" \
            | iconv --from-code "$inputEncoding" --to-code JAVA \
        ) > "$out"
      ''
      && hashString "sha256" (attributes.jqCode or "") == propertiesCode
      && (attributes.inputEncoding or null) == "UTF-8"
      && asFile attributes "value"
      && isAttrs value
      && attributes.value == builtins.toJSON value
      && isComment (attributes.comment or null)
      && all isLine (attrNames value ++ attrValues value)
      && isPlain attributes [
        "comment"
        "inputEncoding"
        "jqCode"
        "nativeBuildInputs"
        "value"
      ]
    then
      {
        module = "text";
        attributes.text = concatStringsSep "" (
          [ "# ${attributes.comment}\n\n" ]
          ++ map (key: "${propertyKey key} = ${propertyValue value.${key}}\n") (attrNames value)
        );
      }
    else
      null;

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
