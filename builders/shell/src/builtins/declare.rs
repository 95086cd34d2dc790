//! `declare`, `typeset`, `local`, `export`, `readonly`.

use super::Call;
use super::declare_list::{all_vars, declaration, functions, list, list_functions, print};
use crate::expand::quote;
use crate::state::assign::{Scope, is_reference, make_assoc, make_indexed, split_reference};
use crate::state::value::{Value, attr};
use crate::state::{Flow, Shell, Unwind};
use crate::syntax::ast::AssignValue;
use crate::syntax::is_name;

/// What `declare` was asked for.
#[derive(Debug, Default, Clone)]
pub(super) struct Request {
    pub(super) on: u16,
    pub(super) off: u16,
    pub(super) indexed: bool,
    pub(super) assoc: bool,
    pub(super) no_array: bool,
    pub(super) functions: bool,
    pub(super) names_only: bool,
    pub(super) print: bool,
    pub(super) global: bool,
    pub(super) inherit: bool,
}

impl Request {
    /// Is nothing asked for but that the names be there?
    fn is_plain(&self) -> bool {
        self.on | self.off == 0
            && !(self.indexed || self.assoc || self.no_array || self.global || self.inherit)
    }
}

const LETTERS: &[u8] = b"aAfFgiIlnrtuxpc";

pub fn declare(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, LETTERS, true) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let mut request = Request::default();
    for (letter, _, on) in &options.found {
        let bit = match letter {
            b'a' => {
                if *on {
                    request.indexed = true
                } else {
                    request.no_array = true
                }
                continue;
            }
            b'A' => {
                if *on {
                    request.assoc = true
                } else {
                    request.no_array = true
                }
                continue;
            }
            b'f' => {
                request.functions = true;
                continue;
            }
            b'F' => {
                request.functions = true;
                request.names_only = true;
                continue;
            }
            b'g' => {
                request.global = true;
                continue;
            }
            b'I' => {
                request.inherit = true;
                continue;
            }
            b'p' => {
                request.print = true;
                continue;
            }
            b'i' => attr::INTEGER,
            b'l' => attr::LOWER,
            b'u' => attr::UPPER,
            b'c' => attr::CAPITAL,
            b'n' => attr::NAMEREF,
            b'r' => attr::READONLY,
            b't' => attr::TRACE,
            _ => attr::EXPORT,
        };
        if *on {
            request.on |= bit
        } else {
            request.off |= bit
        }
    }
    if request.on & attr::LOWER != 0 && request.on & attr::UPPER != 0 {
        request.on &= !(attr::LOWER | attr::UPPER);
    }
    let used = options.used;
    run(sh, call, used, request, None)
}

pub fn local(sh: &mut Shell, call: &mut Call) -> Flow {
    if sh.vars.function_level() == 0 {
        sh.builtin_error(&call.name, b"can only be used in a function");
        return Ok(1);
    }
    if call.args.first().is_some_and(|a| a == b"-") {
        return Ok(0);
    }
    declare(sh, call)
}

pub fn export(sh: &mut Shell, call: &mut Call) -> Flow {
    attribute_builtin(sh, call, attr::EXPORT, b"fnp")
}

pub fn readonly(sh: &mut Shell, call: &mut Call) -> Flow {
    attribute_builtin(sh, call, attr::READONLY, b"aAfp")
}

