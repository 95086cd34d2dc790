//! The text builder against GNU bash and coreutils: contents, place and mode of the file.

use proptest::prelude::*;
use serde_json::json;
use wasibuild_tests::builder_reference::{
    Attributes, Case, Host, Outcome, Places, Tree, check, hosts, refuse, script,
};

/// One call of `writeTextFile`, by structured attributes and by the environment.
fn check_text(text: &[u8], destination: &str, executable: bool) {
    let module = if executable {
        "text-executable"
    } else {
        "text"
    };
    let flag = if executable { "1" } else { "" };
    let reference = |places: &Places| {
        use std::os::unix::ffi::OsStrExt;
        let mut command = script("bash", "text.sh");
        command.args([places.out().as_str(), destination, flag, "text"]);
        command.arg(std::ffi::OsStr::from_bytes(text));
        command
    };
    check(&Case {
        module,
        inputs: Vec::new(),
        attributes: &|_| {
            Attributes::Plain(vec![
                ("name".to_owned(), b"hello".to_vec()),
                ("text".to_owned(), text.to_vec()),
                ("destination".to_owned(), destination.into()),
                ("executable".to_owned(), flag.into()),
            ])
        },
        reference: &reference,
    });
    let Ok(utf8) = std::str::from_utf8(text) else {
        return;
    };
    check(&Case {
        module,
        inputs: Vec::new(),
        attributes: &|_| {
            Attributes::structured(json!({
                "name": "hello", "text": utf8, "destination": destination, "executable": executable,
            }))
        },
        reference: &reference,
    });
}

#[test]
fn a_text_is_written_as_it_is() {
    for text in ["", "hello\n", "no newline", "é😀", "a\r\n\t'\"\\$x `y`"] {
        check_text(text.as_bytes(), "", false);
    }
    check_text(b"\xff\xfe not UTF-8", "", false);
}

#[test]
fn a_destination_is_a_place_below_the_output() {
    for destination in [
        "/bin/hello",
        "/a/b/c/d.txt",
        "//x",
        "/a//b",
        "/with blank/é",
    ] {
        check_text(b"hello\n", destination, false);
    }
}

#[test]
fn an_executable_file_has_its_bit() {
    check_text(b"#!/bin/sh\n", "", true);
    check_text(b"#!/bin/sh\n", "/bin/hello", true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_text_anywhere(
        text in prop::collection::vec(1u8.., 0..200),
        parts in prop::collection::vec("[a-z.]{0,3}[a-z]", 0..4),
        executable: bool,
    ) {
        let destination: String = parts.iter().map(|part| format!("/{part}")).collect();
        check_text(&text, &destination, executable);
    }

    #[test]
    fn files_one_after_the_other(
        files in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..5),
        destination in prop::sample::select(vec!["", "/x", "/y/z"]),
    ) {
        let inputs: Vec<_> = files
            .iter()
            .enumerate()
            .map(|(index, contents)| (format!("file-{index}"), Tree::file(contents)))
            .collect();
        let paths = |places: &Places| -> Vec<String> {
            inputs.iter().map(|(name, _)| places.input(name)).collect()
        };
        check(&Case {
            module: "text",
            inputs: inputs.clone(),
            attributes: &|places| {
                let files = paths(places);
                Attributes::structured(json!({
                    "name": "all", "files": files, "destination": destination,
                }))
            },
            reference: &|places| {
                let mut command = script("bash", "text.sh");
                command.args([places.out().as_str(), destination, "", "files"]);
                command.args(paths(places));
                if inputs.is_empty() {
                    command.arg("/dev/null");
                }
                command
            },
        });
    }
}

#[test]
fn a_file_that_is_missing_fails() {
    check(&Case {
        module: "text",
        inputs: vec![("there".to_owned(), Tree::file("x"))],
        attributes: &|places| {
            let files = [places.input("there"), places.input("absent")];
            Attributes::structured(json!({ "name": "all", "files": files }))
        },
        reference: &|places| {
            let mut command = script("bash", "text.sh");
            command.args([places.out().as_str(), "", "", "files"]);
            command.args([places.input("there"), places.input("absent")]);
            command
        },
    });
}

#[test]
fn pass_as_file_gives_the_text() {
    let inputs = [("attr".to_owned(), Tree::file(b"from \xff file"))];
    check(&Case {
        module: "text",
        inputs: inputs.to_vec(),
        attributes: &|places| {
            Attributes::Plain(vec![
                ("name".to_owned(), b"hello".to_vec()),
                ("passAsFile".to_owned(), b"text".to_vec()),
                ("textPath".to_owned(), places.input("attr").into()),
            ])
        },
        reference: &|places| {
            let mut command = std::process::Command::new("cp");
            command.args([places.input("attr"), places.out()]);
            command
        },
    });
}

