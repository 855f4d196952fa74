//! A Helm chart, rendered by helm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tls_verify_core::manifest::yaml::{self, Node, NodeContent};
use tls_verify_core::manifest::{
    Description, DescriptionKind, Files, Mark, ParseFault, Source, files, kubernetes,
};

use super::super::disk::Disk;
use super::super::programs::{self, Refused};
use super::dependencies::Dependencies;
use super::{align, values};
use crate::config::ConfigError;

/// One as a deployment; `None`: it is a library.
///
/// # Errors
/// It was named, and helm is not there.
pub(in super::super) fn chart(
    disk: &Disk,
    folder: &str,
    named: bool,
    given: &[String],
    path: Option<&str>,
) -> Result<Option<Description>, ConfigError> {
    let chart = files::join(folder, "Chart.yaml");
    let text = disk.text(&chart).unwrap_or_default();
    let (documents, _) = yaml::documents(&Source::file(&chart, &text));
    if documents.first().and_then(|one| one.text_at(&["type"])) == Some("library") {
        return Ok(None);
    }
    let place = programs::folder(folder);
    let pipe = format!("helm template release {place} | tls-verify audit -");
    let only = |fault: ParseFault| {
        Some(Description {
            source: folder.to_owned(),
            kind: DescriptionKind::Kubernetes,
            read: BTreeSet::from([chart.clone()]),
            faults: vec![fault],
            ..Description::default()
        })
    };
    let undecided = |what: String, how: String| only(ParseFault::undecided(Mark::start(&chart), what, how));
    let Some(program) = programs::found("helm", path) else {
        if named {
            let what = format!("{folder} is a Helm chart, and helm is not on PATH");
            return Err(ConfigError::new(what, format!("where helm is: {pipe}")).in_file(Path::new(folder)));
        }
        return Ok(undecided("a Helm chart is not rendered: helm is not on PATH".to_owned(), pipe));
    };
    let mut arguments = vec!["template", "cordum", place.as_str()];
    for file in given {
        arguments.extend(["--values", file]);
    }
    Ok(match programs::output(&program, &arguments, path) {
        Ok(text) => Some(rendered(disk, folder, given, &text)),
        Err(Refused::Unfit(why)) => undecided(format!("a Helm chart is not rendered: {why}"), pipe),
        Err(Refused::Failed(said)) => {
            let line = said
                .lines()
                .find(|line| line.contains("rror"))
                .or_else(|| said.lines().next())
                .unwrap_or("it does not say why");
            // What `required` and `fail` say, and what a schema of the values says.
            if line.contains("execution error at") || line.contains("required") {
                let how = "give them with --values FILE".to_owned();
                undecided(format!("the chart wants values: {line}"), how)
            } else if unfetched(disk, folder, documents.first()) {
                let what = "the charts that it depends on are not in its charts/ folder".to_owned();
                undecided(what, format!("helm dependency build {place}"))
            } else {
                let mark = unread(disk, folder, given)
                    .or_else(|| accused(disk, folder, line))
                    .unwrap_or_else(|| Mark::start(&chart));
                only(ParseFault::unreadable(mark, format!("helm does not render it: {line}")))
            }
        }
    })
}

/// It depends on charts that nobody has fetched yet.
fn unfetched(disk: &Disk, folder: &str, chart: Option<&Node>) -> bool {
    let there = disk.list(&files::join(folder, "charts"));
    let wanted = chart.and_then(|one| one.get("dependencies")).map(Node::items).unwrap_or_default();
    wanted
        .iter()
        .filter_map(|one| one.text_at(&["name"]))
        .any(|name| !there.iter().any(|have| have == name || have.starts_with(&format!("{name}-"))))
}

/// The place at which a file of values is no YAML.
fn unread(disk: &Disk, folder: &str, given: &[String]) -> Option<Mark> {
    let own = ["Chart.yaml", "values.yaml"].map(|name| files::join(folder, name));
    own.iter().chain(given).find_map(|path| {
        let text = disk.text(path).ok()?;
        let (_, faults) = yaml::documents(&Source::file(path, &text));
        faults.into_iter().next().map(|fault| fault.mark)
    })
}

/// The line of a template that became line `wanted` of what it renders, as far as lines that hold actions alone tell.
fn line_of(template: &str, wanted: usize) -> usize {
    let shown = |line: &&(usize, &str)| {
        let text = line.1.trim();
        !(text.starts_with("{{") && text.ends_with("}}"))
    };
    let lines: Vec<(usize, &str)> = template.lines().enumerate().collect();
    lines.iter().filter(shown).nth(wanted.saturating_sub(1)).map_or(1, |(at, _)| at + 1)
}

