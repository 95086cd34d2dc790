//! The attributes of the unit-file builder.

use crate::directory::{self, Unit as DirectoryUnit};
use crate::{definition, names, sections};
use bstr::BString;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use wasibuild_guest::{Attributes, Error, Node, Result};

/// What a derivation asks for.
#[derive(Debug)]
pub enum Request {
    /// One unit.
    Unit(Unit),
    /// All units.
    Directory(directory::Request),
}

/// One unit: its name and what it is.
#[derive(Debug)]
pub struct Unit {
    name: String,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Masked,
    Text(BString),
    Sections(Map<String, Value>),
    Definition(Map<String, Value>),
}

impl Request {
    /// Takes the attributes.
    pub fn take(attributes: &mut Attributes) -> Result<Self> {
        match (attributes.has("unitName"), attributes.has("units")) {
            (true, false) => unit(attributes).map(Self::Unit),
            (false, true) => units(attributes).map(Self::Directory),
            (true, true) => Err(Error::Contradiction {
                first: "unitName".to_owned(),
                second: "units".to_owned(),
                problem: "one asks for a unit, the other for the directory of units; keep one"
                    .to_owned(),
            }),
            (false, false) => Err(Error::Missing {
                name: "unitName`, `units".to_owned(),
                expected: "unitName (one unit) or units (the directory of units)",
            }),
        }
    }
}

impl Unit {
    /// Plans the output: a directory with the unit.
    pub fn plan(self) -> Result<Node> {
        let node = match self.body {
            Body::Masked => Node::Symlink("/dev/null".into()),
            Body::Text(text) => Node::file(text),
            Body::Sections(sections) => Node::file(sections::file("sections", &sections)?),
            Body::Definition(definition) => Node::file(definition::text(&self.name, definition)?),
        };
        let mut tree = Node::directory();
        tree.insert(self.name.as_bytes(), node)
            .map_err(|_| Error::value("unitName", "is an empty name"))?;
        Ok(tree)
    }
}

fn unit(attributes: &mut Attributes) -> Result<Unit> {
    let name = attributes.utf8("unitName")?.unwrap_or_default();
    names::check("unitName", &name)?;
    let enabled = !attributes.has("enable") || attributes.boolean("enable")?;
    let object = "an attribute set";
    let text = attributes.string("text")?;
    let sections = attributes.parsed("sections", object)?;
    let definition = attributes.parsed("definition", object)?;
    let given = [
        ("text", text.is_some()),
        ("sections", sections.is_some()),
        ("definition", definition.is_some()),
    ];
    let mut given = given
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| *name);
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        return Err(Error::Contradiction {
            first: first.to_owned(),
            second: second.to_owned(),
            problem: "each is the whole unit; keep one".to_owned(),
        });
    }
    let body = match (enabled, text, sections, definition) {
        (false, ..) => Body::Masked,
        (true, Some(text), ..) => Body::Text(text),
        (true, _, Some(sections), _) => Body::Sections(sections),
        (true, _, _, Some(definition)) => Body::Definition(definition),
        (true, None, None, None) => {
            return Err(Error::Missing {
                name: "text`, `sections`, `definition".to_owned(),
                expected: "one of these, or `enable = false` for a masked unit",
            });
        }
    };
    Ok(Unit { name, body })
}

fn units(attributes: &mut Attributes) -> Result<directory::Request> {
    let expected = "an attribute set of { unit; aliases; wantedBy; … } by unit name";
    let units: BTreeMap<String, DirectoryUnit> =
        attributes.parsed("units", expected)?.unwrap_or_default();
    for (name, unit) in &units {
        let attribute = format!("units.{name}");
        names::check(&attribute, name)?;
        let lists = [
            ("aliases", &unit.aliases),
            ("wantedBy", &unit.wanted_by),
            ("upheldBy", &unit.upheld_by),
            ("requiredBy", &unit.required_by),
        ];
        for (list, names) in lists {
            for name in names {
                names::check(&format!("{attribute}.{list}"), name)?;
            }
        }
        check_path(&format!("{attribute}.unit"), unit.unit.as_bytes())?;
    }
    let kind = attributes
        .utf8("type")?
        .unwrap_or_else(|| "system".to_owned());
    let Some(kind) = directory::Kind::from_name(&kind) else {
        return Err(Error::value(
            "type",
            format!("`{kind}` is not one of system, initrd, user, nspawn"),
        ));
    };
    let relative = |name: &str, values: Vec<BString>| -> Result<Vec<BString>> {
        for value in &values {
            names::check(name, &value.to_string())?;
        }
        Ok(values)
    };
    let upstream_units = relative("upstreamUnits", attributes.strings("upstreamUnits")?)?;
    let upstream_wants = relative("upstreamWants", attributes.strings("upstreamWants")?)?;
    let packages = attributes.strings("packages")?;
    for package in &packages {
        check_path("packages", package)?;
    }
    let package = attributes.string("package")?;
    match &package {
        Some(package) => check_path("package", package)?,
        None if !upstream_units.is_empty() || !upstream_wants.is_empty() => {
            return Err(Error::Missing {
                name: "package".to_owned(),
                expected: "the systemd that upstreamUnits and upstreamWants are taken from",
            });
        }
        None => {}
    }
    let allow_collisions =
        !attributes.has("allowCollisions") || attributes.boolean("allowCollisions")?;
    let links = ["defaultUnit", "ctrlAltDelUnit"].map(|name| (name, attributes.utf8(name)));
    let mut targets = Vec::new();
    for (name, target) in links {
        let target = target?;
        match (&target, kind) {
            (Some(target), directory::Kind::System) => names::check(name, target)?,
            (None, directory::Kind::System) => {
                return Err(Error::Missing {
                    name: name.to_owned(),
                    expected: "the unit that the directory of the system links to",
                });
            }
            (Some(_), _) => {
                return Err(Error::Contradiction {
                    first: name.to_owned(),
                    second: "type".to_owned(),
                    problem: "only the directory of type `system` has this link; remove it"
                        .to_owned(),
                });
            }
            (None, _) => {}
        }
        targets.push(BString::from(target.unwrap_or_default()));
    }
    let mut targets = targets.into_iter();
    Ok(directory::Request {
        kind,
        units,
        upstream_units,
        upstream_wants,
        packages,
        package: package.unwrap_or_default(),
        allow_collisions,
        default_unit: targets.next().unwrap_or_default(),
        ctrl_alt_del_unit: targets.next().unwrap_or_default(),
    })
}

/// Checks an absolute path that the shell script of NixOS has outside of quotes.
fn check_path(attribute: &str, path: &[u8]) -> Result<()> {
    if path.starts_with(b"/") && names::is_plain(path) {
        return Ok(());
    }
    Err(Error::value(
        attribute,
        format!(
            "{:?} is not an absolute path without blanks and wildcards",
            bstr::BStr::new(path)
        ),
    ))
}
