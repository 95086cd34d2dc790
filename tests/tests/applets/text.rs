//! sed, grep, find, xargs.

use super::harness::{Case, case, same};

const TEXT: &str =
    "hello world\nfoo bar\n\nThe quick brown fox\nline five\n  indented\nfoo foo foo\nlast";

fn over(words: &[&str]) -> Case {
    case(words)
        .stdin(TEXT)
        .file("f", TEXT)
        .file("g", "one\ntwo\nthree\n")
}

#[test]
fn sed_scripts() {
    let scripts = [
        "",
        "p",
        "=",
        "d",
        "1d",
        "$d",
        "2,4d",
        "/foo/d",
        "/foo/,/quick/d",
        "0,/foo/d",
        "1,/foo/d",
        "2,1p",
        "3,+2d",
        "2,~4d",
        "1~2d",
        "0~3d",
        "$!d",
        "/foo/!d",
        "1!G;h;$!d",
        "n;d",
        "$!N;P;D",
        "N;N;s/\\n/+/g",
        "s/o/0/",
        "s/o/0/g",
        "s/o/0/2",
        "s/o/0/2g",
        "s/foo/[&]/g",
        "s/\\(f\\)\\(o*\\)/\\2\\1/",
        "s/b*/x/g",
        "s/x*/-/g",
        "s/^/> /",
        "s/$/ </",
        "s,o,/,",
        "s|o|\\||g",
        "s/O/x/I",
        "s/o/x/gI",
        "s/\\w\\+/<&>/g",
        "s/\\bfoo\\b/X/g",
        "s/[aeiou]//g",
        "s/[^a-z ]//g",
        "s/[[:upper:]]/u/g",
        "s/.*/\\U&/",
        "s/\\w*/\\u&/g",
        "s/\\(.\\)\\(.*\\)/\\U\\1\\E\\2/",
        "s/.*/\\L\\u&/",
        "s/hello/a\\nb/",
        "s/hello/a\\tb/",
        "s/o\\|a/_/g",
        "s/fo\\{2\\}/X/",
        "s/o\\?/x/g",
        "y/abc/xyz/",
        "y/ab\\n/xy /",
        "a after",
        "a\\\nafter",
        "a\\after",
        "a\\  keep",
        "i before",
        "i\\\nb1\\\nb2",
        "2c changed",
        "2,4c changed",
        "$!{2,4c changed\n}",
        "/foo/{s/f/F/;p}",
        "q",
        "2q",
        "3q5",
        "2Q",
        "$=",
        "l",
        "l 10",
        "l 1",
        "/foo/w out",
        "s/foo/X/w out",
        "r g",
        "2r g",
        "$r g",
        "R g",
        "W out",
        ":a;s/o/0/;ta",
        ":a;N;$!ba;s/\\n/ /g",
        "/quick/,$d",
        "x;p;x",
        "G",
        "H;$!d;x",
        "g",
        "z",
        "F",
        "s/a/b/;T;s/b/c/",
        "/foo/{n;d}",
        "s/\\x41/x/",
        "s/\\o146/x/",
        "s/\\d102/x/",
        "s/h\\(.\\)l/\\1/p",
        "/^$/d",
        "/^ *$/d",
        "s/\\(foo\\) \\1/two/",
        "1,3{/foo/d}",
        "# comment\np",
        "p;p",
        "{p}",
        "{p;p}",
        "1{;p;}",
        "s/a/b/;;s/c/d/",
        "/x/,/y/p",
        "2,/foo/p",
        "/foo/I,+1p",
        "/FOO/Ip",
        "b end;s/./X/;:end",
        "bend\ns/./X/\n:end",
        "s/o/\\\n/",
        "s/$/\\n/",
        "s/.\\{3\\}/&|/g",
        "s/\\s\\+$//",
        "s/\\./x/",
        "s/^foo\\|^last/X/",
        "s/\\(a\\|ab\\)\\(c\\|bcd\\)*/[\\1\\2]/",
        "N;D",
        "$!N;s/\\n/ /",
        "2!s/o/x/",
        "1d;n;p",
        "v",
        "s/l*/X/2",
        "s/o/x/3p",
        "/foo/=",
        "s/[/]/x/",
        "s/a]/x/",
        "s/[]]/x/",
        // Errors.
        "s/a/b",
        "s/a",
        "k",
        "p x",
        "}",
        "{p",
        "b nowhere",
        "s/a/b/gg",
        "s/a/b/q",
        "s/\\(a/b/",
        "s/a\\)/b/",
        "s/a/\\1/",
        "y/a/bc/",
        "1,p",
        "0p",
        "a",
        ": ",
        "s/[a/b/",
        "s/a\\{1/b/",
        "/foo",
        "3!!p",
        "1,2=x",
        "s/*/x/",
        "s/a**/x/",
        "s/\\(*a\\)/x/",
        "!",
        "5",
        "s/a/b/0",
        "r",
        "y/abc/",
        "s/x/y/pp",
    ];
    let mut cases = Vec::new();
    for script in scripts {
        cases.push(over(&["sed", script]));
        cases.push(over(&["sed", "-n", script]));
        cases.push(over(&["sed", script, "f", "g"]));
    }
    same(cases);
}

