# A NixOS module for the machine that is built: its configuration is made of derivations for
# WebAssembly builders, as far as there are builders (functions.nix), its packages stay as they are.
#
#     { imports = [ ./nix-plugin/modules/configuration.nix ]; wasibuild.builders = …; }
#
# Contract: what modules see as `pkgs` is nixpkgs' set with the functions of functions.nix in it, and
# nothing else in the set is different: no package and no `callPackage`. So every package keeps the hash
# under which a binary cache has it. The same configuration evaluates to the same derivations on
# every host.
#
# How: nixpkgs.nix defines the argument `pkgs` of all modules; here it is defined with a higher priority, by
# what was defined there. Who passes `pkgs` by `specialArgs` must do it by hand:
# `pkgs // import ./functions.nix { … } pkgs`.
{
  config,
  lib,
  options,
  ...
}:
let
  cfg = config.wasibuild;

  # Above `mkForce` (50), so that a forced set of packages has the functions, too.
  priority = 49;

  # What others define as `pkgs`, the strongest first.
  others =
    let
      definitions = builtins.filter (definition: definition ? pkgs) options._module.args.definitions;
      # As the module system does: a list, since a condition may not hold. Not what is defined below.
      plain =
        value:
        let
          type = value._type or "";
        in
        if type == "override" && value.priority == priority then
          [ ]
        else if type == "override" then
          map (inner: inner // { inherit (value) priority; }) (plain value.content)
        else if type == "if" then
          (if value.condition then plain value.content else [ ])
        else
          [
            {
              content = value;
              priority = 100;
            }
          ];
    in
    builtins.sort (a: b: a.priority < b.priority) (
      builtins.concatLists (map (definition: plain definition.pkgs) definitions)
    );
  base =
    if others == [ ] then
      throw "wasibuild: no module defines `pkgs`; if it comes by `specialArgs`, add the functions there"
    else
      (builtins.head others).content;
in
{
  options.wasibuild = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether this machine's configuration is built by WebAssembly builders.";
    };
    builders = lib.mkOption {
      type = lib.types.unspecified;
      example = "./wasibuild-builders";
      description = "The builders: a folder with them (`wasibuild builders export`), or what builders.nix returns.";
      apply =
        given:
        if builtins.isAttrs given && !(given ? outPath) then
          given
        else
          import ../builders.nix { from = given; };
    };
    system = lib.mkOption {
      type = lib.types.enum [
        "wasm32-wasi"
        "wasm32-wasip1"
      ];
      default = "wasm32-wasi";
      description = "The system of the derivations. Determinate Nix runs some builders itself as `wasm32-wasip1`.";
    };
  };

  config = lib.mkIf cfg.enable {
    _module.args.pkgs = lib.mkOverride priority (
      base // import ../functions.nix { inherit (cfg) builders system; } base
    );
  };
}
