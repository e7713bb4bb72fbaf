//! `include`: other projects as parts of this one (Compose specification, "include").
//!
//! An included project is loaded by the same stages as this one, and added as a whole: nothing is merged.

use std::path::{Path, PathBuf};

use super::{Scope, load};
use crate::reading::{Named, Reading, Source, Stopped};
use crate::text::path;
use crate::tree::{Map, Node, Value};
use crate::variable::files;

/// Longer than any real chain of files; it limits the recursion below.
const LONGEST_CHAIN: usize = 32;

/// Reads the files that one file includes, and adds their resources to its own.
pub(crate) fn apply(
    reading: &mut Reading<'_>,
    layer: &mut Node,
    file: &Path,
    scope: &Scope<'_>,
) -> Result<(), Stopped> {
    let Some(include) = layer.as_map_mut().and_then(|map| map.shift_remove("include")) else { return Ok(()) };
    if include.is_null() {
        return Ok(());
    }
    let Some(entries) = include.as_list() else {
        let message = include.must_be("a list");
        reading.problem(include.spot, "include", message).hint = Some("write `include: [FILE]`".to_owned());
        return Err(Stopped);
    };
    if scope.including.len() >= LONGEST_CHAIN {
        let message = format!("`include` is nested more than {LONGEST_CHAIN} levels deep");
        reading.problem(include.spot, "include", message);
        return Err(Stopped);
    }
    let mut including = scope.including.to_vec();
    including.push(file.to_owned());
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("include[{index}]");
        let Some(include) = Include::of(reading, entry, &path, scope.directory) else {
            reading.checked()?;
            continue;
        };
        check_cycle(reading, &include, &including, &path)?;
        let included = include.load(reading, scope, &including)?;
        import(reading, included, layer, &path);
        reading.checked()?;
    }
    Ok(())
}

/// One entry of the list, in its long form.
struct Include {
    files: Vec<Named>,
    directory: PathBuf,
    /// Whether `directory` exists.
    is_there: bool,
    env_files: Option<Vec<Named>>,
}

impl Include {
    /// `None` if the entry names no file. That is a problem unless the entry is empty, which Compose accepts.
    fn of(reading: &mut Reading<'_>, entry: &Node, path: &str, directory: &Path) -> Option<Include> {
        let named = |node: &Node| Named {
            path: path::join(directory, node.as_text().unwrap_or_default()),
            by: Some((node.clone(), path.to_owned())),
        };
        let files: Vec<Named> = match &entry.value {
            Value::Text(_) => vec![named(entry)],
            Value::Map(_) => texts(entry.get("path")).into_iter().map(named).collect(),
            _ => Vec::new(),
        };
        if files.is_empty() && !entry.is_null() && entry.as_map().is_none() {
            let message = entry.must_be("a path or a mapping");
            reading.problem(entry.spot, path, message);
        }
        for key in ["path", "env_file"] {
            check_texts(reading, entry.get(key), &format!("{path}.{key}"));
        }
        if let Some(own) = entry.get("project_directory")
            && !matches!(own.value, Value::Text(_) | Value::Int(_) | Value::Null)
        {
            let message = own.must_be("a path");
            reading.problem(own.spot, format!("{path}.project_directory"), message);
        }
        let first = files.first()?;
        let own_directory = match entry.get("project_directory").and_then(Node::to_go_text) {
            Some(own) => path::join(directory, &own),
            None => first.path.parent().unwrap_or(Path::new("/")).to_owned(),
        };
        let is_there = own_directory == directory || reading.files.is_directory(&own_directory);
        let env_files = entry.get("env_file").map(|node| texts(Some(node)).into_iter().map(named).collect());
        Some(Include { files, directory: own_directory, is_there, env_files })
    }

    /// What relative paths are relative to. As in Compose, the parent takes the place of a folder that does not
    /// exist.
    fn base(&self) -> &Path {
        if self.is_there { &self.directory } else { self.directory.parent().unwrap_or(&self.directory) }
    }

