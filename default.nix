# For those without flakes: `import (fetchTarball …) { builders = …; }`; nix-plugin/default.nix says what
# it takes and returns.
import ./nix-plugin
