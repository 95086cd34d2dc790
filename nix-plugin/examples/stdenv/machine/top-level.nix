# The top level: a folder with what the machine boots and activates, and the script that does.
{
  etc,
  features,
  lib,
  scripts,
  structured,
  system,
  systemPath,
}:
let
  inherit (lib) packages;
  # Steps of the activation, each with those that it needs.
  activationScript =
    lib.runCommandLocal "activate"
      {
        __structuredAttrs = true;
        needs = {
          etc = "users specialfs";
          users = "specialfs";
          specialfs = "";
          var = "etc";
          wrappers = "specialfs users";
        };
        steps = {
          etc = "echo 'setting up /etc...'\n${scripts.setupEtc} ${etc}/etc";
          users = "${packages.util-linux}/bin/login --update";
          specialfs = "specialMount proc /proc";
          var = "mkdir -m 0755 -p /var/{log,tmp}";
          wrappers = "ln -sfn /run/wrappers/bin /run/wrappers.new";
        };
        # A long text with every kind of quote, to go through a here-document.
        epilogue = ''
          # Make this configuration the current configuration.
          ln -sfn "$(readlink -f "$systemConfig")" /run/current-system
          exit $_status
        '';
      }
      ''
        # In an order in which every step comes after those that it needs.
        declare -A state=()
        declare -a order=()
        visit() {
          local step="$1" need
          case "''${state[$step]:-new}" in
            done) return ;;
            open) echo "activation steps need each other: $step" >&2; exit 1 ;;
          esac
          state[$step]=open
          for need in ''${needs[$step]}; do
            visit "$need"
          done
          state[$step]=done
          order+=("$step")
        }
        while IFS= read -r step; do
          visit "$step"
        done < <(printf '%s\n' "''${!steps[@]}" | sort)

        {
          cat <<HEAD
        #!$SHELL
        # ''${#order[@]} steps: ''${order[*]}
        systemConfig=@out@
        export PATH=${packages.coreutils}/bin:${packages.util-linux}/bin
        _status=0
        trap "_status=1 _localstatus=\$?" ERR
        umask 0022
        HEAD
          for step in "''${order[@]}"; do
            printf '\n#### %s\n_localstatus=0\n%s\n' "$step" "''${steps[$step]}"
            printf 'if (( _localstatus > 0 )); then\n  printf "%%s\\n" "%s failed"\nfi\n' "$step"
          done
          echo
          printf '%s' "$epilogue"
        } > activate
        substitute activate "$out" --subst-var out
        chmod +x "$out"
        $SHELL -n "$out"
      '';

  # What is evaluated at the build alone: everything that must hold, on all features.
  checks = lib.linkFarm "features" (
    map (drv: {
      name = "${if drv.__structuredAttrs or false then "structured" else "plain"}/${drv.name}.${drv.outputName}";
      path = drv;
    }) features
  );

  version = lib.writeText "version" "26.11.quay";
in
lib.mkDerivation {
  name = "nixos-system-quay-26.11";
  preferLocalBuild = true;
  allowSubstitutes = false;
  passAsFile = [ "extraDependencies" ];
  buildCommand = ''
    mkdir $out

    ln -s ${packages.linux}/bzImage $out/kernel
    ln -s ${packages.linux} $out/kernel-modules
    echo -n "$kernelParams" > $out/kernel-params

    cp ${activationScript} $out/activate
    chmod u+w $out/activate
    substituteInPlace $out/activate --replace-fail ${activationScript} $out --subst-var out
    chmod u+x $out/activate
    cp "$stage2" $out/init
    chmod u+w $out/init
    substituteInPlace $out/init --replace-fail "#!" "#!" --replace-quiet @toplevel@ $out
    unset activationScript

    ln -s ${etc}/etc $out/etc
    ln -s ${systemPath} $out/sw
    ln -s "$systemd" $out/systemd
    ln -s ${checks} $out/features
    for i in mount-tool stage-2; do
      case $i in
        mount-tool) ln -s ${scripts.mountTool}/bin/mount-noatime $out/$i ;;
        stage-2) ln -s "$stage2Structured" $out/$i ;;
      esac
    done
    ln -s ${scripts.preStart} $out/pre-start

    echo -n "systemd 257" > $out/init-interface-version
    echo -n "$nixosLabel" > $out/nixos-version
    echo -n "${system}" > $out/system
    cat ${version} > $out/version

    mkdir $out/bin
    export localeArchive="${packages.util-linux}/share/locale-archive"
    substituteAll ${builtins.toFile "switch-to-configuration.sh" "#!@shell@\nexec @out@/activate @localeArchive@ @distroId@\n"} $out/bin/switch-to-configuration
    chmod +x $out/bin/switch-to-configuration
    cp "$extraDependenciesPath" "$out/extra-dependencies"
  '';
  inherit (lib.packages) systemd;
  inherit (scripts) stage2 stage2Structured;
  inherit (lib.stdenv) shell;
  distroId = "quay";
  kernelParams = [
    "loglevel=4"
    "lsm=landlock,yama"
  ];
  nixosLabel = "26.11.quay";
  extraDependencies = [ (structured.writeText "kept" "kept with the system\n") ];
}
