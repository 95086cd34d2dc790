//! How deep scripts may nest in the sandbox: depths that real scripts reach work, and beyond what the
//! stack holds there is an error of the shell, never a trap.
//!
//! The kinds are those that `builders/shell/src/stack.rs` was measured with.

use super::support::{Ran, World};

/// A script that nests so deeply.
type Script = fn(usize) -> String;

/// A function that calls itself in this way.
macro_rules! calls {
    ($body:literal) => {
        |depth| {
            format!(
                "f() {{ n=$((n-1)); [ $n -gt 0 ] || return 0; {}; }}; n={depth}; f && printf done\n",
                $body
            )
        }
    };
}

/// Text that nests: an opening, what is inside, a closing.
macro_rules! nests {
    ($before:literal, $open:literal, $inside:literal, $close:literal, $after:literal) => {
        |depth| {
            let (open, close) = ($open.repeat(depth), $close.repeat(depth));
            format!(
                "{}{open}{}{close}{}\nprintf done\n",
                $before, $inside, $after
            )
        }
    };
}

/// Kind, the depth that must work, and the script.
const KINDS: &[(&str, usize, Script)] = &[
    ("a call", 1500, calls!("f")),
    ("if", 800, calls!("if true; then f; fi")),
    (
        "while, case, for",
        300,
        calls!(
            "while true; do case x in x) { if true; then for i in 1; do f; done; fi; };; esac; break; done"
        ),
    ),
    ("a subshell", 800, calls!("(f)")),
    ("a substitution", 700, calls!("x=$(f)")),
    ("defaults", 300, calls!(": \"${zz:-${yy:-$(f)}}\"")),
    ("eval", 600, calls!("eval f")),
    ("eval of eval", 400, calls!("eval 'eval f'")),
    (
        "builtin and command",
        400,
        calls!("builtin eval 'command eval f'"),
    ),
    ("redirections", 800, calls!("{ f 3>&1; } 2>&1 4<<< x")),
    ("locals", 1500, calls!("local a=1 b=2; A=b f \"$@\" x")),
    ("a condition", 500, calls!("[[ x$(f) ]]")),
    (
        "arithmetic with a substitution",
        500,
        calls!("(( x = 1 + $(f; echo 1) ))"),
    ),
    ("an array", 500, calls!("a=([x=0$(f)]=\"$(:)\")")),
    ("text: subshells", 400, nests!("", "( ", "true", " )", "")),
    ("text: groups", 400, nests!("", "{ ", "true", "; }", "")),
    (
        "text: if",
        400,
        nests!("", "if true; then ", "true", "; fi", ""),
    ),
    (
        "text: while",
        400,
        nests!("", "while true; do ", "true", "; break; done", ""),
    ),
    (
        "text: case",
        400,
        nests!("", "case x in x) ", "true", ";; esac", ""),
    ),
    (
        "text: substitutions",
        200,
        nests!(": ", "$(: ", "", ")", ""),
    ),
    (
        "text: quoted substitutions",
        150,
        nests!(": ", "\"$(: ", "", ")\"", ""),
    ),
    ("text: defaults", 400, nests!(": ", "${x:-", "", "}", "")),
    (
        "text: quoted defaults",
        250,
        nests!(": ", "\"${x:-", "", "}\"", ""),
    ),
    (
        "text: functions",
        250,
        nests!("", "f() { ", "true", "; }; f", ""),
    ),
    (
        "text: conditions",
        400,
        nests!("[[ ", "( ", "x", " )", " ]]"),
    ),
    ("text: not", 800, nests!("[[ ", "! ", "x", "", " ]]")),
    ("text: and", 20_000, nests!("[[ ", "x && ", "x", "", " ]]")),
    (
        "text: a list",
        20_000,
        nests!("true", " && true", "", "", ""),
    ),
    (
        "text: elif",
        5000,
        nests!("if false; then :", "; elif false; then :", "", "", "; fi"),
    ),
    ("text: braces", 50, nests!(": ", "{a,", "b", "}", "")),
    (
        "arithmetic: parentheses",
        400,
        nests!(": $((", "(", "1", ")", "))"),
    ),
    ("arithmetic: not", 900, nests!(": $((", "! ", "1", "", "))")),
    (
        "arithmetic: choices",
        400,
        nests!(": $((", "1?", "1", ":1", "))"),
    ),
    (
        "arithmetic: assignments",
        900,
        nests!(": $((", "a=", "1", "", "))"),
    ),
    (
        "arithmetic: powers",
        900,
        nests!(": $((", "1**", "1", "", "))"),
    ),
    (
        "arithmetic: sums",
        15_000,
        nests!(": $((1", "+1", "", "", "))"),
    ),
    (
        "arithmetic: subscripts",
        500,
        nests!(": $((", "a[", "0", "]", "))"),
    ),
    (
        "patterns",
        50,
        nests!("shopt -s extglob\n[[ a == ", "@(", "a", ")", " ]]"),
    ),
    ("test", 150, nests!("[ ", "\\( ", "x", " \\)", " ]")),
    (
        "regular expressions",
        150,
        nests!("r='", "(", "a", ")", "'; [[ a =~ $r ]]"),
    ),
    ("variables", 900, |depth| {
        let chain: String = (0..depth).map(|i| format!("v{i}=v{} ", i + 1)).collect();
        format!("{chain} v{depth}=1; : $((v0)) && printf done\n")
    }),
];

fn run(world: &World, script: &str) -> Ran {
    let file = world.path("script.sh");
    std::fs::write(&file, script).expect("written");
    world.wasibuild(&["sh", file.to_str().expect("text")])
}

#[test]
fn depths_of_real_scripts_work() {
    let world = World::new();
    let mut failed = Vec::new();
    for (kind, depth, script) in KINDS {
        let ran = run(&world, &script(*depth));
        if (ran.code, &*ran.out) != (0, "done") {
            failed.push(format!("{kind}, {depth} deep: {} {}", ran.code, end(&ran)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn what_nests_too_deeply_is_an_error_of_the_shell() {
    let world = World::new();
    let mut failed = Vec::new();
    for (kind, _, script) in KINDS {
        for depth in [2000, 50_000] {
            let ran = run(&world, &script(depth));
            let trapped = ran.err.contains("trap") || !(0..=2).contains(&ran.code);
            if trapped || (ran.code != 0 && ran.err.is_empty() && ran.out.is_empty()) {
                failed.push(format!("{kind}, {depth} deep: {} {}", ran.code, end(&ran)));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The end of the messages: the shell quotes the line, which is long.
fn end(ran: &Ran) -> String {
    let text: Vec<char> = ran.err.chars().rev().take(300).collect();
    text.into_iter().rev().collect()
}
