//! Hostile scripts as builders: each ends with a message that says what it did, within the limits,
//! and leaves nothing in the store.

use super::support::World;

/// Script, and what the message must say.
const SCRIPTS: &[(&str, &str)] = &[
    // Processes.
    ("f() { f | f & wait; }; f", "--max-processes"),
    ("while true; do sleep 1000000 & done", "--max-processes"),
    ("f() { f | cat; }; f", "--max-processes"),
    ("f() { cat <(f); }; f", "--max-processes"),
    ("exec bash $0", "--max-processes"),
    ("coproc cat; read -u ${COPROC[0]} x", "wait for each other"),
    ("kill -9 $$", "137"),
    // Time.
    ("while true; do true; done", "--timeout"),
    ("yes | cat > /dev/null", "--timeout"),
    ("cat /dev/zero > /dev/null", "--timeout"),
    (
        "exec 3<> /tmp/f; while true; do echo a >&3; read -r l < /tmp/f; done",
        "--timeout",
    ),
    // Recursion.
    ("f() { f; }; f", "the stack is used up"),
    ("f() { eval f; }; f", "the stack"),
    ("source $0", "the stack"),
    ("f() { x=$(f); }; f", "the stack is used up"),
    ("x=y y=x; echo $((x))", "recursion level exceeded"),
    ("declare -n a=b b=a; a=1", "circular name reference"),
    ("eval \"$(printf '(%.0s' {1..100000})\"", "nesting deeper"),
    ("eval \"$(printf '$(%.0s' {1..100000})\"", "nesting deeper"),
    (
        "eval \"x='$(printf '{%.0s' {1..10000})'; : $x; false\"",
        "builder",
    ),
    // Expansions.
    ("echo {1..1000000000}", "more elements than fit"),
    ("echo {a,b}{1..20000}{1..20000}", "more elements than fit"),
    ("printf %1000000000d 1", "a field wider than"),
    ("printf -v x %.1000000000d 1", "a field wider than"),
    ("printf '%*s' 9999999999999 x", "a field wider than"),
    ("x=a; while true; do x=$x$x; done", "--max-memory"),
    ("x=a; while true; do x+=$x; done", "--max-memory"),
    (
        "a=(x); while true; do a=(\"${a[@]}\" \"${a[@]}\"); done",
        "--max-memory",
    ),
    ("printf -v x %1000000s; y=${x// /$x}", "--max-memory"),
    ("x=$(cat /dev/zero | tr '\\0' a)", "--max-memory"),
    ("read -r x < /dev/zero", "--timeout"),
    ("mapfile -t a < <(yes)", "--max-memory"),
    (
        "mkdir /tmp/g; cd /tmp/g; mkdir d{1..300}; echo */../*/../*/../*/../*",
        "--max-memory",
    ),
    (
        "x=$(printf '%3000000s' a); export x; cat /dev/null",
        "Argument list too long",
    ),
    (
        "printf -v x %300s; r='( *)*( *)*( *)*\\1\\2\\3b'; [[ $x =~ $r ]]",
        "takes too long",
    ),
    // Files.
    (
        "while true; do exec {fd}<> /tmp/f$((i++)); done",
        "Too many open files",
    ),
    ("while true; do : > /tmp/f$((i++)); done", "--max-files"),
    (
        "printf -v x %0200d 0; while mkdir $x && cd $x; do :; done; cd ..; mkdir $x/$x",
        "too long",
    ),
    ("yes > $out", "--max-output-size"),
    ("yes >> $out", "--max-output-size"),
    (
        "mkdir $out; while true; do cat $out/* > /tmp/x || :; cp /tmp/x $out/$((i++)); echo $i > $out/x$i; done",
        "--max-",
    ),
    ("yes", "--max-build-log-size"),
    ("echo x >> $0; false", "Permission denied"),
    ("rm -rf /nix/store/*; false", "Permission denied"),
    ("chmod -R 777 /nix/store/*; false", "not permitted"),
];

/// Limits that are passed soon.
const LIMITS: &[&str] = &[
    "--max-memory=128M",
    "--max-total-memory=512M",
    "--max-output-size=32M",
    "--max-files=5000",
    "--max-build-log-size=1M",
    "--max-processes=48",
    "--timeout=8",
];

#[test]
fn hostile_scripts_end_in_a_clear_error_and_leave_nothing() {
    let world = World::new();
    let escaped = |script: &str| script.replace("''", "'''").replace("${", "''${");
    let bodies: Vec<String> = SCRIPTS
        .iter()
        .map(|(script, _)| format!("(run \"hostile\" {{}} ''{}\n'')", escaped(script)))
        .collect();
    let derivations = world.derivations(&format!("[ {} ]", bodies.join("\n")));
    assert_eq!(derivations.len(), SCRIPTS.len());
    let before = paths(&world);
    let mut failed = Vec::new();
    for ((script, wanted), derivation) in SCRIPTS.iter().zip(&derivations) {
        let mut arguments = vec!["run"];
        arguments.extend(LIMITS);
        arguments.push(derivation);
        let ran = world.wasibuild(&arguments);
        let message: String = ran.err.chars().take(3000).collect();
        let left = paths(&world);
        let clear = ran.code != 0 && !message.contains("trapped") && ran.err.contains(wanted);
        if !clear || left != before {
            failed.push(format!(
                "#### {script}\nstatus {}, wanted '{wanted}', new paths: {}\n{message}",
                ran.code,
                left != before
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The names in the store: outputs would be among them.
fn paths(world: &World) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(world.root().join("nix/store"))
        .expect("a store")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| !name.to_string_lossy().starts_with('.'))
        .collect();
    names.sort();
    names
}
