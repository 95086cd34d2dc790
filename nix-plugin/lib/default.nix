# The library's entry: functions with the argument conventions of nixpkgs that return derivations
# for WebAssembly builders.
#
#     import ./nix-plugin/lib { builders = { text = ./text.wasm; … }; }
#
# Contract: pure Nix, no nixpkgs, Nix 2.8 or newer; the same call evaluates to the same derivation
# on every host. A module is looked up in `builders` only when a function needs it.
#
# Counterpart: the trivial builders, `pkgs.formats`, `substitute`, … of nixpkgs. docs/builders.md
# says for each which version's bytes it gives.
{
  # Attribute set: name of a module → path of its .wasm file (`wasibuild builders export DIR`).
  builders,
  # `wasm32-wasi` or `wasm32-wasip1`, the name that Determinate Nix knows.
  system ? "wasm32-wasi",
  # What to do where a function is asked for more than its builder can (shell code such as `checkPhase`):
  # name of the function → a function with the same arguments, such as nixpkgs' own (`inherit (pkgs)
  # writeTextFile buildEnv formats;`). Without one it is an error that says what cannot be done.
  fallback ? { },
}:
let
  # `call` gets the function that takes over.
  beyond =
    function: call: problem:
    if fallback ? ${function} then call fallback.${function} else throw "wasibuild: ${problem}";

  build = import ./derivation.nix { inherit builders system; };

  # Each file: { build, self, … }: attribute set of functions. `self` is the whole library.
  parts = [
    ./text.nix
    ./formats.nix
    ./substitute.nix
    ./etc-tree.nix
    ./symlink-tree.nix
    ./unit-file.nix
  ];

  self = builtins.foldl' (functions: part: functions // import part { inherit build self beyond fallback; }) { } parts;
in
self
