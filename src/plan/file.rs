//! Secrets and configs: which files a service gets in its container, and their contents.
//!
//! Without a swarm, their contents come from `file`, `environment` or `content`, as with Docker Compose.
//! <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#secrets>

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{problem, support};
use crate::compose::Secrets;
use crate::compose::{FileReference, FileSource, Files, Problem, Project, Service, Warning};

/// The default mode of a secret or config: every user in the container may read it.
const DEFAULT_MODE: u32 = 0o444;

/// Top-level keys that only a swarm understands.
const SWARM_KEYS: [&str; 3] = ["driver", "driver_opts", "template_driver"];

/// A secret or config as a file in a service's container.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedFile {
    /// Its key in the file.
    pub key: String,
    /// Whether it is a secret. greenroom never prints the contents of a secret.
    pub is_secret: bool,
    /// Its path inside the container.
    pub target: String,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner's user id; `None`: root.
    pub uid: Option<u32>,
    /// Its group's id; `None`: root.
    pub gid: Option<u32>,
    /// How it gets into the container.
    pub delivery: Delivery,
    pub(crate) content: Content,
}

/// How a file gets into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// Copied into the container's own layer before the container starts.
    Copied,
    /// Mounted read-only, because the layer is read-only or another mount would hide a copy.
    Mounted,
}

/// The contents of a file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Bytes(Arc<[u8]>),
    /// A folder on the host. Compose bind-mounts whatever `file` names, folders included.
    Folder(PathBuf),
}

/// Whether a file is a secret or a config.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    Config,
}

impl Kind {
    /// Its key in the compose file, in a service and at the top level.
    fn key(self) -> &'static str {
        match self {
            Kind::Secret => "secrets",
            Kind::Config => "configs",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Kind::Secret => "secret",
            Kind::Config => "config",
        }
    }

    /// The path in the container. Relative targets, and names without a target, are below the kind's default folder.
    fn target(self, reference: &FileReference) -> String {
        let folder = match self {
            Kind::Secret => "/run/secrets",
            Kind::Config => "",
        };
        match reference.target.as_deref().unwrap_or(&reference.source) {
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            relative => format!("{folder}/{relative}"),
        }
    }
}

/// The files of a service. Problems are added to `problems`, with their places.
pub(super) fn plan(
    project: &Project,
    disk: &dyn Files,
    name: &str,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) -> Vec<PlannedFile> {
    let service = &project.services[name];
    let secrets = service.secrets.iter().enumerate().map(|entry| (Kind::Secret, entry));
    let configs = service.configs.iter().enumerate().map(|entry| (Kind::Config, entry));
    let mut files = Vec::new();
    for (kind, (index, reference)) in secrets.chain(configs) {
        let path = format!("services.{name}.{}[{index}]", kind.key());
        note_labels(project, kind, &reference.source, warnings);
        match plan_file(project, disk, service, kind, reference, &path) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(*problem),
        }
    }
    files
}

fn plan_file(
    project: &Project,
    disk: &dyn Files,
    service: &Service,
    kind: Kind,
    reference: &FileReference,
    path: &str,
) -> Result<PlannedFile, Box<Problem>> {
    let content = content(project, disk, kind, &reference.source)?;
    let target = kind.target(reference);
    let delivery = match content {
        Content::Folder(_) => Delivery::Mounted,
        Content::Bytes(_) if service.read_only || is_below_a_mount(service, &target) => Delivery::Mounted,
        Content::Bytes(_) => Delivery::Copied,
    };
    let number = |key: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| {
                text.parse().map_err(|_| {
                    let mut wrong =
                        problem(project, &format!("{path}.{key}"), format!("`{text}` is not a number"));
                    wrong.hint =
                        Some("write the number: only the container knows its users' names".to_owned());
                    wrong
                })
            })
            .transpose()
    };
    Ok(PlannedFile {
        key: reference.source.clone(),
        is_secret: kind == Kind::Secret,
        mode: reference.mode.unwrap_or(DEFAULT_MODE),
        uid: number("uid", &reference.uid)?,
        gid: number("gid", &reference.gid)?,
        target,
        delivery,
        content,
    })
}

