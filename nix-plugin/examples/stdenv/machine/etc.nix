# /etc, as NixOS builds it: a tree of links to configuration files, with a file for mode, user and
# group beside those that are to be copied.
{
  files,
  lib,
  scripts,
  sources,
  systemPath,
  units,
}:
let
  inherit (builtins) attrNames concatStringsSep;
  entry = source: {
    inherit source;
    mode = "symlink";
  };
  copied = source: mode: { inherit source mode; };
  entries = {
    "hostname" = entry files.hostname;
    "hosts" = copied files.hosts "0644";
    "os-release" = entry files.osRelease;
    "nginx/nginx.conf" = entry files.nginx;
    "ssh/sshd_config" = entry files.sshd;
    "ssh/moduli" = entry files.moduliCount;
    "sysctl.d/60-quay.conf" = entry files.sysctl;
    "systemd/journald.conf" = entry files.journald;
    "systemd/resolved.conf" = entry files.resolved;
    "systemd/system" = entry units.system;
    "systemd/triggers/nginx" = entry units.triggers.nginx;
    "systemd/triggers/sshd" = entry units.triggers.sshd;
    "systemd/triggers/journald" = entry units.triggers.journald;
    "systemd/triggers/resolved" = entry units.triggers.resolved;
    "systemd/triggers/udev" = entry units.triggers.udev;
    "systemd/triggers/sysctl" = entry units.triggers.sysctl;
    "boot.json" = entry files.boot;
    "set-environment" = entry files.environment;
    "dashboards/machine.json" = entry files.dashboard;
    "fstab" = entry files.fstab;
    "passwd" = copied files.passwd "0644";
    "sudoers" = copied files.sudoers "0440";
    "issue" = entry files.issue;
    "tmpfiles.d" = entry files.tmpfiles;
    "modules-load.d" = entry files.modulesLoad;
    "dbus-1" = entry files.dbus;
    "udev/rules.d" = entry files.udevRules;
    "kernel-modules" = entry files.kernelModules;
    "banner" = entry "${files.loginBanner}/banner";
    "profile" = copied scripts.profile "0755";
    "completions" = entry scripts.completions;
    "motd" = entry scripts.motd;
    "motd.structured" = entry scripts.motdStructured;
    "greeter" = entry "${sources.greeter}/etc/greeter";
    "words/*" = entry "${sources.words}/share/words/*.count";
    "static-path" = entry systemPath;
  };
  # One call for each entry: source, target, mode, user, group.
  call =
    target:
    let
      inherit (entries.${target}) source mode;
      isLink = mode == "symlink";
    in
    concatStringsSep " " (
      [ "makeEtcEntry" ]
      ++ map lib.quote [
        "${source}"
        (if baseNameOf target == "*" then dirOf target else target)
        mode
        (if isLink then "" else "root")
        (if isLink then "" else "+0")
      ]
    );
in
lib.runCommandLocal "etc" { } ''
  set -euo pipefail
  source ${lib.stdenv.script "make-etc.sh"}
  mkdir -p "$out/etc"
  ${concatStringsSep "\n" (map call (attrNames entries))}
''
