//! Generated cases for the utilities that have a language of their own.

use super::harness::{Case, case, compare, refusal, sandboxed};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Cases are run some dozens at a time: one build each.
const CASES: usize = 40;

/// Compares many cases, but for numbers that are refused.
pub fn agree(strategy: impl Strategy<Value = Case>) {
    if sandboxed(&[]).is_none() {
        return;
    }
    // The same cases each time, so that a run can be repeated; `PROPTEST_RNG_SEED` asks for others.
    let rng_seed = match Config::default().rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        fixed => fixed,
    };
    let mut runner = TestRunner::new(Config {
        cases: 6,
        rng_seed,
        max_shrink_iters: 64,
        failure_persistence: None,
        ..Config::default()
    });
    let many = prop::collection::vec(strategy, CASES);
    let result = runner.run(&many, |cases| {
        let found: Vec<String> = compare(&cases)
            .into_iter()
            .filter(|text| !text.contains("depend on the machine"))
            .collect();
        prop_assert!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn words(line: &'static str) -> Vec<String> {
    line.split(' ')
        .filter(|it| !it.is_empty())
        .map(String::from)
        .collect()
}

fn command(line: &str) -> Case {
    let words: Vec<&str> = line.split(' ').filter(|it| !it.is_empty()).collect();
    case(&words)
}

/// One of these command lines, with a text on standard input.
fn over(lines: &'static [&'static str], text: &'static str) -> impl Strategy<Value = Case> {
    (select(lines), text).prop_map(|(line, text)| command(line).stdin(text))
}

#[test]
fn orders_of_sort() {
    let lines = &[
        "sort -V",
        "sort -rV",
        "sort -sV",
        "sort -uV",
        "sort -h",
        "sort -rh",
        "sort -g",
        "sort -M",
        "sort -n",
        "sort -k2V",
        "sort -k1,1h",
        "sort -t. -k2n",
        "sort -df",
        "sort -bi -k2",
    ];
    agree(over(
        lines,
        "([01a.~-]{0,8}\n){0,8}([129.KMGm -]{0,6}\n){0,6}(jan|Feb|x 1)?",
    ));
}

#[test]
fn dumps() {
    let types = "(-t(a|c|[dux](1|2|4|8)?|o[1248]|f[48])z? ){0,3}";
    let options = "(-An|-Ad|-Ax)? (-v)? (-j[0-5]|-N[0-9]{1,2})? (-w(1|2|3|4|8|12|16|24|32))? ";
    let bytes = prop::collection::vec(select(vec![0u8, 97, 98, 255, 127, 10, 200]), 6..70);
    agree(
        (options, types, bytes).prop_map(|(options, types, bytes)| {
            command(&format!("od {options}{types}")).stdin(bytes)
        }),
    );
}

#[test]
fn base64_and_base32() {
    let decode = over(
        &["base64 -d", "base64 -di", "base32 -d", "base32 -di"],
        "[A-Da-b2-7=\n+*]{0,24}",
    );
    let encode = (
        select(vec!["base64", "base64 -w 7", "base32", "base32 -w 0"]),
        prop::collection::vec(any::<u8>(), 0..99),
    );
    let encode = encode.prop_map(|(line, bytes)| command(line).stdin(bytes));
    agree(prop_oneof![decode, encode]);
}

#[test]
fn two_files() {
    let sorted = "(a a?\n){0,2}(a b\n){0,2}(b( [ab])?\n){0,2}(ba\n)?(c [abc]\n){0,2}c?";
    let file = prop_oneof![3 => sorted, 1 => "([abc]{0,2}( [ab])?\n){0,5}[abc]?"];
    let lines = select(vec![
        "join a b",
        "join -a 1 a b",
        "join -a1 -a2 -e X -o auto a b",
        "join -v 2 a b",
        "join -o 0,1.2,2.2 a b",
        "join -1 2 a b",
        "join -j 2 a b",
        "join -i --header a b",
        "join -t b a b",
        "join --check-order a b",
        "join --nocheck-order a b",
        "comm a b",
        "comm -12 a b",
        "comm -3 a b",
        "comm --total a b",
        "comm --check-order a b",
        "comm --nocheck-order a b",
        "paste a b",
        "paste -d , b a b",
        "paste -s a b",
        "paste -d \\0,; a - b -",
        "paste -s -d ab a b",
    ]);
    agree(
        (lines, file.clone(), file)
            .prop_map(|(line, a, b)| command(line).file("a", a).file("b", b).stdin("1\n2\n3")),
    );
}

#[test]
fn expressions() {
    let leaf = select(words(
        "1 2 0 -3 a abc 00 99999999999999999999 .*b \\(b\\) 07 length +",
    ));
    let tree = leaf
        .prop_map(|word| vec![word])
        .prop_recursive(4, 16, 3, |inner| {
            let operators = select(words("+ - * / % | & < <= = != > >= :"));
            let join = |parts: Vec<Vec<String>>| parts.concat();
            prop_oneof![
                (inner.clone(), operators, inner.clone())
                    .prop_map(|(a, op, b)| [a, vec![op], b].concat()),
                inner
                    .clone()
                    .prop_map(|it| [vec!["(".into()], it, vec![")".into()]].concat()),
                (select(words("length +")), inner.clone())
                    .prop_map(move |(op, it)| join(vec![vec![op], it])),
                (select(words("index match")), inner.clone(), inner)
                    .prop_map(move |(op, a, b)| join(vec![vec![op], a, b])),
            ]
        });
    agree(tree.prop_map(|words| {
        let words: Vec<&str> = ["expr"]
            .into_iter()
            .chain(words.iter().map(String::as_str))
            .collect();
        case(&words)
    }));
}

#[test]
fn printf_formats() {
    let part = prop_oneof![
        4 => "%[-+ #0]{0,2}([0-9]|1[0-2]|\\*)?(\\.[0-9]?)?[dioxXuscfeEgG]",
        1 => "%[bq%]|\\\\(n|x4|07|c|q)|[x| ]",
    ];
    let format = prop::collection::vec(part, 1..5).prop_map(|parts| parts.concat());
    let argument = select(words(
        "1 -1 0 abc 3.14159 0x1f 017 1e3 -2.5 100000 \"a 'b 5x 18446744073709551615 a\\tb 0.5 2.5 7",
    ));
    let arguments = prop::collection::vec(argument, 0..5);
    agree((format, arguments).prop_map(|(format, arguments)| {
        let mut words = vec!["printf", &format];
        words.extend(arguments.iter().map(String::as_str));
        case(&words)
    }));
}

#[test]
fn sequences() {
    let number = "-?([0-9]|1[0-9])|-?[0-4]\\.[0-9]{1,2}|\\.5|1e1|5\\.";
    let step = "1|2|-1|\\.5|0\\.1|-0\\.25|3";
    let options = select(vec![
        "", "-w", "-s,", "-f%g", "-f%05.1f", "-fx%.3fy", "-f%e",
    ]);
    agree(
        (options, number, step, number).prop_map(|(options, first, step, last)| {
            command(&format!("seq {options} {first} {step} {last}"))
        }),
    );
}

#[test]
fn dates() {
    let base = select(vec![
        "2020-02-29",
        "1 Jan 2021",
        "Feb 3, 2019",
        "20180506",
        "3/4/2017",
        "2016-12-31 23:59:59",
        "2021-03-04T05:06:07Z",
        "10:11:12 2020-01-01",
        "12 jun 1999 3pm",
    ]);
    let shift = "( [+-][0-9]{1,2} (day|month|hour)s?| (next|last) (week|month|year)| yesterday| 3 weeks ago)?";
    let format = "(%[-_0^#]?(3|10)?[aAbBCdegGhHIjklmMpPsSuUVwWyYZq][ |,]){1,6}";
    agree((base, shift, format).prop_map(|(base, shift, format)| {
        case(&[
            "date",
            "-u",
            "-d",
            &format!("{base}{shift}"),
            &format!("+{format}"),
        ])
    }));
}

#[test]
fn columns() {
    let lines = &[
        "fold -w 5",
        "fold -s -w 6",
        "fold -bw 3",
        "expand",
        "expand -t 3",
        "expand -i",
        "unexpand",
        "unexpand -a",
        "unexpand -t 3",
        "unexpand -t 2,5,11",
        "nl",
        "nl -ba",
        "nl -pba -i3 -nrz",
        "nl -l2 -ba -ha -fa",
        "nl -bpa -w3 -nln -s:",
        "tac",
        "tac -b -s a",
        "tac -s aa",
    ];
    agree(over(
        lines,
        "([a b]{0,9}[\t\u{8}]?[ a]{0,9}\n|\\\\:(\\\\:){0,2}\n|\n){0,7}[a ]{0,5}",
    ));
}

#[test]
fn paragraphs() {
    let options = &[
        "fmt",
        "fmt -w 30",
        "fmt -20",
        "fmt -g 12",
        "fmt -w 25 -g 20",
        "fmt -s -w 15",
        "fmt -u",
        "fmt -u -w 22",
        "fmt -c -w 24",
        "fmt -t -w 24",
        "fmt -p > -w 20",
        "fmt -w 1",
    ];
    agree(over(
        options,
        r#"((> ?)?[ \t]{0,4}([a-z(]{1,7}[.,?!)]{0,2}(  ?|\t)){0,9}[a-z]{0,6}[.)]?\n){0,8}"#,
    ));
    agree(over(
        options,
        r#"((([a-z]{1,9}[.,?!)]{0,2}|[(]?[a-z]{1,4}[)"]?)  ?){1,12}\n){1,9}a?"#,
    ));
}

#[test]
fn parts() {
    let options = "-l[1-5]|-b[1-9]|-C[1-9]|-n[1-9]|-nl/[1-9]|-nr/[1-9]";
    let names = select(vec!["", "-d", "-x", "-a3", "--additional-suffix=.t"]);
    let text = "([ab]{0,6}\n){0,9}[ab]{0,3}";
    agree((options, names, text).prop_map(|(options, names, text)| {
        command(&format!("split {options} {names} f")).file("f", text)
    }));
}

#[test]
fn numbers_with_units() {
    let option = |words: &'static str| select(words.split(' ').collect::<Vec<_>>());
    let options = [
        option("--to=none --to=si --to=iec --to=iec-i"),
        option("--from=none --from=si --from=iec --from=iec-i --from=auto"),
        option("--round=from-zero --round=up --round=down --round=nearest --round=towards-zero"),
        option("-d, --format=%.2f --format=%10f --format=%-8.1f --format=%012.3f --format=%.0f"),
        option("--from-unit=1 --from-unit=512 --from-unit=3 --to-unit=7 --to-unit=1Mi"),
        option("--invalid=warn --invalid=fail --invalid=ignore"),
    ];
    let number = "-?([0-9]|[0-9]{4}|[0-9]{12})(\\.[0-9]{1,3})?(K|Mi|T|Gi)?";
    let numbers = prop::collection::vec(number, 1..5);
    agree((options, numbers).prop_map(|(options, numbers)| {
        let words: Vec<&str> = ["numfmt"].into_iter().chain(options).collect();
        case(&words).stdin(numbers.join("\n"))
    }));
}

#[test]
fn columns_of_names() {
    let options = select(vec!["-C", "-x", "-m", "-CF", "-xb", "-CQ", "-mQ", "-CT5"]);
    let names = prop::collection::btree_set("[a-c ]{1,9}|[x-z]{1,30}", 0..20);
    agree(
        (options, 0..90u8, names).prop_map(|(options, width, names)| {
            let width = width.to_string();
            let case = case(&["ls", options, "-w", &width]);
            names.iter().fold(case, |case, name| case.file(name, ""))
        }),
    );
}

#[test]
fn the_filter_of_refusals_is_needed() {
    // The reason that `agree` passes over is the one of the applet.
    let found = refusal(&case(&["printf", "%.25f", "0.1"]));
    assert!(found.is_none_or(|reason| reason.contains("depend on the machine")));
}
