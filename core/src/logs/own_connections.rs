//! Our own connections: what they make servers log is no fault of the stack.

use std::net::SocketAddr;
use std::time::SystemTime;

/// A connection of ours that a server may have logged as a failed handshake.
#[derive(Clone, Copy, Debug)]
pub struct OwnProbe {
    pub local: Option<SocketAddr>,
    pub at: SystemTime,
}

/// A handshake error that names the address we dialled from.
#[must_use]
pub fn caused_by(own: &OwnProbe, at: Option<SystemTime>, text: &[u8]) -> bool {
    let Some(local) = own.local else { return false };
    if let Some(at) = at {
        let apart = at.duration_since(own.at).or_else(|_| own.at.duration_since(at)).unwrap_or_default();
        if apart.as_secs() > 10 {
            return false;
        }
    }
    // Behind Docker's NAT the address is the gateway's, but the port mostly survives.
    let port = format!(":{}", local.port());
    let text = String::from_utf8_lossy(text);
    text.match_indices(&port)
        .any(|(index, found)| !text[index + found.len()..].starts_with(|next: char| next.is_ascii_digit()))
}