#[test]
fn sed_options() {
    let mut cases = Vec::new();
    for script in [
        "s/(f)(o+)/\\2\\1/",
        "s/o+/x/g",
        "s/a|o/_/g",
        "s/o{2}/X/",
        "s/o?/x/g",
        "s/(a|b)*/[&]/g",
        "s/^(.)(.*)$/\\2\\1/",
        "s/\\(/x/",
        "s/()/x/",
        "s/a{,2}/x/g",
        "s/(o)\\1/dup/",
        "s/[[:space:]]+/ /g",
        "/^(foo|last)/d",
        "s/+/x/",
        "s/*a/x/",
        "s/a{1/x/",
        "s/(/x/",
        "s/)/x/",
        "s/a||b/x/",
        "s/^*/x/",
        "s/(^|o)o/<&>/g",
        "s/\\.|$/!/",
    ] {
        cases.push(over(&["sed", "-E", script]));
        cases.push(over(&["sed", "-r", script]));
    }
    cases.extend([
        over(&["sed", "-e", "p", "-e", "s/o/0/"]),
        over(&["sed", "-n", "-e", "2p", "-e", "$p"]),
        over(&["sed", "-nr", "s/(fo+).*/\\1/p"]),
        over(&["sed", "-i", "s/o/0/g", "f"]),
        over(&["sed", "-i", "1d", "f", "g"]),
        over(&["sed", "-i.bak", "s/o/0/g", "f"]),
        over(&["sed", "-ibak-*", "s/o/0/g", "f"]),
        over(&["sed", "--in-place", "-e", "$d", "f"]),
        over(&["sed", "-n", "-i", "p;w out", "f"]),
        over(&["sed", "-i", "2q", "f"]),
        over(&["sed", "-i", "p", "x"]).executable("x", "#!/bin/sh\n"),
        over(&["sed", "-i", "p", "nothing"]),
        over(&["sed", "p", "nothing", "g"]),
        over(&["sed", "-s", "$d", "f", "g"]),
        over(&["sed", "-s", "-n", "1p", "f", "g"]),
        over(&["sed", "-n", "$p", "f", "g"]),
        over(&["sed", "-z", "s/\\n/,/g"]),
        over(&["sed", "-f", "script", "f"]).file(
            "script",
            "# one\ns/o/0/\n/foo/ {\n  p\n}\na\\\n  two\\\n  lines\n",
        ),
        over(&["sed", "-f", "script", "f"]).file("script", "#n\n2p\n"),
        over(&["sed", "-f", "script", "f"]).file("script", "s/a/b\n"),
        over(&["sed", "-f", "nothing", "f"]),
        over(&["sed", "-u", "p"]),
        over(&["sed", "-l", "20", "-n", "l"]),
        over(&["sed", "--quiet", "--regexp-extended", "--expression=/fo+/p"]),
        over(&["sed", "-e", "a\\", "-e", "text", "g"]),
        over(&["sed", "s/x/y/", "-n", "g"]),
        over(&["sed", "$!N;$!D", "g"]),
        over(&["sed", "w /dev/stdout", "g"]),
        case(&["sed", "p"]).stdin("no newline"),
        case(&["sed", "a x"]).stdin("no newline"),
        case(&["sed", "$!d"]).stdin(""),
        case(&["sed", "s/\\x80/x/g"]).stdin(b"a\x80b\xff\n".as_slice()),
        case(&["sed", "-n", "l"]).stdin(b"a\x80b\xff\ttab\\ back\x07\n".as_slice()),
        case(&["sed", "s/./x/g"]).stdin("\u{e4}\u{f6}\n"),
    ]);
    same(cases);
}

