//! Which probes this build supports. A probe whose Cargo feature is off is refused if it was asked for explicitly. If a
//! service's kind would use it, a TCP connection replaces it, with a warning.

use super::{Plan, Readiness, problem};
use crate::compose::{Problem, Project, Service, Warning};
use crate::kind::{Kind, Probe};

/// The Cargo feature that `probe` needs and this build lacks.
fn missing(probe: &Probe) -> Option<&'static str> {
    match probe {
        Probe::Sql { .. } if !cfg!(feature = "postgres") => Some("postgres"),
        Probe::Http { .. } | Probe::Provisioned { .. } if !cfg!(feature = "http") => Some("http"),
        _ => None,
    }
}

/// Refuses an explicit probe that this build does not support. `path` is where the probe was stated.
pub(super) fn check(project: &Project, path: &str, probe: &Probe) -> Result<(), Box<Problem>> {
    let Some(feature) = missing(probe) else { return Ok(()) };
    let message = format!("the probe needs the feature `{feature}`, and greenroom was built without it");
    let mut refused = problem(project, path, message);
    refused.hint = Some(format!("add `{feature}` to the `features` of greenroom in Cargo.toml"));
    Err(refused)
}

/// The round trip for a known kind, or a TCP connection if this build lacks the feature for it.
pub(super) fn round_trip(kind: Kind, port: u16) -> Option<Probe> {
    let probe = kind.round_trip(port)?;
    Some(if missing(&probe).is_some() { Probe::tcp(port) } else { probe })
}

/// What a service of a known kind must answer after the round trip, unless this build lacks the feature for it: then
/// the round trip is missing as well, and a warning says so.
pub(super) fn then(kind: Kind, service: &Service, port: u16) -> Option<Probe> {
    kind.then(service, port).filter(|probe| missing(probe).is_none())
}

/// Warnings for the probes and checks that are weaker because a feature is off.
pub(super) fn warnings(project: &Project, plan: &Plan) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for planned in plan.services.iter().filter(|planned| planned.number == 1) {
        let Some(port) = planned.kind.port(&planned.service) else { continue };
        let wanted = planned.kind.round_trip(port);
        let Some(feature) = wanted.as_ref().and_then(missing) else { continue };
        let path = format!("services.{}", planned.name);
        let mut warn = |what: &str| {
            let message = format!("{path}: greenroom was built without the feature `{feature}`: {what}");
            warnings.push(Warning::new(project.place(&path), message));
        };
        if let Readiness::Usual { round_trip: Some(_), .. } = planned.readiness {
            warn(&format!("it counts as ready once port {port} accepts a connection, not once it answers"));
        }
        if planned.kind == Kind::Postgres {
            for volume in plan.kept_volumes_of(&planned.service) {
                warn(&format!("whether its data is on the kept volume `{}` is not checked", volume.key));
            }
        }
    }
    warnings
}
