//! What is written down of a stack: that it is there before anything of it is, and what became known once it was ready.
//!
//! The engine's labels are the truth about what exists. A record that is lost or damaged costs time: what it says can be
//! asked of the engine again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Process;
use crate::compose::Hook;
use crate::engine::FoundMount;
use crate::kind::Login;
use crate::plan::EngineVersion;

/// A stack of a lease. Only its user can read it: a login has a password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub stack: String,
    pub project: String,
    pub directory: PathBuf,
    /// As its label: `test`, `process`, `run`, `keep`.
    pub lifetime: String,
    /// What the stack is, for those who share it; a stack of a test has none, nor has one that was replaced.
    pub key: Option<String>,
    /// Who brought it up.
    pub by: Process,
    /// When, in seconds since 1970.
    pub since: u64,
    /// Nothing while it is coming up.
    pub facts: Option<Facts>,
}

/// What became known of a stack while it came up: all that another process needs to use it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// What the engine said of itself.
    pub engine: EngineVersion,
    pub total_ms: u64,
    pub services: BTreeMap<String, ServiceFacts>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceFacts {
    /// The container's id.
    pub id: String,
    pub image: String,
    /// The image that the file names, when another one runs.
    pub stands_in_for: Option<String>,
    /// The image's own healthcheck.
    pub healthcheck: Option<Vec<String>>,
    pub ports: BTreeMap<String, (String, u16)>,
    pub mounts: Vec<FoundMount>,
    pub login: Option<Login>,
    pub ready_after_ms: u64,
    pub restarts: u32,
    /// It ended with 0, as it should.
    pub completed: bool,
    /// How it was asked, in words, secrets hidden.
    pub probe: String,
    /// What is to be run in the container before it is stopped. Its words and variables may be secrets, which no label may
    /// hold: those everybody can read who may talk to the engine.
    pub pre_stop: Vec<Hook>,
    /// How long that may take.
    pub stop_grace_ms: u64,
}
