//! Arithmetic expressions: bash(1) "ARITHMETIC EVALUATION". This module parses; `eval` computes
//! with the shell's variables. Values are 64-bit and wrap, as in bash on every Linux.

pub mod eval;
mod number;

pub use number::parse_decimal;

/// How deeply parentheses, unary operators and right-associative operators may nest.
const MAX_DEPTH: u32 = 1000;

/// Most left-associative operators of one expression.
const MAX_LINKS: u32 = 20_000;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Number(i64),
    Value(Place),
    Assign(Place, Option<Op>, Box<Expr>),
    Plus(Box<Expr>),
    /// `++x`, `--x`, `x++`, `x--`: what is added, and whether the value is the old one.
    Step(Place, i64, bool),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Complement(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    Comma(Box<Expr>, Box<Expr>),
}

/// A variable or an array's element; the subscript is text, which the array's type reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub name: Vec<u8>,
    pub subscript: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Pow,
    Mul,
    Div,
    Rem,
    Add,
    Sub,
    Shl,
    Shr,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    Eq,
    Ne,
    BitAnd,
    BitXor,
    BitOr,
}

/// Why an expression has no value: bash's words, and the rest of the text from the bad token on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArithError {
    pub message: String,
    pub token: Vec<u8>,
    /// The expression, if it is not the one that was asked for (a variable's value).
    pub expression: Option<Vec<u8>>,
    /// Not a fault of the expression: the shell must stop (`set -u`).
    pub fatal: bool,
}

impl ArithError {
    pub fn new(message: &str, token: &[u8]) -> ArithError {
        ArithError {
            message: message.to_string(),
            token: token.to_vec(),
            expression: None,
            fatal: false,
        }
    }
}

type Result<T> = std::result::Result<T, ArithError>;

/// Parses a whole expression; an empty one is 0.
pub fn parse(text: &[u8]) -> Result<Expr> {
    let mut p = Parser {
        text,
        pos: 0,
        last: 0,
        depth: 0,
        links: 0,
    };
    p.skip();
    if p.peek().is_none() {
        return Ok(Expr::Number(0));
    }
    let expr = p.comma()?;
    p.skip();
    if p.peek().is_some() {
        let rest = p.rest(p.pos);
        let assignment = rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=');
        let message = if assignment {
            "attempted assignment to non-variable"
        } else {
            "syntax error in expression"
        };
        let message = if rest.first().is_some_and(|c| {
            !c.is_ascii_alphanumeric() && !b"_=!<>+-*/%&|^?:,()~ \t\n[]".contains(c)
        }) {
            "syntax error: invalid arithmetic operator"
        } else {
            message
        };
        return Err(ArithError::new(message, rest));
    }
    Ok(expr)
}

