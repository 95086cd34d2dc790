//! The text of one unit from NixOS' definition of it.
//!
//! The kind is that of the name's suffix. A definition has `unitConfig`, the section of its kind
//! (`serviceConfig`, `timerConfig`, …), `wantedBy` for `[Install]`, and for services and sockets what
//! NixOS writes besides. Options that NixOS computes (`Requires` from `requires`, …) stand in
//! `unitConfig` already.
//!
//! Counterpart: `serviceToUnit`, `targetToUnit`, … of nixos/lib/systemd-lib.nix.

use crate::names::LONGEST_LINE;
use crate::sections::{self, Section};
use crate::value;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use wasibuild_guest::{Error, Result};

/// The suffixes, the titles and the attributes of the sections that the kinds have besides `[Unit]`.
const KINDS: [(&str, &str, &str); 7] = [
    ("service", "Service", "serviceConfig"),
    ("socket", "Socket", "socketConfig"),
    ("timer", "Timer", "timerConfig"),
    ("path", "Path", "pathConfig"),
    ("mount", "Mount", "mountConfig"),
    ("automount", "Automount", "automountConfig"),
    ("slice", "Slice", "sliceConfig"),
];

/// The text of the unit `name`.
pub fn text(name: &str, definition: Map<String, Value>) -> Result<String> {
    let mut fields = Fields { rest: definition };
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    let unit = fields.section("unitConfig")?;
    let mut text = format!(
        "[Unit]\n{}\n",
        sections::lines("definition.unitConfig", &unit)?
    );
    let wanted_by: Vec<String> = fields.take("wantedBy", "a list of strings")?;
    if suffix == "target" {
        fields.finish(suffix)?;
        return Ok(text);
    }
    let Some((_, title, attribute)) = KINDS.into_iter().find(|(known, _, _)| *known == suffix)
    else {
        return Err(Error::value(
            "unitName",
            format!(
                "`{name}` is of no kind that has a definition (service, socket, timer, path, mount, \
                 automount, slice, target); give `sections` or `text`"
            ),
        ));
    };
    let section = fields.section(attribute)?;
    text.push_str(&format!("[{title}]\n"));
    if suffix == "service" {
        text.push_str(&service_extras(name, &mut fields)?);
    }
    text.push_str(&sections::lines(
        &format!("definition.{attribute}"),
        &section,
    )?);
    if suffix == "socket" {
        for (attribute, key) in [
            ("listenStreams", "ListenStream"),
            ("listenDatagrams", "ListenDatagram"),
        ] {
            let addresses: Vec<String> = fields.take(attribute, "a list of strings")?;
            let lines: Vec<_> = addresses
                .iter()
                .map(|address| format!("{key}={address}"))
                .collect();
            text.push('\n');
            text.push_str(&lines.join("\n"));
        }
    }
    if suffix != "service" {
        text.push('\n');
    }
    fields.finish(suffix)?;
    if !wanted_by.is_empty() {
        text.push_str(&format!("\n[Install]\nWantedBy={}\n", wanted_by.join(" ")));
    }
    Ok(text)
}

/// Environment and the marks for NixOS' own switch, which stand before a service's options.
fn service_extras(name: &str, fields: &mut Fields) -> Result<String> {
    let expected = "an attribute set of strings and nulls";
    let mut environment: BTreeMap<String, Option<String>> =
        fields.take("globalEnvironment", expected)?;
    environment.extend(fields.take::<BTreeMap<_, _>>("environment", expected)?);
    let mut text = String::new();
    for (variable, content) in environment {
        let Some(content) = content else { continue };
        let line = format!(
            "Environment={}\n",
            value::quoted(&format!("{variable}={content}"))
        );
        if line.len() >= LONGEST_LINE {
            return Err(Error::value(
                "definition.environment",
                format!(
                    "The value of the environment variable ‘{variable}’ in systemd service ‘{name}’ \
                     is too long."
                ),
            ));
        }
        text.push_str(&line);
    }
    if fields.boolean("reloadIfChanged")? == Some(true) {
        fields.boolean("restartIfChanged")?;
        text.push_str("X-ReloadIfChanged=true\n");
    } else if fields.boolean("restartIfChanged")? == Some(false) {
        text.push_str("X-RestartIfChanged=false\n");
    }
    if fields.boolean("stopIfChanged")? == Some(false) {
        text.push_str("X-StopIfChanged=false\n");
    }
    if fields.boolean("notSocketActivated")? == Some(true) {
        text.push_str("X-NotSocketActivated=true\n");
    }
    Ok(text)
}

