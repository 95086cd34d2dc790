//! What command lines of a sourced script did in one build is kept for the next builds of the run: every
//! build must give what GNU bash gives, whatever came before it.
//!
//! Each line of the script depends on something of its own, or leaves something of its own, and is long
//! enough to be kept. The builds differ in what they do before they source it, one in each of these
//! things, in an order in which all of them come after one that differs.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::World;

/// Lines of the script. All of them leave their findings in variables whose names begin with `v_`.
const LINES: &[&str] = &[
    // What is looked at.
    "v_plain=\"<$A>\"",
    "v_default=\"${A-unset}|${A:-empty}\"",
    "v_arith=$((B + 1))",
    "if [[ -v A ]]; then v_isset=yes; else v_isset=no; fi",
    "v_list=(); for w in $A; do v_list+=(\"$w\"); done",
    "name=A; v_indirect=${!name-}",
    "declare -n ref=A; v_nameref=${ref-}; unset -n ref",
    "if declare -F f > /dev/null; then v_function=$(f 1); else v_function=none; fi",
    "v_status=$?:${PIPESTATUS[0]}",
    "v_before=$before",
    "v_arguments=\"$#:${1-}\"",
    "shopt -q extglob && v_extglob=on || v_extglob=off",
    "[[ ABC == abc ]] && v_nocase=same || v_nocase=other",
    "v_flags=$-",
    "v_sum=0; for x in \"${list[@]-}\"; do v_sum+=$x; done",
    "v_keys=; for x in \"${!map[@]}\"; do v_keys+=\"$x=${map[$x]} \"; done",
    "[[ -e $pkg/bin/sed ]] && v_file=there || v_file=gone",
    "[[ -e $pkg/bin/$A ]] && v_other_file=there || v_other_file=gone",
    "[[ -e $hidden ]] && v_hidden=there || v_hidden=gone",
    "[[ -e made ]] && v_made=there || v_made=gone",
    "v_text=; while read -r line; do v_text+=\"$line;\"; done < \"$text\"",
    "v_here=; while read -r line; do v_here+=\"$line;\"; done <<< \"$A\"",
    "v_prefix=${!A*}",
    "v_directory=${PWD##*/}",
    "v_level=$BASH_SUBSHELL:$(echo $BASH_SUBSHELL)",
    "v_exported=$(export -p | grep -c 'declare -x A=' || :)",
    "v_traps=$(trap -p EXIT)",
    "v_random=$((RANDOM >= 0))",
    // What is left.
    "made_by_a_line() { echo \"made by a line\"; }",
    "eval 'by_eval() { echo \"by eval $1\"; }'",
    "unset -f gone; unset -v gone",
    "declare -A v_map=([one]=1 [two]=2 [three]=3)",
    "declare -i v_integer=5; v_integer+=2",
    "declare -r v_readonly=r",
    "export v_in_environment=e",
    "v_array[5]=five; v_array[2]=two",
    "declare -a v_unset_array",
    "f_local() { local v_in=inner; v_outer=$v_in; }; f_local",
    "f_global() { declare -g v_global=g; }; f_global",
    "printf -v v_printed '%q' \"a b\"",
    "shopt -s nullglob",
    "set -- changed \"$@\"",
    "IFS=$IFS",
    "OPTIND=1; while getopts ab: o -a -b x; do v_options+=$o${OPTARG-}; done",
    "trap 'echo \"trap: $v_plain\" >> $out' EXIT",
    "false | true; v_after=\"${PIPESTATUS[*]}\"",
    "source \"$sourced\"",
    "hash -r; PATH=$PATH",
    "echo \"a line wrote: $A\" >> $out",
    "echo \"a line wrote to 8: $A\" >&8",
    "v_program=$(cat \"$text\" | tr a-z A-Z)",
    "v_last=$_; : some arguments last",
    "v_line=$LINENO",
    "true",
];

/// What builds do before: a line of their own, or variables.
const BEFORE: &[&str] = &[
    "",
    "A=x",
    "A=",
    "A='y z'",
    "export A=x",
    "B=41",
    "list=(1 2 3)",
    "declare -A map=([a]=1 [b]=2)",
    "declare -A map=([b]=2 [c]=3)",
    "f() { echo \"one $1\"; }",
    "f() { echo \"two $1\"; }",
    "f() { echo \"one $1\"; }; A=x",
    "shopt -s extglob",
    "shopt -s nocasematch",
    "set +e",
    "set -f",
    "set -- p q",
    "set -- p; A=x",
    "before=7; (exit 3) || :",
    "(exit 3) || before=$?",
    ": > made",
    "mkdir -p sub; cd sub",
    "text=$other",
    "sourced=$other_sourced",
    "pkg=$other_pkg",
    "A=sed",
    "A=sed; pkg=$other_pkg",
    "trap 'echo own >> $out' EXIT",
    "gone=1; gone() { :; }",
    "IFS=:",
    "IFS=:; A=a:b",
    "declare -u A; A=x",
    "declare -i B; B=4",
    "A1=1; A2=2",
    "trap 'debugged+=.' DEBUG",
    "set -T; trap 'debugged+=.' DEBUG",
    "set +e -o pipefail",
    "v_array=(own)",
    "v_integer=9",
    "made_by_a_line() { echo earlier; }",
    "set -u; A=x B=1",
    "exec 7>&1",
    "alias ll=ls",
    SEES,
    "",
    SEES,
];

/// A build that does this has the file `hidden` among its inputs; others know its name only.
const SEES: &str = ": sees";

