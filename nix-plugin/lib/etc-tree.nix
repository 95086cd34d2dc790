# The directory that NixOS activates as /etc: `etcTree`.
#
# Contract: `entries` is what `environment.etc` holds after evaluation: a set by target, or a list.
# An entry has `source` or `text`, and may have `enable`, `target`, `mode`, `uid`, `gid`, `user`,
# `group`. The output is that of NixOS, but a target declared twice with two sources is refused.
#
# Counterpart: nixos/modules/system/etc/etc.nix in nixpkgs.
{ build, self, ... }:
let
  inherit (builtins)
    attrNames
    filter
    isList
    map
    replaceStrings
    toString
    ;

  describe =
    name:
    {
      enable ? true,
      target ? name,
      text ? null,
      source ?
        if text == null then
          throw "wasibuild: etcTree: `${target}` has neither `source` nor `text`"
        else
          self.writeText "etc-${replaceStrings [ "/" ] [ "-" ] name}" text,
      mode ? "symlink",
      uid ? 0,
      gid ? 0,
      user ? "+${toString uid}",
      group ? "+${toString gid}",
    }:
    {
      inherit enable;
      entry = {
        inherit
          target
          mode
          user
          group
          ;
        source = "${source}";
      };
    };
in
{
  etcTree =
    {
      name ? "etc",
      entries,
      meta ? { },
      passthru ? { },
    }:
    let
      described =
        if isList entries then
          map (entry: describe entry.target entry) entries
        else
          map (target: describe target entries.${target}) (attrNames entries);
      enabled = map (item: item.entry) (filter (item: item.enable) described);
    in
    build {
      module = "etc-tree";
      inherit name meta;
      passthru = {
        targets = map (entry: entry.target) enabled;
      }
      // passthru;
      attributes.entries = enabled;
    };
}
