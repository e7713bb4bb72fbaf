//! A file that something names, and the message when it can't be read.

use std::path::PathBuf;

use super::{ReadError, Reading, Stopped};
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
        let text = reading.read_text(&self.path);
        self.reported(reading, text)
    }

    /// The same for a YAML file, which may be in UTF-16.
    pub(crate) fn read_yaml(&self, reading: &mut Reading<'_>) -> Result<u32, Stopped> {
        let text = reading.read_yaml(&self.path);
        self.reported(reading, text)
    }

    fn reported(&self, reading: &mut Reading<'_>, text: Result<u32, ReadError>) -> Result<u32, Stopped> {
        text.map_err(|error| {
            let message = format!("can't read {}: {}", reading.shown(&self.path), error.reason());
            let problem = match &self.by {
                Some((node, path)) => reading.value_problem(node, path, message),
                None => reading.problem_without_place(message),
            };
            problem.hint = error.hint().map(str::to_owned);
            Stopped
        })
    }
}
