//! The engine's errors, and their conversion into [`Error`].

use std::fmt;
use std::time::Duration;

use super::shown_address;
use crate::Error;

/// A failed engine operation: what was attempted, and what the engine answered.
#[derive(Clone, Debug)]
pub(crate) struct EngineError {
    /// Completes the sentence "failed to …".
    pub operation: String,
    /// The HTTP status, if the engine answered at all.
    pub status: Option<u16>,
    pub message: String,
    /// Whether the engine gave no sign of life while the request was under way.
    pub is_silent: bool,
}

impl EngineError {
    /// A failure without an answer from the engine.
    pub(crate) fn new(operation: impl Into<String>, message: impl fmt::Display) -> EngineError {
        EngineError {
            operation: operation.into(),
            status: None,
            message: message.to_string(),
            is_silent: false,
        }
    }

    /// The engine gave no sign of life for this long.
    pub(crate) fn silent(within: Duration) -> EngineError {
        let operation = format!("talk to the container engine at {}", shown_address());
        EngineError { is_silent: true, ..EngineError::new(operation, no_sign_of_life(within)) }
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
        if error.is_silent {
            return Error::engine_unavailable(error.to_string(), SILENT_HINT.to_owned());
        }
        Error::of_engine(&error)
    }
}

/// Why no engine can be used.
#[derive(Clone, Debug)]
pub(crate) struct ConnectError {
    pub message: String,
    pub hint: String,
}

const SILENT_HINT: &str =
    "it may be stopped or overloaded: `docker version` shows whether it answers; then try again";

fn no_sign_of_life(within: Duration) -> String {
    format!("it gave no sign of life within {within:?}")
}

impl ConnectError {
    /// The engine accepts connections but does not answer.
    pub(crate) fn silent(within: Duration) -> ConnectError {
        ConnectError {
            message: format!(
                "no container engine answers at {}: {}",
                shown_address(),
                no_sign_of_life(within)
            ),
            hint: SILENT_HINT.to_owned(),
        }
    }
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
            is_silent: false,
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
