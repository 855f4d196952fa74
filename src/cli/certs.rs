//! Arguments of `certs`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{CertsFormat, ColorChoice, duration};

/// Options of `certs`.
#[derive(Args, Clone, Debug)]
pub struct CertsArgs {
    /// A folder in the guide's layout or any other, a file, or `-` for PEM or a Kubernetes Secret on
    /// standard input [default: ./certs]
    #[arg(value_name = "DIR|FILE", conflicts_with_all = ["cacert", "cert"])]
    pub paths: Vec<PathBuf>,
    /// Trust anchors, instead of a folder
    #[arg(long, value_name = "FILE")]
    pub cacert: Vec<PathBuf>,
    /// The certificate, end-entity first, with its intermediates; a second one adds intermediates
    #[arg(long, value_name = "FILE")]
    pub cert: Vec<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// A name or an address that the server certificate has to be valid for
    #[arg(long, value_name = "HOST_OR_IP")]
    pub name: Vec<String>,
    /// What the certificate is for [default: server with --name, else what it says]
    #[arg(long, value_enum)]
    pub purpose: Option<CertificateUse>,
    /// The time to judge at instead of now: will it still hold on the day of the release?
    #[arg(long, value_name = "RFC3339")]
    pub at: Option<String>,
    /// Warn about certificates that end earlier than this
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub expiry_warn: Duration,
    /// File with the password of PKCS#12 containers
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// How the result is shown
    #[arg(long, value_enum, default_value_t = CertsFormat::Human)]
    pub format: CertsFormat,
    /// A report in a file, beside the one on standard output (json, junit, sarif, github, html)
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<String>,
    /// Colour
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Only findings
    #[arg(short, long)]
    pub quiet: bool,
    /// Notes too
    #[arg(short, long)]
    pub verbose: bool,
}

/// What a certificate is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CertificateUse {
    Server,
    Client,
}
