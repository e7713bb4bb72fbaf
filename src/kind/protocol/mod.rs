//! Protocols: the first exchange with a server, and the meaning of its answers. Each protocol is a file here and an
//! entry in the table below.

mod memcached;
mod redis;

use super::Login;

/// A conversation with a server, up to the verdict. The caller (`probe/protocol.rs`) sends and receives the bytes.
pub(crate) trait Conversation: Send {
    /// The next step after `heard`, all bytes received since the last [`Step::Say`]; empty at the beginning. After
    /// [`Step::Listen`], the caller calls again with more bytes.
    fn next(&mut self, heard: &[u8]) -> Step;
}

/// The next step of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this.
    Say(Vec<u8>),
    /// Wait for more: the answer is not complete.
    Listen,
    /// The server is ready.
    Ready,
    /// The server is not ready yet; holds what was seen.
    NotYet(String),
    /// The server will never be ready; holds the reason.
    Never(String),
}

/// The properties of a protocol.
struct Row {
    /// The usual port of its servers.
    port: u16,
    /// What a ready server does, for plans and reports: "redis :6379 *answers PING*".
    words: &'static str,
    /// Starts a conversation, with the service's login if known.
    begin: fn(Option<&Login>) -> Box<dyn Conversation>,
}

/// Generates [`Protocol`] from the table. An entry is the variant's docs, the variant, its key in `x-greenroom: ready:`,
/// and its row.
macro_rules! protocols {
    ($($(#[doc = $doc:literal])+ $protocol:ident $name:literal $row:expr;)+) => {
        /// A protocol for probing a service. Its key in `x-greenroom: ready:` takes the port: `{redis: 6379}`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Protocol {
            $($(#[doc = $doc])+ $protocol,)+
        }

        impl Protocol {
            /// All protocols.
            pub const ALL: &[Protocol] = &[$(Protocol::$protocol,)+];

            /// Its key in `x-greenroom: ready:`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Protocol::$protocol => $name,)+
                }
            }

            fn row(self) -> &'static Row {
                match self {
                    $(Protocol::$protocol => &$row,)+
                }
            }
        }
    };
}

protocols! {
    /// Memcached's text protocol: the server reports its version.
    Memcached "memcached" memcached::ROW;
    /// RESP, the protocol of Redis and compatible servers: the server answers `PING`, after `AUTH`.
    Redis "redis" redis::ROW;
}

impl Protocol {
    /// The protocol with this key in `x-greenroom: ready:`.
    pub(crate) fn named(name: &str) -> Option<Protocol> {
        Protocol::ALL.iter().copied().find(|protocol| protocol.name() == name)
    }

    /// The usual port of its servers.
    pub(super) fn port(self) -> u16 {
        self.row().port
    }

    pub(super) fn words(self) -> &'static str {
        self.row().words
    }

    /// Starts a conversation, with the service's login if known.
    pub(crate) fn begin(self, login: Option<&Login>) -> Box<dyn Conversation> {
        (self.row().begin)(login)
    }
}

/// The first line of `heard`, without its line break. `None`: the line is not complete yet.
fn first_line(heard: &[u8]) -> Option<String> {
    let end = heard.iter().position(|byte| *byte == b'\n')?;
    Some(String::from_utf8_lossy(heard[..end].trim_ascii_end()).into_owned())
}