    fn load(
        &self,
        reading: &mut Reading<'_>,
        scope: &Scope<'_>,
        including: &[PathBuf],
    ) -> Result<Node, Stopped> {
        let env_files = match &self.env_files {
            Some(files) => files.clone(),
            None => {
                let own = self.directory.join(".env");
                let by = self.files.first().and_then(|file| file.by.clone());
                if reading.files.is_file(&own) { vec![Named { path: own, by }] } else { Vec::new() }
            }
        };
        let mut variables = scope.variables.clone();
        files::add_env_files(reading, &mut variables, &env_files)?;
        let inner = Scope { directory: self.base(), variables: &variables, including };
        let source = |file: &Named| Source { file: file.clone(), documents: None };
        let mut sources: Vec<Source> = self.files.iter().map(source).collect();
        let mut document = load(reading, &mut sources, &inner)?;
        files::resolve(&mut document, &variables);
        Ok(document)
    }
}

/// Reports a value that is neither a path nor a list of paths.
fn check_texts(reading: &mut Reading<'_>, node: Option<&Node>, path: &str) {
    let Some(node) = node else { return };
    let wrong = match &node.value {
        Value::Text(_) | Value::Null => None,
        Value::List(items) => items.iter().find(|item| item.as_text().is_none()),
        _ => Some(node),
    };
    if let Some(wrong) = wrong {
        let message = wrong.must_be("a path or a list of paths");
        reading.problem(wrong.spot, path, message);
    }
}

fn texts(node: Option<&Node>) -> Vec<&Node> {
    match node.map(|node| (&node.value, node)) {
        Some((Value::Text(_), node)) => vec![node],
        Some((Value::List(list), _)) => list.iter().filter(|item| item.as_text().is_some()).collect(),
        _ => Vec::new(),
    }
}

fn check_cycle(
    reading: &mut Reading<'_>,
    include: &Include,
    including: &[PathBuf],
    path: &str,
) -> Result<(), Stopped> {
    let Some(first) = include.files.first() else { return Ok(()) };
    let Some(start) = including.iter().position(|file| *file == first.path) else { return Ok(()) };
    let mut steps: Vec<String> = including[start..].iter().map(|file| reading.shown(file)).collect();
    steps.push(reading.shown(&first.path));
    let message = format!("files include each other in a circle: {}", steps.join(" -> "));
    match &first.by {
        Some((node, _)) => drop(reading.value_problem(node, path, message)),
        None => drop(reading.problem_without_place(message)),
    }
    Err(Stopped)
}

/// Adds the resources of an included document; a name defined on both sides is an error unless the definitions are
/// equal.
fn import(reading: &mut Reading<'_>, included: Node, layer: &mut Node, path: &str) {
    let spot = layer.spot;
    let Value::Map(sections) = included.value else { return };
    for (section, resources) in sections {
        if !matches!(section.as_str(), "services" | "volumes" | "networks" | "secrets" | "configs" | "models")
        {
            continue;
        }
        let (Value::Map(resources), Some(layer)) = (resources.value, layer.as_map_mut()) else { continue };
        let own = layer.entry(section.clone()).or_insert_with(|| Node::empty_map(spot));
        if own.is_null() {
            own.value = Value::Map(Map::new());
        }
        let Some(own) = own.as_map_mut() else { continue };
        for (name, resource) in resources {
            match own.get(&name) {
                Some(known) if known.same(&resource) => {}
                Some(known) => {
                    let spot = known.entry_spot();
                    let other = reading.sources.place(resource.entry_spot());
                    let place = other.map_or(String::new(), |place| format!(" at {place}"));
                    let message = format!("is defined here and, differently, by {path}{place}");
                    reading.problem(spot, format!("{section}.{name}"), message).hint =
                        Some("change an included service in an override file".to_owned());
                }
                None => {
                    own.insert(name, resource);
                }
            }
        }
    }
}
