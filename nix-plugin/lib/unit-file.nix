# systemd units: `unitFile`, `systemdUnit`, `makeUnit`, `serviceToUnit` and its like, `generateUnits`,
# `systemdUnits`.
#
# Contract: names, arguments and bytes of NixOS; definitions are plain sets with the names of NixOS'
# options, and what is not given has NixOS' default. Scripts (`script`, `preStart`, …) are shell
# programs that NixOS makes separately; give `serviceConfig.ExecStart`.
#
# Counterpart: nixos/lib/systemd-lib.nix in nixpkgs.
{ build, self, ... }:
let
  inherit (builtins)
    attrNames
    attrValues
    concatLists
    concatStringsSep
    filter
    intersectAttrs
    isList
    isPath
    listToAttrs
    map
    mapAttrs
    match
    removeAttrs
    replaceStrings
    toString
    ;

  optional = condition: value: if condition then [ value ] else [ ];
  optionalAttrs = condition: set: if condition then set else { };
  flatten = value: if isList value then concatLists (map flatten value) else [ value ];

  # The name of a derivation for a unit: without what store paths may not have.
  mkPathSafeName = replaceStrings [ "@" ":" "\\" "[" "]" ] [ "-" "-" "-" "" "" ];

  # Attributes of a definition that are not the unit's text but where it is linked.
  placement = def: {
    aliases = def.aliases or [ ];
    wantedBy = def.wantedBy or [ ];
    requiredBy = def.requiredBy or [ ];
    upheldBy = def.upheldBy or [ ];
    enable = def.enable or true;
    overrideStrategy = def.overrideStrategy or "asDropinIfExists";
  };

  # Two sets that must not define the same option differently.
  mergeOptions =
    what: computed: given:
    let
      both = filter (key: computed.${key} != given.${key}) (attrNames (intersectAttrs computed given));
    in
    if both != [ ] then
      throw "wasibuild: ${what} defines ${concatStringsSep ", " both} twice; remove one"
    else
      computed // given;

  # Options of [Unit] that have an option of their own in NixOS, and how they are called there.
  lists = {
    requires = "Requires";
    wants = "Wants";
    upholds = "Upholds";
    after = "After";
    before = "Before";
    bindsTo = "BindsTo";
    partOf = "PartOf";
    conflicts = "Conflicts";
    requisite = "Requisite";
    documentation = "Documentation";
    onFailure = "OnFailure";
    onSuccess = "OnSuccess";
  };
  numbers = {
    startLimitIntervalSec = "StartLimitIntervalSec";
    startLimitBurst = "StartLimitBurst";
  };

  triggers =
    kind: shortName: values:
    "${self.writeText "X-${kind}-Triggers-${mkPathSafeName shortName}" (
      toString (map (value: if isPath value then "${value}" else value) (flatten values))
    )}";

  unitConfigOf =
    shortName: def:
    mergeOptions def.name (
      listToAttrs (
        concatLists (
          map (
            key:
            optional (def.${key} or [ ] != [ ]) {
              name = lists.${key};
              value = toString def.${key};
            }
          ) (attrNames lists)
          ++ map (
            key:
            optional (def ? ${key}) {
              name = numbers.${key};
              value = toString def.${key};
            }
          ) (attrNames numbers)
          ++ [
            (optional (def.description or "" != "") {
              name = "Description";
              value = def.description;
            })
            (optional (def.restartTriggers or [ ] != [ ]) {
              name = "X-Restart-Triggers";
              value = triggers "Restart" shortName def.restartTriggers;
            })
            (optional (def.reloadTriggers or [ ] != [ ]) {
              name = "X-Reload-Triggers";
              value = triggers "Reload" shortName def.reloadTriggers;
            })
          ]
        )
      )
    ) (def.unitConfig or { });

  # `bin` and `sbin` of packages, as NixOS sets PATH for a service.
  searchPath =
    packages:
    let
      binary =
        package: if package.outputSpecified or false then package else package.bin or package.out or package;
      directories = directory: map (package: "${binary package}/${directory}") packages;
    in
    concatStringsSep ":" (directories "bin" ++ directories "sbin");

  # What each kind writes beside [Unit] and [Install], from its definition.
  kinds = {
    target = def: { };
    service = def: {
      inherit (def) serviceConfig globalEnvironment;
      environment = mergeOptions def.name (optionalAttrs (def.path != [ ]) {
        PATH = searchPath def.path;
      }) (mapAttrs (_: value: if value == null then null else "${value}") def.environment);
      inherit (def)
        reloadIfChanged
        restartIfChanged
        stopIfChanged
        notSocketActivated
        ;
    };
    socket = def: {
      inherit (def) socketConfig listenStreams listenDatagrams;
    };
    timer = def: { inherit (def) timerConfig; };
    path = def: { inherit (def) pathConfig; };
    mount = def: {
      mountConfig = mergeOptions def.name (
        {
          What = def.what;
          Where = def.where;
        }
        // optionalAttrs (def.type != "") { Type = def.type; }
        // optionalAttrs (def.options != "") { Options = def.options; }
      ) def.mountConfig;
    };
    automount = def: {
      automountConfig = mergeOptions def.name { Where = def.where; } def.automountConfig;
    };
    slice = def: { inherit (def) sliceConfig; };
  };

  # The defaults of NixOS' options for each kind.
  defaults = {
    target = { };
    service = {
      serviceConfig = { };
      globalEnvironment = { };
      environment = { };
      path = [ ];
      reloadIfChanged = false;
      restartIfChanged = true;
      stopIfChanged = true;
      notSocketActivated = false;
    };
    socket = {
      socketConfig = { };
      listenStreams = [ ];
      listenDatagrams = [ ];
    };
    timer.timerConfig = { };
    path.pathConfig = { };
    mount = {
      mountConfig = { };
      type = "";
      options = "";
    };
    automount.automountConfig = { };
    slice.sliceConfig = { };
  };

  # Options that every kind has, and those that have no default.
  common =
    placement { }
    // mapAttrs (_: _: null) (lists // numbers)
    // {
      name = null;
      description = null;
      unitConfig = null;
      restartTriggers = null;
      reloadTriggers = null;
    };
  required = {
    mount = {
      what = null;
      where = null;
    };
    automount.where = null;
  };

  # A definition with its unit: what NixOS has in `systemd.units`.
  toUnit =
    kind: definition:
    let
      def = defaults.${kind} // definition;
      known = common // defaults.${kind} // required.${kind} or { };
      unknown = attrNames (removeAttrs definition (attrNames known));
      matched = match "(.*)[.]${kind}" def.name;
      shortName = builtins.head matched;
    in
    if matched == null then
      throw "wasibuild: the name of a ${kind} must end in .${kind}: ${def.name}"
    else if unknown != [ ] then
      throw "wasibuild: ${def.name}: a ${kind} has no option ${concatStringsSep ", " unknown}"
    else
      placement def
      // {
        inherit (def) name;
        unit = self.unitFile {
          inherit (def) name;
          enable = def.enable or true;
          definition = {
            unitConfig = unitConfigOf shortName def;
            wantedBy = def.wantedBy or [ ];
          }
          // kinds.${kind} def;
        };
      };
