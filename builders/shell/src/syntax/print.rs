//! Commands back to text, in the layout of bash's `declare -f` (`print_cmd.c`). Words are printed
//! as they were written.

use super::ast::{
    AndOr, Assign, AssignValue, CaseEnd, Command, Cond, Connector, Kind, List, Pipeline, Redirect,
    RedirectFd, RedirectOp, Source, Subscript, Word,
};

struct Printer<'a> {
    source: &'a Source,
    out: Vec<u8>,
    indent: usize,
    /// As in the environment: one blank at the most, and the first command right behind the brace.
    narrow: bool,
    /// Here-documents that follow the line.
    docs: Vec<Vec<u8>>,
}

/// `name () { … }` as `declare -f` prints it.
pub fn function_text(name: &[u8], body: &Command, source: &Source) -> Vec<u8> {
    let mut p = Printer::new(source);
    p.out.extend_from_slice(name);
    p.out.extend_from_slice(b" () \n");
    p.function_body(body);
    p.out.push(b'\n');
    p.out
}

/// The body as an exported function's environment variable holds it.
pub fn function_environment(body: &Command, source: &Source) -> Vec<u8> {
    let mut p = Printer::new(source);
    p.narrow = true;
    p.function_body(body);
    p.out
}

/// A simple command on one line, for `BASH_COMMAND`.
pub fn command_text(command: &Command, source: &Source) -> Vec<u8> {
    let mut p = Printer::new(source);
    p.command(command);
    p.out
}

