//! The sockets that listen in a container's network, from this machine's `/proc`.
//!
//! The engine has no such request, and a command in the container would need a program there. `/proc/PID/net/tcp` shows
//! the network of a process, and any user may read it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state of a listening socket in `/proc/net/tcp`.
/// <https://docs.kernel.org/networking/proc_net_tcp.html>
const LISTENING: &str = "0A";

/// Docker's own name server, which listens in the networks of containers.
const NAME_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The TCP sockets that listen in the network of container `id`, whose first process is `pid`. `None` if this process
/// cannot see that one, for example because the engine runs in a virtual machine.
pub(super) fn listening(id: &str, pid: u32) -> Option<Vec<SocketAddr>> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
    // In another PID namespace, `pid` may be any process.
    if id.is_empty() || !read("cgroup").ok()?.contains(id) {
        return None;
    }
    let mut found = parse(&read("net/tcp").ok()?);
    // Missing on a machine without IPv6.
    found.extend(parse(&read("net/tcp6").unwrap_or_default()));
    found.sort();
    found.dedup();
    Some(found)
}

fn parse(table: &str) -> Vec<SocketAddr> {
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listening = rows.filter(|row| row.get(3) == Some(&LISTENING));
    listening.filter_map(|row| socket(row.get(1)?)).filter(|socket| socket.ip() != NAME_SERVER).collect()
}

/// An address such as `0100007F:1F90`: words of 32 bits in the machine's byte order, then the port.
fn socket(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let words = (0..address.len())
        .step_by(8)
        .map(|at| u32::from_str_radix(address.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes));
    let bytes = words.collect::<Option<Vec<_>>>()?.concat();
    let address = match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(bytes) => IpAddr::V4(Ipv4Addr::from(bytes)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?)).to_canonical(),
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn only_listening_sockets_are_taken_from_the_kernels_tables() {
        const TCP: &str =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000   472        0 71108 1
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 71109 1
   2: 0B00007F:9D1B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 71110 1
   3: 020011AC:0BB8 010011AC:C350 01 00000000:00000000 00:00000000 00000000   472        0 71111 1
";
        const TCP6: &str =
            "  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A
   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A
   2: 0000000000000000FFFF00000100007F:0052 00000000000000000000000000000000:0000 0A
   3: 000:0053 :0000 0A
";
        let found: Vec<_> =
            [TCP, TCP6].into_iter().flat_map(parse).map(|socket| socket.to_string()).collect();
        assert_eq!(found, ["0.0.0.0:3000", "127.0.0.1:8080", "[::]:80", "[::1]:81", "127.0.0.1:82"]);
    }

    #[test]
    fn a_process_that_is_not_the_containers_says_nothing() {
        let own = std::process::id();
        assert_eq!(listening("no-such-container", own), None);
        assert_eq!(listening("", own), None);
    }
}
