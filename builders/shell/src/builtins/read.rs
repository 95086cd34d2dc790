//! `read` and `mapfile`.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Call;
use crate::pattern::char_len;
use crate::state::assign::{Scope, is_reference, split_reference};
use crate::state::fds::Desc;
use crate::state::value::Value;
use crate::state::{Flow, Shell, Unwind};
use crate::sys;

/// Reads bytes so that nothing behind the last one wanted is taken away.
struct Input {
    desc: Rc<Desc>,
    buffer: Vec<u8>,
    at: usize,
    seekable: bool,
    failed: Option<std::io::Error>,
}

impl Input {
    fn new(desc: Rc<Desc>) -> Input {
        let seekable = desc.can_unread();
        Input {
            desc,
            buffer: Vec::new(),
            at: 0,
            seekable,
            failed: None,
        }
    }

    fn next(&mut self) -> Option<u8> {
        if let Some(&c) = self.buffer.get(self.at) {
            self.at += 1;
            return Some(c);
        }
        let mut chunk = [0u8; 4096];
        let len = if self.seekable { chunk.len() } else { 1 };
        match self.desc.read(chunk.get_mut(..len)?) {
            Ok(0) => None,
            Ok(n) => {
                self.buffer = chunk.get(..n)?.to_vec();
                self.at = 1;
                self.buffer.first().copied()
            }
            Err(e) => {
                self.failed = Some(e);
                None
            }
        }
    }

    /// Gives back what was read too many.
    fn done(&mut self) {
        let extra = self.buffer.len() - self.at;
        if extra > 0 {
            self.desc.unread(extra);
        }
        self.buffer.clear();
        self.at = 0;
    }
}

impl Shell {
    /// A line from a descriptor, without the newline; `None` at the end.
    pub fn read_line(&mut self, fd: u32) -> Option<Vec<u8>> {
        let mut input = Input::new(self.st.fds.get(fd)?.clone());
        let mut line = Vec::new();
        loop {
            match input.next() {
                Some(b'\n') => break,
                Some(c) => line.push(c),
                None if line.is_empty() => return None,
                None => break,
            }
        }
        input.done();
        Some(line)
    }
}

fn descriptor(sh: &mut Shell, call: &Call, text: Option<&[u8]>) -> Result<u32, i32> {
    let Some(text) = text else { return Ok(0) };
    match crate::arith::parse_decimal(text).and_then(|n| u32::try_from(n).ok()) {
        Some(fd) => Ok(fd),
        None => {
            sh.builtin_error(
                &call.name,
                [text, b": invalid file descriptor specification"].concat(),
            );
            Err(1)
        }
    }
}

