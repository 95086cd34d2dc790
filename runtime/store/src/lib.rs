//! The embedded store: a genuine Nix chroot store.
