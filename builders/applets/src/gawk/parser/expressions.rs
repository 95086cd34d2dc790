//! Expressions, from the loosest operator to the tightest.

use super::{MAX_DEPTH, Parser, Result};
use crate::gawk::ast::{Expr, From, Op, Order};
use crate::gawk::lexer::Token;

fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

fn is_lvalue(expr: &Expr) -> bool {
    matches!(expr, Expr::Variable(_) | Expr::Field(_) | Expr::Element(..))
}

impl Parser {
    /// Assignment, and what is tighter.
    pub(in crate::gawk) fn expr(&mut self) -> Result<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong("fewer levels");
        }
        let left = self.choice()?;
        let result = self.assignment(left);
        self.depth -= 1;
        result
    }

    fn assignment(&mut self, left: Expr) -> Result<Expr> {
        let Token::Mark(mark) = *self.peek() else {
            return Ok(left);
        };
        let op = match mark {
            "=" => None,
            "+=" => Some(Op::Add),
            "-=" => Some(Op::Subtract),
            "*=" => Some(Op::Multiply),
            "/=" => Some(Op::Divide),
            "%=" => Some(Op::Remainder),
            "^=" => Some(Op::Power),
            _ => return Ok(left),
        };
        if !is_lvalue(&left) {
            return self.wrong("a variable before an assignment");
        }
        self.at += 1;
        self.newlines();
        let right = self.expr()?;
        Ok(Expr::Assign(boxed(left), op, boxed(right)))
    }

    fn choice(&mut self) -> Result<Expr> {
        let test = self.disjunction()?;
        if !self.take("?") {
            return Ok(test);
        }
        self.newlines();
        let yes = self.expr()?;
        self.newlines();
        self.expect(":")?;
        self.newlines();
        let no = self.expr()?;
        Ok(Expr::Choose(boxed(test), boxed(yes), boxed(no)))
    }

    fn disjunction(&mut self) -> Result<Expr> {
        let mut left = self.conjunction()?;
        while self.take("||") {
            self.newlines();
            left = Expr::Or(boxed(left), boxed(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expr> {
        let mut left = self.membership()?;
        while self.take("&&") {
            self.newlines();
            left = Expr::And(boxed(left), boxed(self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Result<Expr> {
        let mut left = self.matching()?;
        while !self.no_in && self.take_word("in") {
            let Token::Name(name, _) = self.peek().clone() else {
                return self.wrong("an array");
            };
            self.at += 1;
            left = Expr::In(vec![left], self.place(&name));
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<Expr> {
        let mut left = self.comparison()?;
        loop {
            let negated = if self.take("~") {
                false
            } else if self.take("!~") {
                true
            } else {
                return Ok(left);
            };
            let right = self.comparison()?;
            left = Expr::Match(negated, boxed(left), boxed(right));
        }
    }

    fn comparison(&mut self) -> Result<Expr> {
        let left = self.concatenation(false)?;
        let Token::Mark(mark) = *self.peek() else {
            return Ok(left);
        };
        let order = match mark {
            "<" => Order::Less,
            "<=" => Order::LessEqual,
            "==" => Order::Equal,
            "!=" => Order::Unequal,
            ">" if !self.no_greater => Order::Greater,
            ">=" => Order::GreaterEqual,
            _ => return Ok(left),
        };
        self.at += 1;
        let right = self.concatenation(false)?;
        Ok(Expr::Compare(order, boxed(left), boxed(right)))
    }

    /// Concatenation, and `| getline` behind it. `target`: where `print` goes, without `getline`.
    pub(in crate::gawk) fn concatenation(&mut self, target: bool) -> Result<Expr> {
        let mut left = self.sum()?;
        loop {
            let starts = match self.peek() {
                Token::Number(_) | Token::Text(_) | Token::Name(..) | Token::Builtin(_) => true,
                Token::Mark(mark) => matches!(*mark, "$" | "(" | "++" | "--" | "!"),
                _ => false,
            };
            // `-` and `+` were taken as operators already.
            if starts {
                let right = self.sum()?;
                left = Expr::Concat(boxed(left), boxed(right));
                continue;
            }
            let reads = matches!(
                self.tokens.get(self.at + 1),
                Some(Token::Keyword("getline"))
            );
            if !target && self.is("|") && reads {
                self.at += 2;
                let into = self.optional_lvalue()?;
                left = Expr::Getline(into, From::Command(boxed(left)));
                continue;
            }
            if self.is("|&") {
                return self.wrong("no coprocess");
            }
            return Ok(left);
        }
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        loop {
            let op = if self.take("+") {
                Op::Add
            } else if self.take("-") {
                Op::Subtract
            } else {
                return Ok(left);
            };
            left = Expr::Binary(op, boxed(left), boxed(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.unary()?;
        loop {
            let op = if self.take("*") {
                Op::Multiply
            } else if self.take("/") {
                Op::Divide
            } else if self.take("%") {
                Op::Remainder
            } else {
                return Ok(left);
            };
            left = Expr::Binary(op, boxed(left), boxed(self.unary()?));
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong("fewer levels");
        }
        let result = if self.take("!") {
            self.unary().map(|it| Expr::Not(boxed(it)))
        } else if self.take("-") {
            self.unary().map(|it| Expr::Negate(boxed(it)))
        } else if self.take("+") {
            self.unary().map(|it| Expr::Plus(boxed(it)))
        } else {
            self.power()
        };
        self.depth -= 1;
        result
    }

    fn power(&mut self) -> Result<Expr> {
        let base = self.postfix()?;
        if !self.take("^") {
            return Ok(base);
        }
        // To the right: a sign may stand before the exponent.
        let exponent = if self.is("-") || self.is("+") || self.is("!") {
            self.unary()?
        } else {
            self.power()?
        };
        Ok(Expr::Binary(Op::Power, boxed(base), boxed(exponent)))
    }

    fn postfix(&mut self) -> Result<Expr> {
        let expr = self.primary()?;
        if is_lvalue(&expr) {
            if self.take("++") {
                return Ok(Expr::Step(boxed(expr), 1.0, false));
            }
            if self.take("--") {
                return Ok(Expr::Step(boxed(expr), -1.0, false));
            }
        }
        Ok(expr)
    }

    fn optional_lvalue(&mut self) -> Result<Option<Box<Expr>>> {
        let starts = matches!(self.peek(), Token::Name(_, false) | Token::Mark("$"));
        if !starts {
            return Ok(None);
        }
        let expr = self.primary()?;
        if !is_lvalue(&expr) {
            return self.wrong("a variable to read into");
        }
        Ok(Some(boxed(expr)))
    }

    fn primary(&mut self) -> Result<Expr> {
        let token = self.peek().clone();
        self.at += 1;
        match token {
            Token::Number(value) => Ok(Expr::Number(value)),
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Regex(text) => Ok(Expr::Regex(text)),
            Token::Mark("$") => {
                let inner = if self.take("++") || self.is("--") {
                    return self.wrong("no step behind '$'");
                } else if self.take("-") {
                    Expr::Negate(boxed(self.primary()?))
                } else {
                    self.primary()?
                };
                Ok(Expr::Field(boxed(inner)))
            }
            Token::Mark(mark @ ("++" | "--")) => {
                let inner = self.primary()?;
                if !is_lvalue(&inner) {
                    return self.wrong("a variable to step");
                }
                Ok(Expr::Step(
                    boxed(inner),
                    if mark == "++" { 1.0 } else { -1.0 },
                    true,
                ))
            }
            Token::Mark("(") => {
                let mut all = self.list(")")?;
                if self.is_word("in") && all.len() > 1 {
                    self.at += 1;
                    let Token::Name(name, _) = self.peek().clone() else {
                        return self.wrong("an array");
                    };
                    self.at += 1;
                    return Ok(Expr::In(all, self.place(&name)));
                }
                match (all.pop(), all.is_empty()) {
                    (Some(only), true) => Ok(Expr::Group(boxed(only))),
                    _ => self.wrong("one expression in parentheses"),
                }
            }
            Token::Keyword("getline") => {
                let into = self.optional_lvalue()?;
                if self.take("<") {
                    let file = self.file()?;
                    return Ok(Expr::Getline(into, From::File(boxed(file))));
                }
                Ok(Expr::Getline(into, From::Input))
            }
            Token::Builtin(name) => {
                if !self.is("(") {
                    if name == "length" {
                        return Ok(Expr::Builtin(name, Vec::new()));
                    }
                    return self.wrong("'('");
                }
                self.at += 1;
                let arguments = self.list(")")?;
                Ok(Expr::Builtin(name, arguments))
            }
            Token::Name(name, true) => {
                if self.locals.contains(&name) {
                    return self.wrong("a function that is no parameter");
                }
                self.at += 1;
                let arguments = self.list(")")?;
                let number = self.function_number(&name);
                Ok(Expr::Call(number, arguments))
            }
            Token::Name(name, false) => {
                let place = self.place(&name);
                if self.take("[") {
                    let keys = self.list("]")?;
                    if keys.is_empty() || self.is("[") {
                        return self.wrong("an index, and no array of arrays");
                    }
                    return Ok(Expr::Element(place, keys));
                }
                Ok(Expr::Variable(place))
            }
            _ => {
                self.at -= 1;
                self.wrong("an expression")
            }
        }
    }

    /// A file's name behind `<`: tighter than concatenation.
    fn file(&mut self) -> Result<Expr> {
        self.postfix()
    }
}
