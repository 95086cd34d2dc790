# Scripts of the machine: what units, users and the activation run.
{ lib, structured }:
let
  inherit (lib) packages;
  coreutils = "${packages.coreutils}/bin";
in
rec {
  rebuild = lib.writeShellScriptBin "rebuild" ''
    exec nix-build '<machine>' -A toplevel "$@"
  '';

  hostKeys = lib.writeShellApplication {
    name = "host-keys";
    runtimeInputs = [
      packages.coreutils
      packages.openssh
    ];
    text = ''
      shopt -s extglob
      for kind in ed25519 rsa; do
        key=/etc/ssh/ssh_host_''${kind}_key
        [[ $key == *!(x)_key ]] && test -s "$key" || ssh-keygen -q -t "$kind" -N "" -f "$key"
      done
    '';
  };

  rotate = structured.writeShellApplication {
    name = "rotate-logs";
    runtimeInputs = [ packages.findutils ];
    text = ''
      find /var/log -name '*.log' -size +1M -print0 | while IFS= read -r -d "" log; do
        mv "$log" "$log.1"
      done
    '';
  };

  startNginx = lib.writeShellScript "start-nginx" ''
    exec ${packages.nginx}/bin/nginx -g 'daemon off;'
  '';

  preStart = lib.writeShellScript "nginx-pre-start" ''
    ${coreutils}/mkdir -p /var/cache/nginx
    ${coreutils}/chmod 0750 /var/cache/nginx
  '';

  login = lib.writeScript "login-banner" ''
    #!/usr/bin/env bash
    echo "it's \"$(hostname)\", `date`: 100% \\ done"
  '';

  backup = structured.writeShellScriptBin "backup" ''
    tar -c "''${@:-/home}" | ssh backup@vault 'cat > "$(date +%F).tar"'
  '';

  # A template with `@name@`s, filled from attributes.
  stage2 = lib.substituteAll {
    name = "stage-2-init.sh";
    src = lib.stdenv.script "stage-2.sh.in";
    isExecutable = true;
    inherit (lib.stdenv) shell;
    path = "${coreutils}:${packages.util-linux}/bin";
    earlyMounts = "proc:/proc devtmpfs:/dev tmpfs:/run";
    systemd = packages.systemd;
    # `&`, `\`, `/` and newlines are text in a replacement.
    motd = "Welcome & enjoy \\o/\n  second line";
  };

  stage2Structured = structured.substituteAll {
    name = "stage-2-init.sh";
    src = lib.stdenv.script "stage-2.sh.in";
    isExecutable = true;
    inherit (lib.stdenv) shell;
    path = "${coreutils}:${packages.util-linux}/bin";
    earlyMounts = "proc:/proc devtmpfs:/dev tmpfs:/run";
    systemd = packages.systemd;
    motd = "Welcome & enjoy \\o/\n  second line";
  };

  mountTool = lib.substituteAll {
    name = "mount-tool";
    dir = "bin";
    isExecutable = true;
    src = builtins.toFile "mount-tool.in" ''
      #!@shell@
      exec @util@/bin/mount -o @options@ "$@"
    '';
    inherit (lib.stdenv) shell;
    util = packages.util-linux;
    options = "noatime,nodev";
    postInstall = ''
      ln -s mount-tool $out/bin/mount-noatime
    '';
  };

  setupEtc = lib.replaceVarsWith {
    name = "setup-etc.sh";
    src = builtins.toFile "setup-etc.in" ''
      #!@bash@
      # @kept@ is for the machine to fill in.
      etc=@etc@ mail=root@localhost
      for link in "$etc"/*; do ln -sfn "$link" "/etc/''${link##*/}"; done
    '';
    isExecutable = true;
    replacements = {
      bash = lib.stdenv.shell;
      etc = "/etc/static";
      kept = null;
    };
  };

  motd = lib.replaceVars ../sources/motd {
    host = "quay";
    release = "26.11";
  };

  motdStructured = structured.replaceVars ../sources/motd {
    host = "quay";
    release = "26.11 'quoted' $(not run)";
  };

  profile = lib.concatTextFile {
    name = "profile.sh";
    executable = true;
    files = [
      (lib.writeText "profile-head" "# shell profile\n")
      setupEtc
      (lib.writeText "profile-tail" "\n# end, without a newline")
    ];
  };

  completions = structured.concatText "completions" [
    (structured.writeText "complete-rebuild" "complete -F _files rebuild\n")
    (structured.writeTextDir "share/complete/backup" "complete -W 'home srv' backup\n" + "/share/complete/backup")
  ];
}
