//! Substituters: binary caches over HTTP and file://.