#[test]
fn bad_attributes_are_refused() {
    let bad = |attributes: serde_json::Value, messages: &[&str]| {
        refuse(
            "text",
            &[],
            &|_| Attributes::structured(attributes.clone()),
            messages,
        );
    };
    bad(json!({ "name": "hello" }), &["hello", "`text` is missing"]);
    bad(
        json!({ "name": "n", "text": "x", "colour": "red", "size": 3 }),
        &["unknown attributes `colour`, `size`", "`destination`"],
    );
    bad(
        json!({ "name": "n", "text": ["x"] }),
        &["`text`: expected a string, found a list"],
    );
    bad(
        json!({ "name": "n", "text": "x", "executable": "yes" }),
        &["`executable`: expected true or false, found the string \"yes\""],
    );
    bad(
        json!({ "name": "n", "text": "x", "files": [] }),
        &["`text` and `files` contradict each other"],
    );
    bad(
        json!({ "name": "n", "files": ["/x", 3] }),
        &["`files[1]`: expected a string, found the number 3"],
    );
    bad(
        json!({ "name": "n", "text": "x", "executable": true }),
        &["`-executable` module"],
    );
    for (destination, message) in [
        ("/../x", "contains `..`"),
        ("/a/../../x", "contains `..`"),
        ("/./x", "contains `.`"),
        ("bin/x", "does not begin with `/`"),
        ("/", "empty path"),
        ("/a/", "ends in `/`"),
        ("/a\0b", "NUL"),
    ] {
        bad(
            json!({ "name": "n", "text": "x", "destination": destination }),
            &["`destination`", message],
        );
    }
}

#[test]
fn a_directory_among_the_files_is_refused() {
    let inputs = [("dir".to_owned(), Tree::directory([]))];
    let attributes = |places: &Places| {
        Attributes::structured(json!({ "name": "n", "files": [places.input("dir")] }))
    };
    let failed = wasibuild_tests::builder_reference::hosts()
        .iter()
        .all(|host| {
            let outcome = host.run("text", &inputs, &attributes);
            !outcome.success && outcome.log.contains("is a directory")
        });
    assert!(failed, "a directory was taken for a file");
}

/// A script with the check that nixpkgs has for shell scripts, by the shell of each host.
fn checked(host: &dyn Host, module: &str, options: &[&str], text: &str) -> Outcome {
    let shell = match host.name() {
        "sandbox" => Tree::file(wasibuild_tests::builder_modules::module("builder-shell")),
        _ => Tree::File {
            executable: true,
            contents: b"#!/bin/bash\nexec /bin/bash \"$@\"\n".to_vec(),
        },
    };
    host.run(module, &[("shell".to_owned(), shell)], &|places| {
        let words = std::iter::once(places.input("shell"))
            .chain(options.iter().map(|word| (*word).to_owned()));
        Attributes::structured(json!({
            "name": "script", "text": text, "executable": module == "text-executable",
            "destination": "/bin/script", "check": words.collect::<Vec<_>>(),
        }))
    })
}

#[test]
fn a_script_with_an_error_in_its_syntax_fails_as_bash_says() {
    let dry_run = ["-n", "-O", "extglob"];
    for host in hosts() {
        let good = "#!/bin/bash\ncase $1 in @(a|b)) exit 1 ;; esac\n";
        let found = checked(host.as_ref(), "text-executable", &dry_run, good);
        let expected = Tree::directory([(
            "bin",
            Tree::directory([(
                "script",
                Tree::File {
                    executable: true,
                    contents: good.into(),
                },
            )]),
        )]);
        assert_eq!(found.output, Some(expected), "{}", found.log);

        let bad = "#!/bin/bash\necho hello\nfi\n";
        let found = checked(host.as_ref(), "text-executable", &dry_run, bad);
        assert!(!found.success, "{}: {bad}", host.name());
        for part in [
            "bin/script: line 3: syntax error near unexpected token `fi'",
            "the check of the file failed with status 2: ",
        ] {
            assert!(found.log.contains(part), "{}: {}", host.name(), found.log);
        }
        // Without the option, bash does not know the pattern.
        let found = checked(host.as_ref(), "text-executable", &["-n"], "x=a@(b)\n");
        assert!(!found.success, "{}: {}", host.name(), found.log);
    }
}

#[test]
fn a_check_needs_a_program_and_the_module_that_can_start_it() {
    for host in hosts() {
        let found = checked(host.as_ref(), "text", &[], "");
        let reason = "use the builder's `-executable` module";
        assert!(
            !found.success && found.log.contains(reason),
            "{}",
            found.log
        );
        let found = host.run("text-executable", &[], &|_| {
            Attributes::structured(json!({ "name": "x", "text": "", "check": ["bash"] }))
        });
        let reason = "attribute `check`: `bash` is no absolute path";
        assert!(
            !found.success && found.log.contains(reason),
            "{}",
            found.log
        );
        let missing = "/nix/store/00000000000000000000000000000000-none";
        let found = host.run("text-executable", &[], &|_| {
            Attributes::structured(json!({ "name": "x", "text": "", "check": [missing] }))
        });
        assert!(
            !found.success && found.log.contains("cannot start the check"),
            "{}",
            found.log
        );
    }
}
