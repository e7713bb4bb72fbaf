//! Which lines of a log look like errors.

/// Only the beginning of a line is read.
const READ: usize = 1_000;

/// The levels of errors, as programs write them.
const ERRORS: &[&str] = &[
    "error",
    "eror",
    "err",
    "fatal",
    "panic",
    "dpanic",
    "crit",
    "critical",
    "severe",
    "alert",
    "emerg",
    "emergency",
    "fail",
];

/// The other levels.
const CALM: &[&str] = &[
    "trace",
    "trce",
    "debug",
    "dbug",
    "dbg",
    "verbose",
    "info",
    "inf",
    "information",
    "notice",
    "note",
    "log",
    "warn",
    "warning",
    "wrn",
];

/// The keys before a level: `level=error`, `"severity":"ERROR"`.
const LEVEL_KEYS: &[&str] = &["level", "lvl", "severity", "loglevel", "log_level", "levelname"];

/// Numbers are the levels of Node's pino and bunyan: 50 is an error, 60 is fatal.
const FIRST_ERROR: u8 = 50;

/// What lines without a level say of errors, in lower case.
const PHRASES: &[&str] = &[
    "fatal error",
    "npm error",
    "traceback (most recent call last)",
    "panicked at",
    "caused by:",
    "unhandled",
    "uncaught",
    "exception in thread",
    "segmentation fault",
    "out of memory",
    "already in use",
    "permission denied",
    "no such file",
    "not found",
    "cannot ",
    "can't ",
    "could not ",
    "unable to ",
    "failed",
];

/// Whether a line looks like an error: its level says so or, if it has none, its words do.
pub(super) fn looks_like_error(line: &str) -> bool {
    let line = &line[..line.floor_char_boundary(READ)];
    levels(line).next().unwrap_or_else(|| {
        is_exception(line) || {
            let line = line.to_lowercase();
            PHRASES.iter().any(|phrase| line.contains(phrase))
        }
    })
}

/// For each level in a line, whether it is an error's.
fn levels(line: &str) -> impl Iterator<Item = bool> {
    let mut key = String::new();
    words(line).filter_map(move |(at, word)| {
        let lower = word.to_lowercase();
        let is_after_key = LEVEL_KEYS.contains(&std::mem::replace(&mut key, lower.clone()).as_str());
        let level = level(&lower).or_else(|| level_of_number(word).filter(|_| is_after_key));
        // Klog's: the first letter of the level, then month and day.
        let klog = || {
            let (letter, date) = word.split_at_checked(1)?;
            let is_klog = at == 0 && date.len() == 4 && date.bytes().all(|byte| byte.is_ascii_digit());
            is_klog.then_some(matches!(letter, "E" | "F"))
        };
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        let is_set_off = word.chars().all(char::is_uppercase)
            || after == Some(':')
            || matches!((before, after), (Some('['), Some(']')) | (Some('<'), Some('>')));
        level.filter(|_| is_after_key || is_set_off).or_else(klog)
    })
}

fn level(word: &str) -> Option<bool> {
    let is_error = ERRORS.contains(&word);
    (is_error || CALM.contains(&word)).then_some(is_error)
}

fn level_of_number(word: &str) -> Option<bool> {
    word.parse().ok().map(|number: u8| number >= FIRST_ERROR)
}

/// Whether a line names an error's type: `ValueError: …`, `java.io.IOException: …`.
fn is_exception(line: &str) -> bool {
    words(line).any(|(at, word)| {
        let is_type = ["Error", "Exception"].iter().any(|end| word.len() > end.len() && word.ends_with(end));
        is_type && matches!(line[at + word.len()..].chars().next(), None | Some(':' | '('))
    })
}

