# Users and groups, in the shape of NixOS' `users-groups.json`.
{ lib }:
let
  system = uid: name: home: {
    inherit uid name home;
    group = name;
    isSystemUser = true;
    shell = "/run/current-system/sw/bin/nologin";
  };
  users = {
    root = {
      uid = 0;
      name = "root";
      home = "/root";
      group = "root";
      isSystemUser = false;
      shell = "/run/current-system/sw/bin/bash";
    };
    ada = {
      uid = 1000;
      name = "ada";
      home = "/home/ada";
      group = "users";
      isSystemUser = false;
      shell = "/run/current-system/sw/bin/bash";
      extraGroups = [
        "wheel"
        "systemd-journal"
      ];
    };
    sshd = system 1 "sshd" "/var/empty";
    nginx = system 60 "nginx" "/var/lib/nginx";
    postgres = system 71 "postgres" "/var/lib/postgresql";
    avahi = system 10 "avahi" "/var/empty";
    forge = system 990 "forge" "/var/lib/forge";
    exporter = system 991 "exporter" "/var/empty";
  };
  list = map (name: users.${name}) (builtins.attrNames users);
in
{
  inherit users;
  json = (lib.formats.json { }).generate "users-groups.json" {
    users = list;
    groups = map (user: {
      name = user.group;
      gid = user.uid;
      members = map (member: member.name) (
        builtins.filter (member: builtins.elem user.group (member.extraGroups or [ ])) list
      );
    }) list;
    mutableUsers = false;
  };
  passwd = lib.writeText "passwd" (
    builtins.concatStringsSep "" (
      map (u: "${u.name}:x:${toString u.uid}:${toString u.uid}::${u.home}:${u.shell}\n") list
    )
  );
}
