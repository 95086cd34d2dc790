//! `test` and `[`: the rules of POSIX by the number of arguments, else a grammar with `-a`, `-o`.

use super::Call;
use crate::exec::cond::compare_numbers;
use crate::state::{Flow, Shell};

const BINARY: &[&[u8]] = &[
    b"=", b"==", b"!=", b"<", b">", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-nt", b"-ot",
    b"-ef",
];
const UNARY: &[u8] = b"abcdefghknoprstuvwxzGLNORS";
const MAX_DEPTH: u32 = 200;

pub fn bracket(sh: &mut Shell, call: &mut Call) -> Flow {
    if call.args.pop().is_none_or(|last| last != b"]") {
        sh.builtin_error(b"[", b"missing `]'");
        return Ok(2);
    }
    Ok(run(sh, b"[", &call.args))
}

pub fn test(sh: &mut Shell, call: &mut Call) -> Flow {
    Ok(run(sh, b"test", &call.args))
}

fn run(sh: &mut Shell, name: &[u8], args: &[Vec<u8>]) -> i32 {
    let mut t = Test {
        sh,
        args,
        at: 0,
        depth: 0,
    };
    match t.by_count(0, args.len()) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(message) => {
            sh.builtin_error(name, message);
            2
        }
    }
}

struct Test<'a> {
    sh: &'a mut Shell,
    args: &'a [Vec<u8>],
    at: usize,
    depth: u32,
}

type Truth = Result<bool, Vec<u8>>;

fn is_unary(text: &[u8]) -> bool {
    matches!(text, [b'-', op] if UNARY.contains(op))
}

fn is_binary(text: &[u8]) -> bool {
    BINARY.contains(&text)
}

impl Test<'_> {
    fn arg(&self, at: usize) -> &[u8] {
        self.args.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    /// The rules for up to four arguments.
    fn by_count(&mut self, from: usize, count: usize) -> Truth {
        match count {
            0 => Ok(false),
            1 => Ok(!self.arg(from).is_empty()),
            2 => {
                let (a, b) = (self.arg(from).to_vec(), self.arg(from + 1).to_vec());
                if a == b"!" {
                    return Ok(b.is_empty());
                }
                if is_unary(&a) {
                    return self.unary(&a, &b);
                }
                Err([a.as_slice(), b": unary operator expected"].concat())
            }
            3 => {
                let (a, op, b) = (
                    self.arg(from).to_vec(),
                    self.arg(from + 1).to_vec(),
                    self.arg(from + 2).to_vec(),
                );
                if is_binary(&op) {
                    return self.binary(&a, &op, &b);
                }
                if op == b"-a" {
                    return Ok(!a.is_empty() && !b.is_empty());
                }
                if op == b"-o" {
                    return Ok(!a.is_empty() || !b.is_empty());
                }
                if a == b"!" {
                    return self.by_count(from + 1, 2).map(|t| !t);
                }
                if a == b"(" && b == b")" {
                    return Ok(!op.is_empty());
                }
                Err([op.as_slice(), b": binary operator expected"].concat())
            }
            4 if self.arg(from) == b"!" => self.by_count(from + 1, 3).map(|t| !t),
            4 if self.arg(from) == b"(" && self.arg(from + 3) == b")" => self.by_count(from + 1, 2),
            _ => {
                self.at = from;
                let truth = self.or()?;
                if self.at < self.args.len() {
                    return Err(b"too many arguments".to_vec());
                }
                Ok(truth)
            }
        }
    }

    fn or(&mut self) -> Truth {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(b"expression nested too deeply".to_vec());
        }
        let mut truth = self.and()?;
        while self.arg(self.at) == b"-o" {
            self.at += 1;
            truth |= self.and()?;
        }
        self.depth -= 1;
        Ok(truth)
    }

    fn and(&mut self) -> Truth {
        let mut truth = self.term()?;
        while self.arg(self.at) == b"-a" && self.at < self.args.len() {
            self.at += 1;
            truth &= self.term()?;
        }
        Ok(truth)
    }

    fn term(&mut self) -> Truth {
        if self.at >= self.args.len() {
            return Err(b"argument expected".to_vec());
        }
        let mut negate = false;
        while self.arg(self.at) == b"!" && self.at + 1 < self.args.len() {
            negate = !negate;
            self.at += 1;
        }
        let left = self.arg(self.at).to_vec();
        let truth = if self.at + 2 < self.args.len() && is_binary(self.arg(self.at + 1)) {
            let (op, right) = (
                self.arg(self.at + 1).to_vec(),
                self.arg(self.at + 2).to_vec(),
            );
            self.at += 3;
            self.binary(&left, &op, &right)?
        } else if left == b"(" {
            self.at += 1;
            let truth = self.or()?;
            if self.arg(self.at) != b")" {
                return Err(b"`)' expected".to_vec());
            }
            self.at += 1;
            truth
        } else if is_unary(&left) && self.at + 1 < self.args.len() {
            let operand = self.arg(self.at + 1).to_vec();
            self.at += 2;
            self.unary(&left, &operand)?
        } else {
            self.at += 1;
            !left.is_empty()
        };
        Ok(truth != negate)
    }

    fn unary(&mut self, op: &[u8], operand: &[u8]) -> Truth {
        let letter = op.get(1).copied().unwrap_or(b'n');
        if letter == b't' && crate::arith::parse_decimal(operand).is_none() {
            return Ok(false);
        }
        Ok(self.sh.unary_test(letter, operand))
    }

    fn binary(&mut self, a: &[u8], op: &[u8], b: &[u8]) -> Truth {
        match op {
            b"=" | b"==" => Ok(a == b),
            b"!=" => Ok(a != b),
            b"<" => Ok(a < b),
            b">" => Ok(a > b),
            b"-nt" | b"-ot" | b"-ef" => Ok(self.sh.compare_files(op, a, b)),
            _ => {
                let number = |text: &[u8]| {
                    crate::arith::parse_decimal(text)
                        .ok_or_else(|| [text, b": integer expression expected"].concat())
                };
                Ok(compare_numbers(op, number(a)?, number(b)?))
            }
        }
    }
}
