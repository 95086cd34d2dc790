# `writeTextFile` and all that is made of it (`writeText`, `writeScript`, `writeShellScript`,
# `writeShellApplication`, `makeDesktopItem` as far as its check goes, …), and `concatTextFile`.
#
# Counterpart: pkgs/build-support/trivial-builders in nixpkgs of 2016, 2024 and 2026.
{ shared, check }:
let
  inherit (builtins)
    any
    filter
    head
    isString
    map
    match
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
    isStructured
    ;

  # The scripts that write a text: what stands before and after the file's place below the output.
  writeTextFile = [
    {
      before = "target=$out";
      after = ''

        mkdir -p "$(dirname "$target")"

        if [ -e "$textPath" ]; then
          mv "$textPath" "$target"
        else
          echo -n "$text" > "$target"
        fi

        if [ -n "$executable" ]; then
          chmod +x "$target"
        fi

        eval "$checkPhase"
      '';
    }
    {
      before = "n=$out";
      after = ''

        mkdir -p "$(dirname "$n")"

        if [ -e "$textPath" ]; then
          mv "$textPath" "$n"
        else
          echo -n "$text" > "$n"
        fi

        (test -n "$executable" && chmod +x "$n") || true
      '';
    }
  ];

  concatTextFile = ''
    file=$out$destination
    mkdir -p "$(dirname "$file")"
    cat $files > "$file"

    if [ -n "$executable" ]; then
      chmod +x "$file"
    fi

    eval "$checkPhase"
  '';

  # What a word of the script stands for, or null if more than quoting is in it.
  unquoted =
    word:
    let
      quoted = match "'([^']*)'" word;
    in
    if match "[A-Za-z0-9,._+:@%/-]*" word != null then
      word
    else if quoted != null then
      head quoted
    else
      null;

  # A place below the output that is the same for the builder: no dots, one slash at a time.
  isPlace =
    place:
    place == ""
    || match "(/[^/]+)+" place != null
    && !any (part: part == "." || part == "..") (filter isString (split "/" place));

  # The place in a script, or null if it is another script.
  placeIn =
    command: script:
    let
      length = stringLength command - stringLength script.before - stringLength script.after;
      word = substring (stringLength script.before) length command;
      place = unquoted word;
    in
    if length >= 0 && hasPrefix script.before command && hasSuffix script.after command then
      (if place == null || !isPlace place then null else { destination = place; })
    else
      null;

  finish =
    {
      attributes,
      destination,
      content,
      executable,
      targets,
    }:
    let
      checked = check {
        phase = environ (attributes.checkPhase or "");
        targets = targets ++ [ "$out${destination}" ];
      };
    in
    if checked == null then
      null
    else
      {
        module = if executable || checked.words != [ ] then "text-executable" else "text";
        attributes = content // {
          executable = if executable then true else null;
          destination = if destination == "" then null else destination;
          check = if checked.words == [ ] then null else checked.words;
        };
      };

  text =
    attributes:
    let
      command = unsafeDiscardStringContext attributes.buildCommand;
      places = filter (place: place != null) (map (placeIn command) writeTextFile);
      value = environ attributes.text;
      # Without the file the script would `echo` it, which takes `-n` and `-e` for options.
      isCopied = asFile attributes "text" || substring 0 1 value != "-";
    in
    if places == [ ] || !(attributes ? text) || !isCopied then
      null
    else
      finish {
        inherit attributes;
        inherit (head places) destination;
        content.text = value;
        executable = environ (attributes.executable or "") != "";
        targets = [ "$target" ];
      };

  concat =
    attributes:
    let
      files = environ (attributes.files or "");
      words = filter (word: isString word && word != "") (split "[ \t\n]+" files);
      destination = environ (attributes.destination or "");
    in
    if
      attributes.buildCommand != concatTextFile
      # `$files` would be an array's first element.
      || isStructured attributes
      || words == [ ]
      || any (word: match "/[^][*?\\]*" (unsafeDiscardStringContext word) == null) words
      || !isPlace destination
    then
      null
    else
      finish {
        inherit attributes destination;
        # `split` forgets what the paths refer to.
        content.files = map (word: substring 0 0 files + word) words;
        executable = environ (attributes.executable or "") != "";
        targets = [ "$file" ];
      };
in
attributes:
if
  isCommand attributes
  && stringLength attributes.buildCommand < 2000
  && isPlain attributes [
    "checkPhase"
    "destination"
    "executable"
    "files"
    "text"
  ]
then
  (
    let
      found = text attributes;
    in
    if found == null then concat attributes else found
  )
else
  null