pub fn read(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"ersa:d:i:n:N:p:t:u:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let names = call.args.get(options.used..).unwrap_or_default().to_vec();
    let raw = options.has(b'r');
    let delimiter = match options.value(b'd') {
        Some(text) => text.first().copied().unwrap_or(0),
        None => b'\n',
    };
    let count = match options.value(b'N').or_else(|| options.value(b'n')) {
        Some(text) => match crate::arith::parse_decimal(text).and_then(|n| usize::try_from(n).ok())
        {
            Some(n) => Some(n),
            None => {
                let text = text.to_vec();
                sh.builtin_error(&call.name, [text.as_slice(), b": invalid number"].concat());
                return Ok(1);
            }
        },
        None => None,
    };
    let exact = options.has(b'N');
    for name in &names {
        if !is_reference(name) {
            sh.not_identifier(&call.name, name);
            return Ok(1);
        }
    }
    let fd = match descriptor(sh, call, options.value(b'u')) {
        Ok(fd) => fd,
        Err(status) => return Ok(status),
    };
    let Some(desc) = sh.st.fds.get(fd).cloned() else {
        sh.builtin_error(
            &call.name,
            format!("{fd}: invalid file descriptor: Bad file descriptor"),
        );
        return Ok(1);
    };
    let timeout = match options.value(b't') {
        Some(text) => match std::str::from_utf8(text)
            .ok()
            .and_then(|t| t.parse::<f64>().ok())
            .filter(|t| *t >= 0.0)
        {
            Some(t) => Some(t),
            None => {
                let text = text.to_vec();
                sh.builtin_error(
                    &call.name,
                    [text.as_slice(), b": invalid timeout specification"].concat(),
                );
                return Ok(1);
            }
        },
        None => None,
    };
    if let (Some(t), Desc::Os(handle)) = (timeout, &*desc) {
        let ready = sys::readable_within(handle, (t * 1000.0) as i32);
        if t == 0.0 {
            return Ok(i32::from(!ready));
        }
        if !ready {
            finish_empty(sh, &names, options.value(b'a'));
            return Ok(142);
        }
    } else if timeout == Some(0.0) {
        return Ok(0);
    }
    let mut input = Input::new(desc);
    // Bytes, and whether each was escaped (then it splits nothing).
    let mut line: Vec<u8> = Vec::new();
    let mut escaped: Vec<bool> = Vec::new();
    let mut ended = false;
    let mut taken = 0;
    while count.is_none_or(|n| taken < n) {
        let Some(c) = input.next() else { break };
        if c == delimiter && !exact {
            ended = true;
            break;
        }
        if c == b'\\' && !raw {
            match input.next() {
                Some(b'\n') => continue,
                Some(0) => continue,
                Some(next) => {
                    line.push(next);
                    escaped.push(true);
                    taken += 1;
                }
                None => break,
            }
            continue;
        }
        if c == 0 {
            continue;
        }
        line.push(c);
        escaped.push(false);
        // A character may take several bytes.
        if sh.st.utf8 && c >= 0xc0 {
            let want = match c {
                0xc0..=0xdf => 1,
                0xe0..=0xef => 2,
                _ => 3,
            };
            for _ in 0..want {
                if count.is_none() {
                    break;
                }
                let Some(next) = input.next() else { break };
                line.push(next);
                escaped.push(false);
            }
        }
        taken += 1;
        if line.len() > sh.bounds.text {
            break;
        }
    }
    input.done();
    if let Some(e) = input.failed.take() {
        if e.kind() == std::io::ErrorKind::Interrupted {
            sh.poll_signals()?;
            return Ok(130);
        }
        sh.builtin_error(
            &call.name,
            [
                format!("read error: {fd}: ").as_bytes(),
                sys::error_text(&e).as_bytes(),
            ]
            .concat(),
        );
    }
    let status = i32::from(!(ended || count.is_some_and(|n| taken >= n && (n > 0 || !exact))));
    let ifs = sh
        .lookup(b"IFS")
        .and_then(|v| v.text().map(<[u8]>::to_vec))
        .unwrap_or_else(|| b" \t\n".to_vec());
    if let Some(array) = options.value(b'a') {
        let array = array.to_vec();
        if !crate::syntax::is_name(&array) {
            sh.not_identifier(&call.name, &array);
            return Ok(1);
        }
        let fields = split(&line, &escaped, &ifs, sh.st.utf8, usize::MAX);
        if matches!(sh.lookup(&array).map(|v| &v.value), Some(Value::Assoc(_))) {
            sh.builtin_error(
                &call.name,
                [
                    array.as_slice(),
                    b": cannot convert associative to indexed array",
                ]
                .concat(),
            );
            return Ok(1);
        }
        return Ok(if sh.put_array(&array, fields).is_err() {
            1
        } else {
            status
        });
    }
    if names.is_empty() {
        sh.put(b"REPLY", line);
        return Ok(status);
    }
    let fields = if exact {
        vec![line]
    } else {
        split(&line, &escaped, &ifs, sh.st.utf8, names.len())
    };
    for (at, name) in names.iter().enumerate() {
        let value = fields.get(at).cloned().unwrap_or_default();
        if store(sh, name, value)?.is_err() {
            return Ok(1);
        }
    }
    Ok(status)
}

