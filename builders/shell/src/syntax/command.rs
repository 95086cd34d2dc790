//! Lists, pipelines, simple commands, assignments and redirections.

use std::rc::Rc;

use super::ast::{
    AndOr, Assign, AssignValue, Command, Connector, Element, Item, Kind, List, Pipeline, Redirect,
    RedirectFd, RedirectOp, Simple, Word,
};
use super::word::Stop;
use super::{Parser, Piece, Result, is_meta, is_name_char, is_name_start};

/// Is it a word that means something only where a command may begin?
fn is_reserved(word: &[u8]) -> bool {
    // By length and first letter, which is faster than a list: every command is asked.
    matches!(
        word,
        b"if"
            | b"then"
            | b"elif"
            | b"else"
            | b"fi"
            | b"do"
            | b"done"
            | b"case"
            | b"esac"
            | b"while"
            | b"until"
            | b"for"
            | b"select"
            | b"function"
            | b"{"
            | b"}"
            | b"!"
            | b"[["
            | b"]]"
            | b"time"
            | b"coproc"
            | b"in"
    )
}

/// Ends a word without quotes and expansions, or makes it another.
fn ends_word(c: u8) -> bool {
    const ENDS: [bool; 256] = {
        let mut ends = [false; 256];
        let mut c = 0;
        while c < 256 {
            let byte = c as u8;
            ends[c] = is_meta(byte) || matches!(byte, b'\\' | b'\'' | b'"' | b'$' | b'`');
            c += 1;
        }
        ends
    };
    ENDS[usize::from(c)]
}

/// Builtins whose arguments are assignments.
const DECLARATIONS: &[&[u8]] = &[
    b"declare",
    b"typeset",
    b"local",
    b"export",
    b"readonly",
    b"alias",
];

impl<'a> Parser<'a> {
    /// The commands of one line.
    pub(super) fn line_list(&mut self) -> Result<List> {
        let mut list = List::default();
        loop {
            self.skip_blank();
            if matches!(self.peek(), None | Some(b'\n')) {
                break;
            }
            let Some(and_or) = self.and_or()? else {
                return Err(self.unexpected());
            };
            self.skip_blank();
            let background = self.separator();
            list.items.push(Item {
                and_or,
                background: background == Some(true),
            });
            self.skip_blank();
            match (background, self.peek()) {
                (_, None) => break,
                (_, Some(b'\n')) => break,
                (Some(_), _) => {}
                (None, _) => return Err(self.unexpected()),
            }
        }
        if self.peek() == Some(b'\n') {
            self.newline()?;
        } else {
            for doc in std::mem::take(&mut self.pending) {
                self.here_document(&doc)?;
            }
        }
        Ok(list)
    }

    /// Everything up to the end of the text: a program in backquotes.
    pub(super) fn whole_list(&mut self) -> Result<List> {
        let list = self.compound_list()?;
        self.skip_newlines()?;
        if self.peek().is_some() {
            return Err(self.unexpected());
        }
        for doc in std::mem::take(&mut self.pending) {
            self.here_document(&doc)?;
        }
        Ok(list)
    }

    /// Everything up to the closing parenthesis of a substitution.
    pub(super) fn list_until_paren(&mut self) -> Result<List> {
        self.compound_list()
    }

    /// A list inside a compound command; stops before a word or operator that cannot begin a
    /// command, which the caller checks.
    pub(super) fn compound_list(&mut self) -> Result<List> {
        self.enter()?;
        let mut list = List::default();
        loop {
            self.skip_newlines()?;
            let Some(and_or) = self.and_or()? else { break };
            self.skip_blank();
            let newline = self.peek() == Some(b'\n');
            let background = self.separator();
            list.items.push(Item {
                and_or,
                background: background == Some(true),
            });
            if background.is_none() && !newline {
                break;
            }
        }
        self.leave();
        Ok(list)
    }

