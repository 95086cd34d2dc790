# Machines for tests/tests/nix_modules.rs: the modules of nix-plugin in a module system (module-system.nix)
# with the options of NixOS and nix-darwin that they define.
{ plugin, builders }:
let
  inherit (import ./module-system.nix) lib evalModules;
  inherit (lib) mkOption types;
  nixpkgs = import ./nixpkgs.nix;

  raw = mkOption {
    type = types.raw;
    default = { };
  };
  machine = {
    options = {
      nix.extraOptions = mkOption {
        type = types.lines;
        default = "";
      };
      environment = {
        etc = raw;
        systemPackages = mkOption {
          type = types.listOf types.unspecified;
          default = [ ];
        };
      };
      systemd = {
        sockets = raw;
        services = raw;
        tmpfiles.rules = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
      };
      launchd.daemons = raw;
      _module.args.pkgs = mkOption { type = types.unspecified; };
    };
  };

  # As nixpkgs' toml, whose text the test need not know.
  pkgs = nixpkgs // {
    formats.toml = { }: {
      generate = name: value: nixpkgs.writeText name (builtins.toJSON value);
    };
  };
  package = nixpkgs.writeText "wasibuild-0.1.0" "";

  evaluate =
    file: settings:
    (evalModules {
      modules = [
        machine
        (plugin + "/modules/${file}.nix")
        { services.wasibuild = { inherit package; } // settings; }
      ];
      args = { inherit pkgs; };
    }).config;

  show =
    file: settings:
    let
      config = evaluate file ({ enable = true; } // settings);
    in
    {
      inherit (config.nix) extraOptions;
      inherit (config.services.wasibuild) nixConf;
      inherit (config.systemd) sockets tmpfiles services;
      daemons = config.launchd.daemons;
      settings = config.environment.etc."wasibuild/wasibuild.toml".source.text;
      systemPackages = map (item: item.name) config.environment.systemPackages;
    };

  # The module for a machine that is built, beside others that define `pkgs`.
  configuration =
    settings: others:
    (evalModules {
      modules = [
        machine
        (plugin + "/modules/configuration.nix")
        { wasibuild = { inherit builders; } // settings; }
      ]
      ++ others;
      args = { };
    }).config._module.args.pkgs;
  text = pkgs: (pkgs.writeText "x" "y").drvAttrs.system;
  defined = value: { _module.args.pkgs = value; };
in
{
  package = "${package}";

  nixos = {
    daemon = show "nixos" {
      settings.limits.memory = "4G";
      settings.vm.kernel = null;
    };
    external = show "nixos" { door = "external-builder"; };
    hook = show "nixos" { door = "hook"; };
    elsewhere = show "nixos" {
      package = "/usr/local";
      socket = "/run/w.sock";
      store = "/data/w";
      systems = [ "aarch64-linux" ];
      maxJobs = 9;
      configureNix = false;
    };
    off =
      let
        config = evaluate "nixos" { enable = false; };
      in
      config.nix.extraOptions == "" && config.systemd.services == { } && config.environment.etc == { };
  };
  darwin = {
    daemon = show "darwin" { };
    external = show "darwin" { door = "external-builder"; };
  };

  refused = {
    door = (show "nixos" { door = "window"; }).nixConf;
    systems = (show "nixos" { systems = "wasm32-wasi"; }).nixConf;
    socket = (show "nixos" { socket = "run/w.sock"; }).nixConf;
    store = (show "nixos" { store = "/data/a b"; }).nixConf;
    maxJobs = (show "nixos" { maxJobs = 0; }).nixConf;
    package = (show "nixos" { package = 1; door = "hook"; }).nixConf;
    settings = (show "nixos" { settings = "max-jobs = 1"; }).settings;
    unknown = (evaluate "nixos" { sockets = "/run"; }).services.wasibuild.sockets;
    nixConf = (show "nixos" { nixConf = "cores = 1"; }).nixConf;
  };

  configurations = {
    plain = text (configuration { } [ (defined nixpkgs) ]);
    forced = text (configuration { } [ (defined (lib.mkForce nixpkgs)) ]);
    default = text (
      configuration { } [
        (defined (lib.mkDefault { }))
        (defined nixpkgs)
        (defined (lib.mkIf false (lib.mkForce { })))
      ]
    );
    off = text (configuration { enable = false; } [ (defined nixpkgs) ]);
    packages =
      let
        own = configuration { } [ (defined nixpkgs) ];
      in
      (own.callPackage ({ runCommand }: runCommand "x" { } "mkdir $out")).system;
  };
}
