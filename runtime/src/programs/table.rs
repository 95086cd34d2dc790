//! Which module stands for which programs of which packages: the one table to extend.
//!
//! Contract: a row says that the programs of these packages are replaced by that module, as far as
//! the program was compiled with it; a module refuses by itself what it does not have. Packages go
//! by the names that nixpkgs gave them from 2016 on, programs by their names in `bin` or `sbin`.
//! A row without a module names programs that are known to be for Linux only.

/// The module of the shell.
pub const SHELL: &str = "builder-shell";
/// The module that does what `perl builder.pl` of `buildEnv` does.
pub const BUILD_ENV: &str = "build-env";

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The module's name among the embedded builders; empty for programs without one.
    pub module: &'static str,
    /// The packages' names, without version.
    pub packages: &'static [&'static str],
    /// The programs.
    pub programs: &'static [&'static str],
}

/// Packages that hold the programs of all rows: those that bootstrap nixpkgs' stdenv.
pub const BUNDLES: &[&str] = &[
    "bootstrap-tools",
    "bootstrap-tools-musl",
    "unpack-bootstrap-tools",
];

/// All rows.
pub const ROWS: &[Row] = &[
    Row {
        module: SHELL,
        packages: &[
            "bash",
            "bash-interactive",
            "bash-minimal",
            "bash-static",
            "bashInteractive",
        ],
        programs: &["bash", "sh"],
    },
    Row {
        module: "coreutils",
        packages: &["coreutils", "coreutils-full", "coreutils-static"],
        programs: &[
            "[",
            "arch",
            "b2sum",
            "base32",
            "base64",
            "basename",
            "basenc",
            "cat",
            "chcon",
            "chgrp",
            "chmod",
            "chown",
            "chroot",
            "cksum",
            "comm",
            "coreutils",
            "cp",
            "csplit",
            "cut",
            "date",
            "dd",
            "df",
            "dir",
            "dircolors",
            "dirname",
            "du",
            "echo",
            "env",
            "expand",
            "expr",
            "factor",
            "false",
            "fmt",
            "fold",
            "groups",
            "head",
            "hostid",
            "id",
            "install",
            "join",
            "link",
            "ln",
            "logname",
            "ls",
            "md5sum",
            "mkdir",
            "mkfifo",
            "mknod",
            "mktemp",
            "mv",
            "nice",
            "nl",
            "nohup",
            "nproc",
            "numfmt",
            "od",
            "paste",
            "pathchk",
            "pinky",
            "pr",
            "printenv",
            "printf",
            "ptx",
            "pwd",
            "readlink",
            "realpath",
            "rm",
            "rmdir",
            "runcon",
            "seq",
            "sha1sum",
            "sha224sum",
            "sha256sum",
            "sha384sum",
            "sha512sum",
            "shred",
            "shuf",
            "sleep",
            "sort",
            "split",
            "stat",
            "stdbuf",
            "stty",
            "sum",
            "sync",
            "tac",
            "tail",
            "tee",
            "test",
            "timeout",
            "touch",
            "tr",
            "true",
            "truncate",
            "tsort",
            "tty",
            "uname",
            "unexpand",
            "uniq",
            "unlink",
            "users",
            "vdir",
            "wc",
            "who",
            "whoami",
            "yes",
        ],
    },
    Row {
        module: "sed",
        packages: &["gnused", "sed"],
        programs: &["sed"],
    },
    Row {
        module: "grep",
        packages: &["gnugrep", "grep"],
        programs: &["egrep", "fgrep", "grep"],
    },
    Row {
        module: "findutils",
        packages: &["findutils"],
        programs: &["find", "xargs"],
    },
    Row {
        module: "diffutils",
        packages: &["diffutils"],
        programs: &["cmp", "diff", "diff3", "sdiff"],
    },
    Row {
        module: "gawk",
        packages: &["gawk", "gawk-interactive"],
        programs: &["awk", "gawk"],
    },
    Row {
        module: "tar",
        packages: &["gnutar"],
        programs: &["tar"],
    },
    Row {
        module: "unpack",
        packages: &["gzip"],
        programs: &["gunzip", "gzip", "zcat"],
    },
    Row {
        module: "unpack",
        packages: &["bzip2"],
        programs: &["bunzip2", "bzcat", "bzip2"],
    },
    Row {
        module: "unpack",
        packages: &["xz", "xz-utils"],
        programs: &["lzcat", "lzma", "unlzma", "unxz", "xz", "xzcat"],
    },
    Row {
        module: "unpack",
        packages: &["zstd"],
        programs: &["unzstd", "zstd", "zstdcat"],
    },
    Row {
        module: "patch",
        packages: &["gnupatch", "patch"],
        programs: &["patch"],
    },
    Row {
        module: "jq",
        packages: &["jq"],
        programs: &["jq"],
    },
    Row {
        module: "trifles",
        packages: &["lndir", "xorg-lndir"],
        programs: &["lndir"],
    },
    Row {
        module: "trifles",
        packages: &[
            "hostname",
            "hostname-debian",
            "hostname-net-tools",
            "net-tools",
            "inetutils",
        ],
        programs: &["hostname"],
    },
    Row {
        module: "trifles",
        packages: &["util-linux", "util-linux-minimal", "util-linuxMinimal"],
        programs: &["rev"],
    },
    Row {
        module: "trifles",
        packages: &["which"],
        programs: &["which"],
    },
    Row {
        module: "trifles",
        packages: &["getent", "getent-glibc", "glibc"],
        programs: &["getent"],
    },
    Row {
        module: BUILD_ENV,
        packages: &["perl"],
        programs: &["perl"],
    },
    Row {
        module: "",
        packages: &["gnumake", "file", "cpio", "kmod"],
        programs: &["cpio", "depmod", "file", "make", "modprobe"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_applet_has_a_row_and_every_row_a_module() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../builders/applets/src/bin");
        let mut modules = vec![SHELL.to_owned(), BUILD_ENV.to_owned(), String::new()];
        for entry in std::fs::read_dir(folder).expect("the applets") {
            let path = entry.expect("an applet").path();
            let name = path.file_stem().expect("a name").to_string_lossy();
            assert!(
                ROWS.iter().any(|row| row.module == name),
                "no row for {name}"
            );
            modules.push(name.into_owned());
        }
        // Programs whose module is not made yet are refused by name.
        let planned = ["patch", "tar"];
        for row in ROWS {
            assert!(
                modules.iter().any(|name| name == row.module) || planned.contains(&row.module),
                "{row:?}"
            );
        }
    }

    #[test]
    fn rows_are_sorted_lists_without_doubles() {
        for row in ROWS {
            assert!(
                row.programs.windows(2).all(|pair| pair[0] < pair[1]),
                "{row:?}"
            );
        }
        let mut packages: Vec<_> = ROWS.iter().flat_map(|row| row.packages).collect();
        packages.sort();
        let all = packages.len();
        packages.dedup();
        assert_eq!(packages.len(), all, "a package is in two rows");
    }
}
