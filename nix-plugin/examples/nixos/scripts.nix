# Scripts that units and the activation run: templates in which tools are replaced by store paths.
{
  lib,
  packages,
}:
let
  script =
    name: text:
    lib.substituteAll {
      name = "${name}.sh";
      src = builtins.toFile "${name}.sh.in" ("#!@bash@/bin/bash\nset -euo pipefail\n" + text);
      isExecutable = true;
      inherit (packages) bash coreutils;
    };
  scriptWith =
    name: variables: text:
    lib.substituteAll (
      {
        name = "${name}.sh";
        src = builtins.toFile "${name}.sh.in" ("#!@bash@/bin/bash\nset -euo pipefail\n" + text);
        isExecutable = true;
        inherit (packages) bash coreutils;
      }
      // variables
    );
in
{
  postgresqlSetup = scriptWith "postgresql-setup" { inherit (packages) postgresql; } ''
    @coreutils@/bin/mkdir -p /var/lib/postgresql
    test -e /var/lib/postgresql/PG_VERSION || @postgresql@/bin/postgres --initdb
  '';
  acmeRenew = scriptWith "acme-renew" { email = "hostmaster@example.org"; } ''
    for domain in /var/lib/acme/*; do
      echo "renewing $domain for @email@"
    done
  '';
  rotateLogs = script "rotate-logs" ''
    for log in /var/log/*.log; do
      @coreutils@/bin/cat "$log" > "$log.1" && : > "$log"
    done
  '';
  collectGarbage = script "collect-garbage" ''
    exec nix-collect-garbage --delete-older-than 30d
  '';
  swapFile = script "swap-file" ''
    test -e /swap || @coreutils@/bin/install -m 600 /dev/null /swap
  '';
  machineId = script "machine-id" ''
    test -s /etc/machine-id || @coreutils@/bin/cat /proc/sys/kernel/random/uuid
  '';
  hostKeys = scriptWith "host-keys" { inherit (packages) openssh; } ''
    test -e /etc/ssh/ssh_host_ed25519_key || @openssh@/bin/ssh -Q key
  '';
  firewall = scriptWith "firewall" { ports = "22 80 443 2222"; } ''
    for port in @ports@; do
      echo "allow $port"
    done
  '';
  webCache = scriptWith "web-cache" { inherit (packages) nginx; } ''
    exec @nginx@/bin/nginx -g 'daemon off;'
  '';
  mailRelay = script "mail-relay" ''
    while read -r message; do
      echo "relaying $message"
    done
  '';
}
