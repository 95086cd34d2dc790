//! `set -o` and `shopt` options: one table each, from which `$-`, `$SHELLOPTS`, `$BASHOPTS` and
//! the builtins' listings come.

/// `set -o` options: name and letter (0: none).
pub const SET: &[(&str, u8)] = &[
    ("allexport", b'a'),
    ("braceexpand", b'B'),
    ("emacs", 0),
    ("errexit", b'e'),
    ("errtrace", b'E'),
    ("functrace", b'T'),
    ("hashall", b'h'),
    ("histexpand", b'H'),
    ("history", 0),
    ("ignoreeof", 0),
    ("interactive-comments", 0),
    ("keyword", b'k'),
    ("monitor", b'm'),
    ("noclobber", b'C'),
    ("noexec", b'n'),
    ("noglob", b'f'),
    ("nolog", 0),
    ("notify", b'b'),
    ("nounset", b'u'),
    ("onecmd", b't'),
    ("physical", b'P'),
    ("pipefail", 0),
    ("posix", 0),
    ("privileged", b'p'),
    ("verbose", b'v'),
    ("vi", 0),
    ("xtrace", b'x'),
];

/// `shopt` options of bash 5.2: name and default.
pub const SHOPT: &[(&str, bool)] = &[
    ("autocd", false),
    ("assoc_expand_once", false),
    ("cdable_vars", false),
    ("cdspell", false),
    ("checkhash", false),
    ("checkjobs", false),
    ("checkwinsize", true),
    ("cmdhist", true),
    ("compat31", false),
    ("compat32", false),
    ("compat40", false),
    ("compat41", false),
    ("compat42", false),
    ("compat43", false),
    ("compat44", false),
    ("complete_fullquote", true),
    ("direxpand", false),
    ("dirspell", false),
    ("dotglob", false),
    ("execfail", false),
    ("expand_aliases", false),
    ("extdebug", false),
    ("extglob", false),
    ("extquote", true),
    ("failglob", false),
    ("force_fignore", true),
    ("globasciiranges", true),
    ("globskipdots", true),
    ("globstar", false),
    ("gnu_errfmt", false),
    ("histappend", false),
    ("histreedit", false),
    ("histverify", false),
    ("hostcomplete", true),
    ("huponexit", false),
    ("inherit_errexit", false),
    ("interactive_comments", true),
    ("lastpipe", false),
    ("lithist", false),
    ("localvar_inherit", false),
    ("localvar_unset", false),
    ("login_shell", false),
    ("mailwarn", false),
    ("no_empty_cmd_completion", false),
    ("nocaseglob", false),
    ("nocasematch", false),
    ("noexpand_translation", false),
    ("nullglob", false),
    ("patsub_replacement", true),
    ("progcomp", true),
    ("progcomp_alias", false),
    ("promptvars", true),
    ("restricted_shell", false),
    ("shift_verbose", false),
    ("sourcepath", true),
    ("varredir_close", false),
    ("xpg_echo", false),
];

/// The options that are on, as bits in the order of the tables.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub set: u64,
    pub shopt: u64,
}

impl Default for Options {
    fn default() -> Options {
        let mut options = Options { set: 0, shopt: 0 };
        for (at, (_, on)) in SHOPT.iter().enumerate() {
            options.shopt |= u64::from(*on) << at;
        }
        for name in ["braceexpand", "hashall", "interactive-comments"] {
            options.enable(name, true);
        }
        options
    }
}

/// Position of a `set -o` option.
pub fn set_index(name: &[u8]) -> Option<usize> {
    SET.iter().position(|(n, _)| n.as_bytes() == name)
}

/// Position of a `shopt` option.
pub fn shopt_index(name: &[u8]) -> Option<usize> {
    SHOPT.iter().position(|(n, _)| n.as_bytes() == name)
}

/// Positions are constants, so that a test of an option is one instruction.
const fn at(table: &[(&str, u8)], name: &str) -> u32 {
    let mut i = 0;
    while i < table.len() {
        if same(table[i].0, name) {
            return i as u32;
        }
        i += 1;
    }
    63
}

const fn shopt_at(name: &str) -> u32 {
    let mut i = 0;
    while i < SHOPT.len() {
        if same(SHOPT[i].0, name) {
            return i as u32;
        }
        i += 1;
    }
    63
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

macro_rules! set_flag {
    ($($f:ident = $name:literal),* $(,)?) => {
        impl Options {
            $(pub fn $f(&self) -> bool {
                const AT: u32 = at(SET, $name);
                self.set >> AT & 1 != 0
            })*
        }
    };
}

macro_rules! shopt_flag {
    ($($f:ident = $name:literal),* $(,)?) => {
        impl Options {
            $(pub fn $f(&self) -> bool {
                const AT: u32 = shopt_at($name);
                self.shopt >> AT & 1 != 0
            })*
        }
    };
}

set_flag!(
    allexport = "allexport",
    braceexpand = "braceexpand",
    errexit = "errexit",
    errtrace = "errtrace",
    functrace = "functrace",
    noclobber = "noclobber",
    noexec = "noexec",
    noglob = "noglob",
    nounset = "nounset",
    physical = "physical",
    pipefail = "pipefail",
    posix = "posix",
    verbose = "verbose",
    xtrace = "xtrace",
);

shopt_flag!(
    dotglob = "dotglob",
    execfail = "execfail",
    extdebug = "extdebug",
    extglob = "extglob",
    failglob = "failglob",
    globskipdots = "globskipdots",
    globstar = "globstar",
    inherit_errexit = "inherit_errexit",
    lastpipe = "lastpipe",
    localvar_inherit = "localvar_inherit",
    nocaseglob = "nocaseglob",
    nocasematch = "nocasematch",
    nullglob = "nullglob",
    patsub_replacement = "patsub_replacement",
    sourcepath = "sourcepath",
    shift_verbose = "shift_verbose",
    xpg_echo = "xpg_echo",
);

impl Options {
    /// Switches a `set -o` option that exists.
    pub fn enable(&mut self, name: &str, on: bool) {
        if let Some(at) = set_index(name.as_bytes()) {
            self.set = self.set & !(1 << at) | u64::from(on) << at;
        }
    }

    /// The value of `$-` without the letters for how the shell was started.
    pub fn letters(&self) -> Vec<u8> {
        const ORDER: &[u8] = b"abefhkmnptuvxBCEHPT";
        ORDER
            .iter()
            .copied()
            .filter(|letter| {
                SET.iter()
                    .enumerate()
                    .any(|(at, (_, l))| l == letter && self.set >> at & 1 != 0)
            })
            .collect()
    }

    /// `$SHELLOPTS`
    pub fn shellopts(&self) -> Vec<u8> {
        join(
            SET.iter()
                .enumerate()
                .filter(|(at, _)| self.set >> at & 1 != 0)
                .map(|(_, (n, _))| *n),
        )
    }

    /// `$BASHOPTS`
    pub fn bashopts(&self) -> Vec<u8> {
        let mut names: Vec<&str> = SHOPT
            .iter()
            .enumerate()
            .filter(|(at, _)| self.shopt >> at & 1 != 0)
            .map(|(_, (n, _))| *n)
            .collect();
        names.sort_unstable();
        join(names.into_iter())
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u8> {
    names.collect::<Vec<_>>().join(":").into_bytes()
}