in
{
  inherit mkPathSafeName;

  # One unit in a directory: from `text`, from `sections` ({ Unit = { … }; Service = { … }; … }), or
  # from a `definition` (docs/builders.md). Not enabled: a link to /dev/null.
  unitFile =
    {
      name,
      text ? null,
      sections ? null,
      definition ? null,
      enable ? true,
      meta ? { },
      passthru ? { },
    }:
    build {
      module = "unit-file";
      name = "unit-${mkPathSafeName name}${if enable then "" else "-disabled"}";
      inherit meta passthru;
      attributes = {
        unitName = name;
        text = if enable then text else null;
        sections = if enable then sections else null;
        definition = if enable then definition else null;
        enable = if enable then null else false;
      };
    };

  # A unit from its sections.
  systemdUnit =
    { name, sections }@args: self.unitFile args;

  # NixOS' own: a unit from its text.
  makeUnit =
    name: unit:
    self.unitFile {
      inherit name;
      enable = unit.enable or true;
      text = if unit.text or null == null then "" else unit.text;
    };

  targetToUnit = toUnit "target";
  serviceToUnit = toUnit "service";
  socketToUnit = toUnit "socket";
  timerToUnit = toUnit "timer";
  pathToUnit = toUnit "path";
  mountToUnit = toUnit "mount";
  automountToUnit = toUnit "automount";
  sliceToUnit = toUnit "slice";

  # The directory of units. `units`: a set of { unit; aliases; wantedBy; … } by name, as the
  # functions above return it.
  generateUnits =
    {
      type ? "system",
      units,
      upstreamUnits ? [ ],
      upstreamWants ? [ ],
      packages ? [ ],
      # systemd, which upstreamUnits and upstreamWants are taken from.
      package ? null,
      allowCollisions ? true,
      defaultUnit ? "multi-user.target",
      ctrlAltDelUnit ? "reboot.target",
      name ? "${type}-units",
      meta ? { },
      passthru ? { },
    }:
    build {
      module = "unit-file";
      inherit name meta passthru;
      attributes = {
        inherit
          type
          upstreamUnits
          upstreamWants
          allowCollisions
          ;
        packages = map (package: "${package}") packages;
        package = if package == null then null else "${package}";
        defaultUnit = if type == "system" then defaultUnit else null;
        ctrlAltDelUnit = if type == "system" then ctrlAltDelUnit else null;
        units = mapAttrs (
          _: unit:
          {
            unit = "${unit.unit}";
          }
          // removeAttrs (intersectAttrs (placement { }) unit) [ "enable" ]
        ) units;
      };
    };

  # The directory of units from definitions by kind, as NixOS' options have them; a definition's
  # attribute is its name without the kind.
  systemdUnits =
    {
      targets ? { },
      services ? { },
      sockets ? { },
      timers ? { },
      paths ? { },
      mounts ? { },
      automounts ? { },
      slices ? { },
      units ? { },
      ...
    }@args:
    let
      define =
        kind: definitions:
        map (
          name: toUnit kind (definitions.${name} // { name = "${name}.${kind}"; })
        ) (attrNames definitions);
      defined = concatLists (attrValues (mapAttrs define {
        target = targets;
        service = services;
        socket = sockets;
        timer = timers;
        path = paths;
        mount = mounts;
        automount = automounts;
        slice = slices;
      }));
      byName = listToAttrs (
        map (unit: {
          inherit (unit) name;
          value = unit;
        }) defined
      );
    in
    self.generateUnits (
      removeAttrs args [
        "targets"
        "services"
        "sockets"
        "timers"
        "paths"
        "mounts"
        "automounts"
        "slices"
      ]
      // {
        units = byName // units;
      }
    );
}
