//! What every builder shares: attributes, errors, output, the host extensions.
