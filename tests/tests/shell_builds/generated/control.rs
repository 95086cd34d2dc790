//! Generated commands: how lists, conditions, functions and subshells end, under `errexit`,
//! `pipefail` and traps.

use proptest::prelude::*;
use proptest::sample::select;

use super::{agree, quoted};

#[test]
fn errexit() {
    let leaf = select(vec![
        "true",
        "false",
        "e 0",
        "e 1",
        "e 3",
        "! true",
        "! false",
        "(exit 2)",
        "return 4",
        "exit 5",
        "x=$(e 1)",
        "local z=$(e 1)",
        "e $(e 6)",
        "[[ a == b ]]",
        "(( 0 ))",
        "e 1 | cat",
        "e 0 | (cat; e 1)",
        "! e 1 | cat",
        "break",
        "eval 'e 1'",
        "command e 1",
        "shift 9",
        "unset r",
        "trap - ERR",
        "set +e",
        "set -e",
        "test a = b",
        "r=1",
    ])
    .prop_map(str::to_owned);
    let tree = leaf.prop_recursive(4, 16, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            3 => two.clone().prop_map(|(a, b)| format!("{a}\n{b}")),
            2 => (two.clone(), select(vec!["&&", "||"])).prop_map(|((a, b), op)| format!("{{ {a}\n}} {op} {b}")),
            1 => (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("if {a}\nthen {b}\nelse {c}\nfi")),
            1 => two.clone().prop_map(|(a, b)| format!("for i in 1 2; do {{ {a}\n}} || continue\n{b}\ndone")),
            1 => inner.clone().prop_map(|a| format!("while (( ++n < 3 ))\ndo {a}\ndone")),
            1 => inner.clone().prop_map(|a| format!("until {a}\ndo e 7; (( ++n < 3 )) || break\ndone")),
            2 => inner.clone().prop_map(|a| format!("( {a}\n)")),
            1 => inner.clone().prop_map(|a| format!("x=$( {a}\n)")),
            1 => inner.clone().prop_map(|a| format!("! {{ {a}\n}}")),
            1 => inner.clone().prop_map(|a| format!("g() {{ {a}\n}}; g")),
            1 => two.prop_map(|(a, b)| format!("{{ {a}\n}} | {{ cat; {b}\n}}")),
            1 => inner.prop_map(|a| format!("case x in x) {a}\n;; esac")),
        ]
    });
    let options = select(vec![
        "set -e",
        "set -eo pipefail",
        "set -eE",
        "set -eu",
        "shopt -s inherit_errexit; set -e",
        "set -o pipefail",
        "set -eT",
    ]);
    let traps = select(vec![
        "",
        "trap 'echo ERR $?' ERR",
        "trap 'echo EXIT $?' EXIT",
        "trap 'echo ERR $?' ERR; trap 'echo EXIT $?' EXIT",
        "trap 'echo RETURN $?' RETURN",
    ]);
    let cases = (options, traps, tree).prop_map(|(options, traps, tree)| {
        format!("{options}; {traps}\nf() {{ {tree}\necho end $?; }}\nf; echo after $? \"$x\"")
    });
    // For the last command of a subshell bash does not fork, so that it runs an inherited ERR trap
    // less often (docs/shell.md).
    let cases = cases.prop_filter("nested ERR traps", |code| {
        !(code.contains("set -eE") && code.contains("trap 'echo ERR"))
    });
    agree("e() { echo \"e $1\"; return \"$1\"; }", 0, &cases);
}

#[test]
fn redirections_and_substitutions() {
    // Stages of a pipeline run at once: they share no file, and read all that they are given, so
    // that nothing depends on who comes first.
    let filter = select(vec![
        "cat",
        "tr a-z A-Z",
        "sort -r",
        "wc -l",
        "mapfile -t m; echo \"${#m[@]}\"",
        "while read -r l; do echo \"<$l>\"; done",
        "cat <(echo p) -",
        "cat - <(cat f)",
        "{ read x; cat; echo \"[$x]\"; }",
        "( cat; exit 3 )",
        "{ cat >&2; } 2>&1",
        "{ cat <&5; } 5<&0 < f",
        "(cat) | cat",
        "cat /dev/stdin",
        "{ cat; cat <<< here; }",
        "k",
    ])
    .prop_map(str::to_owned);
    let source = select(vec![
        "cat f",
        "echo a",
        "printf 'x\\ny'",
        "cat <&3",
        "echo $(cat f)",
        "cat << E\nhere $(echo sub)\nE",
        "cat <<< word",
        "(echo b; echo c >&2) 2>&1",
        "{ echo d; }",
        "for i in 1 2; do echo $i; done",
        "cat <(echo q) f",
        "k < f",
        "x=$(k < f); echo \"$x\"",
        "false",
    ])
    .prop_map(str::to_owned);
    let pipe = (source, prop::collection::vec(filter, 0..4)).prop_map(|(source, filters)| {
        let mut stages = vec![source];
        stages.extend(filters);
        stages.join(" | ")
    });
    let redirection = select(vec![
        "",
        "> g",
        ">> g",
        "< f",
        "2>&1",
        "2>> g",
        "&> g",
        "<<< word",
        "3< f",
        "4>&1",
        "3<&0 < f",
        "{fd}> g",
        "2>&-",
        "> g 2>&1",
        "2>&1 > g",
        "4>&1 > g",
        ">| h",
        "<> f",
        "5<&3 3<&-",
    ]);
    let tree = (pipe, redirection.clone())
        .prop_map(|(pipe, to)| format!("{{ {pipe}\n}} {to}"))
        .prop_recursive(3, 8, 2, move |inner| {
            let two = (inner.clone(), inner.clone());
            prop_oneof![
                2 => two.clone().prop_map(|(a, b)| format!("{a}\n{b}")),
                2 => (inner.clone(), redirection.clone()).prop_map(|(a, to)| format!("( {a}\n) {to}")),
                1 => inner.clone().prop_map(|a| format!("x=$( {a}\n); echo \"$x\"")),
                1 => inner.clone().prop_map(|a| format!("cat < <( {a}\n)")),
                1 => (inner.clone(), redirection.clone()).prop_map(|(a, to)| format!("j() {{ {a}\n}} {to}; j")),
                1 => inner.clone().prop_map(|a| format!("eval {}", quoted(&a))),
                1 => two.prop_map(|(a, b)| format!("if {a}\nthen {b}\nfi")),
                1 => inner.prop_map(|a| format!("{{ {a}\n}} | cat")),
            ]
        });
    let cases = tree.prop_map(|tree| {
        format!(
            "k() {{ cat; }}; exec 3< f 4> h\n{tree}\necho \"$?\"; cat g 2> /dev/null; echo; cat h"
        )
    });
    agree("printf '3\\n1\\n2\\n' > f", 0, &cases);
}
