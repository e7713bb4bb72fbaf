//! The part of a service's log that an error shows.

use std::collections::BTreeMap;
use std::path::Path;

use super::error_lines::looks_like_error;
use super::line::{pattern, plain, shown};

/// How much of a long log is looked at, in whole lines: of its beginning, and of its end.
const BEGINNING: usize = 64 << 10;
const END: usize = 256 << 10;

/// How many lines an excerpt has at most, without its headings.
const LINES: usize = 30;

/// How many of them are lines from further above that look like errors.
const ERRORS: usize = 10;

/// An excerpt of so few lines is shown in the log's own order.
const FEW: usize = 10;

/// The last lines are chosen from so many: most of them may be repetitions.
const LOOKED_AT: usize = 3_000;

/// The longest group of lines whose repetitions are folded.
const LONGEST_GROUP: usize = 4;

/// The lines of a saved log that are looked at. `None` if there is no log.
pub(super) fn looked_at(path: &Path) -> Option<String> {
    let log = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
    let from_beginning = log.floor_char_boundary(BEGINNING);
    let from_end = log.floor_char_boundary(log.len().saturating_sub(END));
    // Only whole lines: a part of a secret would not be found.
    let first = log[from_beginning..].find('\n').map_or(log.len(), |at| from_beginning + at + 1);
    let last = log[..from_end].rfind('\n').map_or(0, |at| at + 1);
    Some(if first < last { format!("{}{}", &log[..first], &log[last..]) } else { log })
}

/// The path of a log, the lines that look like errors, and the last lines. No line is shown twice, and repetitions are
/// counted. Secrets are hidden already.
pub(super) fn excerpt(path: &Path, log: &str) -> String {
    let path = path.display();
    let lines: Vec<_> = log.lines().collect();
    if lines.is_empty() {
        return format!("log: {path}, empty");
    }
    let last = last(&lines, &Errors::default());
    let is_short = last.len() <= FEW && lines.len() <= LOOKED_AT;
    let errors = if is_short { Errors::default() } else { Errors::of(&lines) };
    let rest = self::last(&lines, &errors);
    if errors.0.is_empty() || rest.is_empty() {
        return format!("log: {path}, ending in{}", end(&last, LINES));
    }
    let first = errors.shown();
    let (first, rest) = (end(&first, first.len()), end(&rest, LINES - first.len()));
    format!("log: {path}, with these lines that look like errors{first}\nand, besides them, ending in{rest}")
}

/// The last lines, without those that are like one of `errors`. There may be more than an excerpt has. Each entry is a
/// line, or a group of lines with the number of its repetitions.
fn last(lines: &[&str], errors: &Errors) -> Vec<String> {
    let begin = lines.len().saturating_sub(LOOKED_AT);
    let lines = lines[begin..].iter().map(|line| (pattern(line), *line));
    folded(&lines.filter(|(pattern, _)| !errors.0.contains_key(pattern)).collect::<Vec<_>>())
}

/// The last entries that have together at most `most` lines, indented.
fn end(entries: &[String], most: usize) -> String {
    let mut lines = 0;
    let fits = |entry: &&String| {
        lines += entry.lines().count().max(1);
        lines <= most
    };
    let begin = entries.len() - entries.iter().rev().take_while(fits).count();
    entries[begin..].iter().map(|entry| format!("\n  {}", entry.replace('\n', "\n  "))).collect()
}

/// The last lines that look like errors, by their pattern.
#[derive(Default)]
struct Errors(BTreeMap<String, Error>);

struct Error {
    /// The line's number, and the line.
    last: (usize, String),
    /// How many lines are like it.
    count: usize,
}

