//! Generated calls of the programs that build scripts use with a language of their own, and names of
//! files in trees.

use proptest::prelude::*;
use proptest::sample::select;

use super::{agree, quoted};

/// Lines for filters, as the content of `f`.
fn lines(text: &'static str) -> impl Strategy<Value = String> {
    (text, any::<bool>()).prop_map(|(text, ends)| {
        let end = if ends || text.is_empty() { "" } else { "x" };
        format!("printf %s {} > f; ", quoted(&format!("{text}{end}")))
    })
}

#[test]
fn pathnames() {
    let setup = "mkdir -p a/b/c ab/a .d 'x y' A; : > a/x.c; : > a/b/y.c; : > a/b/c/z.h; : > ab/a/x.h;\n\
                 : > .h; : > .d/x.c; : > 'x y/b'; : > b; : > ba; : > A/B; : > '[a]'; : > 'a*'; ln -s a l; ln -s no dead";
    let piece = prop_oneof![
        6 => "[abx*?./]{1,2}",
        2 => "\\[[!^]?[]a-c]{1,2}\\]|\\[\\[:(alpha|upper|punct):\\]\\]|\\[",
        1 => "\\*\\*/?|\\.\\*|\\\\\\*|'\\*'|\"a\\*\"",
        1 => "[?*+@!]\\((a|b|ab|x\\*)(\\|(b|\\.\\*|\\?))?\\)",
        1 => "\\{a,b,l\\}|\\$v",
    ];
    // What is in `/` is the machine's.
    let word = prop::collection::vec(piece, 1..4).prop_map(|parts| {
        let text = parts.concat();
        let text = text.trim_start_matches('/').replace("//", "/");
        text.replace("//", "/")
    });
    let options = "(shopt -s (nullglob|dotglob|globstar|nocaseglob|globskipdots|failglob)\n|set -f\n|GLOBIGNORE='(a\\*|\\*\\.c:b)'\n){0,2}";
    let command = select(vec![
        "printf '<%s>' §",
        "z=§; printf '<%s>' \"$z\" $z",
        "z=(§); printf '<%s>' \"${z[@]}\"",
        "for z in §; do [[ -d $z ]] && echo \"d $z\" || echo \"f $z\"; done",
        "mkdir ../copies; cp -r § ../copies/; mv ../copies .",
        "case a/x.c in §) echo y;; *) echo n;; esac",
        "compgen -G 'x§'",
        "rm -rf -- §",
    ]);
    let cases = (options, command, word).prop_map(|(options, command, word)| {
        format!(
            "v='a*'; shopt -s extglob\n{options}{}",
            command.replace('§', &word)
        )
    });
    // The order of `compgen -G` is that of a directory in bash.
    let cases = cases.prop_map(|code| match code.contains("compgen") {
        true => format!("{{ {code}; }} | sort"),
        false => code,
    });
    agree(setup, 0, &cases);
}

#[test]
fn sort() {
    let options = "(-[nrufbdisMVhc]{1,2} |-k ?[12](\\.[12])?[nrb]?(,[123](\\.[1-3])?[nr]?)? |-t ?[,.a] |-o f ){0,3}";
    let text = lines("([ab.,1-9-]{0,3}[ ,][abAB0-2 ]{0,4}\n){0,7}");
    let cases = (text, options).prop_map(|(text, options)| format!("{text}sort {options}f"));
    agree("", 12, &cases);
}

#[test]
fn grep() {
    let atom = prop_oneof![
        5 => "[ab.]|\\[\\^?[]ab-]{1,2}\\]|\\[\\[:(alpha|digit|space):\\]\\]|\\\\[wW.*]",
        2 => "\\((a|b|ab|a\\|b|a\\*|)\\)",
        1 => "1|\\]",
    ];
    let repeated = (atom, "([*+?]|\\{[012](,[23]?)?\\}|)").prop_map(|(atom, times)| atom + &times);
    // What matches no text is not repeated: grep's own two matchers disagree on that.
    let item = prop_oneof![6 => repeated, 1 => "[$^]|\\\\[bB<>]"];
    let expression = prop::collection::vec(item, 1..4).prop_map(|parts| parts.concat());
    let whole = prop_oneof![
        3 => expression.clone(),
        1 => (expression.clone(), expression).prop_map(|(a, b)| format!("{a}|{b}")),
        1 => "\\(a\\|b\\)[ab]*\\\\1".prop_map(|text| text.to_owned()),
    ];
    let options = "-E (-[oivncwxlLqhHsab]{1,2} |-m ?[12] |-[ABC] ?[01] ){0,2}";
    let text = lines("([abAB 1.-]{0,6}\n){0,6}");
    let cases = (text, options, whole)
        .prop_map(|(text, options, whole)| format!("{text}grep {options}-e {} f", quoted(&whole)));
    agree("", 25, &cases);
}

