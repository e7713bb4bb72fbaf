//! A file that something names, and the message when it can't be read.

use std::path::PathBuf;

use super::{Reading, Stopped};
use crate::tree::Node;

/// A file, and what names it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) path: PathBuf,
    /// The node that names it and its path in the document; `None` if the caller did.
    pub(crate) by: Option<(Node, String)>,
}

/// A compose file to load, and its documents if they are parsed already.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: Named,
    pub(crate) documents: Option<Vec<Node>>,
}

impl Named {
    pub(crate) fn by_user(path: PathBuf) -> Named {
        Named { path, by: None }
    }

    /// Reads the file and returns its number among the sources. A problem is reported where the file is named.
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
