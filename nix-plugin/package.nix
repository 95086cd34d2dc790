# The program as a package of nixpkgs: `pkgs.callPackage ./nix-plugin/package.nix { inherit builders; }`.
#
# Contract: compiles this source tree with Rust 1.95 or newer. The builders are not compiled, since nixpkgs'
# compiler makes other bytes than the one of rust-toolchain.toml: they are put into the program as builders.nix
# gives them.
{
  lib,
  rustPlatform,
  linkFarm,
  # Name of a module → file, as builders.nix gives them.
  builders,
}:
rustPlatform.buildRustPackage {
  pname = "wasibuild";
  version = (builtins.fromTOML (builtins.readFile ../Cargo.toml)).workspace.package.version;
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
  WASIBUILD_BUILDERS = linkFarm "wasibuild-builders" (
    map (name: {
      name = "${name}.wasm";
      path = builders.${name};
    }) (builtins.attrNames builders)
  );
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
