# What the modules for NixOS and nix-darwin share: the options of `services.wasibuild`, and what follows
# from them for Nix and for wasibuild's own configuration.
#
# Contract: `nixConf` has the lines of nix.conf that the chosen door needs (docs/nix.md), and nothing
# more. `extra-platforms` never names the systems of WebAssembly: Nix would execute the modules itself.
# `settings` is wasibuild.toml as it is; wasibuild refuses what it does not know.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (builtins)
    concatStringsSep
    toJSON
    toString
    ;
  inherit (lib) mkOption types;
  cfg = config.services.wasibuild;

  program = "${cfg.package}/bin/wasibuild";
  # An absolute path that can stand in a URL and in a line of nix.conf.
  plainPath = types.addCheck types.str (path: builtins.match "(/[A-Za-z0-9._+-]+)+" path != null) // {
    description = "absolute path of letters, digits and ._+-";
  };

  hook = pkgs.runCommand "wasibuild-hook" { } ''
    mkdir -p $out/bin
    ln -s ${program} $out/bin/wasibuild-hook
  '';

  # TOML has no null: what is null is left to wasibuild's default.
  withoutNulls =
    value:
    if builtins.isAttrs value then
      builtins.mapAttrs (_: withoutNulls) (lib.filterAttrs (_: inner: inner != null) value)
    else
      value;

  nixConf = {
    # Other machines stay: those of nix.buildMachines are in this file, and it need not be there.
    daemon = ''
      builders = @/etc/nix/machines ; unix://${cfg.socket}?root=${cfg.store} ${concatStringsSep "," cfg.systems} - ${toString cfg.maxJobs}
    '';
    external-builder = ''
      extra-experimental-features = external-builders
      external-builders = ${
        toJSON [
          {
            # As Nix prints it.
            systems = builtins.sort builtins.lessThan cfg.systems;
            inherit program;
            args = [
              "external-builder"
              "--precompiled"
              cfg.precompiled
            ];
          }
        ]
      }
    '';
    hook = ''
      build-hook = ${hook}/bin/wasibuild-hook
    '';
  };
in
{
  options.services.wasibuild = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = "Whether Nix hands builds to wasibuild.";
    };

    package = mkOption {
      type = types.either types.package plainPath;
      example = "/usr/local";
      description = "The package with the program `bin/wasibuild`, or the directory where it is installed.";
    };

    door = mkOption {
      type = types.enum [
        "daemon"
        "external-builder"
        "hook"
      ];
      default = "daemon";
      description = ''
        How Nix hands builds over. `daemon`: as to a remote builder, with every Nix since 2.8.
        `external-builder`: in Nix' own store, with Nix since 2.32 and an experimental feature. `hook`: in
        Nix' own store, with Nix before 2.25 and since 2.34. `wasibuild doctor` recommends one.
      '';
    };

    systems = mkOption {
      type = types.listOf types.str;
      default = [
        "wasm32-wasip1"
        "wasm32-wasi"
      ];
      example = [
        "wasm32-wasip1"
        "wasm32-wasi"
        "aarch64-linux"
      ];
      description = ''
        The systems whose derivations are handed over. With systems of Linux, wasibuild gets every derivation
        for them, packages included; those that it does not build fail. The hook is not asked by system.
      '';
    };

    store = mkOption {
      type = plainPath;
      default = "/var/lib/wasibuild";
      description = "The daemon's store: a directory with `nix/store` in it, without symbolic links on the way.";
    };

    socket = mkOption {
      type = plainPath;
      default = "/run/wasibuild/daemon.sock";
      description = "The daemon's socket.";
    };

    maxJobs = mkOption {
      type = types.addCheck types.int (number: number >= 1 && number <= 1024);
      default = 4;
      description = "How many builds Nix may send to the daemon at once.";
    };

    settings = mkOption {
      # Freeform: wasibuild knows the settings of its version, and names what it does not know.
      type = types.attrsOf types.anything;
      default = { };
      example = {
        max-jobs = 8;
        limits.memory = "4G";
      };
      description = "What stands in `/etc/wasibuild/wasibuild.toml`, see docs/configuration.md.";
    };

    precompiled = mkOption {
      type = plainPath;
      default = "/var/cache/wasibuild";
      description = ''
        Where the compiled builders are for the external builder, which runs as a user who cannot write
        into a cache. They are compiled on this machine, for its processor.
      '';
    };

    configureNix = mkOption {
      type = types.bool;
      default = config.nix.enable or true;
      description = ''
        Whether the lines go into nix.conf by `nix.extraOptions`. If something else manages Nix (Determinate),
        put `config.services.wasibuild.nixConf` into its file, such as `/etc/nix/nix.custom.conf`.
      '';
    };

    nixConf = mkOption {
      type = types.lines;
      readOnly = true;
      description = "The lines of nix.conf for the door.";
    };

    # For the modules of the two systems.
    configurationFile = mkOption {
      type = types.package;
      internal = true;
      readOnly = true;
      description = "wasibuild.toml.";
    };
    commands = mkOption {
      type = types.attrsOf (types.listOf types.str);
      internal = true;
      readOnly = true;
      description = "What the service manager starts.";
    };
  };

  config = {
    services.wasibuild = {
      nixConf = nixConf.${cfg.door};
      configurationFile = (pkgs.formats.toml { }).generate "wasibuild.toml" (withoutNulls cfg.settings);
      commands = {
        daemon = [
          program
          "daemon"
          "--store"
          cfg.store
        ];
        precompile = [
          program
          "builders"
          "precompile"
          cfg.precompiled
        ];
      };
    };
    nix = lib.mkIf (cfg.enable && cfg.configureNix) { extraOptions = cfg.nixConf; };
    environment = lib.mkIf cfg.enable {
      etc."wasibuild/wasibuild.toml".source = cfg.configurationFile;
      systemPackages = lib.optional (!builtins.isString cfg.package) cfg.package;
    };
  };
}
