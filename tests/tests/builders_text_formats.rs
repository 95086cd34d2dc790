//! Configuration formats against jq, PyYAML, Python's tomllib, bash, and statements of ours.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use wasibuild_tests::builder_reference::{
    Attributes, Case, Outcome, Tree, check, hosts, refuse, script,
};

fn attributes(format: &str, value: &Value, options: &Value) -> Attributes {
    let mut attributes = json!({ "name": "file", "format": format, "value": value });
    for (name, option) in options.as_object().expect("options are an object") {
        attributes[name] = option.clone();
    }
    Attributes::structured(attributes)
}

/// Compares what every host writes with a text; `None`: the value must be refused.
fn check_text(format: &str, value: &Value, options: &Value, expected: Option<&str>) {
    for host in hosts() {
        let found = host.run("text", &[], &|_| attributes(format, value, options));
        let text = contents(&found);
        assert!(
            text.as_deref() == expected.map(str::as_bytes) && found.success == expected.is_some(),
            "{format} on the {} of {value}\noptions {options}\nexpected {expected:?}\nfound {:?}\n{}",
            host.name(),
            text.map(|text| String::from_utf8_lossy(&text).into_owned()),
            found.log,
        );
    }
}

fn contents(outcome: &Outcome) -> Option<Vec<u8>> {
    match &outcome.output {
        Some(Tree::File { contents, .. }) => Some(contents.clone()),
        _ => None,
    }
}

/// A Python that has these modules: the first on PATH, or Debian's own.
fn python(modules: &str) -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        Command::new(python)
            .args(["-c", &format!("import {modules}")])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// Asks tests/references/formats.py about many cases at once.
fn ask_python(python: &str, cases: &[(&str, Value, Value)]) -> Vec<Value> {
    let mut command = script(python, "formats.py");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut questions = Vec::new();
    for (format, value, options) in cases {
        let line = json!({ "format": format, "value": value, "options": options });
        writeln!(questions, "{line}").expect("memory can be written");
    }
    let mut stdin = child.stdin.take().expect("it was piped");
    let writer = std::thread::spawn(move || stdin.write_all(&questions));
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "formats.py failed");
    writer
        .join()
        .expect("the writer does not panic")
        .expect("Python reads everything");
    let answers: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("an answer is JSON"))
        .collect();
    assert_eq!(answers.len(), cases.len(), "one answer a case");
    answers
}

