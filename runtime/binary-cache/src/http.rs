//! HTTP GET with ranges and credentials, and what each answer means.
//!
//! Contract: one request, no retry; redirects are followed (credentials stay behind). Answers
//! are sorted into the object, "not there", "try again" and "no". Bodies are streams: their
//! length is checked by the readers above. Source: RFC 9110 (14 ranges, 15 status codes);
//! counterpart in Nix: `filetransfer.cc`, from which the sorting is taken.

use std::io;
use std::time::Duration;

use data_encoding::BASE64;
use ureq::Agent;
use ureq::http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, RANGE, RETRY_AFTER,
};
use ureq::http::{Response, Uri};

use crate::error::Error;
use crate::location::Credentials;
use crate::netrc::Netrc;
use crate::options::{Options, Proxy};
use crate::tls;
use crate::transport::{Cause, Failure, Opened};

const USER_AGENT: &str = concat!("wasibuild/", env!("CARGO_PKG_VERSION"));

/// See the module.
pub(crate) struct HttpClient {
    agent: Agent,
    netrc: Netrc,
}

impl HttpClient {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let parallel = options
            .parallel_lookups
            .max(options.parallel_downloads)
            .get();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(USER_AGENT)
            .tls_config(tls::config(options.ca_file.as_deref())?)
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_per_read(Some(options.stalled_timeout))
            .timeout_per_write(Some(options.stalled_timeout))
            .max_idle_connections(parallel)
            .max_idle_connections_per_host(parallel);
        match &options.proxy {
            Proxy::Environment => {}
            Proxy::Direct => config = config.proxy(None),
            Proxy::Url(url) => {
                let proxy = ureq::Proxy::new(url).map_err(|_| Error::Proxy {
                    proxy: crate::location::hide_credentials(url),
                })?;
                config = config.proxy(Some(proxy));
            }
        }
        let netrc = match &options.netrc_file {
            Some(path) => Netrc::read(path)?,
            None => Netrc::default(),
        };
        Ok(Self {
            agent: config.build().new_agent(),
            netrc,
        })
    }

    /// Ends all connections, also those that block.
    pub(crate) fn shutdown_hook(&self) -> impl FnOnce() + Send + 'static {
        let agent = self.agent.clone();
        move || agent.shutdown()
    }

    /// Asks for `url` from byte `offset` on; `validator` is the strong entity tag of the part
    /// that was received before. `Ok(None)` means that the server says it has no such file.
    pub(crate) fn get(
        &self,
        url: &str,
        credentials: Option<&Credentials>,
        offset: u64,
        validator: Option<&str>,
    ) -> Result<Option<Opened>, Failure> {
        let mut request = self.agent.get(url);
        if let Some(value) = self.authorization(url, credentials) {
            request = request.header(AUTHORIZATION, value);
        }
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
            if let Some(tag) = validator {
                request = request.header(IF_RANGE, tag);
            }
        }
        let response = request.call().map_err(|error| classify(url, error))?;
        let status = response.status().as_u16();
        let start = match status {
            200 => 0,
            206 if offset > 0 => offset,
            404 | 410 => return Ok(None),
            // Errors that no later attempt mends, though their numbers are above 500.
            501 | 505 | 511 => return Err(refused(url, status)),
            408 | 425 | 429 | 500..=599 => {
                return Err(Failure::Retry {
                    cause: Cause::Status(status),
                    after: retry_after(&response),
                });
            }
            206 | 416 => {
                let found = format!("status {status}");
                let expected = if offset > 0 {
                    format!("the bytes from {offset} on")
                } else {
                    "the whole file (status 200)".to_owned()
                };
                return Err(protocol(url, found, expected));
            }
            _ => return Err(refused(url, status)),
        };
        let length = response.body().content_length();
        let total = if status == 206 {
            let (first, total) = text_header(&response, CONTENT_RANGE)
                .and_then(content_range)
                .ok_or_else(|| protocol(url, "a senseless Content-Range", "'bytes A-B/SIZE'"))?;
            if first != offset {
                let found = format!("the bytes from {first} on");
                return Err(protocol(url, found, format!("those from {offset} on")));
            }
            total.or_else(|| length?.checked_add(offset))
        } else {
            length
        };
        let encoding = text_header(&response, CONTENT_ENCODING)
            .map(str::to_ascii_lowercase)
            .filter(|encoding| encoding != "identity");
        let validator = text_header(&response, ETAG)
            .filter(|tag| tag.starts_with('"'))
            .map(str::to_owned);
        Ok(Some(Opened {
            body: Box::new(response.into_body().into_reader()),
            start,
            total,
            validator,
            encoding,
        }))
    }

    /// The address's own credentials, else the netrc file's for its host.
    fn authorization(&self, url: &str, credentials: Option<&Credentials>) -> Option<String> {
        let pair = match credentials {
            Some(credentials) => format!("{}:{}", credentials.user, credentials.password),
            None => {
                let uri: Uri = url.parse().ok()?;
                let (user, password) = self.netrc.find(uri.host()?)?;
                format!("{user}:{password}")
            }
        };
        Some(format!("Basic {}", BASE64.encode(pair.as_bytes())))
    }
}

fn text_header<T>(response: &Response<T>, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// First byte and total size of `bytes FIRST-LAST/TOTAL` (`*`: total not known).
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let sound = first <= last && total.is_none_or(|total| last < total);
    sound.then_some((first, total))
}

/// The form in seconds; the one with a date is left to the usual pause.
fn retry_after<T>(response: &Response<T>) -> Option<Duration> {
    let seconds = text_header(response, RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn refused(url: &str, status: u16) -> Failure {
    Failure::Permanent(Error::Status {
        url: url.to_owned(),
        status,
    })
}

fn protocol(url: &str, found: impl Into<String>, expected: impl Into<String>) -> Failure {
    Failure::Permanent(Error::Protocol {
        url: url.to_owned(),
        found: found.into(),
        expected: expected.into(),
    })
}

fn classify(url: &str, error: ureq::Error) -> Failure {
    let passing = match &error {
        // Certificates are refused with this kind; asking again changes nothing.
        ureq::Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
        ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => true,
        _ => false,
    };
    let source = match error {
        ureq::Error::Io(error) => error,
        error => io::Error::other(error),
    };
    if passing {
        Failure::Retry {
            cause: Cause::Io(source),
            after: None,
        }
    } else {
        Failure::Permanent(Error::Network {
            url: url.to_owned(),
            attempts: 1,
            received: 0,
            source: source.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_read_when_they_make_sense(first: u64, last: u64, total: Option<u64>) {
            let shown = total.map_or("*".to_owned(), |total| total.to_string());
            let sound = first <= last && total.is_none_or(|total| last < total);
            let found = content_range(&format!("bytes {first}-{last}/{shown}"));
            prop_assert_eq!(found, sound.then_some((first, total)));
        }

        #[test]
        fn never_panics(value in "(bytes )?[0-9*/ -]{0,30}") {
            let _ = content_range(&value);
        }
    }

    #[test]
    fn other_units_and_broken_ranges_are_no_ranges() {
        for value in [
            "",
            "bytes */100",
            "items 0-1/2",
            "bytes 0-1",
            "bytes 5-/9",
            "bytes 0-1/x",
        ] {
            assert_eq!(content_range(value), None, "{value}");
        }
        assert_eq!(content_range("bytes 2-4/5"), Some((2, Some(5))));
    }
}
