//! Servers that fail, break off, forget and lie.

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::Result;
use wasibuild_binary_cache::{Compression, Event, Options};
use wasibuild_nix_compat::store_path::StorePath;

use crate::support::nix::{NixCache, nar_file};
use crate::support::server::{Fault, Server};
use crate::support::{Fixture, options, refused};

struct Web {
    server: Server,
    cache: &'static NixCache,
    path: StorePath,
    nar: String,
    size: usize,
}

impl Web {
    fn new(method: Compression) -> Result<Option<Self>> {
        let Some(cache) = NixCache::get(method)? else {
            return Ok(None);
        };
        let path = cache.tree.clone();
        let nar = nar_file(&cache.narinfo(&path)?)?.to_owned();
        let size = std::fs::metadata(cache.directory.join(&nar))?.len() as usize;
        let server = Server::start(&cache.directory)?;
        Ok(Some(Self {
            server,
            cache,
            path,
            nar,
            size,
        }))
    }

    fn fixture(&self) -> Result<Fixture> {
        self.fixture_with(options(&[&self.cache.public_key])?)
    }

    fn fixture_with(&self, options: Options) -> Result<Fixture> {
        Fixture::new(&[self.server.url()], options)
    }

    fn works(&self) -> Result<Fixture> {
        let fixture = self.fixture()?;
        let expected = self.cache.dump(&self.path)?;
        match fixture.get(&self.path) {
            Ok(nar) => assert!(nar == expected, "the NAR differs"),
            Err(text) => panic!("refused: {text}\nevents: {:#?}", fixture.events("")),
        }
        Ok(fixture)
    }

    /// The `Range` headers of the requests for the NAR.
    fn ranges(&self) -> Vec<Option<String>> {
        let requests = self.server.requests(&self.nar);
        let ranges = requests.iter().map(|request| request.header("range"));
        ranges.map(|range| range.map(str::to_owned)).collect()
    }
}

fn range(offset: usize) -> Option<String> {
    Some(format!("bytes={offset}-"))
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() -> Result<()> {
    for method in Compression::ALL {
        let Some(web) = Web::new(method)? else {
            return Ok(());
        };
        web.server.fault(&web.nar, Fault::DropAfter(200_000), 3);
        let fixture = web.works()?;
        let expected = [None, range(200_000), range(400_000), range(600_000)];
        assert_eq!(web.ranges(), expected, "{method}");
        let resumed = fixture.events("Resumed");
        assert_eq!(resumed.len(), 3, "{resumed:?}");
        assert!(
            resumed.iter().all(|event| event.contains("ranged: true")),
            "{resumed:?}"
        );
    }
    Ok(())
}

#[test]
fn progress_allows_more_breaks_than_attempts() -> Result<()> {
    let Some(web) = Web::new(Compression::None)? else {
        return Ok(());
    };
    web.server.fault(&web.nar, Fault::DropAfter(100_000), 20);
    web.works()?;
    assert_eq!(web.ranges().len(), 21);
    Ok(())
}

#[test]
fn breaks_without_progress_end_it() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    web.server.fault(&web.nar, Fault::DropAfter(1000), 100);
    refused(
        web.fixture()?.get(&web.path),
        &[
            "cannot download",
            &web.nar,
            "attempts: 5, bytes received: 5000",
        ],
    )?;
    assert_eq!(web.ranges().len(), 5);
    Ok(())
}

#[test]
fn a_server_that_ignores_ranges_sends_again_what_is_skipped() -> Result<()> {
    let Some(web) = Web::new(Compression::Zstd)? else {
        return Ok(());
    };
    web.server
        .fault(&web.nar, Fault::IgnoreRange, 100)
        .fault(&web.nar, Fault::DropAfter(300_000), 1)
        .fault(&web.nar, Fault::DropAfter(900_000), 1);
    // Both faults hold for the first request, so the second breaks nothing: it is used up.
    let fixture = web.works()?;
    assert_eq!(web.ranges(), [None, range(300_000)]);
    assert_eq!(fixture.events("ranged: false").len(), 1);
    Ok(())
}

