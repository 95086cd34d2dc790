//! The configuration file takes effect, and what is wrong in it is told.

use super::support::World;

fn with_file(world: &World, text: &str, arguments: &[&str]) -> super::support::Printed {
    let file = world.write("wasibuild.toml", text);
    let mut command = world.command(arguments);
    command.env("WASIBUILD_CONFIG", file);
    world.printed(command.output().expect("the program starts"))
}

#[test]
fn what_is_set_in_the_file_counts_unless_an_option_says_otherwise() {
    let world = World::new();
    let spins = world.derivation(r#"[ (mk "spins" { script = "spin"; }) ]"#);
    let text = "[limits]\ntimeout = '1s'\n";
    let printed = with_file(&world, text, &["run", &spins]);
    assert_eq!(printed.code, 101, "{printed:?}");
    assert!(
        printed.err.contains("its limit of 1 seconds"),
        "{printed:?}"
    );
    let printed = with_file(&world, text, &["run", "--timeout", "2", &spins]);
    assert!(
        printed.err.contains("its limit of 2 seconds"),
        "{printed:?}"
    );

    let prints = world.derivation(r#"[ (mk "prints" { script = "print a\nwrite out x"; }) ]"#);
    let printed = with_file(&world, "routes = ['shell']", &["run", &prints]);
    assert_eq!(printed.code, 5, "{printed:?}");
    assert_eq!(
        printed.err,
        "error: cannot build '/nix/store/HASH-prints.drv': it is for the system 'wasm32-wasip1', but the setting `routes` does not let the sandbox build it
hint: `wasibuild config` tells where that is set
"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let world = World::new();
    let printed = with_file(
        &world,
        "cores = 1\n[limits]\nmax-memory = '1G'\n",
        &["config"],
    );
    assert_eq!((printed.code, printed.out.as_str()), (2, ""));
    assert_eq!(
        printed.err,
        "error: DIR/wasibuild.toml:3:1: there is no setting 'limits.max-memory'; is 'limits.memory' meant?
hint: `wasibuild config` prints all of them
"
    );
    let printed = with_file(&world, "cores = true", &["run", "/nix/store/x"]);
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (
            2,
            "error: DIR/wasibuild.toml:1:9: 'cores': expected a number from 1 to 65535; found true or false\n"
        )
    );
    let printed = world.run(&["config", "--config", "nowhere.toml"]);
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (2, "error: cannot read the configuration 'nowhere.toml': No such file or directory (os error 2)
hint: name another with --config or WASIBUILD_CONFIG, or none with an empty one
")
    );
}

#[test]
fn each_value_says_where_it_was_set() {
    let world = World::new();
    let printed = with_file(
        &world,
        "cores = 2\n[vm]\nmemory = '3G'\n",
        &["config", "--set", "limits.files=7"],
    );
    assert_eq!(printed.code, 0, "{printed:?}");
    for line in [
        "# read from DIR/wasibuild.toml",
        "store = \"DIR/root\"  # the variable WASIBUILD_STORE",
        "cores = 2  # DIR/wasibuild.toml:1:9",
        "max-jobs = \"auto\"  # default",
        "files = 7  # the option --set",
        "memory = \"3G\"  # DIR/wasibuild.toml:3:10",
    ] {
        assert!(
            printed.out.lines().any(|found| found == line),
            "{line}\n{}",
            printed.out
        );
    }
    // What is printed is a configuration itself.
    let again = with_file(
        &world,
        &printed.out.replace("DIR", "/d"),
        &["config", "--json"],
    );
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.contains("\"limits.files\""), "{again:?}");
    // The files of the user and of the machine are found.
    std::fs::create_dir_all(world.path("home/.config/wasibuild")).expect("a directory");
    world.write("home/.config/wasibuild/wasibuild.toml", "cores = 5\n");
    let mut command = world.command(&["config"]);
    command
        .env_remove("WASIBUILD_CONFIG")
        .env("HOME", world.path("home"));
    let found = world.printed(command.output().expect("started"));
    assert!(
        found
            .out
            .contains("cores = 5  # DIR/home/.config/wasibuild/wasibuild.toml:1:9"),
        "{found:?}"
    );
}
