//! Memcached's text protocol: the server answers `version` with, for example, `VERSION 1.6.18`.
//! <https://github.com/memcached/memcached/blob/master/doc/protocol.txt>

use super::{Conversation, Row, Step, first_line};

pub(super) const ROW: Row =
    Row { port: 11211, words: "reports its version", begin: |_login| Box::new(Memcached) };

struct Memcached;

impl Conversation for Memcached {
    fn next(&mut self, heard: &[u8]) -> Step {
        match first_line(heard) {
            None if heard.is_empty() => Step::Say(b"version\r\n".to_vec()),
            None => Step::Listen,
            Some(line) if line.starts_with("VERSION ") => Step::Ready,
            // The server speaks the protocol. Its logins are in a file that no setting names.
            Some(line) if line == "CLIENT_ERROR unauthenticated" => Step::Ready,
            Some(line) => Step::NotYet(format!("it answered: {line}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_a_server_are_judged() {
        for (heard, step) in [
            ("", Step::Say(b"version\r\n".to_vec())),
            ("VERS", Step::Listen),
            ("VERSION 1.6.18\r\n", Step::Ready),
            ("CLIENT_ERROR unauthenticated\r\n", Step::Ready),
            ("ERROR\r\n", Step::NotYet("it answered: ERROR".to_owned())),
        ] {
            assert_eq!(Memcached.next(heard.as_bytes()), step, "{heard}");
        }
    }
}
