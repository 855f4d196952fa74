//! Reports in files: targets are opened before the run, and replaced as a whole when it is over, so that
//! a reader (a textfile collector) never meets half of one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::ProbeFormat;
use crate::commands::probe;
use crate::config::ConfigError;

/// An opened target.
#[derive(Debug)]
struct Target {
    format: String,
    path: PathBuf,
    to: To,
}

/// How a target is written.
#[derive(Debug)]
enum To {
    /// Written beside it under another name, then put in its place.
    Regular { draft: PathBuf, place: PathBuf },
    /// No regular file (a pipe, a device): written as it stands.
    Stream(File),
}

/// All targets of a run. What has been drafted and not put in place is removed when it is dropped.
#[derive(Debug, Default)]
pub struct ReportFiles(Vec<Target>);

impl ReportFiles {
    /// Opens every `FORMAT=FILE`.
    ///
    /// # Errors
    /// All that cannot be opened, formats that are not among `known`, and files named twice.
    pub fn open(specs: &[String], known: &[String]) -> Result<Self, Vec<ConfigError>> {
        let mut files = Self::default();
        let mut problems = Vec::new();
        for text in specs {
            let parsed = text
                .split_once('=')
                .filter(|(format, file)| known.contains(&format.to_ascii_lowercase()) && !file.is_empty());
            let Some((format, file)) = parsed else {
                problems.push(ConfigError::new(
                    format!("--report: `{text}` is not FORMAT=FILE"),
                    format!("FORMAT is one of {}; for example json=tls.json", known.join(", ")),
                ));
                continue;
            };
            let path = PathBuf::from(file);
            match To::open(&path) {
                Ok(to) if files.0.iter().any(|other| other.to.is_at(&to)) => {
                    problems.push(
                        ConfigError::new(
                            "--report: two reports would be written to one file",
                            "name a file each",
                        )
                        .in_file(&path),
                    );
                }
                Ok(to) => files.0.push(Target { format: format.to_ascii_lowercase(), path, to }),
                Err(error) => problems.push(
                    ConfigError::new(
                        format!("the report cannot be written: {error}"),
                        "give a file in a directory that exists",
                    )
                    .in_file(&path),
                ),
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(problems) }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The formats asked for.
    pub fn formats(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| one.format.as_str())
    }

    /// Writes each with what `render` makes of its format; may be called again. What cannot be written is
    /// named on standard error, and the others are written all the same; `false` then.
    pub fn write(&mut self, mut render: impl FnMut(&str, &mut dyn Write) -> io::Result<()>) -> bool {
        let mut whole = true;
        for one in &mut self.0 {
            let mut bytes = Vec::new();
            let put =
                render(&one.format, &mut bytes).and_then(|()| one.to.put(&crate::output::masked(bytes)));
            if let Err(error) = put {
                crate::output::tell(&format!("error: {} cannot be written: {error}", one.path.display()));
                whole = false;
            }
        }
        whole
    }

    /// A probe's report.
    pub fn write_probe<T: Serialize>(&mut self, command: &str, report: &probe::ProbeReport<T>) -> bool {
        self.write(|format, out| match <ProbeFormat as clap::ValueEnum>::from_str(format, true) {
            Ok(format) => super::probe(command, report, format, out),
            Err(error) => Err(io::Error::other(error)),
        })
    }
}

impl Drop for ReportFiles {
    fn drop(&mut self) {
        for one in &self.0 {
            one.to.forget();
        }
    }
}

impl To {
    fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Ok(Self::Stream(File::options().write(true).open(path)?));
        }
        // A link stays one: what it points to is replaced.
        let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        // A file that may not be replaced is better known before the run.
        if place.exists() {
            File::options().append(true).open(&place)?;
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        // Collectors read by extension: a draft has another one.
        let draft = place.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        File::options().write(true).create(true).truncate(false).open(&draft)?;
        Ok(Self::Regular { draft, place })
    }

    fn is_at(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Regular { draft: one, .. }, Self::Regular { draft: two, .. }) => one == two,
            _ => false,
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream(file) => file.write_all(bytes).and_then(|()| file.flush()),
            Self::Regular { draft, place } => {
                let mut file = File::create(&draft)?;
                if let Ok(before) = std::fs::metadata(&place) {
                    // Who may read it stays as it was.
                    let _ = file.set_permissions(before.permissions());
                }
                let wrote = file.write_all(bytes).and_then(|()| file.flush());
                wrote.and_then(|()| std::fs::rename(draft, place))
            }
        }
    }

    fn forget(&self) {
        if let Self::Regular { draft, .. } = self {
            let _ = std::fs::remove_file(draft);
        }
    }
}
