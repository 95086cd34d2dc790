# Stand-ins for the packages that a binary cache gives a real machine: programs, manual pages, and,
# where a real package ships them, systemd units, D-Bus policies and udev rules.
{ lib }:
let
  stub = builtins.toFile "program.in" ''
    #!/bin/sh
    # @pname@ @version@
    echo "@name@ @version@: $*"
  '';

  package =
    {
      pname,
      version,
      programs ? [ pname ],
      # Files besides the programs: place in the package → text.
      files ? { },
    }:
    let
      program =
        name:
        lib.substituteAll {
          inherit name pname version;
          src = stub;
          dir = "bin";
          isExecutable = true;
        };
      file =
        place:
        lib.writeTextDir place files.${place};
    in
    (lib.symlinkJoin {
      name = "${pname}-${version}";
      paths = map program programs ++ map file (builtins.attrNames files);
    })
    // {
      inherit pname version;
    };

  dbusPolicy = name: user: ''
    <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
     "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
    <busconfig>
      <policy user="${user}">
        <allow own="${name}"/>
      </policy>
      <policy context="default">
        <allow send_destination="${name}"/>
      </policy>
    </busconfig>
  '';
in
{
  bash = package {
    pname = "bash";
    version = "5.2";
    programs = [
      "bash"
      "sh"
    ];
  };
  coreutils = package {
    pname = "coreutils";
    version = "9.5";
    programs = [
      "cat"
      "chmod"
      "install"
      "ln"
      "mkdir"
    ];
  };
  systemd = package {
    pname = "systemd";
    version = "256";
    programs = [
      "journalctl"
      "systemctl"
    ];
    files = {
      "example/systemd/system/systemd-journald.service" = ''
        [Unit]
        Description=Journal Service
        DefaultDependencies=no
        Before=sysinit.target

        [Service]
        ExecStart=@systemd-journald
        Restart=always
        Type=notify
      '';
      "example/systemd/system/multi-user.target" = ''
        [Unit]
        Description=Multi-User System
        Requires=basic.target
        AllowIsolate=yes
      '';
      "share/dbus-1/system.d/org.freedesktop.systemd1.conf" = dbusPolicy "org.freedesktop.systemd1" "root";
    };
  };
  openssh = package {
    pname = "openssh";
    version = "9.9";
    programs = [
      "ssh"
      "sshd"
    ];
  };
  nginx = package {
    pname = "nginx";
    version = "1.26.2";
    files."conf/mime.types" = ''
      types {
          text/html   html htm;
          text/css    css;
          image/png   png;
      }
    '';
  };
  postgresql = package {
    pname = "postgresql";
    version = "16.4";
    programs = [
      "postgres"
      "pg_dump"
    ];
  };
  forge = package {
    pname = "forge";
    version = "1.22.3";
  };
  exporter = package {
    pname = "node-exporter";
    version = "1.8.2";
    programs = [ "node_exporter" ];
  };
  restic = package {
    pname = "restic";
    version = "0.17.1";
  };
  avahi = package {
    pname = "avahi";
    version = "0.8";
    programs = [ "avahi-daemon" ];
    files = {
      "etc/systemd/system/avahi-daemon.service" = ''
        [Unit]
        Description=Avahi mDNS/DNS-SD Stack

        [Service]
        Type=dbus
        BusName=org.freedesktop.Avahi
        ExecStart=@avahi-daemon -s
      '';
      "share/dbus-1/system.d/avahi-dbus.conf" = dbusPolicy "org.freedesktop.Avahi" "avahi";
    };
  };
  nixos-version = lib.writeScriptBin "nixos-version" ''
    #!/bin/sh
    cat /run/current-system/nixos-version
  '';
  lvm2 = package {
    pname = "lvm2";
    version = "2.03.27";
    programs = [ "lvm" ];
    files."lib/udev/rules.d/69-dm-lvm.rules" = ''
      ACTION=="remove", GOTO="lvm_end"
      ENV{ID_FS_TYPE}!="LVM2_member", GOTO="lvm_end"
      RUN+="lvm pvscan --cache"
      LABEL="lvm_end"
    '';
  };
}
