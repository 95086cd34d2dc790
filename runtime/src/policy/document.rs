//! The tables of docs/configuration.md.
//!
//! Contract: derived from the table of settings alone; a test finds each in the document.

use super::table::{KEYS, TABLES};

/// One Markdown table for each table of the file, with its heading.
pub fn markdown() -> String {
    let mut out = String::new();
    for (table, about) in TABLES {
        let heading = match *table {
            "" => "## At the top".to_owned(),
            table => format!("## `[{table}]`"),
        };
        out.push_str(&format!("{heading}\n\n{about}\n\n"));
        out.push_str(
            "| setting | type | default | variable, option | what |\n|---|---|---|---|---|\n",
        );
        for key in KEYS.iter().filter(|key| key.table() == *table) {
            let option = key
                .option
                .map_or_else(String::new, |option| format!(", `{option}`"));
            out.push_str(&format!(
                "| `{}` | {} | `{}` | `{}`{option} | {} |\n",
                key.short(),
                key.kind.describe(),
                key.default.replace('\'', "\""),
                key.variable(),
                key.help,
            ));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_what_the_table_says() {
        let document = include_str!("../../../docs/configuration.md");
        let wanted = markdown();
        for (wanted, found) in wanted
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| (line, document.lines().any(|other| other == line)))
        {
            assert!(
                found,
                "docs/configuration.md lacks the line\n{wanted}\nall lines:\n{}",
                markdown()
            );
        }
        // And has no setting that is not there any more.
        let rows = |text: &str| {
            text.lines()
                .filter(|line| line.starts_with("| `") && line.contains("`WASIBUILD_"))
                .count()
        };
        assert_eq!(
            rows(document),
            rows(&wanted),
            "docs/configuration.md has other settings"
        );
    }
}
