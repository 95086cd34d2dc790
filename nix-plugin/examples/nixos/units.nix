# The machine's systemd units: name → sections, and how each is enabled. As in NixOS, a value that
# is a list gives one line an element, and `null` leaves the line out.
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

  path = "${coreutils}/bin:${systemd}/bin:${bash}/bin";

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
      sections = {
        Unit = {
          Description = description;
          After = after;
          Requires = requires;
        };
        Service = {
          Environment = [
            ''"PATH=${path}"''
            ''"LOCALE_ARCHIVE=/run/current-system/sw/lib/locale/locale-archive"''
          ];
          ExecStart = exec;
          User = user;
          Restart = "on-failure";
          RestartSec = 5;
          ProtectSystem = "strict";
          PrivateTmp = true;
        }
        // service;
      };
      inherit wantedBy;
    };

  # A job that a timer starts.
  job = description: exec: {
    sections = {
      Unit.Description = description;
      Service = {
        Type = "oneshot";
        Environment = [ ''"PATH=${path}"'' ];
        ExecStart = exec;
      };
    };
  };
  timer = description: calendar: {
    sections = {
      Unit.Description = description;
      Timer = {
        OnCalendar = calendar;
        Persistent = true;
        RandomizedDelaySec = "15min";
      };
    };
    wantedBy = [ "timers.target" ];
  };

  target = description: requires: {
    sections.Unit = {
      Description = description;
      Requires = requires;
      After = requires;
      AllowIsolate = false;
    };
  };

  mount = what: where: type: options: {
    sections = {
      Unit.Description = "Mount of ${where}";
      Mount = {
        What = what;
        Where = where;
        Type = type;
        Options = builtins.concatStringsSep "," options;
      };
    };
    requiredBy = [ "local-fs.target" ];
  };

  oneshot = description: exec: wantedBy: {
    sections = {
      Unit = {
        Description = description;
        DefaultDependencies = false;
      };
      Service = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = exec;
      };
    };
    inherit wantedBy;
  };
