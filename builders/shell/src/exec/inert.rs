//! Expansion and nothing else: what a script's words, assignments, conditions and arithmetic become,
//! while no program starts and no file is read. For fuzzing and tests.
//!
//! Contract: any bytes are answered, within [`Bounds::SMALL`]; command and process substitutions
//! give nothing.

use std::rc::Rc;

use crate::builtins::{self, Call};
use crate::state::assign::Scope;
use crate::state::{Bounds, Flow, Shell, Unwind};
use crate::syntax::Parser;
use crate::syntax::ast::{Command, Kind, Simple, Source};

/// Most commands of one text that are run.
const MAX_COMMANDS: usize = 100;

/// Builtins that touch variables only.
const BUILTINS: &[&str] = &[
    "[", "declare", "echo", "export", "getopts", "let", "printf", "readonly", "set", "shift",
    "shopt", "test", "typeset", "unset",
];

/// Expands what the text holds; gives the number of commands.
pub fn expand(text: &[u8]) -> usize {
    let mut sh = Shell::start(b"inert".to_vec());
    sh.bounds = Bounds::SMALL;
    let source = Rc::new(Source {
        name: Rc::from(&b"inert"[..]),
        text: text.into(),
    });
    let mut parser = Parser::new(text, source, 0, 1, sh.flags());
    let mut count = 0;
    while let Ok(Some(unit)) = parser.next_unit() {
        sh.place = Rc::new(unit.place.clone());
        for item in &unit.list.items {
            let pipelines = std::iter::once(&item.and_or.first)
                .chain(item.and_or.rest.iter().map(|(_, pipeline)| pipeline));
            for command in pipelines.flat_map(|pipeline| &pipeline.commands) {
                // Whether the directory is looked at is for the script to say elsewhere.
                sh.st.options.enable("noglob", true);
                sh.st.options.enable("noexec", false);
                let ended = matches!(sh.inert_command(command), Err(Unwind::Exit(_)));
                count += 1;
                if ended || count == MAX_COMMANDS || sh.size() > Bounds::SMALL.text {
                    return count;
                }
            }
        }
        parser.set_flags(sh.flags());
    }
    count
}

impl Shell {
    fn inert_command(&mut self, command: &Rc<Command>) -> Flow {
        match &command.kind {
            Kind::Simple(simple) => self.inert_simple(simple),
            Kind::Arith(text) => self.arith_text_value(text, b"((: ").map(|_| 0),
            Kind::Cond(condition) => self.run_cond(condition),
            Kind::Case { word, arms } => {
                let word = self.expand_single(word)?;
                for pattern in arms.iter().flat_map(|arm| &arm.patterns) {
                    let pattern = self.expand_pattern(pattern)?;
                    let options = self.pattern_options();
                    let pattern = self.patterns.get(&pattern, options);
                    let _ = pattern.matches(&word);
                }
                Ok(0)
            }
            Kind::For {
                words: Some(words), ..
            } => self.expand_words(words).map(|_| 0),
            _ => Ok(0),
        }
    }

    fn inert_simple(&mut self, simple: &Simple) -> Flow {
        let ready = self.expand_command(simple)?;
        for assign in &simple.assigns {
            if self.run_assign(assign, Scope::Visible, true)?.is_err() {
                return Err(Unwind::Discard(1));
            }
        }
        let Some((name, args)) = ready.args.split_first() else {
            return Ok(0);
        };
        let known = BUILTINS.iter().any(|known| known.as_bytes() == name);
        let Some(builtin) = builtins::find(name).filter(|_| known) else {
            return Ok(0);
        };
        let behind = ready.arrays.iter();
        let mut call = Call {
            name: name.clone(),
            args: args.to_vec(),
            arrays: behind
                .filter_map(|(at, assign)| Some((at.checked_sub(1)?, *assign)))
                .collect(),
        };
        self.run_builtin(builtin, &mut call)
    }

    /// Bytes of all variables.
    fn size(&self) -> usize {
        let parameters: usize = self.st.positional.iter().map(Vec::len).sum();
        let variables = self.vars.all();
        let texts = variables.iter().flat_map(|(_, var)| var.values());
        parameters + texts.map(|text| text.len() + 16).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    /// The number says that the words were reached at all.
    #[test]
    fn commands_are_expanded_and_nothing_is_run() {
        assert_eq!(
            super::expand(b"a=(1 2); x=${a[@]//1/2} printf -v y %d 3; [[ $x == $y ]]"),
            3
        );
        assert_eq!(
            super::expand(b"echo $(exit 3) <(kill 0); exit; ((x = 1)); ((a[$(exit)]))"),
            4
        );
        assert_eq!(
            super::expand(b"readonly x=1; x=2; echo {1..100000}; : ${y?no}"),
            4
        );
        assert_eq!(
            super::expand(
                b"x=aaaaaaaa\nx=$x$x$x$x$x$x$x$x\nx=$x$x$x$x$x$x$x$x\n\
            x=$x$x$x$x$x$x$x$x\nx=$x$x$x$x$x$x$x$x\nx=$x$x$x$x$x$x$x$x\nx=$x$x$x$x$x$x$x$x\n\
            x=$x$x$x$x$x$x$x$x\nx=$x$x$x$x$x$x$x$x\nx=$x$x$x$x$x$x$x$x\nx=$x$x$x$x$x$x$x$x\n"
            ),
            6
        );
    }
}
