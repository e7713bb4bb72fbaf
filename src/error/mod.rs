//! What went wrong, told so that the search ends here.
//!
//! `operations` has one constructor for each operation that can fail, with its whole text. Three texts need types that this
//! module must not know, so they stand beside those types: what the engine said (`engine/error.rs`), why there is no engine
//! (`engine/docker/connect.rs`), and why a start failed (`stack/up/failure.rs`).

mod operations;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use operations::VolumeUser;

/// Why greenroom could not do what it was asked to.
///
/// `Display` is the first line alone, without the cause and without a final stop. `Debug`, which is what `unwrap()` and
/// a test that returns `Err` print, is the whole story: what greenroom was doing to which service, what it saw, where
/// the evidence is, and after a blank line `hint:` with what to try. Neither shows a secret.
///
/// # Design
///
/// The kinds are private, so that a better message is never a breaking change. For control flow there are predicates:
/// [`is_usage`](Error::is_usage), [`is_engine_unavailable`](Error::is_engine_unavailable),
/// [`is_not_ready`](Error::is_not_ready), [`is_missing_external`](Error::is_missing_external),
/// [`is_volume_held`](Error::is_volume_held), [`is_cancelled`](Error::is_cancelled). At most one of them holds.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    headline: String,
    /// Further lines of the story, printed below the headline with two blanks in front.
    details: Vec<String>,
    hint: Option<String>,
    source: Option<Source>,
}

/// Whatever caused an error.
type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The compose files, or names and options that they do not fit.
    Usage,
    EngineUnavailable,
    MissingExternal,
    NotReady,
    Cancelled,
    VolumeHeld,
    /// What nobody needs to tell from others.
    Other,
}

impl Error {
    fn new(kind: Kind, headline: impl Into<String>) -> Error {
        let inner = Inner { kind, headline: headline.into(), details: Vec::new(), hint: None, source: None };
        Error { inner: Box::new(inner) }
    }

    /// Something about the compose files or the options is wrong: nothing was started.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.inner.kind == Kind::Usage
    }

    /// There is no container engine to work with.
    #[must_use]
    pub fn is_engine_unavailable(&self) -> bool {
        self.inner.kind == Kind::EngineUnavailable
    }

    /// A service did not become ready: it ended, or its deadline passed.
    #[must_use]
    pub fn is_not_ready(&self) -> bool {
        self.inner.kind == Kind::NotReady
    }

    /// The file names an external network or volume that the engine does not have: nothing was started. Whoever creates
    /// it can start the stack again.
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

    /// What to try, when there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Error {
        self.inner.details.push(detail.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.inner.hint = Some(hint.into());
        self
    }

    /// Adds what went wrong afterwards. Where this error has a hint of its own, it is the better one.
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
        f.write_str(&self.inner.headline)?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        for detail in &self.inner.details {
            for line in detail.lines() {
                write!(f, "\n  {line}")?;
            }
        }
        if let Some(hint) = &self.inner.hint {
            write!(f, "\n\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