/// Whether `target` is below a mount. A copy into the container's layer would be hidden there, or change the mount.
fn is_below_a_mount(service: &Service, target: &str) -> bool {
    let tmpfs = service.tmpfs.iter().map(|entry| entry.split(':').next().unwrap_or(entry));
    let mounts = service.volumes.iter().map(|mount| mount.target.as_str());
    tmpfs.chain(mounts).any(|mount| Path::new(target).starts_with(mount))
}

fn content(project: &Project, disk: &dyn Files, kind: Kind, key: &str) -> Result<Content, Box<Problem>> {
    let path = format!("{}.{key}", kind.key());
    let sources = match kind {
        Kind::Secret => &project.secret_sources,
        Kind::Config => &project.config_sources,
    };
    let no_source = FileSource::default();
    let source = sources.get(key).unwrap_or(&no_source);
    let written = &project.document()[kind.key()][key];
    let of_swarm = if source.external {
        Some("external")
    } else {
        SWARM_KEYS.into_iter().find(|key| written.get(key).is_some())
    };
    if let Some(swarm_key) = of_swarm {
        let message = format!("{}s with `{swarm_key}` exist only in a swarm", kind.noun());
        let mut refused = problem(project, &format!("{path}.{swarm_key}"), message);
        refused.hint = Some(format!(
            "for tests, give it a source of its own in an override file: `{}: {{{key}: !override {{file: FILE}}}}`",
            kind.key()
        ));
        return Err(refused);
    }
    if let Some(text) = &source.content {
        return Ok(Content::Bytes(text.as_bytes().into()));
    }
    if let Some(variable) = &source.environment {
        return match project.variable(variable) {
            Some(value) => Ok(Content::Bytes(value.as_bytes().into())),
            None => {
                let message = format!("the variable `{variable}` is not set");
                let mut unset = problem(project, &format!("{path}.environment"), message);
                unset.hint = Some(format!("set `{variable}` in the environment or in an environment file"));
                Err(unset)
            }
        };
    }
    let file = source.file.clone().unwrap_or_default();
    match disk.read(&file) {
        Ok(bytes) => Ok(Content::Bytes(bytes.into())),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(Content::Folder(file)),
        Err(error) => {
            let reason = match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => error.to_string(),
            };
            let message = format!("cannot read {}: {reason}", file.display());
            Err(problem(project, &format!("{path}.file"), message))
        }
    }
}

/// Warns of labels on a secret or config: only a swarm uses them, and a service cannot see them.
fn note_labels(project: &Project, kind: Kind, key: &str, warnings: &mut Vec<Warning>) {
    if project.document()[kind.key()][key].get("labels").is_some() {
        let warning = support::not_applied(project, &format!("{}.{key}.labels", kind.key()), "labels");
        // Several services may use the same secret or config.
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// Adds the contents of the secrets among `files` to `secrets`, so that they are hidden in output.
pub(super) fn add_secrets(files: &[PlannedFile], secrets: &mut Secrets) {
    for file in files.iter().filter(|file| file.is_secret) {
        if let Content::Bytes(bytes) = &file.content {
            secrets.add_content(bytes);
        }
    }
}

impl PlannedFile {
    /// Its contents as a setting's value, if `path` is its path: text without trailing line breaks, the way images read
    /// the file of a `*_FILE` variable.
    pub(crate) fn text_at(&self, path: &str) -> Option<&str> {
        match &self.content {
            Content::Bytes(bytes) if Path::new(path) == Path::new(&self.target) => {
                Some(std::str::from_utf8(bytes).ok()?.trim_end_matches(['\n', '\r']))
            }
            _ => None,
        }
    }

    /// Adds its contents, so that stacks with different contents have different fingerprints.
    pub(super) fn add_to_fingerprint(&self, content: &mut Vec<u8>) {
        match &self.content {
            Content::Bytes(bytes) => {
                content.extend_from_slice(&bytes.len().to_le_bytes());
                content.extend_from_slice(bytes);
            }
            Content::Folder(path) => content.extend_from_slice(path.as_os_str().as_encoded_bytes()),
        }
    }

    fn noun(&self) -> &'static str {
        if self.is_secret { Kind::Secret.noun() } else { Kind::Config.noun() }
    }
}

impl fmt::Display for PlannedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delivery = match self.delivery {
            Delivery::Copied => "copied",
            Delivery::Mounted => "mounted",
        };
        write!(f, "{} {} {delivery} to {}, mode {:04o}", self.noun(), self.key, self.target, self.mode)
    }
}

/// Leaves out the contents.
impl fmt::Debug for PlannedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
