//! Whether a Grafana provisions dashboards, as far as the compose file shows it.

use std::path::Path;

use super::{Probe, stated};
use crate::compose::Service;

/// Where Grafana's images look for provisioning files.
/// <https://grafana.com/docs/grafana/latest/administration/provisioning/>
const PROVISIONING: &str = "/etc/grafana/provisioning";

/// A Grafana that may have dashboards to provision must have finished with that. Data sources need no question: Grafana
/// creates them before it serves.
pub(super) fn provisions(service: &Service, port: u16) -> Option<Probe> {
    may_provision(service).then_some(Probe::Provisioned { port })
}

/// Whether files for dashboards are, or may be, where Grafana looks for them. An image that the file builds may contain
/// them.
fn may_provision(service: &Service) -> bool {
    let stated = stated(service, "GF_PATHS_PROVISIONING");
    let dashboards = Path::new(stated.unwrap_or(PROVISIONING)).join("dashboards");
    let concerns =
        |target: &str| dashboards.starts_with(target) || Path::new(target).starts_with(&dashboards);
    stated.is_some()
        || service.build.is_some()
        || !service.volumes_from.is_empty()
        || service.volumes.iter().any(|mount| concerns(&mount.target))
        || service
            .configs
            .iter()
            .chain(&service.secrets)
            .filter_map(|file| file.target.as_deref())
            .any(concerns)
}
