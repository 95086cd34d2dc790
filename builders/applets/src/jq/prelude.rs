//! Functions that are written in jq itself, parsed when they are first called.
//!
//! Counterpart: jq's `builtin.jq`.

use super::ast::Definition;
use super::parser;
use std::cell::RefCell;
use std::collections::BTreeMap;

const TEXT: &str = r#"
def map(f): [.[] | f];
def map_values(f): .[] |= f;
def recurse(f; condition): def r: ., (f | select(condition) | r); r;
def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type == "array" or type == "object");
def scalars: select(type != "array" and type != "object");
def with_entries(f): to_entries | map(f) | from_entries;
def del(f): delpaths([path(f)]);
def paths: path(..) | select(length > 0);
def paths(condition): . as $all | paths | select(. as $p | $all | getpath($p) | condition);
def leaf_paths: paths(scalars);
def pick(f): . as $all | reduce path(f) as $p (null; setpath($p; $all | getpath($p)));
def any(generator; condition): isempty(first(generator | condition or empty)) | not;
def any(f): any(.[]; f);
def any: any(.);
def all(generator; condition): isempty(first(generator | condition and empty));
def all(f): all(.[]; f);
def all: all(.);
def add(f): reduce f as $x (null; . + $x);
def in(values): . as $x | values | has($x);
def inside(values): . as $x | values | contains($x);
def env: $ENV;
def halt_error: halt_error(5);
def first: .[0];
def last: .[-1];
def nth($n): .[$n];
def finites: select(isinfinite or isnan | not);
def normals: select(isnormal);
def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def fromdate: fromdateiso8601;
def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
def combinations: if length == 0 then [] else
    .[0][] as $x | (.[1:] | combinations) as $rest | [$x] + $rest end;
def combinations(n): . as $all | [range(n)] | map($all) | combinations;
def transpose: if . == [] then [] else . as $in | (map(length) | max) as $most
    | [range(0; $most) as $j | [range(0; $in | length) as $i | $in[$i][$j]]] end;
def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p)
    | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): { x: null, e: false } as $start
    | foreach f as $i ($start;
        if .e then $start else . end
        | if $i | length == 2
          then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
          else setpath(["e"]; $i[0] | length == 1) end;
        if .e then .x else empty end);
def truncate_stream(f): . as $n | null | f | . as $input
    | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;
def match(re): match(re; null);
def test(re): test(re; null);
def capture(re): capture(re; null);
def capture(re; flags): match(re; flags)
    | [.captures | .[] | select(.name != null) | { key: .name, value: .string }] | from_entries;
def scan(re): scan(re; null);
def scan(re; $flags): match(re; "g" + $flags)
    | if (.captures | length) > 0 then [.captures | .[] | .string] else .string end;
def splits(re): split(re; null) | .[];
def splits(re; flags): split(re; flags) | .[];
def toarray: if type == "array" then . else [.] end;
"#;

type Found = BTreeMap<(&'static str, usize), &'static Definition>;

/// The function of this name with so many parameters.
pub fn find(known: &RefCell<Found>, name: &str, count: usize) -> Option<&'static Definition> {
    if known.borrow().is_empty() {
        let mut found = known.borrow_mut();
        for definition in parser::definitions(TEXT).unwrap_or_default() {
            found.insert((definition.name, definition.parameters.len()), definition);
        }
    }
    let found = known.borrow();
    found
        .iter()
        .find(|((it, parameters), _)| *it == name && *parameters == count)
        .map(|(_, definition)| *definition)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_prelude_parses() {
        let found = super::parser::definitions(super::TEXT);
        assert!(found.is_ok_and(|it| it.len() > 50));
    }
}
