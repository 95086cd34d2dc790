# A hundred independent trivial derivations of one kind, for the benchmark of the doors.
#
# Counterpart: what a user's configuration asks for, one small file each.
{
  # `text` for wasibuild's own builder, `shell` for an unmodified derivation with packages of the store,
  # `sh` for /bin/sh, `stdenv` for this machine's bash sourcing the same setup script.
  kind,
  count ? 100,
  # The folder of this repository, and that of the builders.
  repository,
  builders,
}:
let
  example = repository + "/nix-plugin/examples/stdenv";
  lib = import (repository + "/nix-plugin/lib") {
    builders.text = /. + (builders + "/text.wasm");
  };
  ofMachine = builtins.listToAttrs (
    map
      (name: {
        inherit name;
        value = "/usr";
      })
      [
        "bash"
        "coreutils"
        "diffutils"
        "findutils"
        "gawk"
        "gnugrep"
        "gnused"
        "lndir"
      ]
  );
  packages = if kind == "shell" then import (example + "/packages.nix") else ofMachine;
  stdenv = import (example + "/lib/stdenv.nix") {
    inherit packages;
    system = builtins.currentSystem;
  };
  trivial = import (example + "/lib/trivial.nix") { inherit packages stdenv; };
  ofStdenv = name: contents: trivial.runCommandLocal name { } "echo ${trivial.quote contents} > $out";

  make = {
    text = name: contents: lib.writeText name "${contents}\n";
    shell = ofStdenv;
    stdenv = ofStdenv;
    sh =
      name: contents:
      derivation {
        inherit name;
        system = builtins.currentSystem;
        builder = "/bin/sh";
        args = [
          "-c"
          "echo '${contents}' > $out"
        ];
      };
  };
in
builtins.genList (number: make.${kind} "trivial-${toString number}" "number ${toString number}") count
