//! The project that a set of compose files describes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::decode;
use super::model::{FileSource, Network, Service, Volume};
use super::redact::redact;
use crate::discover::Found;
use crate::print::output;
use crate::reading::{Place, Problem, Reading, Sources, Warning};
use crate::secret::Secrets;
use crate::tree::{Node, Spot, Value};
use crate::variable::Variables;

/// A compose project, checked and complete.
///
/// ```
/// # use std::{io, path::{Path, PathBuf}};
/// # struct OneFile;
/// # impl greenroom_compose::Files for OneFile {
/// #     fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
/// #         Ok(b"services: {db: {image: \"postgres:17\", ports: [\"5433:5432\"]}}".to_vec())
/// #     }
/// #     fn is_file(&self, path: &Path) -> bool { path == Path::new("/shop/compose.yaml") }
/// # }
/// use greenroom_compose::Request;
///
/// let request = Request::in_directory("/shop");
/// let project = greenroom_compose::read(&request, &OneFile)?;
/// assert_eq!(project.name, "shop");
/// assert_eq!(project.services["db"].ports[0].target, 5432);
/// assert_eq!(project.place("services.db.ports[0]").unwrap().to_string(), "compose.yaml:1:47");
/// # Ok::<(), greenroom_compose::Problems>(())
/// ```
#[derive(Clone)]
pub struct Project {
    /// The project's name (Compose specification, "Version and name top-level elements").
    pub name: String,
    /// The project's folder, to which relative paths are relative; absolute.
    pub directory: PathBuf,
    /// The compose files, in the order in which they were merged; absolute.
    pub files: Vec<PathBuf>,
    /// The environment files that were used for interpolation; absolute.
    pub env_files: Vec<PathBuf>,
    /// The active services.
    pub services: BTreeMap<String, Service>,
    /// The networks that active services use, `default` among them if one does.
    pub networks: BTreeMap<String, Network>,
    /// The volumes that active services use.
    pub volumes: BTreeMap<String, Volume>,
    /// The secrets that active services use: where their content comes from.
    pub secret_sources: BTreeMap<String, FileSource>,
    /// The configs that active services use: where their content comes from.
    pub config_sources: BTreeMap<String, FileSource>,
    /// Warnings, in the order in which they were found.
    pub warnings: Vec<Warning>,
    /// The values that must not be printed.
    pub secrets: Secrets,
    document: Json,
    tree: Node,
    sources: Sources,
    variables: Variables,
}

/// Whether secret values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// All values are shown.
    Shown,
    /// Secrets are replaced by `***`.
    Redacted,
}

impl Project {
    /// The canonical document: every short form in its long form, defaults filled in, paths absolute.
    #[must_use]
    pub fn document(&self) -> &Json {
        &self.document
    }

    /// The canonical document as `docker compose config --format json` prints it: every `$` is doubled, so that
    /// the output is itself a compose file.
    #[must_use]
    pub fn to_json(&self, values: Values) -> String {
        let mut document = self.shown(values);
        output::to_json_form(&mut document);
        let text = serde_json::to_string_pretty(&document).unwrap_or_default();
        output::escape_for_yaml(text).replace('$', "$$") + "\n"
    }

    /// The canonical document as `docker compose config` prints it, in YAML.
    #[must_use]
    pub fn to_yaml(&self, values: Values) -> String {
        let mut document = self.shown(values);
        output::to_yaml_form(&mut document);
        output::write_yaml(document).replace('$', "$$")
    }

    fn shown(&self, values: Values) -> Json {
        let mut document = self.document.clone();
        if values == Values::Redacted {
            redact(&mut document, "", &self.secrets);
        }
        document
    }

    /// The place of the value at a path of the document, such as `services.web.ports[0]`. For a value that is not
    /// written in a file, the place of the closest value around it.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<Place> {
        self.sources.place(find(&self.tree, path))
    }

    /// A problem with the value at a path of the document, without secrets.
    #[must_use]
    pub fn problem(&self, path: &str, message: &str) -> Problem {
        let place = self.place(path);
        let line = place.as_ref().and_then(|place| self.line(place)).map(|line| self.secrets.hide(line));
        Problem { place, path: path.to_owned(), message: self.secrets.hide(message), hint: None, line }
    }

    /// The value of a variable as interpolation saw it, such as the content of a secret with `environment:`.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.value(name)
    }

    /// The text of the line at a place of this project.
    #[must_use]
    pub fn line(&self, place: &Place) -> Option<&str> {
        self.sources.line_at(place)
    }
}

/// Leaves out the document, which can hold secrets.
impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
        f.debug_struct("Project")
            .field("name", &self.name)
            .field("directory", &self.directory)
            .field("files", &self.files)
            .field("services", &names(self.services.keys().collect()))
            .field("volumes", &names(self.volumes.keys().collect()))
            .finish_non_exhaustive()
    }
}

/// Follows a path as far as the tree goes. A key may itself contain dots, so the longest match is taken.
fn find(node: &Node, path: &str) -> Spot {
    let path = path.strip_prefix('.').unwrap_or(path);
    match &node.value {
        Value::Map(map) => {
            let fits = |key: &&String| {
                path.strip_prefix(key.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            match map.keys().filter(fits).max_by_key(|key| key.len()) {
                Some(key) => find(&map[key], &path[key.len()..]),
                None => node.spot,
            }
        }
        Value::List(list) => {
            let inside = path.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            match inside.and_then(|(index, rest)| Some((list.get(index.parse::<usize>().ok()?)?, rest))) {
                Some((item, rest)) => find(item, rest),
                None => node.spot,
            }
        }
        _ => node.spot,
    }
}

/// The project of a tree that all stages have passed.
pub(crate) fn project(
    reading: &mut Reading<'_>,
    name: String,
    found: Found,
    tree: Node,
    document: Json,
) -> Project {
    let empty = Node::empty_map(tree.spot);
    let node = |kind: &str, name: &str| tree.get(kind).and_then(|entries| entries.get(name));
    let entries = |kind: &str| document[kind].as_object().into_iter().flatten();
    let services = entries("services")
        .map(|(name, json)| {
            let node = node("services", name).unwrap_or(&empty);
            (name.clone(), decode::service(name, json, node))
        })
        .collect();
    let networks = entries("networks")
        .map(|(name, json)| (name.clone(), decode::network(json, node("networks", name))))
        .collect();
    Project {
        name,
        directory: found.directory,
        files: found.files.into_iter().map(|file| file.file.path).collect(),
        env_files: found.env_files,
        services,
        networks,
        volumes: entries("volumes").map(|(name, json)| (name.clone(), decode::volume(json))).collect(),
        secret_sources: entries("secrets")
            .map(|(name, json)| (name.clone(), decode::file_source(json)))
            .collect(),
        config_sources: entries("configs")
            .map(|(name, json)| (name.clone(), decode::file_source(json)))
            .collect(),
        warnings: std::mem::take(&mut reading.warnings),
        secrets: reading.secrets.clone(),
        tree,
        sources: std::mem::take(&mut reading.sources),
        variables: found.variables,
        document,
    }
}
