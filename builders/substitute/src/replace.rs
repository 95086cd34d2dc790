//! Replacing strings in a file that is held in memory.
//!
//! Semantics: those of Bash's `${content//"$pattern"/"$replacement"}`, once for each operation, on
//! the result of the one before. Time: linear in the file for each operation that finds something;
//! operations on `@name@` that find nothing cost no pass of their own, so that a file is read about
//! once however many variables there are.

use crate::operation::{Absent, Operation};
use memchr::{memchr_iter, memmem};
use std::collections::BTreeSet;

/// What a run of operations found out.
#[derive(Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// Operations with [`Absent::Warn`] whose pattern did not occur.
    pub warnings: Vec<&'a Operation>,
    /// The first operation with [`Absent::Fail`] whose pattern did not occur. None came after it.
    pub failure: Option<&'a Operation>,
}

/// Applies the operations in their order.
pub fn apply<'a>(content: &mut Vec<u8>, operations: &'a [Operation]) -> Report<'a> {
    let names: BTreeSet<&[u8]> = operations.iter().filter_map(variable_name).collect();
    let mut present = None;
    let mut report = Report {
        warnings: Vec::new(),
        failure: None,
    };
    for operation in operations {
        let may_occur = match variable_name(operation) {
            Some(name) => present
                .get_or_insert_with(|| names_between_ats(content, &names))
                .contains(name),
            None => true,
        };
        let found = match may_occur.then(|| replace(content, operation)).flatten() {
            Some(replaced) => {
                *content = replaced;
                present = None;
                true
            }
            // As in Bash, the empty pattern occurs everywhere and changes nothing.
            None => operation.pattern.is_empty(),
        };
        match operation.absent {
            _ if found => {}
            Absent::Quiet => {}
            Absent::Warn => report.warnings.push(operation),
            Absent::Fail => {
                report.failure = Some(operation);
                break;
            }
        }
    }
    report
}

/// The name in a pattern `@name@`, if it is one and the name has no `@` in it.
fn variable_name(operation: &Operation) -> Option<&[u8]> {
    let name = operation.pattern.strip_prefix(b"@")?.strip_suffix(b"@")?;
    (!name.contains(&b'@')).then_some(name)
}

/// Which of the names stand between two `@` that follow each other.
fn names_between_ats<'a>(content: &[u8], names: &BTreeSet<&'a [u8]>) -> BTreeSet<&'a [u8]> {
    let longest = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut present = BTreeSet::new();
    let mut previous: Option<usize> = None;
    for at in memchr_iter(b'@', content) {
        if let Some(start) = previous
            && at - start - 1 <= longest
            && let Some(between) = content.get(start + 1..at)
            && let Some(name) = names.get(between)
        {
            present.insert(*name);
            if present.len() == names.len() {
                break;
            }
        }
        previous = Some(at);
    }
    present
}

/// The content with every occurrence replaced; `None` where there is none.
fn replace(content: &[u8], operation: &Operation) -> Option<Vec<u8>> {
    if operation.pattern.is_empty() {
        return None;
    }
    let finder = memmem::Finder::new(&operation.pattern);
    let mut occurrences = finder.find_iter(content).peekable();
    occurrences.peek()?;
    let mut replaced = Vec::with_capacity(content.len());
    let mut end = 0;
    for start in occurrences {
        replaced.extend_from_slice(content.get(end..start)?);
        replaced.extend_from_slice(&operation.replacement);
        end = start + operation.pattern.len();
    }
    replaced.extend_from_slice(content.get(end..)?);
    Some(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::{BString, ByteSlice};
    use proptest::prelude::*;

    fn operation() -> impl Strategy<Value = Operation> {
        // Few letters, so that patterns occur, overlap, and come into being by replacement.
        let words = prop::collection::vec(prop::sample::select(b"@ab".to_vec()), 0..4);
        let name = prop::collection::vec(prop::sample::select(b"ab".to_vec()), 0..3);
        let pattern = prop_oneof![
            words.clone(),
            name.prop_map(|name| [b"@", name.as_slice(), b"@"].concat()),
        ];
        let absent = prop::sample::select(vec![Absent::Quiet, Absent::Warn, Absent::Fail]);
        (pattern, words, absent).prop_map(|(pattern, replacement, absent)| Operation {
            pattern: BString::from(pattern),
            replacement: BString::from(replacement),
            absent,
        })
    }

    /// The definition, without any shortcut.
    fn one_by_one<'a>(content: &mut Vec<u8>, operations: &'a [Operation]) -> Report<'a> {
        let mut report = Report {
            warnings: Vec::new(),
            failure: None,
        };
        for operation in operations {
            let found = content.contains_str(&operation.pattern);
            if !operation.pattern.is_empty() {
                *content = content.replace(&operation.pattern, &operation.replacement);
            }
            match operation.absent {
                Absent::Warn if !found => report.warnings.push(operation),
                Absent::Fail if !found => {
                    report.failure = Some(operation);
                    break;
                }
                _ => {}
            }
        }
        report
    }

    proptest! {
        #[test]
        fn shortcuts_do_not_show(
            content in prop::collection::vec(prop::sample::select(b"@@@ab".to_vec()), 0..40),
            operations in prop::collection::vec(operation(), 0..6),
        ) {
            let mut expected = content.clone();
            let expected_report = one_by_one(&mut expected, &operations);
            let mut found = content;
            let found_report = apply(&mut found, &operations);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(found_report, expected_report);
        }
    }
}
