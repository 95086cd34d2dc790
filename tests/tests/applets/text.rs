//! Programs that read text.
