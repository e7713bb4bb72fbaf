//! The engine's errors, and their conversion into [`Error`].

use std::fmt;

use crate::Error;

/// A failed engine operation: what was attempted, and what the engine answered.
#[derive(Clone, Debug)]
pub(crate) struct EngineError {
    /// Completes the sentence "failed to …".
    pub operation: String,
    /// The HTTP status, if the engine answered at all.
    pub status: Option<u16>,
    pub message: String,
}

impl EngineError {
    /// A failure without an answer from the engine.
    pub(crate) fn new(operation: impl Into<String>, message: impl fmt::Display) -> EngineError {
        EngineError { operation: operation.into(), status: None, message: message.to_string() }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.operation, self.message)
    }
}

impl std::error::Error for EngineError {}

/// `?` loses nothing: the text already names the operation.
impl From<EngineError> for Error {
    fn from(error: EngineError) -> Error {
        Error::of_engine(&error)
    }
}

/// Why no engine can be used.
#[derive(Clone, Debug)]
pub(crate) struct ConnectError {
    pub message: String,
    pub hint: String,
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        Error::engine_unavailable(error.message, error.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn an_operation_that_failed_is_named() {
        let error = EngineError {
            operation: "remove container `db`".to_owned(),
            status: Some(500),
            message: "device or resource busy".to_owned(),
        };
        assert_eq!(
            format!("{:?}", Error::from(error)),
            "failed to remove container `db`: device or resource busy"
        );
    }

    #[test]
    fn an_engine_that_is_not_there_is_told_with_what_to_do() {
        let error = Error::from(ConnectError {
            message: "no container engine answers at unix:///var/run/docker.sock".to_owned(),
            hint: "start Docker, or set DOCKER_HOST".to_owned(),
        });
        assert!(error.is_engine_unavailable());
        expect![[r#"
            no container engine answers at unix:///var/run/docker.sock

            hint: start Docker, or set DOCKER_HOST"#]]
        .assert_eq(&format!("{error:?}"));
    }
}
