//! Tests that this machine cannot run. Such a test counts as passed, because it cannot tell the runner that it was
//! skipped. So the last lines of the output name it.

use std::fs::OpenOptions;
use std::io::{Write, stdout};
use std::sync::{Mutex, PoisonError};

static SKIPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes that a test could not run, given the test's own function and the reason. If `GREENROOM_SKIPPED_TESTS` names
/// a file, the line is added to it.
pub(crate) fn skip<T>(_test: T, reason: &str) {
    let line = format!("{}: {reason}", std::any::type_name::<T>());
    if let Some(path) = std::env::var_os("GREENROOM_SKIPPED_TESTS") {
        let file = OpenOptions::new().append(true).create(true).open(path);
        let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.expect("the file for skipped tests can be written");
    }
    SKIPPED.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

/// Runs after libtest's summary, when the process exits.
#[dtor::dtor(unsafe)]
fn tell() {
    let skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if !skipped.is_empty() {
        // The reader may have closed the pipe.
        let _ = writeln!(stdout(), "skipped on this machine:\n  {}\n", skipped.join("\n  "));
    }
}
