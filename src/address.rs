//! The addresses of a service's ports.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A port inside a container: `5432/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Its protocol.
    pub protocol: Transport,
}

/// The transport protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
    /// `sctp`
    Sctp,
}

/// What to dial to reach a port.
///
/// The host is an IP address, never `localhost`, whose IPv4 and IPv6 ports may lead to different containers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Address {
    /// The host.
    pub host: String,
    /// The port on that host.
    pub port: u16,
}

/// The addresses of a service's published ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Addresses {
    by_port: BTreeMap<Port, Address>,
}

impl Port {
    /// A TCP port.
    #[must_use]
    pub fn tcp(number: u16) -> Port {
        Port { number, protocol: Transport::Tcp }
    }
}

impl Address {
    pub(crate) fn new(host: impl Into<String>, port: u16) -> Address {
        Address { host: host.into(), port }
    }
}

impl Addresses {
    /// The address of the TCP port `number`; `None` if it is not published.
    #[must_use]
    pub fn tcp(&self, number: u16) -> Option<&Address> {
        self.by_port.get(&Port::tcp(number))
    }

    /// The lowest published TCP port, by its number inside the container.
    #[must_use]
    pub fn lowest_tcp(&self) -> Option<u16> {
        self.by_port.keys().find(|port| port.protocol == Transport::Tcp).map(|port| port.number)
    }

    /// The published ports, in ascending order, each with its address.
    pub fn iter(&self) -> impl Iterator<Item = (Port, &Address)> {
        self.by_port.iter().map(|(port, address)| (*port, address))
    }

    /// Whether no port is published.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_port.is_empty()
    }
}

/// If a port has several addresses, the first one is used.
impl FromIterator<(Port, Address)> for Addresses {
    fn from_iter<T: IntoIterator<Item = (Port, Address)>>(addresses: T) -> Addresses {
        let mut by_port = BTreeMap::new();
        for (port, address) in addresses {
            by_port.entry(port).or_insert(address);
        }
        Addresses { by_port }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Sctp => "sctp",
        })
    }
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Transport, String> {
        let known = [Transport::Tcp, Transport::Udp, Transport::Sctp];
        known
            .into_iter()
            .find(|protocol| protocol.to_string() == text)
            .ok_or_else(|| format!("the protocol must be `tcp`, `udp` or `sctp`, not `{text}`"))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Port, String> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let number = number.parse().map_err(|_| format!("`{number}` is not a port"))?;
        Ok(Port { number, protocol: protocol.parse()? })
    }
}

impl From<Port> for String {
    fn from(port: Port) -> String {
        port.to_string()
    }
}

impl TryFrom<String> for Port {
    type Error = String;

    fn try_from(text: String) -> Result<Port, String> {
        text.parse()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An IPv6 address contains colons.
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(ports: &[&str]) -> Addresses {
        let port = |text: &&str| text.parse().expect("the test's ports are valid");
        ports.iter().map(port).map(|port: Port| (port, Address::new("127.0.0.1", port.number))).collect()
    }

    #[test]
    fn ports_are_read_and_written_as_compose_writes_them() {
        assert_eq!("5432".parse(), Ok(Port::tcp(5432)));
        assert_eq!("53/udp".parse::<Port>().map(|port| port.to_string()), Ok("53/udp".to_owned()));
        assert_eq!("70000".parse::<Port>(), Err("`70000` is not a port".to_owned()));
        assert!("80/http".parse::<Port>().is_err_and(|error| error.contains("not `http`")));
    }

    #[test]
    fn the_lowest_tcp_port_is_found_by_its_number() {
        assert_eq!(addresses(&["53/udp", "8080/tcp", "443/tcp"]).lowest_tcp(), Some(443));
        assert_eq!(addresses(&["53/udp"]).lowest_tcp(), None);
    }

    #[test]
    fn addresses_survive_a_round_trip_through_json() {
        let addresses = addresses(&["5432/tcp", "53/udp"]);
        let text = serde_json::to_string(&addresses).expect("they are JSON");
        assert_eq!(
            text,
            r#"{"53/udp":{"host":"127.0.0.1","port":53},"5432/tcp":{"host":"127.0.0.1","port":5432}}"#
        );
        assert_eq!(serde_json::from_str::<Addresses>(&text).ok(), Some(addresses));
    }

    #[test]
    fn an_ipv6_address_is_in_brackets() {
        assert_eq!(Address::new("::1", 80).to_string(), "[::1]:80");
    }
}
