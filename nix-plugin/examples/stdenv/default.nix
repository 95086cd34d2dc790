# A machine in the manner of NixOS whose derivations are for Linux, as nixpkgs writes them: the builder
# is a bash from the store, and a setup script of our own with the hooks and phases of nixpkgs'.
#
#     nix-instantiate nix-plugin/examples/stdenv -A toplevel --argstr system aarch64-linux
#
# Nothing in them was written for wasibuild, which builds them in its sandbox to the bytes that GNU
# bash and the GNU tools give: `cargo xtask compare` shows it.
{
  system ? "x86_64-linux",
  # Packages in the place of stand-ins, by name: with programs that run, a virtual machine builds this as well.
  programs ? { },
}:
let
  packages = import ./packages.nix // programs;
  stdenv = import ./lib/stdenv.nix { inherit packages system; };

  library =
    structured:
    let
      trivial = import ./lib/trivial.nix { inherit packages stdenv structured; };
    in
    trivial
    // {
      inherit packages stdenv;
      inherit (stdenv) mkDerivation;
      buildEnv = import ./lib/build-env.nix { inherit stdenv trivial; };
      formats = import ./lib/formats.nix { inherit packages trivial; };
    };
  # As nixpkgs has it today, and as it is to be for all derivations.
  lib = library false;
  structured = library true;

  sources = import ./machine/sources.nix { inherit lib structured; };
  scripts = import ./machine/scripts.nix { inherit lib structured; };
  files = import ./machine/files.nix { inherit lib structured scripts; };
  units = import ./machine/units.nix {
    inherit
      files
      lib
      scripts
      sources
      ;
  };
  features = import ./features { inherit lib structured; };

  systemPath = lib.buildEnv {
    name = "system-path";
    paths = [
      packages.coreutils
      packages.gnugrep
      packages.gnused
      packages.findutils
      packages.openssh
      packages.nginx
      packages.systemd
      packages.util-linux
      sources.greeter
      sources.greeter.man
      sources.tally
      scripts.rebuild
    ];
    pathsToLink = [
      "/bin"
      "/sbin"
      "/share/man"
      "/share/greeter"
      "/etc/greeter"
    ];
    ignoreCollisions = true;
    postBuild = ''
      # As NixOS does: what was looked up while the tree was made does not belong to it.
      if [ -x "$out/bin/greeter" ]; then
        find "$out" -type l -iname '*.LA' -print0 | xargs -0 -r rm -f
      fi
    '';
  };

  etc = import ./machine/etc.nix {
    inherit
      files
      lib
      scripts
      sources
      systemPath
      units
      ;
  };

  toplevel = import ./machine/top-level.nix {
    inherit
      etc
      features
      lib
      scripts
      structured
      system
      systemPath
      ;
  };
in
{
  inherit
    etc
    features
    files
    lib
    packages
    scripts
    sources
    systemPath
    toplevel
    units
    ;
}
