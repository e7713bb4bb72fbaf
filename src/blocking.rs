//! A blocking [`Stack`], for a plain `#[test]` without `async`.
//!
//! ```no_run
//! use greenroom::blocking::{self, Stack};
//!
//! #[test]
//! fn the_extension_is_there() -> Result<(), greenroom::Error> {
//!     let stack = Stack::up("docker-compose.yml")?;
//!     let db = stack.timescale("db")?;
//!     let version = blocking::wait(async move { db.extension_version().await })?;
//!     assert!(version.is_some());
//!     stack.down()
//! }
//! ```
//!
//! Everything here blocks the calling thread. Calls from within an async runtime work, too, since greenroom does the
//! work on its own runtime. But they block one of the caller's worker threads, and other tasks may not run meanwhile.

use std::ops::Deref;
use std::path::Path;

use crate::{Error, StackBuilder, runtime};

/// A stack whose services are all ready. Dereferences to [`greenroom::Stack`](crate::Stack), which gives the handles.
#[derive(Debug)]
#[must_use = "a stack that is not bound is taken down at once: write `let stack = …`"]
pub struct Stack {
    stack: crate::Stack,
}

impl Stack {
    /// Brings up the services of a compose file and waits until they all answer.
    ///
    /// # Errors
    ///
    /// As [`greenroom::Stack::up`](crate::Stack::up).
    pub fn up(file: impl AsRef<Path>) -> Result<Stack, Error> {
        Stack::up_as(crate::Stack::builder(file))
    }

    /// Configures the stack before starting it.
    ///
    /// # Errors
    ///
    /// As [`greenroom::Stack::up`](crate::Stack::up).
    pub fn up_as(builder: StackBuilder) -> Result<Stack, Error> {
        runtime::block_on(builder.up()).map(|stack| Stack { stack })
    }

    /// Takes the stack down.
    ///
    /// # Errors
    ///
    /// As [`greenroom::Stack::down`](crate::Stack::down).
    pub fn down(self) -> Result<(), Error> {
        runtime::block_on(self.stack.down())
    }
}

impl Deref for Stack {
    type Target = crate::Stack;

    fn deref(&self) -> &crate::Stack {
        &self.stack
    }
}

/// Runs an asynchronous call of a handle on greenroom's runtime and waits for the result. A pool created inside `call`
/// belongs to that runtime, so use it only inside such calls.
///
/// # Errors
///
/// The error of the call.
pub fn wait<T: Send + 'static>(
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    runtime::block_on(call)
}