fn finish_empty(sh: &mut Shell, names: &[Vec<u8>], array: Option<&[u8]>) {
    if let Some(array) = array {
        let _ = sh.put_array(array, []);
        return;
    }
    for name in names {
        sh.put(name, Vec::new());
    }
}

fn store(
    sh: &mut Shell,
    name: &[u8],
    value: Vec<u8>,
) -> Result<Result<(), crate::state::assign::Refused>, Unwind> {
    let (base, subscript) = split_reference(name);
    let key = match subscript {
        Some(s) => Some(sh.expand_subscript_text(base, s)?),
        None => None,
    };
    Ok(sh.assign(base, key.as_deref(), value, false, Scope::Visible))
}

/// Splits a line into at most `most` fields; the last takes the rest.
fn split(line: &[u8], escaped: &[bool], ifs: &[u8], utf8: bool, most: usize) -> Vec<Vec<u8>> {
    // Characters of several bytes in `IFS`: then steps are characters, else bytes.
    let wide = utf8 && !ifs.is_ascii();
    let length = |at: usize| match wide {
        true => char_len(line.get(at..).unwrap_or_default(), true).max(1),
        false => 1,
    };
    let before = |at: usize| {
        (2..=4)
            .filter_map(|back| at.checked_sub(back))
            .find(|start| wide && start + length(*start) == at)
            .unwrap_or(at.saturating_sub(1))
    };
    let delimits = |at: usize| match (line.get(at), length(at)) {
        _ if escaped.get(at).copied().unwrap_or(false) => false,
        (Some(c), 1) => ifs.contains(c) && (!wide || c.is_ascii()),
        (Some(_), length) => line
            .get(at..at + length)
            .is_some_and(|character| bstr::ByteSlice::contains_str(ifs, character)),
        (None, _) => false,
    };
    let is_blank = |at: usize| matches!(line.get(at), Some(b' ' | b'\t' | b'\n'));
    let blank = |at: usize| is_blank(at) && delimits(at);
    let mark = |at: usize| !is_blank(at) && delimits(at);
    let mut fields = Vec::new();
    let mut at = 0;
    while blank(at) {
        at += 1;
    }
    while at < line.len() {
        if fields.len() + 1 == most {
            // The rest, without blanks at its end; one delimiter alone at the end goes too.
            let mut end = line.len();
            while end > at && blank(end - 1) {
                end -= 1;
            }
            if end > at && mark(before(end)) {
                let earlier = (at..before(end)).any(delimits);
                if !earlier {
                    end = before(end);
                    while end > at && blank(end - 1) {
                        end -= 1;
                    }
                } else {
                    let mut start = end;
                    while start > at && delimits(before(start)) {
                        start = before(start);
                    }
                    let inner = (at..start).any(delimits);
                    let marks = (start..end).filter(|n| mark(*n)).count();
                    if !inner && marks == 1 {
                        end = start;
                    }
                }
            }
            fields.push(line.get(at..end).unwrap_or_default().to_vec());
            return fields;
        }
        let start = at;
        while at < line.len() && !delimits(at) {
            at += length(at);
        }
        fields.push(line.get(start..at).unwrap_or_default().to_vec());
        while blank(at) {
            at += 1;
        }
        if mark(at) {
            at += length(at);
            while blank(at) {
                at += 1;
            }
        }
    }
    fields
}