/// Strings that formats have rules for, and any others.
fn text() -> impl Strategy<Value = String> {
    const NOTED: &[&str] = &[
        "true",
        "No",
        "on",
        "null",
        "~",
        "",
        "1",
        "-1",
        "+1",
        "0x1f",
        "0o7",
        "017",
        "08",
        "0b1",
        "1_000",
        "1.5",
        ".5",
        "-.5",
        "1.",
        "1e5",
        "1.0e+5",
        ".inf",
        "-.Inf",
        ".nan",
        "1:30",
        "1:60",
        "12:30:45.5",
        "2001-01-01",
        "2001-1-1 1:00:00",
        "2001-01-01T00:00:00Z",
        "2001-01-01 00:00:00 +1:30",
        "<<",
        "=",
        "-",
        "--",
        "- a",
        "?",
        "? a",
        ":",
        "a:",
        "a: b",
        "a:b",
        "#",
        "a #b",
        "a#b",
        "---",
        "--- a",
        "...",
        "!a",
        "&a",
        "*a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "[a",
        "]",
        "{",
        "}",
        ",",
        "'",
        "it's",
        "\"q\"",
        "\\",
        "a\nb",
        "\n",
        "a\n",
        "\na",
        "a\n\nb",
        "a \nb",
        "a\n b",
        " a",
        "a ",
        "a\tb",
        "\ta",
        "\r",
        "a\r\nb",
        "\u{0}",
        "\u{7}",
        "\u{1b}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}b",
        "\u{2029}",
        "\u{feff}",
        "\u{fffd}",
        "\u{ffff}",
        "é",
        "😀",
        "key = value",
        "$x `y`",
        "[section]",
    ];
    prop_oneof![
        3 => prop::sample::select(NOTED).prop_map(str::to_owned),
        2 => "[a-z][a-z0-9_.-]{0,8}",
        2 => "[ab '\"\\\\:#\n,?\\[\\]{}\t=-]{0,12}",
        1 => "([a-zé]{1,9} {1,2}){10,30}[a-z]",
        1 => "([a-z'\"\t]{1,9} ){10,30}[a-z]",
        1 => "[a-z]{118,130}",
        1 => any::<String>(),
    ]
}

fn atom() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => text().prop_map(Value::String),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => (-1000..1000i32).prop_map(|number| json!(f64::from(number) / 8.0)),
        1 => any::<f64>()
            .prop_filter("JSON has no others", |number| number.is_finite() && *number != 0.0)
            .prop_map(|number| json!(number)),
        1 => Just(Value::Null),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    atom().prop_recursive(5, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The same values at each run.
fn samples<T: std::fmt::Debug>(count: usize, strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    let sample = |_| strategy.new_tree(&mut runner).expect("a value").current();
    (0..count).map(sample).collect()
}

#[test]
fn json_as_jq_prints_it() {
    let structures = json!({
        "empty": [[], {}, ""], "nested": [{ "a": [1, [2, { "b": null }]] }], "t": true, "f": false,
        "é": "😀 / < > & '", "controls": "\u{0}\u{1f}\u{7f}\u{80}\u{2028}\n\r\t\u{8}\u{c}\"\\",
        "numbers": [0, -7, 1.5, -0.125, 9_007_199_254_740_991_i64],
    });
    let mut cases = vec![structures, json!(null), json!("text"), json!([]), json!(3)];
    cases.extend(samples(60, value()).into_iter().map(within_jq_16));
    for case in cases {
        check(&Case {
            module: "text",
            inputs: vec![("value".to_owned(), Tree::file(case.to_string()))],
            attributes: &|_| attributes("json", &case, &json!({})),
            reference: &|places| {
                let mut command = Command::new("bash");
                command.args(["-c", "jq . \"$1\" >\"$2\"", "jq"]);
                command.args([places.input("value"), places.out()]);
                command
            },
        });
    }
}

/// Numbers that jq 1.6 of Debian 12 prints as jq 1.7 and newer do: see the next test.
fn within_jq_16(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(within_jq_16).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, within_jq_16(value)))
            .collect(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => json!(whole % (1 << 53)),
            (None, Some(real)) if real.fract() != 0.0 && (1e-3..1e9).contains(&real.abs()) => {
                json!(real)
            }
            _ => json!(1.25),
        },
        other => other,
    }
}

/// jq 1.7 keeps the digits that Nix wrote, where 1.6 rounded to a double. From jq's manual: the
/// literal is kept, and printed in the form of the General Decimal Arithmetic specification.
#[test]
fn json_keeps_the_digits_of_numbers() {
    for (number, text) in [
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1.0", "1.0"),
        ("100000.0", "100000.0"),
        ("123456789012345.0", "123456789012345.0"),
        ("1e+15", "1E+15"),
        ("1.5e+16", "1.5E+16"),
        ("1.2345678901234568e+16", "12345678901234568"),
        ("1e+30", "1E+30"),
        ("0.0001", "0.0001"),
        ("1e-05", "0.00001"),
        ("1.5e-06", "0.0000015"),
        ("1e-07", "1E-7"),
        ("1.7976931348623157e+308", "1.7976931348623157E+308"),
        ("5e-324", "5E-324"),
        ("-0.25", "-0.25"),
    ] {
        let value: Value = serde_json::from_str(number).expect("a number");
        check_text("json", &value, &json!({}), Some(&format!("{text}\n")));
    }
}

