# `services.wasibuild` for NixOS: Nix hands builds to wasibuild.
#
#     { imports = [ ./nix-plugin/modules/nixos.nix ]; services.wasibuild = { enable = true; package = …; }; }
#
# Contract: the options are those of common.nix. With the daemon: a socket that root alone may use, as which
# Nix' daemon connects, and a service that systemd starts for the first client and that ends when idle. With the
# external builder: the builders are compiled at every start of another version.
{ config, lib, ... }:
let
  cfg = config.services.wasibuild;
  command = name: lib.escapeShellArgs cfg.commands.${name};
in
{
  imports = [ ./common.nix ];

  config = lib.mkIf cfg.enable {
    systemd = lib.mkMerge [
      (lib.mkIf (cfg.door == "daemon") {
        tmpfiles.rules = [ "d ${cfg.store} 0755 root root - -" ];
        sockets.wasibuild = {
          description = "Socket of wasibuild, a builder for Nix";
          wantedBy = [ "sockets.target" ];
          listenStreams = [ cfg.socket ];
          socketConfig.SocketMode = "0600";
        };
        services.wasibuild = {
          description = "wasibuild, a builder for Nix";
          requires = [ "wasibuild.socket" ];
          after = [ "wasibuild.socket" ];
          # A change of the configuration counts from the next start.
          restartTriggers = [ cfg.configurationFile ];
          environment.XDG_CACHE_HOME = "/var/cache/wasibuild-daemon";
          serviceConfig = {
            ExecStart = command "daemon";
            CacheDirectory = "wasibuild-daemon";
            CacheDirectoryMode = "0700";
            # 143: ended by SIGTERM.
            SuccessExitStatus = 143;
          };
        };
      })
      (lib.mkIf (cfg.door == "external-builder") {
        services.wasibuild-precompile = {
          description = "Compilation of wasibuild's builders";
          wantedBy = [ "multi-user.target" ];
          before = [ "nix-daemon.service" ];
          serviceConfig = {
            Type = "oneshot";
            RemainAfterExit = true;
            ExecStart = command "precompile";
          };
        };
      })
    ];
  };
}