pub fn mapfile(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"d:n:O:s:tu:C:c:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let name = call
        .args
        .get(options.used)
        .cloned()
        .unwrap_or_else(|| b"MAPFILE".to_vec());
    if !crate::syntax::is_name(&name) {
        sh.not_identifier(&call.name, &name);
        return Ok(1);
    }
    let delimiter = match options.value(b'd') {
        Some(text) => text.first().copied().unwrap_or(0),
        None => b'\n',
    };
    let mut numbers = [0usize, 0, 0, 5000];
    for (slot, letter) in numbers.iter_mut().zip([b'n', b's', b'O', b'c']) {
        if let Some(text) = options.value(letter) {
            match crate::arith::parse_decimal(text).and_then(|n| usize::try_from(n).ok()) {
                Some(n) => *slot = n,
                None => {
                    let text = text.to_vec();
                    sh.builtin_error(&call.name, [text.as_slice(), b": invalid number"].concat());
                    return Ok(1);
                }
            }
        }
    }
    let [limit, skip, origin, quantum] = numbers;
    let fd = match descriptor(sh, call, options.value(b'u')) {
        Ok(fd) => fd,
        Err(status) => return Ok(status),
    };
    let Some(desc) = sh.st.fds.get(fd).cloned() else {
        sh.builtin_error(
            &call.name,
            format!("{fd}: invalid file descriptor: Bad file descriptor"),
        );
        return Ok(1);
    };
    if sh.check_readonly(&name).is_err() {
        return Ok(1);
    }
    let mut items = match (options.value(b'O'), sh.lookup(&name).map(|v| &v.value)) {
        (Some(_), Some(Value::Indexed(items))) => items.clone(),
        (_, Some(Value::Assoc(_))) => {
            sh.builtin_error(
                &call.name,
                [name.as_slice(), b": not an indexed array"].concat(),
            );
            return Ok(1);
        }
        _ => BTreeMap::new(),
    };
    let callback = options.value(b'C').map(<[u8]>::to_vec);
    let trim = options.has(b't');
    let (mut seen, mut stored) = (0usize, 0usize);
    let mut feed = |sh: &mut Shell, mut line: Vec<u8>, ended: bool| -> Result<(), Unwind> {
        seen += 1;
        if seen <= skip {
            return Ok(());
        }
        // As a C string: what is behind a NUL is lost, the delimiter too.
        if let Some(nul) = line.iter().position(|c| *c == 0) {
            line.truncate(nul);
        } else if ended && !trim && delimiter != 0 {
            line.push(delimiter);
        }
        let index = origin + stored;
        stored += 1;
        if let Some(callback) = &callback
            && quantum > 0
            && stored % quantum == 0
        {
            let var = Value::Indexed(items.clone());
            sh.vars.get_or_create(&name).value = var;
            let text = [
                callback.as_slice(),
                format!(" {index} ").as_bytes(),
                &crate::expand::quote::always(&line, sh.st.utf8),
            ]
            .concat();
            let at = sh.st.line;
            sh.eval_string(text, at)?;
        }
        items.insert(index as i64, line);
        Ok(())
    };
    if limit == 0 && callback.is_none() {
        let text = match desc.read_to_end() {
            Ok(text) => text,
            Err(e) => {
                let why = sys::error_text(&e);
                sh.builtin_error(&call.name, [b"read error: ", why.as_bytes()].concat());
                Vec::new()
            }
        };
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            let (line, tail, ended) = match rest.iter().position(|c| *c == delimiter) {
                Some(n) => (rest.get(..n), rest.get(n + 1..), true),
                None => (Some(rest), None, false),
            };
            feed(sh, line.unwrap_or_default().to_vec(), ended)?;
            rest = tail.unwrap_or_default();
        }
    } else {
        let mut input = Input::new(desc);
        let mut taken = 0;
        'lines: while limit == 0 || taken < limit + skip {
            let mut line = Vec::new();
            loop {
                match input.next() {
                    Some(c) if c == delimiter => {
                        feed(sh, line, true)?;
                        break;
                    }
                    Some(c) => line.push(c),
                    None => {
                        if !line.is_empty() {
                            feed(sh, line, false)?;
                        }
                        break 'lines;
                    }
                }
            }
            taken += 1;
        }
        input.done();
    }
    let target = sh.resolve(&name).map_or(name, |t| t.name);
    let var = sh.binding(&target, Scope::Visible);
    var.value = Value::Indexed(items);
    var.unassigned = false;
    Ok(0)
}
