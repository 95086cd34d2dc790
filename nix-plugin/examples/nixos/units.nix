# The machine's systemd units, by kind and name, in NixOS' options.
{
  packages,
  scripts,
  configs,
}:
let
  inherit (packages)
    avahi
    bash
    coreutils
    exporter
    forge
    nginx
    openssh
    postgresql
    restic
    systemd
    ;

  environment.LOCALE_ARCHIVE = "/run/current-system/sw/lib/locale/locale-archive";
  path = [
    coreutils
    systemd
    bash
  ];

  # A daemon that is started at boot and kept alive.
  daemon =
    {
      description,
      exec,
      user ? null,
      after ? [ "network.target" ],
      requires ? [ ],
      service ? { },
      wantedBy ? [ "multi-user.target" ],
    }:
    {
      inherit
        description
        after
        requires
        environment
        path
        wantedBy
        ;
      serviceConfig = {
        ExecStart = exec;
        Restart = "on-failure";
        RestartSec = 5;
        ProtectSystem = "strict";
        PrivateTmp = true;
      }
      // (if user == null then { } else { User = user; })
      // service;
    };

  # A job that a timer, a socket or a path starts.
  job = description: exec: {
    inherit description path;
    serviceConfig = {
      Type = "oneshot";
      ExecStart = exec;
    };
  };
  timer = description: calendar: {
    inherit description;
    wantedBy = [ "timers.target" ];
    timerConfig = {
      OnCalendar = calendar;
      Persistent = true;
      RandomizedDelaySec = "15min";
    };
  };

  mount = what: where: type: options: {
    inherit what where type;
    description = "Mount of ${where}";
    options = builtins.concatStringsSep "," options;
    requiredBy = [ "local-fs.target" ];
  };

  oneshot = description: exec: wantedBy: {
    inherit description wantedBy;
    unitConfig.DefaultDependencies = false;
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = exec;
    };
  };
