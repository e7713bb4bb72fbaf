//! Files to one document: each is parsed, interpolated, extended, checked and laid over the ones before it.

use std::path::{Path, PathBuf};

use super::keys::PROJECT;
use super::node::{MergeTag, Node, Spot, Value};
use super::reading::{Reading, Stopped};
use super::trail::Trail;
use super::variables::Variables;
use super::{canonical, cast, check, defaults, extends, include, interpolate, merge, parse, paths, unique};

/// How many documents are merged into one. Each makes the whole of those before it be checked again.
const MOST_DOCUMENTS: usize = 50;

/// What a set of files is read with.
pub(crate) struct Scope<'a> {
    /// What relative paths are relative to; absolute.
    pub(crate) directory: &'a Path,
    pub(crate) variables: &'a Variables,
    /// The files that lead here by `include`, for telling cycles.
    pub(crate) including: &'a [PathBuf],
}

/// The canonical document of several files, the later over the earlier, with absolute paths.
pub(crate) fn load(
    reading: &mut Reading<'_>,
    sources: &mut [Source],
    scope: &Scope<'_>,
) -> Result<Node, Stopped> {
    let mut document: Option<Node> = None;
    let mut merged = 0;
    for source in sources.iter_mut() {
        let layers = match source.documents.take() {
            Some(documents) => documents,
            None => read_documents(reading, &source.file)?,
        };
        merged += layers.len();
        if merged > MOST_DOCUMENTS {
            let message = format!("more than {MOST_DOCUMENTS} documents would be merged");
            reading.problem(layers.first().map_or(Spot::default(), |layer| layer.spot), "", message);
            return Err(Stopped);
        }
        for layer in layers {
            document = Some(add_layer(reading, document, layer, &source.file.path, scope)?);
        }
    }
    let is_empty = |document: &Node| document.as_map().is_none_or(|map| map.is_empty());
    let Some(mut document) = document.filter(|document| !is_empty(document)) else {
        let last = sources.last().map(|source| source.file.path.clone()).unwrap_or_default();
        let spot = reading.sources.beginning(&last, &reading.working_dir).unwrap_or_default();
        let text = reading.sources.text(spot.file);
        let message = if text.trim().is_empty() { "the file is empty" } else { "the file defines nothing" };
        reading.problem(spot, "", message).hint =
            Some("a compose file has at least `services: {}`".to_owned());
        return Err(Stopped);
    };
    defaults::fill(&mut document);
    check_resources(reading, &document);
    paths::resolve(reading, &mut document, scope.directory);
    reading.checked()?;
    Ok(document)
}

/// A file, and who named it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) path: PathBuf,
    /// The node that names it, and its path in the document; `None` when the user did.
    pub(crate) by: Option<(Node, String)>,
}

/// A file that takes part, and its documents if they are parsed already.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: Named,
    pub(crate) documents: Option<Vec<Node>>,
}

impl Named {
    pub(crate) fn by_user(path: PathBuf) -> Named {
        Named { path, by: None }
    }

    /// Reads the file; who named it is told when it can't be. Gives its number among the sources.
    pub(crate) fn read(&self, reading: &mut Reading<'_>) -> Result<u32, Stopped> {
        reading.read_text(&self.path).map_err(|error| {
            let message = format!("can't read {}: {}", reading.shown(&self.path), error.reason());
            match &self.by {
                Some((node, path)) => drop(reading.value_problem(node, path, message)),
                None => drop(reading.problem_without_place(message)),
            }
            Stopped
        })
    }
}

/// The documents of a file, as they are written.
pub(crate) fn read_documents(reading: &mut Reading<'_>, file: &Named) -> Result<Vec<Node>, Stopped> {
    let index = file.read(reading)?;
    let documents = parse::parse(reading, index)?;
    for document in &documents {
        if document.as_map().is_none() {
            let message = match document.value {
                Value::Null => "the document is empty".to_owned(),
                _ => format!("a compose file is a mapping, and this is {}", document.type_name()),
            };
            reading.problem(document.spot, "", message);
        }
    }
    reading.checked()?;
    Ok(documents)
}

fn add_layer(
    reading: &mut Reading<'_>,
    base: Option<Node>,
    mut layer: Node,
    file: &Path,
    scope: &Scope<'_>,
) -> Result<Node, Stopped> {
    prepare(reading, &mut layer, scope.variables)?;
    extends::apply(reading, &mut layer, file, scope)?;
    let mut base = base;
    merge::apply_tags(base.as_mut(), &mut layer);
    include::apply(reading, &mut layer, file, scope)?;
    finish(reading, base, layer)
}

