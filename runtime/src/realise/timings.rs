//! Where the time of a run goes (`wasibuild run --timings`).
//!
//! Contract: a build's time is what passed between taking it up and having its outputs in place. Of
//! that, `run` is the sandbox: preparing its files, and the programs, each with the number of its
//! processes and the time for which they ran (making the instance, and compiling the module where
//! that had to be done, included). The rest is the store: reading the derivation, finding what it
//! may see, hashing, scanning and writing. Registration is done for many builds at once and is
//! in the run's total only. Builds that failed are left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bstr::BString;
use serde_json::{Map, Value, json};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::ProgramTime;

use super::report::{DerivationReport, Report};
use crate::printable;

/// What builds took in the sandbox.
#[derive(Debug, Default)]
pub struct Timings(Mutex<BTreeMap<StorePath, Build>>);

/// One build.
#[derive(Debug, Clone, Default)]
struct Build {
    run: Duration,
    programs: BTreeMap<BString, ProgramTime>,
}

impl Timings {
    /// Notes a build.
    pub fn note(
        &self,
        derivation: StorePath,
        run: Duration,
        programs: BTreeMap<BString, ProgramTime>,
    ) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(derivation, Build { run, programs });
    }

    fn builds<'r>(&self, report: &'r Report) -> Vec<(&'r DerivationReport, Build)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = report.derivations.iter();
        found
            .filter_map(|derivation| Some((derivation, all.get(&derivation.derivation)?.clone())))
            .collect()
    }

    /// A table: a line for each build, then the sums.
    pub fn text(&self, report: &Report) -> String {
        let builds = self.builds(report);
        let mut text = String::from("milliseconds: total, run, store; programs with their count\n");
        let mut sum = Build::default();
        let mut total = Duration::ZERO;
        for (derivation, build) in &builds {
            let time = derivation.time.unwrap_or_default();
            total += time;
            sum.run += build.run;
            for (name, program) in &build.programs {
                let all = sum.programs.entry(name.clone()).or_default();
                all.count += program.count;
                all.time += program.time;
            }
            let name = derivation.derivation.derivation_name().unwrap_or_default();
            line(&mut text, name, time, build);
        }
        line(&mut text, &format!("{} builds", builds.len()), total, &sum);
        let _ = writeln!(text, "{:9.2} the whole run", milliseconds(report.time));
        text
    }

    /// Adds the member `timings` to the derivations of the JSON report, in seconds.
    pub fn add_to(&self, json: &mut Value, report: &Report) {
        let builds: BTreeMap<String, Build> = self
            .builds(report)
            .into_iter()
            .map(|(derivation, build)| (derivation.derivation.to_absolute_path(), build))
            .collect();
        let derivations = json.get_mut("derivations").and_then(Value::as_array_mut);
        for object in derivations.into_iter().flatten() {
            let path = object.get("derivation").and_then(Value::as_str);
            if let Some(build) = path.and_then(|path| builds.get(path)) {
                object["timings"] = build_json(build);
            }
        }
    }
}

fn line(text: &mut String, name: &str, time: Duration, build: &Build) {
    let (total, run) = (milliseconds(time), milliseconds(build.run));
    let _ = write!(text, "{total:9.2} {run:9.2} {:9.2}  {name}:", total - run);
    let mut programs: Vec<_> = build.programs.iter().collect();
    programs.sort_by_key(|(_, program)| std::cmp::Reverse(program.time));
    for (program, took) in programs {
        let (name, time) = (printable::name(program), milliseconds(took.time));
        let _ = write!(text, " {name} {time:.2} ({})", took.count);
    }
    text.push('\n');
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn build_json(build: &Build) -> Value {
    let seconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e6;
    let programs: Map<String, Value> = build
        .programs
        .iter()
        .map(|(name, program)| {
            let value = json!({ "count": program.count, "seconds": seconds(program.time) });
            (printable::name(name), value)
        })
        .collect();
    json!({ "run": seconds(build.run), "programs": programs })
}
