//! A line of a log: how it is shown, and what it has in common with lines like it.

/// How much of a line is shown.
pub(super) const WIDTH: usize = 500;

/// A line without what differs each time it is printed: times, process ids, ports, durations.
pub(super) fn pattern(line: &str) -> String {
    let line = plain(line);
    let is_separator = |c: char| c.is_whitespace() || "[](){}<>\"'=,;|#".contains(c);
    let mut pattern = String::with_capacity(line.len());
    let mut previous = "";
    for part in line.split_inclusive(is_separator) {
        let word = part.trim_end_matches(is_separator);
        let (is_after, end) = (pattern.chars().next_back(), &part[word.len()..]);
        let is_in_brackets = is_after == Some('[') && end == "]";
        let is_numbered = previous.ends_with("port") || previous.ends_with("pid");
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let varies = is_time(word) || is_duration(word) || is_number && (is_in_brackets || is_numbered);
        pattern.push_str(if varies && !word.is_empty() { "#" } else { word });
        pattern.push_str(end);
        previous = word;
    }
    pattern
}

/// Whether a word is a date, a time of the day, or an address with its port: `10:31:27`, `2026-11-26`, `172.17.0.1:5432`,
/// `1764153087.123`.
fn is_time(word: &str) -> bool {
    let bytes = word.trim_start_matches(':').as_bytes();
    let begins_with_digit = bytes.first().is_some_and(u8::is_ascii_digit);
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let has_colon = bytes
        .windows(3)
        .any(|three| three[1] == b':' && three[0].is_ascii_digit() && three[2].is_ascii_digit());
    let is_dashed = bytes.iter().all(|byte| byte.is_ascii_digit() || b".:/-".contains(byte));
    begins_with_digit && (has_colon || is_dashed && digits >= 8)
}

/// Whether a word is a number with a unit of time.
fn is_duration(word: &str) -> bool {
    let number = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number && matches!(&word[number.len()..], "ns" | "us" | "µs" | "ms" | "s") && !number.is_empty()
}

/// A line for reading: plain, and not too long.
pub(super) fn shown(line: &str) -> String {
    let line = plain(line);
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A line without colours and other control characters.
pub(super) fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            // A control sequence ends with a letter.
            '\x1b' if rest.as_str().starts_with('[') => drop(rest.by_ref().find(char::is_ascii_alphabetic)),
            '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}
