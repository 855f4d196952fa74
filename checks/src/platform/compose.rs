//! The command by which an operator steers the project from where they stand: which Compose is installed
//! there, and how it finds the project's files. It is printed in fixes; nothing here runs it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tls_verify_core::remedy;

/// Which Compose is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComposeProgram {
    /// `docker compose`, version 2.
    Plugin,
    /// `docker-compose`: version 1, or 2 on its own.
    Standalone,
}

impl ComposeProgram {
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Plugin => "docker compose",
            Self::Standalone => "docker-compose",
        }
    }
}

/// How the project is steered; clones learn of the project together.
#[derive(Clone, Debug, Default)]
pub struct ComposeCli {
    program: Option<ComposeProgram>,
    here: PathBuf,
    made: Arc<Mutex<Option<Made>>>,
}

/// How the project was made, by the labels of its containers (Compose 1.29.2 and 2.32.4).
#[derive(Clone, Debug)]
struct Made {
    version: String,
    /// Against which paths in the files count.
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl ComposeCli {
    /// `program`: what is installed here, if anything is; `here`: the operator's working directory.
    #[must_use]
    pub fn new(program: Option<ComposeProgram>, here: PathBuf) -> Self {
        Self { program, here, made: Arc::default() }
    }

    /// Takes in what the engine says of the project's containers, the newest first.
    pub fn learn<'a>(&self, containers: impl IntoIterator<Item = &'a HashMap<String, String>>) {
        let made = containers.into_iter().find_map(Made::of);
        if made.is_some() {
            *self.made.lock().unwrap_or_else(PoisonError::into_inner) = made;
        }
    }

    /// `docker compose -p cordum`, with the project's files where Compose would not find them by itself.
    #[must_use]
    pub fn wording(&self, project: &str) -> remedy::Compose {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // An engine elsewhere, or a machine without either: whoever made the project has what made it.
        let made_by = match &made {
            Some(made) if made.version.starts_with("1.") => ComposeProgram::Standalone,
            _ => ComposeProgram::Plugin,
        };
        let program = self.program.unwrap_or(made_by).words().split(' ').map(str::to_owned);
        let files = made.map(|made| self.files(&made)).unwrap_or_default();
        remedy::Compose::new(program.chain(["-p".to_owned(), project.to_owned()]).chain(files))
    }

    /// `-f` for each of the project's files, as far as they are on this machine.
    fn files(&self, made: &Made) -> Vec<String> {
        let there = !made.files.is_empty() && made.files.iter().all(|file| file.is_file());
        let usual = |file: &PathBuf| {
            let name = file.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            file.parent().is_some_and(|folder| same(folder, &self.here)) && USUAL.contains(&name)
        };
        if !there || made.files.iter().all(usual) {
            return Vec::new();
        }
        let mut options = Vec::new();
        if made.files[0].parent().is_none_or(|folder| !same(folder, &made.folder)) {
            options.extend(["--project-directory".to_owned(), self.shown(&made.folder)]);
        }
        for file in &made.files {
            options.extend(["-f".to_owned(), self.shown(file)]);
        }
        options
    }

    /// From here, where it lies below.
    fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.here).ok().filter(|rest| !rest.as_os_str().is_empty());
        below.unwrap_or(path).display().to_string()
    }
}

impl Made {
    fn of(labels: &HashMap<String, String>) -> Option<Self> {
        let label = |name: &str| labels.get(&format!("com.docker.compose.{name}"));
        let folder = PathBuf::from(label("project.working_dir")?);
        // Version 1 writes them as they were given, wherever that was; version 2 from the root on.
        let found = |file: &str| {
            let beside = Path::new(file).file_name().map(|name| folder.join(name));
            Some(folder.join(file)).filter(|path| path.is_file()).or(beside).unwrap_or_default()
        };
        let files = label("project.config_files")?.split(',').map(found).collect();
        Some(Self { version: label("version").cloned().unwrap_or_default(), folder, files })
    }
}

/// What both versions look for, and take together with its override.
const USUAL: &[&str] = &[
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
];

fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    one == other || real(one).is_some_and(|real_one| real(other).is_some_and(|other| real_one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(version: &str, folder: &Path, files: &str) -> HashMap<String, String> {
        [
            ("com.docker.compose.version", version),
            ("com.docker.compose.project.working_dir", &folder.display().to_string()),
            ("com.docker.compose.project.config_files", files),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn told(program: Option<ComposeProgram>, here: &Path, labels: &HashMap<String, String>) -> String {
        let compose = ComposeCli::new(program, here.to_owned());
        compose.learn([&HashMap::new(), labels]);
        compose.wording("cordum").prefix()
    }

    #[test]
    fn what_is_installed_decides_and_else_what_made_the_project() {
        let nowhere = Path::new("/nowhere/at/all");
        let (one, two) =
            (labels("1.29.2", nowhere, "a.yml"), labels("2.32.4", nowhere, "/nowhere/at/all/a.yml"));
        for (program, labels, expected) in [
            (Some(ComposeProgram::Plugin), &one, "docker compose -p cordum"),
            (Some(ComposeProgram::Standalone), &two, "docker-compose -p cordum"),
            (None, &one, "docker-compose -p cordum"),
            (None, &two, "docker compose -p cordum"),
            (None, &HashMap::new(), "docker compose -p cordum"),
        ] {
            assert_eq!(told(program, nowhere, labels), expected, "{program:?} {labels:?}");
        }
    }

    #[test]
    fn files_are_named_where_compose_would_not_find_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let project = root.join("my stack");
        std::fs::create_dir(&project).unwrap();
        for name in ["docker-compose.yml", "docker-compose.override.yml", "docker-compose.test.yml"] {
            std::fs::write(project.join(name), "").unwrap();
        }
        let within = |name: &str| project.join(name).display().to_string();
        let rows = [
            // Where it was made, with the usual names: found without help.
            (&project, within("docker-compose.yml"), String::new()),
            (&project, "docker-compose.yml,docker-compose.override.yml".to_owned(), String::new()),
            (&project, within("docker-compose.test.yml"), " -f docker-compose.test.yml".to_owned()),
            (&root, within("docker-compose.yml"), " -f 'my stack/docker-compose.yml'".to_owned()),
            (
                &project,
                "docker-compose.yml,docker-compose.test.yml".to_owned(),
                " -f docker-compose.yml -f docker-compose.test.yml".to_owned(),
            ),
            // By version 1, which was given it from the folder above.
            (&root, "my stack/docker-compose.yml".to_owned(), " -f 'my stack/docker-compose.yml'".to_owned()),
            // On another machine, or read from standard input.
            (&root, "/elsewhere/docker-compose.prod.yml".to_owned(), String::new()),
            (&root, "-".to_owned(), String::new()),
        ];
        for (here, files, expected) in rows {
            let labels = labels("2.32.4", &project, &files);
            let said = told(Some(ComposeProgram::Plugin), here, &labels);
            assert_eq!(
                said,
                format!("docker compose -p cordum{expected}"),
                "{files} from {}",
                here.display()
            );
        }
        // Made with `--project-directory`.
        let labels = labels("2.32.4", &root, &within("docker-compose.yml"));
        let said = told(Some(ComposeProgram::Plugin), Path::new("/nowhere"), &labels);
        let root = root.display();
        let options = format!("--project-directory {root} -f '{root}/my stack/docker-compose.yml'");
        assert_eq!(said, format!("docker compose -p cordum {options}"));
    }
}
