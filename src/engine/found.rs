//! What the engine reports.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::EngineError;
use crate::address::Addresses;
use crate::plan::{is_word, label, replica};

/// An image, as far as greenroom needs to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    pub id: String,
    /// The `HEALTHCHECK` of its Dockerfile, as Compose writes it: `["CMD-SHELL", …]`.
    pub healthcheck: Option<Vec<String>>,
    /// `5432/tcp`
    pub exposed_ports: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub stop_signal: Option<String>,
    /// When the image was last tagged on this engine, if the engine reports it.
    pub named_at: Option<SystemTime>,
    pub labels: BTreeMap<String, String>,
    /// Whether a registry has it, as far as the engine knows: an image that was only built is in none.
    pub is_from_registry: bool,
}

/// A newly created container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Created {
    pub id: String,
    /// The engine's own warnings, such as about settings that it discards.
    pub warnings: Vec<String>,
}

/// The outcome of a request to remove a container.
#[derive(Clone, Debug)]
pub(crate) enum Removal {
    Gone,
    /// The engine refused this request because another one is already removing the container.
    UnderWay(EngineError),
}

/// A container's state at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inspection {
    pub id: String,
    pub name: String,
    pub state: State,
    /// The first process of a running container, in the engine's PID namespace.
    pub pid: Option<u32>,
    /// Where its published ports can be reached: on 127.0.0.1 or, with fixed ports, where the file says.
    pub addresses: Addresses,
    pub mounts: Vec<FoundMount>,
    pub image: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Created,
    Running,
    Paused,
    Exited(Exit),
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    pub code: i64,
    pub out_of_memory: bool,
    /// The engine's own message, such as why the process could not be started.
    pub error: String,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exited with {}", self.code)?;
        // 128 + the signal's number is how a shell, and so the engine, tells a death by signal.
        match self.code {
            _ if self.out_of_memory => write!(f, " (out of memory)")?,
            137 => write!(f, " (killed by SIGKILL)")?,
            139 => write!(f, " (killed by SIGSEGV)")?,
            143 => write!(f, " (killed by SIGTERM)")?,
            126 => write!(f, " (the command could not be executed)")?,
            127 => write!(f, " (the command was not found)")?,
            _ => {}
        }
        if self.error.is_empty() { Ok(()) } else { write!(f, ": {}", self.error) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FoundMount {
    /// The volume's name; `None` for a bind or tmpfs.
    pub volume: Option<String>,
    pub target: String,
}

/// How much of a command's output to keep. The rest is read too, so that the command can go on, and forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    All,
    /// About this many of the last bytes.
    End(usize),
}

impl Keep {
    /// Adds to the output, and forgets its beginning once there is too much of it: whole lines, or words of a line that
    /// is too long, since half a secret would not be hidden.
    pub(crate) fn add(self, output: &mut Vec<u8>, more: &[u8]) {
        output.extend_from_slice(more);
        if let Keep::End(bytes) = self
            && output.len() > 2 * bytes
        {
            let cut = output.len() - bytes;
            let after = |end: fn(&u8) -> bool| {
                let begin = cut + output[cut..].iter().position(end)? + 1;
                (begin < output.len()).then_some(begin)
            };
            let begin = after(|byte| *byte == b'\n').or_else(|| after(u8::is_ascii_whitespace));
            output.drain(..begin.unwrap_or(cut));
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExecOutput {
    pub code: i64,
    /// Standard output and standard error, interleaved.
    pub output: String,
}

/// Which objects of the engine to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// `name=value`, or `name` for any value; all must match.
    pub labels: Vec<String>,
    /// Containers that mount this volume.
    pub volume: Option<String>,
}

impl Filter {
    pub(crate) fn label(name: &str, value: &str) -> Filter {
        Filter { labels: vec![format!("{name}={value}")], volume: None }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundContainer {
    pub id: String,
    pub name: String,
    pub image: String,
    pub running: bool,
    /// Whether its process has exited. A container may neither run nor have ended: a new or a paused one.
    pub ended: bool,
    pub labels: BTreeMap<String, String>,
    /// As [`Inspection::addresses`]; empty unless the container runs.
    pub addresses: Addresses,
}

impl FoundContainer {
    /// The service or replica (`web#2`) that the container's labels name.
    pub(crate) fn service(&self) -> Option<String> {
        let service = self.labels.get(label::SERVICE).filter(|service| is_word(service))?;
        let number = self.labels.get(label::COMPOSE_NUMBER).and_then(|number| number.parse().ok());
        Some(replica(service, number.unwrap_or(1)))
    }
}

/// A network or volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundObject {
    pub name: String,
    /// A network's subnets, in CIDR notation.
    pub subnets: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_endless_output_is_kept() {
        let kept = |keep: Keep| {
            let mut output = Vec::new();
            (0..100_000_u32).for_each(|line| keep.add(&mut output, format!("{line}\n").as_bytes()));
            output
        };
        let end = kept(Keep::End(1024));
        assert!((1000..=2048).contains(&end.len()), "{}", end.len());
        assert_eq!(end.iter().position(|byte| *byte == b'\n'), Some(5), "the first line is whole");
        assert!(end.ends_with(b"99998\n99999\n"));
        assert!(kept(Keep::All).starts_with(b"0\n1\n"));
        let mut line = Vec::new();
        Keep::End(1024).add(&mut line, format!("{}\n", "word ".repeat(1000)).as_bytes());
        assert!(line.starts_with(b"word ") && line.ends_with(b"word \n"), "{} bytes", line.len());
    }
}
