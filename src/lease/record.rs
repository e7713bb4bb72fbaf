//! What is written down of a stack: before anything of it is created, that it is coming up; once it is ready, what became
//! known.
//!
//! The engine's labels are the truth about what exists. A record that is lost or damaged costs time: what it says can be
//! asked of the engine again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Process;
use crate::compose::Hook;
use crate::known::{Known, from_millis, to_millis};
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
    /// The process that brought it up.
    pub by: Process,
    /// When, in seconds since 1970.
    pub since: u64,
    /// `None` while it is coming up.
    pub facts: Option<Facts>,
}

/// What became known of a stack while it came up: all that another process needs to use it or to take it down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// What the engine said of itself.
    pub engine: EngineVersion,
    #[serde(rename = "total_ms", serialize_with = "to_millis", deserialize_with = "from_millis")]
    pub total: Duration,
    pub services: BTreeMap<String, ServiceFacts>,
}

/// What became known of a service, and what of its plan its end needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceFacts {
    #[serde(flatten)]
    pub known: Known,
    /// How it was asked, in words, secrets hidden.
    pub probe: String,
    /// What is run in the container before it is stopped. These words and variables may be secrets, so no label holds them:
    /// everybody who may talk to the engine can read its labels.
    pub pre_stop: Vec<Hook>,
    /// How long that may take.
    #[serde(rename = "stop_grace_ms", serialize_with = "to_millis", deserialize_with = "from_millis")]
    pub stop_grace: Duration,
}