/// The line of the template that an error names: `(mini/templates/x.yaml:12:20)`, `on mini/templates/x.yaml: … line 4`.
fn accused(disk: &Disk, folder: &str, line: &str) -> Option<Mark> {
    line.split([' ', '(', ')', '"', ',']).find_map(|word| {
        let (_, inner) = word.split_once('/')?;
        let mut parts = inner.split(':');
        let path = files::join(folder, parts.next()?);
        let template = disk.text(&path).ok()?;
        let mut number = || parts.next().and_then(|text| text.parse().ok());
        let (own, column) = (number(), number());
        // What was rendered is no YAML: the line is one of that.
        let rendered = || {
            let (_, after) = line.split_once("yaml: line ")?;
            let number = after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
            u32::try_from(line_of(&template, number)).ok()
        };
        let line = own.or_else(rendered).unwrap_or(1);
        Some(Mark { file: path.as_str().into(), line, column: column.unwrap_or(0) })
    })
}

/// What helm printed; places become those of the templates, and of the values that stand in them.
fn rendered(disk: &Disk, folder: &str, given: &[String], text: &str) -> Description {
    let (mut objects, faults) = kubernetes::objects(&Source::file(folder, text));
    let map = Map::new(disk, folder, given, text);
    objects.iter_mut().for_each(|object| map.relocate(object));
    let mut description = kubernetes::describe(&objects, folder);
    description
        .faults
        .extend(faults.into_iter().map(|fault| ParseFault { mark: map.mark(&fault.mark), ..fault }));
    description.read.extend(map.templates.into_keys());
    description.faults.extend(values::unused(disk, folder));
    description
}

/// Where each rendered line comes from.
struct Map<'a> {
    lines: Vec<&'a str>,
    /// File and line of the template, by rendered line.
    origin: Vec<Option<(String, usize)>>,
    templates: BTreeMap<String, Vec<String>>,
    /// The values that count, by their paths.
    values: BTreeMap<String, Node>,
    folder: String,
    parts_of: Dependencies,
    chart: String,
}

fn read_values(disk: &Disk, path: &str, way: &str, values: &mut BTreeMap<String, Node>) {
    let Ok(text) = disk.text(path) else { return };
    let (documents, _) = yaml::documents(&Source::file(path, &text));
    if let Some(document) = documents.first() {
        leaves(document, way, values);
    }
}

/// The files of a chart that hold nothing but what others call.
fn helpers(disk: &Disk, folder: &str) -> BTreeMap<String, Vec<String>> {
    let templates = files::join(folder, "templates");
    let names = disk.list(&templates).into_iter().filter(|name| name.starts_with('_'));
    names
        .filter_map(|name| {
            let path = files::join(&templates, &name);
            let text = disk.text(&path).ok()?;
            Some((path, text.lines().map(str::to_owned).collect()))
        })
        .collect()
}

/// The one line of the helpers that a rendered line is.
fn helped(helpers: &BTreeMap<String, Vec<String>>, rendered: &str) -> Option<(String, usize)> {
    let wanted = rendered.trim();
    let mut all = helpers.iter().flat_map(|(path, lines)| {
        lines.iter().enumerate().filter(|(_, line)| line.trim() == wanted).map(move |(at, _)| (path, at + 1))
    });
    let (path, line) = all.next().filter(|_| !wanted.is_empty())?;
    all.next().is_none().then(|| (path.clone(), line))
}

impl<'a> Map<'a> {
    fn new(disk: &Disk, folder: &str, given: &[String], text: &'a str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let parts_of = Dependencies::of(disk, folder);
        let helpers = helpers(disk, folder);
        let mut templates: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // All documents of one template stand in its order.
        let mut parts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut now = None;
        for (at, line) in lines.iter().enumerate() {
            if let Some((_, inner)) = line.strip_prefix("# Source: ").and_then(|one| one.split_once('/')) {
                now = Some(files::join(folder, &parts_of.folder_of(inner)));
            } else if let Some(file) = now.as_ref().filter(|_| *line != "---") {
                parts.entry(file.clone()).or_default().push(at);
            }
        }
        let mut origin = vec![None; lines.len()];
        for (file, own) in parts {
            // One of a packed subchart cannot be opened.
            let Ok(text) = disk.text(&file) else { continue };
            let template: Vec<String> = text.lines().map(str::to_owned).collect();
            let shown: Vec<&str> = own.iter().map(|at| lines[*at]).collect();
            // What a helper brings stands where the helper says it, else where it is called.
            let mut before = None;
            for (at, line) in own.iter().zip(align::aligned(&template, &shown)) {
                if line > 0 {
                    before = Some((file.clone(), line));
                }
                origin[*at] = match line {
                    0 => helped(&helpers, lines[*at]).or_else(|| before.clone()),
                    _ => before.clone(),
                };
            }
            templates.insert(file, template);
        }
        templates.extend(helpers);
        let mut values = BTreeMap::new();
        for (name, path) in parts_of.folders() {
            let way = format!("charts/{name}");
            read_values(disk, &files::join(folder, &format!("charts/{path}/values.yaml")), &way, &mut values);
        }
        for path in std::iter::once(&files::join(folder, "values.yaml")).chain(given) {
            read_values(disk, path, "", &mut values);
        }
        let chart = files::join(folder, "Chart.yaml");
        Self { lines, origin, templates, values, folder: folder.to_owned(), parts_of, chart }
    }