#[test]
fn yaml_as_pyyaml_writes_it() {
    let Some(python) = python("yaml") else {
        println!("SKIPPED: yaml_as_pyyaml_writes_it: no Python has PyYAML (python3-yaml)");
        return;
    };
    let cases: Vec<_> = samples(150, value())
        .into_iter()
        .chain(samples(75, text()).into_iter().map(Value::String))
        .chain(
            samples(75, text())
                .into_iter()
                .map(|key| json!({ key: ["x"] })),
        )
        .map(|value| ("yaml", value, json!({})))
        .collect();
    for ((format, value, options), answer) in cases.iter().zip(ask_python(python, &cases)) {
        check_text(format, value, options, answer.as_str());
    }
}

/// The layout of tomlkit 0.14, recorded, since Debian 12 has an older one with another layout.
#[test]
fn toml_as_tomlkit_lays_it_out() {
    let text = include_str!("../references/toml.json");
    let cases: Vec<Value> = serde_json::from_str(text).expect("the cases are JSON");
    for case in cases {
        check_text("toml", &case["value"], &json!({}), case["text"].as_str());
    }
}

#[test]
fn toml_holds_the_value() {
    let Some(python) = python("tomllib") else {
        println!("SKIPPED: toml_holds_the_value: Python is older than 3.11");
        return;
    };
    let values: Vec<Value> = samples(80, prop::collection::btree_map(text(), value(), 0..6))
        .into_iter()
        .map(|map| without_nulls(Value::Object(map.into_iter().collect())))
        .collect();
    for host in hosts() {
        let mut cases = Vec::new();
        for value in &values {
            let found = host.run("text", &[], &|_| attributes("toml", value, &json!({})));
            let text = contents(&found).unwrap_or_else(|| panic!("{value}: {}", found.log));
            let text = String::from_utf8(text).expect("TOML is UTF-8");
            cases.push(("toml", Value::String(text), json!({})));
        }
        for ((value, answer), (_, text, _)) in
            values.iter().zip(ask_python(python, &cases)).zip(&cases)
        {
            assert_eq!(*value, answer, "tomllib read another value out of {text}");
        }
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Null => json!(0),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        other => other,
    }
}

