//! A TCP connection that is accepted *and stays open*.
//!
//! The engine's port proxy accepts connections even when nothing listens in the container yet, and closes them at once.
//! An accepted connection alone proves nothing, and on a busy machine the proxy may be late. So what listens in the
//! container has the last word or, where that cannot be seen, a second connection.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::{Target, UnreachablePort};
use crate::address::Address;
use crate::poll::Answer;

/// How long a connection must stay open. The proxy closes within a millisecond on an idle machine.
const STAYS_OPEN: Duration = Duration::from_millis(100);

pub(super) async fn ask(target: &Target<'_>, address: &Address, port: u16) -> Answer {
    let first = connect(address).await;
    if first != Answer::Ready {
        return first;
    }
    let Some(listening) = target.listening().await else { return connect(address).await };
    match UnreachablePort::of(port, listening) {
        None => Answer::Ready,
        Some(_) => Answer::NotYet(format!("only the engine's proxy accepts the connection ({address})")),
    }
}

async fn connect(address: &Address) -> Answer {
    let mut stream = match TcpStream::connect((address.host.as_str(), address.port)).await {
        Ok(stream) => stream,
        Err(error) => return Answer::NotYet(format!("{error} ({address})")),
    };
    match tokio::time::timeout(STAYS_OPEN, stream.read(&mut [0])).await {
        // A server that speaks first, or one that waits for the client.
        Ok(Ok(1..)) | Err(_) => Answer::Ready,
        Ok(Ok(0)) => Answer::NotYet(format!("connection was closed at once ({address})")),
        Ok(Err(error)) => Answer::NotYet(format!("{error} ({address})")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::served;
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_connection_that_is_closed_at_once_is_not_ready() {
        let answer = served(async |stream| drop(stream), async |address| connect(address).await).await;
        assert!(matches!(&answer, Answer::NotYet(seen) if seen.contains("closed at once")), "{answer:?}");
    }

    #[tokio::test]
    async fn a_server_that_waits_for_its_client_is_ready() {
        let silent = async |stream| {
            std::future::pending::<()>().await;
            drop(stream);
        };
        let answer = served(silent, async |address| connect(address).await).await;
        assert_eq!(answer, Answer::Ready);
    }

    #[tokio::test]
    async fn a_port_without_a_listener_is_not_ready() {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let answer = connect(&Address::new("127.0.0.1", port)).await;
        assert!(matches!(&answer, Answer::NotYet(seen) if seen.contains("refused")), "{answer:?}");
    }
}