fn attribute_builtin(sh: &mut Shell, call: &mut Call, bit: u16, allowed: &[u8]) -> Flow {
    let options = match super::letters(sh, call, allowed, false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let mut request = Request {
        indexed: options.has(b'a'),
        assoc: options.has(b'A'),
        functions: options.has(b'f'),
        ..Request::default()
    };
    if options.has(b'n') {
        request.off = bit
    } else {
        request.on = bit
    }
    let used = options.used;
    if used == call.args.len() {
        let mut out = Vec::new();
        if request.functions {
            return list_functions(sh, &call.name, false, Some(bit));
        }
        for (name, var) in all_vars(sh) {
            let indexed = !request.indexed || matches!(var.value, Value::Indexed(_));
            let assoc = !request.assoc || matches!(var.value, Value::Assoc(_));
            if var.has(bit) && indexed && assoc {
                if sh.st.options.posix() {
                    out.extend([call.name.as_slice(), b" ", &name].concat());
                    if let Some(text) = var.text() {
                        out.push(b'=');
                        out.extend(quote::double(text, sh.st.utf8));
                    }
                    out.push(b'\n');
                } else {
                    out.extend(declaration(&name, &var, sh.st.utf8));
                }
            }
        }
        return Ok(sh.output(&call.name, &out));
    }
    run(sh, call, used, request, Some(bit))
}

fn run(
    sh: &mut Shell,
    call: &mut Call,
    used: usize,
    request: Request,
    builtin: Option<u16>,
) -> Flow {
    if call.args.len() == used {
        return list(sh, call, &request);
    }
    let args = call.args.get(used..).unwrap_or_default();
    if request.functions {
        return functions(sh, call, args, &request, builtin);
    }
    if request.print && builtin.is_none() {
        return print(sh, call, args);
    }
    let mut status = 0;
    for (at, arg) in args.iter().enumerate() {
        let array = call
            .arrays
            .iter()
            .find(|(n, _)| *n == at + used)
            .map(|(_, a)| *a);
        match one(sh, call, arg, array, &request, builtin)? {
            Ok(()) => {}
            Err(s) => status = s,
        }
    }
    Ok(status)
}

type One = Result<Result<(), i32>, Unwind>;

fn one(
    sh: &mut Shell,
    call: &Call,
    arg: &[u8],
    array: Option<&crate::syntax::ast::Assign>,
    request: &Request,
    builtin: Option<u16>,
) -> One {
    let (target, value) = split_assignment(arg);
    let append = value.is_some() && target.last() == Some(&b'+');
    let target = if append {
        target.get(..target.len() - 1).unwrap_or_default()
    } else {
        target
    };
    let (name, subscript) = split_reference(target);
    if !is_name(name) || (builtin.is_some() && subscript.is_some()) {
        sh.not_identifier(
            &call.name,
            if value.is_some() || builtin.is_some() {
                arg
            } else {
                target
            },
        );
        return Ok(Err(1));
    }
    let in_function = sh.vars.function_level() > 0 && builtin.is_none();
    // `local NAME=value` of a name that is new here, and hides nothing out of the ordinary.
    let options = &sh.st.options;
    if in_function
        && request.is_plain()
        && array.is_none()
        && subscript.is_none()
        && !(append || options.localvar_inherit() || options.allexport())
        && sh.vars.new_plain_local(name, value)
    {
        return Ok(Ok(()));
    }
    let scope = if request.global {
        Scope::Global
    } else if in_function {
        Scope::Local
    } else {
        Scope::Visible
    };
    let mut name = name.to_vec();
    let mut subscript = subscript.map(<[u8]>::to_vec);
    // Except for their own attribute, declarations go through namerefs.
    if (scope == Scope::Visible || scope == Scope::Local && sh.vars.is_local(&name))
        && request.on & attr::NAMEREF == 0
        && request.off & attr::NAMEREF == 0
    {
        match sh.resolve(&name) {
            Some(t) => {
                if t.name != name {
                    name = t.name;
                    subscript = subscript.or(t.subscript);
                }
            }
            None => return Ok(Err(1)),
        }
    }
    if request.on & attr::NAMEREF != 0 {
        if let Some(text) = value.filter(|_| array.is_none()) {
            if text == name.as_slice() && scope != Scope::Local {
                sh.builtin_error(
                    &call.name,
                    [
                        name.as_slice(),
                        b": nameref variable self references not allowed",
                    ]
                    .concat(),
                );
                return Ok(Err(1));
            }
            if !is_reference(text) && !text.is_empty() {
                sh.builtin_error(
                    &call.name,
                    [b"`", text, b"': invalid variable name for name reference"].concat(),
                );
                return Ok(Err(1));
            }
        }
        if let Some(old) = sh
            .vars
            .get(&name)
            .filter(|v| value.is_none() && !v.has(attr::NAMEREF))
            .and_then(|v| v.text())
            && !old.is_empty()
            && !is_reference(old)
        {
            sh.builtin_error(
                &call.name,
                [b"`", old, b"': invalid variable name for name reference"].concat(),
            );
            return Ok(Err(1));
        }
        if sh
            .vars
            .get(&name)
            .is_some_and(|v| v.is_array() && (scope != Scope::Local || sh.vars.is_local(&name)))
        {
            sh.builtin_error(
                &call.name,
                [name.as_slice(), b": reference variable cannot be an array"].concat(),
            );
            return Ok(Err(1));
        }
    }
    // A local variable hides the outer one: a readonly one of a calling function, no global one.
    let hides = scope == Scope::Local && sh.vars.is_of_caller(&name);
    let hidden = sh.vars.get(&name).map_or(0, |v| v.attrs);
    let readonly_here = hidden & attr::READONLY != 0;
    if readonly_here
        && !hides
        && (value.is_some()
            || array.is_some()
            || request.off & attr::READONLY != 0
            || scope == Scope::Local && !sh.vars.is_local(&name) && call.name == b"local")
    {
        sh.builtin_error(
            &call.name,
            [name.as_slice(), b": readonly variable"].concat(),
        );
        return Ok(Err(1));
    }
    if scope == Scope::Local {
        let inherited = (request.inherit || sh.st.options.localvar_inherit())
            .then(|| sh.vars.get(&name).cloned())
            .flatten();
        let temporary = (hidden & attr::TEMPORARY != 0)
            .then(|| sh.vars.get(&name).cloned())
            .flatten();
        // Of the variable that it hides, a local one has whether it is exported.
        let exported = hidden & attr::EXPORT != 0;
        let (new, var) = sh.vars.local(&name, false);
        let of_call = temporary.is_some();
        if new {
            match inherited.or(temporary) {
                Some(old) => *var = old,
                None => var.set_attr(attr::EXPORT, exported),
            }
        }
        var.set_attr(attr::OF_CALL, of_call || !new && var.has(attr::OF_CALL));
        var.set_attr(attr::TEMPORARY, false);
    }
    if request.assoc || request.indexed || request.no_array {
        let assoc_conflict = {
            let var = sh.binding(&name, scope);
            (request.assoc && matches!(var.value, Value::Indexed(_)))
                || (request.indexed && matches!(var.value, Value::Assoc(_)))
        };
        if assoc_conflict {
            let text: &[u8] = if request.assoc {
                b": cannot convert indexed to associative array"
            } else {
                b": cannot convert associative to indexed array"
            };
            sh.builtin_error(&call.name, [name.as_slice(), text].concat());
            return Ok(Err(1));
        }
        let destroy = request.no_array && sh.binding(&name, scope).is_array();
        if destroy {
            sh.builtin_error(
                &call.name,
                [
                    name.as_slice(),
                    b": cannot destroy array variables in this way",
                ]
                .concat(),
            );
            return Ok(Err(1));
        }
    }
    let is_new_array = (request.assoc || request.indexed || array.is_some() || subscript.is_some())
        && {
            let var = sh.binding(&name, scope);
            let fresh = matches!(var.value, Value::Unset);
            if request.assoc {
                make_assoc(&mut var.value);
            } else if request.indexed || array.is_some() || subscript.is_some() {
                make_indexed(&mut var.value);
            }
            fresh
        };
    if is_new_array {
        sh.binding(&name, scope).unassigned = true;
    }
    // Attributes that change how a value is stored come before the value, readonly after.
    let early = request.on & !(attr::READONLY | attr::NAMEREF);
    if request.on | request.off != 0 {
        let var = sh.binding(&name, scope);
        if early & attr::LOWER != 0 || early & attr::UPPER != 0 || early & attr::CAPITAL != 0 {
            var.attrs &= !(attr::LOWER | attr::UPPER | attr::CAPITAL);
        }
        var.attrs |= early;
        var.attrs &= !(request.off & !attr::READONLY);
        if request.on & attr::NAMEREF != 0 {
            var.attrs &= !attr::INTEGER;
        }
    }
    let mut result = Ok(());
    if let Some(assign) = array
        && let AssignValue::Array(elements) = &assign.value
    {
        let assoc = is_assoc_in(sh, &name, scope);
        result = sh.assign_array(&name, elements, append, scope, Some(assoc), false)?;
    } else if let Some(text) = value {
        let is_array = sh.binding(&name, scope).is_array();
        if request.on & attr::NAMEREF != 0 {
            // The reference itself is set, not what it leads to.
            sh.binding(&name, scope).value = Value::Scalar(text.to_vec());
        } else if is_array
            && subscript.is_none()
            && text.first() == Some(&b'(')
            && text.last() == Some(&b')')
            && (request.indexed || request.assoc)
        {
            // `declare -a "x=(1 2)"`: the text is read as a compound value.
            let body = [name.as_slice(), b"=", text].concat();
            result = compound_text(sh, &name, &body, append, scope)?;
        } else {
            let key = match &subscript {
                Some(s) => Some(sh.expand_subscript_text(&name, s)?),
                None => None,
            };
            result = sh.assign(&name, key.as_deref(), text.to_vec(), append, scope);
        }
    }
    if result.is_err() {
        return Ok(Err(1));
    }
    if request.on == 0 && (value.is_some() || array.is_some()) {
        return Ok(Ok(()));
    }
    if (request.on | request.off) & attr::EXPORT != 0 {
        sh.vars.changes_environment();
    }
    if request.on | request.off == 0 && sh.vars.get(&name).is_some() {
        return Ok(Ok(()));
    }
    let var = sh.binding(&name, scope);
    var.attrs |= request.on;
    // With `set -a` the variable was just exported.
    var.attrs &= !(request.off & attr::EXPORT);
    if scope == Scope::Visible
        && request.on & attr::EXPORT != 0
        && matches!(var.value, Value::Unset)
    {
        var.attrs |= attr::EXPORT;
    }
    Ok(Ok(()))
}

fn is_assoc_in(sh: &mut Shell, name: &[u8], scope: Scope) -> bool {
    matches!(sh.binding(name, scope).value, Value::Assoc(_))
}

fn compound_text(
    sh: &mut Shell,
    name: &[u8],
    text: &[u8],
    append: bool,
    scope: Scope,
) -> Result<Result<(), crate::state::assign::Refused>, Unwind> {
    let source = sh.make_source(text.to_vec());
    let body = source.text.clone();
    let mut parser = crate::syntax::Parser::new(&body, source, 0, sh.st.line, sh.flags());
    if let Ok(Some(unit)) = parser.next_unit()
        && let Some(command) = unit
            .list
            .items
            .first()
            .and_then(|i| i.and_or.first.commands.first())
        && let crate::syntax::ast::Kind::Simple(simple) = &command.kind
        && let Some(assign) = simple.assigns.first()
        && let AssignValue::Array(elements) = &assign.value
    {
        let assoc = is_assoc_in(sh, name, scope);
        return sh.assign_array(name, elements, append, scope, Some(assoc), false);
    }
    Ok(sh.assign(
        name,
        None,
        text.get(name.len() + 1..).unwrap_or_default().to_vec(),
        append,
        scope,
    ))
}

/// Splits at the first `=` outside of brackets.
fn split_assignment(arg: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut depth = 0u32;
    for (at, c) in arg.iter().enumerate() {
        match c {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'=' if depth == 0 => return (arg.get(..at).unwrap_or_default(), arg.get(at + 1..)),
            _ => {}
        }
    }
    (arg, None)
}
