//! What an image is built from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::compose::Ulimit;

/// An image to be built by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BuildSpec {
    pub reference: String,
    /// Further names of the image.
    pub tags: Vec<String>,
    pub context: Context,
    pub dockerfile: Dockerfile,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// The network of the build's steps.
    pub network: Option<String>,
    pub platform: Option<String>,
    pub no_cache: bool,
    /// Pulls the base image even if it is there.
    pub pull: bool,
    /// Images whose steps may be taken over.
    pub cache_from: Vec<String>,
    /// `name:address`, in the `/etc/hosts` of the build's steps.
    pub extra_hosts: Vec<String>,
    /// Bytes.
    pub shm_size: Option<i64>,
    pub ulimits: BTreeMap<String, Ulimit>,
    pub isolation: Option<String>,
}

impl BuildSpec {
    /// A build with nothing said but what it is made of.
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
    /// A folder, which is sent to the engine.
    Folder(PathBuf),
    /// A URL of a repository, an archive or a Dockerfile, which the engine fetches.
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
    /// Relative to the context, which it may lie outside of, or absolute.
    Path(String),
    /// Its text.
    Inline(String),
}
