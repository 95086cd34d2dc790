# Configuration formats whose text is made while Nix evaluates, or by the shell from the attributes:
# what nixpkgs' `pkgs.formats` gives where it needs no program beyond the stdenv.
{ packages, trivial }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    isBool
    isList
    toJSON
    ;
  scalar = value: if isBool value then (if value then "true" else "false") else toString value;
  lines = concatStringsSep "\n";
  keyValue =
    separator: set:
    lines (
      builtins.concatMap (
        name:
        let
          value = set.${name};
        in
        map (one: "${name}${separator}${scalar one}") (if isList value then value else [ value ])
      ) (attrNames set)
    );
in
{
  keyValue = name: set: trivial.writeText name (keyValue "=" set + "\n");

  # Sections are sorted, as the attributes of a set are.
  ini =
    name: sections:
    trivial.writeText name (
      concatStringsSep "\n" (
        map (section: "[${section}]\n${keyValue " = " sections.${section}}\n") (attrNames sections)
      )
    );

  # On one line, as Nix prints it.
  json =
    name: value:
    trivial.runCommandLocal name
      {
        value = toJSON value;
        passAsFile = [ "value" ];
      }
      ''
        if [ -e "''${valuePath:-}" ]; then
          cp --preserve=timestamps "$valuePath" "$out"
        else
          printf '%s' "$value" > "$out"
        fi
        echo >> "$out"
      '';

  # For people: on many lines, with sorted members, by jq.
  prettyJson =
    name: value:
    trivial.runCommandLocal name
      {
        nativeBuildInputs = [ packages.jq ];
        value = toJSON value;
        passAsFile = [ "value" ];
      }
      ''
        jq . "$valuePath" > $out
      '';

  # From an attribute set that the shell sees as an associative array.
  shellVariables =
    name: variables:
    trivial.runCommandLocal name
      {
        __structuredAttrs = true;
        inherit variables;
      }
      ''
        for key in $(printf '%s\n' "''${!variables[@]}" | sort); do
          printf '%s=%q\n' "$key" "''${variables[$key]}"
        done > "$out"
      '';
}