#[test]
fn sed() {
    let address = "((1|2|\\$|/a/|/b\\*\\$/|/\\^\\$/|\\\\,a,)(,(2|\\$|/b/|\\+1|~3))?!? ?)?";
    let command = prop_oneof![
        3 => "s/(a|b|\\[ab\\]\\*|\\\\\\(a\\*\\\\\\)b|\\^|\\$|\\[\\^a\\])/(x|&&|\\\\1|\\\\n|\\\\U&|)/[gp2]?"
            .prop_filter("a group that is not there", |text| !text.contains("\\1") || text.contains("\\(")),
        1 => "y/ab/b(A|a)/",
        3 => "[pdDgGhHxnNlPq=]",
        1 => "[aic]\\\\\ntext|[aic] text|r g|w g",
        1 => "(b|t|T)e",
    ];
    let line = (address, command).prop_map(|(address, command)| address + &command);
    let script = prop::collection::vec(line, 1..4).prop_map(|lines| {
        let text = lines.join("\n");
        if text.contains("be") || text.contains("te") || text.contains("Te") {
            format!("{text}\n:e")
        } else {
            text
        }
    });
    let options = select(vec!["", "", "-n ", "-s ", "-z ", "-i ", "-i.bak ", "-u "]);
    let extended = "-E '1?s/(\\((a|b)\\)\\+|\\(a\\{1,2\\}\\)|\\(b\\)\\?)/\\[\\\\1\\]/g?' ";
    let text = lines("([ab ]{0,5}\n){0,6}");
    let basic = (text, options, script).prop_map(|(text, options, script)| {
        format!(
            "{text}echo more > g; timeout 5 sed {options}{} f",
            quoted(&script)
        )
    });
    let text = lines("([ab ]{0,5}\n){0,6}");
    let extended = (text, extended).prop_map(|(text, options)| format!("{text}sed {options}f"));
    agree("", 25, &prop_oneof![4 => basic, 1 => extended]);
}

#[test]
fn find() {
    let setup = "mkdir -p a/b/c ab .d; echo x > a/x.c; : > a/b/y.c; : > ab/x.h; chmod +x ab/x.h; ln -s a l; ln -s no dead; echo longer text > a/b/c/B.txt; touch -d @1 a/x.c; touch -d @2 a/b/y.c a/b/c/B.txt; touch -d @1 ab/x.h .d ab a/b/c a/b a .";
    let leaf = select(vec![
        "-name '*.c'",
        "-iname 'b*'",
        "-type f",
        "-type d",
        "-type l",
        "-path '*/b/*'",
        "-empty",
        "-size -2c",
        "-size +4c",
        "-perm -100",
        "-regex '.*[xy]\\.[ch]'",
        "-prune",
        "-print",
        "-print0",
        "-printf '%p %f %d %y %l %s\\n'",
        "-printf '%h|%P|%H\\n'",
        "-newer a/x.c -true",
        "-lname 'a'",
        "-xtype d",
        "-samefile ab/x.h",
        "-exec echo {} ';'",
        "-exec echo a{}b {} +",
        "-quit",
        "-true",
        "-false",
        "-readable",
        "-links 1 -type f",
        "-wholename './a*'",
        "-depth",
        "\\( -name x.c -print , -type f -print \\)",
    ])
    .prop_map(str::to_owned);
    let tree = leaf.prop_recursive(3, 8, 2, |inner| {
        let join = select(vec![" ", " ", " -a ", " -o "]);
        prop_oneof![
            4 => (inner.clone(), join, inner.clone()).prop_map(|(a, join, b)| format!("{a}{join}{b}")),
            1 => inner.clone().prop_map(|it| format!("! {it}")),
            2 => inner.prop_map(|it| format!("\\( {it} \\)")),
        ]
    });
    let start = select(vec![
        ".",
        "a ab",
        "./a",
        "-L .",
        "-H l",
        "l",
        ". -maxdepth 2",
        ". -mindepth 1 -maxdepth 3",
        "a/",
        "no a",
    ]);
    // GNU goes in the order of the directory. What a directory's size is, it does not say.
    let cases = (start, tree)
        .prop_filter("depends on the order or the disk", |(_, tree)| {
            !tree.contains("-quit")
        })
        .prop_map(|(start, tree)| {
            let tree = tree.replace("%s", "%m");
            let sized = tree.replace("-size", "-type f -size");
            format!("find {start} {sized} > ../out; s=$?; tr '\\0' '\\n' < ../out | tr ' ' '\\n' | sort; rm ../out; exit $s")
        });
    agree(setup, 12, &cases);
}
