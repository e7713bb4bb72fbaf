//! What is saved of a failure.

use std::time::Duration;

use super::{Script, TestStack, ms, secs};

const FILE: &str = "services: {db: {image: db, healthcheck: {test: [CMD, ready]}}}";

/// Line by line, so that a lost or doubled one is seen.
fn lines(count: usize) -> String {
    (0..count).map(|number| format!("{number:09} {}\n", "x".repeat(90))).collect()
}

/// The evidence of a service with this log.
async fn saved(log: &str, per_line: Duration) -> String {
    let stack = TestStack::of(FILE);
    stack.script("db", Script::default().logs(log).ends(ms(0), 3));
    stack.engine.takes("read the log of", "db-1", per_line);
    stack.failure().await;
    stack.evidence("db.log")
}

#[tokio::test(start_paused = true)]
async fn the_log_is_saved_whole_if_it_is_not_very_long() {
    for log in [String::new(), "one\n".to_owned(), "no line end".to_owned(), lines(50_000)] {
        assert!(saved(&log, ms(0)).await == log, "{} bytes", log.len());
    }
}

/// The note between the beginning and the end of a saved log, which are those of `log`.
fn note(saved: &str, log: &str) -> String {
    let (beginning, rest) = saved.split_once("greenroom: ").expect("a part is left out");
    let (note, end) = rest.split_once('\n').expect("there is an end");
    assert!(log.starts_with(beginning) && log.ends_with(end), "{note}");
    assert!(beginning.ends_with('\n') && end.starts_with(|c: char| c.is_ascii_digit()), "{note}");
    format!("{} bytes; {note}; {} lines", beginning.len(), end.lines().count())
}

#[tokio::test(start_paused = true)]
async fn of_a_very_long_log_the_beginning_and_the_end_are_saved() {
    let log = lines(200_000);
    assert_eq!(
        note(&saved(&log, ms(0)).await, &log),
        "1048481 bytes; the log is longer than 5 MiB; its middle is left out here; 10000 lines"
    );
}

#[tokio::test(start_paused = true)]
async fn of_very_long_lines_fewer_are_saved() {
    let log: String = (0..4_000).map(|number| format!("{number:04} {}\n", "x".repeat(4_090))).collect();
    assert_eq!(
        note(&saved(&log, ms(0)).await, &log),
        "1048576 bytes; the log is longer than 5 MiB; its middle is left out here; 1023 lines"
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_takes_long_to_read_is_read_from_its_end() {
    let log = lines(5_000);
    let begin = tokio::time::Instant::now();
    let saved = saved(&log, ms(2)).await;
    assert!(begin.elapsed() < secs(5), "{:?}", begin.elapsed());
    assert_eq!(
        note(&saved, &log),
        "101000 bytes; the whole log takes more than 2s to read; its last lines begin here; 200 lines"
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_give_the_log_is_not_waited_for() {
    assert_eq!(
        saved("first\nsecond\nthird\n", ms(1_200)).await,
        "first\ngreenroom: the whole log takes more than 2s to read; its last lines begin here\n\
         greenroom: the engine did not give the last 200 lines of the log within 2s\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_cannot_be_read_says_why() {
    let stack = TestStack::of(FILE);
    stack.script("db", Script::default().logs("one\n").ends(ms(0), 3));
    stack.engine.fails("read the log of", "db-1", "the logging driver does not support reading");
    stack.failure().await;
    assert_eq!(
        stack.evidence("db.log"),
        "greenroom: failed to read the log of greenroom-shop-1-db-1: the logging driver does not support reading\n"
    );
}
