//! `test` and `[`.
//!
//! Counterpart: coreutils' `test.c`: POSIX by the number of words up to four, else by precedence.

use super::Utility;
use crate::shared::options::Spec;
use crate::shared::{fs, program, quote};
use bstr::{BString, ByteSlice};

const SPEC: Spec = Spec {
    options: &[],
    permute: false,
    usage: 2,
};
pub const TEST: Utility = Utility {
    name: "test",
    spec: SPEC,
    run: |_, words| evaluate(words),
};
pub const BRACKET: Utility = Utility {
    name: "[",
    spec: SPEC,
    run: bracket,
};

/// Deepest nesting of parentheses and negations.
const MAX_DEPTH: u32 = 1000;

fn bracket(_: &Spec, mut words: Vec<BString>) -> u8 {
    match words.pop() {
        Some(last) if last == "]" => evaluate(words),
        Some(last) if words.is_empty() && (last == "--help" || last == "--version") => {
            program::refuse(&format!("the option '{last}' is beyond this applet"))
        }
        _ => program::die(2, &[b"missing ", &quote::locale(b"]")]),
    }
}

fn evaluate(words: Vec<BString>) -> u8 {
    if words.is_empty() {
        return 1;
    }
    let mut test = Test {
        words,
        at: 0,
        depth: 0,
    };
    let value = test.posix(test.words.len());
    if test.at != test.words.len() {
        let extra = quote::locale(test.word(test.at));
        program::die(2, &[b"extra argument ", &extra]);
    }
    u8::from(!value)
}

struct Test {
    words: Vec<BString>,
    at: usize,
    depth: u32,
}

fn is_binary(word: &[u8]) -> bool {
    matches!(
        word,
        b"=" | b"!="
            | b"=="
            | b"-nt"
            | b"-ot"
            | b"-ef"
            | b"-eq"
            | b"-ne"
            | b"-lt"
            | b"-le"
            | b"-gt"
            | b"-ge"
    )
}

fn is_unary(word: &[u8]) -> bool {
    matches!(word, [b'-', letter] if b"bcdefgGhkLnNOprsStuwxz".contains(letter))
}

impl Test {
    fn word(&self, at: usize) -> &[u8] {
        self.words.get(at).map_or(b"", |word| word.as_slice())
    }

    fn beyond(&self) -> ! {
        let last = self.words.last().map_or(b"".as_slice(), |it| it.as_slice());
        program::die(2, &[b"missing argument after ", &quote::locale(last)])
    }

    fn posix(&mut self, count: usize) -> bool {
        match count {
            1 => self.one(),
            2 => self.two(),
            3 => self.three(),
            4 => {
                if self.word(self.at) == b"!" {
                    self.at += 1;
                    return !self.three();
                }
                if self.word(self.at) == b"(" && self.word(self.at + 3) == b")" {
                    self.at += 1;
                    let value = self.two();
                    self.at += 1;
                    return value;
                }
                self.expression()
            }
            _ => self.expression(),
        }
    }

    fn one(&mut self) -> bool {
        let value = !self.word(self.at).is_empty();
        self.at += 1;
        value
    }

    fn two(&mut self) -> bool {
        if self.word(self.at) == b"!" {
            self.at += 1;
            return !self.one();
        }
        let word = self.word(self.at);
        if word.len() == 2 && word.first() == Some(&b'-') {
            if is_unary(word) {
                return self.unary();
            }
            program::die(2, &[&quote::locale(word), b": unary operator expected"]);
        }
        self.beyond()
    }

    fn three(&mut self) -> bool {
        if is_binary(self.word(self.at + 1)) {
            return self.binary(false);
        }
        if self.word(self.at) == b"!" {
            self.at += 1;
            return !self.two();
        }
        if self.word(self.at) == b"(" && self.word(self.at + 2) == b")" {
            self.at += 1;
            let value = self.one();
            self.at += 1;
            return value;
        }
        if matches!(self.word(self.at + 1), b"-a" | b"-o" | b">" | b"<") {
            return self.expression();
        }
        program::die(
            2,
            &[
                &quote::locale(self.word(self.at + 1)),
                b": binary operator expected",
            ],
        )
    }

    fn expression(&mut self) -> bool {
        if self.at >= self.words.len() {
            self.beyond();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            program::refuse("an expression is nested too deep");
        }
        let mut value = self.and();
        while self.word(self.at) == b"-o" && self.at < self.words.len() {
            self.at += 1;
            value |= self.and();
        }
        self.depth -= 1;
        value
    }

    fn and(&mut self) -> bool {
        let mut value = self.term();
        while self.word(self.at) == b"-a" && self.at < self.words.len() {
            self.at += 1;
            value &= self.term();
        }
        value
    }

