# The folder with one systemd unit, as NixOS' `makeUnit` makes it with `runCommand`; disabled: with a
# link to /dev/null.
#
# Counterpart: nixos/lib/systemd-lib.nix in nixpkgs of 2016, 2025 and 2026.
{ shared, check }:
let
  inherit (builtins)
    filter
    head
    isString
    map
    match
    replaceStrings
    split
    stringLength
    substring
    unsafeDiscardStringContext
    ;
  inherit (shared)
    asFile
    environ
    hasPrefix
    hasSuffix
    isCommand
    isPlain
    ;

  # With the text in a file, and by `echo`.
  moved = [
    {
      before = "name=";
      after = ''

        mkdir -p "$out/$(dirname -- "$name")"
        mv "$textPath" "$out/$name"
      '';
    }
  ];
  echoed = [
    {
      before = "name=";
      after = ''

        mkdir -p "$out/$(dirname -- "$name")"
        echo -n "$text" > "$out/$name"
      '';
    }
    {
      before = "mkdir -p $out\necho -n \"$text\" > $out/";
      after = "\n";
    }
  ];
  disabled = [
    {
      before = "name=";
      after = ''

        mkdir -p "$out/$(dirname "$name")"
        ln -s /dev/null "$out/$name"
      '';
    }
    {
      before = "mkdir -p $out\nln -s /dev/null $out/";
      after = "\n";
    }
  ];

  # The unit's name in the script: plain, with each backslash written twice.
  nameIn =
    command: script:
    let
      length = stringLength command - stringLength script.before - stringLength script.after;
      word = substring (stringLength script.before) length command;
      plain = replaceStrings [ "\\\\" ] [ "" ] word;
    in
    if
      length > 0
      && length < 256
      && hasPrefix script.before command
      && hasSuffix script.after command
      && match "[A-Za-z0-9@:_.%+=,-]+" plain != null
      && word != "."
      && word != ".."
    then
      replaceStrings [ "\\\\" ] [ "\\" ] word
    else
      null;

  first =
    command: table:
    let
      names = filter isString (map (nameIn command) table);
    in
    if names == [ ] then null else head names;
in
attributes:
let
  command = unsafeDiscardStringContext attributes.buildCommand;
  text = environ attributes.text;
  unit = first command (if asFile attributes "text" then moved else echoed);
  masked = first command disabled;
in
if !isCommand attributes || stringLength command > 1000 then
  null
else if
  unit != null
  && attributes ? text
  && isPlain attributes [ "text" ]
  # `echo` would take it for options.
  && (asFile attributes "text" || substring 0 1 text != "-")
then
  {
    module = "text";
    attributes = {
      inherit text;
      destination = "/${unit}";
    };
  }
else if masked != null && isPlain attributes [ ] then
  {
    module = "symlink-tree";
    attributes.entries.${masked} = "/dev/null";
  }
else
  null
