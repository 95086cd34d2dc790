# `makeDesktopItem`: a text that nixpkgs shows to desktop-file-validate before the build succeeds.
#
# Contract: the validator is a program for Linux that runs nowhere here, so only an entry that it
# accepts with certainty is taken: one group, the common keys, values without anything to quote, the main
# categories. Others stay nixpkgs' derivation, whose build may fail as it should. What the validator
# would merely remark (hints, warnings) is not in the log.
#
# Counterpart: pkgs/build-support/make-desktopitem in nixpkgs of 2024 to 2026; Desktop Entry
# Specification 1.5, Desktop Menu Specification 1.1, appendix A.
{ shared }:
let
  inherit (builtins)
    all
    elem
    elemAt
    filter
    isList
    isString
    length
    listToAttrs
    map
    match
    split
    stringLength
    unsafeDiscardStringContext
    ;
  text = import ./text.nix {
    inherit shared;
    # Called for the derivations that pass `validated` alone.
    check =
      { phase, ... }:
      if
        match "/nix/store/[0-9a-z]{32}-desktop-file-utils-[^/ ]*/bin/desktop-file-validate \"[$]target\"\n?" (
          unsafeDiscardStringContext phase
        ) != null
      then
        { words = [ ]; }
      else
        null;
  };

  # Printable, nothing to escape, no blank at an end.
  isPlainText =
    value: match "[A-Za-z0-9(][A-Za-z0-9 .,:!?/'()+&_-]*" value != null && match ".* " value == null;
  isBoolean = value: value == "true" || value == "false";
  isWordList = isWord: value: all isWord (filter (part: isString part && part != "") (split ";" value));

  isIcon =
    value:
    match "/[A-Za-z0-9._/+-]+" value != null
    || match "[A-Za-z0-9._-]+" value != null && match ".*[.](png|svg|xpm)" value == null;

  # Codes for files and locations, of which there may be one.
  locations = [
    "%f"
    "%F"
    "%u"
    "%U"
  ];
  isCommand =
    value:
    let
      words = filter isString (split " " value);
    in
    match "[A-Za-z0-9._/+@-]+" (elemAt words 0) != null
    && all (word: match "[A-Za-z0-9._/+@:=,-]+" word != null || elem word locations) words
    && length (filter (word: elem word locations) words) <= 1;

  mainCategories = [
    "AudioVideo"
    "Development"
    "Education"
    "Game"
    "Graphics"
    "Network"
    "Office"
    "Science"
    "Settings"
    "System"
    "Utility"
  ];
  isCategory = word: elem word mainCategories || match "X-[A-Za-z0-9-]+" word != null;
  isMimeType =
    word:
    match "(application|audio|font|image|message|model|multipart|text|video|x-scheme-handler)/[A-Za-z0-9][A-Za-z0-9.+_-]*" word
    != null;

  keys = {
    Type = value: value == "Application";
    Version = value: elem value [ "1.0" "1.4" "1.5" ];
    Name = isPlainText;
    GenericName = isPlainText;
    Comment = isPlainText;
    Icon = isIcon;
    Exec = isCommand;
    TryExec = value: match "[A-Za-z0-9._/+@-]+" value != null;
    Terminal = isBoolean;
    NoDisplay = isBoolean;
    StartupNotify = isBoolean;
    PrefersNonDefaultGPU = isBoolean;
    SingleMainWindow = isBoolean;
    StartupWMClass = isPlainText;
    MimeType = isWordList isMimeType;
    Categories = isWordList isCategory;
    Keywords = isWordList isPlainText;
  };

  # { name; value; } for a line `Key=value`, null for another.
  pair =
    line:
    let
      matched = match "([A-Za-z]+)=(.*)" line;
    in
    if matched == null then
      null
    else
      {
        name = elemAt matched 0;
        value = elemAt matched 1;
      };

  validated =
    content:
    let
      lines = filter isString (split "\n" (unsafeDiscardStringContext content));
      pairs = map pair (filter (line: line != "" && line != "[Desktop Entry]") lines);
      given = listToAttrs pairs;
    in
    stringLength content < 10000
    && elemAt lines 0 == "[Desktop Entry]"
    && length (filter (line: line == "[Desktop Entry]") lines) == 1
    && all (entry: entry != null && keys ? ${entry.name} && keys.${entry.name} entry.value) pairs
    && given ? Type
    && given ? Name
    && given ? Exec
    && length pairs == length (builtins.attrNames given);
in
attributes:
if isString (attributes.text or null) && validated attributes.text then text attributes else null
