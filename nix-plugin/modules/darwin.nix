# `services.wasibuild` for nix-darwin: Nix hands builds to wasibuild.
#
#     { imports = [ ./nix-plugin/modules/darwin.nix ]; services.wasibuild = { enable = true; package = …; }; }
#
# Contract: the options are those of common.nix. With the daemon: launchd makes the socket, which root alone
# may use, as which Nix' daemon connects, and starts the daemon for the first client. With the external builder:
# the builders are compiled when the machine starts and when wasibuild changes.
#
# `/var` is a link to `/private/var` on macOS, and wasibuild follows no links on the way to a store or a cache:
# so the defaults are the places themselves.
{ config, lib, ... }:
let
  cfg = config.services.wasibuild;
in
{
  imports = [ ./common.nix ];

  config = lib.mkMerge [
    {
      services.wasibuild = {
        store = lib.mkDefault "/private/var/lib/wasibuild";
        socket = lib.mkDefault "/private/var/run/wasibuild.sock";
        precompiled = lib.mkDefault "/private/var/cache/wasibuild";
      };
    }
    (lib.mkIf (cfg.enable && cfg.door == "daemon") {
      launchd.daemons.wasibuild.serviceConfig = {
        ProgramArguments = cfg.commands.daemon;
        Sockets.Listener = {
          SockPathName = cfg.socket;
          # 0600; property lists have no octal numbers.
          SockPathMode = 384;
        };
        EnvironmentVariables.HOME = "/var/root";
        StandardErrorPath = "/private/var/log/wasibuild.log";
      };
    })
    (lib.mkIf (cfg.enable && cfg.door == "external-builder") {
      launchd.daemons.wasibuild-precompile.serviceConfig = {
        # The store may be a volume of its own, which is mounted later than launchd starts. No `&&`: nix-darwin
        # of 2025 and before does not escape it.
        ProgramArguments = [
          "/bin/sh"
          "-c"
          "/bin/wait4path /nix/store; exec ${lib.escapeShellArgs cfg.commands.precompile}"
        ];
        RunAtLoad = true;
        StandardErrorPath = "/private/var/log/wasibuild.log";
      };
    })
  ];
}
