//! Generated scripts against the host's GNU bash (expansions, quoting, patterns, `printf`,
//! arithmetic), and arbitrary bytes against the parsers, which must not panic.

use proptest::prelude::*;
use std::path::Path;
use std::process::{Command, Stdio};

const SHELL: &str = env!("CARGO_BIN_EXE_builder-shell");

/// Standard output and status of a script with arguments.
fn run(shell: &str, script: &str, args: &[&str]) -> (Vec<u8>, Option<i32>) {
    let output = Command::new(shell)
        .args(["-c", script, "sh"])
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("the shell starts");
    (output.stdout, output.status.code())
}

fn agree(script: &str, args: &[&str]) -> Result<(), TestCaseError> {
    if !Path::new("/bin/bash").exists() {
        println!("SKIPPED: no GNU bash at /bin/bash");
        return Ok(());
    }
    let (want, got) = (run("/bin/bash", script, args), run(SHELL, script, args));
    prop_assert_eq!(
        (String::from_utf8_lossy(&got.0), got.1),
        (String::from_utf8_lossy(&want.0), want.1),
        "script {:?} with {:?}",
        script,
        args
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns(pattern in "[ab*?\\[\\]!^\\\\-]{0,7}", text in "[ab\\]\\-!]{0,6}", op in "(#|##|%|%%|/|//)") {
        let slash = if op.starts_with('/') { "/<&>" } else { "" };
        agree(&format!("v=$1 p=$2; case $v in $p) echo y;; *) echo n;; esac; echo \"${{v{op}$p{slash}}}\""), &[&text, &pattern])?;
    }

    #[test]
    fn extended_patterns(kind in "[?*+@!]", one in "[ab]{0,2}", two in "[ab*]{0,2}", text in "[ab]{1,5}") {
        agree(&format!("shopt -s extglob\n[[ $1 == {kind}({one}|{two})b ]]; echo $?; echo \"${{1/{kind}({one}|{two})/X}}\""), &[&text])?;
    }

    #[test]
    fn splitting(value in "[ab :\\t]{0,8}", ifs in "( |:| :|:a|)") {
        agree("IFS=$2; v=$1; printf '%d' $#; set -- x$v$v $v; printf '<%s>' $# \"$@\"", &[&value, &ifs])?;
    }

    #[test]
    fn arithmetic(a in -30i64..30, b in -30i64..30, c in 0i64..9, op in "(\\+|-|\\*|/|%|<<|>>|<|<=|==|!=|&|\\^|\\||&&|,)", op2 in "(\\+|\\*|-|\\*\\*|\\?1:)") {
        agree(&format!("x={a}; echo $((x {op} {b} {op2} {c})) $(( ({a}) {op2} {c} {op} {b} ))"), &[])?;
    }

    #[test]
    fn quoting(text in "[ -~\\n\\t]{0,12}") {
        agree("printf '%q|%s|%b\\n' \"$1\" \"${1@Q}\" \"$1\"; declare -p 1 2>/dev/null; v=$1; declare -p v; eval \"w=${v@Q}\"; [[ $w == \"$v\" ]] && echo same", &[&text])?;
    }

    #[test]
    fn printf_numbers(flags in "[-+ 0#]{0,2}", width in "[0-9]{0,2}", precision in "(|\\.|\\.[0-9])", conversion in "[diuoxXsc]", value in "-?[0-9]{1,6}") {
        agree(&format!("printf '[%{flags}{width}{precision}{conversion}]\\n' {value}"), &[])?;
    }

    #[test]
    fn regular_expressions(expression in "[ab.]{1,2}[*+?]?(\\([ab|]{1,3}\\)[*+]?)?[ab]?\\$?", text in "[abc]{0,7}") {
        agree("[[ $1 =~ $2 ]]; echo $? \"${BASH_REMATCH[0]}\"", &[&text, &expression])?;
    }

    #[test]
    fn syntax_of_regular_expressions(expression in "([ab.^$*+?|(){},1-]|\\[\\^?[]ab-]{1,4}\\]|\\[\\[:(alpha|upper|x):\\]\\]|\\\\[1bBwW<>sq]|\\{[12],?3?\\}){0,6}", text in "[abA \\-\\]]{0,6}", nocase in any::<bool>()) {
        let option = if nocase { "shopt -s nocasematch; " } else { "" };
        agree(&format!("{option}[[ $1 =~ $2 ]]; echo $? \"${{BASH_REMATCH[0]}}\""), &[&text, &expression])?;
    }

    #[test]
    fn regular_expressions_of_utf8(expression in "([aéÉ.]|\\[\\^?[aéß-]{1,3}\\]|\\[\\[:(alpha|upper):\\]\\]|\\\\[bwW])[*?]?[aé]?", text in "[aéÉß ]{0,5}", nocase in any::<bool>()) {
        let option = if nocase { "shopt -s nocasematch; " } else { "" };
        agree(&format!("LC_ALL=C.UTF-8; {option}[[ $1 =~ $2 ]]; echo $? \"${{BASH_REMATCH[0]}}\""), &[&text, &expression])?;
    }

    #[test]
    fn read_splits(line in "[ab: \\\\]{0,9}", ifs in "( |:|: )") {
        agree("IFS=$2 read -r x y <<< \"$1\"; echo \"<$x><$y>\"; IFS=$2 read -ra z <<< \"$1\"; printf '<%s>' \"${z[@]}\"", &[&line, &ifs])?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = builder_shell::check_syntax(&text);
        let _ = builder_shell::pattern_matches(&text, b"some text");
        let _ = builder_shell::regex_find(&text, b"some text");
    }

    #[test]
    fn shell_like_text_is_read_without_panic(text in "[ -~]{0,10}([$({`'\"\\\\<>|&;)}\\n!\\[\\]=#*]|if |then |fi|case |in |esac|do |done|<<E\n|\\$\\(\\(|\\$\\{|a=\\(|function ){0,14}") {
        let _ = builder_shell::check_syntax(text.as_bytes());
    }
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    for (open, close) in [
        ("(", ")"),
        ("$(", ")"),
        ("{ ", "}"),
        ("${x:-", "}"),
        ("$((", "))"),
        ("\"$(", ")\""),
        ("if ", ""),
        ("[[ ( ", ""),
        ("`", ""),
    ] {
        let text = format!("echo {}x{}", open.repeat(20_000), close.repeat(20_000));
        let _ = builder_shell::check_syntax(text.as_bytes());
    }
    let parens = format!("{}x{}", "( ".repeat(20_000), ")".repeat(20_000));
    let error = builder_shell::check_syntax(parens.as_bytes()).expect_err("too deep");
    assert!(error.contains("nesting"), "{error}");
}

#[test]
fn hostile_scripts_end_with_an_error() {
    for script in [
        "f() { f; }; f",
        "f() { $(f); }; f; exit 1",
        "echo {1..1000000000}",
        "echo {a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
        "x=x+1; echo $((x)); a=b b=a; echo $((a)); exit 1",
        "f() { eval f; }; f",
        "printf -v x '%1000000000s' a; exit 1",
    ] {
        let (_, status) = run(SHELL, script, &[]);
        assert!(status.is_some_and(|s| s != 0), "{script}: {status:?}");
    }
}

/// Changes of what programs get, in a word each: a name's number, another's, and a kind.
fn change(kind: u8, one: u8, two: u8, inner: &str) -> String {
    match kind {
        0..=3 => format!("export n{one}={two}"),
        4 => format!("n{one}=x"),
        5 => format!("unset n{one} n{two}; export n{one}"),
        6 => format!("declare +x n{one}"),
        7 => format!("cd {}", if one > 15 { "/" } else { "/usr" }),
        8 => "/bin/true".to_owned(),
        9 => format!("t{one}=1 t{two}=2 t3=3 env"),
        10 => format!("t{one}=4 t{two}=5 env | cat"),
        11 => format!("env n{one}=1 -u n{two} n{two}=3 env"),
        12 => format!("( {inner}; env; : )"),
        13 => format!("echo $({inner}; env; :)"),
        14 => format!(
            "f{one}() {{ local n{one}=1; {inner}; local -x n{two}=2 l{one} m{two}; local -x n5=3; env; }}; f{one}"
        ),
        15 => format!("f() {{ local a b c n{one}; {inner}; env; }}; t{one}=1 t{two}=2 f"),
        16 => format!("t{one}=1 eval '{inner}; env'"),
        17 => format!("g{one}() {{ :; }}; export -f g{one}; unset -f g{two}"),
        _ => format!("set -a; n{one}=8; set +a"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_environment_and_its_order(changes in proptest::collection::vec((0u8..19, 0u8..40, 0u8..40, 0u8..9), 1..16)) {
        let mut script = String::new();
        for (kind, one, two, inner) in changes {
            let inner = change(inner, two, one, ":");
            script += &format!("{}\n", change(kind, one, two, &inner));
        }
        // The text of functions is another matter.
        agree(&format!("x() {{ {script}\nenv; :; }}; x | grep -v '^[ }}]' | sed 's/() {{.*//'\nenv | cut -d= -f1 | grep -v '^[ }}]'"), &[])?;
    }
}
