//! Generated words: what the shell itself makes of parameters, quotes, braces, numbers and names.

use proptest::prelude::*;
use proptest::sample::select;

use super::{agree, quoted};

/// Prints words so that their borders show.
const PRINT: &str = "w() { printf '<%s>' \"$#\" \"$@\"; echo; }";

/// A value of a variable, as a word of shell code.
fn value() -> impl Strategy<Value = String> {
    "[ab/. *?'\"\\\\A1-]{0,7}|a b  c|[a-c]{1,3}/[a-c.]{0,4}".prop_map(|text| quoted(&text))
}

/// A small word in a place where parts of it may be patterns.
fn part() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "$v",
        "\"$v\"",
        "'*'",
        "\\*",
        "${w}",
        "$(echo b)",
        "[!a]",
        "[a-b]",
        "\"a b\"",
        "a b",
    ])
    .prop_map(str::to_owned);
    prop_oneof![2 => "[ab*?/.]{0,3}", 1 => odd]
}

/// An expansion with one operator.
fn operation(name: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> {
    let with_word = (
        name.clone(),
        select(vec![
            ":-", "-", ":+", "+", ":=", "=", "#", "##", "%", "%%", "^", "^^", ",", ",,", ":?",
        ]),
        part(),
    )
        .prop_map(|(name, op, word)| format!("${{{name}{op}{word}}}"));
    let replace = (
        name.clone(),
        select(vec!["/", "//", "/#", "/%"]),
        part(),
        select(vec!["/x", "", "/", "/&&", "/$w", "/\\&", "/'q'"]),
    )
        .prop_map(|(name, op, pattern, with)| format!("${{{name}{op}{pattern}{with}}}"));
    let slice =
        (name.clone(), -5i32..6, -3i32..6, any::<bool>()).prop_map(|(name, from, length, both)| {
            if both {
                format!("${{{name}: {from}:{length}}}")
            } else {
                format!("${{{name}:({from})}}")
            }
        });
    let letter = (
        name.clone(),
        select(vec!["Q", "U", "u", "L", "E", "a", "A", "K", "k", "P"]),
    )
        .prop_map(|(name, letter)| format!("${{{name}@{letter}}}"));
    let plain = name.prop_map(|name| format!("${{{name}}}"));
    prop_oneof![4 => with_word, 3 => replace, 2 => slice, 1 => letter, 1 => plain]
}

/// How an expansion stands in a command.
const PLACES: &[&str] = &[
    "w §",
    "w \"§\"",
    "w x§y",
    "w \"x§\"§",
    "z=§; w \"$z\"",
    "w \"${u-§}\"",
    "w ${u-§}",
    "w ${u:+§} \"${v:+§}\"",
    "case § in a*) echo a;; *) w §;; esac",
    "[[ § == $v ]]; w $?",
    "cat <<E\n@ \"@\"\nE",
    "cat <<< @",
    "z=(@); w \"${z[@]}\" \"${#z[@]}\"",
    "eval \"w \"@",
    "for z in @; do w \"$z\"; done",
];

fn placed(expansions: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (select(PLACES), expansions).prop_map(|(place, text)| place.replace('§', &text))
}

#[test]
fn expansions() {
    let name = select(vec!["v", "w", "u", "e", "1", "2"]).prop_map(str::to_owned);
    let ifs = select(vec!["", "", "IFS=:; ", "IFS=; ", "IFS=' a'; "]);
    let lines = (value(), value(), ifs, placed(operation(name))).prop_map(|(v, w, ifs, code)| {
        format!("v={v} w={w} e=; unset u; set -- {w} {v}; {ifs}{code}")
    });
    agree(PRINT, 0, &lines);
}

#[test]
fn expansions_of_lists() {
    let name =
        select(vec!["a[@]", "a[*]", "@", "*", "a[1]", "m[k y]", "a[-1]"]).prop_map(str::to_owned);
    let count = select(vec![
        "${#a[@]}",
        "${!a[@]}",
        "${#@}",
        "${!r}",
        "${!r-x}",
        "${#m[k y]}",
    ])
    .prop_map(str::to_owned);
    // Not an empty `IFS`: there bash lets its own marks through.
    let ifs = select(vec!["", "", "IFS=:; ", "IFS='b '; "]);
    let words = prop_oneof![6 => operation(name), 1 => count];
    let lines = (value(), value(), ifs, placed(words)).prop_map(|(v, w, ifs, code)| {
        format!(
            "v={v} w={w} a=({v} [3]={w} x); declare -A m=(['k y']={w}); r=a[@]; unset u; \
             set -- {w} '' {v}; {ifs}{code}"
        )
    });
    agree(PRINT, 0, &lines);
}

#[test]
fn quotes() {
    let piece = prop_oneof![
        "'[ab \\\\\"$`*]{0,4}'",
        "\"([ab '*]|\\\\\\\\|\\\\\\$|\\\\\"|\\\\a|\\$v|\\$\\(echo \"x  y\"\\)|`echo z`){0,4}\"",
        "\\\\[ab \\\\\"'$*\n]",
        "\\$'([ab\"]|\\\\n|\\\\t|\\\\'|\\\\\\\\|\\\\x4[1-9]|\\\\10[1-7]|\\\\c[A-Z]|\\\\e){0,4}'",
        "[ab/=,:{}^%+-]{1,3}",
        "\\$(v|\\{v\\}|\\{v\\}x|\"a b\"|#|\\(\\( 1\\+2 \\)\\))|\\$\\{#v\\}",
        "\\$\\(printf '%s' \"[ab ]{0,3}\"( | tr a b)?\\)",
        "`printf %s \\\\\"[ab ]{0,3}\\\\\"`",
    ];
    let word = prop::collection::vec(piece, 1..5).prop_map(|parts| parts.concat());
    let lines = (
        value(),
        select(vec![
            "w §",
            "w § §",
            "z=§; w \"$z\"",
            "cat <<E\n§\nE",
            "cat <<'E'\n§\nE",
            "w \"${u-§}\"",
            "w ${u-§}",
            "w \"$(w §)\"",
            "z=§; w ${z@Q} \"$(printf %q \"$z\")\"",
            "f() { w §; }; f",
        ]),
        word,
    )
        .prop_filter("a quote that may not close", |(_, place, word)| {
            let text = place.contains("\"${") || place.starts_with("cat");
            !(text && (word.contains('\'') || word.matches('`').count() % 2 == 1))
        })
        .prop_map(|(v, place, word)| format!("v={v}; {}", place.replace('§', &word)));
    agree(PRINT, 0, &lines);
}

#[test]
fn braces() {
    let leaf = prop_oneof![
        4 => "[ab,]{0,3}",
        2 => "\\{-?[0-9]{1,2}\\.\\.-?0?[0-9]{1,2}(\\.\\.-?[0-9])?\\}",
        2 => "\\{[a-e]\\.\\.[a-e](\\.\\.-?[0-3])?\\}",
        1 => "[{},.]{1,3}|\\\\[{,}]|'[{,}]'|\"\\$v\"|\\$\\{v\\}",
    ];
    let tree = leaf.prop_recursive(3, 24, 4, |inner| {
        (prop::collection::vec(inner, 1..4), "[ab]?", "[ab]?")
            .prop_map(|(items, before, after)| format!("{before}{{{}}}{after}", items.join(",")))
    });
    agree(
        PRINT,
        0,
        &tree.prop_map(|word| format!("v='x y'; w {word}")),
    );
}

#[test]
fn numbers() {
    let leaf = select(vec![
        "0",
        "1",
        "2",
        "7",
        "-3",
        "x",
        "y",
        "e",
        "u",
        "010",
        "0x1F",
        "2#101",
        "36#Z",
        "64#_",
        "a[1]",
        "a[x]",
        "$x",
        "${a[0]}",
        "x++",
        "--y",
        "9223372036854775807",
        "'1'",
        "08",
        "z.",
    ])
    .prop_map(str::to_owned);
    let tree = leaf.prop_recursive(4, 20, 3, |inner| {
        let binary = select(vec![
            "+", "-", "*", "/", "%", "&", "|", "^", "&&", "||", "<", "<=", ">", ">=", "==", "!=",
            ",", " - -",
        ]);
        let assign = select(vec!["=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "<<="]);
        let variable = select(vec!["x", "y", "a[2]", "a[y]", "n"]);
        prop_oneof![
            6 => (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("{a}{op}{b}")),
            2 => inner.clone().prop_map(|it| format!("({it})")),
            2 => (select(vec!["!", "~", "-", "+"]), inner.clone())
                .prop_map(|(op, it)| format!("{op} {it}")),
            2 => (variable, assign, inner.clone()).prop_map(|(to, op, it)| format!("{to}{op}{it}")),
            1 => (inner.clone(), 0u32..5).prop_map(|(it, power)| format!("({it})**{power}")),
            1 => (inner.clone(), 0u32..63).prop_map(|(it, by)| format!("({it})<<{by}>>1")),
            1 => (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("{a}?{b}:{c}")),
        ]
    });
    let lines = (select(vec!["$((§))", "$[§]"]), tree).prop_map(|(place, text)| {
        format!(
            "x=5 y=9 e=; a=(4 x 9 {{0..40}}); unset u n; w {}; w $? $x $y \"$n\" \"${{a[@]}}\"; (( {text} )); w $?; let \"k={}\" ; w $? $k",
            place.replace('§', &text),
            text.replace('\'', "")
        )
    });
    agree(PRINT, 0, &lines);
}

#[test]
fn formats() {
    let conversion = prop_oneof![
        5 => "%[-+ #0]{0,2}([0-9]|1[0-2]|\\*)?(\\.([0-9]|\\*)?)?[diouxXscbq]",
        1 => "%[%Q]|\\\\(n|t|x4|101|e|\\\\|\")|[a ]",
    ];
    let format = prop::collection::vec(conversion, 1..4).prop_map(|parts| parts.concat());
    let argument = prop_oneof![
        "-?[0-9]{1,4}",
        "0x[0-9a-f]{1,3}|0[0-7]{1,3}",
        "[ab '\"\\\\]{0,5}",
        "a\\\\(n|t|c|0101|x41)b",
        "[\"'][ab]",
    ]
    .prop_map(|text| quoted(&text));
    let arguments = prop::collection::vec(argument, 0..5);
    let lines = (format, arguments, any::<bool>()).prop_map(|(format, arguments, keep)| {
        let (format, arguments) = (quoted(&format), arguments.join(" "));
        if keep {
            format!("printf -v v -- {format} {arguments}; w $? \"$v\"")
        } else {
            format!("printf -- {format} {arguments}; w $?")
        }
    });
    agree(PRINT, 0, &lines);
}

#[test]
fn splitting_and_read() {
    let text = "[ab: \t\\\\\n]{0,10}".prop_map(|text| quoted(&text));
    let ifs = select(vec![":", " :", "a", "", " \t\n", ": b", "\\\\"]);
    let code = select(vec![
        "w $t",
        "w x$t\"y\"$t",
        "set -- $t; w \"$*\" \"${*:2}\"",
        "read x y <<< \"$t\"; w $? \"$x\" \"$y\"",
        "read -r x <<< \"$t\"; w $? \"$x\"",
        "read -ra x <<< \"$t\"; w \"${x[@]}\"",
        "read -d b -r x y <<< \"$t\"; w $? \"$x\" \"$y\"",
        "read -n 3 x <<< \"$t\"; w $? \"$x\"",
        "while read -r x || [ \"$x\" ]; do w \"$x\"; done <<< \"$t\"",
        "mapfile x <<< \"$t\"; w \"${x[@]}\"",
        "mapfile -t -s 1 -n 2 x < <(echo \"$t\"); w \"${x[@]}\"",
        "mapfile -td b x <<< \"$t\"; w \"${x[@]}\"",
        "for x in $t; do w \"$x\"; done",
        "x=($t); w \"${x[*]}\"",
        "w $(echo \"$t\")",
    ]);
    let lines =
        (text, ifs, code).prop_map(|(text, ifs, code)| format!("t={text}; IFS=$'{ifs}'; {code}"));
    agree(PRINT, 0, &lines);
}
