//! The substitute builder against GNU bash, find and grep.

use proptest::prelude::*;
use serde_json::json;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use wasibuild_tests::builder_reference::{Attributes, Case, Places, Tree, check, refuse, script};

fn source(contents: &[u8]) -> Vec<(String, Tree)> {
    vec![("source".to_owned(), Tree::file(contents))]
}

fn reference(mode: &str, places: &Places, arguments: &[&str]) -> Command {
    let mut command = script("bash", "substitute.sh");
    command.args([mode, &places.input("source"), &places.out()]);
    command.args(arguments);
    command
}

/// `substitute` with these options, and with these attributes for `--subst-var`.
fn check_options(contents: &[u8], options: &[String], variables: &[(&str, &str)]) {
    check(&Case {
        module: "substitute",
        inputs: source(contents),
        attributes: &|places| {
            let mut attributes = serde_json::Map::new();
            attributes.insert("name".to_owned(), json!("result"));
            attributes.insert("src".to_owned(), json!(places.input("source")));
            attributes.insert("substitutions".to_owned(), json!(options));
            for (name, value) in variables {
                attributes.insert((*name).to_owned(), json!(value));
            }
            Attributes::Structured(attributes)
        },
        reference: &|places| {
            let mut command = reference("one", places, &["", "", ""]);
            command.args(options).envs(variables.iter().copied());
            command.env("name", "result");
            command
        },
    });
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn each_option_does_what_its_script_does() {
    let text = b"a @a@ aa @b@ @a@b@ @@ @c @a-b@\n\n";
    let variables = [("a", "A @b@"), ("b", ""), ("c_1", "&\\1 $x 'q' \"")];
    for options in [
        "--replace a x",
        "--replace-warn zzz x",
        "--replace-quiet zzz x",
        "--replace-fail zzz x",
        "--replace-fail aa x",
        "--subst-var a --subst-var b",
        "--subst-var b --subst-var a",
        "--subst-var-by a @a@@a@ --subst-var-by b &",
        "--subst-var-by a-b x",
        "--subst-var-by zzz x",
        "--subst-var-from a c_1 --subst-var-from b a",
        "--subst-var c_1",
        "--subst-var missing",
        "--subst-var-from a missing",
        "--subst-var a-b",
        "--replace a b --replace b c --replace-fail c d",
        "--replace @ % --replace-fail @ x",
        "--replace * x",
        "--replace ? x",
        "--replace [a] x",
    ] {
        // Only what an option names may be there beside the builder's own attributes.
        let named: Vec<_> = variables
            .into_iter()
            .filter(|(name, _)| is_named(options, name))
            .collect();
        check_options(text, &words(options), &named);
    }
    check_options(text, &[], &[]);
    check_options(b"", &words("--replace-fail x y"), &[]);
    check_options(text, &words("--replace-fail  x"), &[]);
    let multiline = ["--replace-fail", "\n\n", "\nend"].map(str::to_owned);
    check_options(text, &multiline, &[]);
}

/// Whether `--subst-var NAME` or `--subst-var-from X NAME` is among the options.
fn is_named(options: &str, name: &str) -> bool {
    let words = words(options);
    words.windows(2).any(|pair| pair == ["--subst-var", name])
        || words
            .windows(3)
            .any(|three| three[0] == "--subst-var-from" && three[2] == name)
}

/// `substituteAll` with these variables.
fn check_all(contents: &[u8], variables: &[(&str, &str)]) {
    check(&Case {
        module: "substitute",
        inputs: source(contents),
        attributes: &|places| {
            let mut attributes = serde_json::Map::new();
            attributes.insert("name".to_owned(), json!("result"));
            attributes.insert("all".to_owned(), json!(true));
            attributes.insert("src".to_owned(), json!(places.input("source")));
            for (name, value) in variables {
                attributes.insert((*name).to_owned(), json!(value));
            }
            Attributes::Structured(attributes)
        },
        reference: &|places| {
            let mut names = vec!["name", "out", "src"];
            names.extend(variables.iter().map(|(name, _)| *name));
            // Only names that begin with a small letter and are names in Bash.
            names.retain(|name| {
                name.starts_with(|first: char| first.is_ascii_lowercase())
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            });
            names.sort_unstable();
            let mut command = reference("all", places, &["", "", ""]);
            command.args(names).envs(variables.iter().copied());
            command.env("name", "result").env("out", places.out());
            command.env("src", places.input("source"));
            command
        },
    });
}

#[test]
fn substitute_all_takes_every_attribute() {
    check_all(
        b"@name@ in @out@ from @src@: @greeting@ @Greeting@ @gree-ting@ @unknown@ @@ @a@",
        &[
            ("greeting", "hello @name@"),
            ("Greeting", "not me"),
            ("gree-ting", "nor me"),
            ("a", "@greeting@"),
        ],
    );
}

#[test]
fn plain_attributes_are_variables_too() {
    let variables: [(&str, &[u8]); 2] = [("byte", b"\xff\xfe"), ("list", b"a b")];
    check(&Case {
        module: "substitute",
        inputs: source(b"\x80@byte@\xff @list@ @NIX_BUILD_CORES@ @name@\n"),
        attributes: &|places| {
            let mut environment = vec![
                ("name".to_owned(), b"result".to_vec()),
                ("all".to_owned(), b"1".to_vec()),
                ("src".to_owned(), places.input("source").into()),
            ];
            for (name, value) in variables {
                environment.push((name.to_owned(), value.to_vec()));
            }
            Attributes::Plain(environment)
        },
        reference: &|places| {
            let mut command = reference("all", places, &["", "", "", "byte", "list", "name"]);
            command.env("name", "result");
            for (name, value) in variables {
                command.env(name, OsStr::from_bytes(value));
            }
            command
        },
    });
}

/// `replaceVars`; `None` keeps a name.
fn check_vars(contents: &[u8], replacements: &[(&str, Option<&str>)]) {
    let mut sorted = replacements.to_vec();
    sorted.sort_unstable();
    sorted.dedup_by_key(|(name, _)| *name);
    check(&Case {
        module: "substitute",
        inputs: source(contents),
        attributes: &|places| {
            let replacements: serde_json::Map<_, _> = sorted
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            Attributes::structured(json!({
                "name": "result", "src": places.input("source"), "replacements": replacements,
            }))
        },
        reference: &|places| {
            let mut command = reference("vars", places, &["", "", ""]);
            for (name, value) in &sorted {
                match value {
                    Some(value) => command.arg(format!("{name}={value}")),
                    None => command.arg(name),
                };
            }
            command
        },
    });
}

#[test]
fn replace_vars_refuses_what_is_left_over() {
    for text in [
        "@a@ @b@",
        "@a@ @b@ @c@",
        "@a@ @b@ @c-d'e@",
        "@a@ @b@ @1@ @@ @ a@ @c\n@",
        "@a@ only",
        "@a@ @b@ @ab@ @ba@",
        "@a@@b@@c@",
        "@a@b@ @b@",
    ] {
        for replacements in [
            [("a", Some("x")), ("b", Some("y"))],
            [("a", None), ("b", Some("y"))],
            [("a", Some("x")), ("b", None)],
            [("a", None), ("b", None)],
            [("a", Some("@c@")), ("b", Some(""))],
        ] {
            check_vars(text.as_bytes(), &replacements);
        }
    }
    check_vars(b"nothing", &[]);
    check_vars(b"@left@", &[]);
}

#[test]
fn a_place_and_a_mode() {
    for (directory, executable) in [("", true), ("bin", true), ("a/b", false), ("/bin/", false)] {
        let module = if executable {
            "substitute-executable"
        } else {
            "substitute"
        };
        check(&Case {
            module,
            inputs: source(b"#!@shell@\n"),
            attributes: &|places| {
                Attributes::structured(json!({
                    "name": "tool", "src": places.input("source"), "dir": directory,
                    "isExecutable": executable,
                    "substitutions": ["--subst-var-by", "shell", "/bin/sh"],
                }))
            },
            reference: &|places| {
                let flag = if executable { "1" } else { "" };
                let mut command = reference("one", places, &[directory, "tool", flag]);
                command.args(["--subst-var-by", "shell", "/bin/sh"]);
                command
            },
        });
    }
}

#[test]
fn directories_are_walked() {
    let script = Tree::File {
        executable: true,
        contents: b"#!@x@".to_vec(),
    };
    let tree = Tree::directory([
        ("top", Tree::file("@x@ @name@")),
        ("empty", Tree::directory([])),
        ("link", Tree::Symlink(b"top".to_vec())),
        (
            "sub",
            Tree::directory([
                ("one", Tree::file("@x@")),
                ("two words", Tree::file("@x@@x@")),
                ("deep", Tree::directory([("script", script)])),
            ]),
        ),
    ]);
    for files in [
        vec!["top"],
        vec!["sub"],
        vec!["top", "sub/deep"],
        vec!["empty"],
        vec!["link"],
        vec!["sub/one", "sub/two words"],
        vec!["."],
        vec!["absent"],
    ] {
        check(&Case {
            module: "substitute",
            inputs: vec![("source".to_owned(), tree.clone())],
            attributes: &|places| {
                Attributes::structured(json!({
                    "name": "result", "src": places.input("source"), "all": true,
                    "files": files, "x": "X",
                }))
            },
            reference: &|places| {
                let mut command = reference("files", places, &files);
                command.args(["--", "name", "x"]);
                command.env("name", "result").env("x", "X");
                command
            },
        });
    }
}

#[test]
fn nul_bytes_pass_through() {
    // Bash cannot hold NUL, so here sed is the reference.
    check(&Case {
        module: "substitute",
        inputs: source(b"\0@a@\0\0x\xff@a@\0"),
        attributes: &|places| {
            Attributes::structured(json!({
                "name": "n", "src": places.input("source"),
                "substitutions": ["--replace-fail", "@a@", "b"],
            }))
        },
        reference: &|places| {
            let mut command = Command::new("bash");
            command.args(["-c", "LC_ALL=C sed 's/@a@/b/g' \"$1\" >\"$2\"", "sed"]);
            command.args([places.input("source"), places.out()]);
            command
        },
    });
}

fn option() -> impl Strategy<Value = Vec<String>> {
    let word = "[ab@*&]{0,3}";
    let name = "[ab_]{0,2}";
    let replace = prop::sample::select(vec![
        "--replace",
        "--replace-warn",
        "--replace-quiet",
        "--replace-fail",
    ]);
    prop_oneof![
        (replace, word, word).prop_map(|(option, from, to)| vec![option.to_owned(), from, to]),
        (name, word).prop_map(|(name, to)| vec!["--subst-var-by".to_owned(), name, to]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_options_on_any_text(
        text in prop::collection::vec(prop::sample::select(b"@@@ab_\n \xff&*".to_vec()), 0..80),
        options in prop::collection::vec(option(), 0..5),
    ) {
        check_options(&text, &options.concat(), &[]);
    }

    #[test]
    fn any_variables_in_any_text(
        text in prop::collection::vec(prop::sample::select(b"@@@@abc_-' ".to_vec()), 0..60),
        replacements in prop::collection::btree_map("[abc_]{1,2}", prop::option::of("[abx@]{0,3}"), 0..4),
    ) {
        let replacements: Vec<_> =
            replacements.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        check_vars(&text, &replacements);
        let variables: Vec<_> = replacements
            .iter()
            .filter_map(|(name, value)| value.map(|value| (*name, value)))
            .collect();
        check_all(&text, &variables);
    }
}

#[test]
fn bad_attributes_are_refused() {
    let inputs = [
        ("source".to_owned(), Tree::file("text")),
        ("folder".to_owned(), Tree::directory([])),
    ];
    let bad = |extra: serde_json::Value, messages: &[&str]| {
        let attributes = |places: &Places| {
            let mut attributes =
                json!({ "name": "result", "src": places.input("source"), "substitutions": [] });
            for (name, value) in extra.as_object().expect("an object") {
                attributes[name] = match value.as_str() {
                    Some("FOLDER") => json!(places.input("folder")),
                    Some("ABSENT") => json!(places.input("absent")),
                    _ => value.clone(),
                };
            }
            Attributes::structured(attributes)
        };
        refuse("substitute", &inputs, &attributes, messages);
    };
    bad(json!({ "src": null }), &["`src` is missing"]);
    bad(json!({ "src": "ABSENT" }), &["absent: cannot read"]);
    bad(
        json!({ "src": "FOLDER" }),
        &["folder is not a file", "`files`"],
    );
    bad(json!({ "surprise": 1 }), &["unknown attribute `surprise`"]);
    bad(
        json!({ "substitutions": ["--replace-some", "a", "b"] }),
        &["invalid option `--replace-some`", "`--replace-fail`"],
    );
    bad(
        json!({ "substitutions": ["--replace", "a"] }),
        &["`--replace` lacks an argument"],
    );
    bad(
        json!({ "substitutions": ["--subst-var"] }),
        &["`--subst-var` lacks an argument"],
    );
    bad(
        json!({ "substitutions": "--replace a b" }),
        &["`substitutions`: expected a list of strings"],
    );
    bad(
        json!({ "substitutions": ["--replace-fail", "zzz", ""] }),
        &["\"zzz\"", "source", "--replace-warn"],
    );
    bad(
        json!({ "replacements": {} }),
        &["`replacements` and `substitutions` contradict"],
    );
    bad(
        json!({ "substitutions": null, "replacements": { "a": 1 } }),
        &["`replacements.a`: expected a string or null, found the number 1"],
    );
    bad(
        json!({ "all": true }),
        &["`all` and `substitutions` contradict"],
    );
    bad(json!({ "dir": "../x" }), &["`dir`", "contains `..`"]);
    bad(
        json!({ "files": ["../source"], "src": "FOLDER" }),
        &["`files`", "contains `..`"],
    );
    bad(
        json!({ "files": ["x"], "dir": "bin", "src": "FOLDER" }),
        &["`files` and `dir` contradict"],
    );
    bad(json!({ "isExecutable": true }), &["`-executable` module"]);
}
