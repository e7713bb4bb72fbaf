#![doc = include_str!("../README.md")]
//! Reads compose files as Docker Compose reads them: pure, with a place for every complaint.
//!
//! # The way of a file
//!
//! ```text
//! discover     which files, which environment, what name
//!   parse        YAML events -> nodes with places            (yaml: the events; scalar: what a plain scalar is)
//!   interpolate  variables into values                       (template, variables, dotenv)
//!   cast         text that a variable made -> booleans, numbers
//!   extends, include                                         other files, by the same stages
//!   merge        one file over another                       (unique: one entry for each thing)
//!   check        against the table of keys                   (shape, keys, service_keys)
//!   canonical    short forms -> long forms                   (port, mount)
//! defaults, paths, environment, normalize                    what is left to be understood
//! profiles, consistency                                      what takes part, and whether it fits together
//! document     nodes -> the canonical JSON                   (units, words, forms)
//! decode       the canonical JSON -> the typed view          (model)
//! ```
//!
//! The module knows no clock, network or process environment, and reads files through [`Files`] alone.

pub mod secret;
mod files;
mod problem;
mod model;
mod project;
mod discover;
mod reading;
mod sources;
mod node;
mod trail;
mod yaml;
mod parse;
mod scalar;
mod variables;
mod template;
mod dotenv;
mod interpolate;
mod shape;
mod keys;
mod service_keys;
mod cast;
mod load;
mod extends;
mod include;
mod merge;
mod unique;
mod check;
mod canonical;
mod port;
mod mount;
mod defaults;
mod paths;
mod environment;
mod normalize;
mod profiles;
mod consistency;
mod document;
mod forms;
mod units;
mod words;
mod decode;
#[cfg(fuzzing)]
pub mod fuzzing;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use load::Scope;
use node::Node;
use reading::{Reading, Stopped};
use trail::Trail;

pub use files::{Disk, Files};
pub use model::*;
pub use problem::{Problem, Problems, Warning};
pub use project::{Project, Values};

/// What to read, and with what.
#[derive(Clone, Default)]
pub struct Request {
    /// The compose files, the later over the earlier. Empty: the ones that Compose would find, `compose.yaml` or
    /// `docker-compose.yml` in the working folder or above it, with their override file.
    pub files: Vec<PathBuf>,
    /// The working folder; absolute.
    pub working_dir: PathBuf,
    /// Environment files in the place of `.env.test` and `.env`.
    pub env_files: Vec<PathBuf>,
    /// The active profiles. Empty: those of `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// The project's name in the place of the file's own.
    pub project_name: Option<String>,
    /// The project's folder, if it is not that of the first file.
    pub project_directory: Option<PathBuf>,
    /// The process's environment, handed in.
    pub environment: BTreeMap<String, String>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
}

/// The environment, which can hold secrets, is left out.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("files", &self.files)
            .field("working_dir", &self.working_dir)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reads what Compose would find in `directory`, with an empty environment.
    #[must_use]
    pub fn in_directory(directory: impl Into<PathBuf>) -> Request {
        Request { working_dir: directory.into(), ..Request::default() }
    }
}

/// Reads a project.
///
/// # Errors
/// Everything that is wrong with the files, each with its place, as far as the reading got: what one stage finds is
/// reported together, and the next stage then has nothing to go on.
pub fn read(request: &Request, files: &dyn Files) -> Result<Project, Problems> {
    let mut reading = Reading::new(files, request.working_dir.clone(), request.home.clone());
    read_stages(&mut reading, request)
        .map_err(|Stopped| Problems::from_list(reading.take_problems()).unwrap_or_else(Problems::unknown))
}

fn read_stages(reading: &mut Reading<'_>, request: &Request) -> Result<Project, Stopped> {
    let mut found = discover::discover(reading, request)?;
    let name = discover::project_name(reading, request, &mut found)?;
    found.variables.set("COMPOSE_PROJECT_NAME", &name, "the project's name");

    let scope = Scope { directory: &found.directory, variables: &found.variables, including: &[] };
    let mut tree = load::load(reading, &mut found.files, &scope)?;
    environment::resolve(&mut tree, &found.variables);
    normalize::normalize(&mut tree, &name, &found.variables);
    let inactive = profiles::apply(&mut tree, &found.profiles);
    consistency::check(reading, &tree, &inactive);
    read_env_files(reading, &mut tree, &found)?;
    profiles::drop_unused(&mut tree);
    if let Some(map) = tree.as_map_mut() {
        let spot = map.get("name").map_or(Node::empty_map(Default::default()), Node::clone);
        map.insert("name".to_owned(), Node::text(name.as_str(), &spot));
        map.entry("services".to_owned()).or_insert_with(|| Node::empty_map(spot.spot));
    }
    let root = Trail::ROOT;
    let document = document::print_keys(reading, &tree, &keys::PROJECT, &root);
    // What can't be printed is wrong in an inactive service, too.
    for (name, service) in &inactive {
        document::print_keys(reading, service, &service_keys::SERVICE, &root.key("services").key(name));
    }
    gather_secrets(reading, &tree, &document, &found);
    reading.checked()?;
    Ok(project(reading, name, found, tree, document))
}

/// Reads a duration as the Compose specification writes them: `90s`, `1m30s`, `2h`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let nanoseconds = units::duration(text)?;
    u64::try_from(nanoseconds)
        .map(std::time::Duration::from_nanos)
        .map_err(|_| format!("`{text}` is negative"))
}

/// The files that the active services name; the others' need not be there.
fn read_env_files(
    reading: &mut Reading<'_>,
    tree: &mut Node,
    found: &discover::Found,
) -> Result<(), Stopped> {
    for (name, service) in tree.get_mut("services").and_then(Node::as_map_mut).into_iter().flatten() {
        // One missing file does not hide what else is wrong.
        let _ = environment::add_service_files(reading, service, name, &found.variables);
        let _ = environment::add_label_files(reading, service, name);
    }
    reading.checked()
}

/// Everything that must not be printed: named so, inline in `secrets`, or a password in a URL.
fn gather_secrets(reading: &mut Reading<'_>, tree: &Node, document: &Json, found: &discover::Found) {
    for service in document["services"].as_object().into_iter().flatten().map(|(_, service)| service) {
        let args = service.get("build").and_then(|build| build.get("args"));
        let hooks = ["post_start", "pre_stop"].into_iter().filter_map(|key| service.get(key)?.as_array());
        let of_hooks = hooks.flatten().filter_map(|hook| hook.get("environment"));
        let own = [service.get("environment"), args, service.get("labels")].into_iter().flatten();
        for values in own.chain(of_hooks) {
            for (name, value) in values.as_object().into_iter().flatten() {
                reading.secrets.add_named(name, value.as_str().unwrap_or_default());
            }
        }
    }
    for (_, secret) in tree.entries("secrets") {
        if let Some(value) = secret.text_at("environment").and_then(|name| found.variables.value(name)) {
            reading.secrets.add(value);
        }
    }
}

fn project(
    reading: &mut Reading<'_>,
    name: String,
    found: discover::Found,
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