const SOURCED: [&str; 2] = [
    "v_sourced=first\nfrom_sourced() { echo \"first $v_plain\"; }\n",
    "v_sourced=second\nfrom_sourced() { echo \"second $v_plain\"; }\n",
];
const TEXTS: [&str; 2] = ["one\ntwo\n", "three\nfour\n"];

fn setup() -> String {
    let mut text = String::from("# Long enough to be kept.\n");
    for (number, line) in LINES.iter().enumerate() {
        // Many commands, so that running them takes longer than comparing.
        let many = "for ((n = 0; n < 50; n++)); do :; done";
        // Short lines are always run; this one sets the status that the next finds.
        text.push_str("! [[ -n ${A-} ]]\n");
        match number % 2 {
            0 => text.push_str(&format!("{{ {line}\n{many}; }}\n")),
            _ => text.push_str(&format!("{{ {many}; {line}\n}}\n")),
        }
    }
    text
}

/// The same for all builds: what a line may look at is also which script runs.
const BUILDER: &str = "before=0; list=() A0=0; exec 8>> $out\neval \"$code\"\nsource \"$setup\"\n\
         { for name in ${!v_@}; do declare -p $name; done; echo \"$# $* $- ${debugged-}\"\n\
         shopt -p nullglob extglob || :; made_by_a_line; by_eval 1; from_sourced\n\
         declare -F gone || echo no gone; declare -p gone 2> /dev/null || echo no gone\n\
         declare -f f_local; trap -p EXIT DEBUG; env | grep '^v_'; } >> $out\n";

#[test]
fn builds_of_a_run_agree_with_gnu_bash_whatever_came_before() {
    let world = World::new();
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", text.replace("${", "\\${").replace('\n', "\\n"))
    };
    let file = |name: &str, text: &str| format!("builtins.toFile \"{name}\" {}", quoted(text));
    let mut body = format!(
        "let setup = {}; text = {}; other = {}; sourced = {}; other_sourced = {}; seen = {};\n\
         hidden = builtins.unsafeDiscardStringContext \"${{seen}}\";\n\
         pkg = p.gnused; other_pkg = p.gnugrep;\n\
         common = {{ inherit setup text other sourced other_sourced pkg other_pkg hidden; }}; in [\n",
        file("setup.sh", &setup()),
        file("text", TEXTS[0]),
        file("other", TEXTS[1]),
        file("sourced", SOURCED[0]),
        file("other-sourced", SOURCED[1]),
        file("hidden", "here"),
    );
    // Twice, so that each build also comes after itself and after all others.
    let rounds: Vec<(usize, &str)> = (0..2)
        .flat_map(|round| BEFORE.iter().map(move |before| (round, *before)))
        .collect();
    for (number, (_, before)) in rounds.iter().enumerate() {
        let (code, script) = (quoted(before), quoted(BUILDER));
        let sees = if *before == SEES { "inherit seen;" } else { "" };
        body.push_str(&format!(
            "(run \"build-{number}\" (common // {{ code = {code}; {sees} }}) {script})\n"
        ));
    }
    body.push(']');
    let native = world.path("native");
    fs::create_dir_all(&native).expect("made");
    let write = |name: &str, text: &str| {
        let place = native.join(name);
        fs::write(&place, text).expect("written");
        place
    };
    let files = [
        ("setup", write("setup.sh", &setup())),
        ("text", write("text", TEXTS[0])),
        ("other", write("other", TEXTS[1])),
        ("sourced", write("sourced", SOURCED[0])),
        ("other_sourced", write("other-sourced", SOURCED[1])),
        ("pkg", world.path("packages/gnused-4.2.2")),
        ("other_pkg", world.path("packages/gnugrep-2.25")),
    ];
    let mut natively = Vec::new();
    for (number, (_, before)) in rounds.iter().enumerate() {
        let directory = native.join(format!("{number}/build"));
        fs::create_dir_all(&directory).expect("made");
        let out = native.join(format!("{number}/out"));
        let script = write("builder.sh", BUILDER);
        let hidden = match *before {
            SEES => out.clone(),
            _ => directory.join("none"),
        };
        let status = Command::new("/bin/bash")
            .arg("-e")
            .arg(&script)
            .current_dir(&directory)
            .env_clear()
            .envs(files.iter().map(|(name, place)| (name, place)))
            .env("PATH", "/usr/bin:/bin")
            .env("out", &out)
            .env("code", before)
            .env("hidden", &hidden)
            .output()
            .expect("bash starts");
        assert!(
            status.status.success(),
            "{before}: {status:?}, {:?}",
            fs::read_to_string(&out)
        );
        natively.push(read(&out));
    }

    let derivations = world.derivations(&body);
    assert_eq!(derivations.len(), rounds.len());
    let mut arguments = vec!["run", "-j", "1"];
    arguments.extend(derivations.iter().map(String::as_str));
    let ran = world.wasibuild(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let outputs: Vec<&str> = ran.out.lines().collect();
    assert_eq!(outputs.len(), rounds.len(), "{}", ran.out);

    let mut wrong = String::new();
    for (number, (_, before)) in rounds.iter().enumerate() {
        let theirs = &natively[number];
        let ours = read(&world.real(outputs[number]));
        for (ours, theirs) in ours
            .iter()
            .zip(theirs)
            .filter(|(ours, theirs)| ours != theirs)
        {
            wrong.push_str(&format!(
                "build {number}, {before:?}:\n  {ours}\n  bash: {theirs}\n"
            ));
        }
        if ours.len() != theirs.len() {
            wrong.push_str(&format!("build {number}, {before:?}: other lines\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Lines of a file.
fn read(place: &Path) -> Vec<String> {
    let text = fs::read(place).expect("an output");
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().map(str::to_owned).collect()
}
