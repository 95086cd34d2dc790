//! The programs and their options as a table for docs/applets.md, from the tables that the parsers
//! read.

use crate::shared::options::{Spec, Takes};
use crate::{coreutils, diffutils, findutils, gawk, grep, jq, patch, sed, tar, trifles, unpack};

/// One line per program: package, name, options.
pub fn markdown() -> String {
    let mut text = String::from("| package | program | options |\n|---|---|---|\n");
    let mut line = |package: &str, name: &str, options: &str| {
        text.push_str(&format!("| {package} | `{name}` | {options} |\n"));
    };
    for utility in coreutils::UTILITIES {
        line("coreutils", utility.name, &options(&utility.spec));
    }
    line("diffutils", "cmp", &options(&diffutils::CMP));
    line("diffutils", "diff", &options(&diffutils::DIFF));
    line("diffutils", "sdiff", &options(&diffutils::SDIFF));
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let all = [findutils::FIND_OPTIONS, findutils::PREDICATES].concat();
    line("findutils", "find", &words(&all));
    line("findutils", "xargs", &options(&findutils::XARGS));
    line("gawk", "awk", &options(&gawk::SPEC));
    line("gawk", "gawk", &options(&gawk::SPEC));
    line("gnugrep", "grep", &options(&grep::SPEC));
    line("gnused", "sed", &options(&sed::SPEC));
    line("gnupatch", "patch", &options(&patch::SPEC));
    line("gnutar", "tar", &options(&tar::SPEC));
    line("jq", "jq", &words(jq::OPTIONS));
    for (package, name, options, _) in trifles::TRIFLES {
        line(package, name, options);
    }
    for (package, name, _) in unpack::PROGRAMS {
        line(package, name, &options(&unpack::SPEC));
    }
    text
}

fn options(spec: &Spec) -> String {
    let mut words = Vec::new();
    for option in spec.options {
        let value = match option.takes {
            Takes::Nothing => ("", ""),
            Takes::Value => (" X", "=X"),
            Takes::MaybeValue => ("[X]", "[=X]"),
        };
        let mut spellings = Vec::new();
        if option.key.is_ascii() {
            spellings.push(format!("-{}", option.key));
        }
        if !option.long.is_empty() {
            spellings.push(format!("--{}", option.long));
        }
        let value = if option.long.is_empty() {
            value.0
        } else {
            value.1
        };
        words.push(format!("`{}{value}`", spellings.join(" ")));
    }
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}
