//! `wasibuild config`: the settings in effect, see [`crate::policy`].
//!
//! Contract: what is printed without `--json` is a configuration file itself.

use std::io::Write;

use crate::error::Error;
use crate::options::{Common, Config};
use crate::policy;

/// Prints them.
pub fn config(common: &Common, options: &Config, out: &mut dyn Write) -> Result<(), Error> {
    let text = match options {
        Config { defaults: true, .. } => policy::text(&policy::defaults(), true),
        Config { json, .. } => {
            let settings = super::policy(common, &())?.settings;
            match json {
                true => format!("{:#}\n", policy::json(&settings)),
                false => policy::text(&settings, false),
            }
        }
    };
    out.write_all(text.as_bytes())
        .map_err(Error::standard_output)
}
