# The flake: nix-plugin for those who use flakes.
#
#     inputs.wasibuild.url = "…";
#     inputs.wasibuild-builders = { url = "path:/home/me/wasibuild-builders"; flake = false; };
#
# Contract: no inputs, so nothing is fetched that a user does not name. The builders are compiled files and not in
# this source tree: `wasibuild builders export DIR` writes them, and every function here that needs them takes the
# folder, or the flake's input that holds it. Their hashes are in builders/builders.lock.
{
  description = "wasibuild: Nix derivations by WebAssembly builders, the same bytes on every host";

  outputs =
    { self }:
    let
      plugin = builders: import ./nix-plugin { inherit builders; };
    in
    {
      # `wasibuild.lib.withBuilders wasibuild-builders`: { lib, functions, overlay, configuration, … }.
      lib = {
        withBuilders = plugin;
        plugin = import ./nix-plugin;
        builders = import ./nix-plugin/builders.nix;
      };

      overlays.default =
        final: prev:
        (plugin (
          prev.wasibuildBuilders or (throw (
            "wasibuild: overlays.default needs the builders: put an overlay before it that defines "
            + "`wasibuildBuilders` (a folder, `wasibuild builders export DIR`), or use `lib.withBuilders FOLDER`"
          ))
        )).overlay
          final
          prev;

      nixosModules = {
        default = ./nix-plugin/modules/nixos.nix;
        configuration = ./nix-plugin/modules/configuration.nix;
      };
      darwinModules.default = ./nix-plugin/modules/darwin.nix;
    };
}
