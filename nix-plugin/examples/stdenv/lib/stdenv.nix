# A standard environment in the manner of nixpkgs: `stdenv.mkDerivation` makes derivations whose
# builder is a bash from the store, with a setup script that this file puts together.
{ packages, system }:
let
  shell = "${packages.bash}/bin/bash";

  # A file of this example as a source of its own.
  script =
    name:
    builtins.path {
      inherit name;
      path = ../setup + "/${name}";
    };

  initialPath = with packages; [
    coreutils
    findutils
    diffutils
    gnused
    gnugrep
    gawk
    bash
  ];

  stdenv = derivation {
    name = "stdenv-linux";
    inherit system initialPath shell;
    builder = shell;
    args = [
      "-e"
      (script "stdenv-builder.sh")
    ];
    parts = map script [
      "main.sh"
      "hooks.sh"
      "variables.sh"
      "substitute.sh"
      "inputs.sh"
      "fixup.sh"
      "phases.sh"
      "start.sh"
    ];
    defaultNativeBuildInputs = [ fixLineEnds ];
    propagatedPackages = initialPath;
    preferLocalBuild = true;
    allowSubstitutes = false;
  };

  # A setup hook in a package of its own: what nixpkgs' `makeSetupHook` gives.
  fixLineEnds = script "strip-carriage-returns.sh";

  mkDerivation =
    attributes:
    let
      structured = attributes.__structuredAttrs or false;
      own = removeAttrs attributes [
        "args"
        "builder"
        "env"
        "passthru"
      ];
      environment = attributes.env or { };
    in
    derivation (
      {
        inherit system stdenv;
        name = "${attributes.pname}-${attributes.version}";
        builder = shell;
        args = [
          "-e"
          (script "source-stdenv.sh")
          (attributes.builder or (script "default-builder.sh"))
        ];
        outputs = [ "out" ];
        # What nixpkgs passes to every derivation, whether it is used or not.
        strictDeps = true;
        buildInputs = [ ];
        nativeBuildInputs = [ ];
        propagatedBuildInputs = [ ];
        propagatedNativeBuildInputs = [ ];
        configureFlags = [ ];
        patches = [ ];
        doCheck = false;
        doInstallCheck = false;
      }
      // own
      # What programs shall see: with structured attributes a set of its own.
      // (if structured then { env = environment; } else environment)
    )
    // (attributes.passthru or { });
in
{
  inherit
    fixLineEnds
    mkDerivation
    script
    shell
    stdenv
    ;
}
