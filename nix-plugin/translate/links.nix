# Folders of links: `linkFarm` of every age, and each `runCommand` that does nothing but `mkdir` and
# `ln -s` with literal words.
#
# Contract: the script is read line by line. Only what the lines of `line` say is known; a word with
# anything but quoting in it ends the reading. A link must stand in a folder that was made before, and
# every folder must end up with a link in it, since the builder makes folders for links only.
{ shared, check }:
let
  inherit (builtins)
    all
    any
    attrNames
    concatLists
    elem
    elemAt
    filter
    foldl'
    genList
    hasAttr
    head
    isAttrs
    isString
    length
    listToAttrs
    map
    match
    replaceStrings
    split
    stringLength
    substring
    tail
    unsafeDiscardStringContext
    ;
  inherit (shared) hasPrefix isCommand isPlain;

  plainWord = "[A-Za-z0-9,._+:@%/=][A-Za-z0-9,._+:@%/=-]*";
  word = "('[^']*'|\"[^\"$`\\]*\"|${plainWord})";
  # A place below the output, `$out` quoted or not.
  below = "(\"[$]out/[A-Za-z0-9,._+:@%/=-]+\"|[$]out/${plainWord}|\"[$]out\"/${plainWord})";
  output = "(\"[$]out\"|[$]out)";

  unquote =
    text:
    if hasPrefix "'" text || hasPrefix "\"" text then
      substring 1 (stringLength text - 2) text
    else
      text;
  placeBelow =
    text:
    let
      bare = replaceStrings [ "\"" ] [ "" ] text;
    in
    substring (stringLength "$out/") (-1) bare;

  # { make = folder; } { link = name; to = target; } { enter = true; } or { } (a blank line), or null.
  line =
    text:
    let
      folder = match "mkdir (-p )?${output}/?" text;
      inside = match "mkdir -p (-- )?${below}/?" text;
      parent = match "mkdir -p (-- )?\"[$][(]dirname (-- )?${word}[)]\"" text;
      here = match "ln -s (-- )?${word} ${word}" text;
      there = match "ln -s(fn|nf|n)? (-- )?${word} ${below}" text;
    in
    if text == "" || match "#.*" text != null then
      { }
    else if folder != null then
      { make = ""; }
    else if match "cd ${output}" text != null then
      { enter = true; }
    else if inside != null then
      { make = placeBelow (elemAt inside 1); }
    else if parent != null then
      { makeHere = dirOf' (unquote (elemAt parent 2)); }
    else if here != null then
      {
        linkHere = unquote (elemAt here 2);
        to = unquote (elemAt here 1);
      }
    else if there != null then
      {
        link = placeBelow (elemAt there 3);
        to = unquote (elemAt there 2);
      }
    else
      null;

  dirOf' =
    path:
    let
      parts = match "(.*)/[^/]+" path;
    in
    if parts == null then "" else head parts;

  # A place without dots and with one slash at a time.
  isPlace =
    place:
    match "[^/]+(/[^/]+)*" place != null
    && all (part: part != "." && part != "..") (filter isString (split "/" place));

  # All folders on the way to a place, itself included.
  ancestors =
    place: if place == "" then [ "" ] else ancestors (dirOf' place) ++ [ place ];

  trim = text: head (match "[ \t]*((.*[^ \t;])?)[ \t;]*" text);

  # More would be slow to read, and nobody writes it by hand.
  longest = 4 * 1024 * 1024;
in
attributes:
let
  script = attributes.buildCommand;
  lines = map trim (
    concatLists (
      map (part: if isString part then filter isString (split "; " part) else [ ]) (
        split "\n" (unsafeDiscardStringContext script)
      )
    )
  );
  parsed = map line lines;
  count = length parsed;
  at = elemAt parsed;
  indices = genList (index: index) count;

  enters = filter (index: (at index) ? enter) indices;
  entered = index: enters != [ ] && head enters < index;
  # Every step with its place, in order; null where a relative name is used outside of the output.
  steps = map (
    index:
    let
      step = at index;
    in
    if step ? makeHere then
      (if entered index then { make = step.makeHere; } else null)
    else if step ? linkHere then
      (
        if entered index then
          {
            link = step.linkHere;
            inherit (step) to;
          }
        else
          null
      )
    else
      step
  ) indices;

  made = listToAttrs (
    concatLists (
      map (
        index:
        let
          step = elemAt steps index;
        in
        if step ? make then
          map (folder: {
            name = folder;
            value = index;
          }) (ancestors step.make)
        else
          [ ]
      ) indices
    )
  );
  links = filter (index: (elemAt steps index) ? link) indices;
  entry = index: {
    name = (elemAt steps index).link;
    # The script's context says what the target refers to.
    value = substring 0 0 script + (elemAt steps index).to;
  };
  entries = listToAttrs (map entry links);
  inhabited = listToAttrs (
    concatLists (
      map (
        index:
        map (folder: {
          name = folder;
          value = null;
        }) (ancestors (dirOf' (elemAt steps index).link))
      ) links
    )
  );
in
if
  isCommand attributes
  && stringLength script < longest
  && isPlain attributes [ ]
  && all isAttrs parsed
  && all isAttrs steps
  && made ? ""
  && made."" <= (if enters == [ ] then count else head enters)
  && length links == length (attrNames entries)
  && all (
    index:
    let
      step = elemAt steps index;
      folder = dirOf' step.link;
    in
    isPlace step.link
    && step.to != ""
    && !(hasPrefix "-" step.to || hasPrefix "-" step.link)
    && made ? ${folder}
    && made.${folder} < index
    && !(made ? ${step.link})
  ) links
  && all (folder: folder == "" || isPlace folder && hasAttr folder inhabited) (attrNames made)
then
  {
    module = "symlink-tree";
    attributes = {
      inherit entries;
    };
  }
else
  null
