//! Tables of cases (`cases/*.cases`): a command to a line, run in a tree that lines before it made.
//!
//! Words are parted by blanks. `'…'` holds anything but a quote, `$'…'` C's escapes. Variables may
//! stand before the command, as in a shell. A last word that begins with `<` is standard input.
//! `file`, `exec`, `link` and `dir` add to the tree; `touched N` dates all of it; `builder` runs the
//! GNU program as the sandbox's user; `reset` forgets these. `#` begins a comment.

use super::harness::{Case, case, same};
use bstr::{BString, ByteSlice};

/// Reads a table.
pub fn table(text: &str) -> Vec<Case> {
    let mut garden = Case::default();
    let mut cases = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = words(line);
        let second = words.get(1).cloned().unwrap_or_default();
        let third = words.get(2).cloned().unwrap_or_default();
        match words[0].as_slice() {
            b"file" => garden.tree.push(('f', second, third)),
            b"exec" => garden.tree.push(('x', second, third)),
            b"link" => garden.tree.push(('l', second, third)),
            b"dir" => garden.tree.push(('d', second, third)),
            b"touched" => garden.touch(&second),
            b"builder" => garden.as_builder = true,
            b"reset" => garden = Case::default(),
            _ => {
                let mut next = garden.clone();
                while let Some((name, value)) = words[0].clone().split_once_str("=") {
                    next.env.push((name.into(), value.into()));
                    words.remove(0);
                }
                if let Some(input) = words.last().and_then(|it| it.strip_prefix(b"<"))
                    && line.contains(" <")
                {
                    next.stdin = input.into();
                    words.pop();
                }
                next.argv = words;
                cases.push(next);
            }
        }
    }
    cases
}

/// The words of a line.
fn words(line: &str) -> Vec<BString> {
    let mut words = Vec::new();
    let mut word: Option<BString> = None;
    let mut rest = line.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == ' ' || letter == '\t' {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        let escapes = letter == '$' && rest.peek() == Some(&'\'');
        if escapes {
            rest.next();
        }
        if !escapes && letter != '\'' {
            word.extend(letter.to_string().bytes());
            continue;
        }
        loop {
            match rest
                .next()
                .unwrap_or_else(|| panic!("an open quote: {line}"))
            {
                '\'' => break,
                '\\' if escapes => word.push(escape(&mut rest)),
                other => word.extend(other.to_string().bytes()),
            }
        }
    }
    words.extend(word);
    words
}

fn escape(rest: &mut impl Iterator<Item = char>) -> u8 {
    match rest.next().expect("an escape") {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'a' => 7,
        'b' => 8,
        'v' => 11,
        'f' => 12,
        '0' => 0,
        'x' => {
            let digits: String = rest.take(2).collect();
            u8::from_str_radix(&digits, 16).expect("two digits")
        }
        other => u8::try_from(other).expect("ASCII"),
    }
}

#[test]
fn a_table_is_read() {
    let found = table("file f $'a\\tb\\x41'\nA=1 cat 'x y'z <$'\\n'\nreset\ncat");
    assert_eq!(found[0].argv, ["cat", "x yz"]);
    assert_eq!(found[0].env, [("A".into(), "1".into())]);
    assert_eq!(found[0].stdin, "\n");
    assert_eq!(found[0].tree, [('f', "f".into(), "a\tbA".into())]);
    assert!(found[1].tree.is_empty() && found[1].argv == case(&["cat"]).argv);
}

#[test]
fn lines() {
    same(table(include_str!("cases/lines.cases")));
}

#[test]
fn sort() {
    same(table(include_str!("cases/sort.cases")));
}

#[test]
fn numbers() {
    same(table(include_str!("cases/numbers.cases")));
}

#[test]
fn dump() {
    same(table(include_str!("cases/dump.cases")));
}

#[test]
fn date() {
    same(table(include_str!("cases/date.cases")));
}

#[test]
fn files() {
    same(table(include_str!("cases/files.cases")));
}

#[test]
fn system() {
    same(table(include_str!("cases/system.cases")));
}

#[test]
fn archives() {
    same(table(include_str!("cases/archives.cases")));
}

#[test]
fn owners() {
    same(table(include_str!("cases/owners.cases")));
}

#[test]
fn diff() {
    same(table(include_str!("cases/diff.cases")));
}

#[test]
fn numfmt() {
    same(table(include_str!("cases/numfmt.cases")));
}

#[test]
fn pieces() {
    same(table(include_str!("cases/pieces.cases")));
}

#[test]
fn find() {
    same(table(include_str!("cases/find.cases")));
}

#[test]
fn further() {
    same(table(include_str!("cases/further.cases")));
}
