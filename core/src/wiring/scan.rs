//! What is gathered of a deployment's connections, and how a container's settings are asked for.

use super::program::{self, Program};
use super::resolve::ResolvedDial;
use super::{Dial, FileRef, FileRole, FileUse, Half, Listener, Minimum, SettingKind, Unused, View};
use crate::manifest::files::{join, name};
use crate::manifest::{Build, Files, Mark, ParseFault};
use crate::workload::{Argument, Container, Place, Template, Workload};

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Wiring {
    /// By workload and container.
    pub programs: Vec<Vec<Program>>,
    pub listeners: Vec<Listener>,
    pub dials: Vec<Dial>,
    pub connections: Vec<ResolvedDial>,
    pub files: Vec<FileUse>,
    pub halves: Vec<Half>,
    pub minimums: Vec<Minimum>,
    pub unused: Vec<Unused>,
    pub faults: Vec<ParseFault>,
    /// Members of a cluster or replicas that speak in clear: what has to be set, where, and what stands there.
    pub clear: Vec<(usize, String, Place, SettingKind)>,
    /// Verification is switched off by a setting that belongs to no dial that is known.
    pub insecure: Vec<(usize, String, Place, SettingKind)>,
}

/// The look at one deployment.
pub(super) struct WiringScanner<'a> {
    pub(super) view: View<'a>,
    pub(super) found: Wiring,
}

/// The container that is looked at.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) workload: usize,
    pub(super) container: usize,
    pub(super) of: &'a Workload,
    pub(super) it: &'a Container,
    pub(super) program: Program,
    pub(super) files: &'a dyn Files,
}

impl Here<'_> {
    /// The container's own place.
    pub(super) fn place(&self) -> Place {
        let nowhere = || Place::of_file("");
        self.it.place.clone().or_else(|| self.of.place.clone()).unwrap_or_else(nowhere)
    }

    pub(super) fn mark(&self) -> Mark {
        let place = self.place();
        Mark::of(&place)
    }

    /// A variable's value that is known and not empty, with its place.
    pub(super) fn variable(&self, name: &str) -> Option<(String, Place)> {
        let setting = self.it.variable(name)?;
        let text = setting.value.marked();
        (!text.trim().is_empty()).then(|| (text, setting.place.clone().unwrap_or_else(|| self.place())))
    }

    /// The words that it is started with; of a shell's script its last command.
    pub(super) fn command(&self) -> Vec<Argument> {
        let Some((words, shell)) = program::command(self.it) else { return Vec::new() };
        match shell.then(|| words.first().map(|one| one.place.clone())).flatten() {
            Some(place) => {
                let script = Argument { value: crate::workload::Value::Known(String::new()), place };
                self.settled(&script, vec![words]).into_iter().next().unwrap_or_default()
            }
            None => words,
        }
    }

    /// The commands of a script, each word with the line that it stands on: the first one from the word before it
    /// on that has it, in the block that the script is.
    pub(super) fn settled(&self, script: &Argument, commands: Vec<Vec<Argument>>) -> Vec<Vec<Argument>> {
        let Some(start) = &script.place else { return commands };
        let Ok(text) = self.files.text(&start.file) else { return commands };
        let from = start.line.saturating_sub(1) as usize;
        let indented = |line: &str| line.len() - line.trim_start().len();
        let mut lines = text.lines().skip(from);
        let Some(first) = lines.next() else { return commands };
        // In quotes it is what it looks like, and its lines are not the file's.
        let column = start.column.saturating_sub(1) as usize;
        if first.chars().nth(column).is_none_or(|c| matches!(c, '"' | '\'')) {
            return commands;
        }
        let deep = if indented(first) == column { column } else { indented(first) + 1 };
        let block: Vec<&str> = std::iter::once(first)
            .chain(lines.take_while(|line| line.trim().is_empty() || indented(line) >= deep))
            .collect();
        let mut at = 0;
        let mut settle = |word: Argument| {
            let text = word.value.marked();
            let found =
                (at..block.len()).find(|line| !text.is_empty() && block[*line].contains(text.as_str()));
            at = found.unwrap_or(at);
            let column =
                block[at].find(text.as_str()).map_or(0, |byte| block[at][..byte].chars().count() + 1);
            let place = Place {
                file: start.file.clone(),
                line: start.line + u32::try_from(at).unwrap_or(0),
                column: u32::try_from(column).unwrap_or(0),
            };
            Argument { place: Some(place), ..word }
        };
        commands.into_iter().map(|words| words.into_iter().map(&mut settle).collect()).collect()
    }

    /// The words that its program is started with, without the program itself.
    pub(super) fn words(&self, names: &[&str]) -> Vec<Argument> {
        let words = self.command();
        let is_program = |word: &Argument| {
            word.value.known().is_some_and(|text| names.contains(&text.rsplit('/').next().unwrap_or(text)))
        };
        match words.iter().position(is_program) {
            Some(at) => words.into_iter().skip(at + 1).collect(),
            None => words,
        }
    }
}

