//! What options of the command line set of the policy.
//!
//! Contract: one line for each option that the table of settings names. Checked by the option's own
//! parser before.

use std::path::Path;

use super::value::Value;
use super::{Attempt, Override};
use crate::options::{Bounds, Daemon, Explain, ExternalBuilder, Forecast, Hook, Run, Substitution};

/// Options that set something.
pub trait Overrides {
    /// What they set.
    fn overrides(&self) -> Vec<Override>;
}

/// Nothing.
impl Overrides for () {
    fn overrides(&self) -> Vec<Override> {
        Vec::new()
    }
}

/// What was given, collected.
#[derive(Default)]
struct Collected(Vec<Override>);

impl Collected {
    fn put(&mut self, key: &'static str, option: &'static str, value: Option<Value>) {
        self.0
            .extend(value.map(|value| Override { key, value, option }));
    }

    fn number<N: Into<u64> + Copy>(
        &mut self,
        key: &'static str,
        option: &'static str,
        given: Option<N>,
    ) {
        self.put(
            key,
            option,
            given.map(|number| Value::Number(number.into())),
        );
    }

    fn path(&mut self, key: &'static str, option: &'static str, given: Option<&Path>) {
        // Relative to where the program was started; what is not UTF-8 cannot stand in a setting, so that
        // it is shown as it can be and used as it was given.
        let absolute =
            given.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        self.put(
            key,
            option,
            absolute.map(|path| Value::Text(path.to_string_lossy().into_owned())),
        );
    }

    fn attempt(&mut self, key: &'static str, given: Option<Attempt>) {
        let word = given.map(|attempt| Value::Text(attempt.name().to_owned()));
        self.put(key, "--shell", word);
    }

    fn bounds(&mut self, bounds: &Bounds) {
        self.number("limits.memory", "--max-memory", bounds.max_memory);
        self.number(
            "limits.total-memory",
            "--max-total-memory",
            bounds.max_total_memory,
        );
        self.number(
            "limits.output-size",
            "--max-output-size",
            bounds.max_output_size,
        );
        self.number("limits.files", "--max-files", bounds.max_files);
        self.number(
            "limits.open-files",
            "--max-open-files",
            bounds.max_open_files,
        );
        self.number(
            "limits.log-size",
            "--max-build-log-size",
            bounds.max_build_log_size,
        );
        self.number("limits.processes", "--max-processes", bounds.max_processes);
    }

    fn times(&mut self, timeout: Option<u32>, silence: Option<u32>) {
        self.number("limits.timeout", "--timeout", timeout);
        self.number("limits.max-silent-time", "--max-silent-time", silence);
    }

    fn substitution(&mut self, options: &Substitution) {
        let words = |given: &Option<Vec<String>>| given.clone().map(Value::Words);
        self.put(
            "substituters",
            "--substituters",
            words(&options.substituters),
        );
        self.put(
            "trusted-public-keys",
            "--trusted-public-keys",
            words(&options.trusted_public_keys),
        );
        let none = options.no_substitute.then_some(Value::Flag(false));
        self.put("substitute", "--no-substitute", none);
    }
}

impl Overrides for Run {
    fn overrides(&self) -> Vec<Override> {
        let mut all = Collected::default();
        all.number("max-jobs", "--max-jobs", self.max_jobs);
        all.number("cores", "--cores", self.cores);
        all.times(self.timeout, self.max_silent_time);
        all.attempt("shell.attempt", self.shell);
        all.substitution(&self.substitution);
        all.bounds(&self.limits);
        all.0
    }
}

impl Overrides for Forecast {
    fn overrides(&self) -> Vec<Override> {
        let mut all = Collected::default();
        all.attempt("shell.attempt", self.shell);
        all.substitution(&self.substitution);
        all.0
    }
}

impl Overrides for Explain {
    fn overrides(&self) -> Vec<Override> {
        let mut all = Collected::default();
        all.attempt("shell.attempt", self.shell);
        all.substitution(&self.substitution);
        all.0
    }
}

impl Overrides for Daemon {
    fn overrides(&self) -> Vec<Override> {
        let mut all = Collected::default();
        all.path("daemon.socket", "--socket", self.socket.as_deref());
        all.number("daemon.socket-mode", "--socket-mode", self.socket_mode);
        all.path(
            "daemon.host-store",
            "--host-store",
            self.host_store.as_deref(),
        );
        all.number("daemon.idle-timeout", "--idle-timeout", self.idle_timeout);
        all.number("max-jobs", "--max-jobs", self.max_jobs);
        all.number("cores", "--cores", self.cores);
        all.times(self.timeout, self.max_silent_time);
        all.attempt("shell.attempt", self.shell);
        all.substitution(&self.substitution);
        all.bounds(&self.limits);
        all.0
    }
}

impl Overrides for ExternalBuilder {
    fn overrides(&self) -> Vec<Override> {
        let mut all = Collected::default();
        all.path(
            "external-builder.precompiled",
            "--precompiled",
            self.precompiled.as_deref(),
        );
        all.number("cores", "--cores", self.cores);
        all.attempt("shell.attempt", self.shell);
        all.bounds(&self.limits);
        all.0
    }
}

impl Overrides for Hook {
    fn overrides(&self) -> Vec<Override> {
        let mut all = Collected::default();
        // A name without a slash is looked up in PATH.
        let program = self
            .nix
            .as_ref()
            .map(|nix| nix.to_string_lossy().into_owned());
        all.put("nix", "--nix", program.map(Value::Text));
        all.number("max-jobs", "--max-jobs", self.max_jobs);
        all.number("cores", "--cores", self.cores);
        all.attempt("hook.shell", self.shell);
        all.bounds(&self.limits);
        all.0
    }
}

impl Overrides for Bounds {
    fn overrides(&self) -> Vec<Override> {
        let mut all = Collected::default();
        all.bounds(self);
        all.0
    }
}
