//! Finds what to read, as Compose does: compose files, environment files, the project's folder and its name.
//!
//! It parses the compose files, because the name may stand in one of them and is itself a variable. It does not
//! interpolate anything else, and leaves the parsed documents to [`assemble`](crate::assemble).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::assemble::layer::read_documents;
use crate::reading::{Files, Named, Reading, Source, Stopped};
use crate::text::names::list;
use crate::text::path;
use crate::tree::{Node, Trail, Value};
use crate::variable::interpolate::interpolate;
use crate::variable::{Variables, files};

/// What to read.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Request {
    /// The compose files, the later over the earlier. Empty: the files that Compose would find, `compose.yaml` or
    /// `docker-compose.yml` in the working folder or above it, with their override file.
    pub files: Vec<PathBuf>,
    /// The working folder; absolute.
    pub working_dir: PathBuf,
    /// Environment files to read instead of `.env.test` or `.env`.
    pub env_files: Vec<PathBuf>,
    /// The active profiles. Empty: those of `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// The project's name, if it is not that of the file.
    pub project_name: Option<String>,
    /// The project's folder, if it is not that of the first file.
    pub project_directory: Option<PathBuf>,
    /// The environment variables to interpolate with, usually those of the process.
    pub environment: BTreeMap<String, String>,
    /// The home folder, which `~` stands for.
    pub home: Option<PathBuf>,
}

/// Leaves out the environment, which can hold secrets.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("files", &self.files)
            .field("working_dir", &self.working_dir)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the files that Compose would find in `directory`, with an empty environment.
    #[must_use]
    pub fn in_directory(directory: impl Into<PathBuf>) -> Request {
        Request { working_dir: directory.into(), ..Request::default() }
    }
}

/// In the order of preference.
const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What is known before the compose files are loaded.
pub(crate) struct Found {
    pub(crate) files: Vec<Source>,
    /// The project's folder: what relative paths are relative to.
    pub(crate) directory: PathBuf,
    pub(crate) env_files: Vec<PathBuf>,
    pub(crate) variables: Variables,
    pub(crate) profiles: Vec<String>,
}

/// Finds the files, and reads the environment files.
pub(crate) fn discover(reading: &mut Reading<'_>, request: &Request) -> Result<Found, Stopped> {
    let mut variables = Variables::of_process(&request.environment);
    let working_dir = &request.working_dir;
    let project_directory =
        request.project_directory.as_ref().map(|directory| absolute(working_dir, directory));
    let asked: Vec<PathBuf> = request.files.iter().map(|file| absolute(working_dir, file)).collect();
    let mut env_files = Vec::new();

    // The environment file of the folder that is named or worked in; it may itself name the compose files.
    let first_directory = project_directory
        .clone()
        .or_else(|| asked.first().and_then(|file| file.parent()).map(Path::to_owned))
        .unwrap_or_else(|| working_dir.clone());
    add_env_files(reading, request, &first_directory, &mut variables, &mut env_files)?;

    let searched = project_directory.as_ref().unwrap_or(working_dir);
    let files = if asked.is_empty() { find(reading, request, searched, &variables) } else { asked };
    let Some(first) = files.first() else {
        let message = format!("no compose file in {} or any folder above it", searched.display());
        reading.problem_without_place(message).hint =
            Some(format!("compose files are named {}", list(FILES.into_iter())));
        return Err(Stopped);
    };
    let directory = project_directory
        .or_else(|| first.parent().map(Path::to_owned))
        .unwrap_or_else(|| working_dir.clone());
    if directory != first_directory && request.env_files.is_empty() {
        add_env_files(reading, request, &directory, &mut variables, &mut env_files)?;
    }
    let mut profiles = request.profiles.clone();
    if profiles.is_empty() {
        let listed = variables.value("COMPOSE_PROFILES").unwrap_or_default().split(',');
        // An empty list is one profile with an empty name, so a service with `profiles: [""]` is active.
        profiles = listed.map(|profile| profile.trim().to_owned()).collect();
    }
    variables.add_missing([("PWD".to_owned(), working_dir.display().to_string())], "the environment");
    let files =
        files.into_iter().map(|path| Source { file: Named::by_user(path), documents: None }).collect();
    Ok(Found { files, directory, env_files, variables, profiles })
}

/// The override file that Compose would read with `file` if it looked for the file itself. A file that is named is read
/// alone.
pub fn override_beside(files: &dyn Files, file: &Path) -> Option<PathBuf> {
    let is_default = file.file_name().is_some_and(|name| FILES.iter().any(|known| name == *known));
    let folder = file.parent().filter(|_| is_default)?;
    OVERRIDES.iter().map(|name| folder.join(name)).find(|path| files.is_file(path))
}

fn absolute(base: &Path, path: &Path) -> PathBuf {
    path::join(base, &path.to_string_lossy())
}

