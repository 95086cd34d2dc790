//! Computes expressions with the shell's variables. A variable's text is an expression itself,
//! evaluated to a bounded depth.

use std::rc::Rc;

use super::{ArithError, Expr, Op, Place, parse};
use crate::state::assign::Scope;
use crate::state::value::Value;
use crate::state::{Shell, Unwind};

/// How deeply variables may refer to each other.
const MAX_DEPTH: u32 = 1024;

/// Parsed expressions that are kept.
const CACHE: usize = 512;

type Result<T> = std::result::Result<T, ArithError>;

impl Shell {
    /// Evaluates text; an error is reported here.
    pub fn eval_text(&mut self, text: &[u8]) -> std::result::Result<i64, Unwind> {
        self.eval_cached(text)
            .map_err(|e| self.report_arith(text, e, b""))
    }

    /// Evaluates text, parsing it only once.
    pub fn eval_cached(&mut self, text: &[u8]) -> Result<i64> {
        if let Some(value) = quick(text) {
            return Ok(value);
        }
        let expr = match self.arith_cache.get(text) {
            Some(expr) => expr.clone(),
            None => {
                let expr = Rc::new(parse(text)?);
                if self.arith_cache.len() >= CACHE {
                    self.arith_cache.clear();
                }
                self.arith_cache.insert(text.to_vec(), expr.clone());
                expr
            }
        };
        self.eval_expr(&expr)
    }

    pub fn eval_expr(&mut self, expr: &Expr) -> Result<i64> {
        self.eval(expr, 0)
    }

    /// Tells an error as bash does.
    pub fn report_arith(&mut self, text: &[u8], error: ArithError, who: &[u8]) -> Unwind {
        if error.fatal {
            return Unwind::Exit(1);
        }
        let text = error
            .expression
            .as_deref()
            .unwrap_or(text)
            .trim_ascii_start();
        let mut out = who.to_vec();
        out.extend_from_slice(text);
        out.extend_from_slice(b": ");
        out.extend_from_slice(error.message.as_bytes());
        if !error.token.is_empty() || error.message.contains("operand") {
            out.extend_from_slice(b" (error token is \"");
            out.extend_from_slice(&error.token);
            out.extend_from_slice(b"\")");
        }
        if error.message != "\0" {
            self.error(out);
        }
        Unwind::Discard(1)
    }

    fn eval(&mut self, expr: &Expr, depth: u32) -> Result<i64> {
        Ok(match expr {
            Expr::Number(n) => *n,
            Expr::Value(place) => self.place_value(place, depth)?,
            Expr::Assign(place, None, value) => {
                let value = self.eval(value, depth)?;
                self.store(place, value)?;
                value
            }
            Expr::Assign(place, Some(op), value) => {
                // A subscript counts once, before the right side.
                let place = &self.settled(place)?;
                let old = self.place_value(place, depth)?;
                let right = self.eval(value, depth)?;
                let value = binary(*op, old, right)?;
                self.store(place, value)?;
                value
            }
            Expr::Step(place, delta, postfix) => {
                let place = &self.settled(place)?;
                let old = self.place_value(place, depth)?;
                let new = old.wrapping_add(*delta);
                self.store(place, new)?;
                if *postfix { old } else { new }
            }
            Expr::Plus(e) => self.eval(e, depth)?,
            Expr::Negate(e) => self.eval(e, depth)?.wrapping_neg(),
            Expr::Not(e) => i64::from(self.eval(e, depth)? == 0),
            Expr::Complement(e) => !self.eval(e, depth)?,
            Expr::Binary(op, a, b) => {
                let a = self.eval(a, depth)?;
                let b = self.eval(b, depth)?;
                binary(*op, a, b)?
            }
            Expr::And(a, b) => i64::from(self.eval(a, depth)? != 0 && self.eval(b, depth)? != 0),
            Expr::Or(a, b) => i64::from(self.eval(a, depth)? != 0 || self.eval(b, depth)? != 0),
            Expr::Choose(c, a, b) => {
                if self.eval(c, depth)? != 0 {
                    self.eval(a, depth)?
                } else {
                    self.eval(b, depth)?
                }
            }
            Expr::Comma(a, b) => {
                self.eval(a, depth)?;
                self.eval(b, depth)?
            }
        })
    }