    /// As [`Self::compound_list`], but refuses an empty list.
    pub(super) fn nonempty_list(&mut self) -> Result<List> {
        let list = self.compound_list()?;
        if list.items.is_empty() {
            return Err(self.unexpected());
        }
        Ok(list)
    }

    /// `;` (false) or `&` (true).
    fn separator(&mut self) -> Option<bool> {
        let (c, next) = (self.peek()?, self.peek_at(1));
        match c {
            b';' if !matches!(next, Some(b';' | b'&')) => {
                self.pos += 1;
                Some(false)
            }
            b'&' if !matches!(next, Some(b'&' | b'>')) => {
                self.pos += 1;
                Some(true)
            }
            _ => None,
        }
    }

    fn and_or(&mut self) -> Result<Option<Rc<AndOr>>> {
        let id = self.new_id();
        let Some(first) = self.pipeline()? else {
            return Ok(None);
        };
        let mut rest = Vec::new();
        loop {
            self.skip_blank();
            let connector = if self.looking_at(b"&&") {
                Connector::And
            } else if self.looking_at(b"||") {
                Connector::Or
            } else {
                break;
            };
            self.pos += 2;
            self.skip_newlines()?;
            let Some(next) = self.pipeline()? else {
                return Err(self.unexpected());
            };
            rest.push((connector, next));
        }
        let and_or = Rc::new(AndOr { first, rest, id });
        self.note(id, || Piece::AndOr(and_or.clone()));
        Ok(Some(and_or))
    }

    fn pipeline(&mut self) -> Result<Option<Pipeline>> {
        let (mut negated, mut timed, mut any) = (false, None, false);
        loop {
            self.skip_blank();
            if self.reserved(b"!") {
                negated = !negated;
            } else if self.reserved(b"time") {
                self.skip_blank();
                let posix = self.peek_word() == b"-p";
                if posix {
                    self.pos += 2;
                }
                timed = Some(posix);
                self.skip_blank();
                if self.peek_word() == b"--" {
                    self.pos += 2;
                }
            } else {
                break;
            }
            any = true;
        }
        let mut commands = Vec::new();
        let Some(first) = self.command()? else {
            self.skip_blank();
            if any && matches!(self.peek(), None | Some(b'\n' | b';')) {
                return Ok(Some(Pipeline {
                    negated,
                    timed,
                    commands,
                }));
            }
            if any {
                return Err(self.unexpected());
            }
            return Ok(None);
        };
        let mut last = first;
        loop {
            self.skip_blank();
            if self.peek() != Some(b'|') || self.peek_at(1) == Some(b'|') {
                break;
            }
            let both = self.peek_at(1) == Some(b'&');
            self.pos += if both { 2 } else { 1 };
            if both {
                let op = RedirectOp::DupOut(Word::from_literal(b"1"));
                last.redirects.push(Redirect {
                    target: RedirectFd::Number(2),
                    op,
                });
            }
            commands.push(self.seal(last));
            self.skip_newlines()?;
            let Some(next) = self.command()? else {
                return Err(self.unexpected());
            };
            last = next;
        }
        commands.push(self.seal(last));
        Ok(Some(Pipeline {
            negated,
            timed,
            commands,
        }))
    }

    fn seal(&mut self, command: Command) -> Rc<Command> {
        let command = Rc::new(command);
        self.note(command.id, || Piece::Command(command.clone()));
        command
    }

    /// Consumes a reserved word.
    pub(super) fn reserved(&mut self, word: &[u8]) -> bool {
        if self.looking_at(word) && self.peek_word() == word {
            self.pos += word.len();
            return true;
        }
        false
    }

