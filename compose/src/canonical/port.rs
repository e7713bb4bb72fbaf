//! The short form of a port: `[[HOST:]PUBLISHED:]TARGET[/PROTOCOL]` (Compose specification, "ports", "Short syntax").

use std::net::IpAddr;

use crate::tree::{Map, Node, Value};

/// What is wrong with a port, and how to write it.
pub(crate) struct PortError {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

fn error(message: impl Into<String>, hint: &str) -> PortError {
    PortError { message: message.into(), hint: Some(hint.to_owned()) }
}

/// The entries that a short form stands for: a range of targets is one entry for each.
pub(crate) fn long_form(node: &Node, text: &str) -> Result<Vec<Node>, PortError> {
    let (host, published, rest) = split(text);
    let mut parts = rest.split('/');
    let target = parts.next().unwrap_or_default();
    let protocol = parts.next().filter(|protocol| !protocol.is_empty()).unwrap_or("tcp");
    if target.is_empty() {
        return Err(error(
            format!("`{text}` has no container port"),
            "write HOST:CONTAINER, as in \"8080:80\"",
        ));
    }
    let host = host_address(host, text)?;
    let protocol = protocol.to_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(error(
            format!("`{protocol}` is not a protocol"),
            "valid protocols are tcp, udp and sctp",
        ));
    }
    let targets = range(target).filter(|(first, _)| *first > 0).ok_or_else(|| not_a_port(target, text))?;
    let ports = match published {
        "" => None,
        published => Some(range(published).ok_or_else(|| not_a_port(published, text))?),
    };
    let count = targets.1 - targets.0;
    let published_of = |offset: u32| match ports {
        None => Ok(None),
        Some((first, last)) if last - first == count => Ok(Some((first + offset).to_string())),
        // One target takes any free port of the range.
        Some((first, last)) if count == 0 => Ok(Some(format!("{first}-{last}"))),
        Some((first, last)) => Err(error(
            format!("`{text}` publishes {} ports for {} targets", last - first + 1, count + 1),
            "write ranges of the same length on both sides",
        )),
    };
    let mut entries = Vec::new();
    for offset in 0..=count {
        let published = published_of(offset)?;
        let target = i128::from(targets.0 + offset);
        entries.push(entry(node, host.as_deref(), published, target, &protocol));
    }
    Ok(entries)
}

fn entry(node: &Node, host: Option<&str>, published: Option<String>, target: i128, protocol: &str) -> Node {
    let mut entry = Map::new();
    entry.insert("mode".to_owned(), Node::text("ingress", node));
    if let Some(host) = host {
        entry.insert("host_ip".to_owned(), Node::text(host, node));
    }
    entry.insert("target".to_owned(), Node::implied(Value::Int(target.into()), node));
    if let Some(published) = published {
        entry.insert("published".to_owned(), Node::text(published, node));
    }
    entry.insert("protocol".to_owned(), Node::text(protocol, node));
    Node { variables: node.variables.clone(), ..Node::implied(Value::Map(entry), node) }
}

/// Host, published and the rest, from the right: the target is what follows the last colon.
fn split(text: &str) -> (&str, &str, &str) {
    match text.rsplit_once(':') {
        None => ("", "", text),
        Some((left, target)) => match left.rsplit_once(':') {
            None => ("", left, target),
            Some((host, published)) => (host, published, target),
        },
    }
}

fn host_address(host: &str, text: &str) -> Result<Option<String>, PortError> {
    if host.is_empty() {
        return Ok(None);
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bare.is_none() && host.contains(':') {
        return Err(error(
            format!("`{host}` in `{text}` is not an address"),
            "write an IPv6 address in brackets, as in \"[::1]:8080:80\"",
        ));
    }
    let address = bare.unwrap_or(host);
    match address.parse::<IpAddr>() {
        Ok(_) => Ok(Some(address.to_owned())),
        Err(_) => Err(error(
            format!("`{host}` in `{text}` is not an address"),
            "write the host as an address, as in \"127.0.0.1:8080:80\"",
        )),
    }
}

/// What Compose ignores in a short form: the `-83` of `80-82-83`.
pub(crate) fn surplus(text: &str) -> Option<&str> {
    let (_, published, rest) = split(text);
    let target = rest.split('/').next().unwrap_or_default();
    [published, target].into_iter().find_map(|range| {
        let (second, _) = range.match_indices('-').nth(1)?;
        Some(&range[second..])
    })
}

/// A port or a range of ports, first and last. As in Compose, anything may follow the last port after another `-`.
fn range(text: &str) -> Option<(u32, u32)> {
    let port = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|port| digits && *port <= 65535)
    };
    match text.split_once('-') {
        None => port(text).map(|port| (port, port)),
        Some((first, last)) => {
            let last = last.split_once('-').map_or(last, |(last, _)| last);
            let (first, last) = (port(first)?, port(last)?);
            (first <= last).then_some((first, last))
        }
    }
}

fn not_a_port(part: &str, text: &str) -> PortError {
    let what = if part == text { format!("`{part}`") } else { format!("`{part}` in `{text}`") };
    error(
        format!("{what} is neither a port nor a range of ports"),
        "ports are numbers from 0 to 65535, as in \"8080:80\" or \"8000-8010:80\"",
    )
}
