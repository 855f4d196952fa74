//! Everything that goes to standard output and standard error: secrets are masked, a reader that has seen
//! enough is no error, and what cannot be written is said and makes a good end a bad one.

use std::io::{self, Write};

use tls_verify_checks::secret::mask;
use tls_verify_core::report::exit;

/// Renders, masks, writes to standard output; the exit code is `code` unless the text was lost.
#[must_use]
pub fn print(code: u8, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> u8 {
    ended(code, put(render))
}

/// Renders, masks, writes to standard output.
///
/// # Errors
/// What the renderer or the system says.
pub fn put(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = Vec::new();
    render(&mut bytes)?;
    let mut out = io::stdout().lock();
    out.write_all(&masked(bytes)).and_then(|()| out.flush())
}

/// The bytes of a report without secrets.
#[must_use]
pub fn masked(bytes: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => mask(&text).into_owned().into_bytes(),
        Err(error) => mask(&String::from_utf8_lossy(error.as_bytes())).into_owned().into_bytes(),
    }
}

/// The exit code after `wrote`: a result that nobody could read is not a good one.
#[must_use]
pub fn ended(code: u8, wrote: io::Result<()>) -> u8 {
    match wrote {
        Ok(()) => code,
        // A reader that has seen enough is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(error) => {
            tell(&format!("error: standard output cannot be written: {error}"));
            exit::not_whole(code)
        }
    }
}

/// The exit code when a file that was asked for could not be written: as for standard output.
#[must_use]
pub const fn filed(code: u8, whole: bool) -> u8 {
    if whole || code != exit::PASS { code } else { exit::UNDECIDED }
}

/// A line on standard error.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", mask(text));
}