impl WiringScanner<'_> {
    pub(super) fn names_file(&mut self, here: Here<'_>, file: &FileRef, role: FileRole, server: bool) {
        let guessed = here.program == Program::Other;
        self.found.files.push(FileUse {
            workload: here.workload,
            container: here.container,
            file: file.clone(),
            role,
            server,
            guessed,
            optional: false,
        });
    }
}

/// A file reference of a variable.
pub(super) fn file_of(here: Here<'_>, name: &str) -> Option<FileRef> {
    here.variable(name).map(|(path, place)| FileRef {
        path,
        setting: name.to_owned(),
        place,
        kind: SettingKind::Environment,
    })
}

/// Whether a value is not known as a whole or in parts.
pub(super) fn has_gap(text: &str) -> bool {
    text.contains(Template::OPEN)
}

/// Whether an image that is built here brings a path: `COPY` and `ADD` of its last stage; `None`: it is not known.
#[must_use]
pub(crate) fn image_brings(files: &dyn Files, build: &Build, path: &str) -> Option<bool> {
    let copies = copies(files, build)?;
    for copy in &copies {
        let target = copy.target.trim_end_matches('/');
        for source in &copy.sources {
            let from = join(&build.context, source);
            let folder = files.meta(&from).is_some_and(|meta| meta.kind == crate::manifest::FileKind::Folder);
            let inside = match (folder, path.strip_prefix(target)) {
                (true, Some(rest)) => files.meta(&join(&from, rest.trim_start_matches('/'))).is_some(),
                (false, Some("")) => true,
                (false, Some(rest)) => rest.trim_start_matches('/') == name(source),
                (_, None) => false,
            };
            if inside {
                return Some(true);
            }
        }
    }
    None
}

/// A `COPY` of a file from the context into the image.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    pub(crate) sources: Vec<String>,
    pub(crate) target: String,
    pub(crate) line: u32,
}

/// What a Dockerfile copies from its context, in all of its stages.
#[must_use]
pub(crate) fn copies(files: &dyn Files, build: &Build) -> Option<Vec<Copied>> {
    let text = files.text(&build.dockerfile).ok()?;
    let mut copies = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    let mut folder = "/".to_owned();
    while let Some((at, line)) = lines.next() {
        let mut whole = line.trim().to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            let Some((_, more)) = lines.next() else { break };
            whole.push_str(more.trim());
        }
        let (word, rest) = whole.split_once(char::is_whitespace).unwrap_or((&whole, ""));
        match word.to_ascii_uppercase().as_str() {
            "FROM" => folder = "/".to_owned(),
            "WORKDIR" => folder = join(&folder, rest.trim()),
            "COPY" | "ADD" => {
                if rest.contains("--from=") {
                    continue;
                }
                let words: Vec<String> = if rest.trim_start().starts_with('[') {
                    rest.trim()
                        .trim_matches(['[', ']'])
                        .split(',')
                        .map(|one| one.trim().trim_matches('"').to_owned())
                        .collect()
                } else {
                    rest.split_whitespace().filter(|one| !one.starts_with("--")).map(str::to_owned).collect()
                };
                if let Some((target, sources)) = words.split_last() {
                    copies.push(Copied {
                        sources: sources.to_vec(),
                        target: join(&folder, target),
                        line: u32::try_from(at).unwrap_or(0) + 1,
                    });
                }
            }
            _ => {}
        }
    }
    Some(copies)
}