in
{
  # Daemons
  "nginx.service" = daemon {
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
  "postgresql.service" = daemon {
    description = "PostgreSQL Server";
    exec = "${postgresql}/bin/postgres -D /var/lib/postgresql -c config_file=${configs.postgresql}";
    user = "postgres";
    service = {
      ExecStartPre = scripts.postgresqlSetup;
      KillSignal = "SIGINT";
      TimeoutSec = 120;
    };
  };
  "forge.service" = daemon {
    description = "Software forge";
    exec = "${forge}/bin/forge web --config ${configs.forge}";
    user = "forge";
    requires = [ "postgresql.service" ];
    after = [
      "network.target"
      "postgresql.service"
    ];
  };
  "sshd.service" = daemon {
    description = "SSH Daemon";
    exec = "${openssh}/bin/sshd -D -f ${configs.sshd}";
    service = {
      KillMode = "process";
      ProtectSystem = null;
    };
  };
  "node-exporter.service" = daemon {
    description = "Machine metrics";
    exec = "${exporter}/bin/node_exporter --web.config.file=${configs.exporter}";
    user = "exporter";
  };
  "forge-runner@.service" = daemon {
    description = "Runner %i of the forge";
    exec = "${forge}/bin/forge runner --name %i";
    user = "forge";
    wantedBy = [ ];
  };
  "web-cache.service" = daemon {
    description = "Cache in front of the web server";
    exec = scripts.webCache;
    user = "nginx";
  };
  "mail-relay.service" = daemon {
    description = "Relay of the machine's own mail";
    exec = scripts.mailRelay;
  };
  "log-shipper.service" = daemon {
    description = "Ships the journal";
    exec = "${systemd}/bin/journalctl --follow --output=export";
  };
  "dns-cache.service" = daemon {
    description = "Caching name server";
    exec = "${avahi}/bin/avahi-daemon --no-drop-root --file ${configs.dns}";
    after = [ "network-online.target" ];
  };

  # Changes to units that come from packages
  "avahi-daemon.service" = {
    sections.Service = {
      ExecStart = [
        ""
        "${avahi}/bin/avahi-daemon --syslog -f ${configs.avahi}"
      ];
    };
    overrideStrategy = "asDropin";
    wantedBy = [ "multi-user.target" ];
  };
  "systemd-journald.service" = {
    sections.Service = {
      Environment = [ ''"SYSTEMD_LOG_LEVEL=notice"'' ];
    };
    overrideStrategy = "asDropin";
  };
  "systemd-logind.service" = {
    sections.Service.Restart = "always";
    overrideStrategy = "asDropin";
  };

  # Jobs and their timers
  "backup.service" = job "Backup to the other site" "${restic}/bin/restic backup --files-from ${configs.backup}";
  "backup.timer" = timer "Every night's backup" "*-*-* 02:30:00";
  "backup-check.service" = job "Check of the backup" "${restic}/bin/restic check";
  "backup-check.timer" = timer "Every week's check" "Sun 04:00";
  "postgresql-dump.service" = job "Dump of the database" "${postgresql}/bin/pg_dump --format=custom forge";
  "postgresql-dump.timer" = timer "Every night's dump" "*-*-* 01:30:00";
  "forge-cleanup.service" = job "Clean-up of the forge" "${forge}/bin/forge doctor --fix";
  "forge-cleanup.timer" = timer "Every night's clean-up" "daily";
  "acme-renew.service" = job "Renewal of certificates" scripts.acmeRenew;
  "acme-renew.timer" = timer "Renewal of certificates" "Mon,Thu 03:00";
  "rotate-logs.service" = job "Rotation of log files" scripts.rotateLogs;
  "rotate-logs.timer" = timer "Rotation of log files" "hourly";
  "nix-gc.service" = job "Collection of garbage in the store" scripts.collectGarbage;
  "nix-gc.timer" = timer "Collection of garbage in the store" "Sat 05:00";

  # Sockets and paths
  "forge-ssh.socket" = {
    sections = {
      Unit.Description = "SSH of the forge";
      Socket = {
        ListenStream = [
          "0.0.0.0:2222"
          "[::]:2222"
        ];
        Accept = true;
      };
    };
    wantedBy = [ "sockets.target" ];
  };
  "forge-ssh@.service" = job "A connection to the forge" "-${openssh}/bin/sshd -i -f ${configs.forgeSshd}";
  "reload-nginx.path" = {
    sections = {
      Unit.Description = "Certificates changed";
      Path.PathChanged = "/var/lib/acme";
    };
    wantedBy = [ "paths.target" ];
  };
  "reload-nginx.service" = job "Reload the web server" "${systemd}/bin/systemctl reload nginx.service";

  # Targets, mounts, set-up
  "acme-certificates.target" = target "Certificates are there" [ "acme-renew.service" ];
  "forge-stack.target" =
    target "All of the forge" [
      "forge.service"
      "nginx.service"
      "postgresql.service"
    ]
    // {
      aliases = [ "forge-all.target" ];
      wantedBy = [ "multi-user.target" ];
    };
  "srv.mount" = mount "/dev/disk/by-label/srv" "/srv" "ext4" [
    "noatime"
    "nodev"
  ];
  "var-lib-backup.mount" = mount "backup:/export" "/var/lib/backup" "nfs4" [ "_netdev" ];
  "swap-file.service" = oneshot "Swap file" scripts.swapFile [ "swap.target" ];
  "machine-id.service" = oneshot "Machine identity" scripts.machineId [ "sysinit.target" ];
  "host-keys.service" = oneshot "SSH host keys" scripts.hostKeys [ "sshd.service" ];
  "firewall.service" = oneshot "Firewall" scripts.firewall [ "sysinit.target" ];

  # Not on this machine
  "systemd-networkd-wait-online.service" = {
    sections = { };
    enable = false;
  };
}
