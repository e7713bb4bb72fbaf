//! Why the command did not do what it was asked to.

use greenroom::Error;

use crate::exit_code;

/// One failure, told once, with the exit code that goes with it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the library says.
    Library(Error),
    /// The arguments do not fit the file, or each other.
    Usage(String),
    /// Something else did not work.
    Failed(String),
    /// A signal ended it; that has been told already.
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
    /// The whole story, when it has not been told yet.
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