    /// Skips blanks and newlines, then wants a reserved word.
    pub(super) fn expect_reserved(&mut self, word: &[u8]) -> Result<()> {
        self.skip_newlines()?;
        if self.reserved(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The unquoted word at the current position; empty if it has quotes or expansions.
    pub(super) fn peek_word(&self) -> &'a [u8] {
        let rest = self.slice(self.pos, self.src.len());
        let len = rest.iter().position(|c| ends_word(*c));
        let len = len.unwrap_or(rest.len());
        match rest.get(len) {
            Some(b'\\' | b'\'' | b'"' | b'$' | b'`') => b"",
            _ => rest.get(..len).unwrap_or_default(),
        }
    }

    /// The word at the current position if it may be a reserved one.
    fn reserved_word(&self) -> &'a [u8] {
        match self.peek() {
            Some(b'a'..=b'z' | b'{' | b'}' | b'[' | b']' | b'!') => self.peek_word(),
            _ => b"",
        }
    }

    /// A command with the redirections behind it; `None` if none can begin here.
    pub(super) fn command(&mut self) -> Result<Option<Command>> {
        self.skip_blank();
        self.enter()?;
        let line = self.line();
        let id = self.new_id();
        let word = self.reserved_word();
        let kind = match self.compound(word)? {
            Some(kind) => kind,
            None => {
                if is_reserved(word) && word != b"in" && word != b"]]" {
                    self.leave();
                    return Ok(None);
                }
                let command = self.simple(id, line)?;
                self.leave();
                return Ok(command);
            }
        };
        let mut redirects = Vec::new();
        if !matches!(kind, Kind::Function { .. } | Kind::Coproc { .. }) {
            while let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
            }
        }
        self.leave();
        Ok(Some(Command {
            id,
            line,
            kind,
            redirects,
        }))
    }

    /// A compound command as a function's or coprocess's body.
    pub(super) fn body(&mut self) -> Result<Rc<Command>> {
        self.skip_newlines()?;
        let line = self.line();
        self.enter()?;
        let id = self.new_id();
        let Some(kind) = self.compound(self.reserved_word())? else {
            return Err(self.unexpected());
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        self.leave();
        Ok(self.seal(Command {
            id,
            line,
            kind,
            redirects,
        }))
    }

    fn simple(&mut self, id: u32, line: u32) -> Result<Option<Command>> {
        let mut simple = Simple {
            assigns: Vec::new(),
            words: Vec::new(),
            array_args: Vec::new(),
        };
        let mut redirects = Vec::new();
        let mut declaration = false;
        loop {
            self.skip_blank();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if simple.words.is_empty() {
                if let Some(assign) = self.assignment()? {
                    simple.assigns.push(assign);
                    continue;
                }
            } else if declaration && let Some((word, assign)) = self.array_argument()? {
                simple.words.push(word);
                simple.array_args.push((simple.words.len() - 1, assign));
                continue;
            }
            let Some(word) = self.word(self.flags.extglob)? else {
                break;
            };
            if simple.words.is_empty() {
                declaration = word.literal().is_some_and(|w| DECLARATIONS.contains(&w));
            }
            simple.words.push(word);
            if simple.words.len() == 1 && simple.assigns.is_empty() && redirects.is_empty() {
                self.skip_blank();
                if self.peek() == Some(b'(') {
                    let Some(word) = simple.words.pop() else {
                        break;
                    };
                    return self.function_by_parens(&word, id, line).map(Some);
                }
            }
        }
        if simple.words.is_empty() && simple.assigns.is_empty() && redirects.is_empty() {
            return Ok(None);
        }
        if self.peek() == Some(b'(') {
            return Err(self.unexpected());
        }
        Ok(Some(Command {
            id,
            line,
            kind: Kind::Simple(simple),
            redirects,
        }))
    }

    fn function_by_parens(&mut self, word: &Word, id: u32, line: u32) -> Result<Command> {
        self.pos += 1;
        self.skip_blank();
        if self.peek() != Some(b')') {
            return Err(self.unexpected());
        }
        let name = self.slice(word.span.0, word.span.1).to_vec();
        if word.literal().is_none() {
            return Err(self.error(format!(
                "`{}': not a valid identifier",
                String::from_utf8_lossy(&name)
            )));
        }
        self.pos += 1;
        let body = self.body()?;
        Ok(Command {
            id,
            line,
            kind: Kind::Function { name, body },
            redirects: Vec::new(),
        })
    }

    /// `name=value` and its kin, if one stands here.
    fn assignment(&mut self) -> Result<Option<Assign>> {
        let (start, id) = (self.pos, self.next_id);
        if !self.peek().is_some_and(is_name_start) {
            return Ok(None);
        }
        while self.peek().is_some_and(is_name_char) {
            self.pos += 1;
        }
        if !matches!(self.peek(), Some(b'[' | b'=' | b'+')) {
            self.pos = start;
            return Ok(None);
        }
        let name = self.slice(start, self.pos).to_vec();
        let mut subscript = None;
        if self.peek() == Some(b'[') {
            self.pos += 1;
            match self.subscript() {
                Ok(sub) => subscript = Some(sub),
                Err(e) if self.too_deep => return Err(e),
                _ => {
                    (self.pos, self.next_id) = (start, id);
                    return Ok(None);
                }
            }
        }
        let append = self.looking_at(b"+=");
        if !append && self.peek() != Some(b'=') {
            (self.pos, self.next_id) = (start, id);
            return Ok(None);
        }
        self.pos += if append { 2 } else { 1 };
        let value = if self.peek() == Some(b'(') {
            AssignValue::Array(self.array_literal()?)
        } else {
            AssignValue::Scalar(self.word_until(Stop::Meta(self.flags.extglob))?)
        };
        Ok(Some(Assign {
            name,
            subscript,
            append,
            value,
        }))
    }

    /// `name=( … )` among the arguments of a declaration builtin.
    fn array_argument(&mut self) -> Result<Option<(Word, Assign)>> {
        let rest = self.slice(self.pos, self.src.len());
        let name_len = rest.iter().take_while(|c| is_name_char(**c)).count();
        if name_len == 0 || !rest.first().is_some_and(|c| is_name_start(*c)) {
            return Ok(None);
        }
        let tail = rest.get(name_len..).unwrap_or_default();
        let append = tail.starts_with(b"+=(");
        if !append && !tail.starts_with(b"=(") {
            return Ok(None);
        }
        let start = self.pos;
        let name = self.slice(start, start + name_len).to_vec();
        self.pos += name_len + if append { 2 } else { 1 };
        let head = self.slice(start, self.pos).to_vec();
        let value = AssignValue::Array(self.array_literal()?);
        let mut word = Word::from_literal(&head);
        word.assignment = Some(head.len());
        word.span = (start, self.pos);
        Ok(Some((
            word,
            Assign {
                name,
                subscript: None,
                append,
                value,
            },
        )))
    }

    fn array_literal(&mut self) -> Result<Vec<Element>> {
        let line = self.line();
        self.enter()?;
        self.pos += 1;
        let mut elements = Vec::new();
        loop {
            self.skip_newlines()?;
            match self.peek() {
                None => return Err(self.error_eof(")", line)),
                Some(b')') => break,
                Some(b'[') => {
                    let (start, id) = (self.pos, self.next_id);
                    self.pos += 1;
                    if let Ok(subscript) = self.subscript() {
                        let append = self.looking_at(b"+=");
                        if append || self.peek() == Some(b'=') {
                            self.pos += if append { 2 } else { 1 };
                            let value = self.word_until(Stop::Meta(self.flags.extglob))?;
                            elements.push(Element {
                                subscript: Some(subscript),
                                append,
                                value,
                            });
                            continue;
                        }
                    }
                    (self.pos, self.next_id) = (start, id);
                }
                Some(_) => {}
            }
            let Some(value) = self.word(self.flags.extglob)? else {
                return Err(self.unexpected());
            };
            elements.push(Element {
                subscript: None,
                append: false,
                value,
            });
        }
        self.pos += 1;
        self.leave();
        Ok(elements)
    }
}
