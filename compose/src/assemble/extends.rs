//! `extends`: a service that starts as a copy of another (Compose specification, "extends").
//!
//! The base is not checked on its own: only the merged service is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Scope, layer, merge};
use crate::canonical::paths;
use crate::reading::{Named, Reading, Stopped};
use crate::text::names::{list, nearest};
use crate::text::path;
use crate::tree::{Map, MergeTag, Node, Spot, Trail};

/// Longer than any real chain of services; it limits the recursion below.
const LONGEST_CHAIN: usize = 64;

/// Extends every service of one file, before the file is merged with others.
pub(crate) fn apply(
    reading: &mut Reading<'_>,
    layer: &mut Node,
    file: &Path,
    scope: &Scope<'_>,
) -> Result<(), Stopped> {
    let Some(services) = layer.get("services").and_then(Node::as_map) else { return Ok(()) };
    if !services.values().any(|service| service.get("extends").is_some()) {
        return Ok(());
    }
    let mut resolved = Map::with_capacity(services.len());
    let mut documents = HashMap::new();
    let mut circles = Vec::new();
    let mut done = Ok(());
    for (name, service) in services {
        let mut chain =
            Chain { scope, services: Vec::new(), documents: &mut documents, circles: &mut circles };
        let here = Services { file, services };
        match chain.extend(reading, name, &here) {
            Ok(mut extended) => {
                extended.key = service.key;
                resolved.insert(name.clone(), extended);
            }
            // The other services may have problems of their own.
            Err(stopped) if reading.is_spent() || reading.is_full() => return Err(stopped),
            Err(stopped) => done = Err(stopped),
        }
    }
    done?;
    if let Some(services) = layer.get_mut("services").and_then(Node::as_map_mut) {
        *services = resolved;
    }
    Ok(())
}

/// The services of one file.
struct Services<'a> {
    file: &'a Path,
    services: &'a Map,
}

/// How a service was reached: each step is a file and a service in it.
struct Chain<'a> {
    scope: &'a Scope<'a>,
    services: Vec<(PathBuf, String)>,
    /// The other files read so far, because many services may extend services of one file.
    documents: &'a mut HashMap<PathBuf, Rc<Node>>,
    /// The services in a circle that was reported already: each of them would lead to the same one.
    circles: &'a mut Vec<(PathBuf, String)>,
}

