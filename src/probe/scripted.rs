//! A server for the probes' tests: it accepts one connection and lets the test serve it.

use tokio::net::{TcpListener, TcpStream};

use crate::address::Address;
use crate::poll::Answer;

/// The answer of `ask` about a server that runs `serve` and then keeps silent.
pub(super) async fn served(
    serve: impl AsyncFnOnce(TcpStream),
    ask: impl AsyncFnOnce(&Address) -> Answer,
) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let server = async {
        let (stream, _) = listener.accept().await.expect("the probe connects");
        serve(stream).await;
        std::future::pending::<()>().await;
    };
    let address = Address::new("127.0.0.1", port);
    tokio::select! {
        answer = ask(&address) => answer,
        () = server => unreachable!("it never ends"),
    }
}
