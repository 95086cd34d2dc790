//! `wasibuild doctor`: what stands between a Nix and wasibuild on a machine, and what to change.
//!
//! Contract: [`machine`] looks, [`rules`] judges, and what is printed follows from that alone. One door is
//! recommended: that which is open; else that which Nix's settings name; else the best that this Nix has.

pub mod doors;
pub mod machine;
pub mod nix_conf;
mod rules;
pub mod sources;
pub mod version;

use serde_json::{Value, json};

use doors::Door;
use machine::Machine;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing to do.
    Fine,
    /// It works, but not as well as it could.
    Warning,
    /// It does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A word that does not change.
    pub id: &'static str,
    /// The door that it is about; none for all.
    pub door: Option<Door>,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// What to change, line by line.
    pub changes: Vec<String>,
}

impl Finding {
    fn new(level: Level, id: &'static str, door: Option<Door>, text: impl Into<String>) -> Self {
        Finding {
            id,
            door,
            level,
            text: text.into(),
            changes: Vec::new(),
        }
    }

    fn fine(id: &'static str, text: impl Into<String>) -> Self {
        Finding::new(Level::Fine, id, None, text)
    }

    fn warning(id: &'static str, door: Option<Door>, text: impl Into<String>) -> Self {
        Finding::new(Level::Warning, id, door, text)
    }

    fn problem(id: &'static str, door: Option<Door>, text: impl Into<String>) -> Self {
        Finding::new(Level::Problem, id, door, text)
    }

    fn change(mut self, line: impl Into<String>) -> Self {
        self.changes.push(line.into());
        self
    }
}

/// What is known of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nix hands builds over.
    Open,
    /// Nix's settings name it, but something is wrong.
    Broken,
    /// Nix's settings do not name it.
    Shut,
    /// This Nix does not have it.
    Impossible,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Broken => "broken",
            State::Shut => "shut",
            State::Impossible => "impossible",
        }
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was looked at.
    pub findings: Vec<Finding>,
    /// The doors.
    pub doors: [(Door, State); 3],
    /// The door to use; none without Nix.
    pub recommended: Option<Door>,
}

impl Diagnosis {
    /// Looks at a machine.
    pub fn of(machine: &Machine) -> Diagnosis {
        let findings = rules::findings(machine);
        let doors = Door::ALL.map(|door| (door, state(machine, door, &findings)));
        let recommended = recommend(machine, &doors);
        Diagnosis {
            findings,
            doors,
            recommended,
        }
    }

    /// Whether Nix hands builds over, through the door that is recommended.
    pub fn is_well(&self) -> bool {
        self.doors
            .iter()
            .any(|(door, state)| Some(*door) == self.recommended && *state == State::Open)
    }

    /// The text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            let mark = match finding.level {
                Level::Fine => "ok      ",
                Level::Warning => "warning ",
                Level::Problem => "problem ",
            };
            let door = finding
                .door
                .map_or_else(String::new, |door| format!("{}: ", door.name()));
            out.push_str(&format!("{mark}{door}{}\n", finding.text));
            for line in &finding.changes {
                out.push_str(&format!("        - {line}\n"));
            }
        }
        for (door, state) in &self.doors {
            out.push_str(&format!("door    {}: {}\n", door.name(), state.name()));
        }
        match self.recommended {
            Some(door) if self.is_well() => out.push_str(&format!(
                "result  Nix hands builds over by the door '{}'\n",
                door.name()
            )),
            Some(door) => {
                out.push_str(&format!("result  use the door '{}'\n", door.name()));
                if self
                    .doors
                    .iter()
                    .any(|(other, state)| *other == door && *state == State::Shut)
                {
                    let name = door.name();
                    out.push_str(&format!("        - wasibuild setup --door {name} (prints the change; --apply makes it, --undo takes it back)\n"));
                } else {
                    out.push_str("        - mend the problems above\n");
                }
            }
            None => out.push_str("result  without Nix, only `wasibuild run` is of use here\n"),
        }
        out
    }

    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "id": finding.id,
                    "door": finding.door.map(Door::name),
                    "level": match finding.level {
                        Level::Fine => "ok",
                        Level::Warning => "warning",
                        Level::Problem => "problem",
                    },
                    "text": finding.text,
                    "changes": finding.changes,
                })
            })
            .collect();
        let doors: serde_json::Map<String, Value> = self
            .doors
            .iter()
            .map(|(door, state)| (door.name().to_owned(), state.name().into()))
            .collect();
        json!({
            "well": self.is_well(),
            "recommended": self.recommended.map(Door::name),
            "doors": doors,
            "findings": findings,
        })
    }
}

fn state(machine: &Machine, door: Door, findings: &[Finding]) -> State {
    if doors::configured(machine, door) {
        let shuts = |finding: &Finding| {
            finding.level == Level::Problem && finding.door.is_none_or(|other| other == door)
        };
        return match findings.iter().any(shuts) {
            true => State::Broken,
            false => State::Open,
        };
    }
    let possible = machine.version().is_some_and(|version| match door {
        Door::Daemon => version.speaks(),
        Door::ExternalBuilder => version.has_external_builders(),
        Door::Hook => !version.ignores_build_hook(),
    });
    if possible {
        State::Shut
    } else {
        State::Impossible
    }
}

fn recommend(machine: &Machine, doors: &[(Door, State); 3]) -> Option<Door> {
    let version = machine.version()?;
    let with = |wanted: State| {
        doors
            .iter()
            .find(|(_, state)| *state == wanted)
            .map(|(door, _)| *door)
    };
    let best = match version.has_external_builders() {
        true => Door::ExternalBuilder,
        false => Door::Daemon,
    };
    let possible = |door: &Door| match door {
        Door::ExternalBuilder => version.has_external_builders(),
        Door::Hook => !version.ignores_build_hook(),
        Door::Daemon => true,
    };
    with(State::Open)
        .or_else(|| with(State::Broken).filter(possible))
        .or(Some(best))
}