#[test]
fn grep_patterns() {
    let mut cases = Vec::new();
    let patterns = [
        "foo",
        "^foo",
        "foo$",
        "o\\+",
        "fo*",
        "[aeiou]",
        "^$",
        "",
        "\\<foo\\>",
        "\\bq",
        "\\(o\\)\\1",
        "a\\|w",
        "fo\\{2\\}",
        "[[:upper:]]",
        ".",
        "x",
        "T.*x",
        "*",
        "\\.",
        "[^a-z ]",
        "o\\?r",
        "hello\nlast",
        "^\\(foo\\|line\\)",
        "\\w\\+ \\w\\+$",
        "\\s",
        "a*b",
    ];
    for pattern in patterns {
        for options in [
            "-n", "-v", "-c", "-o", "-i", "-w", "-x", "-q", "-l", "-E", "-F",
        ] {
            if options == "-E" && pattern.starts_with(['*']) {
                continue;
            }
            cases.push(over(&["grep", options, pattern]));
        }
        cases.push(over(&["grep", pattern, "f", "g"]));
    }
    for pattern in [
        "fo+",
        "(foo|bar)",
        "a|b",
        "o{2}",
        "^(The|last)",
        "(o)\\1",
        "a{1",
        "x{,1}y",
        "()",
        "a||w",
        "[[:digit:]]|q",
        "\\(",
        "(o+)( |$)",
    ] {
        for options in ["-E", "-Eo", "-Ei", "-Ew", "-Ex", "-Ec"] {
            cases.push(over(&["grep", options, pattern]));
        }
    }
    same(cases);
}

#[test]
fn grep_options() {
    let cases = [
        "-l foo f g",
        "-L foo f g",
        "-c o f g",
        "-h o f g",
        "-H o f",
        "-n o f g",
        "-b o f",
        "-m1 o f",
        "-m 2 -A1 o f",
        "-A1 foo f",
        "-B1 foo f",
        "-C1 quick f",
        "-1 quick f",
        "-A 1 -n foo f g",
        "-s foo nothing",
        "foo nothing",
        "foo nothing f",
        "-q foo f",
        "-q foo nothing f",
        "-e foo -e last f",
        "-f g f",
        "-F -f g g",
        "-vc foo f",
        "-oi FOO f",
        "-on o f",
        "-ob o f",
        "-Z -l foo f",
        "-z foo f",
        "-T foo f g",
        "-P \\bfoo\\b f",
        "-Pqe foo f",
        "-Po f(?=oo) f",
        "-Pv ^\\s*$ f",
        "-r one d",
        "-rl one d",
        "-rn one",
        "-R one d",
        "--include=*.c -r one d",
        "--exclude=*.c -r one d",
        "--exclude-dir=sub -r one d",
        "one d",
        "-r one d f",
        "-rh one d",
        "-w foo f",
        "--count o f",
        "--invert-match o f",
        "--color=never o f",
        "-y FOO f",
        "-x foo.bar f",
        "-i -w THE f",
        "-nv o f",
        "-lv foo f g",
        "-c foo nothing",
        "-a b bin",
        "b bin",
        "-c b bin",
        "-I b bin",
        "--binary-files=text b bin",
        "-o foo -C1 f",
        "[a f",
        "\\(a f",
        "-E a) f",
        "-E (a f",
        "-m0 o f",
        "[[:foo:]] f",
        "-A x o f",
        "-m x o f",
        "-",
        "-E a{2,1} f",
        "-e f",
    ];
    same(
        cases
            .iter()
            .map(|line| {
                let mut words = vec!["grep"];
                words.extend(line.split(' '));
                over(&words)
                    .dir("d/sub")
                    .file("d/x.c", "one\ntwo\n")
                    .file("d/y.h", "one\n")
                    .file("d/sub/z.c", "two one\n")
                    .file("bin", "a\0b\nb\n")
                    .link("d/link", "../g")
                    .unordered()
            })
            .collect(),
    );
    same(vec![
        over(&["egrep", "fo+", "f"]),
        over(&["fgrep", "o", "f"]),
    ]);
}

fn tree(words: &[&str]) -> Case {
    case(words)
        .file("a.c", "one\n")
        .file("b.h", "")
        .executable("run", "#!/bin/sh\n")
        .dir("d/e/f")
        .file("d/x.c", "longer text\n")
        .file("d/e/y.C", "y")
        .dir("empty")
        .link("link", "a.c")
        .link("dirlink", "d")
        .link("dangling", "nowhere")
        .unordered()
}

