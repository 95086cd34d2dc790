//! From words to a program.
//!
//! Contract: jq's grammar (1.6, with what 1.7 and 1.8 allow besides) without modules and without
//! `?//`. An error is the reason for a refusal: the versions' messages differ.
//!
//! Counterpart: jq's `parser.y`.

use super::ast::{Chunk, Definition, Node, Operator, Part, keep};
use super::lexer::{Piece, Token, split};
use super::number::Number;
use super::value::Value;
use bstr::ByteSlice;

mod members;

/// Most levels of a program's nesting.
const MAX_DEPTH: usize = 120;

type Result<T> = std::result::Result<T, String>;

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

fn name(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// Parses a program.
pub fn parse(text: &str) -> Result<Part> {
    let mut parser = Parser {
        tokens: split(text)?,
        at: 0,
        depth: 0,
    };
    if parser.tokens.is_empty() {
        return Ok(keep(Node::Identity));
    }
    // Definitions alone are a program too.
    let program = parser.definitions_or_pipe()?;
    parser.end()?;
    Ok(program)
}

/// Parses definitions.
pub fn definitions(text: &str) -> Result<Vec<&'static Definition>> {
    let mut parser = Parser {
        tokens: split(text)?,
        at: 0,
        depth: 0,
    };
    let mut found = Vec::new();
    while parser.is_word("def") {
        found.push(parser.definition()?);
    }
    parser.end()?;
    Ok(found)
}

fn operator(mark: &str) -> Option<Operator> {
    Some(match mark {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Remainder,
        "==" => Operator::Equal,
        "!=" => Operator::Unequal,
        "<" => Operator::Less,
        "<=" => Operator::LessEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterEqual,
        _ => return None,
    })
}

