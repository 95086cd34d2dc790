//! From the command line of `find` to its expression.
//!
//! Counterpart: findutils' `parser.c` and `tree.c`.

use super::extra;
use super::find::PREDICATES;
use super::printf::{self, Format};
use crate::regex::{Edges, Regex, Syntax};
use crate::shared::{fs, program, quote};
use bstr::{BString, ByteSlice};
use std::iter::Peekable;
use std::vec::IntoIter;

/// What holds for the whole run.
pub struct Settings {
    pub follow: bool,
    pub follow_operands: bool,
    pub least: u64,
    pub most: u64,
    pub depth_first: bool,
}

/// How a number is compared.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Less(u64),
    Exactly(u64),
    More(u64),
}

impl Number {
    pub fn holds(self, value: u64) -> bool {
        match self {
            Number::Less(than) => value < than,
            Number::Exactly(than) => value == than,
            Number::More(than) => value > than,
        }
    }
}

/// How `-perm` compares.
#[derive(Clone, Copy, Debug)]
pub enum Permission {
    Exactly,
    All,
    Any,
}

/// A command of `-exec`.
#[derive(Debug)]
pub struct Command {
    pub words: Vec<BString>,
    /// `+`: many names at once.
    pub many: bool,
    /// Its number, for what is gathered.
    pub number: usize,
    /// `-execdir`: started in the file's directory.
    pub inside: bool,
}

/// An expression.
#[derive(Debug)]
pub enum Node {
    True,
    False,
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    List(Box<Node>, Box<Node>),
    Name(BString, bool),
    Path(BString, bool),
    LinkName(BString, bool),
    Regex(Box<Regex>),
    Kind(Vec<u8>, bool),
    Empty,
    Size(Number, u64),
    Permission(u32, u32, Permission),
    Newer((i64, u32)),
    /// `-newermt`.
    NewerDate((i64, u32)),
    /// `-mtime`.
    Age(Number),
    /// The user, or else the group.
    Owner(bool, Number),
    Same(u64, u64),
    Links(Number),
    Access(u32),
    Prune,
    Quit,
    Print(u8),
    PrintTo(BString, u8),
    Printf(Format),
    Delete,
    Exec(Command),
}

impl Node {
    /// Whether something in it does more than test.
    fn acts(&self) -> bool {
        match self {
            Node::Not(one) => one.acts(),
            Node::And(a, b) | Node::Or(a, b) | Node::List(a, b) => a.acts() || b.acts(),
            Node::Print(_)
            | Node::PrintTo(..)
            | Node::Printf(_)
            | Node::Delete
            | Node::Exec(_)
            | Node::Prune
            | Node::Quit => true,
            _ => false,
        }
    }
}

struct Parser {
    words: Peekable<IntoIter<BString>>,
    settings: Settings,
    /// An action is there: nothing is printed by itself.
    action: bool,
    deletes: bool,
    prunes: bool,
    regextype: BString,
    commands: usize,
    /// The first test, for the warning about global options behind it.
    first_test: Option<BString>,
    depth: u32,
}

const MAX_DEPTH: u32 = 1000;

/// Parses the words after the program's name: settings, paths, expression.
pub fn parse(words: Vec<BString>) -> (Settings, Vec<BString>, Node) {
    let settings = Settings {
        follow: false,
        follow_operands: false,
        least: 0,
        most: u64::MAX,
        depth_first: false,
    };
    let mut parser = Parser {
        words: words.into_iter().peekable(),
        settings,
        action: false,
        deletes: false,
        prunes: false,
        regextype: "emacs".into(),
        commands: 0,
        first_test: None,
        depth: 0,
    };
    while let Some(word) = parser
        .words
        .next_if(|word| matches!(word.as_slice(), b"-H" | b"-L" | b"-P" | b"--"))
    {
        if word == "--" {
            break;
        }
        parser.settings.follow = word == "-L";
        parser.settings.follow_operands = word != "-P";
    }
    let mut paths = Vec::new();
    let starts = |word: &BString| {
        (word.len() > 1 && word.first() == Some(&b'-'))
            || matches!(word.as_slice(), b"(" | b")" | b"!" | b",")
    };
    while let Some(path) = parser.words.next_if(|word| !starts(word)) {
        paths.push(path);
    }
    let mut node = if parser.words.peek().is_none() {
        Node::True
    } else {
        parser.list()
    };
    if let Some(word) = parser.words.peek() {
        if *word == ")" {
            program::die(1, &[b"you have too many ')'"]);
        }
        let word = word.clone();
        parser.misplaced(&word);
    }
    if parser.deletes && parser.prunes && parser.settings.depth_first {
        program::die(1, &[b"The -delete action automatically turns on -depth, but -prune does nothing when -depth is in effect.  If you want to carry on anyway, just explicitly use the -depth option."]);
    }
    if !parser.action {
        node = Node::And(Box::new(node), Box::new(Node::Print(b'\n')));
    }
    (parser.settings, paths, node)
}

