//! The client's errors as greenroom's.

use testcontainers::bollard::errors::Error as BollardError;

use crate::engine::EngineError;

/// Converts bollard's error and adds the operation.
pub(super) fn failed(operation: String) -> impl FnOnce(BollardError) -> EngineError {
    move |error| {
        let (status, message) = match error {
            BollardError::DockerResponseServerError { status_code, message } => (Some(status_code), message),
            BollardError::DockerStreamError { error } => (None, error),
            error => (None, with_causes(&error)),
        };
        EngineError { operation, status, message: message.trim().to_owned(), is_silent: false }
    }
}

/// The error's text, with those causes that it does not mention.
pub(super) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Takes a removal as done if there was nothing to remove.
pub(super) fn absent_is_fine(removed: Result<(), EngineError>) -> Result<(), EngineError> {
    match removed {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}
