//! Why a published port does not answer: nothing listens on it in the container, or only on the container's loopback.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A port that nothing outside the container can reach, and what listens in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnreachablePort {
    port: u16,
    listening: Vec<SocketAddr>,
}

impl UnreachablePort {
    /// `listening` are the sockets in the container's network. `None` if the port can be reached.
    pub(crate) fn of(port: u16, listening: Vec<SocketAddr>) -> Option<UnreachablePort> {
        let is_reached = |socket: &SocketAddr| socket.port() == port && !socket.ip().is_loopback();
        (!listening.iter().any(is_reached)).then_some(UnreachablePort { port, listening })
    }

    /// What to change.
    pub(crate) fn hint(&self) -> String {
        let UnreachablePort { port, .. } = self;
        match self.on_loopback() {
            Some(socket) => format!(
                "let the server listen on {}, not {}: a published port does not reach a container's loopback",
                SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), *port),
                socket
            ),
            None => format!(
                "correct the container port {port} in the compose file; if the service serves it only later, add `x-greenroom: {{unserved: [{port}]}}`"
            ),
        }
    }

    fn on_loopback(&self) -> Option<&SocketAddr> {
        self.listening.iter().find(|socket| socket.port() == self.port)
    }
}

impl fmt::Display for UnreachablePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(socket) = self.on_loopback() {
            return write!(f, "it listens on {socket}, inside the container only");
        }
        write!(f, "nothing listens on port {} in the container, ", self.port)?;
        let others: BTreeSet<_> = self.listening.iter().map(short).collect();
        match others.is_empty() {
            true => write!(f, "nor on any other port"),
            false => write!(f, "which listens on {}", others.into_iter().collect::<Vec<_>>().join(", ")),
        }
    }
}

/// The port alone, if the socket listens on all addresses.
fn short(socket: &SocketAddr) -> String {
    if socket.ip().is_unspecified() { socket.port().to_string() } else { socket.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_instead_is_told() {
        let unreachable = |listening: &[&str]| {
            let listening = listening.iter().map(|socket| socket.parse().expect("it is a socket")).collect();
            UnreachablePort::of(8080, listening).map(|unreachable| unreachable.to_string())
        };
        for (listening, expected) in [
            (&[][..], Some("nothing listens on port 8080 in the container, nor on any other port")),
            (
                &["0.0.0.0:9090", "[::]:9090", "127.0.0.1:7000"],
                Some("nothing listens on port 8080 in the container, which listens on 127.0.0.1:7000, 9090"),
            ),
            (&["127.0.0.1:8080"], Some("it listens on 127.0.0.1:8080, inside the container only")),
            (&["[::1]:8080", "0.0.0.0:1"], Some("it listens on [::1]:8080, inside the container only")),
            (&["127.0.0.1:8080", "172.17.0.2:8080"], None),
            (&["[::]:8080"], None),
        ] {
            assert_eq!(unreachable(listening).as_deref(), expected, "{listening:?}");
        }
    }
}
