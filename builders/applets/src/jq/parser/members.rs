//! Objects, and the patterns that values are bound to.

use super::{MAX_DEPTH, Parser, Result, name};
use crate::jq::ast::{Node, Part, Pattern, keep};
use crate::jq::lexer::Token;
use crate::jq::value::Value;

impl Parser {
    pub(super) fn object(&mut self) -> Result<Part> {
        let mut members = Vec::new();
        while !self.is("}") {
            let Some(token) = self.peek().cloned() else {
                return self.wrong("expected a key");
            };
            let (key, short) = match token {
                Token::String(_) => {
                    let key = self.string(None)?;
                    (key, Some(keep(Node::Index(keep(Node::Identity), key))))
                }
                Token::Format(format) => {
                    self.at += 1;
                    let key = self.string(Some(format))?;
                    (key, Some(keep(Node::Index(keep(Node::Identity), key))))
                }
                Token::Variable(word) => {
                    let value = self.primary()?;
                    (keep(Node::Literal(Value::text(&word))), Some(value))
                }
                Token::Word(word) => {
                    self.at += 1;
                    let key = keep(Node::Literal(Value::text(&word)));
                    (key, Some(keep(Node::Index(keep(Node::Identity), key))))
                }
                Token::Number(text) => {
                    self.at += 1;
                    return self.wrong(&format!("not a key: {text}"));
                }
                Token::Mark("(") => {
                    self.at += 1;
                    let key = self.pipe()?;
                    self.expect(")")?;
                    (key, None)
                }
                _ => return self.wrong("expected a key"),
            };
            let value = match short {
                Some(value) if !self.is(":") => value,
                _ => {
                    self.expect(":")?;
                    self.object_value()?
                }
            };
            members.push((key, value));
            if !self.take(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(keep(Node::Object(members)))
    }

    fn object_value(&mut self) -> Result<Part> {
        let value = self.alternative()?;
        if self.take("|") {
            return Ok(keep(Node::Pipe(value, self.object_value()?)));
        }
        Ok(value)
    }

    pub(super) fn pattern(&mut self) -> Result<Pattern> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong("a pattern with fewer levels");
        }
        let pattern = self.pattern_inner();
        self.depth -= 1;
        pattern
    }

    fn pattern_inner(&mut self) -> Result<Pattern> {
        if let Some(Token::Variable(word)) = self.peek() {
            let word = name(word);
            self.at += 1;
            return Ok(Pattern::Variable(word));
        }
        if self.take("[") {
            let mut parts = vec![self.pattern()?];
            while self.take(",") {
                parts.push(self.pattern()?);
            }
            self.expect("]")?;
            return Ok(Pattern::Array(parts));
        }
        self.expect("{")?;
        let mut members = Vec::new();
        loop {
            let Some(token) = self.peek().cloned() else {
                return self.wrong("expected a key");
            };
            let (key, bound) = match token {
                Token::Variable(word) => {
                    self.at += 1;
                    let key = keep(Node::Literal(Value::text(&word)));
                    (key, Some(name(&word)))
                }
                Token::Word(word) => {
                    self.at += 1;
                    (keep(Node::Literal(Value::text(&word))), None)
                }
                Token::String(_) => (self.string(None)?, None),
                Token::Mark("(") => {
                    self.at += 1;
                    let key = self.pipe()?;
                    self.expect(")")?;
                    (key, None)
                }
                _ => return self.wrong("expected a key"),
            };
            let inner = if self.take(":") {
                Some(self.pattern()?)
            } else if bound.is_some() {
                None
            } else {
                return self.wrong("expected ':'");
            };
            members.push((key, bound, inner));
            if !self.take(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(Pattern::Object(members))
    }
}
