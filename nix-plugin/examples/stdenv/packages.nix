# The packages that a binary cache would give, with the names that nixpkgs gives them. What is in
# them are stand-ins: programs that nobody runs, and files as a machine's configuration links them.
# They are sources, so their store paths are valid on a machine without any cache.
let
  source =
    name: folder:
    builtins.path {
      inherit name;
      path = ./packages + "/${folder}";
    };
in
{
  # What build scripts run: the sandbox knows these packages by their names.
  bash = source "bash-5.2p37" "bash";
  coreutils = source "coreutils-9.7" "coreutils";
  diffutils = source "diffutils-3.12" "diffutils";
  findutils = source "findutils-4.10.0" "findutils";
  gawk = source "gawk-5.3.2" "gawk";
  gnugrep = source "gnugrep-3.11" "gnugrep";
  gnused = source "gnused-4.9" "gnused";
  jq = source "jq-1.7.1" "jq";
  lndir = source "lndir-1.0.5" "lndir";

  # What the machine has: linked and named, never run.
  dbus = source "dbus-1.14.10" "dbus";
  linux = source "linux-6.12.41" "linux";
  nginx = source "nginx-1.28.0" "nginx";
  openssh = source "openssh-10.0p2" "openssh";
  systemd = source "systemd-257.6" "systemd";
  util-linux = source "util-linux-2.41" "util-linux";
}