impl Parser {
    fn misplaced(&self, word: &BString) -> ! {
        program::complain(&[b"paths must precede expression: `", word, b"'"]);
        if fs::stat(word).is_ok() {
            program::complain(&[
                b"possible unquoted pattern after predicate `",
                self.first_test.as_ref().map_or(b"".as_slice(), |it| it),
                b"'?",
            ]);
        }
        program::exit(1)
    }

    fn list(&mut self) -> Node {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            program::refuse("an expression is nested too deep");
        }
        let mut node = self.or();
        while self.words.next_if(|word| *word == ",").is_some() {
            let right = self.or();
            if !(node.acts() && right.acts()) {
                program::refuse(
                    "a list with ',' of tests without an action, whose order GNU's optimizer changes",
                );
            }
            node = Node::List(Box::new(node), Box::new(right));
        }
        self.depth -= 1;
        node
    }

    fn or(&mut self) -> Node {
        let mut node = self.and();
        while self
            .words
            .next_if(|word| matches!(word.as_slice(), b"-o" | b"-or"))
            .is_some()
        {
            let right = self.and();
            node = Node::Or(Box::new(node), Box::new(right));
        }
        node
    }

    fn and(&mut self) -> Node {
        let mut node = self.not();
        loop {
            let explicit = self
                .words
                .next_if(|word| matches!(word.as_slice(), b"-a" | b"-and"))
                .is_some();
            let ends = match self.words.peek() {
                None => true,
                Some(word) => matches!(word.as_slice(), b"-o" | b"-or" | b"," | b")"),
            };
            if ends && !explicit {
                return node;
            }
            let right = self.not();
            node = Node::And(Box::new(node), Box::new(right));
        }
    }

    fn not(&mut self) -> Node {
        if self
            .words
            .next_if(|word| matches!(word.as_slice(), b"!" | b"-not"))
            .is_some()
        {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                program::refuse("an expression is nested too deep");
            }
            let node = self.not();
            self.depth -= 1;
            return Node::Not(Box::new(node));
        }
        let Some(word) = self.words.next() else {
            program::refuse("an expression that ends in an operator");
        };
        if word == "(" {
            if self.words.peek().is_some_and(|word| *word == ")") {
                program::die(
                    1,
                    &[b"invalid expression; empty parentheses are not allowed."],
                );
            }
            let node = self.list();
            if self.words.next_if(|word| *word == ")").is_none() {
                program::die(1, &[b"invalid expression; I was expecting to find a ')' somewhere but did not see one."]);
            }
            return node;
        }
        self.primary(&word)
    }

    fn argument(&mut self, of: &[u8]) -> BString {
        match self.words.next() {
            Some(word) => word,
            None => program::die(1, &[b"missing argument to `", of, b"'"]),
        }
    }

    fn level(&mut self, word: &[u8]) -> u64 {
        let text = self.argument(word);
        let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        match text
            .to_str()
            .ok()
            .filter(|_| plain)
            .and_then(|text| text.parse().ok())
        {
            Some(level) => level,
            None => program::die(
                1,
                &[
                    b"Expected a positive decimal integer argument to ",
                    word,
                    b", but got ",
                    &quote::always(&text),
                ],
            ),
        }
    }

    fn primary(&mut self, word: &BString) -> Node {
        match word.as_slice() {
            b"-maxdepth" => {
                self.settings.most = self.level(word);
                return Node::True;
            }
            b"-mindepth" => {
                self.settings.least = self.level(word);
                return Node::True;
            }
            b"-depth" => {
                self.settings.depth_first = true;
                return Node::True;
            }
            b"-xdev" | b"-mount" | b"-noleaf" => {
                return Node::True;
            }
            b"-follow" => {
                self.settings.follow = true;
                self.settings.follow_operands = true;
                return Node::True;
            }
            b"-regextype" => {
                self.regextype = self.argument(word);
                return Node::True;
            }
            _ => {}
        }
        if word.first() != Some(&b'-') {
            self.misplaced(word);
        }
        if self.first_test.is_none() {
            self.first_test = Some(word.clone());
        }
        let fold = word.starts_with(b"-i");
        match word.as_slice() {
            b"-true" => Node::True,
            b"-false" => Node::False,
            b"-name" | b"-iname" => {
                let pattern = self.argument(word);
                if pattern.contains(&b'/') {
                    program::refuse("-name with a slash, of which find warns");
                }
                Node::Name(pattern, fold)
            }
            b"-path" | b"-ipath" | b"-wholename" | b"-iwholename" => {
                Node::Path(self.argument(word), fold)
            }
            b"-lname" | b"-ilname" => Node::LinkName(self.argument(word), fold),
            b"-regex" | b"-iregex" => {
                let pattern = self.argument(word);
                Node::Regex(Box::new(self.regex(&pattern, fold)))
            }
            b"-type" | b"-xtype" => {
                let text = self.argument(word);
                let mut kinds = Vec::new();
                for kind in text.split_str(",") {
                    match kind {
                        [kind] if b"bcdpflsD".contains(kind) => kinds.push(*kind),
                        _ => program::refuse("an unknown argument to -type"),
                    }
                }
                Node::Kind(kinds, word == "-xtype")
            }
            b"-empty" => Node::Empty,
            b"-size" => {
                let text = self.argument(word);
                let (digits, unit) = match text.last() {
                    Some(b'c') => (text.len() - 1, 1),
                    Some(b'w') => (text.len() - 1, 2),
                    Some(b'b') => (text.len() - 1, 512),
                    Some(b'k') => (text.len() - 1, 1024),
                    Some(b'M') => (text.len() - 1, 1024 * 1024),
                    Some(b'G') => (text.len() - 1, 1024 * 1024 * 1024),
                    _ => (text.len(), 512),
                };
                match number(text.get(..digits).unwrap_or_default()) {
                    Some(number) => Node::Size(number, unit),
                    None => program::die(1, &[b"invalid argument `", &text, b"' to `-size'"]),
                }
            }
            b"-links" => {
                let text = self.argument(word);
                match number(&text) {
                    Some(number) => Node::Links(number),
                    None => program::die(
                        1,
                        &[b"non-numeric argument to -links: ", &quote::always(&text)],
                    ),
                }
            }
            b"-perm" => self.permission(word),
            b"-newermt" | b"-mtime" | b"-user" | b"-group" | b"-uid" | b"-gid" => {
                let text = self.argument(word);
                extra::test(word, &text)
            }
            b"-newer" | b"-newermm" => {
                let file = self.argument(word);
                match fs::stat(&file) {
                    Ok(meta) => Node::Newer(meta.times[1]),
                    Err(errno) => program::die_errno(1, &[&quote::always(&file)], errno),
                }
            }
            b"-samefile" => {
                let file = self.argument(word);
                match fs::stat(&file) {
                    Ok(meta) => Node::Same(meta.device, meta.inode),
                    Err(errno) => program::die_errno(1, &[&quote::always(&file)], errno),
                }
            }
            b"-readable" => Node::Access(4),
            b"-writable" => Node::Access(2),
            b"-executable" => Node::Access(1),
            b"-prune" => {
                self.prunes = true;
                Node::Prune
            }
            b"-quit" => {
                self.action = true;
                Node::Quit
            }
            b"-print" | b"-print0" => {
                self.action = true;
                Node::Print(if word == "-print" { b'\n' } else { 0 })
            }
            b"-printf" => {
                self.action = true;
                let text = self.argument(word);
                Node::Printf(printf::parse(&text))
            }
            b"-delete" => {
                self.action = true;
                self.deletes = true;
                self.settings.depth_first = true;
                Node::Delete
            }
            b"-fprint" | b"-fprint0" => {
                self.action = true;
                let file = self.argument(word);
                extra::Files::create(&file);
                Node::PrintTo(file, if word == "-fprint" { b'\n' } else { 0 })
            }
            b"-exec" | b"-execdir" => {
                self.action = true;
                let mut command = self.command(word);
                command.inside = word == "-execdir";
                if command.inside {
                    if command.many {
                        program::refuse("-execdir of many names at once");
                    }
                    extra::path_is_absolute();
                }
                Node::Exec(command)
            }
            other => {
                if PREDICATES.iter().any(|known| known.as_bytes() == other) {
                    program::refuse(&format!("'{}' here", other.as_bstr()));
                }
                program::refuse(&format!(
                    "the predicate '{}' is beyond this applet",
                    other.as_bstr()
                ))
            }
        }
    }

    fn regex(&self, pattern: &[u8], ignore_case: bool) -> Regex {
        let extended = match self.regextype.as_slice() {
            b"posix-extended" => true,
            b"posix-basic" => false,
            // Emacs' own syntax: what it shares with the extended one, and no more.
            b"emacs" if !pattern.iter().any(|byte| b"\\{}()|".contains(byte)) => true,
            b"emacs"
                if pattern
                    .replace(b"\\.", b"")
                    .iter()
                    .all(|byte| !b"\\{}()|".contains(byte)) =>
            {
                true
            }
            other => program::refuse(&format!("a regular expression of type {}", other.as_bstr())),
        };
        let syntax = Syntax {
            extended,
            ignore_case,
            stray_close: true,
            ..Syntax::default()
        };
        match Regex::any(&[pattern.into()], syntax, false, Edges::Lines) {
            Ok(regex) => regex,
            Err(message) => program::die(
                1,
                &[
                    b"failed to compile regular expression '",
                    pattern,
                    b"': ",
                    message.as_bytes(),
                ],
            ),
        }
    }

    fn permission(&mut self, word: &[u8]) -> Node {
        let text = self.argument(word);
        let (how, rest) = match text.split_first() {
            Some((b'-', rest)) => (Permission::All, rest),
            Some((b'/', rest)) => (Permission::Any, rest),
            _ => (Permission::Exactly, text.as_slice()),
        };
        match crate::coreutils::Mode::parse(rest) {
            Some(mode) => Node::Permission(mode.apply(0, false, 0), mode.apply(0, true, 0), how),
            None => program::die(1, &[b"invalid mode ", &quote::always(&text)]),
        }
    }

    fn command(&mut self, word: &[u8]) -> Command {
        let mut words: Vec<BString> = Vec::new();
        loop {
            let Some(next) = self.words.next() else {
                program::die(1, &[b"missing argument to `", word, b"'"]);
            };
            if next == ";" {
                break;
            }
            if next == "+" && words.last().is_some_and(|last| *last == "{}") {
                words.pop();
                if words.iter().any(|word| word.contains_str("{}")) {
                    program::die(
                        1,
                        &[b"Only one instance of {} is supported with -exec ... +"],
                    );
                }
                self.commands += 1;
                return Command {
                    words,
                    many: true,
                    number: self.commands - 1,
                    inside: false,
                };
            }
            words.push(next);
        }
        if words.is_empty() {
            program::die(1, &[b"invalid argument `;' to `", word, b"'"]);
        }
        Command {
            words,
            many: false,
            number: 0,
            inside: false,
        }
    }
}

/// `N`, `+N` or `-N`.
pub fn number(text: &[u8]) -> Option<Number> {
    let (sign, digits) = match text.split_first() {
        Some((sign @ (b'+' | b'-'), rest)) => (*sign, rest),
        _ => (0, text),
    };
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let value = digits.to_str().ok().filter(|_| plain)?.parse().ok()?;
    Some(match sign {
        b'+' => Number::More(value),
        b'-' => Number::Less(value),
        _ => Number::Exactly(value),
    })
}
