//! The README's way from a bare Nix to a built machine: doctor, set-up, `nix-build`, and all of it taken back.
//!
//! Contract: a mount namespace has a `/nix`, `/etc/nix`, `/run`, `/var` and a home of its own, as on a machine where
//! Nix was just installed; in it the commands of the README run as they stand there, and those that `wasibuild setup`
//! prints, word by word. Nothing is given to Nix but what the set-up wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run_support;
use crate::support::{Nix, PROGRAM, World, text};

/// What stands in the settings of a Nix that root has just installed: Debian's, and no build users.
const CONF: &str =
    "# see https://nixos.org/nix/manual/#sec-conf-file\nsandbox = false\nbuild-users-group =\n";

/// A machine of its own.
struct Machine {
    world: World,
    /// Where the programs of its Nix are.
    nix: Option<PathBuf>,
}

impl Machine {
    fn new(nix: &Nix) -> Machine {
        let world = World::new();
        for place in ["nix", "conf", "run", "var", "bin", "home", "units"] {
            fs::create_dir(world.path(place)).expect("a directory");
        }
        for place in ["lib", "cache", "tmp"] {
            fs::create_dir(world.path("var").join(place)).expect("a directory");
        }
        fs::write(world.path("conf/nix.conf"), CONF).expect("a file");
        let installed = world.path("bin/wasibuild");
        if fs::hard_link(PROGRAM, &installed).is_err() {
            fs::copy(PROGRAM, &installed).expect("the program is copied");
        }
        let program = nix.program("nix");
        let bin = program.parent().filter(|bin| bin.is_absolute());
        Machine {
            nix: bin.map(Path::to_owned),
            world,
        }
    }

    /// A script of the user's on this machine; standard output, and standard error below the world.
    fn command(&self, script: &str) -> Command {
        let world = self.world.directory.path();
        let mounts = "cd \"$1\"; for pair in nix:/nix conf:/etc/nix run:/run var:/var bin:/usr/local/bin \
                      units:/etc/systemd/system; do mkdir -p \"${pair#*:}\"; \
                      mount --bind \"${pair%%:*}\" \"${pair#*:}\"; done; cd home; shift; exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec", mounts, "sh"]);
        command.arg(world).args(["sh", "-euc", script]);
        let mut path = vec![PathBuf::from("/usr/local/bin")];
        path.extend(self.nix.clone());
        path.extend(["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from));
        command
            .env_clear()
            .env("PATH", std::env::join_paths(path).expect("a PATH"))
            .env("HOME", world.join("home"))
            .env("USER", "root");
        if let Some(bin) = &self.nix {
            command.env("NIX_BIN_DIR", bin);
        }
        command
    }

    /// What a script prints that ends well.
    fn run(&self, script: &str) -> String {
        text(self.command(script).output().expect("unshare starts"))
    }

    fn conf(&self) -> String {
        fs::read_to_string(self.world.path("conf/nix.conf")).expect("a file")
    }
}

/// The commands that the set-up names, as they stand there.
fn commands(printed: &str) -> Vec<String> {
    let rest = printed
        .lines()
        .skip_while(|line| *line != "then run")
        .skip(1);
    rest.map_while(|line| line.strip_prefix("    "))
        .map(str::to_owned)
        .collect()
}

/// Path and hash of every output of the example, as `wasibuild run` makes them.
fn expected(example: &Path) -> (String, Vec<String>) {
    let world = World::new();
    let mut evaluate = run_support::nix("nix-instantiate", &world.root());
    let derivation = text(
        evaluate
            .arg(example)
            .output()
            .expect("nix-instantiate starts"),
    );
    let built = world.build(&["--no-substitute", &derivation]);
    let nix = |arguments: &[&str]| run_support::nix_output("nix-store", &world.root(), arguments);
    let paths = nix(&["--query", "--requisites", &built[0]]);
    let mut ask = vec!["--query", "--hash"];
    ask.extend(paths.lines());
    let hashes = nix(&ask);
    let both = paths.lines().zip(hashes.lines());
    let both = both.map(|(path, hash)| format!("{path} {hash}")).collect();
    (built[0].clone(), both)
}

