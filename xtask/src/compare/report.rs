//! What a comparison found: for people, for machines, and as the exit status.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// The verdict on one derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Built in the sandbox, every output as built natively.
    Identical,
    /// Built in the sandbox, and an output differs: where.
    Different(String),
    /// Needs a program that the sandbox does not have: which.
    Refused(String),
    /// Failed in the sandbox: why.
    Failed(String),
    /// Not built natively, for a reason that the sandbox does not share: what happened.
    NoReference(String),
}

/// One derivation, and what both sides made of it.
pub struct Entry {
    pub derivation: String,
    pub name: String,
    pub verdict: Verdict,
    /// Of the native build.
    pub seconds: f64,
}

/// The whole comparison.
pub struct Report {
    pub entries: Vec<Entry>,
    /// Of all native builds, one after the other.
    pub native_seconds: f64,
    /// Of the runs of wasibuild, its start included.
    pub sandbox_seconds: f64,
    /// How many executions strace saw, if it watched.
    pub executions: Option<usize>,
}

/// The refusals that are expected: lines `NAME: PROGRAM`, comments with `#`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<(String, String)>);

impl Allowed {
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("reading {}", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut allowed = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, program)) = line.split_once(": ") else {
                bail!(
                    "line {} is not of the form `NAME: PROGRAM`: {line}",
                    number + 1
                );
            };
            allowed.insert((name.trim().to_owned(), program.trim().to_owned()));
        }
        Ok(Self(allowed))
    }
}

impl Verdict {
    fn status(&self) -> &'static str {
        match self {
            Verdict::Identical => "built",
            Verdict::Different(_) => "different",
            Verdict::Refused(_) => "refused",
            Verdict::Failed(_) => "failed",
            Verdict::NoReference(_) => "no-reference",
        }
    }

    fn detail(&self) -> &str {
        match self {
            Verdict::Identical => "",
            Verdict::Different(text)
            | Verdict::Refused(text)
            | Verdict::Failed(text)
            | Verdict::NoReference(text) => text,
        }
    }
}

impl Report {
    fn count(&self, status: &str) -> usize {
        let of = |entry: &&Entry| entry.verdict.status() == status;
        self.entries.iter().filter(of).count()
    }

    /// What makes the comparison fail: differences, failures, refusals that are not listed, and lines of
    /// the list that no refusal needs.
    pub fn problems(&self, allowed: &Allowed) -> Vec<String> {
        let mut unused = allowed.0.clone();
        let mut problems = Vec::new();
        for entry in &self.entries {
            let key = (entry.name.clone(), entry.verdict.detail().to_owned());
            match &entry.verdict {
                Verdict::Identical => {}
                Verdict::Refused(_) if allowed.0.contains(&key) => {
                    unused.remove(&key);
                }
                Verdict::Refused(program) => problems.push(format!(
                    "{} is refused for {program}, which is not listed (`{}: {program}`)",
                    entry.name, entry.name
                )),
                verdict => problems.push(format!("{} is {}", entry.name, verdict.status())),
            }
        }
        let stale = |(name, program)| format!("no refusal needs the line `{name}: {program}`");
        problems.extend(unused.into_iter().map(stale));
        problems
    }

    /// For people: what is not identical, then the counts.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            if entry.verdict != Verdict::Identical {
                let status = entry.verdict.status();
                text.push_str(&format!(
                    "{status:9} {}: {}\n",
                    entry.name,
                    entry.verdict.detail()
                ));
            }
        }
        text.push_str(&format!(
            "{} derivations: {} built and identical, {} refused, {} different, {} failed, {} without a native reference\n",
            self.entries.len(),
            self.count("built"),
            self.count("refused"),
            self.count("different"),
            self.count("failed"),
            self.count("no-reference"),
        ));
        text.push_str(&format!(
            "natively {:.2} s, in the sandbox {:.2} s\n",
            self.native_seconds, self.sandbox_seconds
        ));
        if self.executions.is_some() {
            text.push_str("strace saw wasibuild start no program\n");
        }
        text
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| {
                let detail = match entry.verdict.detail() {
                    "" => Value::Null,
                    detail => detail.into(),
                };
                json!({
                    "derivation": entry.derivation,
                    "name": entry.name,
                    "status": entry.verdict.status(),
                    "detail": detail,
                    "nativeSeconds": entry.seconds,
                })
            })
            .collect();
        json!({
            "derivations": entries,
            "built": self.count("built"),
            "refused": self.count("refused"),
            "different": self.count("different"),
            "failed": self.count("failed"),
            "noReference": self.count("no-reference"),
            "nativeSeconds": self.native_seconds,
            "sandboxSeconds": self.sandbox_seconds,
            "hostProgramsStarted": self.executions.map(|_| 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: Vec<(&str, Verdict)>) -> Report {
        let entry = |(name, verdict): (&str, Verdict)| Entry {
            derivation: format!("/nix/store/{name}.drv"),
            name: name.to_owned(),
            verdict,
            seconds: 0.5,
        };
        Report {
            entries: verdicts.into_iter().map(entry).collect(),
            native_seconds: 1.0,
            sandbox_seconds: 0.1,
            executions: Some(1),
        }
    }

    #[test]
    fn only_listed_refusals_pass() -> Result<()> {
        let refused = || ("fonts", Verdict::Refused("fc-cache".into()));
        let allowed = Allowed::parse("# why\n\nfonts: fc-cache\n")?;
        let good = report(vec![("a", Verdict::Identical), refused()]);
        assert_eq!(good.problems(&allowed), Vec::<String>::new());
        assert_eq!(good.problems(&Allowed::default()).len(), 1);
        let none = report(vec![("a", Verdict::Identical)]);
        assert_eq!(none.problems(&allowed).len(), 1, "a stale line");
        for bad in [
            Verdict::Different("x".into()),
            Verdict::Failed("x".into()),
            Verdict::NoReference("x".into()),
            Verdict::Refused("other".into()),
        ] {
            let bad = report(vec![refused(), ("b", bad)]);
            assert_eq!(bad.problems(&allowed).len(), 1, "{}", bad.text());
        }
        assert!(Allowed::parse("no colon").is_err());
        Ok(())
    }

    #[test]
    fn both_forms_say_the_same() {
        let report = report(vec![
            ("a", Verdict::Identical),
            ("b", Verdict::Different("/file".into())),
        ]);
        let (text, json) = (report.text(), report.json());
        assert!(
            text.starts_with("different b: /file\n2 derivations: 1 built"),
            "{text}"
        );
        assert_eq!((&json["built"], &json["different"]), (&json!(1), &json!(1)));
        assert_eq!(json["hostProgramsStarted"], 0);
        assert_eq!(json["derivations"][0]["detail"], Value::Null);
    }
}