    fn term(&mut self) -> bool {
        let mut negated = false;
        while self.at < self.words.len() && self.word(self.at) == b"!" {
            self.at += 1;
            negated = !negated;
        }
        if self.at >= self.words.len() {
            self.beyond();
        }
        let left = self.words.len() - self.at;
        let value = if self.word(self.at) == b"(" {
            self.at += 1;
            if self.at >= self.words.len() {
                self.beyond();
            }
            let mut inner = 1;
            while self.at + inner < self.words.len() && self.word(self.at + inner) != b")" {
                if inner == 4 {
                    inner = self.words.len() - self.at;
                    break;
                }
                inner += 1;
            }
            let value = if inner < 4 {
                self.posix(inner)
            } else {
                self.expression()
            };
            if self.at >= self.words.len() {
                program::die(2, &[&quote::locale(b")"), b" expected"]);
            }
            if self.word(self.at) != b")" {
                let found = quote::locale(self.word(self.at));
                program::die(2, &[&quote::locale(b")"), b" expected, found ", &found]);
            }
            self.at += 1;
            value
        } else if left >= 4 && self.word(self.at) == b"-l" && is_binary(self.word(self.at + 2)) {
            self.binary(true)
        } else if left >= 3 && is_binary(self.word(self.at + 1)) {
            self.binary(false)
        } else if self.word(self.at).len() == 2 && self.word(self.at).first() == Some(&b'-') {
            if !is_unary(self.word(self.at)) {
                program::die(
                    2,
                    &[
                        &quote::locale(self.word(self.at)),
                        b": unary operator expected",
                    ],
                );
            }
            if left < 2 {
                self.beyond();
            }
            self.unary()
        } else {
            self.one()
        };
        value != negated
    }

    fn binary(&mut self, left_length: bool) -> bool {
        if left_length {
            self.at += 1;
        }
        let (left, op) = (self.word(self.at).to_vec(), self.word(self.at + 1).to_vec());
        self.at += 2;
        let right_length = self.word(self.at) == b"-l"
            && self.at + 1 < self.words.len()
            && op.first() == Some(&b'-');
        if right_length {
            self.at += 1;
        }
        let right = self.word(self.at).to_vec();
        self.at += 1;
        let time = |path: &[u8]| fs::stat(path).ok().map(|meta| meta.times[1]);
        match op.as_slice() {
            b"=" | b"==" => left == right,
            b"!=" => left != right,
            b"-nt" => time(&left) > time(&right),
            b"-ot" => time(&left) < time(&right),
            b"-ef" => match (fs::stat(&left), fs::stat(&right)) {
                (Ok(a), Ok(b)) => a.same_file(&b),
                _ => false,
            },
            _ => {
                let number = |word: &[u8], length: bool| -> Number {
                    if length {
                        Number::of(word.len().to_string().as_bytes())
                    } else {
                        Number::of(word)
                    }
                };
                let order = number(&left, left_length).cmp(&number(&right, right_length));
                match op.as_slice() {
                    b"-eq" => order.is_eq(),
                    b"-ne" => order.is_ne(),
                    b"-lt" => order.is_lt(),
                    b"-le" => order.is_le(),
                    b"-gt" => order.is_gt(),
                    _ => order.is_ge(),
                }
            }
        }
    }

    fn unary(&mut self) -> bool {
        let letter = self.word(self.at).get(1).copied().unwrap_or_default();
        if self.at + 1 >= self.words.len() {
            self.beyond();
        }
        let word = self.word(self.at + 1).to_vec();
        self.at += 2;
        let meta = || fs::stat(&word).ok();
        let kind = |kind: fs::Kind| meta().is_some_and(|meta| meta.kind == kind);
        let mode = |bits: u32| meta().is_some_and(|meta| meta.mode & bits != 0);
        match letter {
            b'n' => !word.is_empty(),
            b'z' => word.is_empty(),
            b'e' => meta().is_some(),
            b'f' => kind(fs::Kind::File),
            b'd' => kind(fs::Kind::Directory),
            b'b' => kind(fs::Kind::Block),
            b'c' => kind(fs::Kind::Character),
            b'p' => kind(fs::Kind::Fifo),
            b'S' => kind(fs::Kind::Socket),
            b'h' | b'L' => fs::lstat(&word).is_ok_and(|meta| meta.is_link()),
            b's' => meta().is_some_and(|meta| meta.size > 0),
            b'r' => fs::access(&word, 4).is_ok(),
            b'w' => fs::access(&word, 2).is_ok(),
            b'x' => fs::access(&word, 1).is_ok(),
            b'u' => mode(0o4000),
            b'g' => mode(0o2000),
            b'k' => mode(0o1000),
            b'N' => meta().is_some_and(|meta| meta.times[1] > meta.times[0]),
            b't' => {
                Number::of(&word);
                false
            }
            // Ownership: whom a build runs as is its sandbox's matter.
            _ => program::refuse(&format!(
                "the test -{} is beyond this applet",
                char::from(letter)
            )),
        }
    }
}

/// A decimal number of any length.
#[derive(PartialEq, Eq)]
struct Number {
    negative: bool,
    digits: Vec<u8>,
}

impl Number {
    fn of(word: &[u8]) -> Number {
        let text = word.trim_with(|it| it == ' ' || it == '\t');
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, text),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            program::die(2, &[b"invalid integer ", &quote::locale(word)]);
        }
        let start = digits
            .iter()
            .position(|it| *it != b'0')
            .unwrap_or(digits.len());
        let digits = digits.get(start..).unwrap_or_default().to_vec();
        Number {
            negative: negative && !digits.is_empty(),
            digits,
        }
    }

    fn cmp(&self, other: &Number) -> std::cmp::Ordering {
        let size = |it: &Number| (it.digits.len(), it.digits.clone());
        match (self.negative, other.negative) {
            (false, false) => size(self).cmp(&size(other)),
            (true, true) => size(other).cmp(&size(self)),
            (true, false) => std::cmp::Ordering::Less,
            (false, true) => std::cmp::Ordering::Greater,
        }
    }
}
