//! Why the command failed.

use greenroom::Error;

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
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Library(error) if error.is_usage() => exit_code::USAGE,
            Failure::Library(error) if error.is_engine_unavailable() => exit_code::NO_ENGINE,
            Failure::Usage(_) => exit_code::USAGE,
            Failure::Library(_) | Failure::Failed(_) => exit_code::NOT_READY,
            Failure::Interrupted(Signal::Interrupt) => exit_code::INTERRUPTED,
            Failure::Interrupted(Signal::Terminate) => exit_code::TERMINATED,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}
