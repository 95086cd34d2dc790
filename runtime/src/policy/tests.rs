//! Layers, and that the table, the types and the options agree.

use super::*;

fn load(sources: Sources<'_>) -> Result<Policy, String> {
    Settings::load(sources)
        .map(Policy::from)
        .map_err(|error| error.to_string())
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("wasibuild.toml");
    std::fs::write(&path, text).expect("a file");
    (directory, path)
}

#[test]
fn the_defaults_are_those_of_the_sandbox() {
    // Making it goes through every key with the type that the program reads it by.
    let policy = Policy::default();
    assert_eq!(policy.limits, wasibuild_sandbox::Limits::default());
    assert_eq!(policy.routing.routes, Route::ALL);
    assert!(!policy.prefer_substitutes);
    assert_eq!(policy.substituters, ["https://cache.nixos.org"]);
    assert_eq!(policy.daemon.socket_mode, 0o600);
    assert_eq!(policy.vm.idle.as_secs(), 60);
    assert_eq!(policy.vm.cores, None);
}

#[test]
fn words_of_the_table_are_those_of_the_types() {
    assert_eq!(table::ROUTES, Route::ALL.map(Route::name));
    let attempts = [Attempt::Configuration, Attempt::All, Attempt::None];
    assert_eq!(table::ATTEMPTS, attempts.map(Attempt::name));
    let mut names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KEYS.len(), "a name stands twice");
    for key in KEYS {
        assert!(
            table::TABLES.iter().any(|(table, _)| *table == key.table()),
            "{}",
            key.name
        );
    }
}

#[test]
fn options_come_before_variables_before_the_file() {
    let (_directory, path) = file("cores = 2\nmax-jobs = 3\n[limits]\nmemory = '1G'\nfiles = 5\n");
    let variable = |name: &str| match name {
        "WASIBUILD_MAX_JOBS" => Some("4".into()),
        "WASIBUILD_LIMITS_MEMORY" => Some("3G".into()),
        _ => None,
    };
    let sets = ["limits.memory = 5G".to_owned()];
    let policy = load(Sources {
        named: Some(path.clone()),
        sets: &sets,
        overrides: vec![Override {
            key: "cores",
            value: Value::Number(7),
            option: "--cores",
        }],
        variable: Some(&variable),
        ..Sources::default()
    })
    .expect("a policy");
    assert_eq!((policy.cores, policy.max_jobs), (7, Some(4)));
    assert_eq!((policy.limits.memory, policy.limits.files), (5 << 30, 5));
    let origin = |name| policy.settings.get(name).expect("it").origin.to_string();
    assert_eq!(origin("cores"), "the option --cores");
    assert_eq!(origin("max-jobs"), "the variable WASIBUILD_MAX_JOBS");
    assert_eq!(origin("limits.memory"), "the option --set");
    assert_eq!(origin("limits.files"), format!("{}:5:9", path.display()));
    assert_eq!(origin("vm.memory"), "default");
}

#[test]
fn the_first_file_that_is_there_counts() {
    let (_one, first) = file("cores = 2");
    let (_two, second) = file("cores = 3");
    let places = |places: &[&Path]| Sources {
        places: places.iter().map(|path| path.to_path_buf()).collect(),
        ..Sources::default()
    };
    let absent = Path::new("/nonexistent/wasibuild.toml");
    let cores = |found: &[&Path]| load(places(found)).map(|policy| policy.cores);
    assert_eq!(cores(&[&first, &second]), Ok(2));
    assert_eq!(cores(&[absent, &second]), Ok(3));
    assert_eq!(cores(&[absent]), Ok(1));
    let below_a_file = first.join("wasibuild.toml");
    assert_eq!(cores(&[&below_a_file, &second]), Ok(3));
    let named = |path: &Path| Sources {
        named: Some(path.to_owned()),
        ..places(&[&first])
    };
    assert_eq!(load(named(Path::new(""))).map(|policy| policy.cores), Ok(1));
    let error = load(named(absent)).expect_err("it was named");
    assert!(
        error.starts_with("cannot read the configuration '/nonexistent/wasibuild.toml'"),
        "{error}"
    );
}

#[test]
fn what_is_wrong_outside_the_file_is_told_with_its_place() {
    let variable = |name: &str| (name == "WASIBUILD_CORES").then(|| "x".into());
    let error = load(Sources {
        variable: Some(&variable),
        ..Sources::default()
    });
    assert_eq!(
        error.expect_err("wrong"),
        "the variable WASIBUILD_CORES: 'cores': expected a number from 1 to 65535; found \"x\""
    );
    for (set, wanted) in [
        (
            "corse=1",
            "the option --set: there is no setting 'corse'; is 'cores' meant?",
        ),
        ("cores", "--set 'cores': expected KEY=VALUE"),
        (
            "cores=0",
            "the option --set: 'cores': expected a number from 1 to 65535; found the number 0",
        ),
    ] {
        let sets = [set.to_owned()];
        let error = load(Sources {
            sets: &sets,
            ..Sources::default()
        });
        let error = error.expect_err(set);
        assert!(error.starts_with(wanted), "{error}");
    }
}

#[test]
fn what_is_printed_sets_the_same() {
    let (_one, path) = file(
        "cores = 2\nroutes = ['shell', 'sandbox']\nstore = '/a \\b'\n[shell]\nalso = ['a*']\n[limits]\nmemory = 12345\ntimeout = '2h'\n",
    );
    let first = load(Sources {
        named: Some(path),
        ..Sources::default()
    })
    .expect("a policy");
    for documented in [false, true] {
        let (_two, printed) = file(&text(&first.settings, documented));
        let second = load(Sources {
            named: Some(printed),
            ..Sources::default()
        })
        .expect("what is printed is a configuration");
        let values = |policy: &Policy| -> Vec<Value> {
            policy
                .settings
                .all
                .iter()
                .map(|setting| setting.value.clone())
                .collect()
        };
        assert_eq!(values(&first), values(&second));
    }
    let json = json(&first.settings);
    assert_eq!(json["settings"]["limits.timeout"]["value"], 7200);
    assert_eq!(json["settings"]["cores"]["origin"], "file");
    assert_eq!(json["settings"]["cores"]["at"]["line"], 1);
}

/// Every option that the table names is one of the command line, and the other way round.
#[test]
fn options_of_the_table_exist() {
    fn all(command: &clap::Command, found: &mut Vec<String>) {
        let options = command.get_arguments().filter_map(clap::Arg::get_long);
        found.extend(options.map(|name| format!("--{name}")));
        command.get_subcommands().for_each(|sub| all(sub, found));
    }
    let mut found = Vec::new();
    all(&crate::options::table(), &mut found);
    for key in KEYS {
        if let Some(option) = key.option {
            assert!(found.iter().any(|name| name == option), "{option}");
        }
    }
}