#[test]
fn a_server_that_sends_another_range_is_refused() -> Result<()> {
    let Some(web) = Web::new(Compression::Zstd)? else {
        return Ok(());
    };
    web.server
        .fault(&web.nar, Fault::DropAfter(300_000), 1)
        .fault(&web.nar, Fault::ShiftRange(10), 2);
    refused(
        web.fixture()?.get(&web.path),
        &["the bytes from 300010 on, expected those from 300000 on"],
    )
}

#[test]
fn a_file_that_changes_between_the_parts_is_refused() -> Result<()> {
    for (replacement, part) in [
        (vec![0; 1_234_567], "a file of 1234567 bytes"),
        (Vec::new(), "status 416"),
    ] {
        let Some(web) = Web::new(Compression::None)? else {
            return Ok(());
        };
        web.server.fault(&web.nar, Fault::DropAfter(300_000), 1);
        let fixture = web.fixture()?;
        let plan = fixture.plan(&[&web.path])?;
        let report = fixture.substituter.download(&plan, &|info, nar| {
            if info.path == web.path {
                let mut first = vec![0; 1000];
                nar.read_exact(&mut first)?;
                web.server
                    .fault(&web.nar, Fault::Replace(replacement.clone()), 1);
            }
            std::io::copy(nar, &mut std::io::sink()).map(drop)
        });
        let error = report.failed.get(&web.path).map(crate::support::describe);
        assert!(
            error.as_ref().is_some_and(|text| text.contains(part)),
            "{part}: {error:?}"
        );
    }
    // Of the same size: only the hash can tell.
    let Some(web) = Web::new(Compression::None)? else {
        return Ok(());
    };
    let mut changed = std::fs::read(web.cache.directory.join(&web.nar))?;
    changed[web.size - 100_000] ^= 1;
    web.server.fault(&web.nar, Fault::DropAfter(300_000), 1);
    let fixture = web.fixture()?;
    let plan = fixture.plan(&[&web.path])?;
    let report = fixture.substituter.download(&plan, &|info, nar| {
        if info.path == web.path {
            let mut first = vec![0; 1000];
            nar.read_exact(&mut first)?;
            web.server
                .fault(&web.nar, Fault::Replace(changed.clone()), 1);
        }
        std::io::copy(nar, &mut std::io::sink()).map(drop)
    });
    let error = report.failed.get(&web.path).map(crate::support::describe);
    assert!(
        error
            .as_ref()
            .is_some_and(|text| text.contains("wrong file hash")),
        "{error:?}"
    );
    Ok(())
}

#[test]
fn the_entity_tag_goes_with_the_range() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    web.server
        .fault(&web.nar, Fault::Header("ETag: \"v1\"".into()), 9)
        .fault(&web.nar, Fault::DropAfter(300_000), 1);
    web.works()?;
    let requests = web.server.requests(&web.nar);
    let tags: Vec<_> = requests
        .iter()
        .map(|request| request.header("if-range"))
        .collect();
    assert_eq!(tags, [None, Some("\"v1\"")]);
    Ok(())
}

#[test]
fn servers_out_of_order_are_asked_again() -> Result<()> {
    for status in [500, 503, 429, 408] {
        let Some(web) = Web::new(Compression::Xz)? else {
            return Ok(());
        };
        let narinfo = format!("{}.narinfo", web.path.hash_part());
        let names = ["nix-cache-info", &narinfo, &web.nar];
        for name in names {
            web.server.fault(name, Fault::Status(status), 3);
        }
        let fixture = web.works()?;
        for name in names {
            assert_eq!(web.server.requests(name).len(), 4, "{name}");
        }
        assert_eq!(fixture.events("Retrying").len(), 9);
    }
    Ok(())
}

#[test]
fn missing_files_are_asked_for_once() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    let missing = StorePath::from_digest(&[9; 20], "missing")?;
    let fixture = web.fixture()?;
    for _ in 0..3 {
        assert!(fixture.substituter.query(&missing)?.is_none());
    }
    assert_eq!(
        web.server.requests(missing.hash_part()).len(),
        1,
        "asked again"
    );
    let forbidden = StorePath::from_digest(&[8; 20], "forbidden")?;
    web.server
        .fault(forbidden.hash_part(), Fault::Status(403), 9);
    assert!(fixture.substituter.query(&forbidden)?.is_none());
    Ok(())
}

