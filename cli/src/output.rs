//! The two streams: results on standard output, everything else on standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::failure::Failure;

/// Whether the last line on the terminal is one that the next line takes the place of. There is one terminal.
static PASSING: AtomicBool = AtomicBool::new(false);

/// Prints a result. A reader who has seen enough (`greenroom ps | head -1`) has closed the pipe; that is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// Writes lines to standard error. There is nobody to tell when that fails.
pub(crate) fn tell(text: &str) {
    let mut stderr = io::stderr().lock();
    let clear = if PASSING.swap(false, Ordering::Relaxed) { CLEAR_LINE } else { "" };
    let _ = writeln!(stderr, "{clear}{text}");
}

/// Writes a line to the terminal that the next one takes the place of.
pub(crate) fn tell_passing(line: &str) {
    let mut stderr = io::stderr().lock();
    PASSING.store(true, Ordering::Relaxed);
    // A line that wrapped could not be cleared, so the terminal cuts it at its edge for once.
    let _ = write!(stderr, "{CLEAR_LINE}\x1b[?7l{}\x1b[?7h", line.trim_end());
    let _ = stderr.flush();
}

/// Whether standard error is a terminal on which a line can be taken back.
pub(crate) fn can_take_back() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

const CLEAR_LINE: &str = "\r\x1b[2K";
