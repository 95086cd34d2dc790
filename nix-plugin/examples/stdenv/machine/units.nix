# systemd's units, as NixOS makes them: a derivation for each unit, then one folder with these, the
# units of packages, overrides, and the links of [Install].
{
  files,
  lib,
  scripts,
  sources,
}:
let
  inherit (lib) packages;
  inherit (builtins) attrNames concatStringsSep listToAttrs;

  # A folder with the one unit in it, as NixOS' makeUnit.
  makeUnit =
    name:
    {
      text,
      enable ? true,
    }:
    if enable then
      lib.runCommandLocal "unit-${builtins.replaceStrings [ "@" "\\" ] [ "-" "-" ] name}"
        {
          inherit text;
          passAsFile = [ "text" ];
        }
        ''
          name=${lib.quote name}
          mkdir -p "$out/$(dirname -- "$name")"
          mv "$textPath" "$out/$name"
        ''
    else
      lib.runCommandLocal "unit-${name}-disabled" { } ''
        name=${lib.quote name}
        mkdir -p "$out/$(dirname "$name")"
        ln -s /dev/null "$out/$name"
      '';

  service =
    name: description: command:
    {
      inherit name;
      value.text = ''
        [Unit]
        Description=${description}

        [Service]
        Environment="PATH=${packages.coreutils}/bin:${packages.gnugrep}/bin"
        ExecStart=${command}
      '';
    };
  sections = name: text: {
    inherit name;
    value = { inherit text; };
  };

  units = listToAttrs [
    (service "nginx.service" "Web server" scripts.startNginx)
    (service "host-keys.service" "Host keys" "${scripts.hostKeys}/bin/host-keys")
    (service "rotate-logs.service" "Rotation of logs" "${scripts.rotate}/bin/rotate-logs")
    (service "backup.service" "Backup" "${scripts.backup}/bin/backup /home")
    (service "greeter.service" "Greeter" "${sources.greeter}/bin/greeter")
    (service "greeter@.service" "Greeter for %i" "${sources.greeter}/bin/greeter --version")
    (service "sshd.service" "SSH daemon" "${packages.openssh}/bin/sshd -D -f ${files.sshd}")
    (service "sshd@.service" "SSH daemon for one connection" "-${packages.openssh}/bin/sshd -i")
    (service "udev-load.service" "Rules" "${packages.systemd}/bin/udevadm control --reload")
    (service "tally.service" "Tally" "${sources.tally}/bin/tally")
    (service "system-prune\\x2dold.service" "Pruning" "${packages.coreutils}/bin/true")
    (sections "rotate-logs.timer" "[Timer]\nOnCalendar=daily\nPersistent=true\n")
    (sections "backup.timer" "[Timer]\nOnCalendar=*-*-* 03:00\nRandomizedDelaySec=20m\n")
    (sections "sshd.socket" "[Socket]\nListenStream=22\nAccept=yes\n")
    (sections "srv.mount" "[Mount]\nWhat=/dev/disk/by-label/srv\nWhere=/srv\nType=ext4\n")
    (sections "machine.slice" "[Slice]\nCPUWeight=50\n")
    (sections "graphical.target" "[Unit]\nRequires=multi-user.target\nAllowIsolate=yes\n")
    (sections "systemd-journald.service" "[Service]\nRestart=always\n")
    (sections "getty@tty1.service" "[Service]\nExecStart=\nExecStart=@${packages.util-linux}/bin/agetty agetty %I\n")
    {
      name = "debug-shell.service";
      value = {
        text = "";
        enable = false;
      };
    }
  ];
  made = builtins.mapAttrs makeUnit units;

  # Unit → what wants it.
  wantedBy = {
    "nginx.service" = [ "multi-user.target" ];
    "greeter.service" = [
      "multi-user.target"
      "graphical.target"
    ];
    "rotate-logs.timer" = [ "timers.target" ];
    "backup.timer" = [ "timers.target" ];
    "sshd.socket" = [ "sockets.target" ];
  };
  link =
    kind: from: to:
    ''
      mkdir -p $out/${lib.quote "${to}.${kind}"}
      ln -sfn ${lib.quote "../${from}"} $out/${lib.quote "${to}.${kind}"}/
    '';

  upstream = [
    "basic.target"
    "getty@.service"
    "local-fs.target"
    "multi-user.target"
    "network.target"
    "shutdown.target"
    "sockets.target"
    "sysinit.target"
    "systemd-journald.service"
    "systemd-journald.socket"
    "systemd-udevd.service"
    "timers.target"
  ];
  upstreamWants = [
    "sockets.target.wants"
    "multi-user.target.wants"
  ];

  folder =
    kind:
    lib.runCommand "${kind}-units"
      {
        preferLocalBuild = true;
        allowSubstitutes = false;
      }
      ''
        mkdir -p $out

        # The units that systemd itself brings. A missing one is a mistake.
        upstream_units="${concatStringsSep " " upstream}"
        for i in $upstream_units; do
          fn=${packages.systemd}/example/systemd/${kind}/$i
          if ! [ -e $fn ]; then echo "missing $fn"; false; fi
          if [ -L $fn ]; then
            target="$(readlink "$fn")"
            if [ ''${target:0:3} = "../" ]; then
              ln -s "$(readlink -f "$fn")" $out/
            else
              cp -pd $fn $out/
            fi
          else
            ln -s $fn $out/
          fi
        done

        # Its .wants folders, with the links that lead to a unit that is here.
        for i in ${concatStringsSep " " upstreamWants}; do
          fn=${packages.systemd}/example/systemd/${kind}/$i
          if ! [ -e $fn ]; then echo "missing $fn"; false; fi
          x=$out/$(basename $fn)
          mkdir $x
          for i in $fn/*; do
            y=$x/$(basename $i)
            cp -pd $i $y
            if ! [ -e $y ]; then rm $y; fi
          done
        done

        # The units of packages; the first that brings a unit wins.
        for package in ${packages.dbus} ${packages.nginx}; do
          for fn in $package/etc/systemd/${kind}/* $package/lib/systemd/${kind}/*; do
            if ! [[ "$fn" =~ .wants$ ]]; then
              [[ -e $fn ]] || continue
              if [[ -d "$fn" ]]; then
                targetDir="$out/$(basename "$fn")"
                mkdir -p "$targetDir"
                "${packages.lndir}/bin/lndir" "$fn" "$targetDir"
              else
                ln -s $fn $out/
              fi
            fi
          done
        done

        # The machine's own. A unit that is there already becomes an override of it, and so does an
        # instance of a template.
        for i in ${concatStringsSep " " (map (name: "${made.${name}}") (attrNames made))}; do
          fn=$(basename "$(echo $i/*)")
          if [ -e "$out/$fn" ]; then
            if [ "$(readlink -f "$i/$fn")" = /dev/null ]; then
              ln -sfn /dev/null "$out/$fn"
            else
              mkdir -p "$out/$fn.d"
              ln -s "$i/$fn" "$out/$fn.d/overrides.conf"
            fi
          else
            ln -fs "$i/$fn" $out/
          fi
        done
        if ! [ -e "$out/autovt@.service" ]; then
          ln -s getty@.service $out/autovt@.service
        fi

        ${concatStringsSep "" (
          builtins.concatMap (unit: map (target: link "wants" unit target) wantedBy.${unit}) (attrNames wantedBy)
        )}
        ${link "requires" "srv.mount" "local-fs.target"}

        # Aliases and what systemd wants at a fixed place.
        ln -s multi-user.target $out/default.target
        ln -s graphical.target $out/kbrequest.target
        mkdir -p $out/getty.target.wants
        ln -s ../autovt@.service $out/getty.target.wants/autovt@tty1.service
        ln -s -t $out/basic.target.wants ../systemd-journald.socket 2> /dev/null || {
          mkdir $out/basic.target.wants
          ln -s -t $out/basic.target.wants ../systemd-journald.socket
        }
        find $out -xtype l -name '*.service' -not -path '*/getty.target.wants/*' -print | sort > dangling
        while read -r unit; do echo "dangling: $unit"; done < dangling
      '';

  # A changed file restarts its service: NixOS has one such derivation for each service that asks.
  trigger =
    name: content:
    lib.runCommandLocal "X-Restart-Triggers-${name}" {
      triggers = content;
      passAsFile = [ "triggers" ];
    } ''cp -p "$triggersPath" "$out"'';
in
{
  inherit made;
  system = folder "system";
  triggers = builtins.mapAttrs trigger {
    nginx = toString files.nginx;
    sshd = "${files.sshd} ${scripts.hostKeys}";
    journald = "${files.journald}";
    resolved = "${files.resolved}\n";
    udev = "${files.udevRules}";
    sysctl = "${files.sysctl}";
  };
}
