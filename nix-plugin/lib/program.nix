# The builders as paths in the store: `import ./program.nix { inherit builders; } "text"`.
#
# Contract: the path follows from the module's bytes and its name, wherever its file stands, so that it
# is the same on every host.
{
  # Attribute set: name of a module (`text`, `text-executable`, …) → path of its .wasm file, or
  # a string with context (the output of a derivation that builds it).
  builders,
}:
module:
let
  file =
    builders.${module} or (throw (
      "wasibuild: no builder `${module}` was given to nix-plugin/lib; "
      + "`builders` has: ${builtins.concatStringsSep ", " (builtins.attrNames builders)}"
    ));
in
if builtins.isPath file then
  builtins.path {
    name = "wasibuild-${module}.wasm";
    path = file;
  }
else
  file
