//! The facts that become known about a service while it comes up.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;
use crate::address::{Address, Addresses};
use crate::engine::FoundMount;
use crate::kind::Login;
use crate::plan::{PlannedService, ReadyWhen};
use crate::report::{ServiceReport, ServiceStatus, millis};

/// A service that is ready: its plan, and what became known while it came up.
#[derive(Clone, Debug)]
pub(crate) struct RunningService {
    pub planned: PlannedService,
    pub known: Known,
}

/// What became known about a service. A lease's record stores it, so that other processes can use the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The container's id.
    pub id: String,
    pub image: UsedImage,
    pub addresses: Addresses,
    pub mounts: Vec<FoundMount>,
    pub login: Option<Login>,
    /// From the container's last start until it was ready.
    #[serde(rename = "ready_after_ms", serialize_with = "to_millis", deserialize_with = "from_millis")]
    pub ready_after: Duration,
    /// How often the service was restarted before it was ready.
    pub restarts: u32,
    /// Whether the service has run to completion: it has exited with 0.
    pub completed: bool,
}

/// The image of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsedImage {
    /// The image that the container was created from.
    pub reference: String,
    /// The image that the file names, if a fallback runs instead.
    pub stands_in_for: Option<String>,
    /// The image's own healthcheck.
    pub healthcheck: Option<Vec<String>>,
    /// What greenroom built it from: the value of its label.
    #[serde(default)]
    pub built_from: Option<String>,
    /// Whether this start built it again, because what it is built from has changed. Not recorded: for those who find the
    /// stack it is not news.
    #[serde(skip)]
    pub rebuilt: bool,
}

impl RunningService {
    /// What made the service count as ready.
    pub(crate) fn ready_when(&self) -> ReadyWhen {
        self.planned.readiness.when(self.known.image.healthcheck.as_deref())
    }

    /// The address of the container's TCP port `port`.
    pub(crate) fn address(&self, port: u16) -> Result<&Address, Error> {
        let addresses = &self.known.addresses;
        addresses.tcp(port).ok_or_else(|| {
            let published: Vec<_> = addresses.iter().map(|(port, _)| port.to_string()).collect();
            Error::port_not_published(&self.planned.name, port, &published)
        })
    }
}

impl Known {
    /// The service's part of a report. `probe` describes how the service was probed.
    pub(crate) fn report(self, container: String, status: ServiceStatus, probe: String) -> ServiceReport {
        ServiceReport {
            image: self.image.reference,
            stands_in_for: self.image.stands_in_for,
            rebuilt: self.image.rebuilt,
            container,
            status,
            ready_after: self.ready_after,
            probe,
            restarts: self.restarts,
            addresses: self.addresses,
        }
    }
}

pub(crate) fn to_millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    millis(*duration).serialize(serializer)
}

pub(crate) fn from_millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}