impl Errors {
    fn of(lines: &[&str]) -> Errors {
        let mut errors = BTreeMap::new();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| looks_like_error(&plain(line))) {
            let error = errors.entry(pattern(line)).or_insert(Error { last: Default::default(), count: 0 });
            *error = Error { last: (number, shown(line)), count: error.count + 1 };
        }
        let mut numbers: Vec<_> = errors.values().map(|error| error.last.0).collect();
        numbers.sort_unstable();
        let first = numbers.len().checked_sub(ERRORS).map_or(0, |at| numbers[at]);
        errors.retain(|_, error| error.last.0 >= first);
        Errors(errors)
    }

    /// The lines in their order, each with the number of those like it.
    fn shown(&self) -> Vec<String> {
        let mut errors: Vec<_> = self.0.values().collect();
        errors.sort_by_key(|error| error.last.0);
        let line = |error: &&Error| match error.count - 1 {
            0 => error.last.1.clone(),
            more => format!("{} (and {more} more like it)", error.last.1),
        };
        errors.iter().map(line).collect()
    }
}

/// Lines for reading, with repetitions of a line, or of a short group of lines, replaced by their number.
fn folded(lines: &[(String, &str)]) -> Vec<String> {
    let mut folded = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let group = (1..=LONGEST_GROUP).find_map(|length| {
            let repeats = repeats(&lines[at..], length);
            // The line with the number must save more than itself.
            (repeats > 1).then_some((length, repeats))
        });
        let (length, repeats) = group.unwrap_or((1, 0));
        let mut entry: Vec<_> = lines[at..at + length].iter().map(|(_, line)| shown(line)).collect();
        match (length, repeats) {
            (_, 0) => {}
            (1, more) => entry.push(format!("… {more} more like it")),
            (length, more) => entry.push(format!("… and these {length} lines {more} times more")),
        }
        folded.push(entry.join("\n"));
        at += length * (repeats + 1);
    }
    folded
}

