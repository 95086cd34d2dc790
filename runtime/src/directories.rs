//! Where the store and the caches of a user lie by default.
//!
//! Contract: the only module that reads environment variables (but for those with which a service
//! manager hands over sockets, see [`crate::platform`]), and the only one that knows the platforms'
//! customs. On Linux these are the XDG Base Directory Specification 0.8's
//! (`XDG_DATA_HOME`, `XDG_CACHE_HOME`, `XDG_STATE_HOME`, `XDG_CONFIG_HOME`; relative values are ignored as
//! it demands); on macOS Apple's File System Programming Guide's (`~/Library/Application Support`,
//! `~/Library/Caches`), but for the configuration, which is edited by hand and lies in `~/.config` there, too.
//! Nix has its counterpart in `libutil/users.cc`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The default root of the store, unless `--store` or `WASIBUILD_STORE` names one.
pub fn default_store() -> Option<PathBuf> {
    data(&Variables::from_process()).map(|base| base.join("wasibuild"))
}

/// Where compiled modules and half-done downloads are kept.
pub fn cache() -> Option<PathBuf> {
    cache_base(&Variables::from_process()).map(|base| base.join("wasibuild"))
}

/// Where it is kept what is worth remembering and can be lost.
pub fn state() -> Option<PathBuf> {
    state_base(&Variables::from_process()).map(|base| base.join("wasibuild"))
}

/// Where the configuration is looked for, unless one is named; the first that is there counts.
pub fn configurations() -> Vec<PathBuf> {
    let user = config_base(&Variables::from_process());
    user.into_iter()
        .chain([PathBuf::from("/etc")])
        .map(|base| base.join("wasibuild/wasibuild.toml"))
        .collect()
}

/// The directories that programs are looked for in.
pub fn program_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .collect()
}

/// A variable of the environment.
pub fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}

/// How many builds run at once unless `-j` says otherwise: one for each processor.
pub fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

struct Variables {
    home: Option<OsString>,
    data: Option<OsString>,
    cache: Option<OsString>,
    state: Option<OsString>,
    config: Option<OsString>,
    macos: bool,
}

impl Variables {
    fn from_process() -> Self {
        Variables {
            home: env::var_os("HOME"),
            data: env::var_os("XDG_DATA_HOME"),
            cache: env::var_os("XDG_CACHE_HOME"),
            state: env::var_os("XDG_STATE_HOME"),
            config: env::var_os("XDG_CONFIG_HOME"),
            macos: cfg!(target_os = "macos"),
        }
    }

    fn below_home(&self, rest: &str) -> Option<PathBuf> {
        absolute(&self.home).map(|home| home.join(rest))
    }
}

fn absolute(value: &Option<OsString>) -> Option<PathBuf> {
    value
        .as_deref()
        .map(Path::new)
        .filter(|path| path.is_absolute())
        .map(Path::to_owned)
}

fn data(variables: &Variables) -> Option<PathBuf> {
    absolute(&variables.data).or_else(|| {
        variables.below_home(if variables.macos {
            "Library/Application Support"
        } else {
            ".local/share"
        })
    })
}

fn cache_base(variables: &Variables) -> Option<PathBuf> {
    absolute(&variables.cache).or_else(|| {
        variables.below_home(if variables.macos {
            "Library/Caches"
        } else {
            ".cache"
        })
    })
}

fn state_base(variables: &Variables) -> Option<PathBuf> {
    absolute(&variables.state).or_else(|| {
        variables.below_home(if variables.macos {
            "Library/Application Support"
        } else {
            ".local/state"
        })
    })
}

fn config_base(variables: &Variables) -> Option<PathBuf> {
    absolute(&variables.config).or_else(|| variables.below_home(".config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(home: &str, data: Option<&str>, cache: Option<&str>, macos: bool) -> Variables {
        Variables {
            home: Some(home.into()),
            data: data.map(Into::into),
            cache: cache.map(Into::into),
            state: None,
            config: None,
            macos,
        }
    }

    #[test]
    fn linux_follows_xdg() {
        let plain = variables("/home/a", None, None, false);
        assert_eq!(data(&plain), Some("/home/a/.local/share".into()));
        assert_eq!(cache_base(&plain), Some("/home/a/.cache".into()));
        assert_eq!(state_base(&plain), Some("/home/a/.local/state".into()));
        assert_eq!(config_base(&plain), Some("/home/a/.config".into()));
        let set = variables("/home/a", Some("/data"), Some("/cache"), false);
        assert_eq!(data(&set), Some("/data".into()));
        assert_eq!(cache_base(&set), Some("/cache".into()));
        let relative = variables("/home/a", Some("data"), Some(""), false);
        assert_eq!(data(&relative), Some("/home/a/.local/share".into()));
        assert_eq!(cache_base(&relative), Some("/home/a/.cache".into()));
    }

    #[test]
    fn macos_follows_apple() {
        let plain = variables("/Users/a", None, None, true);
        assert_eq!(
            data(&plain),
            Some("/Users/a/Library/Application Support".into())
        );
        assert_eq!(cache_base(&plain), Some("/Users/a/Library/Caches".into()));
    }

    #[test]
    fn without_a_home_there_is_no_default() {
        assert_eq!(data(&variables("", None, None, false)), None);
    }
}