/// The fields of a definition that were not taken yet.
struct Fields {
    rest: Map<String, Value>,
}

impl Fields {
    /// Takes a field; absent and `null` are empty.
    fn take<T: serde::de::DeserializeOwned + Default>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<T> {
        match self.rest.remove(name) {
            None | Some(Value::Null) => Ok(T::default()),
            Some(value) => serde_json::from_value(value).map_err(|error| {
                Error::wrong_type(format!("definition.{name}"), expected, error.to_string())
            }),
        }
    }

    fn section(&mut self, name: &str) -> Result<Section> {
        self.take(name, "an attribute set of options")
    }

    fn boolean(&mut self, name: &str) -> Result<Option<bool>> {
        self.take(name, "true or false")
    }

    fn finish(self, kind: &str) -> Result<()> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::value(
                format!("definition.{name}"),
                format!("a {kind} has no such attribute; remove it or check its spelling"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(name: &str, definition: Value) -> Result<String> {
        let Value::Object(definition) = definition else {
            unreachable!()
        };
        text(name, definition)
    }

    #[test]
    fn a_service_is_as_nixos_writes_it() {
        let text = rendered(
            "x.service",
            json!({
                "unitConfig": {"Description": "an X", "After": "a.target"},
                "globalEnvironment": {"TZ": "UTC", "A": "global"},
                "environment": {"A": "b \"c\"", "GONE": null},
                "restartIfChanged": false,
                "stopIfChanged": false,
                "serviceConfig": {"ExecStart": "/bin/x", "RemainAfterExit": true},
                "wantedBy": ["multi-user.target", "other.target"],
            }),
        );
        assert_eq!(
            text.unwrap(),
            "[Unit]\nAfter=a.target\nDescription=an X\n\n[Service]\n\
             Environment=\"A=b \\\"c\\\"\"\nEnvironment=\"TZ=UTC\"\n\
             X-RestartIfChanged=false\nX-StopIfChanged=false\n\
             ExecStart=/bin/x\nRemainAfterExit=true\n\n\
             [Install]\nWantedBy=multi-user.target other.target\n"
        );
    }

    #[test]
    fn other_kinds_end_with_an_empty_line() {
        let timer = rendered(
            "x.timer",
            json!({"timerConfig": {"OnCalendar": ["a", "b"]}}),
        );
        assert_eq!(
            timer.unwrap(),
            "[Unit]\n\n[Timer]\nOnCalendar=a\nOnCalendar=b\n\n"
        );
        let target = rendered("x.target", json!({"wantedBy": ["a.target"]}));
        assert_eq!(target.unwrap(), "[Unit]\n\n");
        let socket = rendered(
            "x.socket",
            json!({"socketConfig": {"Accept": false}, "listenStreams": ["/a", "/b"]}),
        );
        assert_eq!(
            socket.unwrap(),
            "[Unit]\n\n[Socket]\nAccept=false\n\nListenStream=/a\nListenStream=/b\n\n"
        );
    }

    #[test]
    fn what_a_kind_does_not_have_is_refused() {
        for (name, definition, words) in [
            (
                "x.timer",
                json!({"serviceConfig": {}}),
                "`definition.serviceConfig`",
            ),
            (
                "x.service",
                json!({"environment": {"A": 1}}),
                "`definition.environment`",
            ),
            ("x.swap", json!({}), "no kind"),
            (
                "x.service",
                json!({"environment": {"A": "b".repeat(LONGEST_LINE)}}),
                "too long",
            ),
        ] {
            let message = rendered(name, definition).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
