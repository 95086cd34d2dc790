//! Numbers, texts, variables and functions as bytes, for another instance of the same program: images of the
//! state ([`super::image`]) and what builds remember of command lines ([`super::recollect`]).
//!
//! Contract: what a [`Writer`] wrote a [`Reader`] reads, and what is not such a text is [`BadImage`]. Equal
//! values give equal bytes. Sources are written apart, so that places in them are numbers.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::state::value::{Assoc, Value, Var};
use crate::state::{Frame, FrameKind, Function};
use crate::syntax::ast::{Place, Source};

/// The bytes are no image: the two sides are not the same program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state that another instance of the shell sent is not readable")]
pub struct BadImage;

#[derive(Default)]
pub struct Writer {
    pub out: Vec<u8>,
    pub sources: Vec<Rc<Source>>,
}

impl Writer {
    pub fn num(&mut self, n: impl Into<i128>) {
        self.out.extend_from_slice(&(n.into() as i64).to_le_bytes());
    }

    pub fn bytes(&mut self, text: &[u8]) {
        self.num(text.len() as i128);
        self.out.extend_from_slice(text);
    }

    pub fn list(&mut self, items: &[Vec<u8>]) {
        self.num(items.len() as i128);
        for item in items {
            self.bytes(item);
        }
    }

    pub fn place(&mut self, place: &Place) {
        let at = match self
            .sources
            .iter()
            .position(|s| Rc::ptr_eq(s, &place.source))
        {
            Some(at) => at,
            None => {
                self.sources.push(place.source.clone());
                self.sources.len() - 1
            }
        };
        for n in [
            at as i128,
            place.start as i128,
            place.end as i128,
            i128::from(place.line),
            i128::from(place.flags),
        ] {
            self.num(n);
        }
    }

    /// A value that may be missing.
    pub fn optional<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.num(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// A level of the call stack.
    pub fn frame(&mut self, frame: &Frame) {
        self.num(u8::from(frame.kind == FrameKind::Source));
        self.bytes(&frame.name);
        self.bytes(&frame.source);
        self.num(frame.line);
        self.list(&frame.args);
    }

    /// A function as its place, the number of its body, and whether it is exported.
    pub fn function(&mut self, function: &Function) {
        self.place(&function.place);
        self.num(function.id);
        self.num(u8::from(function.exported));
    }

    pub fn var(&mut self, var: &Var) {
        self.num(var.attrs);
        self.num(u8::from(var.unassigned));
        match &var.value {
            Value::Unset => self.num(0),
            Value::Scalar(text) => {
                self.num(1);
                self.bytes(text);
            }
            Value::Indexed(items) => {
                self.num(2);
                self.num(items.len() as i128);
                for (k, v) in items {
                    self.num(*k);
                    self.bytes(v);
                }
            }
            Value::Assoc(items) => {
                self.num(3);
                let ordered = items.ordered();
                self.num(ordered.len() as i128);
                // Within a chain the newest comes first: inserted last to first, the order stays.
                for (k, v) in ordered.into_iter().rev() {
                    self.bytes(k);
                    self.bytes(v);
                }
            }
        }
    }
}

pub struct Reader<'a> {
    pub rest: &'a [u8],
    pub sources: Vec<Rc<Source>>,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            rest: bytes,
            sources: Vec::new(),
        }
    }

    /// Goes on behind `bytes`, if they come next.
    pub fn skip(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, BadImage>,
    ) -> Result<Option<T>, BadImage> {
        match self.num()? {
            0 => Ok(None),
            _ => read(self).map(Some),
        }
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], BadImage> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(BadImage)?;
        self.rest = tail;
        Ok(head)
    }

    pub fn num(&mut self) -> Result<i64, BadImage> {
        Ok(i64::from_le_bytes(
            self.take(8)?.try_into().map_err(|_| BadImage)?,
        ))
    }

    pub fn small<T: TryFrom<i64>>(&mut self) -> Result<T, BadImage> {
        T::try_from(self.num()?).map_err(|_| BadImage)
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], BadImage> {
        let len = self.small()?;
        self.take(len)
    }

    pub fn shared(&mut self) -> Result<Rc<[u8]>, BadImage> {
        self.bytes().map(Into::into)
    }

    pub fn list(&mut self) -> Result<Vec<Vec<u8>>, BadImage> {
        let count: usize = self.small()?;
        let mut out = Vec::new();
        for _ in 0..count {
            out.push(self.bytes()?.to_vec());
        }
        Ok(out)
    }

    pub fn place(&mut self) -> Result<Place, BadImage> {
        let at: usize = self.small()?;
        let source = self.sources.get(at).ok_or(BadImage)?.clone();
        Ok(Place {
            source,
            start: self.small()?,
            end: self.small()?,
            line: self.small()?,
            flags: self.small()?,
        })
    }

    pub fn function(&mut self) -> Result<Function, BadImage> {
        Ok(Function {
            place: Rc::new(self.place()?),
            id: self.small()?,
            body: Default::default(),
            exported: self.num()? != 0,
        })
    }

    pub fn var(&mut self) -> Result<Var, BadImage> {
        let attrs = self.small()?;
        let unassigned = self.num()? != 0;
        let value = match self.num()? {
            0 => Value::Unset,
            1 => Value::Scalar(self.bytes()?.to_vec()),
            2 => {
                let count: usize = self.small()?;
                let mut items = BTreeMap::new();
                for _ in 0..count {
                    items.insert(self.num()?, self.bytes()?.to_vec());
                }
                Value::Indexed(items)
            }
            _ => {
                let count: usize = self.small()?;
                let mut items = Assoc::default();
                for _ in 0..count {
                    let key = self.bytes()?;
                    items.insert(key, self.bytes()?.to_vec());
                }
                Value::Assoc(items)
            }
        };
        Ok(Var {
            value,
            attrs,
            unassigned,
        })
    }
}
