# The check of a written file: what nixpkgs runs on it before the build succeeds.
#
# Contract: `check { phase; targets; }` gives { words; }, the attribute `check` of the text builder
# (docs/builders.md), or null where the phase is more than can be done here. Known are: nothing, and
# a shell that reads the script without running it (`bash -n`), which the sandbox's bash does with the
# same result. `targets` are the words by which the phase may name the file.
{
  program,
  has,
  shared,
}:
let
  inherit (builtins)
    elem
    elemAt
    filter
    head
    isString
    length
    map
    match
    split
    stringLength
    unsafeDiscardStringContext
    ;

  # Lines that do nothing: hooks that no derivation defines that comes here.
  idle = [
    ""
    "runHook preCheck"
    "runHook postCheck"
  ];

  trim = line: head (match "[ \t]*(.*[^ \t])?[ \t]*" line);
  lines =
    text:
    filter (line: !elem line idle) (
      map (line: if trim line == null then "" else trim line) (filter isString (split "\n" text))
    );

  dryRun = "/nix/store/[0-9a-z]{32}-bash-?[^/ ]*/bin/(bash|sh) -n( -O extglob)? \"?([^\" ]+)\"?";
in
{ phase, targets }:
let
  text = unsafeDiscardStringContext phase;
  known = lines text;
  shell = match dryRun (head known);
in
if phase == "" then
  { words = [ ]; }
else if stringLength text > 1000 then
  null
else if known == [ ] then
  { words = [ ]; }
else if length known == 1 && shell != null && elem (elemAt shell 2) targets && has "builder-shell" then
  {
    words = [
      (program "builder-shell")
      "-n"
    ]
    ++ (
      if elemAt shell 1 == null then
        [ ]
      else
        [
          "-O"
          "extglob"
        ]
    );
  }
else
  null
