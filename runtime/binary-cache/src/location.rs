//! Addresses of binary caches and of the files in them.
//!
//! Contract: `http://`, `https://` and `file://` as in Nix's `substituters`, with Nix's store
//! parameters after `?`: `priority` and `trusted` have an effect, those that concern writing or
//! Nix's own bookkeeping are accepted and ignored, others are refused. User name and password in
//! an address are kept apart and never shown. A narinfo can place its NAR only below a `file://`
//! cache's directory. Counterpart in Nix: `parseStoreUri`, `HttpBinaryCacheStore::makeRequest`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use ureq::http::Uri;

use crate::error::Error;

/// A parsed `--substituters` value.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheUrl {
    place: Place,
    /// Overrides the cache's own `Priority`.
    pub priority: Option<i64>,
    /// Whether its paths need no signature.
    pub trusted: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Place {
    /// Without a slash at the end.
    Http {
        base: String,
        credentials: Option<Credentials>,
    },
    Directory(PathBuf),
}

/// User name and password, decoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub user: String,
    pub password: String,
}

/// One file of a cache.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Object {
    Http {
        url: String,
        credentials: Option<Credentials>,
    },
    File(PathBuf),
}

impl CacheUrl {
    /// Parses an address.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let refuse = |reason: &str| Error::BadUrl {
            url: hide_credentials(text),
            reason: reason.to_owned(),
        };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| refuse("it has no scheme"))?;
        if rest.contains('#') {
            return Err(refuse("it has a fragment ('#')"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let place = match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("http" | "https") => parse_http(scheme, rest).map_err(refuse)?,
            "file" => parse_directory(rest).map_err(refuse)?,
            _ => return Err(refuse("its scheme is not supported")),
        };
        let mut url = Self {
            place,
            priority: None,
            trusted: false,
        };
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (name, value) {
                ("priority", value) => {
                    let priority = value.parse();
                    url.priority =
                        Some(priority.map_err(|_| refuse("'priority' is not a whole number"))?);
                }
                ("trusted", "1" | "true") => url.trusted = true,
                ("trusted", "0" | "false" | "") => url.trusted = false,
                ("trusted", _) => return Err(refuse("'trusted' is neither true nor false")),
                (name, _) if WITHOUT_EFFECT.contains(&name) => {}
                (name, _) => {
                    let reason = format!("the parameter '{name}' is not known");
                    return Err(refuse(&reason));
                }
            }
        }
        Ok(url)
    }

    /// A file with a fixed name, such as `nix-cache-info`.
    pub(crate) fn object(&self, name: &str) -> Object {
        match &self.place {
            Place::Http { base, credentials } => Object::Http {
                url: format!("{base}/{name}"),
                credentials: credentials.clone(),
            },
            Place::Directory(directory) => Object::File(directory.join(name)),
        }
    }

    /// The place that a narinfo's `URL` means, or what is allowed there.
    pub(crate) fn nar_object(&self, url: &str) -> Result<Object, &'static str> {
        let clean = !url.is_empty() && url.bytes().all(|byte| byte.is_ascii_graphic());
        let inside = clean
            && !url.starts_with('/')
            && !url.contains("://")
            && url.split('/').all(|part| !matches!(part, "" | "." | ".."));
        match &self.place {
            Place::Http { .. } if inside => Ok(self.object(url)),
            // A NAR on another server, as Nix allows. It gets no credentials of this cache.
            Place::Http { .. } if clean && is_http(url) => Ok(Object::Http {
                url: url.to_owned(),
                credentials: None,
            }),
            Place::Http { .. } => {
                Err("a path within the cache without '..', or an http(s) address")
            }
            Place::Directory(_) if inside => Ok(self.object(url)),
            Place::Directory(_) => Err("a path within the cache's directory without '..'"),
        }
    }
}

/// Parameters of Nix that mean nothing when only reading.
const WITHOUT_EFFECT: [&str; 12] = [
    "compression",
    "compression-level",
    "index-debug-info",
    "local-nar-cache",
    "parallel-compression",
    "path-info-cache-size",
    "secret-key",
    "secret-keys",
    "store",
    "system-features",
    "want-mass-query",
    "write-nar-listing",
];

fn is_http(url: &str) -> bool {
    let parsed = url.parse::<Uri>().ok();
    parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri
                .authority()
                .is_some_and(|host| !host.as_str().contains('@'))
    })
}

fn parse_http(scheme: &str, rest: &str) -> Result<Place, &'static str> {
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, path),
        None => (rest, ""),
    };
    let (user_info, host) = match authority.rsplit_once('@') {
        Some((user_info, host)) => (Some(user_info), host),
        None => (None, authority),
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    let base = format!("{scheme}://{host}/{path}");
    let base = base.trim_end_matches('/').to_owned();
    let uri: Uri = base.parse().map_err(|_| "it is not a valid URL")?;
    if uri.host().is_none_or(str::is_empty) {
        return Err("it has no host");
    }
    let credentials = user_info
        .map(|user_info| {
            let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
            let decode = |text| {
                let bytes = percent_decode(text)?;
                String::from_utf8(bytes).map_err(|_| "its user name or password is not UTF-8")
            };
            Ok::<_, &'static str>(Credentials {
                user: decode(user)?,
                password: decode(password)?,
            })
        })
        .transpose()?;
    Ok(Place::Http { base, credentials })
}

