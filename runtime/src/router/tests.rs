//! Decisions for derivations that are made here.

use super::*;
use wasibuild_sandbox::ForeignProgram;

const BASH: &str = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-bash-4.3-p42/bin/bash";
const WASM: &str = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-text.wasm";

/// A machine for one system.
#[derive(Debug)]
struct Machine(&'static str);

impl Machines for Machine {
    fn machine(&self, system: &BStr) -> Result<(), String> {
        match system == self.0 {
            true => Ok(()),
            false => Err(format!("there is no machine for '{system}'")),
        }
    }
}

fn question<'a>(system: &'a str, builder: &'a str, traits: &'a Traits) -> Question<'a> {
    Question {
        name: "name-1.0",
        output: None,
        system: system.into(),
        builder: builder.into(),
        traits,
    }
}

fn router(change: impl FnOnce(&mut Router)) -> Router {
    let mut router = Router::default();
    change(&mut router);
    router
}

fn local() -> Traits {
    Traits {
        local: true,
        ..Traits::default()
    }
}

/// The chain, or the refusal's text.
fn ask(router: &Router, question: &Question<'_>) -> Result<Vec<Route>, String> {
    let verdict = router
        .route(question)
        .map_err(|refusal| refusal.to_string())?;
    Ok(verdict.chain)
}

fn linux(attempt: Attempt, traits: &Traits) -> Result<Vec<Route>, String> {
    let router = router(|router| router.routing.shell.attempt = attempt);
    ask(&router, &question("x86_64-linux", BASH, traits))
}

#[test]
fn configuration_goes_to_the_shell() {
    let command = Traits {
        command_without_source: true,
        ..Traits::default()
    };
    let shell = Ok(vec![Route::Shell]);
    assert_eq!(linux(Attempt::Configuration, &local()), shell);
    assert_eq!(linux(Attempt::Configuration, &command), shell);
    assert_eq!(linux(Attempt::All, &Traits::default()), shell);
    let refused = |attempt, traits: &Traits, text: &str| {
        let refusal = linux(attempt, traits).expect_err("refused");
        assert!(refusal.contains(text), "{refusal}");
    };
    refused(
        Attempt::Configuration,
        &Traits::default(),
        "it is a package",
    );
    refused(Attempt::None, &local(), "--shell=none");
    let fixed = Traits {
        fixed_output: true,
        ..local()
    };
    refused(Attempt::All, &fixed, "fixed-output");
    let kvm = Traits {
        required_features: ["big-parallel".into(), "kvm".into()].into(),
        ..local()
    };
    refused(Attempt::All, &kvm, "'kvm'");
    let router = router(|router| router.routing.shell.attempt = Attempt::All);
    let refusal = ask(
        &router,
        &question("aarch64-linux", "builtin:fetchurl", &local()),
    );
    let refusal = refusal.expect_err("refused");
    assert!(refusal.contains("is no bash of the store"), "{refusal}");
}

#[test]
fn both_names_of_the_system_go_to_the_sandbox() {
    let router = Router::default();
    for system in SANDBOX_SYSTEMS {
        let chain = ask(&router, &question(system, WASM, &Traits::default()));
        assert_eq!(chain, Ok(vec![Route::Sandbox]));
    }
}

#[test]
fn others_are_refused_by_name() {
    let (router, traits) = (Router::default(), Traits::default());
    let system = ask(&router, &question("aarch64-darwin\x1b", WASM, &traits)).expect_err("refused");
    assert!(system.contains("'aarch64-darwin\\u{1b}'"), "{system}");
    let builder = ask(
        &router,
        &question("wasm32-wasi", "builtin:fetchurl", &traits),
    );
    let builder = builder.expect_err("refused");
    assert!(
        builder.contains("'builtin:fetchurl' is not in the store"),
        "{builder}"
    );
}

#[test]
fn the_machine_takes_what_the_shell_passes_and_what_it_fails_at() {
    let router = router(|router| router.machines = Arc::new(Machine("x86_64-linux")));
    let both = ask(&router, &question("x86_64-linux", BASH, &local()));
    assert_eq!(both, Ok(vec![Route::Shell, Route::Vm]));
    let package = ask(&router, &question("x86_64-linux", BASH, &Traits::default()));
    assert_eq!(package, Ok(vec![Route::Vm]));
    let other = ask(
        &router,
        &question("aarch64-linux", BASH, &Traits::default()),
    );
    let other = other.expect_err("refused");
    assert!(
        other.contains("it is a package") && other.contains("no machine for 'aarch64-linux'"),
        "{other}"
    );
    let odd = Traits {
        required_features: ["uid-range".into()].into(),
        ..local()
    };
    let odd = ask(&router, &question("x86_64-linux", BASH, &odd)).expect_err("refused");
    assert!(
        odd.contains("'uid-range', which the virtual machine does not have"),
        "{odd}"
    );
    // Whether it has this one only the machine knows.
    let kvm = Traits {
        required_features: ["kvm".into()].into(),
        ..local()
    };
    assert_eq!(
        ask(&router, &question("x86_64-linux", BASH, &kvm)),
        Ok(vec![Route::Vm])
    );
}