    /// A place whose subscript is a number, if it is one of an indexed array.
    fn settled(&mut self, place: &Place) -> Result<Place> {
        let Some(subscript) = &place.subscript else {
            return Ok(place.clone());
        };
        let name = self
            .resolve(&place.name)
            .map_or_else(|| place.name.clone(), |target| target.name);
        let key = self.arith_key(&place.name, subscript)?;
        let words = matches!(
            self.vars.get(&name).map(|v| &v.value),
            Some(Value::Assoc(_))
        );
        if words || key.trim_ascii().is_empty() {
            return Ok(place.clone());
        }
        let index = self.eval_cached(&key)?;
        Ok(Place {
            name: place.name.clone(),
            subscript: Some(index.to_string().into_bytes()),
        })
    }

    /// A variable's value: its text, evaluated.
    fn place_value(&mut self, place: &Place, depth: u32) -> Result<i64> {
        if depth > MAX_DEPTH || crate::stack::is_used_up() {
            return Err(ArithError {
                expression: None,
                ..ArithError::new("expression recursion level exceeded", &place.name)
            });
        }
        let text = match &place.subscript {
            None => {
                if let Some(var) = self.vars.get(&place.name)
                    && let Value::Scalar(text) = &var.value
                    && !var.has(crate::state::value::attr::NAMEREF)
                    && let Some(value) = quick(text)
                    && !crate::expand::param_is_computed(&place.name)
                {
                    return Ok(value);
                }
                self.arith_variable(&place.name)
            }
            Some(subscript) => {
                let subscript = self.arith_key(&place.name, subscript)?;
                self.arith_element(&place.name, &subscript)?
            }
        };
        let Some(text) = text else {
            if self.st.options.nounset() {
                let name = match &place.subscript {
                    Some(s) => [place.name.as_slice(), b"[", s, b"]"].concat(),
                    None => place.name.clone(),
                };
                self.error([name.as_slice(), b": unbound variable"].concat());
                return Err(ArithError {
                    fatal: true,
                    ..ArithError::new("\0", b"")
                });
            }
            return Ok(0);
        };
        if let Some(value) = quick(&text) {
            return Ok(value);
        }
        let expr = parse(&text).map_err(|e| named(e, &text))?;
        self.eval(&expr, depth + 1).map_err(|e| named(e, &text))
    }

    fn arith_variable(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        if crate::expand::param_is_computed(name)
            && let Some(var) = self.special(name)
        {
            return var.text().map(<[u8]>::to_vec);
        }
        let target = self.resolve(name)?;
        match target.subscript {
            None => self
                .vars
                .get(&target.name)
                .and_then(|v| v.text().map(<[u8]>::to_vec)),
            Some(s) => self.element(&target.name, &s),
        }
    }

    /// A subscript in an expression: expanded once more, for `a[$i]` inside quotes.
    fn arith_key(&mut self, name: &[u8], subscript: &[u8]) -> Result<Vec<u8>> {
        if subscript
            .iter()
            .any(|c| matches!(c, b'$' | b'`' | b'\\' | b'"' | b'\''))
        {
            return self
                .expand_subscript_text(name, subscript)
                .map_err(|_| ArithError {
                    fatal: true,
                    ..ArithError::new("\0", b"")
                });
        }
        Ok(subscript.to_vec())
    }

