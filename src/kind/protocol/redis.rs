//! RESP, the protocol of Redis and compatible servers: `AUTH` if a password is known, then `PING`.
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use super::{Conversation, Login, Row, Step};

pub(super) const ROW: Row =
    Row { port: 6379, words: "answers PING", begin: |login| Box::new(Redis::new(login)) };

struct Redis {
    commands: Vec<u8>,
    logs_in: bool,
}

impl Redis {
    fn new(login: Option<&Login>) -> Redis {
        let mut commands = Vec::new();
        let password = login.and_then(|login| Some((login.user.as_str(), login.password.as_deref()?)));
        match password {
            // Servers before Redis 6 have no users.
            Some(("", password)) => command(&mut commands, &["AUTH", password]),
            Some((user, password)) => command(&mut commands, &["AUTH", user, password]),
            None => {}
        }
        command(&mut commands, &["PING"]);
        Redis { commands, logs_in: password.is_some() }
    }
}

/// Adds a command: an array of strings, each with its length.
fn command(commands: &mut Vec<u8>, words: &[&str]) {
    commands.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        commands.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
}

impl Conversation for Redis {
    fn next(&mut self, heard: &[u8]) -> Step {
        if heard.is_empty() {
            return Step::Say(self.commands.clone());
        }
        let text = String::from_utf8_lossy(heard);
        let mut replies = text.split_inclusive('\n').filter_map(|line| line.strip_suffix("\r\n"));
        match replies.next() {
            Some(reply) if self.logs_in && is_logged_in(reply) => replies.next().map_or(Step::Listen, judge),
            // The server speaks the protocol. Nothing more can be asked without the password, which may be in a file.
            Some(reply) if !self.logs_in && reply.starts_with("-NOAUTH ") => Step::Ready,
            Some(reply) => judge(reply),
            None => Step::Listen,
        }
    }
}

/// Whether commands may follow this answer to `AUTH`. A server without a password needs no login: the file may state a
/// password that the image does not read.
fn is_logged_in(reply: &str) -> bool {
    reply == "+OK"
        || reply.contains("no password is set")
        || reply.contains("without any password configured")
}

/// The meaning of a reply. Unlisted errors are temporary: `-LOADING`, `-MASTERDOWN`, `-BUSY`, too many clients.
fn judge(reply: &str) -> Step {
    let (code, message) = reply.split_once(' ').unwrap_or((reply, ""));
    let never = |what: &str| Step::Never(format!("the server is up, but {what}: {reply}"));
    match code {
        // The login is valid; the user is only not allowed to PING.
        "+PONG" | "-NOPERM" => Step::Ready,
        "-WRONGPASS" => never("these credentials do not fit"),
        // Before Redis 6.
        "-ERR" if message == "invalid password" => never("these credentials do not fit"),
        "-NOAUTH" => never("wants another login"),
        "-DENIED" => never("is in protected mode, which keeps other machines out"),
        _ => Step::NotYet(format!("it answered: {reply}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str) -> Login {
        Login { user: user.to_owned(), password: Some("pass word".to_owned()), database: "0".to_owned() }
    }

    #[test]
    fn it_logs_in_as_far_as_a_login_is_known() {
        const PING: &str = "*1\r\n$4\r\nPING\r\n";
        let without_password = Login { password: None, ..login("me") };
        for (login, auth) in [
            (None, ""),
            (Some(without_password), ""),
            (Some(login("")), "*2\r\n$4\r\nAUTH\r\n$9\r\npass word\r\n"),
            (Some(login("me")), "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$9\r\npass word\r\n"),
        ] {
            let said = Redis::new(login.as_ref()).next(b"");
            assert_eq!(said, Step::Say(format!("{auth}{PING}").into_bytes()));
        }
    }

    #[test]
    fn the_answers_of_a_server_are_judged() {
        for (logs_in, heard, step) in [
            (false, "+PO", "listen"),
            (false, "+PONG\r", "listen"),
            (false, "+PONG\r\n", "ready"),
            (false, "-LOADING Redis is loading the dataset in memory\r\n", "not yet: it answered: -LOADING"),
            (false, "-MASTERDOWN Link with MASTER is down\r\n", "not yet: it answered: -MASTERDOWN"),
            (false, "-BUSY Redis is busy running a script.\r\n", "not yet: it answered: -BUSY"),
            (false, "-ERR max number of clients reached\r\n", "not yet: it answered: -ERR max"),
            (false, "HTTP/1.1 400 Bad Request\r\n", "not yet: it answered: HTTP/1.1 400"),
            (false, "-NOAUTH Authentication required.\r\n", "ready"),
            (
                true,
                "+OK\r\n-NOAUTH Authentication required.\r\n",
                "never: the server is up, but wants another login",
            ),
            (
                false,
                "-DENIED Redis is running in protected mode\r\n",
                "never: the server is up, but is in protected",
            ),
            (true, "+OK\r\n", "listen"),
            (true, "+OK\r\n+PONG\r\n", "ready"),
            (
                true,
                "+OK\r\n-LOADING Redis is loading the dataset in memory\r\n",
                "not yet: it answered: -LOADING",
            ),
            (true, "+OK\r\n-NOPERM this user has no permissions to run the 'ping' command\r\n", "ready"),
            (true, "-ERR Client sent AUTH, but no password is set\r\n+PONG\r\n", "ready"),
            (
                true,
                "-ERR AUTH <password> called without any password configured for the default user.\r\n+PONG\r\n",
                "ready",
            ),
            (
                true,
                "-WRONGPASS invalid username-password pair or user is disabled.\r\n-NOAUTH Authentication required.\r\n",
                "never: the server is up, but these credentials do not fit: -WRONGPASS invalid",
            ),
            (
                true,
                "-ERR invalid password\r\n",
                "never: the server is up, but these credentials do not fit: -ERR",
            ),
        ] {
            let login = logs_in.then(|| login(""));
            let told = match Redis::new(login.as_ref()).next(heard.as_bytes()) {
                Step::Say(_) => "say".to_owned(),
                Step::Listen => "listen".to_owned(),
                Step::Ready => "ready".to_owned(),
                Step::NotYet(seen) => format!("not yet: {seen}"),
                Step::Never(reason) => format!("never: {reason}"),
            };
            assert!(told.starts_with(step), "{heard:?}: {told}");
        }
    }
}
