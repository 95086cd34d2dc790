# A believable machine in the manner of NixOS, built by WebAssembly builders alone: services with
# their units, /etc, users, scripts, a system path, an activation script, a top level.
#
#     nix-build nix-plugin/examples/nixos
#
# Its value is the top level, with the machine's parts as attributes (`-A etc`). It evaluates to the same
# derivations on every host. The packages in it are stand-ins (packages.nix): on a real machine they come
# from a binary cache.
{
  # Folder with the builders, as `cargo xtask builders` or `wasibuild builders export DIR` fills it.
  builders ? ../../../target/builders,
}:
let
  modules = [
    "etc-tree"
    "substitute"
    "substitute-executable"
    "symlink-tree"
    "symlink-tree-executable"
    "text"
    "text-executable"
    "unit-file"
  ];
  folder = if builtins.isString builders then /. + builders else builders;
  lib = import ../../lib {
    builders = builtins.listToAttrs (
      map (name: {
        inherit name;
        value = folder + "/${name}.wasm";
      }) modules
    );
  };

  packages = import ./packages.nix { inherit lib; };
  configs = import ./configuration-files.nix { inherit lib packages; };
  scripts = import ./scripts.nix { inherit lib packages; };
  users = import ./users.nix { inherit lib; };

  units = import ./units.nix { inherit packages scripts configs; };

  systemUnits = lib.systemdUnits (
    units
    // {
      package = packages.systemd;
      upstreamUnits = [
        "multi-user.target"
        "systemd-journald.service"
      ];
      packages = [ packages.avahi ];
    }
  );

  systemPath = lib.buildEnv {
    name = "system-path";
    paths = builtins.attrValues packages;
    pathsToLink = [
      "/bin"
      "/share"
      "/etc"
    ];
    ignoreCollisions = true;
  };

  dbusConfiguration = lib.symlinkJoin {
    name = "dbus-1";
    paths = [
      packages.systemd
      packages.avahi
    ];
  };

  udevRules = lib.buildEnv {
    name = "udev-rules";
    paths = [ packages.lvm2 ];
    pathsToLink = [ "/lib/udev/rules.d" ];
  };

  # One small file a topic, gathered in a directory, as `/etc/sysctl.d` and its like are.
  directory =
    name: files:
    lib.linkFarm name (
      map (file: {
        name = file;
        path = lib.writeText file files.${file};
      }) (builtins.attrNames files)
    );

  tmpfiles = directory "tmpfiles.d" {
    "00-machine.conf" = "d /srv 0755 root root -\n";
    "forge.conf" = "d /var/lib/forge 0750 forge forge -\nd /run/forge 0755 forge forge -\n";
    "nginx.conf" = "d /var/log/nginx 0750 nginx nginx 30d\n";
  };
  sysctl = directory "sysctl.d" {
    "60-machine.conf" = "kernel.kptr_restrict=1\nvm.swappiness=10\n";
  };
  kernelModules = directory "modules-load.d" {
    "machine.conf" = "loop\ntun\n";
  };
  terminfo = lib.linkFarm "environment" [
    {
      name = "bin/sh";
      path = "${packages.bash}/bin/sh";
    }
    {
      name = "bin/env";
      path = "${packages.coreutils}/bin/cat";
    }
  ];

  environment = lib.writeText "set-environment" ''
    export PATH="/run/wrappers/bin:/run/current-system/sw/bin"
    export TZDIR="/etc/zoneinfo"
    export EDITOR="vi"
  '';

  profile = lib.concatText "profile" [
    (lib.writeText "profile-head" "# /etc/profile: system-wide settings of login shells.\n")
    environment
    (lib.writeText "profile-tail" ". /etc/profile.local 2>/dev/null || true\n")
  ];

  etc = lib.etcTree {
    name = "etc";
    entries = {
      "systemd/system".source = systemUnits;
      "os-release".source = configs.osRelease;
      "nginx/nginx.conf".source = configs.nginx;
      "ssh/sshd_config".source = configs.sshd;
      "forge/forge.ini".source = configs.forge;
      "dashboards/machine.json".source = configs.dashboards;
      "containers/registries.conf".source = configs.registries;
      "tmpfiles.d".source = tmpfiles;
      "sysctl.d".source = sysctl;
      "modules-load.d".source = kernelModules;
      "udev/rules.d".source = "${udevRules}/lib/udev/rules.d";
      "dbus-1".source = dbusConfiguration;
      "profile".source = profile;
      "set-environment".source = environment;
      "passwd" = {
        source = users.passwd;
        mode = "0644";
      };
      "shadow" = {
        source = lib.writeText "shadow" "root:!:1::::::\n";
        mode = "0600";
      };
      "hostname".source = lib.writeText "hostname" "harbour\n";
      "hosts".source = lib.writeText "hosts" ''
        127.0.0.1 localhost
        ::1 localhost
        127.0.0.2 harbour.example.org harbour
      '';
      "issue".source = lib.writeText "issue" "<<< NixOS 26.11 (\\m) - \\l >>>\n";
      "sudoers" = {
        source = lib.writeText "sudoers" ''
          root  ALL=(ALL:ALL) SETENV: ALL
          %wheel ALL=(ALL:ALL) SETENV: ALL
        '';
        mode = "0440";
      };
    };
  };

  activate = lib.substituteAll {
    name = "activate";
    src = builtins.toFile "activate.in" ''
      #!@bash@/bin/bash
      # Makes this configuration the running one.
      systemConfig=@out@
      export PATH=@coreutils@/bin
      mkdir -p /etc /run /var
      ln -sfn @etc@/etc /etc/static
      echo "users: @users@"
      ln -sfn "$systemConfig" /run/current-system
    '';
    isExecutable = true;
    inherit (packages) bash coreutils;
    inherit etc;
    users = users.json;
  };

  bootJson = (lib.formats.json { }).generate "boot.json" {
    "org.nixos.bootspec.v1" = {
      label = "NixOS 26.11 (Harbour)";
      system = "aarch64-linux";
      kernelParams = [
        "loglevel=4"
        "console=ttyAMA0"
      ];
    };
  };

  toplevel = lib.linkFarm "nixos-system-harbour-26.11" [
    {
      name = "activate";
      path = activate;
    }
    {
      name = "etc";
      path = "${etc}/etc";
    }
    {
      name = "sw";
      path = systemPath;
    }
    {
      name = "systemd";
      path = packages.systemd;
    }
    {
      name = "environment";
      path = terminfo;
    }
    {
      name = "boot.json";
      path = bootJson;
    }
    {
      name = "nixos-version";
      path = lib.writeText "nixos-version" "26.11";
    }
  ];
in
toplevel
// {
  inherit
    etc
    packages
    systemPath
    systemUnits
    toplevel
    users
    ;
}
