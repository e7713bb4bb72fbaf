//! A text in the container's log.

use std::ops::ControlFlow;

use super::Target;
use crate::poll::Answer;

/// How much of the log is kept while it is read: its end, whose last line is shown.
const KEPT: usize = 8 * 1024;

pub(super) async fn ask(target: &Target<'_>, text: &str) -> Answer {
    let mut search = Search::of(text);
    let mut found = text.is_empty();
    let mut sink = |piece: &[u8]| {
        found = search.finds_in(piece);
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    if let Err(error) = target.engine.read_log(&target.known.id, None, &mut sink).await {
        return super::of_engine(&error);
    }
    if found {
        return Answer::Ready;
    }
    Answer::NotYet(match search.last_line() {
        Some(last) => format!("`{text}` is not in the log; its last line is: {last}"),
        None => "the log is empty".to_owned(),
    })
}

/// Looks for a text in a log of any length, which comes in pieces.
struct Search<'a> {
    text: &'a [u8],
    /// The end of what has come so far.
    end: Vec<u8>,
    /// Whether `end` is not all of it.
    is_cut: bool,
}

impl Search<'_> {
    fn of(text: &str) -> Search<'_> {
        Search { text: text.as_bytes(), end: Vec::new(), is_cut: false }
    }

    /// Whether the text ends in this piece of the log.
    fn finds_in(&mut self, piece: &[u8]) -> bool {
        let from = (self.end.len() + 1).saturating_sub(self.text.len());
        self.end.extend_from_slice(piece);
        let found =
            self.text.is_empty() || self.end[from..].windows(self.text.len()).any(|part| part == self.text);
        let kept = KEPT.max(self.text.len());
        if self.end.len() > 2 * kept {
            self.end.drain(..self.end.len() - kept);
            self.is_cut = true;
        }
        found
    }

    /// The last line that is not blank. Only whole lines count: a part of a secret would not be hidden.
    fn last_line(&self) -> Option<String> {
        let end = String::from_utf8_lossy(&self.end);
        let whole = if self.is_cut { end.split_once('\n').map_or("", |(_, rest)| rest) } else { &*end };
        whole.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the text is found in these pieces, the last line, and how much was kept.
    fn search<'a>(text: &str, pieces: impl IntoIterator<Item = &'a str>) -> (bool, Option<String>, usize) {
        let mut search = Search::of(text);
        let found = pieces.into_iter().any(|piece| search.finds_in(piece.as_bytes()));
        (found, search.last_line(), search.end.capacity())
    }

    #[test]
    fn a_text_is_found_wherever_the_log_is_cut() {
        for (text, pieces, expected) in [
            ("ready", &["starting\n", "ready to serve\n"][..], true),
            ("ready", &["re", "a", "dy"], true),
            ("up\nready", &["up", "\nre", "ady\n"], true),
            ("ready", &["rea", "lly dying"], false),
            ("", &["anything"], true),
            ("ready", &[], false),
        ] {
            assert_eq!(search(text, pieces.iter().copied()).0, expected, "{text} in {pieces:?}");
        }
    }

    #[test]
    fn a_long_log_is_not_kept() {
        let lines = std::iter::repeat_n("one more line of it\n", 100_000);
        let (found, last, kept) = search("ready", lines.clone().chain(["the last\n"]));
        assert_eq!((found, last.as_deref()), (false, Some("the last")));
        assert!(kept < 8 * KEPT, "{kept}");
        assert!(search("ready", lines.chain(["it is ready\n"])).0);
    }

    #[test]
    fn a_part_of_a_line_is_not_shown() {
        let long = "x".repeat(3 * KEPT);
        assert_eq!(search("ready", [long.as_str(), "hunter2"]).1, None);
    }
}
