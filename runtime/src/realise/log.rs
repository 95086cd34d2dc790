//! A build's log on its way: bytes to the file, lines to the user.
//!
//! Contract: the file gets every byte as it comes, so that `wasibuild log` works while the build
//! runs. Lines are cut at newlines; of a line with carriage returns the user sees what a terminal
//! would show last, as in Nix (`DerivationGoal::handleChildOutput`). A log that cannot be written is
//! reported once and does not end the build.

use std::io::Write;

use crate::progress::{Event, Progress};

/// The longest line that is shown whole, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// Takes the log of one build.
pub struct BuildLog<'p> {
    file: Option<Box<dyn Write + 'p>>,
    progress: &'p dyn Progress,
    name: &'p str,
    line: Vec<u8>,
}

impl<'p> BuildLog<'p> {
    /// The log of the derivation `name`, kept in `file`.
    pub fn new(
        file: Option<Box<dyn Write + 'p>>,
        progress: &'p dyn Progress,
        name: &'p str,
    ) -> Self {
        BuildLog {
            file,
            progress,
            name,
            line: Vec::new(),
        }
    }

    /// Takes bytes that the builder printed.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            self.file = None;
            let text = format!(
                "cannot write the log of '{}': {error}; the build goes on",
                self.name
            );
            self.progress.event(Event::Warning(&text));
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            let (line, after) = rest.split_at(end);
            self.push(line);
            self.show();
            rest = after.get(1..).unwrap_or_default();
        }
        self.push(rest);
    }

    /// Takes a line of our own, with its newline, that shall not be mistaken for the rest of another.
    pub fn note(&mut self, line: &[u8]) {
        if !self.line.is_empty() {
            self.write(b"\n");
        }
        self.write(line);
    }

    /// Shows what came after the last newline.
    pub fn finish(&mut self) {
        if !self.line.is_empty() {
            self.show();
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let room = MAX_LINE.saturating_sub(self.line.len());
            match rest.split_at_checked(room) {
                Some((now, later)) if !later.is_empty() => {
                    self.line.extend_from_slice(now);
                    self.show();
                    rest = later;
                }
                _ => {
                    self.line.extend_from_slice(rest);
                    return;
                }
            }
        }
    }

    fn show(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let last = line.rsplit(|&b| b == b'\r').next().unwrap_or(line);
        self.progress.event(Event::LogLine {
            name: self.name,
            line: last,
        });
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Shown(Mutex<Vec<String>>);

    impl Progress for Shown {
        fn event(&self, event: Event<'_>) {
            let text = match event {
                Event::LogLine { name, line } => {
                    format!("{name}> {}", String::from_utf8_lossy(line))
                }
                Event::Warning(text) => text.to_owned(),
                other => panic!("{other:?}"),
            };
            self.0.lock().expect("shown").push(text);
        }
    }

    fn shown(chunks: &[&[u8]]) -> (Vec<String>, Vec<u8>) {
        let progress = Shown::default();
        let mut bytes = Vec::new();
        let mut log = BuildLog::new(Some(Box::new(&mut bytes)), &progress, "n");
        chunks.iter().for_each(|chunk| log.write(chunk));
        log.finish();
        drop(log);
        (progress.0.into_inner().expect("shown"), bytes)
    }

    #[test]
    fn lines_are_put_together_and_bytes_are_kept() {
        let (lines, bytes) = shown(&[b"a", b"b\nc\r\n", b"10%\r50%\r100%\n\nend"]);
        assert_eq!(lines, ["n> ab", "n> c", "n> 100%", "n> ", "n> end"]);
        assert_eq!(bytes, b"ab\nc\r\n10%\r50%\r100%\n\nend");
    }

    #[test]
    fn an_endless_line_takes_no_endless_memory() {
        let (lines, _) = shown(&[&vec![b'x'; 3 * MAX_LINE + 1]]);
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_full_disk_is_told_once() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let progress = Shown::default();
        let mut log = BuildLog::new(Some(Box::new(Full)), &progress, "n");
        log.write(b"a\n");
        log.write(b"b\n");
        drop(log);
        let lines = progress.0.into_inner().expect("shown");
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].starts_with("cannot write the log of 'n': no storage space"),
            "{lines:?}"
        );
    }
}