#[test]
fn the_policy_decides_who_is_asked_and_in_which_order() {
    let traits = local();
    let asked = question("x86_64-linux", BASH, &traits);
    let chain = |routes: &[Route]| {
        let router = router(|router| {
            router.machines = Arc::new(Machine("x86_64-linux"));
            router.others = true;
            router.routing.routes = routes.to_vec();
        });
        router.consider(&asked).chain
    };
    use Route::*;
    assert_eq!(chain(&[Sandbox, Shell, Vm, Nix, Refuse]), [Shell, Vm, Nix]);
    assert_eq!(chain(&[Nix, Vm, Shell]), [Nix, Vm, Shell]);
    assert_eq!(chain(&[Vm, Refuse, Shell]), [Vm]);
    assert_eq!(chain(&[Refuse]), []);
    let none = router(|router| router.routing.routes = vec![Sandbox]);
    let refusal = ask(&none, &asked).expect_err("refused");
    assert!(refusal.contains("the setting `routes`"), "{refusal}");
    // Outside of the hook nobody asks Nix's other builders.
    for routes in [vec![Nix], vec![Nix, Refuse, Shell]] {
        let others = router(|router| router.routing.routes = routes.clone());
        for (system, builder) in [("x86_64-linux", BASH), ("wasm32-wasi", WASM)] {
            let refusal = ask(&others, &question(system, builder, &traits)).expect_err("refused");
            assert!(
                refusal.contains("which only `wasibuild hook` asks"),
                "{refusal}"
            );
        }
    }
    let only_linux = router(|router| router.routing.systems = vec![Pattern::new("*-linux")]);
    let refusal = ask(&only_linux, &question("wasm32-wasi", WASM, &traits)).expect_err("refused");
    assert!(
        refusal.contains("which the setting `systems` leaves out"),
        "{refusal}"
    );
}

#[test]
fn names_widen_and_narrow_the_attempt() {
    let router = router(|router| {
        router.routing.shell.also = vec![Pattern::new("name-*")];
        router.routing.shell.never = vec![Pattern::new("other")];
    });
    let (package, configuration) = (Traits::default(), local());
    let asked = question("x86_64-linux", BASH, &package);
    assert_eq!(ask(&router, &asked), Ok(vec![Route::Shell]));
    let verdict = router.consider(&asked);
    assert_eq!(
        verdict.reason(),
        Some(&Reason::Also(Pattern::new("name-*")))
    );
    let never = Question {
        name: "other",
        ..question("x86_64-linux", BASH, &configuration)
    };
    let refusal = ask(&router, &never).expect_err("refused");
    assert!(
        refusal.contains("shell.never names it by 'other'"),
        "{refusal}"
    );
}

#[test]
fn what_was_met_before_is_a_last_resort() {
    let state = tempfile::tempdir().expect("a directory");
    let decisions = Decisions::at(Some(state.path()));
    let output =
        StorePath::from_basename(b"0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-name-1.0").expect("a path");
    let program = ForeignProgram {
        program: "/nix/store/x/bin/fc-cache".into(),
        requested: "fc-cache".into(),
        argv: Vec::new(),
        cwd: "/build".into(),
        parent: 1,
        parent_argv: Vec::new(),
        place: None,
        reason: "no applet".to_owned(),
    };
    decisions.remember(&output, "name-1.0", &program);
    let traits = local();
    let asked = Question {
        output: Some(&output),
        ..question("x86_64-linux", BASH, &traits)
    };
    let alone = Router::new(Routing::default(), decisions.clone());
    let verdict = alone.route(&asked).expect("there is nobody else");
    assert!(verdict.last_resort);
    assert_eq!(verdict.chain, [Route::Shell]);
    let reason = verdict.reason().expect("a reason").to_string();
    assert!(
        reason.contains("met the foreign program '/nix/store/x/bin/fc-cache'"),
        "{reason}"
    );
    let with_machine = Router {
        machines: Arc::new(Machine("x86_64-linux")),
        ..alone.clone()
    };
    let verdict = with_machine.route(&asked).expect("the machine");
    assert_eq!(
        (verdict.last_resort, verdict.chain),
        (false, vec![Route::Vm])
    );
    // Nix is not asked after an attempt that is known to fail.
    let hook = Router {
        others: true,
        ..alone
    };
    assert_eq!(hook.consider(&asked).chain, [Route::Nix]);
}