/// The words of a line, with their places.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words = line.split(move |c| !is_part(c)).filter(|word| !word.is_empty());
    words.map(move |word| (word.as_ptr() as usize - line.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_look_as_programs_print_them() {
        for line in [
            // PostgreSQL, MariaDB, Redis, nginx, Grafana 6 and 9
            "2026-11-26 10:31:27.123 UTC [52] FATAL:  role \"app\" does not exist",
            "2026-11-26 10:31:27.123 UTC [52] ERROR:  relation \"orders\" does not exist at character 15",
            "2026-11-26 10:31:27 0 [ERROR] mariadbd: unknown variable 'x=1'",
            "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***",
            "1:C 26 Nov 2026 10:31:27.000 # Fatal error, can't open config file '/x'",
            "2026/11/26 10:31:27 [emerg] 1#1: host not found in upstream \"api\" in /etc/nginx/conf.d/x.conf:3",
            "nginx: [emerg] unexpected end of file in /etc/nginx/nginx.conf:9",
            "t=2026-11-26T10:31:27+0000 lvl=eror msg=\"Failed to load dashboard\" logger=provisioning error=\"x\"",
            "logger=provisioning t=2026-11-26T10:31:27Z level=error msg=\"Failed to provision data sources\"",
            // Java
            "2026-11-26T10:31:27.123Z ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed",
            "Exception in thread \"main\" java.lang.NullPointerException",
            "Caused by: java.net.UnknownHostException: db",
            "java.lang.IllegalStateException: no address",
            "Nov 26, 2026 10:31:27 AM org.example.Main main SEVERE: out of ledgers",
            // Go
            "panic: runtime error: index out of range [3] with length 3",
            "fatal error: all goroutines are asleep - deadlock!",
            "2026/11/26 10:31:27 listen tcp :80: bind: address already in use",
            "time=\"2026-11-26T10:31:27Z\" level=fatal msg=\"cannot reach the database\"",
            "{\"level\":\"error\",\"ts\":1764153087.1,\"msg\":\"no route\"}",
            "E1126 10:31:27.123456       1 main.go:10] no route",
            // Python
            "Traceback (most recent call last):",
            "ValueError: invalid literal for int() with base 10: 'x'",
            "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection refused",
            "ERROR:root:no route",
            "2026-11-26 10:31:27,123 - app - CRITICAL - no route",
            "[2026-11-26 10:31:27 +0000] [1] [ERROR] Exception in worker process",
            // Node
            "Error: listen EADDRINUSE: address already in use :::80",
            "TypeError: x is not a function",
            "npm ERR! missing script: start",
            "npm error Missing script: \"start\"",
            "{\"level\":50,\"time\":1764153087123,\"pid\":1,\"msg\":\"no route\"}",
            // Rust, .NET, shells
            "thread 'main' panicked at src/main.rs:3:5:",
            "Error: cannot reach the database",
            "  2026-11-26T10:31:27.123456Z ERROR ledger: no route",
            "fail: Microsoft.EntityFrameworkCore.Database.Command[20102]",
            "Unhandled exception. System.InvalidOperationException: no route",
            "sh: 1: ledger: not found",
            "/entrypoint.sh: line 3: /data/x: Permission denied",
        ] {
            assert!(looks_like_error(line), "{line}");
        }
    }

    #[test]
    fn other_lines_do_not() {
        for line in [
            "",
            "2026-11-26 10:31:27.123 UTC [1] LOG:  database system is ready to accept connections",
            "2026-11-26 10:31:27.123 UTC [52] STATEMENT:  SELECT 1",
            "2026-11-26 10:31:27.123 UTC [52] WARNING:  no error here",
            "2026-11-26 10:31:27 0 [Note] InnoDB: errors are logged to /var/log/error.log",
            "t=2026-11-26T10:31:27+0000 lvl=info msg=\"HTTP error handler registered\" error=null",
            "logger=http t=2026-11-26T10:31:27Z level=warn msg=\"failed to look up the user\"",
            "{\"level\":\"info\",\"msg\":\"ERROR is a word\"}",
            "{\"level\":30,\"msg\":\"failed logins: 0\"}",
            "INFO:     Application startup complete; error reporting is on",
            "I1126 10:31:27.123456       1 main.go:10] could not be better",
            "172.17.0.1 - - [26/Nov/2026:10:31:27 +0000] \"GET /error HTTP/1.1\" 200 2",
            "loaded error_pages, 0 errors",
            "DEBUG could not find an error",
        ] {
            assert!(!looks_like_error(line), "{line}");
        }
    }
}