impl Chain<'_> {
    /// The service `name`, merged over everything it extends.
    fn extend(
        &mut self,
        reading: &mut Reading<'_>,
        name: &str,
        here: &Services<'_>,
    ) -> Result<Node, Stopped> {
        let Some(service) = here.services.get(name) else { return Err(Stopped) };
        let Some(extends) = unless_reset(service, "extends") else { return Ok(service.clone()) };
        let path = format!("services.{name}.extends");
        let Some((base_name, base_node)) = base_of(reading, extends, &path) else { return Err(Stopped) };
        self.enter(reading, name, here, extends, &path)?;
        let mut base = match unless_reset(extends, "file").filter(|file| !file.is_null()) {
            Some(file) => self.base_of_other_file(reading, &base_name, file, &path)?,
            None if has(here.services, &base_name) => self.extend(reading, &base_name, here)?,
            None => return Err(unknown_base(reading, &base_name, base_node, here, &path)),
        };
        self.services.pop();
        if base.is_null() {
            // Compose leaves such an `extends` where it is, and prints it.
            return Ok(service.clone());
        }
        reading.spend(base.weight(), extends.entry_spot(), &path)?;
        // A value that the base resets does not exist.
        merge::apply_tags(None, &mut base);
        let mut service = service.clone();
        if let Some(map) = service.as_map_mut() {
            map.shift_remove("extends");
        }
        merge::apply_tags(Some(&mut base), &mut service);
        let trail = Trail::ROOT;
        let trail = trail.key("services");
        reading.note_extends(name, extends.entry_spot());
        let before = reading.problems.len();
        let mut merged = merge::merge(reading, base, service, &trail.key(name));
        reading.checked_since(before)?;
        if let Some(map) = merged.as_map_mut() {
            map.shift_remove("extends");
        }
        Ok(merged)
    }

    fn enter(
        &mut self,
        reading: &mut Reading<'_>,
        name: &str,
        here: &Services<'_>,
        extends: &Node,
        path: &str,
    ) -> Result<(), Stopped> {
        let step = (here.file.to_owned(), name.to_owned());
        if self.services.len() >= LONGEST_CHAIN {
            let message = format!("`extends` is nested more than {LONGEST_CHAIN} levels deep");
            reading.problem(extends.entry_spot(), path, message);
            return Err(Stopped);
        }
        if let Some(start) = self.services.iter().position(|known| *known == step) {
            if self.circles.contains(&step) {
                return Err(Stopped);
            }
            self.circles.extend_from_slice(&self.services[start..]);
            let mut steps: Vec<String> =
                self.services[start..].iter().map(|step| self.show(reading, step)).collect();
            steps.push(self.show(reading, &step));
            let message = format!("services extend each other in a circle: {}", steps.join(" -> "));
            reading.problem(extends.entry_spot(), path, message);
            return Err(Stopped);
        }
        self.services.push(step);
        Ok(())
    }

    /// Names the file as well if the chain spans several.
    fn show(&self, reading: &Reading<'_>, (file, service): &(PathBuf, String)) -> String {
        if self.services.iter().all(|(other, _)| other == file) {
            service.clone()
        } else {
            format!("{service} ({})", reading.shown(file))
        }
    }

    fn base_of_other_file(
        &mut self,
        reading: &mut Reading<'_>,
        base_name: &str,
        file: &Node,
        path: &str,
    ) -> Result<Node, Stopped> {
        let Some(file_name) = file.as_text() else {
            reading.problem(file.spot, format!("{path}.file"), "must be a string");
            return Err(Stopped);
        };
        let other = path::join(self.scope.directory, file_name);
        let directory = other.parent().unwrap_or(Path::new("/")).to_owned();
        let document = match self.documents.get(&other) {
            Some(document) => Rc::clone(document),
            None => {
                let named = Named { path: other.clone(), by: Some((file.clone(), format!("{path}.file"))) };
                let document = Rc::new(self.document(reading, &named, &directory)?);
                self.documents.insert(other.clone(), Rc::clone(&document));
                document
            }
        };
        let empty = Map::new();
        let services = document.get("services").and_then(Node::as_map).unwrap_or(&empty);
        let there = Services { file: &other, services };
        if !has(services, base_name) {
            return Err(unknown_base(reading, base_name, file, &there, path));
        }
        self.extend(reading, base_name, &there)
    }

    /// Reads another file as far as its services are needed.
    fn document(&self, reading: &mut Reading<'_>, named: &Named, directory: &Path) -> Result<Node, Stopped> {
        let mut document: Option<Node> = None;
        for mut layer in layer::read_documents(reading, named)? {
            layer::prepare(reading, &mut layer, self.scope.variables)?;
            let before = reading.problems.len();
            layer::canonicalise(reading, &mut layer);
            reading.checked_since(before)?;
            document = Some(match document {
                Some(base) => merge::merge(reading, base, layer, &Trail::ROOT),
                None => layer,
            });
        }
        let mut document = document.unwrap_or_else(|| Node::empty_map(Spot::default()));
        // Relative to the project's folder, like the extending service's own paths, so that an environment file which
        // both name is recognised as one.
        paths::resolve(reading, &mut document, &path::relative(self.scope.directory, directory));
        Ok(document)
    }
}

/// The value under `key`, unless it is marked `!reset`.
fn unless_reset<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key).filter(|value| value.tag != Some(MergeTag::Reset))
}

fn has(services: &Map, name: &str) -> bool {
    services.get(name).is_some_and(|service| service.tag != Some(MergeTag::Reset))
}

/// The name of the base, and the node that holds it.
fn base_of<'a>(reading: &mut Reading<'_>, extends: &'a Node, path: &str) -> Option<(String, &'a Node)> {
    let node = if extends.as_map().is_some() { unless_reset(extends, "service") } else { Some(extends) };
    match node.and_then(|node| Some((node.as_text()?.to_owned(), node))) {
        Some(base) => Some(base),
        None => {
            reading.problem(extends.entry_spot(), path, "does not name a service").hint =
                Some("write `extends: NAME`, or `service: NAME` and `file: FILE` below it".to_owned());
            None
        }
    }
}

fn unknown_base(
    reading: &mut Reading<'_>,
    base_name: &str,
    node: &Node,
    here: &Services<'_>,
    path: &str,
) -> Stopped {
    let known = || here.services.keys().map(String::as_str);
    let hint = match nearest(base_name, known()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if here.services.is_empty() => "that file defines no services".to_owned(),
        None => format!("services of that file are {}", list(known())),
    };
    let message = format!("there is no service `{base_name}` in {}", reading.shown(here.file));
    reading.value_problem(node, path, message).hint = Some(hint);
    Stopped
}
