//! Who listens where, and who dials whom: both ends of every connection of a deployment, as described. What
//! cannot be known is said to be unknown.

mod address;
mod cordum;
mod ends;
mod knob;
mod nats;
mod nginx;
mod other;
mod probe;
mod program;
mod redis;
mod resolve;
mod scan;
mod script;
mod shapes;
mod tool;
mod view;
mod wire;

pub(crate) use cordum::{SERVERS, Server, nearest};
pub use knob::Knob;
pub(crate) use nginx::{INGRESS_NGINX, SECRET};
pub use program::Program;
pub(crate) use redis::TLS_REPLICATION;
pub use resolve::{DialTarget, ResolvedDial};
pub use scan::Wiring;
pub(crate) use scan::copies;
pub use view::{Content, OpenedPath, View};
pub use wire::wire;

pub use address::{Address, address, is_loopback, masked, named_gaps, truthy};
pub use ends::{
    ClientAuth, ClientTrust, Dial, Dialler, FileRef, FileRole, FileUse, Half, Listener, Minimum, Protocol,
    SettingKind, Switch, TlsMode, Unused, Verifies,
};