    fn arith_element(&mut self, name: &[u8], subscript: &[u8]) -> Result<Option<Vec<u8>>> {
        let name = self.resolve(name).map_or_else(|| name.to_vec(), |t| t.name);
        if matches!(
            self.vars.get(&name).map(|v| &v.value),
            Some(Value::Assoc(_))
        ) {
            return Ok(self.element(&name, subscript));
        }
        if subscript.trim_ascii().is_empty() {
            return Err(ArithError::new(
                "bad array subscript",
                &[name.as_slice(), b"[", subscript, b"]"].concat(),
            ));
        }
        if crate::expand::param_is_computed(&name)
            && let Some(var) = self.special(&name)
        {
            let index = self.eval_cached(subscript)?;
            return Ok(match var.value {
                Value::Indexed(items) => items.get(&index).cloned(),
                _ => None,
            });
        }
        let mut index = self.eval_cached(subscript)?;
        Ok(match self.vars.get(&name).map(|v| &v.value) {
            Some(Value::Indexed(items)) => {
                if index < 0 {
                    index += items.keys().next_back().map_or(0, |k| k.saturating_add(1));
                }
                if index < 0 {
                    return Err(ArithError::new("bad array subscript", &name));
                }
                items.get(&index).cloned()
            }
            Some(Value::Scalar(text)) if index == 0 => Some(text.clone()),
            _ => None,
        })
    }

    fn store(&mut self, place: &Place, value: i64) -> Result<()> {
        let refused = ArithError::new("\0", b"");
        let text = value.to_string().into_bytes();
        let key = match &place.subscript {
            Some(s) => Some(self.arith_key(&place.name, s)?),
            None => {
                if let Some(var) = self.vars.get(&place.name)
                    && var.attrs == 0
                    && matches!(var.value, Value::Scalar(_))
                    && !matches!(place.name.first(), Some(b'R' | b'S' | b'O'))
                    && let Some(var) = self.vars.get_mut(&place.name)
                {
                    var.value = Value::Scalar(text);
                    return Ok(());
                }
                None
            }
        };
        self.assign(&place.name, key.as_deref(), text, false, Scope::Visible)
            .map_err(|_| refused)
    }
}

/// The value of a plain decimal number.
fn quick(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 18 || (digits.len() > 1 && digits.first() == Some(&b'0'))
    {
        return None;
    }
    let mut value = 0i64;
    for c in digits {
        if !c.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(c - b'0');
    }
    Some(if negative { -value } else { value })
}

fn named(mut error: ArithError, text: &[u8]) -> ArithError {
    if error.expression.is_none() {
        error.expression = Some(text.to_vec());
    }
    error
}

fn binary(op: Op, a: i64, b: i64) -> Result<i64> {
    let shift = |n: i64| u32::try_from(n & 63).unwrap_or(0);
    Ok(match op {
        Op::Add => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Mul => a.wrapping_mul(b),
        Op::Div | Op::Rem if b == 0 => return Err(ArithError::new("division by 0", b"0")),
        Op::Div => a.wrapping_div(b),
        Op::Rem => a.wrapping_rem(b),
        Op::Pow if b < 0 => {
            return Err(ArithError::new(
                "exponent less than 0",
                b.to_string().as_bytes(),
            ));
        }
        Op::Pow => {
            let (mut base, mut left, mut result) = (a, b, 1i64);
            while left > 0 {
                if left & 1 == 1 {
                    result = result.wrapping_mul(base);
                }
                base = base.wrapping_mul(base);
                left >>= 1;
            }
            result
        }
        Op::Shl => a.wrapping_shl(shift(b)),
        Op::Shr => a.wrapping_shr(shift(b)),
        Op::Less => i64::from(a < b),
        Op::LessEq => i64::from(a <= b),
        Op::Greater => i64::from(a > b),
        Op::GreaterEq => i64::from(a >= b),
        Op::Eq => i64::from(a == b),
        Op::Ne => i64::from(a != b),
        Op::BitAnd => a & b,
        Op::BitXor => a ^ b,
        Op::BitOr => a | b,
    })
}
