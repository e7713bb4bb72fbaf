//! A text in the container's log.

use super::Target;
use crate::poll::Answer;

pub(super) async fn ask(target: &Target<'_>, text: &str) -> Answer {
    match target.engine.logs(&target.known.id, None).await {
        Ok(log) if log.contains(text) => Answer::Ready,
        Ok(log) => Answer::NotYet(match log.lines().rfind(|line| !line.trim().is_empty()) {
            Some(last) => format!("`{text}` is not in the log; its last line is: {last}"),
            None => "the log is empty".to_owned(),
        }),
        Err(error) => super::of_engine(&error),
    }
}
