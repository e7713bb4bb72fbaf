//! Loads a set of files: each document is prepared, extended, merged over the ones before it, and checked.
//!
//! It does not find the files, and does not fill in what depends on the whole project.

use std::path::Path;

use super::{Scope, extends, include, layer, merge, unique};
use crate::canonical::{defaults, paths};
use crate::reading::{Hidden, Reading, Source, Stopped};
use crate::schema::check::check;
use crate::schema::project::PROJECT;
use crate::schema::resources;
use crate::tree::{Node, Spot, Trail};

/// How many documents may be merged into one. Each one causes everything before it to be checked again.
const MOST_DOCUMENTS: usize = 50;

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
            None => layer::read_documents(reading, &source.file)?,
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
        reading.problem(spot, "", message).hint = Some("write at least `services: {}`".to_owned());
        return Err(Stopped);
    };
    defaults::fill(&mut document);
    reading.go_on(Hidden::AtPlaceOrPath)?;
    resources::check(reading, &document);
    paths::resolve(reading, &mut document, scope.directory);
    Ok(document)
}

fn add_layer(
    reading: &mut Reading<'_>,
    base: Option<Node>,
    mut layer: Node,
    file: &Path,
    scope: &Scope<'_>,
) -> Result<Node, Stopped> {
    layer::prepare(reading, &mut layer, scope.variables)?;
    extends::apply(reading, &mut layer, file, scope)?;
    let mut base = base;
    merge::apply_tags(base.as_mut(), &mut layer);
    include::apply(reading, &mut layer, file, scope)?;
    finish(reading, base, layer)
}

fn finish(reading: &mut Reading<'_>, base: Option<Node>, layer: Node) -> Result<Node, Stopped> {
    reading.go_on(Hidden::AtPlace)?;
    let before = reading.problems.len();
    let mut document = match base {
        Some(base) => merge::merge(reading, base, layer, &Trail::ROOT),
        None => layer,
    };
    reading.checked_since(before)?;
    unique::keep_last(reading, &mut document, &Trail::ROOT);
    check(reading, &document, &PROJECT, &Trail::ROOT);
    reading.go_on(Hidden::AtPlaceOrPath)?;
    if let Some(version) = document.as_map_mut().and_then(|map| map.shift_remove("version")) {
        let message = "`version` is obsolete: it is ignored and can be removed".to_owned();
        reading.warn(Some(version.entry_spot()), message);
    }
    layer::canonicalise(reading, &mut document);
    reading.go_on(Hidden::AtPlaceOrPath)?;
    Ok(document)
}
