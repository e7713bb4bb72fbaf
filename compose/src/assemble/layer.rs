//! One document of one file, before it is merged: read, interpolated, cast, and brought to its long form.
//!
//! It brings in no other file.

use super::unique;
use crate::canonical::canonical;
use crate::parse::parse;
use crate::reading::{Hidden, Named, Problem, Reading, Stopped};
use crate::schema::cast::cast;
use crate::schema::project::PROJECT;
use crate::tree::{MergeTag, Node, Trail, Value};
use crate::variable::Variables;
use crate::variable::interpolate::interpolate;

/// The documents of a file, as they are written.
pub(crate) fn read_documents(reading: &mut Reading<'_>, file: &Named) -> Result<Vec<Node>, Stopped> {
    let index = file.read_yaml(reading)?;
    let documents = parse(reading, index)?;
    for document in &documents {
        if document.as_map().is_none() {
            let message = match document.value {
                Value::Null => "the document is empty".to_owned(),
                _ => format!("a compose file {}", document.must_be("a mapping")),
            };
            reading.problem(document.spot, "", message);
        }
    }
    reading.checked()?;
    Ok(documents)
}

/// Interpolates and casts a document, and checks the types that the next stages rely on.
pub(crate) fn prepare(
    reading: &mut Reading<'_>,
    layer: &mut Node,
    variables: &Variables,
) -> Result<(), Stopped> {
    let before = reading.problems.len();
    interpolate(reading, layer, variables, &Trail::ROOT);
    // Without its profiles, nobody knows whether a service is active, and what is said of it may be wrong.
    let no_profiles = |problem: &Problem| problem.path.contains(".profiles");
    let is_blind = reading.problems[before..].iter().any(no_profiles);
    reading.go_on(Hidden::AtPlace)?;
    cast(reading, layer, &PROJECT, &Trail::ROOT);
    let before = reading.problems.len();
    for (section, node) in layer.as_map().into_iter().flatten() {
        let is_section =
            ["services", "networks", "volumes", "configs", "secrets", "models"].contains(&section.as_str());
        if is_section && node.as_map().is_none() && node.tag != Some(MergeTag::Reset) {
            let message = node.must_be("a mapping");
            reading.problem(node.entry_spot(), section, message);
        }
    }
    for (name, service) in layer.entries("services") {
        if service.as_map().is_none() && !service.is_null() && service.tag != Some(MergeTag::Reset) {
            let message = service.must_be("a mapping");
            reading.problem(service.entry_spot(), format!("services.{name}"), message);
        }
    }
    if is_blind { Err(Stopped) } else { reading.checked_since(before) }
}

/// Brings short forms to long forms, and removes repeated entries again: expanding a range of ports may create some.
pub(crate) fn canonicalise(reading: &mut Reading<'_>, document: &mut Node) {
    canonical(reading, document);
    unique::keep_last(reading, document, &Trail::ROOT);
}
