# A module system, as much of `lib.evalModules` as the modules of nix-plugin use: options with types,
# definitions by several modules, `mkIf`, `mkMerge`, priorities, imports. For tests/tests/nix_modules.rs.
#
# Contract: `evalModules { modules; args; }` gives `config` and `options`. A definition for an option that is not
# declared, of a wrong type, or that contradicts another one is an error that names the option. Below an
# option of type `raw` anything goes, conditions and priorities excepted.
#
# Counterpart: lib/modules.nix and lib/types.nix in nixpkgs.
let
  inherit (builtins)
    all
    any
    attrNames
    attrValues
    concatLists
    concatStringsSep
    elem
    filter
    foldl'
    head
    isAttrs
    isBool
    isFunction
    isInt
    isList
    isString
    length
    listToAttrs
    map
    mapAttrs
    ;

  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  types = rec {
    make = name: check: merge: { inherit name check merge; };
    # All definitions are equal.
    same = path: values: if all (value: value == head values) values then head values else throw "the option `${path}` has conflicting definitions";

    bool = make "boolean" isBool same;
    int = make "integer" isInt same;
    str = make "string" isString same;
    lines = make "lines" isString (_: concatStringsSep "\n");
    package = make "package" (value: isAttrs value && value.type or "" == "derivation") same;
    unspecified = make "anything" (_: true) same;
    anything = unspecified;
    raw = make "anything" (_: true) (
      _: values: if all isAttrs values then foldl' merge { } values else head values
    );
    # As deep as sets go; strings that meet are lines.
    merge =
      a: b:
      a
      // mapAttrs (
        name: value:
        if !(a ? ${name}) then
          value
        else if isAttrs value && isAttrs a.${name} then
          merge a.${name} value
        else if isList value then
          a.${name} ++ value
        else
          a.${name} + value
      ) b;
    enum = values: make "one of ${concatStringsSep ", " values}" (value: elem value values) same;
    listOf = type: make "list of ${type.name}" (value: isList value && all type.check value) (_: concatLists);
    attrsOf =
      type:
      make "set of ${type.name}" (value: isAttrs value && all type.check (attrValues value)) (
        _: foldl' merge { }
      );
    either = a: b: make "${a.name} or ${b.name}" (value: a.check value || b.check value) same;
    addCheck = type: check: type // { check = value: type.check value && check value; };
  };

  lib = {
    inherit types mkOverride;
    mkOption = option: option // { _type = "option"; };
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
    optional = condition: value: if condition then [ value ] else [ ];
    filterAttrs =
      keep: set:
      listToAttrs (
        map (name: {
          inherit name;
          value = set.${name};
        }) (filter (name: keep name set.${name}) (attrNames set))
      );
    escapeShellArgs = concatStringsSep " ";
  };

  # A module with its imports, each once applied to the arguments.
  load =
    args: module:
    let
      value = if builtins.isPath module || isString module then import module else module;
      loaded = if isFunction value then value args else value;
    in
    [ loaded ] ++ concatLists (map (load args) (loaded.imports or [ ]));

  configOf =
    module:
    if module ? config || module ? options then
      module.config or { }
    else
      removeAttrs module [ "imports" ];

  # Definitions of a place, with what they depend on. A condition is not looked at before a value is wanted.
  push =
    definition@{
      value,
      priority,
      conditions,
    }:
    let
      type = if isAttrs value then value._type or "" else "";
    in
    if type == "if" then
      push {
        inherit priority;
        value = value.content;
        conditions = conditions ++ [ value.condition ];
      }
    else if type == "merge" then
      concatLists (map (inner: push (definition // { value = inner; })) value.contents)
    else if type == "override" then
      push {
        inherit conditions;
        inherit (value) priority;
        value = value.content;
      }
    else
      [ definition ];
  plain = value: {
    inherit value;
    priority = 100;
    conditions = [ ];
  };

  strongest =
    all':
    let
      definitions = filter (definition: all (condition: condition) definition.conditions) all';
      least = foldl' (
        least: definition: if definition.priority < least then definition.priority else least
      ) 9999 definitions;
    in
    map (definition: definition.value) (
      filter (definition: definition.priority == least) definitions
    );

  # What lies below: options and definitions of each name.
  evaluate =
    path: declared: definitions:
    let
      here = concatStringsSep "." path;
      option = head declared;
      isOption = any (declaration: declaration._type or "" == "option") declared;
      values = strongest (definitions ++ (
          if option ? default then [ (plain option.default // { priority = 1500; }) ] else [ ]
        ));
      wrong = filter (value: !option.type.check value) values;
      merged =
        if values == [ ] then
          throw "the option `${here}` is used but not defined"
        else if wrong != [ ] then
          throw "a definition for option `${here}` is not of type `${option.type.name}'"
        else if option.readOnly or false && length values > 1 then
          throw "the option `${here}` is read-only, but it is set multiple times"
        else
          option.type.merge here values;
      sets = filter (definition: isAttrs definition.value) definitions;
      names = attrNames (foldl' (a: b: a // b) { } (declared ++ map (definition: definition.value) sets));
    in
    if isOption then
      (option.apply or (value: value)) merged
    else if declared == [ ] then
      throw "the option `${here}` does not exist"
    else
      listToAttrs (
        map (name: {
          inherit name;
          value = evaluate (path ++ [ name ]) (
            map (declaration: declaration.${name}) (filter (declaration: declaration ? ${name}) declared)
          ) (
            concatLists (
              map (
                definition:
                if definition.value ? ${name} then
                  push (definition // { value = definition.value.${name}; })
                else
                  [ ]
              ) sets
            )
          );
        }) names
      );

  evalModules =
    { modules, args }:
    let
      loaded = concatLists (map (load (args // { inherit config lib options; })) modules);
      definitions = concatLists (map (module: push (plain (configOf module))) loaded);
      options._module.args.definitions = concatLists (
        map (definition: if definition.value ? _module.args then [ definition.value._module.args ] else [ ]) definitions
      );
      config = evaluate [ ] (map (module: module.options or { }) loaded) definitions;
    in
    {
      inherit config;
    };
in
{
  inherit lib evalModules;
}
