//! `compgen`: the lists that scripts ask for (`-A action`, `-e`, `-v`, `-f`, `-W` and so on).

use super::Call;
use crate::expand::split_escape;
use crate::state::value::attr;
use crate::state::{Flow, Shell};
use crate::sys::FileKind;

pub fn compgen(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"abcdefgjksuvo:A:G:W:F:C:X:P:S:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let prefix = call.args.get(options.used).cloned().unwrap_or_default();
    let mut words: Vec<Vec<u8>> = Vec::new();
    for (letter, value, _) in &options.found {
        let action: &[u8] = match letter {
            b'A' => value.as_deref().unwrap_or_default(),
            b'b' => b"builtin",
            b'c' => b"command",
            b'd' => b"directory",
            b'e' => b"export",
            b'f' => b"file",
            b'k' => b"keyword",
            b'v' => b"variable",
            b'W' => {
                let text = value.clone().unwrap_or_default();
                let ifs = sh.get(b"IFS").unwrap_or_else(|| b" \t\n".to_vec());
                words.extend(
                    text.split(|c| ifs.contains(c))
                        .filter(|w| !w.is_empty())
                        .map(<[u8]>::to_vec),
                );
                continue;
            }
            b'G' => {
                words.extend(sh.glob(value.as_deref().unwrap_or_default()));
                continue;
            }
            _ => continue,
        };
        match action {
            b"function" => words.extend(
                sh.st
                    .functions
                    .ordered()
                    .into_iter()
                    .map(|(n, _)| n.clone()),
            ),
            b"builtin" => words.extend(super::TABLE.iter().map(|(n, ..)| n.as_bytes().to_vec())),
            b"enabled" => words.extend(
                super::TABLE
                    .iter()
                    .map(|(n, ..)| n.as_bytes().to_vec())
                    .filter(|n| !sh.st.disabled.contains(n)),
            ),
            b"keyword" => words.extend(
                [
                    "if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while",
                    "until", "do", "done", "in", "function", "time", "{", "}", "!", "[[", "]]",
                    "coproc",
                ]
                .iter()
                .map(|w| w.as_bytes().to_vec()),
            ),
            b"variable" => words.extend(sh.vars.all().iter().map(|(n, _)| n.to_vec())),
            b"export" => words.extend(
                sh.vars
                    .all()
                    .iter()
                    .filter(|(_, v)| v.has(attr::EXPORT))
                    .map(|(n, _)| n.to_vec()),
            ),
            b"arrayvar" => words.extend(
                sh.vars
                    .all()
                    .iter()
                    .filter(|(_, v)| v.is_array())
                    .map(|(n, _)| n.to_vec()),
            ),
            b"setopt" => words.extend(
                crate::state::options::SET
                    .iter()
                    .map(|(n, _)| n.as_bytes().to_vec()),
            ),
            b"shopt" => words.extend(
                crate::state::options::SHOPT
                    .iter()
                    .map(|(n, _)| n.as_bytes().to_vec()),
            ),
            b"file" | b"directory" => {
                let mut pattern = Vec::new();
                split_escape(&prefix, &mut pattern);
                pattern.push(b'*');
                let mut found = sh.glob(&pattern);
                if action == b"directory" {
                    found.retain(|p| {
                        sh.stat_path(p, true)
                            .is_some_and(|s| s.kind == FileKind::Directory)
                    });
                }
                words.extend(found);
            }
            b"command" => {
                words.extend(
                    sh.st
                        .functions
                        .ordered()
                        .into_iter()
                        .map(|(n, _)| n.clone()),
                );
                words.extend(super::TABLE.iter().map(|(n, ..)| n.as_bytes().to_vec()));
            }
            _ => {
                sh.builtin_error(&call.name, [action, b": invalid action name"].concat());
                return Ok(2);
            }
        }
    }
    let (before, after) = (
        options.value(b'P').unwrap_or_default().to_vec(),
        options.value(b'S').unwrap_or_default().to_vec(),
    );
    let mut out = Vec::new();
    for word in words.iter().filter(|w| w.starts_with(&prefix)) {
        out.extend([before.as_slice(), word, &after, b"\n"].concat());
    }
    if out.is_empty() {
        return Ok(1);
    }
    Ok(sh.output(&call.name, &out))
}
