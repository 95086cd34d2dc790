//! `wasibuild man` and `wasibuild completions`: documents made from the option table.
//!
//! Contract: nothing is written by hand here; what [`crate::options`] says is what is printed.

use std::io::{self, Write};

use crate::error::Error;
use crate::{exit_code, options};

/// Prints the manual page in roff, one page for all commands.
pub fn man(out: &mut dyn Write) -> Result<(), Error> {
    render_man(out).map_err(Error::standard_output)
}

fn render_man(out: &mut dyn Write) -> io::Result<()> {
    let mut table = options::table();
    table.build();
    let without_codes = table.clone().after_help("");
    let man = clap_mangen::Man::new(without_codes)
        .manual("wasibuild")
        .section("1");
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    writeln!(out, ".SH COMMANDS")?;
    for command in table.get_subcommands() {
        render_command(out, command, "wasibuild")?;
    }
    writeln!(out, ".SH \"EXIT STATUS\"\n.nf")?;
    for line in exit_code::TABLE.lines().skip(1) {
        writeln!(out, "{}", escape(line))?;
    }
    writeln!(out, ".fi")
}

fn render_command(out: &mut dyn Write, command: &clap::Command, parent: &str) -> io::Result<()> {
    let name = format!("{parent} {}", command.get_name());
    if command.has_subcommands() {
        for sub in command.get_subcommands() {
            render_command(out, sub, &name)?;
        }
        return Ok(());
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    writeln!(out, ".SS \"{}\"", escape(&name))?;
    writeln!(
        out,
        "{}\n.PP\n\\fB{}\\fR",
        escape(&about(command)),
        escape(usage)
    )?;
    for argument in command
        .get_arguments()
        .filter(|argument| !argument.is_global_set())
    {
        if matches!(argument.get_id().as_str(), "help" | "version") {
            continue;
        }
        let help = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        writeln!(
            out,
            ".TP\n\\fB{}\\fR\n{}",
            escape(&argument.to_string()),
            escape(&help)
        )?;
        let short = argument.get_short().map(|c| format!("Short form: -{c}."));
        let defaults: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|v| v.to_string_lossy())
            .collect();
        if let Some(short) = short {
            writeln!(out, "{}", escape(&short))?;
        }
        if !defaults.is_empty() && argument.get_action().takes_values() {
            writeln!(out, "Default: {}.", escape(&defaults.join(" ")))?;
        }
    }
    Ok(())
}

fn about(command: &clap::Command) -> String {
    command
        .get_about()
        .map(|text| format!("{text}."))
        .unwrap_or_default()
}

/// Makes text safe for roff: no backslash, hyphen or leading dot is taken for a request.
fn escape(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) {
        format!("\\&{escaped}")
    } else {
        escaped
    }
}

/// Prints the completions for a shell.
pub fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> Result<(), Error> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut options::table(), "wasibuild", &mut text);
    out.write_all(&text).map_err(Error::standard_output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_names_every_command_option_and_exit_code() {
        let mut page = Vec::new();
        man(&mut page).expect("the manual");
        let page = String::from_utf8(page).expect("text").replace("\\-", "-");
        for text in [
            "wasibuild run",
            "wasibuild store gc",
            "--max-silent-time",
            "--substituters",
            "  102  a fixed output",
        ] {
            assert!(page.contains(text), "{text} is missing in\n{page}");
        }
        assert_eq!(page.matches("\n.SS \"wasibuild run\"").count(), 1);
    }

    #[test]
    fn completions_exist_for_the_shells() {
        for shell in [
            clap_complete::Shell::Bash,
            clap_complete::Shell::Zsh,
            clap_complete::Shell::Fish,
        ] {
            let mut text = Vec::new();
            completions(shell, &mut text).expect("completions");
            assert!(
                String::from_utf8_lossy(&text).contains("max-silent-time"),
                "{shell}"
            );
        }
    }
}
