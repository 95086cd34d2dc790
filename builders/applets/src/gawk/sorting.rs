//! The order of keys, and `asort` and `asorti`.
//!
//! Counterpart: gawk's `sort_up_index_string` and its like in `array.c`.

use super::array::Array;
use super::ast::{Expr, Text};
use super::builtins::count;
use super::interpreter::{CONVFMT, Cell, Interpreter, PROCINFO, Shared};
use super::value::Value;
use crate::shared::program;
use std::cmp::Ordering;
use std::rc::Rc;

impl Interpreter {
    /// The keys in the order that `PROCINFO["sorted_in"]` asks for, or gawk's own.
    pub fn ordered(&mut self, array: &Shared) -> Vec<Text> {
        let how = match self.globals.get(PROCINFO) {
            Some(Cell::Array(info)) if info.borrow().has(b"sorted_in") => {
                let key: Text = Rc::from(&b"sorted_in"[..]);
                let value = info.borrow_mut().get(&key);
                self.text(&value)
            }
            _ => Rc::from(&b""[..]),
        };
        if how.is_empty() || &*how == b"@unsorted" {
            return array.borrow().keys();
        }
        let mut pairs = array.borrow().pairs();
        let conversion = self.special(CONVFMT);
        arrange(&how, &mut pairs, &conversion);
        pairs.into_iter().map(|(key, _)| key).collect()
    }

    pub(super) fn sort(&mut self, by_key: bool, arguments: &[Expr]) -> Value {
        let source = self.named_array(arguments.first());
        let target = match arguments.get(1) {
            Some(expr) => self.named_array(Some(expr)),
            None => source.clone(),
        };
        let default: &[u8] = if by_key {
            b"@ind_str_asc"
        } else {
            b"@val_type_asc"
        };
        let how = match arguments.get(2) {
            Some(_) => self.argument_text(arguments, 2),
            None => Rc::from(default),
        };
        let mut pairs = source.borrow().pairs();
        let conversion = self.special(CONVFMT);
        arrange(&how, &mut pairs, &conversion);
        let total = pairs.len();
        let mut sorted = Array::default();
        for (at, (key, value)) in pairs.into_iter().enumerate() {
            let place: Text = (at + 1).to_string().into_bytes().into();
            sorted.set(&place, if by_key { Value::Text(key) } else { value });
        }
        *target.borrow_mut() = sorted;
        count(total)
    }
}

/// Sorts keys and values by one of gawk's orders.
fn arrange(how: &[u8], pairs: &mut [(Text, Value)], conversion: &[u8]) {
    let descending = how.ends_with(b"_desc");
    let name = how
        .strip_suffix(b"_desc")
        .or(how.strip_suffix(b"_asc"))
        .unwrap_or(how);
    let number = |key: &Text| super::number::parse(key);
    let text = |value: &Value| value.bytes(conversion);
    let numeric = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    let rank = |value: &Value| u8::from(matches!(value, Value::Text(_)));
    let order = |(ka, va): &(Text, Value), (kb, vb): &(Text, Value)| match name {
        b"@ind_str" => ka.cmp(kb),
        b"@ind_num" => numeric(number(ka), number(kb)).then_with(|| ka.cmp(kb)),
        b"@val_str" => text(va).cmp(&text(vb)).then_with(|| key_order(ka, kb)),
        b"@val_num" => numeric(va.number(), vb.number())
            .then_with(|| text(va).cmp(&text(vb)))
            .then_with(|| key_order(ka, kb)),
        b"@val_type" => rank(va)
            .cmp(&rank(vb))
            .then_with(|| match (va, vb) {
                (Value::Text(a), Value::Text(b)) => a.cmp(b),
                _ => numeric(va.number(), vb.number()),
            })
            .then_with(|| key_order(ka, kb)),
        _ => program::refuse("an order of a program's own"),
    };
    pairs.sort_by(|a, b| if descending { order(b, a) } else { order(a, b) });
}

/// What decides between equal values.
fn key_order(left: &Text, right: &Text) -> Ordering {
    left.cmp(right)
}
