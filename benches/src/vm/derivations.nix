# What is built in the machines: by a static bash and busybox, so that the closure is two packages.
#
# Counterpart: derivations of a user that need Linux. `turn` makes those of each turn other ones.
{
  bash,
  busybox,
  turn,
  kind,
  count ? 1,
}:
let
  package =
    name: path:
    builtins.path {
      inherit path;
      name = name;
    };
  shell = package "bash-5.2" bash;
  tools = package "busybox-1.35" busybox;
  mk =
    name: text:
    derivation {
      inherit name tools;
      system = builtins.currentSystem;
      builder = "${shell}/bin/bash";
      args = [
        "-euc"
        "${text} # ${turn}"
      ];
      # Configuration, so that the sandbox takes it, too.
      preferLocalBuild = true;
    };
  kinds = {
    trivial = builtins.genList (
      number: mk "trivial-${toString number}" "echo ${toString number} > $out"
    ) count;
    files = [
      (mk "files" ''
        $tools/bin/busybox mkdir $out; text=$($tools/bin/busybox yes 'a line of a file' | $tools/bin/busybox head -c 16000)
        for number in {1..1000}; do echo "$text" > $out/$number; done; echo made
      '')
    ];
    large = [
      (mk "large" "$tools/bin/busybox dd if=/dev/zero of=$out bs=1M count=256; echo made")
    ];
  };
in
kinds.${kind}
