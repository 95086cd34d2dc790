# The program as a package of nixpkgs: `pkgs.callPackage ./nix-plugin/package.nix { inherit builders; }`.
#
# Contract: compiles this source tree with the Rust that Cargo.toml asks for or a newer one; an older one is an error
# while evaluating. The builders are not compiled, since nixpkgs' compiler makes other bytes than the one of
# rust-toolchain.toml: they are put into the program as builders.nix gives them. So are the virtual machine's
# agents, which are compiled for Linux whatever the program is for; without them it has no virtual machine.
{
  lib,
  rustPlatform,
  # Give the one of `rustPlatform` if that is not nixpkgs' own.
  rustc,
  linkFarm,
  # Name of a module → file, as builders.nix gives them.
  builders,
  # Folder with the agents `x86_64` and `aarch64`, as `cargo xtask agents` makes target/vm-agents.
  agents ? null,
}:
let
  package = (builtins.fromTOML (builtins.readFile ../Cargo.toml)).workspace.package;
  isOld = lib.versionOlder (lib.getVersion rustc) package.rust-version;
in
lib.throwIf isOld
  "wasibuild: it needs Rust ${package.rust-version}, and this nixpkgs has ${lib.getVersion rustc}: take `rustPlatform` and `rustc` from a newer one"
rustPlatform.buildRustPackage {
  pname = "wasibuild";
  inherit (package) version;
  src = builtins.path {
    name = "wasibuild-source";
    path = ../.;
    # What the compiler's results and other checkouts leave has no place in it.
    filter = path: _: !(builtins.elem (baseNameOf path) [ "target" ".git" "result" ]);
  };
  cargoLock.lockFile = ../Cargo.lock;
  cargoBuildFlags = [
    "--package"
    "wasibuild"
  ];
  # In `env`, since attributes of structured derivations are no variables.
  env = {
    WASIBUILD_BUILDERS = linkFarm "wasibuild-builders" (
      map (name: {
        name = "${name}.wasm";
        path = builders.${name};
      }) (builtins.attrNames builders)
    );
  }
  // lib.optionalAttrs (agents != null) {
    # A path enters the store, a string has to name one.
    WASIBUILD_VM_AGENTS = "${agents}";
  };
  # They need real Nix and GNU programs.
  doCheck = false;
  meta = {
    description = "Builder for Nix that runs WebAssembly modules and NixOS' configuration derivations in a sandbox";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "wasibuild";
    platforms = lib.platforms.unix;
  };
}