/// Sections of atoms or lists, now and then of something that must be refused.
fn section() -> impl Strategy<Value = Value> {
    let entry = prop_oneof![
        6 => atom(),
        2 => prop::collection::vec(atom(), 0..3).prop_map(Value::Array),
        1 => Just(json!({})),
    ];
    prop::collection::btree_map(text(), entry, 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

#[test]
fn lines_of_keys_and_values() {
    let python = python("json").expect("Python is installed");
    let options = [
        json!({}),
        json!({ "listsAsDuplicateKeys": true }),
        json!({ "separator": ": ", "listsAsDuplicateKeys": true }),
        json!({ "separator": "a" }),
    ];
    let mut cases = Vec::new();
    for (index, section) in samples(60, section()).into_iter().enumerate() {
        let option = options[index % options.len()].clone();
        let mut indented = option.clone();
        indented["indent"] = json!("\t");
        let sections = json!({ "b [x]": section, "a": {}, "c": { "k": "v" } });
        let both = json!({ "globalSection": section, "sections": sections });
        cases.push(("keyValue", section.clone(), indented));
        cases.push(("ini", sections.clone(), option.clone()));
        cases.push(("iniWithGlobalSection", both, option));
        cases.push(("systemd", sections, json!({})));
    }
    for ((format, value, options), answer) in cases.iter().zip(ask_python(python, &cases)) {
        check_text(format, value, options, answer.as_str());
    }
}

#[test]
fn shell_variables_as_their_statement_says() {
    let python = python("json").expect("Python is installed");
    let item = prop_oneof![
        4 => atom(),
        1 => prop::collection::vec(atom(), 0..4).prop_map(Value::Array),
        1 => prop::collection::vec(prop::collection::vec(atom(), 0..3).prop_map(Value::Array), 0..4)
            .prop_map(Value::Array),
        1 => section(),
    ];
    let name = prop_oneof![9 => "[a-zA-Z_][a-zA-Z0-9_]{0,5}", 1 => text()];
    let variables = prop::collection::btree_map(name, item, 0..4);
    let cases: Vec<_> = samples(120, variables)
        .into_iter()
        .map(|map| {
            let value = Value::Object(map.into_iter().collect());
            ("shellVars", value, json!({}))
        })
        .collect();
    for ((format, value, options), answer) in cases.iter().zip(ask_python(python, &cases)) {
        check_text(format, value, options, answer.as_str());
    }
}

/// What bash reads out of the file is what went in.
#[test]
fn bash_sources_shell_variables() {
    for text in samples(60, text()) {
        if text.contains('\0') {
            continue;
        }
        let value = json!({ "v": text, "list": ["x", text], "set": { "k y": text } });
        for host in hosts() {
            let found = host.run("text", &[], &|_| {
                attributes("shellVars", &value, &json!({}))
            });
            let file = contents(&found).unwrap_or_else(|| panic!("{value}: {}", found.log));
            let mut source = file.clone();
            source.extend_from_slice(b"\nprintf '%s\\0' \"$v\" \"${list[1]}\" \"${set[k y]}\"");
            let output = Command::new("bash")
                .arg("-c")
                .arg(std::ffi::OsString::from(
                    String::from_utf8(source).expect("UTF-8"),
                ))
                .output()
                .expect("bash starts");
            let expected = format!("{text}\0{text}\0{text}\0");
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                expected,
                "bash read something else from {:?}",
                String::from_utf8_lossy(&file)
            );
        }
    }
}

#[test]
fn bad_values_are_refused() {
    let bad = |format: &str, value: Value, options: Value, messages: &[&str]| {
        refuse(
            "text",
            &[],
            &|_| attributes(format, &value, &options),
            messages,
        );
    };
    bad(
        "xml",
        json!({}),
        json!({}),
        &["`format`", "`xml` is not known", "json, yaml, toml"],
    );
    bad(
        "toml",
        json!([]),
        json!({}),
        &["`value`", "an attribute set", "found a list"],
    );
    bad(
        "toml",
        json!({ "a": { "b": [1, null] } }),
        json!({}),
        &["`value.a.b`", "null, which TOML does not have"],
    );
    bad(
        "ini",
        json!({ "s": 1 }),
        json!({}),
        &["`value.s`: expected an attribute set"],
    );
    bad(
        "ini",
        json!({ "s": { "k": [1] } }),
        json!({}),
        &["`value.s.k`", "listsAsDuplicateKeys"],
    );
    bad(
        "keyValue",
        json!({}),
        json!({ "separator": "" }),
        &["`separator`", "empty"],
    );
    bad(
        "json",
        json!({}),
        json!({ "separator": ":" }),
        &["`format` and `separator` contradict"],
    );
    bad(
        "ini",
        json!({}),
        json!({ "indent": " " }),
        &["`format` and `indent` contradict"],
    );
    bad(
        "iniWithGlobalSection",
        json!({ "section": {} }),
        json!({}),
        &["`value.section`", "`globalSection` and `sections`"],
    );
    bad(
        "shellVars",
        json!({ "a-b": 1 }),
        json!({}),
        &["`value.a-b`", "not a valid shell variable name"],
    );
    refuse(
        "text",
        &[],
        &|_| Attributes::structured(json!({ "name": "n", "format": "json" })),
        &["`value` is missing"],
    );
    refuse(
        "text",
        &[],
        &|_| {
            Attributes::Plain(vec![
                ("name".to_owned(), b"n".to_vec()),
                ("format".to_owned(), b"json".to_vec()),
                ("value".to_owned(), b"{".to_vec()),
            ])
        },
        &["`value`: expected JSON text"],
    );
}
