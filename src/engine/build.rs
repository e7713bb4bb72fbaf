//! The request to build an image.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::compose::Ulimit;

/// An image to be built by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuildSpec {
    pub reference: String,
    /// Additional names for the image.
    pub tags: Vec<String>,
    pub context: Context,
    pub dockerfile: Dockerfile,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// The network that build steps run in.
    pub network: Option<String>,
    pub platform: Option<String>,
    pub no_cache: bool,
    /// Pulls the base image even if the engine has it.
    pub pull: bool,
    /// Images whose layers may be reused.
    pub cache_from: Vec<String>,
    /// `name:address`, added to `/etc/hosts` during the build.
    pub extra_hosts: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    pub ulimits: BTreeMap<String, Ulimit>,
    pub isolation: Option<String>,
}

impl BuildSpec {
    /// A build with default options.
    pub(crate) fn new(reference: String, context: Context, dockerfile: Dockerfile) -> BuildSpec {
        BuildSpec {
            reference,
            tags: Vec::new(),
            context,
            dockerfile,
            args: BTreeMap::new(),
            target: None,
            labels: BTreeMap::new(),
            network: None,
            platform: None,
            no_cache: false,
            pull: false,
            cache_from: Vec::new(),
            extra_hosts: Vec::new(),
            shm_size: None,
            ulimits: BTreeMap::new(),
            isolation: None,
        }
    }
}

/// Where the build's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// A folder that greenroom sends to the engine.
    Folder(PathBuf),
    /// The URL of a repository, an archive or a Dockerfile that the engine fetches.
    Remote(String),
}

impl std::fmt::Display for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Context::Folder(path) => write!(f, "{}", path.display()),
            Context::Remote(url) => f.write_str(url),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dockerfile {
    /// Absolute, or relative to the context; it may lie outside of the context.
    Path(String),
    /// The Dockerfile's text.
    Inline(String),
}
