//! The first messages of a protocol over TCP. `kind::protocol` defines what to send and what an answer means.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::address::Address;
use crate::compose::Secrets;
use crate::kind::{Conversation, Login, Protocol, Step};
use crate::poll::Answer;

/// How much a server may send before the verdict: longer than any first answer.
const MOST_BYTES: u64 = 16 * 1024;

/// How many characters of an answer are shown.
const SHOWN: usize = 200;

pub(super) async fn ask(
    address: &Address,
    protocol: Protocol,
    login: Option<&Login>,
    secrets: &Secrets,
) -> Answer {
    let mut secrets = secrets.clone();
    // A server that speaks another protocol may echo what it was sent.
    secrets.add(login.and_then(|login| login.password.as_deref()).unwrap_or_default());
    let describe = |text: &str| {
        let shown: String = secrets.hide(text).chars().take(SHOWN).collect();
        format!("{shown} ({address})")
    };
    match converse(address, protocol.begin(login).as_mut()).await {
        Ok(Answer::Ready) => Answer::Ready,
        Ok(Answer::NotYet(seen)) => Answer::NotYet(describe(&seen)),
        Ok(Answer::Never(reason)) => Answer::Never(describe(&reason)),
        Err(error) => Answer::NotYet(describe(&error.to_string())),
    }
}

/// Sends and receives until the conversation reaches its verdict.
async fn converse(address: &Address, conversation: &mut dyn Conversation) -> io::Result<Answer> {
    let mut stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    let (reader, mut writer) = stream.split();
    let mut reader = reader.take(MOST_BYTES);
    let mut heard = Vec::new();
    loop {
        match conversation.next(&heard) {
            Step::Say(words) => {
                writer.write_all(&words).await?;
                heard.clear();
            }
            Step::Listen => {}
            Step::Ready => return Ok(Answer::Ready),
            Step::NotYet(seen) => return Ok(Answer::NotYet(seen)),
            Step::Never(reason) => return Ok(Answer::Never(reason)),
        }
        if reader.read_buf(&mut heard).await? == 0 {
            return Ok(Answer::NotYet(match (reader.limit(), heard.is_empty()) {
                (0, _) => format!("it keeps sending: {}", String::from_utf8_lossy(&heard)),
                (_, true) => "connection was closed without an answer".to_owned(),
                (_, false) => {
                    format!(
                        "connection was closed in the middle of an answer: {}",
                        String::from_utf8_lossy(&heard)
                    )
                }
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::served;
    use super::super::{ATTEMPT, within};
    use super::*;

    /// The probe's answer to a server that waits for the client, says this, and then closes the connection or stays
    /// silent.
    async fn answer_to(says: &[&str], then_closes: bool) -> Answer {
        answer_in(Protocol::Memcached, None, says, then_closes).await
    }

    async fn answer_in(
        protocol: Protocol,
        login: Option<&Login>,
        says: &[&str],
        then_closes: bool,
    ) -> Answer {
        let serve = async |mut stream: TcpStream| {
            let mut heard = [0; 100];
            let _ = stream.read(&mut heard).await.expect("the probe sends something");
            for part in says {
                // The probe may already have its verdict.
                let _ = stream.write_all(part.as_bytes()).await;
            }
            if !then_closes {
                std::future::pending::<()>().await;
            }
        };
        served(serve, async |address| {
            within(ATTEMPT, ask(address, protocol, login, &Secrets::default())).await
        })
        .await
    }

    #[tokio::test]
    async fn an_answer_may_arrive_in_parts() {
        assert_eq!(answer_to(&["VER", "SION 1.6\r", "\n"], false).await, Answer::Ready);
    }

    #[tokio::test]
    async fn a_missing_or_wrong_answer_is_described() {
        let endless = "x".repeat(2 * MOST_BYTES as usize);
        for (says, expected) in [
            (&[][..], "connection was closed without an answer ("),
            (&["VERS"][..], "connection was closed in the middle of an answer: VERS ("),
            (&["ERROR\r\n"], "it answered: ERROR ("),
            (&[endless.as_str()], "it keeps sending: xxxx"),
        ] {
            let answer = answer_to(says, true).await;
            let is_expected =
                matches!(&answer, Answer::NotYet(seen) if seen.starts_with(expected) && seen.len() < 300);
            assert!(is_expected, "{expected}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn a_login_is_sent_and_hidden_in_every_answer() {
        let password = Some("hunter2-hunter2".to_owned());
        let login = Login { user: String::new(), password, database: String::new() };
        for (says, expected) in [
            (&["+OK\r\n", "+PONG\r\n"][..], "Ready"),
            (&["+OK\r\n-LOADING Redis is loading\r\n"], "NotYet(\"it answered: -LOADING Redis is loading ("),
            (
                &["-WRONGPASS invalid\r\n"],
                "Never(\"the server is up, but these credentials do not fit: -WRONG",
            ),
            (&["-NOAUTH required\r\n"], "Never(\"the server is up, but wants another login"),
            (&["-ERR AUTH hunter2-hunter2\r\n"], "NotYet(\"it answered: -ERR AUTH *** ("),
        ] {
            let answer = format!("{:?}", answer_in(Protocol::Redis, Some(&login), says, false).await);
            assert!(answer.starts_with(expected), "{expected}: {answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_costs_one_attempt() {
        assert_eq!(answer_to(&[], false).await, Answer::NotYet("no answer within 5s".to_owned()));
    }
}