/// How often the first `length` lines are repeated right after themselves.
fn repeats(lines: &[(String, &str)], length: usize) -> usize {
    let mut groups = lines.chunks_exact(length).map(|group| group.iter().map(|(pattern, _)| pattern));
    let Some(first) = groups.next() else { return 0 };
    groups.take_while(|group| group.clone().eq(first.clone())).count()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::line::WIDTH;
    use super::*;

    fn check(lines: impl IntoIterator<Item = String>, expected: &Expect) {
        let log = lines.into_iter().map(|line| line + "\n").collect::<String>();
        expected.assert_eq(&excerpt(Path::new("/db.log"), &log));
    }

    /// Lines that are all different.
    fn chatter(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("2026-11-26 10:31:27 INFO applied step {number}")).collect()
    }

    fn with(mut lines: Vec<String>, more: &[&str]) -> Vec<String> {
        lines.extend(more.iter().map(|&line| line.to_owned()));
        lines
    }

    #[test]
    fn a_short_log_is_shown_as_it_is() {
        check([], &expect!["log: /db.log, empty"]);
        check(
            with(chatter(1), &["\x1b[31mERROR\x1b[0m no route", "bye"]),
            &expect![[r#"
            log: /db.log, ending in
              2026-11-26 10:31:27 INFO applied step 1
              ERROR no route
              bye"#]],
        );
    }

    #[test]
    fn lines_that_look_like_errors_come_first() {
        let error = "t=2026-11-26T10:31:27 lvl=eror msg=\"Failed to provision\"";
        check(
            with(with(chatter(3), &[error]), &chatter(25).iter().map(String::as_str).collect::<Vec<_>>()),
            &expect![[r#"
            log: /db.log, with these lines that look like errors
              t=2026-11-26T10:31:27 lvl=eror msg="Failed to provision"
            and, besides them, ending in
              2026-11-26 10:31:27 INFO applied step 1
              2026-11-26 10:31:27 INFO applied step 2
              2026-11-26 10:31:27 INFO applied step 3
              2026-11-26 10:31:27 INFO applied step 1
              2026-11-26 10:31:27 INFO applied step 2
              2026-11-26 10:31:27 INFO applied step 3
              2026-11-26 10:31:27 INFO applied step 4
              2026-11-26 10:31:27 INFO applied step 5
              2026-11-26 10:31:27 INFO applied step 6
              2026-11-26 10:31:27 INFO applied step 7
              2026-11-26 10:31:27 INFO applied step 8
              2026-11-26 10:31:27 INFO applied step 9
              2026-11-26 10:31:27 INFO applied step 10
              2026-11-26 10:31:27 INFO applied step 11
              2026-11-26 10:31:27 INFO applied step 12
              2026-11-26 10:31:27 INFO applied step 13
              2026-11-26 10:31:27 INFO applied step 14
              2026-11-26 10:31:27 INFO applied step 15
              2026-11-26 10:31:27 INFO applied step 16
              2026-11-26 10:31:27 INFO applied step 17
              2026-11-26 10:31:27 INFO applied step 18
              2026-11-26 10:31:27 INFO applied step 19
              2026-11-26 10:31:27 INFO applied step 20
              2026-11-26 10:31:27 INFO applied step 21
              2026-11-26 10:31:27 INFO applied step 22
              2026-11-26 10:31:27 INFO applied step 23
              2026-11-26 10:31:27 INFO applied step 24
              2026-11-26 10:31:27 INFO applied step 25"#]],
        );
        let mut many = chatter(30);
        for number in 1..=15 {
            many.push(format!("ERROR no route to host-{number}"));
        }
        many.extend(chatter(2));
        check(
            many,
            &expect![[r#"
            log: /db.log, with these lines that look like errors
              ERROR no route to host-6
              ERROR no route to host-7
              ERROR no route to host-8
              ERROR no route to host-9
              ERROR no route to host-10
              ERROR no route to host-11
              ERROR no route to host-12
              ERROR no route to host-13
              ERROR no route to host-14
              ERROR no route to host-15
            and, besides them, ending in
              2026-11-26 10:31:27 INFO applied step 18
              2026-11-26 10:31:27 INFO applied step 19
              2026-11-26 10:31:27 INFO applied step 20
              2026-11-26 10:31:27 INFO applied step 21
              2026-11-26 10:31:27 INFO applied step 22
              2026-11-26 10:31:27 INFO applied step 23
              2026-11-26 10:31:27 INFO applied step 24
              2026-11-26 10:31:27 INFO applied step 25
              2026-11-26 10:31:27 INFO applied step 26
              2026-11-26 10:31:27 INFO applied step 27
              2026-11-26 10:31:27 INFO applied step 28
              2026-11-26 10:31:27 INFO applied step 29
              2026-11-26 10:31:27 INFO applied step 30
              ERROR no route to host-1
              ERROR no route to host-2
              ERROR no route to host-3
              ERROR no route to host-4
              ERROR no route to host-5
              2026-11-26 10:31:27 INFO applied step 1
              2026-11-26 10:31:27 INFO applied step 2"#]],
        );
    }

    #[test]
    fn repetitions_are_counted() {
        let probed = |second: usize| {
            format!("2026-11-26 10:31:{second:02}.123 UTC [{}] LOG:  incomplete startup packet", 50 + second)
        };
        check(
            (0..30).map(probed),
            &expect![[r#"
            log: /db.log, ending in
              2026-11-26 10:31:00.123 UTC [50] LOG:  incomplete startup packet
              … 29 more like it"#]],
        );
        let pairs = (0..30).flat_map(|second| {
            [format!("connection from 172.17.0.1:{}", 40_000 + second), format!("GET / 503 in {second}ms")]
        });
        check(
            with(pairs.collect(), &["bye"]),
            &expect![[r#"
            log: /db.log, ending in
              connection from 172.17.0.1:40000
              GET / 503 in 0ms
              … and these 2 lines 29 times more
              bye"#]],
        );
        let again = (0..50).map(|second| format!("10:31:{second:02} ERROR no route to db"));
        let lines = again.zip(chatter(50)).flat_map(|(error, line)| [error, line]);
        check(
            lines,
            &expect![[r#"
            log: /db.log, with these lines that look like errors
              10:31:49 ERROR no route to db (and 49 more like it)
            and, besides them, ending in
              2026-11-26 10:31:27 INFO applied step 22
              2026-11-26 10:31:27 INFO applied step 23
              2026-11-26 10:31:27 INFO applied step 24
              2026-11-26 10:31:27 INFO applied step 25
              2026-11-26 10:31:27 INFO applied step 26
              2026-11-26 10:31:27 INFO applied step 27
              2026-11-26 10:31:27 INFO applied step 28
              2026-11-26 10:31:27 INFO applied step 29
              2026-11-26 10:31:27 INFO applied step 30
              2026-11-26 10:31:27 INFO applied step 31
              2026-11-26 10:31:27 INFO applied step 32
              2026-11-26 10:31:27 INFO applied step 33
              2026-11-26 10:31:27 INFO applied step 34
              2026-11-26 10:31:27 INFO applied step 35
              2026-11-26 10:31:27 INFO applied step 36
              2026-11-26 10:31:27 INFO applied step 37
              2026-11-26 10:31:27 INFO applied step 38
              2026-11-26 10:31:27 INFO applied step 39
              2026-11-26 10:31:27 INFO applied step 40
              2026-11-26 10:31:27 INFO applied step 41
              2026-11-26 10:31:27 INFO applied step 42
              2026-11-26 10:31:27 INFO applied step 43
              2026-11-26 10:31:27 INFO applied step 44
              2026-11-26 10:31:27 INFO applied step 45
              2026-11-26 10:31:27 INFO applied step 46
              2026-11-26 10:31:27 INFO applied step 47
              2026-11-26 10:31:27 INFO applied step 48
              2026-11-26 10:31:27 INFO applied step 49
              2026-11-26 10:31:27 INFO applied step 50"#]],
        );
    }

    #[test]
    fn what_differs_in_more_than_time_is_no_repetition() {
        for (one, other) in [
            ("panicked at src/main.rs:13:15:", "panicked at src/main.rs:17:15:"),
            ("step 1", "step 2"),
            ("listening on 80", "listening on 81"),
            ("[a] up", "[b] up"),
        ] {
            assert_ne!(pattern(one), pattern(other));
        }
    }

    #[test]
    fn of_a_long_log_whole_lines_of_the_beginning_and_the_end_are_looked_at() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("db.log");
        assert_eq!(looked_at(&path), None);
        let line = |number: usize| format!("{number:06} {}\n", "ä".repeat(46));
        let lines = |count: usize| (0..count).map(line).collect::<String>();
        for (log, expected) in [
            (lines(1_000), lines(1_000)),
            (lines(10_000), lines(656) + &(7_378..10_000).map(line).collect::<String>()),
            ("ä".repeat(1 << 20), "ä".repeat(1 << 20)),
        ] {
            std::fs::write(&path, &log).expect("there is room");
            assert!(looked_at(&path).as_deref() == Some(&expected), "{}", log.len());
        }
        std::fs::write(&path, b"not \xff text").expect("there is room");
        assert_eq!(looked_at(&path).as_deref(), Some("not \u{fffd} text"));
    }

    #[test]
    fn an_excerpt_has_a_longest_line_and_a_largest_number_of_lines() {
        let log = "Exception: x\n".repeat(3) + &format!("{}\n", "ä".repeat(2_000)).repeat(2);
        let long = excerpt(Path::new("/db.log"), &log);
        assert!(long.lines().all(|line| line.chars().count() <= WIDTH + 3), "{long}");
        let lines: Vec<_> = (0..20_000).map(|number| format!("ERROR {number}\nline {number}\n")).collect();
        assert_eq!(excerpt(Path::new("/db.log"), &lines.concat()).lines().count(), LINES + 2);
    }
}