struct Parser<'a> {
    text: &'a [u8],
    pos: usize,
    /// Where the last token began.
    last: usize,
    depth: u32,
    links: u32,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn rest(&self, from: usize) -> &'a [u8] {
        self.text.get(from..).unwrap_or_default()
    }

    fn skip(&mut self) {
        while self
            .peek()
            .is_some_and(|c| matches!(c, b' ' | b'\t' | b'\n'))
        {
            self.pos += 1;
        }
    }

    /// Consumes an operator that is not the beginning of a longer one.
    fn eat(&mut self, op: &[u8], not_before: &[u8]) -> bool {
        self.skip();
        let rest = self.rest(self.pos);
        if rest.starts_with(op) && !rest.get(op.len()).is_some_and(|c| not_before.contains(c)) {
            self.last = self.pos;
            self.pos += op.len();
            return true;
        }
        false
    }

    /// Counts a left-associative operator: the tree is as deep as a chain of them is long.
    fn link(&mut self) -> Result<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(ArithError::new("expression too long", self.rest(self.pos)));
        }
        Ok(())
    }

    fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH || crate::stack::is_used_up() {
            return Err(ArithError::new(
                "expression recursion level exceeded",
                self.rest(self.pos),
            ));
        }
        let result = f(self)?;
        self.depth -= 1;
        Ok(result)
    }

    fn comma(&mut self) -> Result<Expr> {
        let mut left = self.assign()?;
        while self.eat(b",", b"") {
            self.link()?;
            left = Expr::Comma(Box::new(left), Box::new(self.assign()?));
        }
        Ok(left)
    }

    fn assign(&mut self) -> Result<Expr> {
        self.nested(|p| {
            let left = p.choose()?;
            const OPS: &[(&[u8], Option<Op>)] = &[
                (b"<<=", Some(Op::Shl)),
                (b">>=", Some(Op::Shr)),
                (b"*=", Some(Op::Mul)),
                (b"/=", Some(Op::Div)),
                (b"%=", Some(Op::Rem)),
                (b"+=", Some(Op::Add)),
                (b"-=", Some(Op::Sub)),
                (b"&=", Some(Op::BitAnd)),
                (b"^=", Some(Op::BitXor)),
                (b"|=", Some(Op::BitOr)),
                (b"=", None),
            ];
            for (text, op) in OPS {
                let start = p.pos;
                if p.eat(text, if op.is_none() { b"=" } else { b"" }) {
                    let Expr::Value(place) = left else {
                        return Err(ArithError::new(
                            "attempted assignment to non-variable",
                            p.rest(start),
                        ));
                    };
                    let value = p.assign()?;
                    return Ok(Expr::Assign(place, *op, Box::new(value)));
                }
            }
            Ok(left)
        })
    }

    fn choose(&mut self) -> Result<Expr> {
        let condition = self.or()?;
        if !self.eat(b"?", b"") {
            return Ok(condition);
        }
        self.nested(|p| {
            p.skip();
            if p.peek() == Some(b':') || p.peek().is_none() {
                return Err(ArithError::new("expression expected", p.rest(p.pos)));
            }
            let yes = p.comma()?;
            if !p.eat(b":", b"") {
                return Err(ArithError::new(
                    "`:' expected for conditional expression",
                    p.rest(p.last),
                ));
            }
            p.skip();
            if p.peek().is_none() {
                return Err(ArithError::new("expression expected", p.rest(p.last)));
            }
            // The branch not taken may be an assignment: `a ? b : c = 1` is an error in bash too.
            let no = p.choose()?;
            Ok(Expr::Choose(
                Box::new(condition),
                Box::new(yes),
                Box::new(no),
            ))
        })
    }

    fn or(&mut self) -> Result<Expr> {
        let mut left = self.and()?;
        while self.eat(b"||", b"") {
            self.link()?;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let mut left = self.binary(0)?;
        while self.eat(b"&&", b"") {
            self.link()?;
            left = Expr::And(Box::new(left), Box::new(self.binary(0)?));
        }
        Ok(left)
    }

    /// Left-associative operators by level, loosest first.
    fn binary(&mut self, level: usize) -> Result<Expr> {
        type Row = &'static [(&'static [u8], &'static [u8], Op)];
        const LEVELS: &[Row] = &[
            &[(b"|", b"|=", Op::BitOr)],
            &[(b"^", b"=", Op::BitXor)],
            &[(b"&", b"&=", Op::BitAnd)],
            &[(b"==", b"", Op::Eq), (b"!=", b"", Op::Ne)],
            &[
                (b"<=", b"", Op::LessEq),
                (b">=", b"", Op::GreaterEq),
                (b"<", b"<", Op::Less),
                (b">", b">", Op::Greater),
            ],
            &[(b"<<", b"=", Op::Shl), (b">>", b"=", Op::Shr)],
            &[(b"+", b"=", Op::Add), (b"-", b"=", Op::Sub)],
            &[
                (b"*", b"*=", Op::Mul),
                (b"/", b"=", Op::Div),
                (b"%", b"=", Op::Rem),
            ],
        ];
        let Some(row) = LEVELS.get(level) else {
            return self.power();
        };
        let mut left = self.binary(level + 1)?;
        'next: loop {
            for (text, not_before, op) in *row {
                if self.eat(text, not_before) {
                    self.link()?;
                    left = Expr::Binary(*op, Box::new(left), Box::new(self.binary(level + 1)?));
                    continue 'next;
                }
            }
            return Ok(left);
        }
    }

    fn power(&mut self) -> Result<Expr> {
        let base = self.unary()?;
        if self.eat(b"**", b"=") {
            let exponent = self.nested(Self::power)?;
            return Ok(Expr::Binary(Op::Pow, Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn unary(&mut self) -> Result<Expr> {
        self.skip();
        let start = self.pos;
        for (text, delta) in [(b"++", 1), (b"--", -1)] {
            if self.rest(self.pos).starts_with(text) {
                self.pos += 2;
                self.skip();
                if self.peek().is_some_and(super::syntax::is_name_start) {
                    let place = self.place()?;
                    return Ok(Expr::Step(place, delta, false));
                }
                // `--5` is `-(-5)`.
                self.pos = start;
            }
        }
        self.last = self.pos;
        match self.peek() {
            Some(b'!') => {
                self.pos += 1;
                Ok(Expr::Not(Box::new(self.nested(Self::unary)?)))
            }
            Some(b'~') => {
                self.pos += 1;
                Ok(Expr::Complement(Box::new(self.nested(Self::unary)?)))
            }
            Some(b'-') => {
                self.pos += 1;
                Ok(Expr::Negate(Box::new(self.nested(Self::unary)?)))
            }
            Some(b'+') => {
                self.pos += 1;
                // No place to assign to any more.
                Ok(Expr::Plus(Box::new(self.nested(Self::unary)?)))
            }
            _ => self.primary(),
        }
    }

    fn primary(&mut self) -> Result<Expr> {
        self.skip();
        let start = self.pos;
        match self.peek() {
            Some(b'(') => {
                self.last = start;
                self.pos += 1;
                let inner = self.nested(Self::comma)?;
                if !self.eat(b")", b"") {
                    return Err(ArithError::new("missing `)'", self.rest(self.last)));
                }
                Ok(inner)
            }
            Some(c) if c.is_ascii_digit() => {
                let len = self
                    .rest(start)
                    .iter()
                    .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'#' | b'@' | b'_'))
                    .count();
                self.last = start;
                self.pos += len;
                let text = self.text.get(start..self.pos).unwrap_or_default();
                number::parse_integer(text)
                    .map(Expr::Number)
                    .map_err(|message| ArithError::new(message, self.rest(start)))
            }
            Some(c) if super::syntax::is_name_start(c) => {
                let place = self.place()?;
                for (text, delta) in [(b"++", 1), (b"--", -1)] {
                    if self.eat(text, b"") {
                        return Ok(Expr::Step(place, delta, true));
                    }
                }
                Ok(Expr::Value(place))
            }
            Some(c) if !b"*/%<>=&|^?:,)!".contains(&c) => Err(ArithError::new(
                "syntax error: operand expected",
                self.rest(start),
            )),
            _ => Err(ArithError::new(
                "syntax error: operand expected",
                self.rest(if self.peek().is_none() {
                    self.last
                } else {
                    start
                }),
            )),
        }
    }

    fn place(&mut self) -> Result<Place> {
        let start = self.pos;
        self.last = start;
        while self.peek().is_some_and(super::syntax::is_name_char) {
            self.pos += 1;
        }
        let name = self.text.get(start..self.pos).unwrap_or_default().to_vec();
        if self.peek() != Some(b'[') {
            return Ok(Place {
                name,
                subscript: None,
            });
        }
        let open = self.pos + 1;
        let mut depth = 0;
        while let Some(c) = self.peek() {
            self.pos += 1;
            match c {
                b'[' => depth += 1,
                b']' => {
                    depth -= 1;
                    if depth == 0 {
                        let subscript = self
                            .text
                            .get(open..self.pos - 1)
                            .unwrap_or_default()
                            .to_vec();
                        return Ok(Place {
                            name,
                            subscript: Some(subscript),
                        });
                    }
                }
                _ => {}
            }
        }
        Err(ArithError::new("bad array subscript", self.rest(start)))
    }
}
