//! The `certs` command: certificate files on disk, no network.
