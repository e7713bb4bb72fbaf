//! A container's log on its way into a file: the whole log or, of a long one, the beginning and the end.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use crate::Error;
use crate::engine::{Engine, EngineError};
use crate::state;

/// The longest log that is saved whole.
const WHOLE: usize = 5 << 20;

/// How much is saved of the beginning of a longer log, and how much of its end.
const BEGINNING: usize = 1 << 20;
const END: usize = 4 << 20;

/// How many lines of the end the engine is asked for; fewer if so many take too long.
const LAST_LINES: [usize; 2] = [10_000, 200];

/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(2);

/// What is saved of a log.
#[derive(Debug, Default)]
pub(super) struct Log {
    beginning: Vec<u8>,
    /// What the file says between the two; empty if nothing is missing.
    note: String,
    end: Vec<u8>,
    /// Why the log could not be read to its end.
    failure: Option<String>,
}

/// Reads a container's log, and never keeps much more of it than is saved.
pub(super) async fn read(engine: &dyn Engine, id: &str) -> Log {
    let mut log = Log::default();
    let mut keep = |piece: &[u8]| {
        log.beginning.extend_from_slice(piece);
        if log.beginning.len() > WHOLE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let read = timeout(WITHIN, engine.read_log(id, None, &mut keep)).await;
    log.note = match read {
        Ok(Ok(())) if log.beginning.len() <= WHOLE => return log,
        Ok(Ok(())) => format!("the log is longer than {} MiB; its middle is left out here", WHOLE >> 20),
        Ok(Err(error)) => {
            log.failure = Some(error.to_string());
            return log;
        }
        Err(_) => format!("the whole log takes more than {WITHIN:?} to read; its last lines begin here"),
    };
    log.beginning.truncate(BEGINNING);
    for lines in LAST_LINES {
        let end = timeout(WITHIN, end(engine, id, lines)).await;
        (log.end, log.failure) = match end {
            Ok(Ok(end)) => return Log { end, failure: None, ..log },
            Ok(Err(error)) => (Vec::new(), Some(error.to_string())),
            Err(_) => {
                let failure =
                    format!("the engine did not give the last {lines} lines of the log within {WITHIN:?}");
                (Vec::new(), Some(failure))
            }
        };
    }
    log
}

/// The last lines of a log, without those that are too much.
async fn end(engine: &dyn Engine, id: &str, lines: usize) -> Result<Vec<u8>, EngineError> {
    let mut end = VecDeque::new();
    let mut is_cut = false;
    let mut keep = |piece: &[u8]| {
        end.extend(piece);
        let surplus = end.len().saturating_sub(END);
        end.drain(..surplus);
        is_cut |= surplus > 0;
        ControlFlow::Continue(())
    };
    engine.read_log(id, Some(lines), &mut keep).await?;
    let mut end = Vec::from(end);
    if is_cut {
        let rest_of_a_line = end.split_inclusive(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
        end.drain(..rest_of_a_line);
    }
    Ok(end)
}

impl Log {
    /// Writes the log. What is missing is said at its place.
    pub(super) fn save(mut self, path: &Path) -> Result<(), Error> {
        if !self.note.is_empty() {
            let last_break = self.beginning.iter().rposition(|byte| *byte == b'\n');
            self.beginning.truncate(last_break.map_or(0, |at| at + 1));
            self.note = format!("greenroom: {}\n", self.note);
        }
        let mut failure = self.failure.map(|failure| format!("greenroom: {failure}\n")).unwrap_or_default();
        let is_line_end = self.end.last().or(self.beginning.last()).is_none_or(|byte| *byte == b'\n');
        if !failure.is_empty() && !is_line_end {
            failure.insert(0, '\n');
        }
        let parts = [&self.beginning, self.note.as_bytes(), &self.end, failure.as_bytes()];
        state::write_private_parts(path, &parts)
    }
}
