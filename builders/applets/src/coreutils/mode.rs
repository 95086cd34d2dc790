//! Modes as `chmod` reads them: octal, or symbolic.
//!
//! Counterpart: gnulib's `modechange.c`.

use crate::shared::fs::Meta;

/// A parsed mode.
#[derive(Clone, Debug)]
pub struct Mode(Vec<Change>);

#[derive(Clone, Copy, Debug)]
enum Bits {
    /// These bits.
    Value(u32),
    /// Those that the user, the group or others have now.
    CopyOf(u32),
    /// Execute, for directories and what is executable already.
    ExecuteIfAny(u32),
}

#[derive(Clone, Copy, Debug)]
struct Change {
    op: u8,
    /// Bits that may change; 0 = all that the mask leaves.
    affected: u32,
    bits: Bits,
    /// Bits that were named: a number with few digits leaves a directory's set-id bits.
    mentioned: u32,
}

const ALL: u32 = 0o7777;

impl Mode {
    /// Reads a mode; `None` if it is none.
    pub fn parse(text: &[u8]) -> Option<Mode> {
        if text.first().is_some_and(u8::is_ascii_digit) {
            let mut value = 0u32;
            for digit in text {
                let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
                value = value * 8 + u32::from(digit);
                if value > ALL {
                    return None;
                }
            }
            let mentioned = if text.len() < 5 {
                (value & 0o6000) | 0o1777
            } else {
                ALL
            };
            let change = Change {
                op: b'=',
                affected: ALL,
                bits: Bits::Value(value),
                mentioned,
            };
            return Some(Mode(vec![change]));
        }
        let mut changes = Vec::new();
        for clause in text.split(|byte| *byte == b',') {
            symbolic(clause, &mut changes)?;
        }
        Some(Mode(changes))
    }

    /// The mode that replaces `old`.
    pub fn apply(&self, old: u32, directory: bool, umask: u32) -> u32 {
        let mut mode = old & ALL;
        for change in &self.0 {
            let mut omit = if directory { 0o6000 } else { 0 } & !change.mentioned;
            let mut value = match change.bits {
                Bits::Value(value) => value,
                Bits::ExecuteIfAny(value) if directory || mode & 0o111 != 0 => value | 0o111,
                Bits::ExecuteIfAny(value) => value,
                Bits::CopyOf(from) => {
                    let three = mode & from;
                    let has = |bits: u32| three & bits != 0;
                    let mut value = 0;
                    for (bits, all) in [(0o444, 0o444), (0o222, 0o222), (0o111, 0o111)] {
                        if has(bits) {
                            value |= all;
                        }
                    }
                    value
                }
            };
            let affected = if change.affected == 0 {
                !umask & ALL
            } else {
                change.affected
            };
            value &= affected & !omit;
            match change.op {
                b'+' => mode |= value,
                b'-' => mode &= !value,
                _ => {
                    if change.affected != 0 {
                        omit |= !change.affected;
                    }
                    mode = (mode & omit) | value;
                }
            }
        }
        mode & ALL
    }

    /// The same, for what is there already.
    pub fn apply_to(&self, meta: &Meta, umask: u32) -> u32 {
        self.apply(meta.mode, meta.is_dir(), umask)
    }
}

fn symbolic(clause: &[u8], changes: &mut Vec<Change>) -> Option<()> {
    let mut rest = clause.iter().copied().peekable();
    let mut affected = 0;
    while let Some(bits) = rest.peek().and_then(|letter| match letter {
        b'u' => Some(0o4700),
        b'g' => Some(0o2070),
        b'o' => Some(0o1007),
        b'a' => Some(ALL),
        _ => None,
    }) {
        affected |= bits;
        rest.next();
    }
    let mut any = false;
    while let Some(op @ (b'+' | b'-' | b'=')) = rest.peek().copied() {
        rest.next();
        any = true;
        let bits = match rest.peek().copied() {
            Some(digit) if digit.is_ascii_digit() => {
                // `+755` is GNU's: the number must end the clause, and no `ugoa` comes before.
                let mut value = 0u32;
                while let Some(digit) = rest.next_if(u8::is_ascii_digit) {
                    value = value * 8 + u32::from(digit.checked_sub(b'0').filter(|it| *it < 8)?);
                    if value > ALL {
                        return None;
                    }
                }
                if affected != 0 || rest.peek().is_some() {
                    return None;
                }
                let bits = Bits::Value(value);
                changes.push(Change {
                    op,
                    affected: ALL,
                    bits,
                    mentioned: ALL,
                });
                continue;
            }
            Some(b'u') => Some(Bits::CopyOf(0o700)),
            Some(b'g') => Some(Bits::CopyOf(0o070)),
            Some(b'o') => Some(Bits::CopyOf(0o007)),
            _ => None,
        };
        let bits = match bits {
            Some(bits) => {
                rest.next();
                bits
            }
            None => {
                let mut value = 0;
                let mut if_any = false;
                while let Some(letter) = rest.peek() {
                    match letter {
                        b'r' => value |= 0o444,
                        b'w' => value |= 0o222,
                        b'x' => value |= 0o111,
                        b'X' => if_any = true,
                        b's' => value |= 0o6000,
                        b't' => value |= 0o1000,
                        _ => break,
                    }
                    rest.next();
                }
                if if_any {
                    Bits::ExecuteIfAny(value)
                } else {
                    Bits::Value(value)
                }
            }
        };
        let mentioned = match bits {
            Bits::Value(value) if affected != 0 => affected & value,
            Bits::Value(value) => value,
            _ => affected,
        };
        changes.push(Change {
            op,
            affected,
            bits,
            mentioned,
        });
    }
    (any && rest.peek().is_none()).then_some(())
}
