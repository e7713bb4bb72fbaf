//! The record of a stack. It is written before anything of the stack is created, and again, with the facts, once the
//! stack is ready.
//!
//! The engine's labels are the truth about what exists. A lost or damaged record only costs time: the engine can be
//! asked for its content.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Process;
use crate::compose::Hook;
use crate::known::{Known, from_millis, to_millis};
use crate::plan::EngineVersion;

/// The record of one stack. Only its user can read the file: it may hold passwords.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub stack: String,
    pub project: String,
    pub directory: PathBuf,
    /// As in the label: `test`, `process`, `run`, `keep`.
    pub lifetime: String,
    /// Identifies the stack to everyone who shares it; `None` for an unshared or a replaced stack.
    pub key: Option<String>,
    /// The process that brought it up.
    pub by: Process,
    /// When its start began, in seconds since 1970.
    pub since: u64,
    /// `None` while the stack is coming up.
    pub facts: Option<Facts>,
}

/// What became known of a stack while it came up: everything that another process needs to use it or take it down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The engine's version.
    pub engine: EngineVersion,
    #[serde(rename = "total_ms", serialize_with = "to_millis", deserialize_with = "from_millis")]
    pub total: Duration,
    pub services: BTreeMap<String, ServiceFacts>,
}

/// What became known of a service, and the parts of its plan that taking it down needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceFacts {
    #[serde(flatten)]
    pub known: Known,
    /// A description of the probes, secrets hidden.
    pub probe: String,
    /// The hooks to run before the container is stopped. They are not in labels, because they may hold secrets and
    /// everybody with access to the engine can read its labels.
    pub pre_stop: Vec<Hook>,
    /// How long the hooks may take.
    #[serde(rename = "stop_grace_ms", serialize_with = "to_millis", deserialize_with = "from_millis")]
    pub stop_grace: Duration,
}
