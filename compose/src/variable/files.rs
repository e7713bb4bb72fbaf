//! Environment files: `.env` for interpolation, `env_file` and `label_file` for services.

use std::collections::HashMap;
use std::sync::Arc;

use super::dotenv::{self, Assignment, Assignments, DotenvError};
use super::interpolate::Tracked;
use super::{Variable, Variables};
use crate::reading::{Named, Reading, Stopped};
use crate::tree::forms::pairs;
use crate::tree::{Map, Node, Spot, Value};

/// Adds the variables of environment files: later files win over earlier ones, and known variables over both.
pub(crate) fn add_env_files(
    reading: &mut Reading<'_>,
    variables: &mut Variables,
    files: &[Named],
) -> Result<(), Stopped> {
    let mut assigned = Assignments::default();
    for file in files {
        let index = file.read(reading)?;
        assigned.begin(index);
        let text = reading.sources.text(index).to_owned();
        let spot = Spot { file: index, line: 1, column: 1 };
        let parsed = dotenv::parse(&text, &mut assigned, &mut Tracked::new(reading, variables, spot));
        parsed.map_err(|error| dotenv_problem(reading, index, error))?;
    }
    let mut origins: HashMap<u32, Arc<str>> = HashMap::new();
    variables.add_layer(assigned.values.into_iter().map(|(name, Assignment { value, file, .. })| {
        let origin = origins.entry(file).or_insert_with(|| reading.sources.name(file).into()).clone();
        (name, Variable { value, origin })
    }));
    Ok(())
}

fn dotenv_problem(reading: &mut Reading<'_>, file: u32, error: DotenvError) -> Stopped {
    let line = u32::try_from(error.line).unwrap_or(u32::MAX);
    let message = reading.secrets.hide(&error.message);
    let problem = reading.problem(Spot { file, line, column: 1 }, "", message);
    if problem.message.contains("variable name") {
        problem.hint = Some("write NAME=VALUE, and a value of several lines in quotes".to_owned());
    }
    // The line holds a value, which may be a secret.
    problem.line = None;
    Stopped
}

/// Fills in list entries of `environment` that are a name alone, such as `environment: [HOME]`.
pub(crate) fn resolve(document: &mut Node, variables: &Variables) {
    for (_, service) in document.entries_mut("services") {
        let entries = service.get_mut("environment").and_then(Node::as_list_mut);
        for entry in entries.into_iter().flatten() {
            if let Value::Text(text) = &mut entry.value
                && let Some(value) = variables.value(text)
            {
                *text = format!("{text}={value}");
            }
        }
    }
}

/// Reads the files that the active services name. Those of inactive services need not exist.
pub(crate) fn add_files_of_services(reading: &mut Reading<'_>, tree: &mut Node, variables: &Variables) {
    for (name, service) in tree.entries_mut("services") {
        // One missing file does not hide what else is wrong.
        let _ = add_env_files_of(reading, service, name, variables);
        let _ = add_label_files_of(reading, service, name);
    }
}

/// Adds the variables of a service's `env_file`s to its `environment`, which takes precedence.
fn add_env_files_of(
    reading: &mut Reading<'_>,
    service: &mut Node,
    name: &str,
    variables: &Variables,
) -> Result<(), Stopped> {
    let files = service.items("env_file").to_vec();
    if files.is_empty() {
        return Ok(());
    }
    let own = service.get("environment").and_then(Node::as_map).cloned().unwrap_or_default();
    // Inside values, variables from outside win, then those of `environment`.
    let mut outer = variables.clone();
    let texts = own.iter().filter_map(|(name, node)| Some((name.clone(), node.as_text()?.to_owned())));
    outer.add_missing(texts, "`environment`");
    let mut assigned = Assignments::default();
    for (index, file) in files.iter().enumerate() {
        let path = format!("services.{name}.env_file[{index}]");
        read_service_file(reading, file, &path, &outer, &mut assigned)?;
    }
    let mut from_files = nodes(assigned);
    from_files.extend(own);
    let spot = service.get("env_file").map_or(service.spot, |node| node.spot);
    if let Some(map) = service.as_map_mut() {
        let node = map.entry("environment".to_owned()).or_insert_with(|| Node::empty_map(spot));
        node.value = Value::Map(from_files);
    }
    Ok(())
}

/// Adds the labels of a service's `label_file`s to its `labels`, which take precedence.
fn add_label_files_of(reading: &mut Reading<'_>, service: &mut Node, name: &str) -> Result<(), Stopped> {
    let files = service.items("label_file").to_vec();
    if files.is_empty() {
        return Ok(());
    }
    // Labels can refer to labels of earlier files, but not to variables.
    let mut outer = Variables::default();
    let mut assigned = Assignments::default();
    for (index, file) in files.iter().enumerate() {
        let path = format!("services.{name}.label_file[{index}]");
        read_service_file(reading, file, &path, &outer, &mut assigned)?;
        for (label, assignment) in &assigned.values {
            outer.set(label, &assignment.value, "a label file");
        }
    }
    let mut labels = nodes(assigned);
    labels.extend(service.get("labels").map(pairs).unwrap_or_default());
    let spot = service.get("label_file").map_or(service.spot, |node| node.spot);
    if let Some(map) = service.as_map_mut() {
        let node = map.entry("labels".to_owned()).or_insert_with(|| Node::empty_map(spot));
        node.value = Value::Map(labels);
    }
    Ok(())
}

/// The assignments as nodes, each with its place in its file.
fn nodes(assigned: Assignments) -> Map {
    let node = |assignment: Assignment| {
        let line = u32::try_from(assignment.line).unwrap_or(u32::MAX);
        Node::new(Value::Text(assignment.value), Spot { file: assignment.file, line, column: 1 })
    };
    assigned.values.into_iter().map(|(name, assignment)| (name, node(assignment))).collect()
}

fn read_service_file(
    reading: &mut Reading<'_>,
    file: &Node,
    path: &str,
    outer: &Variables,
    assigned: &mut Assignments,
) -> Result<(), Stopped> {
    let Some(node) = file.get("path").or(Some(file)).filter(|node| node.as_text().is_some()) else {
        return Ok(());
    };
    let location = std::path::PathBuf::from(node.as_text().unwrap_or_default());
    let index = match reading.read_text(&location) {
        Ok(index) => index,
        Err(error) if error.is_missing() && file.get("required").and_then(Node::as_bool) == Some(false) => {
            return Ok(());
        }
        Err(error) => {
            let message = format!("can't read {}: {}", reading.shown(&location), error.reason());
            let missing = error.is_missing();
            let problem = reading.value_problem(node, path, message);
            problem.hint = error.hint().map(str::to_owned);
            if missing && path.contains(".env_file[") {
                problem.hint = Some("`required: false` beside `path:` makes the file optional".to_owned());
            }
            return Err(Stopped);
        }
    };
    let raw = match file.text_at("format") {
        None | Some("") => false,
        Some("raw") => true,
        Some(other) => {
            let message = format!("`{other}` is not a valid environment file format");
            let spot = file.get("format").map_or(file.spot, |node| node.spot);
            reading.problem(spot, path, message).hint = Some("leave it out, or write `raw`".to_owned());
            return Err(Stopped);
        }
    };
    let text = reading.sources.text(index).to_owned();
    assigned.begin(index);
    let spot = Spot { file: index, line: 1, column: 1 };
    let mut lookup = Tracked::new(reading, outer, spot);
    let parse = if raw { dotenv::parse_raw } else { dotenv::parse };
    parse(&text, assigned, &mut lookup).map_err(|error| dotenv_problem(reading, index, error))
}