    fn at(&self, mark: &Mark) -> (usize, Option<(&str, usize)>) {
        let at = (mark.line as usize).saturating_sub(1);
        let origin = self.origin.get(at).and_then(Option::as_ref);
        (at, origin.map(|(file, line)| (file.as_str(), *line)))
    }

    fn template(&self, file: &str, line: usize) -> &str {
        self.templates.get(file).and_then(|lines| lines.get(line.wrapping_sub(1))).map_or("", String::as_str)
    }

    fn mark(&self, mark: &Mark) -> Mark {
        let (at, Some((file, line))) = self.at(mark) else { return Mark::start(&self.chart) };
        let (template, shown) = (self.template(file, line), self.lines.get(at).copied().unwrap_or_default());
        // In a line that is the same the column is, too.
        let column = if template.trim() == shown.trim() && line > 0 {
            (mark.column as usize + indentation(template)).saturating_sub(indentation(shown))
        } else {
            0
        };
        let number = |value: usize| u32::try_from(value).unwrap_or(0);
        Mark { file: file.into(), line: number(line), column: number(column) }
    }

    /// The value that stands in a line of the template, where it is the scalar's.
    fn value(&self, node: &Node) -> Option<&Node> {
        let (_, origin) = self.at(&node.mark);
        let (file, line) = origin?;
        let named = values::names(self.template(file, line));
        let [name] = named.as_slice() else { return None };
        let same = |value: &&Node| value.text().is_some() && value.text() == node.text();
        let inner =
            file.strip_prefix(&format!("{}/charts/", self.folder)).and_then(|one| one.split_once('/'));
        let Some((sub, _)) = inner else { return self.values.get(name).filter(same) };
        // What the chart gives its part wins over what the part has by itself.
        let sub = self.parts_of.name_of(sub);
        let ways = [name.clone(), format!("{sub}.{name}"), format!("charts/{sub}.{name}")];
        let ways = ways.iter().skip(usize::from(!name.starts_with("global.")));
        ways.filter_map(|way| self.values.get(way)).next().filter(same)
    }

    fn relocate(&self, node: &mut Node) {
        let from = node.mark.clone();
        node.mark = self.value(node).map_or_else(|| self.mark(&from), |value| value.mark.clone());
        match &mut node.data {
            NodeContent::Scalar(scalar) => {
                if let Some(block) = scalar.block {
                    scalar.block = self.block(block, &scalar.text);
                    scalar.lines = scalar.block.is_none().then(|| self.lines(block, &scalar.text));
                }
            }
            NodeContent::Sequence(items) => items.iter_mut().for_each(|item| self.relocate(item)),
            NodeContent::Mapping(entries) => {
                for (key, value) in entries {
                    self.relocate(key);
                    self.relocate(value);
                }
            }
        }
    }

    /// A block whose lines stand in the template as they are, one behind the other.
    fn block(&self, (first, _): (u32, u32), text: &str) -> Option<(u32, u32)> {
        let start = (first as usize).checked_sub(1)?;
        let (file, line) = self.origin.get(start)?.as_ref()?;
        let same = text
            .lines()
            .enumerate()
            .all(|(at, own)| own.trim().is_empty() || self.template(file, line + at).trim() == own.trim());
        let indent = text.lines().position(|own| !own.trim().is_empty());
        let indent = indentation(self.template(file, line + indent.unwrap_or(0)));
        (same && *line > 0).then(|| Some((u32::try_from(*line).ok()?, u32::try_from(indent).ok()?)))?
    }

    /// The place of each line of a block.
    fn lines(&self, (first, indent): (u32, u32), text: &str) -> Arc<[Mark]> {
        let lines = (0..text.lines().count()).map(|at| {
            let line = first + u32::try_from(at).unwrap_or(0);
            self.mark(&Mark { file: self.chart.as_str().into(), line, column: indent + 1 })
        });
        lines.collect()
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The single values below, by their paths: who comes later wins.
fn leaves(node: &Node, way: &str, found: &mut BTreeMap<String, Node>) {
    for (key, value) in node.entries() {
        let Some(key) = key.text() else { continue };
        let path = if way.is_empty() { key.to_owned() } else { format!("{way}.{key}") };
        if value.is_scalar() {
            found.insert(path, value.clone());
        } else {
            leaves(value, &path, found);
        }
    }
}
