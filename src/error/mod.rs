//! Errors that say everything needed to find the cause.
//!
//! `operations` has one constructor for each operation that can fail, with its complete text. Three texts need types
//! that this module must not depend on, so they are defined next to those types: an engine's error (`engine/error.rs`),
//! why there is no engine (`engine/docker/connect.rs`), and why a start failed (`stack/up/failure.rs`).

mod operations;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::compose::{Problem, Problems};

pub(crate) use operations::VolumeUser;

/// Why greenroom could not do what it was asked to.
///
/// `Display` prints only the first line, without the cause and without a final period. `Debug`, which `unwrap()` and a
/// test that returns `Err` print, gives everything: what greenroom was doing to which service, what it observed, where
/// the evidence is, and, after a blank line, a `hint:` with what to try. Neither shows a secret.
///
/// # Design
///
/// The kinds are private, so that improving a message is never a breaking change. For control flow there are
/// predicates: [`is_usage`](Error::is_usage), [`is_engine_unavailable`](Error::is_engine_unavailable),
/// [`is_not_ready`](Error::is_not_ready), [`is_missing_external`](Error::is_missing_external),
/// [`is_volume_held`](Error::is_volume_held), [`is_cancelled`](Error::is_cancelled). At most one of them holds.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    headline: String,
    /// Further lines, printed below the headline, indented by two spaces.
    details: Vec<String>,
    hint: Option<String>,
    source: Option<Source>,
    /// What is wrong with the compose files.
    problems: Option<Problems>,
    /// The folder with the logs and states of the services.
    evidence: Option<PathBuf>,
}

/// The cause of an error.
type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Invalid compose files, or names and options that do not fit them.
    Usage,
    EngineUnavailable,
    MissingExternal,
    NotReady,
    Cancelled,
    VolumeHeld,
    /// No caller needs to tell these from each other.
    Other,
}

impl Kind {
    /// The name in JSON.
    fn name(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::EngineUnavailable => "engine-unavailable",
            Kind::MissingExternal => "missing-external",
            Kind::NotReady => "not-ready",
            Kind::Cancelled => "cancelled",
            Kind::VolumeHeld => "volume-held",
            Kind::Other => "other",
        }
    }
}

impl Error {
    fn new(kind: Kind, headline: impl Into<String>) -> Error {
        let inner = Inner {
            kind,
            headline: headline.into(),
            details: Vec::new(),
            hint: None,
            source: None,
            problems: None,
            evidence: None,
        };
        Error { inner: Box::new(inner) }
    }

    /// The compose files or the options are invalid. Nothing was started.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.inner.kind == Kind::Usage
    }

    /// There is no usable container engine.
    #[must_use]
    pub fn is_engine_unavailable(&self) -> bool {
        self.inner.kind == Kind::EngineUnavailable
    }

    /// A service did not become ready: it exited, or its deadline passed.
    #[must_use]
    pub fn is_not_ready(&self) -> bool {
        self.inner.kind == Kind::NotReady
    }

    /// The file names an external network or volume that the engine does not have. Nothing was started; create it and
    /// start the stack again.
    #[must_use]
    pub fn is_missing_external(&self) -> bool {
        self.inner.kind == Kind::MissingExternal
    }

    /// The start was cancelled before the stack was ready.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.kind == Kind::Cancelled
    }

    /// A kept volume is in use by another stack, or by a container that greenroom did not create.
    #[must_use]
    pub fn is_volume_held(&self) -> bool {
        self.inner.kind == Kind::VolumeHeld
    }

    /// What to try, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// The folder with the logs and states of the services, if they were saved.
    #[must_use]
    pub fn evidence(&self) -> Option<&Path> {
        self.inner.evidence.as_deref()
    }

    /// Everything as JSON:
    ///
    /// - `kind`: `usage`, `engine-unavailable`, `missing-external`, `not-ready`, `cancelled`, `volume-held` or `other`,
    /// - `message`: what `Debug` prints, without the hint,
    /// - `hint`: what to try, or null,
    /// - `problems`: what is wrong with the compose files, each with `file`, `line`, `column`, `path`, `message` and
    ///   `hint`; all but `message` may be null,
    /// - `evidence`: the folder with the logs and states of the services, or null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "kind": self.inner.kind.name(),
            "message": Message(self).to_string(),
            "hint": self.inner.hint,
            "problems": self.inner.problems.iter().flat_map(Problems::iter).map(problem_json).collect::<Vec<_>>(),
            "evidence": self.inner.evidence,
        })
    }

    fn with_problems(mut self, problems: &Problems) -> Error {
        self.inner.problems = Some(problems.clone());
        self
    }

    pub(crate) fn with_evidence(mut self, directory: &Path) -> Error {
        self.inner.evidence = Some(directory.to_owned());
        self.with_detail(format!("evidence of all services: {}", directory.display()))
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Error {
        self.inner.details.push(detail.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.inner.hint = Some(hint.into());
        self
    }

    /// Adds an error that happened afterwards. This error's own hint, if any, is the better one and is kept.
    pub(crate) fn and_then(mut self, later: Error) -> Error {
        self.inner.details.push(later.inner.headline);
        let details = later.inner.details.iter().flat_map(|detail| detail.lines());
        self.inner.details.extend(details.map(|line| format!("  {line}")));
        self.inner.hint = self.inner.hint.or(later.inner.hint);
        self
    }

    fn with_source(mut self, source: impl Into<Source>) -> Error {
        self.inner.source = Some(source.into());
        self
    }
}

/// `a`, `b`, `c` with backquotes.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.headline)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Message(self))?;
        match &self.inner.hint {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything but the hint.
struct Message<'a>(&'a Error);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message(error) = self;
        f.write_str(&error.inner.headline)?;
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        for line in error.inner.details.iter().flat_map(|detail| detail.lines()) {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

fn problem_json(problem: &Problem) -> Value {
    let place = problem.place.as_ref();
    json!({
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "path": Some(&problem.path).filter(|path| !path.is_empty()),
        "message": problem.message,
        "hint": problem.hint,
    })
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
