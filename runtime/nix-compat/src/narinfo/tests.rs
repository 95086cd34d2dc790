//! narinfo: a real one with its real signature, round trips, and what is refused.

use super::*;
use proptest::prelude::*;

/// From the documentation of the format: an object of the NixOS cache, signed by its key.
const REAL: &str = "\
StorePath: /nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-net-tools-1.60_p20170221182432
URL: nar/1094wph9z4nwlgvsd53abfz8i117ykiv5dwnq9nnhz846s7xqd7d.nar.xz
Compression: xz
FileHash: sha256:1094wph9z4nwlgvsd53abfz8i117ykiv5dwnq9nnhz846s7xqd7d
FileSize: 114980
NarHash: sha256:0lxjvvpr59c2mdram7ympy5ay741f180kv3349hvfc3f8nrmbqf6
NarSize: 464152
References: 7gx4kiv5m0i7d7qkixq2cwzbr10lvxwc-glibc-2.27
Deriver: 10dx1q4ivjb115y3h90mipaaz533nr0d-net-tools-1.60_p20170221182432.drv
Sig: cache.nixos.org-1:sn5s/RrqEI+YG6/PjwdbPjcAC7rcta7sJU4mFOawGvJBLsWkyLtBrT2EuFt/LJjWkTZ+ZWOI9NTtjo/woMdvAg==
Sig: hydra.other.net-1:JXQ3Z/PXf0EZSFkFioa4FbyYpbbTbHlFBtZf4VqU0tuMTWzhMD7p9Q7acJjLn3jofOtilAAwRILKIfVuyrbjAA==
";

#[test]
fn a_real_narinfo_is_read_printed_and_verified() {
    let narinfo = NarInfo::parse(REAL.as_bytes()).unwrap();
    assert_eq!(narinfo.to_string(), REAL);
    let key: PublicKey = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="
        .parse()
        .unwrap();
    let fingerprint = narinfo.info.fingerprint();
    let trusted = [key];
    let signatures = &narinfo.info.signatures;
    assert_eq!(verify(&fingerprint, signatures, &trusted), trusted.first());
    assert_eq!(
        verify(&format!("{fingerprint} "), signatures, &trusted),
        None
    );
    let renamed = [signatures[0].replace("cache.nixos.org-1", "other")];
    assert_eq!(verify(&fingerprint, &renamed, &trusted), None);
}

#[test]
fn refuses_wrong_fields() {
    for (from, to, expected) in [
        (
            "StorePath: /nix/store/",
            "StorePath: /gnu/store/",
            "StorePath",
        ),
        ("URL: nar/", "URL nar/", "line 2"),
        ("NarHash: sha256:0", "NarHash: sha1:0", "NarHash"),
        ("NarSize: 464152", "NarSize: 0", "NarSize"),
        ("NarSize: 464152", "NarSize: +1", "NarSize"),
        ("NarSize: 464152", "NarSizes: 1", "no field NarSize"),
        (
            "NarSize: 464152",
            "NarSize: 1\nNarSize: 2",
            "more than one field NarSize",
        ),
        ("References: 7gx", "References: ../7gx", "References"),
        ("Deriver: 10d", "CA: git:", "CA"),
        ("\nSig", "\n\nSig", "line 10"),
    ] {
        let text = REAL.replacen(from, to, 1);
        assert_ne!(text, REAL);
        let error = NarInfo::parse(text.as_bytes()).expect_err(to).to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    assert!(NarInfo::parse(b"").is_err());
    assert!(NarInfo::parse(b"\xff: x\n").is_err());
}

#[test]
fn lenient_where_nix_is() {
    let text = REAL
        .replace("Compression: xz\n", "Future: something\nFuture: again\n")
        .replace("FileSize: 114980\n", "")
        .replace("Deriver: 10d", "Deriver: unknown-deriver\nX: ");
    let narinfo = NarInfo::parse(text.as_bytes()).unwrap();
    assert_eq!(narinfo.compression, "bzip2");
    assert_eq!((narinfo.file_size, narinfo.info.deriver), (None, None));
}

#[test]
fn keys_are_checked() {
    let secret = SecretKey::from_seed("test-1", &[7; 32]).unwrap();
    let text = secret.to_secret_string();
    assert!(!format!("{secret:?}").contains(text.split_once(':').unwrap().1));
    let read: SecretKey = text.parse().unwrap();
    assert_eq!(read.public_key(), secret.public_key());
    assert!(SecretKey::from_seed("a:b", &[7; 32]).is_err());
    for wrong in [
        "",
        "a",
        "a:",
        ":AAAA",
        "a:AAAA",
        "a:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShj",
    ] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        assert!(wrong.parse::<SecretKey>().is_err(), "{wrong}");
    }
    let mut bytes = data_encoding::BASE64
        .decode(text.split_once(':').unwrap().1.as_bytes())
        .unwrap();
    bytes[63] ^= 1;
    let mismatched = format!("test-1:{}", data_encoding::BASE64.encode(&bytes));
    assert!(mismatched.parse::<SecretKey>().is_err());
}

proptest! {
    #[test]
    fn signatures_hold_for_their_text_alone(seed: [u8; 32], text in "[ -~]{0,80}", other in "[ -~]{0,80}") {
        let secret = SecretKey::from_seed("k", &seed).unwrap();
        let signature = secret.sign(&text);
        let public: PublicKey = secret.public_key().to_string().parse().unwrap();
        prop_assert!(public.verify(&text, &signature));
        prop_assert_eq!(public.verify(&other, &signature), other == text);
    }

    #[test]
    fn what_is_accepted_round_trips(line in 0..11usize, place: prop::sample::Index, byte in 0x20..0x7fu8) {
        let mut lines: Vec<Vec<u8>> = REAL.lines().map(|line| line.as_bytes().to_vec()).collect();
        let place = place.index(lines[line].len());
        lines[line][place] = byte;
        let text = lines.join(&b'\n');
        if let Ok(narinfo) = NarInfo::parse(&text) {
            prop_assert_eq!(NarInfo::parse(narinfo.to_string().as_bytes()), Ok(narinfo));
        }
    }
}
