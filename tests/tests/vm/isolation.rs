//! What a build cannot reach, asserted from inside.

use crate::support::World;

/// A script that says for each line whether it succeeded.
fn tried(world: &World, name: &str, lines: &[&str]) -> Vec<bool> {
    let tests: Vec<String> = lines
        .iter()
        .map(|line| format!("if ( {line} ) ; then echo yes; else echo no; fi >> $out"))
        .collect();
    let body = format!("script \"{name}\" ''\n{}\n''", tests.join("\n"));
    let answers = world.built(name, &body);
    let answers: Vec<bool> = answers.lines().map(|line| line == "yes").collect();
    assert_eq!(answers.len(), lines.len(), "{answers:?}");
    answers
}

#[test]
fn undeclared_paths_rights_of_root_and_the_network_are_out_of_reach() {
    let world = World::shared();
    // In the same store, and no input of anything here.
    let secret = world.build(
        &world.derivations("secret", r#"script "secret" "echo secret > $out""#),
        &[],
    );
    let read_secret = format!("cat {}", secret[0]);
    let forbidden = [
        read_secret.as_str(),
        "echo x > /etc/passwd",
        "echo x > ${coreutils}/bin/new",
        "echo x > ${bash}/bin/bash",
        "mkdir /new",
        "mknod d b 254 0",
        "mount -t tmpfs none /tmp",
        "chmod u+s $out",
        "cat /proc/kcore",
        "echo 1 > /proc/sys/kernel/panic",
        "echo b > /proc/sysrq-trigger",
        "ls /store",
        "ls /builds",
        "ls /sys/kernel",
        "ls /dev/vda",
        "ls /dev/vport*",
        "ls /dev/kvm",
        "cat /proc/1/root/init",
        "cat /proc/2/status",
        "exec 3<>/dev/tcp/10.0.2.2/1",
        "exec 3<>/dev/tcp/10.0.2.3/53",
        "cat /proc/net/dev | { while read l; do case $l in eth*) exit 0;; esac; done; exit 1; }",
        "test $(id -u) = 0",
    ];
    let answers = tried(world, "forbidden", &forbidden);
    for (line, possible) in forbidden.iter().zip(answers) {
        assert!(!possible, "a build can: {line}");
    }
    let allowed = [
        "echo x > /tmp/x",
        "echo x > /build/x",
        "test $(id -u) = 1000",
        "test $(id -g) = 100",
        "test $PWD = /build",
        "test $HOME = /homeless-shelter",
        "test $NIX_BUILD_TOP = /build",
        "test $(uname -n) = localhost",
        "cat /dev/null",
        "head -c 8 /dev/urandom > /dev/null",
        "test -t 1 || true",
        "exec 3<>/dev/shm/x",
        "test $$ -lt 100",
        "test $(ls /nix/store | { n=0; while read l; do n=$((n+1)); done; echo $n; }) = 6",
    ];
    let answers = tried(world, "allowed", &allowed);
    for (line, possible) in allowed.iter().zip(answers) {
        assert!(possible, "a build cannot: {line}");
    }
}

#[test]
fn builds_do_not_see_each_other() {
    let world = World::shared();
    // Both run at once; each leaves a process, a file in the places that all builds have, and looks for
    // the other's.
    let body = r#"map (n: script "neighbour-${toString n}" ''
        echo mine > /tmp/neighbour-${toString n}
        echo mine > /dev/shm/neighbour-${toString n}
        sleep 3 &
        sleep 1
        ls /tmp /dev/shm /nix/store > $out
        for process in /proc/[0-9]*; do cat $process/cmdline >> $out; done
        wait
    '') [ 1 2 ]"#;
    let outputs = world.build(&world.derivations("neighbours", body), &["-j2"]);
    for (own, other, output) in [(1, 2, &outputs[0]), (2, 1, &outputs[1])] {
        let seen = std::fs::read(world.real(output)).expect("a file");
        let seen = String::from_utf8_lossy(&seen);
        let (own, other) = (format!("neighbour-{own}"), format!("neighbour-{other}"));
        // Outputs are printed in the order of their paths, not of the list.
        let (own, other) = if output.ends_with(&own) {
            (own, other)
        } else {
            (other, own)
        };
        assert!(seen.contains(&own), "{seen}");
        assert!(!seen.contains(&other), "{seen}");
    }
}
