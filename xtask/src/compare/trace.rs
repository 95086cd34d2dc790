//! The proof that a build starts no program of the host: strace on the whole process tree.
//!
//! Contract: of all `execve` and `execveat` calls, also failed ones, there is exactly one, the start of
//! the traced program itself.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

use super::tools;

/// A command that runs the program under strace and records executions in a file.
pub fn watch(program: &Path, record: &Path) -> Result<Command> {
    let strace = tools::find("strace").context(
        "there is no `strace` on this machine, which shows that no program of the host is started; \
         install it (`apt-get install strace` on Debian), or leave --trace out",
    )?;
    let mut command = Command::new(strace);
    command.args([
        "-f",
        "-qq",
        "-s",
        "4096",
        "-e",
        "trace=execve,execveat",
        "-e",
        "signal=none",
        "-o",
    ]);
    command.arg(record).arg("--").arg(program);
    Ok(command)
}

/// Reads the record, and fails if it shows anything but the start of the program. Returns the number of
/// executions in it.
pub fn check(program: &Path, record: &Path) -> Result<usize> {
    let text = std::fs::read(record).with_context(|| format!("reading {}", record.display()))?;
    let seen = executions(&String::from_utf8_lossy(&text));
    let own = format!("execve(\"{}\"", program.display());
    match seen.as_slice() {
        [one] if one.starts_with(&own) && one.ends_with("= 0") => Ok(1),
        [] => bail!(
            "strace recorded no execution at all in {}, not even of {}; it shows nothing",
            record.display(),
            program.display()
        ),
        _ => bail!(
            "a program of the host was started while {} ran:\n  {}",
            program.display(),
            seen.join("\n  ")
        ),
    }
}

/// The calls in a record of strace, without process numbers.
fn executions(record: &str) -> Vec<String> {
    record
        .lines()
        .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' '))
        .filter(|line| line.starts_with("execve"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<usize> {
        let place = tempfile::tempdir()?;
        let record = place.path().join("record");
        std::fs::write(&record, text)?;
        check(Path::new("/bin/program"), &record)
    }

    const START: &str =
        "17 execve(\"/bin/program\", [\"/bin/program\", \"run\"], 0x7ffd /* 20 vars */) = 0\n";

    #[test]
    fn only_the_start_is_allowed() {
        assert_eq!(checked(START).ok(), Some(1));
        assert_eq!(
            checked(&format!("{START}17 +++ exited with 0 +++\n")).ok(),
            Some(1)
        );
        for more in [
            "18 execve(\"/bin/sh\", [\"sh\"], 0x1 /* 1 var */) = 0\n",
            "18 execve(\"/bin/none\", [\"none\"], 0x1 /* 1 var */) = -1 ENOENT (No such file or directory)\n",
            "18 execveat(3, \"\", [\"x\"], 0x1, AT_EMPTY_PATH <unfinished ...>\n",
        ] {
            let error = checked(&format!("{START}{more}")).expect_err("a program was started");
            assert!(
                error
                    .to_string()
                    .contains(more.trim_start_matches("18 ").trim()),
                "{error}"
            );
        }
        assert!(checked("").is_err());
        assert!(checked(&START.replace("/bin/program\", [", "/bin/other\", [")).is_err());
    }

    #[test]
    fn strace_sees_a_program_that_another_starts() -> Result<()> {
        let place = tempfile::tempdir()?;
        let record = place.path().join("record");
        let shell = tools::find("bash").context("no bash")?;
        let mut command = watch(&shell, &record)?;
        let status = command.args(["-c", "/bin/true; exit 0"]).status()?;
        assert!(status.success(), "{command:?}");
        assert!(check(&shell, &record).is_err(), "/bin/true was not seen");
        let mut command = watch(&shell, &record)?;
        assert!(command.args(["-c", ":"]).status()?.success());
        assert_eq!(check(&shell, &record)?, 1);
        Ok(())
    }
}
