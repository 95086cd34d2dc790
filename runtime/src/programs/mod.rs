//! Which program runs when an unmodified derivation starts one: the shell, an applet, or none.
//!
//! Contract: a program is identified by its place in the store alone, that is by its package's and its
//! own name ([`table`]); a link is asked about before it is followed, and never followed out of the
//! store. `/bin/sh` is the shell. `perl` runs the builder of `buildEnv` and nothing else
//! ([`build_env`]). What the table does not know, what was not compiled in, and what an applet
//! refuses, is *foreign*: the build ends at once, because a guess would be a wrong output.

mod build_env;
mod place;
mod table;

use std::sync::OnceLock;

use bstr::{BStr, ByteSlice};
use wasibuild_sandbox::{
    Engine, EngineError, LoadAnswer, Module, ProgramLoader, ProgramQuery, is_machine_code,
};

use crate::embedded::BUILDERS;

pub use place::{Place, package};
pub use table::{BUILD_ENV, BUNDLES, ROWS, Row, SHELL};

/// The row of a program.
pub fn row(place: &Place<'_>) -> Option<&'static Row> {
    let bundle = BUNDLES.contains(&place.package);
    ROWS.iter().find(|row| {
        (bundle || row.packages.contains(&place.package))
            && row.programs.iter().any(|program| place.program == program)
    })
}

/// The names of all programs that some module has, as `/bin` shows them where it shows them all.
pub fn names() -> impl Iterator<Item = &'static str> {
    let here = |row: &&Row| BUILDERS.iter().any(|builder| builder.name == row.module);
    ROWS.iter()
        .filter(here)
        .flat_map(|row| row.programs)
        .copied()
}

/// The row of a program in `/bin`.
fn row_in_bin(path: &BStr) -> Option<(&'static Row, &BStr)> {
    let program = path.strip_prefix(b"/bin/")?.as_bstr();
    let row = ROWS
        .iter()
        .find(|row| row.programs.iter().any(|name| program == name))?;
    Some((row, program))
}

/// Whether this is the path of a bash of the store.
pub fn is_shell(path: &BStr) -> bool {
    Place::of(path)
        .and_then(|place| row(&place))
        .is_some_and(|row| row.module == SHELL)
}

/// The loader of the sandbox for unmodified derivations.
pub struct Programs {
    engine: Engine,
    /// The embedded builders, in their order, once each is compiled.
    modules: Vec<OnceLock<Result<Module, String>>>,
}

impl Programs {
    /// A loader that compiles each module when it is first used.
    pub fn new(engine: Engine) -> Self {
        Programs {
            engine,
            modules: BUILDERS.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// The module of this name, compiled now if need be; `None` if it was not compiled in.
    fn module(&self, name: &str) -> Option<Result<Module, String>> {
        let index = BUILDERS.iter().position(|builder| builder.name == name)?;
        let (builder, slot) = (BUILDERS.get(index)?, self.modules.get(index)?);
        let compile = || {
            let module: Result<Module, EngineError> = self.engine.module(builder.module);
            module.map_err(|error| error.to_string())
        };
        Some(slot.get_or_init(compile).clone())
    }

    fn run(&self, name: &str) -> LoadAnswer {
        match self.module(name) {
            Some(Ok(module)) => LoadAnswer::Run(module),
            Some(Err(problem)) => {
                LoadAnswer::Foreign(format!("its applet '{name}' cannot run: {problem}"))
            }
            None => LoadAnswer::Foreign(format!("there is no applet '{name}'")),
        }
    }

    fn applet(&self, row: &Row, program: &BStr, query: ProgramQuery<'_>) -> LoadAnswer {
        if row.module == BUILD_ENV {
            return self.build_env(query);
        }
        if row.module.is_empty() {
            return LoadAnswer::Foreign("no applet replaces it".to_owned());
        }
        let answer = self.run(row.module);
        let called = query.argv.first().map(|name| base_name(name));
        match answer {
            // The shell runs under any name; an applet is told by its name what it is.
            LoadAnswer::Run(module)
                if row.module != SHELL && called.is_none_or(|name| name != program) =>
            {
                let mut argv = vec![program.to_owned()];
                argv.extend(query.argv.iter().skip(1).cloned());
                LoadAnswer::RunAs(module, argv)
            }
            answer => answer,
        }
    }
}

impl Programs {
    /// Perl, called for nixpkgs' `buildEnv`.
    fn build_env(&self, query: ProgramQuery<'_>) -> LoadAnswer {
        match (build_env::age(query.argv, query.read), self.run(BUILD_ENV)) {
            (Ok(age), LoadAnswer::Run(module)) => {
                LoadAnswer::RunAs(module, vec!["perl".into(), age.into()])
            }
            (Ok(_), answer) => answer,
            (Err(reason), _) => LoadAnswer::Foreign(reason),
        }
    }
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit_str("/").next().unwrap_or(path)
}

impl ProgramLoader for Programs {
    fn knows(&self, path: &BStr) -> bool {
        Place::of(path).is_some_and(|place| row(&place).is_some())
    }

    fn replace(&self, query: ProgramQuery<'_>) -> Option<LoadAnswer> {
        if let Some((row, program)) = row_in_bin(query.path) {
            return Some(self.applet(row, program, query));
        }
        let place = Place::of(query.path)?;
        Some(self.applet(row(&place)?, place.program, query))
    }

    fn load(&self, query: ProgramQuery<'_>) -> LoadAnswer {
        if is_machine_code(query.head) {
            LoadAnswer::Foreign("a program for Linux that no applet replaces".to_owned())
        } else {
            LoadAnswer::NotAProgram
        }
    }
}