#[test]
fn attempts_are_bounded_and_the_cache_is_then_left_alone() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    web.server.fault(".narinfo", Fault::Status(500), 1000);
    let mut few = options(&[&web.cache.public_key])?;
    few.parallel_lookups = NonZeroUsize::MIN;
    let fixture = web.fixture_with(few)?;
    refused(
        fixture.get(&web.path),
        &["HTTP status 500", web.path.hash_part(), "try again later"],
    )?;
    assert_eq!(web.server.requests(".narinfo").len(), 5);
    refused(
        fixture.get(&web.cache.leaf),
        &["is not asked again", "HTTP status 500"],
    )?;
    assert_eq!(web.server.requests(".narinfo").len(), 5);
    Ok(())
}

#[test]
fn retry_after_is_kept() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    web.server.fault(&web.nar, Fault::RetryAfter(1), 1);
    let fixture = web.works()?;
    let retries = fixture.events("delay: 1s");
    assert_eq!(retries.len(), 1, "{:?}", fixture.events("Retrying"));
    Ok(())
}

#[test]
fn lengths_that_lie_are_refused() -> Result<()> {
    for more in [-1000_i64, 1000] {
        let Some(web) = Web::new(Compression::Xz)? else {
            return Ok(());
        };
        web.server.fault(&web.nar, Fault::Length(more), 100);
        let found = web.size as i64 + more;
        let sizes = format!("wrong file size: expected {}, found {found}", web.size);
        refused(web.fixture()?.get(&web.path), &[&sizes])?;
    }
    Ok(())
}

#[test]
fn bodies_without_length_are_read_to_the_announced_size() -> Result<()> {
    for fault in [Fault::NoLength, Fault::Chunked] {
        let Some(web) = Web::new(Compression::Zstd)? else {
            return Ok(());
        };
        web.server
            .fault("", fault.clone(), 1000)
            .fault(&web.nar, Fault::DropAfter(500_000), 1);
        web.works()?;
        assert_eq!(web.ranges(), [None, range(500_000)], "{fault:?}");
    }
    Ok(())
}

#[test]
fn an_endless_narinfo_is_cut() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    let endless = vec![b'x'; 5 * 1024 * 1024];
    web.server.fault(".narinfo", Fault::NoLength, 100).fault(
        ".narinfo",
        Fault::Replace(endless),
        100,
    );
    refused(
        web.fixture()?.get(&web.path),
        &["is larger than 4194304 bytes"],
    )
}

#[test]
fn small_pieces_are_joined() -> Result<()> {
    for method in Compression::ALL {
        let Some(web) = Web::new(method)? else {
            return Ok(());
        };
        web.server
            .fault("", Fault::Pieces(997), 1000)
            .fault(".narinfo", Fault::Pieces(1), 1000);
        web.works()?;
    }
    Ok(())
}

#[test]
fn a_silent_server_is_left_and_the_rest_fetched() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    web.server.fault(&web.nar, Fault::StallAfter(400_000), 1);
    let mut impatient = options(&[&web.cache.public_key])?;
    impatient.stalled_timeout = Duration::from_secs(1);
    let fixture = web.fixture_with(impatient)?;
    assert_eq!(fixture.get(&web.path), Ok(web.cache.dump(&web.path)?));
    // On a busy machine the server may seem silent at other places too.
    assert!(web.ranges().contains(&range(400_000)));
    Ok(())
}

