//! Protocols: the first words of a conversation with a server, and what its answers mean. Each is a file here, and an entry
//! of the table below.

mod memcached;
mod redis;

use super::Login;

/// A conversation with a server, from the first word to the verdict. Whoever drives it moves the bytes (`probe/protocol.rs`).
pub(crate) trait Conversation: Send {
    /// What follows on `heard`: all that the server has said since the last [`Step::Say`], nothing at the beginning. It is
    /// called again, with more, after [`Step::Listen`].
    fn next(&mut self, heard: &[u8]) -> Step;
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send this.
    Say(Vec<u8>),
    /// Wait for more: what was heard is no whole answer.
    Listen,
    /// The server is ready.
    Ready,
    /// It is not, with what was seen.
    NotYet(String),
    /// It never will be, with the reason.
    Never(String),
}

/// What is known of a protocol.
struct Row {
    /// The port on which its servers listen as a rule.
    port: u16,
    /// What a ready server does, for plans and reports: "redis :6379 *answers PING*".
    words: &'static str,
    /// A new conversation, with the service's login where that is known.
    begin: fn(Option<&Login>) -> Box<dyn Conversation>,
}

/// Makes [`Protocol`] of the table. An entry is the variant's docs, the variant, its key in `x-greenroom: ready:`, its row.
macro_rules! protocols {
    ($($(#[doc = $doc:literal])+ $protocol:ident $name:literal $row:expr;)+) => {
        /// A protocol in which a service can be asked. Its key in `x-greenroom: ready:` takes the port: `{redis: 6379}`.
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
    /// Memcached's text protocol: the server tells its version.
    Memcached "memcached" memcached::ROW;
    /// RESP, the protocol of Redis and of what stands in for it: the server answers `PING`, after `AUTH`.
    Redis "redis" redis::ROW;
}

impl Protocol {
    /// The protocol of this key in `x-greenroom: ready:`.
    pub(crate) fn named(name: &str) -> Option<Protocol> {
        Protocol::ALL.iter().copied().find(|protocol| protocol.name() == name)
    }

    /// The port on which its servers listen as a rule.
    pub(super) fn port(self) -> u16 {
        self.row().port
    }

    pub(super) fn words(self) -> &'static str {
        self.row().words
    }

    /// A new conversation, with the service's login where that is known.
    pub(crate) fn begin(self, login: Option<&Login>) -> Box<dyn Conversation> {
        (self.row().begin)(login)
    }
}

/// The first line of what was heard, without its end, once that is there.
fn first_line(heard: &[u8]) -> Option<String> {
    let end = heard.iter().position(|byte| *byte == b'\n')?;
    Some(String::from_utf8_lossy(heard[..end].trim_ascii_end()).into_owned())
}