/// Interpolation and casts: what needs no other file.
pub(crate) fn prepare(
    reading: &mut Reading<'_>,
    layer: &mut Node,
    variables: &Variables,
) -> Result<(), Stopped> {
    interpolate::interpolate(reading, layer, variables, &Trail::ROOT);
    cast::cast(reading, layer, &PROJECT, &Trail::ROOT);
    for (section, node) in layer.as_map().into_iter().flatten() {
        let is_section =
            ["services", "networks", "volumes", "configs", "secrets", "models"].contains(&section.as_str());
        if is_section && node.as_map().is_none() && node.tag != Some(MergeTag::Reset) {
            let message = format!("must be a mapping, and is {}", node.type_name());
            reading.problem(node.entry_spot(), section, message);
        }
    }
    for (name, service) in layer.entries("services") {
        if service.as_map().is_none() && !service.is_null() && service.tag != Some(MergeTag::Reset) {
            let message = format!("must be a mapping, and is {}", service.type_name());
            reading.problem(service.entry_spot(), format!("services.{name}"), message);
        }
    }
    reading.checked()
}

fn finish(reading: &mut Reading<'_>, base: Option<Node>, layer: Node) -> Result<Node, Stopped> {
    let mut document = match base {
        Some(base) => merge::merge(reading, base, layer, &Trail::ROOT),
        None => layer,
    };
    reading.checked()?;
    unique::keep_last(reading, &mut document, &Trail::ROOT);
    check::check(reading, &document, &PROJECT, &Trail::ROOT);
    reading.checked()?;
    if let Some(version) = document.as_map_mut().and_then(|map| map.shift_remove("version")) {
        let message = "`version` is obsolete: it is ignored and can be removed".to_owned();
        reading.warn(Some(version.entry_spot()), message);
    }
    canonicalise(reading, &mut document)?;
    Ok(document)
}

/// Long forms, and again one entry for each thing: a range of ports may show repetitions.
pub(crate) fn canonicalise(reading: &mut Reading<'_>, document: &mut Node) -> Result<(), Stopped> {
    canonical::canonical(reading, document);
    unique::keep_last(reading, document, &Trail::ROOT);
    reading.checked()
}

/// What the specification says of top-level resources beyond the types of their keys.
fn check_resources(reading: &mut Reading<'_>, document: &Node) {
    for (name, volume) in document.entries("volumes") {
        if volume.get("external").and_then(Node::as_bool) != Some(true) {
            continue;
        }
        for (key, value) in volume.as_map().into_iter().flatten() {
            if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
                let message = format!("an external volume can't have `{key}`: it is not made here");
                reading.problem(value.entry_spot(), format!("volumes.{name}"), message);
            }
        }
    }
    for (kind, keys) in
        [("configs", &["file", "environment", "content"][..]), ("secrets", &["file", "environment"][..])]
    {
        for (name, resource) in document.entries(kind) {
            check_source(reading, resource, &format!("{kind}.{name}"), keys);
        }
    }
}

/// For a config a driver is enough, or any word about `external`.
fn is_made_elsewhere(resource: &Node, path: &str) -> bool {
    let external = resource.get("external");
    if path.starts_with("secrets.") {
        external.and_then(Node::as_bool) == Some(true)
    } else {
        external.is_some() || resource.get("driver").is_some()
    }
}

fn check_source(reading: &mut Reading<'_>, resource: &Node, path: &str, keys: &[&str]) {
    let given: Vec<&str> = keys.iter().copied().filter(|key| resource.get(key).is_some()).collect();
    let all = check::list(keys.iter().copied());
    // Of a config, an empty name is one.
    let names_nothing = path.starts_with("secrets.")
        && given == ["environment"]
        && resource.text_at("environment") == Some("");
    if given.len() > 1 {
        let message = format!("only one of {all} can be given");
        reading.problem(resource.entry_spot(), path, message);
    } else if (given.is_empty() || names_nothing) && !is_made_elsewhere(resource, path) {
        let message = format!("has no content: one of {all} is needed");
        reading.problem(resource.entry_spot(), path, message).hint =
            Some("or `external: true`, if it is made elsewhere".to_owned());
    }
}