#[test]
fn cancelling_ends_a_blocked_download() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    web.server.fault(&web.nar, Fault::StallAfter(400_000), 100);
    let fixture = web.fixture()?;
    let plan = fixture.plan(&[&web.path])?;
    let (started, begun) = std::sync::mpsc::channel();
    let cancel = fixture.cancel.clone();
    let report = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = begun.recv();
            cancel.cancel();
        });
        fixture.substituter.download(&plan, &|info, nar| {
            if info.path == web.path {
                let mut first = vec![0; 1000];
                nar.read_exact(&mut first)?;
                let _ = started.send(());
            }
            std::io::copy(nar, &mut std::io::sink()).map(drop)
        })
    });
    let error = report.failed.get(&web.path).map(crate::support::describe);
    assert_eq!(error.as_deref(), Some("stopped on request"));
    assert!(
        fixture
            .plan(&[&web.path])
            .is_err_and(|error| error.to_string() == "stopped on request")
    );
    Ok(())
}

#[test]
fn passwords_are_sent_where_they_belong() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    let expected = "Basic bWU6czNjcmV0"; // me:s3cret
    web.server
        .fault("", Fault::Authorization(expected.into()), 1000);
    refused(web.fixture()?.get(&web.path), &["HTTP status 401", "netrc"])?;

    let url = web.server.url().replace("http://", "http://me:s3cret@");
    let fixture = Fixture::new(&[url], options(&[&web.cache.public_key])?)?;
    assert!(
        fixture.get(&web.path).is_ok(),
        "{:?}",
        fixture.events("fault")
    );
    assert!(fixture.events("s3cret").is_empty());

    let netrc = tempfile::NamedTempFile::new()?;
    std::fs::write(netrc.path(), "machine 127.0.0.1 login me password s3cret\n")?;
    let mut with_netrc = options(&[&web.cache.public_key])?;
    with_netrc.netrc_file = Some(netrc.path().to_owned());
    let fixture = web.fixture_with(with_netrc)?;
    assert!(
        fixture.get(&web.path).is_ok(),
        "{:?}",
        fixture.events("fault")
    );
    Ok(())
}

#[test]
fn redirects_are_followed_and_keep_the_password() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    let elsewhere = Server::start(&web.cache.directory)?;
    let location = format!("Location: {}/{}", elsewhere.url(), web.nar);
    web.server
        .fault(&web.nar, Fault::Header(location), 100)
        .fault(&web.nar, Fault::Status(302), 100);
    let url = web.server.url().replace("http://", "http://me:s3cret@");
    let fixture = Fixture::new(&[url], options(&[&web.cache.public_key])?)?;
    assert!(
        fixture.get(&web.path).is_ok(),
        "{:?}",
        fixture.events("fault")
    );
    let requests = elsewhere.requests(&web.nar);
    assert_eq!(requests.len(), 1);
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
    Ok(())
}

#[test]
fn transfer_encodings_of_nars_are_refused() -> Result<()> {
    let Some(web) = Web::new(Compression::Xz)? else {
        return Ok(());
    };
    web.server
        .fault(&web.nar, Fault::Header("Content-Encoding: br".into()), 100);
    refused(
        web.fixture()?.get(&web.path),
        &["Content-Encoding \"br\"", &web.nar],
    )
}

#[test]
fn nobody_listening_is_said_after_all_attempts() -> Result<()> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let fixture = Fixture::new(&[format!("http://{address}")], options(&[])?)?;
    let path = StorePath::from_digest(&[9; 20], "missing")?;
    let text = fixture.get(&path).err().unwrap_or_default();
    for part in [
        "cannot download",
        "attempts: 5",
        "check the network",
        &address.to_string(),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    Ok(())
}

#[test]
fn progress_is_told() -> Result<()> {
    let Some(web) = Web::new(Compression::None)? else {
        return Ok(());
    };
    let fixture = web.works()?;
    let progress = fixture.events("Progress");
    assert!(
        progress.len() >= 10 && progress.len() <= web.size / 131_072,
        "{}",
        progress.len()
    );
    assert_eq!(fixture.events("Started").len(), 2);
    let finished = fixture.events("Finished");
    let size = format!("downloaded: {}", web.size);
    assert!(
        finished.iter().any(|event| event.contains(&size)),
        "{finished:?}"
    );
    // The type is what programs match on.
    let _: fn(&Event<'_>) = |event| {
        if let Event::Progress { downloaded, .. } = event {
            let _: &u64 = downloaded;
        }
    };
    Ok(())
}