impl<'a> Printer<'a> {
    fn new(source: &'a Source) -> Printer<'a> {
        Printer {
            source,
            out: Vec::new(),
            indent: 0,
            narrow: false,
            docs: Vec::new(),
        }
    }

    fn put(&mut self, text: impl AsRef<[u8]>) {
        self.out.extend_from_slice(text.as_ref());
    }

    fn newline(&mut self) {
        self.put("\n");
        self.flush_docs();
        let width = if self.narrow {
            self.indent.min(1)
        } else {
            self.indent * 4
        };
        self.put(" ".repeat(width));
    }

    fn flush_docs(&mut self) {
        for doc in std::mem::take(&mut self.docs) {
            self.put(doc);
        }
    }

    fn function_body(&mut self, body: &Command) {
        match &body.kind {
            Kind::Group(list) => self.braces(list),
            _ => {
                self.open_brace();
                self.command(body);
                self.indent -= 1;
                self.newline();
                self.put("}");
                return;
            }
        }
        self.redirects(&body.redirects);
    }

    fn open_brace(&mut self) {
        self.put("{ ");
        if self.narrow && self.indent == 0 {
            self.put(" ");
            self.indent += 1;
        } else {
            self.indent += 1;
            self.newline();
        }
    }

    fn braces(&mut self, list: &List) {
        self.open_brace();
        self.list(list, false);
        self.indent -= 1;
        self.newline();
        self.put("}");
    }

    /// `closed`: the last command ends with a semicolon too.
    fn list(&mut self, list: &List, closed: bool) {
        let last = list.items.len().saturating_sub(1);
        for (at, item) in list.items.iter().enumerate() {
            self.and_or(&item.and_or);
            match (item.background, at < last) {
                (true, true) => self.put(" & "),
                (true, false) => self.put(" &"),
                (false, more) => {
                    if (more || closed) && self.docs.is_empty() {
                        self.put(";");
                    }
                    if more {
                        self.newline();
                    }
                }
            }
        }
    }

    fn and_or(&mut self, and_or: &AndOr) {
        self.pipeline(&and_or.first);
        for (connector, pipeline) in &and_or.rest {
            self.put(if *connector == Connector::And {
                " && "
            } else {
                " || "
            });
            self.pipeline(pipeline);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        if let Some(posix) = pipeline.timed {
            self.put(if posix { "time -p " } else { "time " });
        }
        if pipeline.negated {
            self.put("! ");
        }
        for (at, command) in pipeline.commands.iter().enumerate() {
            if at > 0 {
                self.put(" | ");
            }
            self.command(command);
        }
    }

    fn raw(&self, word: &Word) -> &'a [u8] {
        self.source
            .text
            .get(word.span.0..word.span.1)
            .unwrap_or_default()
    }

    fn word(&mut self, word: &Word) {
        let raw = self.raw(word);
        self.put(raw);
    }

    fn body(&mut self, list: &List) {
        self.indent += 1;
        self.newline();
        self.list(list, true);
        self.indent -= 1;
        self.newline();
    }

    fn command(&mut self, command: &Command) {
        match &command.kind {
            Kind::Simple(simple) => {
                let mut first = true;
                for assign in &simple.assigns {
                    self.space(&mut first);
                    self.assign(assign);
                }
                for word in &simple.words {
                    self.space(&mut first);
                    self.word(word);
                }
                if first && !command.redirects.is_empty() {
                    self.redirects_from(&command.redirects, true);
                    return;
                }
            }
            Kind::Group(list) => self.braces(list),
            Kind::Subshell(list) => {
                self.put("( ");
                self.list(list, false);
                self.put(" )");
            }
            Kind::If { arms, otherwise } => {
                for (at, (condition, body)) in arms.iter().enumerate() {
                    if at > 0 {
                        // bash prints `elif` as a nested `if`.
                        self.put("else");
                        self.indent += 1;
                        self.newline();
                    }
                    self.put("if ");
                    self.list(condition, false);
                    self.put("; then");
                    self.body(body);
                }
                if let Some(body) = otherwise {
                    self.put("else");
                    self.body(body);
                }
                for at in (0..arms.len()).rev() {
                    self.put("fi");
                    if at > 0 {
                        self.put(";");
                        self.indent -= 1;
                        self.newline();
                    }
                }
            }
            Kind::While {
                until,
                condition,
                body,
            } => {
                self.put(if *until { "until " } else { "while " });
                self.list(condition, false);
                self.put("; do");
                self.body(body);
                self.put("done");
            }
            Kind::For { name, words, body } => self.for_loop("for ", name, words.as_deref(), body),
            Kind::Select { name, words, body } => {
                self.for_loop("select ", name, words.as_deref(), body)
            }
            Kind::ArithFor {
                init,
                condition,
                update,
                body,
            } => {
                self.put("for ((");
                self.put(&init.raw);
                self.put("; ");
                self.put(condition.raw.trim_ascii_start());
                self.put("; ");
                self.put(update.raw.trim_ascii_start());
                self.put("))");
                self.newline();
                self.put("do");
                self.body(body);
                self.put("done");
            }
            Kind::Case { word, arms } => {
                self.put("case ");
                self.word(word);
                self.put(" in ");
                self.indent += 1;
                for arm in arms {
                    self.newline();
                    for (at, pattern) in arm.patterns.iter().enumerate() {
                        if at > 0 {
                            self.put(" | ");
                        }
                        self.word(pattern);
                    }
                    self.put(")");
                    if !arm.body.items.is_empty() {
                        self.indent += 1;
                        self.newline();
                        self.list(&arm.body, false);
                        self.indent -= 1;
                    }
                    self.newline();
                    self.put(match arm.end {
                        CaseEnd::Stop => ";;",
                        CaseEnd::FallThrough => ";&",
                        CaseEnd::TestNext => ";;&",
                    });
                }
                self.indent -= 1;
                self.newline();
                self.put("esac");
            }
            Kind::Arith(text) => {
                self.put("((");
                self.put(&text.raw);
                self.put("))");
            }
            Kind::Cond(cond) => {
                self.put("[[ ");
                self.cond(cond);
                self.put(" ]]");
            }
            // Stands only where a script is run, never in what is printed.
            Kind::FunctionAt { name, .. } => self.put(name),
            Kind::Function { name, body } => {
                self.put("function ");
                self.put(name);
                self.put(" () ");
                self.newline();
                self.function_body(body);
            }
            Kind::Coproc { name, body } => {
                self.put("coproc ");
                self.put(name);
                self.put(" ");
                self.command(body);
            }
        }
        self.redirects(&command.redirects);
    }

    fn for_loop(&mut self, keyword: &str, name: &[u8], words: Option<&[Word]>, body: &List) {
        self.put(keyword);
        self.put(name);
        match words {
            Some(words) => {
                self.put(" in");
                for word in words {
                    self.put(" ");
                    self.word(word);
                }
            }
            None => self.put(" in \"$@\""),
        }
        self.put(";");
        self.newline();
        self.put("do");
        self.body(body);
        self.put("done");
    }

    fn space(&mut self, first: &mut bool) {
        if !std::mem::replace(first, false) {
            self.put(" ");
        }
    }

    fn subscript(&mut self, subscript: Option<&Subscript>) {
        if let Some(sub) = subscript {
            self.put("[");
            self.put(&sub.raw);
            self.put("]");
        }
    }

    fn assign(&mut self, assign: &Assign) {
        self.put(&assign.name);
        self.subscript(assign.subscript.as_ref());
        self.put(if assign.append { "+=" } else { "=" });
        match &assign.value {
            AssignValue::Scalar(word) => self.word(word),
            AssignValue::Array(elements) => {
                self.put("(");
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        self.put(" ");
                    }
                    self.subscript(element.subscript.as_ref());
                    if element.subscript.is_some() {
                        self.put(if element.append { "+=" } else { "=" });
                    }
                    self.word(&element.value);
                }
                self.put(")");
            }
        }
    }

    fn cond(&mut self, cond: &Cond) {
        match cond {
            Cond::Or(terms) | Cond::And(terms) => {
                let or = matches!(cond, Cond::Or(_));
                for (at, term) in terms.iter().enumerate() {
                    if at > 0 {
                        self.put(if or { " || " } else { " && " });
                    }
                    self.cond(term);
                }
            }
            Cond::Not(a) => {
                self.put("! ");
                self.cond(a);
            }
            Cond::Group(a) => {
                self.put("( ");
                self.cond(a);
                self.put(" )");
            }
            Cond::Unary(op, word) => {
                self.put(op);
                self.put(" ");
                self.word(word);
            }
            Cond::Binary(op, a, b) => {
                self.word(a);
                self.put(" ");
                self.put(if op == b"=" { &b"="[..] } else { op });
                self.put(" ");
                self.word(b);
            }
            Cond::Word(word) => {
                self.put("-n ");
                self.word(word);
            }
        }
    }

    fn redirects(&mut self, redirects: &[Redirect]) {
        self.redirects_from(redirects, false);
    }

    fn redirects_from(&mut self, redirects: &[Redirect], mut first: bool) {
        for redirect in redirects {
            if !std::mem::replace(&mut first, false) {
                self.put(" ");
            }
            match &redirect.target {
                RedirectFd::Default => {}
                RedirectFd::Number(n) => self.put(n.to_string()),
                RedirectFd::Variable(name) => {
                    self.put("{");
                    self.put(name);
                    self.put("}");
                }
            }
            let (op, word) = match &redirect.op {
                RedirectOp::Read(w) => ("< ", w),
                RedirectOp::Write(w) => ("> ", w),
                RedirectOp::Append(w) => (">> ", w),
                RedirectOp::Clobber(w) => (">| ", w),
                RedirectOp::ReadWrite(w) => ("<> ", w),
                RedirectOp::DupIn(w) => ("<&", w),
                RedirectOp::DupOut(w) => (">&", w),
                RedirectOp::Both(w) => ("&> ", w),
                RedirectOp::BothAppend(w) => ("&>> ", w),
                RedirectOp::HereString(w) => ("<<< ", w),
                RedirectOp::HereDoc(doc) => {
                    self.put(if doc.strip_tabs { "<<-" } else { "<<" });
                    if doc.quoted {
                        self.put("'");
                    }
                    self.put(&doc.delimiter);
                    if doc.quoted {
                        self.put("'");
                    }
                    let (start, end) = *doc.body_span.borrow();
                    let mut text = self
                        .source
                        .text
                        .get(start..end)
                        .unwrap_or_default()
                        .to_vec();
                    text.extend_from_slice(&doc.delimiter);
                    text.push(b'\n');
                    self.docs.push(text);
                    continue;
                }
            };
            // `2>&1` is printed so, whatever was written.
            if matches!(redirect.op, RedirectOp::DupOut(_) | RedirectOp::DupIn(_))
                && matches!(redirect.target, RedirectFd::Default)
            {
                self.put(if matches!(redirect.op, RedirectOp::DupOut(_)) {
                    "1"
                } else {
                    "0"
                });
            }
            self.put(op);
            match word.literal() {
                Some(text) if word.span == (0, 0) => self.put(text),
                _ => self.word(word),
            }
        }
    }
}