fn parse_directory(rest: &str) -> Result<Place, &'static str> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("the directory is not absolute, as in file:///DIRECTORY");
    }
    let bytes = percent_decode(path)?;
    if bytes.contains(&0) {
        return Err("the directory holds a NUL byte");
    }
    Ok(Place::Directory(PathBuf::from(OsString::from_vec(bytes))))
}

fn percent_decode(text: &str) -> Result<Vec<u8>, &'static str> {
    const BAD: &str = "a '%' is not followed by two hexadecimal digits";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let byte = rest.next().ok_or(BAD)?;
            char::from(byte).to_digit(16).ok_or(BAD)
        };
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_| BAD)?);
    }
    Ok(bytes)
}

/// `scheme://user:password@host` without what stands before the `@`.
pub(crate) fn hide_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{tail}")
}

impl Object {
    /// The file, if it is one.
    pub(crate) fn as_file(&self) -> Option<&Path> {
        match self {
            Object::File(path) => Some(path),
            Object::Http { .. } => None,
        }
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Object::Http { url, .. } => formatter.write_str(url),
            Object::File(path) => write!(formatter, "file://{}", path.display()),
        }
    }
}

impl std::fmt::Display for CacheUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Http { base, .. } => formatter.write_str(base),
            Place::Directory(path) => write!(formatter, "file://{}", path.display()),
        }
    }
}

impl std::fmt::Debug for CacheUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CacheUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<CacheUrl, Error> {
        CacheUrl::parse(text)
    }

    #[test]
    fn joins_names_below_the_address() -> Result<(), Error> {
        for (text, expected) in [
            ("https://cache.nixos.org", "https://cache.nixos.org/x"),
            ("https://h/a/b/", "https://h/a/b/x"),
            ("HTTP://h:81/?priority=3", "http://h:81/x"),
            ("file:///a%20b/c?compression=xz", "file:///a b/c/x"),
        ] {
            assert_eq!(parse(text)?.object("x").to_string(), expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn reads_parameters() -> Result<(), Error> {
        let url = parse("https://h?priority=-7&trusted=true&want-mass-query=1")?;
        assert_eq!((url.priority, url.trusted), (Some(-7), true));
        Ok(())
    }

    #[test]
    fn keeps_credentials_out_of_sight() -> Result<(), Error> {
        let url = parse("https://me:s%40crt@h/c")?;
        assert_eq!(url.to_string(), "https://h/c");
        let Object::Http { credentials, .. } = url.object("x") else {
            panic!("not HTTP");
        };
        let credentials = credentials.map(|both| (both.user, both.password));
        assert_eq!(credentials, Some(("me".into(), "s@crt".into())));
        // Not sent to another server.
        let elsewhere = url.nar_object("https://cdn/x.nar");
        assert!(matches!(
            elsewhere,
            Ok(Object::Http {
                credentials: None,
                ..
            })
        ));
        let error = parse("https://me:secret@h/?nonsense=1").err();
        assert!(error.is_some_and(|error| !error.to_string().contains("secret")));
        Ok(())
    }

    #[test]
    fn refuses_what_is_no_cache() {
        for (text, part) in [
            ("cache.nixos.org", "no scheme"),
            ("ssh://host", "scheme is not supported"),
            ("https://", "no host"),
            ("https:///x", "no host"),
            ("http://h/a b", "not a valid URL"),
            ("file://relative", "not absolute"),
            ("file:///a%zz", "hexadecimal"),
            ("https://h?priority=x", "whole number"),
            ("https://h?speed=9", "'speed' is not known"),
            ("https://h#x", "fragment"),
        ] {
            let error = parse(text).err().map(|error| error.to_string());
            assert!(
                error.as_ref().is_some_and(|error| error.contains(part)),
                "{text}: {error:?}"
            );
        }
    }

    #[test]
    fn nars_stay_in_the_directory() -> Result<(), Error> {
        let files = parse("file:///cache")?;
        let web = parse("https://h/cache")?;
        for bad in [
            "",
            "../x",
            "nar/../../x",
            "/etc/passwd",
            "nar//x",
            "nar/./x",
            "a b",
            "file:///x",
            "nar/x\n",
        ] {
            assert!(files.nar_object(bad).is_err(), "{bad:?}");
            assert!(web.nar_object(bad).is_err(), "{bad:?}");
        }
        assert!(files.nar_object("https://h/x").is_err());
        assert!(web.nar_object("https://me:pw@h/x").is_err());
        let object = web
            .nar_object("nar/x.nar?hash=abc")
            .map(|object| object.to_string());
        assert_eq!(object, Ok("https://h/cache/nar/x.nar?hash=abc".into()));
        Ok(())
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), scheme in "(https?|file)://") {
            let _ = CacheUrl::parse(&text);
            if let Ok(url) = CacheUrl::parse(&format!("{scheme}{text}")) {
                let _ = url.nar_object(&text);
            }
        }

        #[test]
        fn file_nars_never_leave(url in "[a./%-]{0,20}") {
            let cache = CacheUrl::parse("file:///cache");
            if let Some(Object::File(path)) = cache.ok().and_then(|cache| cache.nar_object(&url).ok()) {
                prop_assert!(path.starts_with("/cache/"));
                prop_assert!(path.components().all(|part| part != std::path::Component::ParentDir));
            }
        }
    }
}