#[test]
fn the_readme_leads_from_a_bare_nix_to_a_built_machine() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let repository = fs::canonicalize(repository).expect("the repository");
    let readme = fs::read_to_string(repository.join("README.md")).expect("README.md");
    let example = repository.join("nix-plugin/examples/nixos");
    let (top, hashes) = expected(&example);
    let mut all = Nix::all("newcomer").into_iter();
    let old = all.next().expect("Debian's Nix");
    let new = all.next_back().expect("a Nix with external builders");
    for (nix, door) in [(&old, "daemon"), (&new, "external-builder")] {
        let shown = format!("{door} of Nix {}", nix.version);
        let machine = Machine::new(nix);
        // Each command that this test gives is the README's.
        let by_readme = |command: &str| {
            let line = format!("\n    {command}");
            assert!(readme.contains(&line), "the README has no '{command}'");
            command.replace(
                "nix-plugin/",
                &format!("{}/nix-plugin/", repository.display()),
            )
        };
        let doctor = by_readme("wasibuild doctor");
        let first = machine.run(&format!("{doctor} || [ $? = 1 ]"));
        let wanted = format!("result  use the door '{door}'");
        assert!(
            first.lines().any(|line| line == wanted),
            "{shown}:\n{first}"
        );
        let printed = machine.run(&by_readme("wasibuild setup"));
        assert_eq!(
            machine.conf(),
            CONF,
            "{shown}: the set-up was to be printed only"
        );
        let applied = machine.run(&by_readme("wasibuild setup --apply"));
        assert!(
            applied.starts_with(&printed),
            "{shown}:\n{printed}\n{applied}"
        );
        let then = commands(&applied);
        assert!(!then.is_empty(), "{shown}:\n{applied}");
        // One shell, as a user has it: what it starts in the background goes on.
        let mut script = "exec 3>&1 1>&2\n".to_owned();
        for command in &then {
            let background = command.ends_with('&');
            script.push_str(command);
            script.push_str(if background { "\ndaemon=$!\n" } else { "\n" });
        }
        if door == "daemon" {
            let socket = "/var/lib/wasibuild/store/nix/var/wasibuild/daemon.sock";
            script.push_str(&format!("until [ -S {socket} ]; do sleep 0.1; done\n"));
        }
        script.push_str(&format!("{doctor} >&3\n"));
        script.push_str(&format!(
            "{} >&3\n",
            by_readme("nix-build nix-plugin/examples/nixos")
        ));
        script.push_str("nix-store --query --requisites result | xargs -n1 sh -c 'echo $0 $(nix-store --query --hash $0)' >&3\n");
        script.push_str("nix-store --verify --check-contents\n");
        script.push_str("[ -z \"${daemon-}\" ] || kill $daemon\n");
        let printed = machine.run(&script);
        let well = format!("result  Nix hands builds over by the door '{door}'");
        assert!(
            printed.lines().any(|line| line == well),
            "{shown}:\n{printed}"
        );
        let rest: Vec<&str> = printed
            .lines()
            .skip_while(|line| *line != well)
            .skip(1)
            .collect();
        assert_eq!(rest.first(), Some(&top.as_str()), "{shown}");
        let (mut found, mut wanted) = (rest[1..].to_vec(), hashes.iter().collect::<Vec<_>>());
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{shown}");
        assert!(found.len() > 50, "{shown}: {found:?}");
        machine.run(&by_readme("wasibuild setup --undo"));
        assert_eq!(machine.conf(), CONF, "{shown}");
        let last = machine.run(&format!("{doctor} || [ $? = 1 ]"));
        assert!(
            last.lines()
                .any(|line| line == format!("door    {door}: shut")),
            "{shown}:\n{last}"
        );
    }
}
