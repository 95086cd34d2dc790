//! A bash 5.2 for build scripts: what `stdenv` and its like run, as a wasm32-wasip1 program in the
//! sandbox and as a native program for tests. Counterpart: GNU bash 5.2, non-interactive.
//!
//! [`syntax`] reads a script, `exec` runs it, `expand` expands its words, `state` holds its
//! variables and options, `builtins` are its commands, and `sys` alone touches the world.
//! `docs/shell.md` says how one instance serves subshells and pipelines without fork, and what
//! differs from bash.

mod arith;
mod builtins;
#[cfg(any(target_family = "wasm", test))]
mod compare;
mod exec;
mod expand;
#[cfg(any(target_family = "wasm", test))]
mod memory;
mod pattern;
mod stack;
mod state;
mod syntax;
mod sys;
mod witness;

#[cfg(target_family = "wasm")]
#[global_allocator]
static MEMORY: memory::Memory = memory::Memory::new();

/// Runs the shell with the process's arguments, environment and descriptors, and ends the process
/// with its status.
pub fn main() -> ! {
    let status = with_big_stack(|| exec::script::run(sys::args(), sys::environment()));
    sys::exit(status.unwrap_or(254))
}

/// Reads text as a script, as `bash -n` does; gives the message of the first syntax error. For
/// fuzzing and tests: it never panics, whatever the bytes.
pub fn check_syntax(text: &[u8]) -> Result<(), String> {
    with_big_stack(|| read_all(text)).unwrap_or_else(|| Err("no thread".to_string()))
}

fn read_all(text: &[u8]) -> Result<(), String> {
    use std::rc::Rc;
    let source = Rc::new(syntax::ast::Source {
        name: std::rc::Rc::from(&b"check"[..]),
        text: text.into(),
    });
    let mut parser = syntax::Parser::new(
        text,
        source,
        0,
        1,
        syntax::Flags {
            extglob: true,
            posix: false,
            utf8: false,
        },
    );
    while parser.next_unit().map_err(|e| e.message)?.is_some() {}
    Ok(())
}

/// Expands the words, assignments, conditions and arithmetic of a script without running a program or
/// reading a file; gives the number of commands. For fuzzing and tests: it never panics.
pub fn expand_only(text: &[u8]) -> Option<usize> {
    with_big_stack(|| exec::inert::expand(text))
}

/// Reads bytes as the state that another instance sent, and as what builds remember of a script's command
/// lines, which is put into effect. For fuzzing and tests: it never panics, and what is not such a text is
/// told; `None` if it did.
pub fn read_state(bytes: &[u8]) -> Option<bool> {
    with_big_stack(|| {
        let image = exec::image::decode(&mut state::Shell::start(b"state".to_vec()), bytes);
        let lines = exec::recollect::try_all(bytes);
        image.is_ok() || lines
    })
}

/// Does a shell pattern match the whole text? Extended patterns count.
pub fn pattern_matches(pattern: &[u8], text: &[u8]) -> bool {
    let options = pattern::Options {
        extglob: true,
        nocase: false,
        utf8: false,
    };
    pattern::compile(pattern, options).matches(text)
}

/// The leftmost-longest match of an extended regular expression; `None` if there is none or the
/// expression is not valid.
pub fn regex_find(expression: &[u8], text: &[u8]) -> Option<(usize, usize)> {
    let mut regexes = exec::regexes::Regexes::default();
    let found = regexes.search(expression, false, false, text).ok()?;
    *found?.first()?
}

/// Runs with room to recurse: scripts do. `None`: no thread could be made, or it panicked.
#[cfg(unix)]
fn with_big_stack<T: Send>(run: impl FnOnce() -> T + Send) -> Option<T> {
    // Only reserved, not used, until the script recurses.
    const STACK: usize = 1 << 30;
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || {
                stack::start();
                run()
            })
            .ok()?
            .join()
            .ok()
    })
}

#[cfg(not(unix))]
fn with_big_stack<T>(run: impl FnOnce() -> T) -> Option<T> {
    stack::start();
    Some(run())
}
