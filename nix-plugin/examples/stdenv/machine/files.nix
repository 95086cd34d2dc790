# Configuration files: one derivation for each, as NixOS' modules make them.
{
  lib,
  structured,
  scripts,
}:
let
  inherit (lib) packages formats;
  inherit (lib) writeText;
in
{
  hostname = writeText "hostname" "quay\n";
  hosts = lib.concatText "hosts" [
    (writeText "localhost-hosts" "127.0.0.1 localhost\n::1 localhost\n")
    (writeText "string-hosts" "10.0.0.2 quay.example.org quay\n")
    (writeText "extra-hosts" "")
  ];
  osRelease = lib.runCommandLocal "os-release" { } ''
    {
      printf '%s=%s\n' NAME Quay ID quay VERSION_ID 26.11
      printf 'PRETTY_NAME="%s"\n' "Quay 26.11 (Pier)"
    } > $out
  '';
  nginx =
    lib.runCommandLocal "nginx.conf"
      {
        text = ''
          events {
          worker_connections 1024;
          }
          http {
          include ${packages.nginx}/conf/mime.types;
          server {
          listen 80; # "quoted" and 'quoted', $variable, \backslash
          location / { root /srv; }
          }
          }
        '';
        passAsFile = [ "text" ];
      }
      ''
        # An indenter for want of nginx-config-formatter: one level for each open brace.
        depth=0
        while IFS= read -r line; do
          if [[ $line == "}"* ]]; then depth=$((depth - 1)); fi
          printf '%*s%s\n' $((depth * 2)) "" "$line"
          if [[ $line == *"{" ]]; then depth=$((depth + 1)); fi
        done < "$textPath" > $out
      '';
  sshd =
    lib.runCommandLocal "sshd_config"
      {
        # Settings of several kinds, as `.attrs.sh` has them.
        __structuredAttrs = true;
        settings = {
          Port = 22;
          PasswordAuthentication = false;
          X11Forwarding = null;
          Banner = "/etc/issue";
        };
        accepted = [
          "LANG"
          "LC_*"
        ];
      }
      ''
        {
          for key in "''${!settings[@]}"; do
            value=''${settings[$key]}
            case $key in
              PasswordAuthentication) value=$([[ $value ]] && echo yes || echo no) ;;
            esac
            [[ -z $value ]] || printf '%s %s\n' "$key" "$value"
          done | sort
          printf 'AcceptEnv %s\n' "''${accepted[*]}"
        } > "$out"
      '';
  moduliCount = lib.runCommand "moduli-count" { } ''
    # Cache-able as nixpkgs' runCommand is; still nothing but a build command.
    { yes moduli || true; } | head -n 40 | wc -l > $out
  '';
  sysctl = formats.keyValue "60-quay.conf" {
    "kernel.kptr_restrict" = 1;
    "net.ipv4.ip_forward" = true;
    "vm.swappiness" = 10;
  };
  journald = formats.ini "journald.conf" {
    Journal = {
      Storage = "persistent";
      MaxRetentionSec = "1month";
    };
  };
  resolved = formats.ini "resolved.conf" {
    Resolve = {
      DNS = [
        "9.9.9.9"
        "149.112.112.112"
      ];
      DNSSEC = false;
    };
  };
  boot = formats.json "boot.json" {
    "org.nixos.bootspec.v1" = {
      label = "Quay \"26.11\"";
      kernel = "${packages.linux}/bzImage";
      kernelParams = [
        "loglevel=4"
        "init=/x\\y"
      ];
    };
  };
  environment = formats.shellVariables "set-environment" {
    EDITOR = "vi";
    PAGER = "less -R";
    PS1 = "\\u@\\h:\\w\\$ ";
    NAME = "Gr\u00fc\u00dfe 'und' mehr";
    TZDIR = "/etc/zoneinfo";
    lines = "one\ntwo\ttab";
  };
  dashboard = formats.prettyJson "dashboard.json" {
    panels = builtins.genList (id: {
      inherit id;
      title = "Panel ${toString id}";
    }) 12;
  };
  fstab = lib.runCommandLocal "fstab" {
    mounts = [
      "/dev/disk/by-label/root:/:ext4:relatime"
      "/dev/disk/by-label/boot:/boot:vfat:umask=0077"
      "tmpfs:/tmp:tmpfs:size=2G,mode=1777"
    ];
  } ''
    for mount in $mounts; do
      IFS=: read -r device where type options <<< "$mount"
      printf '%-32s %-8s %-6s %s %d %d\n' "$device" "$where" "$type" "$options" 0 $(( ''${#where} == 1 ? 1 : 2 ))
    done > $out
  '';
  passwd = lib.runCommandLocal "users-groups.txt" {
    users = [
      "root:0"
      "deploy:1000"
      "nginx:60"
    ];
  } ''
    declare -A ids=()
    for user in $users; do
      ids[''${user%%:*}]=''${user##*:}
    done
    for user in $(printf '%s\n' "''${!ids[@]}" | sort -t: -k1,1); do
      printf '%s:x:%d:100::%s:%s\n' "$user" "''${ids[$user]}" "$([[ $user == root ]] && echo /root || echo /home/$user)" ${lib.stdenv.shell}
    done > $out
  '';
  sudoers = lib.writeTextFile {
    name = "sudoers";
    text = "root ALL=(ALL:ALL) SETENV: ALL\n%wheel ALL=(ALL:ALL) NOPASSWD: ALL\n";
    # Stands for `visudo -c`: every line that is not empty gives rights.
    checkPhase = ''
      if grep -v -e '^$' -e 'ALL=(ALL:ALL)' "$target"; then
        exit 1
      fi
    '';
  };
  issue = lib.writeText "issue" "\n<<< Quay 26.11 (\\m) - \\l >>>\n\n";
  tmpfiles = lib.symlinkJoin {
    name = "tmpfiles.d";
    paths = [
      (lib.writeTextDir "00-quay.conf" "d /srv 0755 root root -\n")
      (lib.writeTextDir "nginx.conf" "d /var/log/nginx 0750 nginx nginx 30d\n")
      "${packages.systemd}/example/tmpfiles.d"
    ];
    postBuild = ''
      # A file that the machine has no use for.
      unlink $out/legacy.conf
      ls $out > list && mv list $out/.list
    '';
  };
  modulesLoad = structured.linkFarm "modules-load.d" {
    "quay.conf" = structured.writeText "modules" "loop\ntun\n";
    "extra/it's here.conf" = structured.writeText "modules-extra" "kvm\n";
  };
  dbus =
    lib.runCommandLocal "dbus-1"
      {
        packages = [
          packages.systemd
          packages.dbus
        ];
      }
      ''
        mkdir -p $out
        {
          echo '<busconfig>'
          for package in $packages; do
            for folder in share/dbus-1/system.d share/dbus-1/system-services; do
              [[ -d $package/$folder ]] || continue
              tag=''${folder##*/system}
              printf '  <%s>%s</%s>\n' "include''${tag#[.-]}" "$package/$folder" "include''${tag#[.-]}"
            done
          done
          echo '</busconfig>'
        } > $out/system.conf
        sed -e 's/system/session/g' -e '/\.d</d' $out/system.conf > $out/session.conf
      '';
  udevRules =
    lib.runCommandLocal "udev-rules"
      {
        udevPackages = [ packages.systemd ];
        extra = ''
          SUBSYSTEM=="net", NAME="quay0"
        '';
        passAsFile = [ "extra" ];
      }
      ''
        mkdir -p $out
        shopt -s nullglob
        for i in $udevPackages; do
          echo "Adding rules for package $i"
          for j in $i/{etc,lib,var/lib}/udev/rules.d/*; do
            echo "Copying $j to $out/$(basename $j)"
            cat $j > $out/$(basename $j)
          done
        done
        cp $extraPath $out/99-local.rules
        # Programs with no path of their own, and those of other distributions.
        for i in $out/*.rules; do
          substituteInPlace $i --replace-quiet \"/sbin/modprobe \"${packages.systemd}/bin/modprobe \
            --replace-quiet /usr/lib/udev/ ${packages.systemd}/lib/udev/
        done
        import_progs=$(grep 'IMPORT{program}="[^/$]' $out/* | sed -e 's/.*IMPORT{program}="\([^ "]*\)[ "].*/\1/' | uniq) || true
        run_progs=$(grep -v '^[[:space:]]*#' $out/* | grep 'RUN+="[^/$]' | sed -e 's/.*RUN+="\([^ "]*\)[ "].*/\1/' | uniq) || true
        for i in $import_progs $run_progs; do
          echo "FAIL: $i is called without a path" >&2
          exit 1
        done
        fix=$(grep -l -i 'ata_id' $out/* | xargs -r -n 1 basename | tail -n 1)
        test "$fix" = 60-persistent-storage.rules
      '';
  kernelModules =
    lib.runCommandLocal "linux-6.12.41-modules"
      {
        kernel = packages.linux;
        rootModules = [ "loop" ];
      }
      ''
        version=$(cd $kernel/lib/modules && ls -d *)
        for module in $rootModules; do
          file=$(find $kernel/lib/modules -type f -name "$module.ko" -not -name '*.xz' -print)
          target=$out/''${file#$kernel/}
          mkdir -p "$(dirname "$target")"
          cp --no-preserve=mode $file $target
        done
        grep -h '^kernel/' $kernel/lib/modules/$version/modules.dep > $out/lib/modules/$version/modules.dep
      '';
  loginBanner = lib.runCommandLocal "banner" { banner = scripts.login; } ''
    mkdir -p $out
    ln -s $banner $out/banner
    ln -sfn $banner $out/banner
    env -i PATH="$PATH" bash -c 'echo "''${HOME-no home}"' > $out/home
  '';
}
