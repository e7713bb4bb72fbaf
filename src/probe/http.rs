//! An HTTP request whose answer must be acceptable.

use once_cell::sync::OnceCell;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::address::Address;
use crate::compose::Secrets;
use crate::kind::Accept;
use crate::poll::Answer;

/// One client for all probes. It does not pool connections: each attempt must connect anew, as a new client would.
static CLIENT: OnceCell<Client> = OnceCell::new();

/// How much of an answer's body is read: more than any health report.
const MOST_BYTES: usize = 64 * 1024;

/// How many characters of an answer's body are shown.
const SHOWN: usize = 200;

pub(super) fn client() -> Result<&'static Client, Answer> {
    let client = CLIENT.get_or_try_init(|| {
        Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0).build()
    });
    client.map_err(|error| Answer::Never(format!("no HTTP client: {error}")))
}

pub(super) async fn ask(address: &Address, path: &str, accept: Accept, secrets: &Secrets) -> Answer {
    let response = match client() {
        Ok(client) => client.get(format!("http://{address}{path}")).send().await,
        Err(never) => return never,
    };
    let mut response = match response {
        Ok(response) => response,
        Err(error) => return Answer::NotYet(innermost(&error)),
    };
    let status = response.status().as_u16();
    match beginning(&mut response).await {
        Ok(body) if accept.accepts(status, &body) => Answer::Ready,
        Ok(body) => {
            let begin = excerpt(&secrets.hide(&body));
            Answer::NotYet(format!("GET http://{address}{path} answered {status}: {begin}"))
        }
        Err(error) => Answer::NotYet(innermost(&error)),
    }
}

/// The body, as far as it is read.
pub(super) async fn beginning(response: &mut Response) -> reqwest::Result<String> {
    let mut body = Vec::new();
    while body.len() < MOST_BYTES
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MOST_BYTES);
    Ok(String::from_utf8_lossy(&body).into_owned())
}

pub(super) fn excerpt(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(SHOWN).collect()
}

/// The innermost cause says what happened; reqwest's own text only repeats the URL.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let at = error.url().map(|url| format!(" ({url})")).unwrap_or_default();
    format!("{cause}{at}")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::super::scripted::served;
    use super::*;

    #[tokio::test]
    async fn a_secret_is_hidden_before_a_body_is_cut() {
        let mut secrets = Secrets::default();
        secrets.add("hunter2-hunter2");
        let body = format!("{} hunter2-hunter2", "x".repeat(SHOWN - 8));
        let answer = format!("HTTP/1.1 503 Down\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let serve = async |mut stream: TcpStream| {
            let _ = stream.read(&mut [0; 1000]).await.expect("the probe sends something");
            stream.write_all(answer.as_bytes()).await.expect("the probe reads");
        };
        let accept = Accept::Success;
        let seen = served(serve, async |address| ask(address, "/", accept, &secrets).await).await;
        let is_hidden =
            matches!(&seen, Answer::NotYet(seen) if seen.contains("xx ***") && !seen.contains("hunter"));
        assert!(is_hidden, "{seen:?}");
    }

    /// The answer about a server whose answer has this status and does not end.
    async fn answer_to_an_endless(status: &str) -> Answer {
        let serve = async |mut stream: TcpStream| {
            let _ = stream.read(&mut [0; 1024]).await.expect("the probe sends its request");
            let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("the probe reads");
            // Fails once the probe has had enough.
            while stream.write_all(&[b'x'; 8 * 1024]).await.is_ok() {}
        };
        served(serve, async |address| ask(address, "/", Accept::Success, &Secrets::default()).await).await
    }

    #[tokio::test]
    async fn an_endless_body_is_read_only_so_far() {
        assert_eq!(answer_to_an_endless("200 OK").await, Answer::Ready);
        let answer = answer_to_an_endless("503 Unavailable").await;
        let Answer::NotYet(seen) = &answer else { panic!("{answer:?}") };
        assert!(seen.contains("answered 503: xxx") && seen.len() < 300, "{seen}");
    }
}
