//! What a panicking test is told.
//!
//! The only place where the library prints. A panic has no error that could say where the logs are, and a test runner
//! shows what a failed test wrote to its standard error.

use std::path::Path;

#[expect(clippy::print_stderr, reason = "a panicking test has no other way to learn this")]
pub(super) fn say_where_the_logs_are(stack: &str, directory: &Path) {
    eprintln!("greenroom: the logs of stack {stack} are saved in {}", directory.display());
}