in
{
  services = {
    nginx = daemon {
      description = "Nginx Web Server";
      exec = "${nginx}/bin/nginx -c ${configs.nginx}";
      user = "nginx";
      after = [
        "network.target"
        "acme-certificates.target"
      ];
      service = {
        ExecReload = [
          "${nginx}/bin/nginx -c ${configs.nginx} -t"
          "${coreutils}/bin/cat /run/nginx/nginx.pid"
        ];
        RuntimeDirectory = "nginx";
        AmbientCapabilities = "CAP_NET_BIND_SERVICE";
      };
    };
    postgresql = daemon {
      description = "PostgreSQL Server";
      exec = "${postgresql}/bin/postgres -D /var/lib/postgresql -c config_file=${configs.postgresql}";
      user = "postgres";
      service = {
        ExecStartPre = scripts.postgresqlSetup;
        KillSignal = "SIGINT";
        TimeoutSec = 120;
      };
    };
    forge = daemon {
      description = "Software forge";
      exec = "${forge}/bin/forge web --config ${configs.forge}";
      user = "forge";
      requires = [ "postgresql.service" ];
      after = [
        "network.target"
        "postgresql.service"
      ];
    };
    sshd = daemon {
      description = "SSH Daemon";
      exec = "${openssh}/bin/sshd -D -f ${configs.sshd}";
      service = {
        KillMode = "process";
        ProtectSystem = false;
      };
    };
    node-exporter = daemon {
      description = "Machine metrics";
      exec = "${exporter}/bin/node_exporter --web.config.file=${configs.exporter}";
      user = "exporter";
    };
    "forge-runner@" = daemon {
      description = "Runner %i of the forge";
      exec = "${forge}/bin/forge runner --name %i";
      user = "forge";
      wantedBy = [ ];
    };
    web-cache = daemon {
      description = "Cache in front of the web server";
      exec = scripts.webCache;
      user = "nginx";
    };
    mail-relay = daemon {
      description = "Relay of the machine's own mail";
      exec = scripts.mailRelay;
    };
    log-shipper = daemon {
      description = "Ships the journal";
      exec = "${systemd}/bin/journalctl --follow --output=export";
    };
    dns-cache = daemon {
      description = "Caching name server";
      exec = "${avahi}/bin/avahi-daemon --no-drop-root --file ${configs.dns}";
      after = [ "network-online.target" ];
    };
    avahi-daemon = {
      serviceConfig.ExecStart = [
        ""
        "${avahi}/bin/avahi-daemon --syslog -f ${configs.avahi}"
      ];
      overrideStrategy = "asDropin";
      wantedBy = [ "multi-user.target" ];
    };
    systemd-journald = {
      environment.SYSTEMD_LOG_LEVEL = "notice";
      overrideStrategy = "asDropin";
    };
    systemd-logind = {
      serviceConfig.Restart = "always";
      overrideStrategy = "asDropin";
    };
    backup = job "Backup to the other site" "${restic}/bin/restic backup --files-from ${configs.backup}";
    backup-check = job "Check of the backup" "${restic}/bin/restic check";
    postgresql-dump = job "Dump of the database" "${postgresql}/bin/pg_dump --format=custom forge";
    forge-cleanup = job "Clean-up of the forge" "${forge}/bin/forge doctor --fix";
    acme-renew = job "Renewal of certificates" scripts.acmeRenew;
    rotate-logs = job "Rotation of log files" scripts.rotateLogs;
    nix-gc = job "Collection of garbage in the store" scripts.collectGarbage;
    "forge-ssh@" = job "A connection to the forge" "-${openssh}/bin/sshd -i -f ${configs.forgeSshd}";
    reload-nginx = job "Reload the web server" "${systemd}/bin/systemctl reload nginx.service";
    swap-file = oneshot "Swap file" scripts.swapFile [ "swap.target" ];
    machine-id = oneshot "Machine identity" scripts.machineId [ "sysinit.target" ];
    host-keys = oneshot "SSH host keys" scripts.hostKeys [ "sshd.service" ];
    firewall = oneshot "Firewall" scripts.firewall [ "sysinit.target" ];
    # Not on this machine.
    systemd-networkd-wait-online.enable = false;
  };

  timers = {
    backup = timer "Every night's backup" "*-*-* 02:30:00";
    backup-check = timer "Every week's check" "Sun 04:00";
    postgresql-dump = timer "Every night's dump" "*-*-* 01:30:00";
    forge-cleanup = timer "Every night's clean-up" "daily";
    acme-renew = timer "Renewal of certificates" "Mon,Thu 03:00";
    rotate-logs = timer "Rotation of log files" "hourly";
    nix-gc = timer "Collection of garbage in the store" "Sat 05:00";
  };

  sockets = {
    forge-ssh = {
      description = "SSH of the forge";
      listenStreams = [
        "0.0.0.0:2222"
        "[::]:2222"
      ];
      socketConfig.Accept = true;
      wantedBy = [ "sockets.target" ];
    };
  };

  paths = {
    reload-nginx = {
      description = "Certificates changed";
      pathConfig.PathChanged = "/var/lib/acme";
      wantedBy = [ "paths.target" ];
    };
  };

  targets = {
    acme-certificates = {
      description = "Certificates are there";
      requires = [ "acme-renew.service" ];
      after = [ "acme-renew.service" ];
    };
    forge-stack = rec {
      description = "All of the forge";
      requires = [
        "forge.service"
        "nginx.service"
        "postgresql.service"
      ];
      after = requires;
      aliases = [ "forge-all.target" ];
      wantedBy = [ "multi-user.target" ];
    };
  };

  mounts = {
    srv = mount "/dev/disk/by-label/srv" "/srv" "ext4" [
      "noatime"
      "nodev"
    ];
    var-lib-backup = mount "backup:/export" "/var/lib/backup" "nfs4" [ "_netdev" ];
  };
}