const KEYWORDS: &[&str] = &[
    "def", "if", "then", "elif", "else", "end", "as", "reduce", "foreach", "try", "catch", "label",
    "import", "include", "and", "or", "__loc__",
];

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(found)) if *found == mark)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.is(mark);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Result<()> {
        if self.take(mark) {
            return Ok(());
        }
        self.wrong(&format!("expected '{mark}'"))
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.take_word(word) {
            return Ok(());
        }
        self.wrong(&format!("expected '{word}'"))
    }

    fn wrong<T>(&self, what: &str) -> Result<T> {
        match self.tokens.get(self.at) {
            Some((token, line)) => Err(format!("line {line}: {what}, found {token:?}")),
            None => Err(format!("{what}, found the end")),
        }
    }

    fn end(&self) -> Result<()> {
        if self.at < self.tokens.len() {
            return self.wrong("expected the end");
        }
        Ok(())
    }

    fn definitions_or_pipe(&mut self) -> Result<Part> {
        if !self.is_word("def") {
            return self.pipe();
        }
        let definition = self.definition()?;
        let rest = if self.peek().is_none() {
            keep(Node::Identity)
        } else {
            self.definitions_or_pipe()?
        };
        Ok(keep(Node::Define(definition, rest)))
    }

    fn definition(&mut self) -> Result<&'static Definition> {
        self.expect_word("def")?;
        let own = match self.peek() {
            Some(Token::Word(word)) => name(word),
            _ => return self.wrong("expected a name"),
        };
        self.at += 1;
        let mut parameters = Vec::new();
        if self.take("(") {
            loop {
                match self.peek() {
                    Some(Token::Word(word)) => parameters.push((name(word), false)),
                    Some(Token::Variable(word)) => parameters.push((name(word), true)),
                    _ => return self.wrong("expected a parameter"),
                }
                self.at += 1;
                if !self.take(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.expect(":")?;
        let body = self.pipe()?;
        self.expect(";")?;
        Ok(Box::leak(Box::new(Definition {
            name: own,
            parameters,
            body,
        })))
    }

    /// The loosest level: definitions, `|`, `as`, `label`.
    fn pipe(&mut self) -> Result<Part> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong("a program with fewer levels");
        }
        let result = self.pipe_inner();
        self.depth -= 1;
        result
    }

    fn pipe_inner(&mut self) -> Result<Part> {
        if self.is_word("def") {
            let definition = self.definition()?;
            let rest = self.pipe()?;
            return Ok(keep(Node::Define(definition, rest)));
        }
        if self.take_word("label") {
            let Some(Token::Variable(word)) = self.peek() else {
                return self.wrong("expected a label");
            };
            let label = name(word);
            self.at += 1;
            self.expect("|")?;
            return Ok(keep(Node::Label(label, self.pipe()?)));
        }
        let left = self.comma()?;
        if self.take("|") {
            return Ok(keep(Node::Pipe(left, self.pipe()?)));
        }
        Ok(left)
    }

    fn comma(&mut self) -> Result<Part> {
        let mut left = self.alternative()?;
        while self.take(",") {
            left = keep(Node::Comma(left, self.alternative()?));
        }
        Ok(left)
    }

    fn alternative(&mut self) -> Result<Part> {
        let left = self.assignment()?;
        if self.take("//") {
            return Ok(keep(Node::Alternative(left, self.alternative()?)));
        }
        Ok(left)
    }

    fn assignment(&mut self) -> Result<Part> {
        let left = self.disjunction()?;
        let Some(Token::Mark(mark)) = self.peek() else {
            return Ok(left);
        };
        let mark = *mark;
        let make: fn(Part, Part) -> Node = match mark {
            "=" => Node::Assign,
            "|=" => Node::Update,
            "+=" => |left, right| Node::Change(Some(Operator::Add), left, right),
            "-=" => |left, right| Node::Change(Some(Operator::Subtract), left, right),
            "*=" => |left, right| Node::Change(Some(Operator::Multiply), left, right),
            "/=" => |left, right| Node::Change(Some(Operator::Divide), left, right),
            "%=" => |left, right| Node::Change(Some(Operator::Remainder), left, right),
            "//=" => |left, right| Node::Change(None, left, right),
            _ => return Ok(left),
        };
        self.at += 1;
        let right = self.disjunction()?;
        Ok(keep(make(left, right)))
    }

    fn disjunction(&mut self) -> Result<Part> {
        let mut left = self.conjunction()?;
        while self.take_word("or") {
            left = keep(Node::Or(left, self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Part> {
        let mut left = self.comparison()?;
        while self.take_word("and") {
            left = keep(Node::And(left, self.comparison()?));
        }
        Ok(left)
    }

    fn one_of(&self, marks: &[&str]) -> Option<Operator> {
        match self.peek() {
            Some(Token::Mark(mark)) if marks.contains(mark) => operator(mark),
            _ => None,
        }
    }

    fn comparison(&mut self) -> Result<Part> {
        const MARKS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
        let left = self.sum()?;
        let Some(found) = self.one_of(MARKS) else {
            return Ok(left);
        };
        self.at += 1;
        let right = self.sum()?;
        if self.one_of(MARKS).is_some() {
            return self.wrong("comparisons do not chain");
        }
        Ok(keep(Node::Binary(found, left, right)))
    }

    fn sum(&mut self) -> Result<Part> {
        let mut left = self.product()?;
        while let Some(found) = self.one_of(&["+", "-"]) {
            self.at += 1;
            left = keep(Node::Binary(found, left, self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Part> {
        let mut left = self.unary()?;
        while let Some(found) = self.one_of(&["*", "/", "%"]) {
            self.at += 1;
            left = keep(Node::Binary(found, left, self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Part> {
        if self.take("-") {
            let operand = self.unary()?;
            return Ok(keep(Node::Negate(operand)));
        }
        self.postfix()
    }

    /// A term, `reduce` and its like, and what follows: `?`, and `as` with the rest of the pipe.
    fn postfix(&mut self) -> Result<Part> {
        let term = self.term()?;
        if self.take_word("as") {
            let pattern = self.pattern()?;
            self.expect("|")?;
            return Ok(keep(Node::Bind(term, pattern, self.pipe()?)));
        }
        Ok(term)
    }

    fn term(&mut self) -> Result<Part> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong("a program with fewer levels");
        }
        let mut term = self.primary()?;
        loop {
            if let Some(Token::Field(field)) = self.peek() {
                let key = keep(Node::Literal(Value::text(field)));
                self.at += 1;
                term = keep(Node::Index(term, key));
            } else if self.is(".") {
                self.at += 1;
                if matches!(self.peek(), Some(Token::String(_))) {
                    let key = self.string(None)?;
                    term = keep(Node::Index(term, key));
                } else if !self.is("[") {
                    return self.wrong("expected a field");
                }
            } else if self.take("[") {
                term = self.suffix(term)?;
            } else if self.take("?") {
                term = keep(Node::Try(term, None));
            } else {
                break;
            }
        }
        self.depth -= 1;
        Ok(term)
    }

    /// What follows `[` behind a term.
    fn suffix(&mut self, term: Part) -> Result<Part> {
        if self.take("]") {
            return Ok(keep(Node::Each(term)));
        }
        if self.take(":") {
            let end = self.pipe()?;
            self.expect("]")?;
            return Ok(keep(Node::Slice(term, None, Some(end))));
        }
        let start = self.pipe()?;
        if self.take(":") {
            if self.take("]") {
                return Ok(keep(Node::Slice(term, Some(start), None)));
            }
            let end = self.pipe()?;
            self.expect("]")?;
            return Ok(keep(Node::Slice(term, Some(start), Some(end))));
        }
        self.expect("]")?;
        Ok(keep(Node::Index(term, start)))
    }

    fn string(&mut self, format: Option<String>) -> Result<Part> {
        let Some(Token::String(pieces)) = self.peek().cloned() else {
            return self.wrong("expected a string");
        };
        self.at += 1;
        if let [Piece::Text(text)] = pieces.as_slice() {
            return Ok(keep(Node::Literal(Value::text(text))));
        }
        let mut chunks = Vec::new();
        for piece in pieces {
            chunks.push(match piece {
                Piece::Text(text) => Chunk::Text(text),
                Piece::Program(tokens) => {
                    let mut inner = Parser {
                        tokens,
                        at: 0,
                        depth: self.depth + 1,
                    };
                    let program = inner.pipe()?;
                    inner.end()?;
                    Chunk::Program(program)
                }
            });
        }
        Ok(keep(Node::Text(format, chunks)))
    }

    fn primary(&mut self) -> Result<Part> {
        let line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        let Some(token) = self.peek().cloned() else {
            return self.wrong("expected a filter");
        };
        if matches!(token, Token::String(_)) {
            return self.string(None);
        }
        self.at += 1;
        Ok(match token {
            Token::Number(text) => match Number::written(&text) {
                Some(number) => keep(Node::Literal(Value::Number(number))),
                None => return self.wrong("expected a number"),
            },
            Token::Format(format) => {
                if matches!(self.peek(), Some(Token::String(_))) {
                    return self.string(Some(format));
                }
                keep(Node::Format(format))
            }
            Token::Field(field) => keep(Node::Index(
                keep(Node::Identity),
                keep(Node::Literal(Value::text(field))),
            )),
            Token::Variable(word) if word == "__loc__" => {
                let mut map = super::value::Map::default();
                map.insert("file".into(), Value::text("<top-level>"));
                map.insert("line".into(), Value::count(line));
                keep(Node::Literal(Value::object(map)))
            }
            Token::Variable(word) => keep(Node::Variable(name(&word))),
            Token::Mark(".") => {
                if matches!(self.peek(), Some(Token::String(_))) {
                    let key = self.string(None)?;
                    return Ok(keep(Node::Index(keep(Node::Identity), key)));
                }
                keep(Node::Identity)
            }
            Token::Mark("..") => keep(Node::Descend),
            Token::Mark("(") => {
                let inner = self.pipe()?;
                self.expect(")")?;
                inner
            }
            Token::Mark("[") => {
                if self.take("]") {
                    return Ok(keep(Node::Collect(None)));
                }
                let inner = self.pipe()?;
                self.expect("]")?;
                keep(Node::Collect(Some(inner)))
            }
            Token::Mark("{") => self.object()?,
            Token::Word(word) => self.word(&word)?,
            _ => {
                self.at -= 1;
                return self.wrong("expected a filter");
            }
        })
    }

    fn word(&mut self, word: &str) -> Result<Part> {
        Ok(match word {
            "if" => self.condition()?,
            "try" => {
                let body = self.operand()?;
                let handler = if self.take_word("catch") {
                    Some(self.operand()?)
                } else {
                    None
                };
                keep(Node::Try(body, handler))
            }
            "reduce" | "foreach" => {
                let source = self.term()?;
                self.expect_word("as")?;
                let pattern = self.pattern()?;
                self.expect("(")?;
                let first = self.pipe()?;
                self.expect(";")?;
                let second = self.pipe()?;
                let third = if word == "foreach" && self.take(";") {
                    Some(self.pipe()?)
                } else {
                    None
                };
                self.expect(")")?;
                if word == "reduce" {
                    keep(Node::Reduce(source, pattern, first, second))
                } else {
                    keep(Node::Foreach(source, pattern, first, second, third))
                }
            }
            "break" => {
                let Some(Token::Variable(label)) = self.peek() else {
                    return self.wrong("expected a label");
                };
                let label = name(label);
                self.at += 1;
                keep(Node::Break(label))
            }
            "def" => {
                self.at -= 1;
                let definition = self.definition()?;
                keep(Node::Define(definition, self.pipe()?))
            }
            _ if KEYWORDS.contains(&word) || word.as_bytes().contains_str("::") => {
                self.at -= 1;
                return self.wrong("expected a filter");
            }
            _ => {
                let mut arguments = Vec::new();
                if self.take("(") {
                    loop {
                        arguments.push(self.pipe()?);
                        if !self.take(";") {
                            break;
                        }
                    }
                    self.expect(")")?;
                }
                keep(Node::Call(name(word), arguments))
            }
        })
    }

    /// What `try` and `catch` take: a term.
    fn operand(&mut self) -> Result<Part> {
        if self.take("-") {
            let operand = self.term()?;
            return Ok(keep(Node::Negate(operand)));
        }
        self.term()
    }

    fn condition(&mut self) -> Result<Part> {
        let test = self.pipe()?;
        self.expect_word("then")?;
        let yes = self.pipe()?;
        let no = if self.take_word("elif") {
            return Ok(keep(Node::If(test, yes, Some(self.condition()?))));
        } else if self.take_word("else") {
            Some(self.pipe()?)
        } else {
            None
        };
        self.expect_word("end")?;
        Ok(keep(Node::If(test, yes, no)))
    }
}