#[test]
fn finds() {
    let lines = [
        "",
        ".",
        "d",
        "d/",
        "a.c d",
        "nothing",
        "nothing d",
        "-name *.c",
        "-iname *.c",
        "-not -name *.c",
        "! -name *.c",
        "-name *.c -o -name *.h",
        "( -name *.c -o -name *.h ) -print",
        "-type f",
        "-type d",
        "-type l",
        "-type f,l",
        "-xtype f",
        "-type f -name *.c -print0",
        "-maxdepth 1",
        "-mindepth 1",
        "-mindepth 2 -maxdepth 2",
        "-depth",
        "-empty",
        "-size 0",
        "-size +0",
        "-size -2c",
        "-size 4c",
        "-perm -u+x -type f",
        "-perm 755",
        "-perm /111 -type f",
        "-path ./d/*",
        "-path ./d -prune -o -print",
        "-name d -prune",
        "-newer a.c -type s",
        "-links 1 -type f",
        "-lname a.*",
        "-regex .*/x.c",
        "-regex .*c",
        "-regextype posix-extended -regex .*/(x|a)\\.c",
        "-L . -type f",
        "-L -type f",
        "-L . -type l",
        "-H dirlink",
        "dirlink",
        "dirlink/",
        "-P dirlink",
        "-printf %p\\n",
        "-printf %f|%h|%P|%H|%d|%y|%l\\n",
        "-type f -printf %s:%m:%f\\n",
        "-name *.c -quit",
        "-type f -delete",
        "-name e -delete",
        "-empty -delete",
        "-exec echo {} ;",
        "-exec echo x{}y {} ;",
        "-name *.h -exec echo {} +",
        "-name *.c -exec true ; -print",
        "-name *.c -exec false ; -print",
        "-exec no-such-program {} ;",
        "-true",
        "-false",
        "-name a.c -a -print -o -name b.h",
        "-name",
        "-maxdepth x",
        "-type",
        "-exec echo",
        "-name *.c -maxdepth 1",
        "( -name x",
        "-name x )",
        "a.c -name x y",
        "-name a* -print , -name b* -print",
        "-executable -type f",
        "-samefile a.c",
        "-path *e*",
        "-name [ab].?",
        "-name .",
        "d -name d",
        "./d/e -name e",
        "-samefile nothing",
        "-ipath ./D",
        "-wholename ./a.c",
        "-follow -type f",
        "-perm zz",
        "d -maxdepth 0",
        "d e -maxdepth 0",
        "-type f -exec grep -l one {} ;",
    ];
    same(
        lines
            .iter()
            .map(|line| {
                let mut words = vec!["find"];
                words.extend(line.split(' ').filter(|it| !it.is_empty()));
                // GNU's order is the directory's, so that which names `+` and -quit see is open.
                tree(&words)
            })
            .filter(|case| {
                !case
                    .argv
                    .iter()
                    .any(|word| *word == "-quit" && case.argv.len() > 5)
            })
            .collect(),
    );
}

#[test]
fn xargs_runs() {
    let input = "a b  c\n'd e' \"f g\" h\\ i\n\nj\n";
    let with = |words: &[&str]| case(words).stdin(input).env("V", "1");
    same(vec![
        with(&["xargs"]),
        with(&["xargs", "echo", "x"]),
        with(&["xargs", "-n", "2"]),
        with(&["xargs", "-n1", "-t"]),
        with(&["xargs", "-L", "1"]),
        with(&["xargs", "-d", "\\n", "-n", "1"]),
        with(&["xargs", "-P", "2", "-n", "1", "echo"]).unordered(),
        with(&["xargs", "-s", "20"]),
        with(&["xargs", "false"]),
        with(&["xargs", "nothing-here"]),
        with(&["xargs", "-n", "0"]),
        case(&["xargs", "-0", "-n", "1", "echo"]).stdin("a b\0c\0"),
        case(&["xargs", "-0", "echo"]).stdin("a\nb\0\0c"),
        case(&["xargs", "-I", "{}", "echo", "<{}>", "{}{}"]).stdin("a b\n  c\n\nd\n"),
        case(&["xargs", "-I%", "echo", "%"]).stdin("x\ny\n"),
        case(&["xargs"]).stdin(""),
        case(&["xargs", "-r", "echo", "x"]).stdin(""),
        case(&["xargs", "-r0", "-P4", "-n1", "echo"])
            .stdin("1\x002\0")
            .unordered(),
        case(&["xargs"]).stdin("it's\n"),
        case(&["xargs", "-a", "list", "cat"])
            .file("list", "x y\n")
            .file("x", "1\n")
            .file("y", "2\n"),
        case(&["xargs", "-a", "nothing"]),
        case(&["xargs", "cat"])
            .stdin("list\n")
            .file("list", "x y\n"),
    ]);
}

#[test]
fn lndir_links() {
    let over = |words: &[&str]| {
        case(words)
            .dir("from/sub/deep")
            .file("from/a", "1")
            .executable("from/sub/x", "2")
            .link("from/l", "a")
            .link("from/sub/up", "..")
            .dir("to/sub")
            .file("to/other", "3")
            .unordered()
    };
    same(vec![
        over(&["lndir", "-silent", "@DIR@/from", "to"]),
        over(&["lndir", "@DIR@/from", "to"]),
        over(&["lndir", "-silent", "@DIR@/from"]),
    ]);
}
