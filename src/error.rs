//! What went wrong, told so that the search ends here.

use std::fmt;

use crate::compose::{Problems, nearest};
use crate::engine::{ConnectError, EngineError};

/// Why greenroom could not do what it was asked to.
///
/// `Display` is the first line alone, without the cause and without a final stop. `Debug`, which is what `unwrap()` and
/// a test that returns `Err` print, is the whole story: what greenroom was doing to which service, what it saw, where
/// the evidence is, and after a blank line `hint:` with what to try. Neither shows a secret.
///
/// # Design
///
/// The kinds are private, so that a better message is never a breaking change. For control flow there are predicates:
/// [`is_not_ready`](Error::is_not_ready), [`is_engine_unavailable`](Error::is_engine_unavailable), [`is_usage`](Error::is_usage).
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    headline: String,
    /// Further lines of the story, printed below the headline with two blanks in front.
    details: Vec<String>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The compose files, or names and options that they do not fit.
    Usage,
    EngineUnavailable,
    Engine,
    NotReady,
    VolumeHeld,
    Handle,
    State,
    Teardown,
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

    /// A kept volume is in use by another stack.
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

    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.inner.source = Some(Box::new(source));
        self
    }

    // One constructor per operation.

    pub(crate) fn compose(problems: Problems) -> Error {
        Error::new(Kind::Usage, problems.to_string())
    }

    pub(crate) fn usage(headline: impl Into<String>) -> Error {
        Error::new(Kind::Usage, headline)
    }

    /// `what` (`service`, `volume`) is not among `defined`.
    pub(crate) fn unknown<'a>(what: &str, name: &str, defined: impl IntoIterator<Item = &'a str>) -> Error {
        let defined: Vec<_> = defined.into_iter().collect();
        let near = nearest(name, defined.iter().copied())
            .map(|near| format!("did you mean `{near}`? "))
            .unwrap_or_default();
        let list = if defined.is_empty() {
            format!("the file defines no {what}s")
        } else {
            format!("defined {what}s are {}", list(&defined))
        };
        Error::new(Kind::Usage, format!("there is no {what} `{name}`")).with_hint(format!("{near}{list}"))
    }

    pub(crate) fn engine_unavailable(error: ConnectError) -> Error {
        Error::new(Kind::EngineUnavailable, error.message).with_hint(error.hint)
    }

    pub(crate) fn engine(error: EngineError) -> Error {
        Error::new(Kind::Engine, error.to_string())
    }

    pub(crate) fn runtime(error: std::io::Error) -> Error {
        Error::new(Kind::Engine, "failed to start greenroom's background runtime").with_source(error)
    }

    pub(crate) fn interrupted() -> Error {
        Error::new(Kind::NotReady, "the start was interrupted; what it had started is removed")
    }

    pub(crate) fn not_ready(headline: impl Into<String>) -> Error {
        Error::new(Kind::NotReady, headline)
    }

    pub(crate) fn volume_held(headline: impl Into<String>) -> Error {
        Error::new(Kind::VolumeHeld, headline)
    }

    pub(crate) fn volume(headline: impl Into<String>) -> Error {
        Error::new(Kind::NotReady, headline)
    }

    pub(crate) fn handle(headline: impl Into<String>) -> Error {
        Error::new(Kind::Handle, headline)
    }

    pub(crate) fn state(headline: impl Into<String>) -> Error {
        Error::new(Kind::State, headline)
    }

    pub(crate) fn teardown(stack: &str, failures: &[EngineError]) -> Error {
        let mut error =
            Error::new(Kind::Teardown, format!("stack `{stack}` could not be removed completely"));
        for failure in failures {
            error = error.with_detail(failure.to_string());
        }
        error.with_hint(format!("`greenroom down --stack {stack}` tries again"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::io;

    fn failed(operation: &str) -> EngineError {
        EngineError {
            operation: operation.to_owned(),
            status: Some(500),
            message: "device or resource busy".to_owned(),
        }
    }

    #[test]
    fn display_is_the_first_line_and_debug_the_whole_story() {
        let error = Error::state("cannot lock /state/locks/data")
            .with_source(io::Error::other("the disk is full"))
            .with_detail("volume: data\nwhich is kept")
            .with_detail("another line")
            .with_hint("make room");
        assert_eq!(error.to_string(), "cannot lock /state/locks/data");
        expect![[r#"
            cannot lock /state/locks/data: the disk is full
              volume: data
              which is kept
              another line

            hint: make room"#]]
        .assert_eq(&format!("{error:?}"));
    }

    #[test]
    fn a_later_error_is_told_below_the_first() {
        let later = Error::teardown(
            "greenroom-shop-1",
            &[failed("remove container `db`"), failed("remove network `x`")],
        );
        let error =
            Error::not_ready("service `db` was not ready").with_detail("probe: tcp :80").and_then(later);
        assert!(error.is_not_ready());
        expect![[r#"
            service `db` was not ready
              probe: tcp :80
              stack `greenroom-shop-1` could not be removed completely
                failed to remove container `db`: device or resource busy
                failed to remove network `x`: device or resource busy

            hint: `greenroom down --stack greenroom-shop-1` tries again"#]]
        .assert_eq(&format!("{error:?}"));
    }

    #[test]
    fn the_hint_of_the_first_error_is_kept() {
        let later = Error::teardown("greenroom-shop-1", &[]);
        assert_eq!(Error::not_ready("x").with_hint("first").and_then(later).hint(), Some("first"));
    }

    #[test]
    fn an_unknown_name_is_told_with_what_there_is() {
        let defined = ["db", "web", "worker"];
        expect![[r#"
            there is no service `wrker`

            hint: did you mean `worker`? defined services are `db`, `web`, `worker`"#]]
        .assert_eq(&format!("{:?}", Error::unknown("service", "wrker", defined)));
        expect![[r#"
            there is no service `database`

            hint: defined services are `db`, `web`, `worker`"#]]
        .assert_eq(&format!("{:?}", Error::unknown("service", "database", defined)));
        expect![[r#"
            there is no volume `data`

            hint: the file defines no volumes"#]]
        .assert_eq(&format!("{:?}", Error::unknown("volume", "data", [])));
    }

    #[test]
    fn each_predicate_tells_its_kind_from_the_others() {
        let unavailable =
            ConnectError { message: "no container engine answers".to_owned(), hint: "start one".to_owned() };
        let errors = [
            Error::usage("x"),
            Error::engine_unavailable(unavailable),
            Error::not_ready("x"),
            Error::volume_held("x"),
            Error::engine(failed("x")),
            Error::handle("x"),
            Error::state("x"),
            Error::teardown("x", &[]),
        ];
        let told = errors.iter().map(|error| {
            [error.is_usage(), error.is_engine_unavailable(), error.is_not_ready(), error.is_volume_held()]
        });
        for (index, told) in told.enumerate() {
            assert_eq!(told, [0, 1, 2, 3].map(|kind| kind == index), "{:?}", errors[index]);
        }
    }

    #[test]
    fn an_engine_that_is_not_there_is_told_with_what_to_do() {
        let error = ConnectError {
            message: "no container engine answers at unix:///var/run/docker.sock".to_owned(),
            hint: "start Docker, or set DOCKER_HOST".to_owned(),
        };
        expect![[r#"
            no container engine answers at unix:///var/run/docker.sock

            hint: start Docker, or set DOCKER_HOST"#]]
        .assert_eq(&format!("{:?}", Error::engine_unavailable(error)));
    }
}