/// `COMPOSE_FILE`, or the first known name in the folder or one above it, with its override file.
fn find(reading: &Reading<'_>, request: &Request, directory: &Path, variables: &Variables) -> Vec<PathBuf> {
    if let Some(files) = variables.value("COMPOSE_FILE") {
        let separator = variables.non_empty("COMPOSE_PATH_SEPARATOR").unwrap_or(":");
        return files.split(separator).map(|file| absolute(&request.working_dir, Path::new(file))).collect();
    }
    let first_in = |directory: &Path, names: [&str; 4]| {
        names.into_iter().map(|name| directory.join(name)).find(|path| reading.files.is_file(path))
    };
    for directory in directory.ancestors() {
        if let Some(file) = first_in(directory, FILES) {
            return std::iter::once(file).chain(first_in(directory, OVERRIDES)).collect();
        }
    }
    Vec::new()
}

/// Reads the environment files that the request names, or else the folder's `.env.test`, or else its `.env`.
///
/// `.env.test` is greenroom's own rule, so that a developer's `.env` does not leak into tests.
fn add_env_files(
    reading: &mut Reading<'_>,
    request: &Request,
    directory: &Path,
    variables: &mut Variables,
    env_files: &mut Vec<PathBuf>,
) -> Result<(), Stopped> {
    let files: Vec<PathBuf> = if !request.env_files.is_empty() {
        request.env_files.iter().map(|file| absolute(&request.working_dir, file)).collect()
    } else if let Some(listed) = variables.non_empty("COMPOSE_ENV_FILES") {
        listed.split(',').map(|file| absolute(&request.working_dir, Path::new(file.trim()))).collect()
    } else if is_disabled(reading, variables)? {
        Vec::new()
    } else {
        let known = [".env.test", ".env"].map(|name| directory.join(name));
        known.into_iter().find(|file| reading.files.is_file(file)).into_iter().collect()
    };
    let named: Vec<Named> = files.iter().cloned().map(Named::by_user).collect();
    files::add_env_files(reading, variables, &named)?;
    env_files.extend(files);
    Ok(())
}

fn is_disabled(reading: &mut Reading<'_>, variables: &Variables) -> Result<bool, Stopped> {
    match variables.value("COMPOSE_DISABLE_ENV_FILE") {
        None | Some("" | "0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some(other) => {
            let message = format!("`{other}` is not a boolean (the value of COMPOSE_DISABLE_ENV_FILE)");
            reading.problem_without_place(message).hint = Some("write true or false".to_owned());
            Err(Stopped)
        }
    }
}

/// The project's name: from the request, `COMPOSE_PROJECT_NAME`, the last file that has one, or the folder.
///
/// The name is itself a variable, so it is needed before the files are interpolated: they are parsed here, and kept.
pub(crate) fn project_name(
    reading: &mut Reading<'_>,
    request: &Request,
    found: &mut Found,
) -> Result<String, Stopped> {
    let mut written = None;
    for source in &mut found.files {
        let documents = read_documents(reading, &source.file)?;
        for document in &documents {
            if let Some(node) = document.get("name").filter(|node| matches!(&node.value, Value::Text(_))) {
                // Compose looks for the name before it applies `!reset`.
                let mut node = Node { tag: None, ..node.clone() };
                let is_empty = node.as_text() == Some("");
                let trail = Trail::ROOT;
                interpolate(reading, &mut node, &found.variables, &trail.key("name"));
                if !is_empty {
                    written = Some(node);
                }
            }
        }
        source.documents = Some(documents);
    }
    reading.checked()?;
    if let Some(name) = request.project_name.as_ref().filter(|name| !name.is_empty()) {
        return valid(reading, name);
    }
    if let Some(name) = found.variables.non_empty("COMPOSE_PROJECT_NAME") {
        return valid(reading, name);
    }
    match written {
        Some(node) => named(reading, node.as_text().unwrap_or_default(), Some(&node)),
        None => {
            let folder = found.directory.file_name().map(|name| name.to_string_lossy().into_owned());
            named(reading, &folder.unwrap_or_default(), None)
        }
    }
}

/// A name that is given explicitly must be valid as it is.
fn valid(reading: &mut Reading<'_>, name: &str) -> Result<String, Stopped> {
    if normalized(name) != name {
        reading.problem_without_place(format!("`{name}` is not a valid project name")).hint = Some(
            "project names consist of a-z, 0-9, `_` and `-`, and start with a letter or digit".to_owned(),
        );
        return Err(Stopped);
    }
    Ok(name.to_owned())
}

fn named(reading: &mut Reading<'_>, name: &str, written: Option<&Node>) -> Result<String, Stopped> {
    let normalized = normalized(name);
    if normalized.is_empty() {
        let message = format!("no project name can be made from `{name}`");
        let problem = match written {
            Some(node) => reading.value_problem(node, "name", message),
            None => reading.problem_without_place(message),
        };
        problem.hint = Some(match written {
            Some(_) => {
                "project names consist of a-z, 0-9, `_` and `-`, and start with a letter or digit".to_owned()
            }
            None => "write `name: NAME` at the top of the compose file".to_owned(),
        });
        return Err(Stopped);
    }
    Ok(normalized)
}

/// Lower case; `[a-z0-9_-]` alone; no `_` or `-` at the front.
fn normalized(name: &str) -> String {
    let kept: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}
