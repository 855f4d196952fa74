//! Our own connections: what they make servers log is no fault of the stack.

use std::net::SocketAddr;
use std::time::SystemTime;

/// A connection of ours that a server may have logged as a failed handshake.
#[derive(Clone, Copy, Debug)]
pub struct OwnProbe {
    pub local: Option<SocketAddr>,
    pub at: SystemTime,
}
