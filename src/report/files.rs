//! Reports in files: targets are opened before the run, and replaced as a whole when it is over, so that
//! a reader (a textfile collector) never meets half of one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::Problem;
use crate::probe;

/// An opened target.
#[derive(Debug)]
pub struct Opened {
    pub format: String,
    path: PathBuf,
    /// Where it is written first; `None`: the target is no regular file and is written in place.
    draft: Option<PathBuf>,
    file: File,
}

/// All targets of a run.
#[derive(Debug, Default)]
pub struct Files(Vec<Opened>);

impl Files {
    /// Opens every `FORMAT=FILE`.
    ///
    /// # Errors
    /// All that cannot be opened, and formats that are not among `known`.
    pub fn open(specs: &[String], known: &[&str]) -> Result<Self, Vec<Problem>> {
        let mut opened = Vec::new();
        let mut problems = Vec::new();
        for text in specs {
            let parsed = text.split_once('=').filter(|(format, file)| {
                known.contains(&format.to_ascii_lowercase().as_str()) && !file.is_empty()
            });
            let Some((format, file)) = parsed else {
                problems.push(Problem::new(
                    format!("--report: `{text}` is not FORMAT=FILE"),
                    format!("FORMAT is one of {}; for example json=tls.json", known.join(", ")),
                ));
                continue;
            };
            let path = PathBuf::from(file);
            match draft(&path) {
                Ok((draft, file)) => {
                    opened.push(Opened { format: format.to_ascii_lowercase(), path, draft, file });
                }
                Err(error) => problems.push(
                    Problem::new(
                        format!("the report cannot be written: {error}"),
                        "give a file in a directory that exists",
                    )
                    .in_file(&path),
                ),
            }
        }
        let files = Self(opened);
        if problems.is_empty() {
            Ok(files)
        } else {
            files.forget();
            Err(problems)
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes each with what `render` makes of its format.
    pub fn write(self, mut render: impl FnMut(&str, &mut dyn Write) -> io::Result<()>) {
        for mut one in self.0 {
            let mut bytes = Vec::new();
            let wrote = render(&one.format, &mut bytes)
                .and_then(|()| one.file.write_all(&bytes))
                .and_then(|()| one.file.flush());
            let put = wrote.and_then(|()| match &one.draft {
                Some(draft) => std::fs::rename(draft, &one.path),
                None => Ok(()),
            });
            if let Err(error) = put {
                let _ = writeln!(io::stderr(), "error: {} cannot be written: {error}", one.path.display());
            }
        }
    }

    /// A probe's report.
    pub fn write_probe<T: Serialize>(self, report: &probe::Report<T>) {
        self.write(|format, out| match format {
            "jsonl" => report.endpoints.iter().try_for_each(|one| {
                serde_json::to_writer(&mut *out, one).map_err(io::Error::other)?;
                out.write_all(b"\n")
            }),
            "prometheus" => {
                let object = serde_json::to_value(report).map_err(io::Error::other)?;
                super::prometheus::probe(&object, out)
            }
            _ => {
                serde_json::to_writer(&mut *out, report).map_err(io::Error::other)?;
                out.write_all(b"\n")
            }
        });
    }

    /// Leaves no drafts behind when nothing is run.
    pub fn forget(self) {
        for draft in self.0.into_iter().filter_map(|one| one.draft) {
            let _ = std::fs::remove_file(draft);
        }
    }
}

fn draft(path: &Path) -> io::Result<(Option<PathBuf>, File)> {
    let special = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file());
    if special {
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        return Ok((None, File::options().write(true).open(path)?));
    }
    // A file that may not be replaced is better known before the run.
    if path.exists() {
        File::options().append(true).open(path)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let file = File::create(&draft)?;
    Ok((Some(draft), file))
}
