//! Why the command failed.

use greenroom::Error;
use serde_json::{Value, json};

use crate::exit_code;

/// A failure, which is printed once, and its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of the library.
    Library(Error),
    /// The arguments contradict the file or each other.
    Usage(String),
    /// Something else failed.
    Failed(String),
    /// A signal ended the command; the message has been printed already.
    Interrupted(Signal),
    /// The result on standard output has the failure in it already.
    InResult(Box<Failure>),
}

/// A signal that ends the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    Terminate,
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        }
    }
}

impl Failure {
    /// The full message, unless it has been printed already.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Failure::Library(error) => Some(format!("{error:?}")),
            Failure::Usage(text) | Failure::Failed(text) => Some(text.clone()),
            Failure::Interrupted(_) => None,
            Failure::InResult(failure) => failure.text(),
        }
    }

    /// The value of `error` in a JSON result; `None` if it has been printed already. The keys are those of
    /// [`Error::to_json`].
    pub(crate) fn to_json(&self) -> Option<Value> {
        let (kind, text) = match self {
            Failure::Library(error) => return Some(error.to_json()),
            Failure::InResult(_) => return None,
            Failure::Usage(text) => ("usage", text.clone()),
            Failure::Failed(text) => ("other", text.clone()),
            Failure::Interrupted(signal) => ("interrupted", format!("ended by {}", signal.name())),
        };
        let (message, hint) = match text.split_once("\n\nhint: ") {
            Some((message, hint)) => (message, Some(hint)),
            None => (text.as_str(), None),
        };
        Some(json!({"kind": kind, "message": message, "hint": hint, "problems": [], "evidence": null}))
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Library(error) if error.is_usage() => exit_code::USAGE,
            Failure::Library(error) if error.is_engine_unavailable() => exit_code::NO_ENGINE,
            Failure::Usage(_) => exit_code::USAGE,
            Failure::Library(_) | Failure::Failed(_) => exit_code::NOT_READY,
            Failure::Interrupted(Signal::Interrupt) => exit_code::INTERRUPTED,
            Failure::Interrupted(Signal::Terminate) => exit_code::TERMINATED,
            Failure::InResult(failure) => failure.exit_code(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}
