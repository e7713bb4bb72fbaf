//! The two streams: results on standard output, everything else on standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::failure::Failure;

/// Whether the next line overwrites the last line on the terminal. A static, since there is only one terminal.
static PASSING: AtomicBool = AtomicBool::new(false);

/// Prints a result. A pipe closed by its reader, as in `greenroom ps | head -1`, is not a failure.
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

/// Writes lines to standard error. Ignores write errors, since there is nowhere to report them.
pub(crate) fn tell(text: &str) {
    let mut stderr = io::stderr().lock();
    let clear = if PASSING.swap(false, Ordering::Relaxed) { CLEAR_LINE } else { "" };
    let _ = writeln!(stderr, "{clear}{text}");
}

/// Writes a temporary line to the terminal, which the next line overwrites.
pub(crate) fn tell_passing(line: &str) {
    let mut stderr = io::stderr().lock();
    PASSING.store(true, Ordering::Relaxed);
    // A wrapped line could not be cleared, so wrapping is switched off for this line.
    let _ = write!(stderr, "{CLEAR_LINE}\x1b[?7l{}\x1b[?7h", line.trim_end());
    let _ = stderr.flush();
}

/// Whether standard error is a terminal on which lines can be overwritten.
pub(crate) fn can_take_back() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Runs `work`, which only asks the engine. If that takes long, says what it waits for.
pub(crate) async fn patiently<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = tokio::time::sleep(Duration::from_secs(2)) => {}
    }
    tell("waiting for the container engine");
    work.await
}

const CLEAR_LINE: &str = "\r\x1b[2K";
