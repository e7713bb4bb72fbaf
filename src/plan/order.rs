//! The start order: dependencies first, otherwise by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::{Condition, Project, Service};

/// What a service waits for before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// The dependency's name.
    pub service: String,
    /// The state it must have reached.
    pub until: Until,
}

/// The state that a dependency must have reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// Its container runs: an explicit `condition: service_started`.
    Started,
    /// It is ready: `condition: service_healthy`, or the short form, which states no condition.
    Ready,
    /// It has exited with 0: `condition: service_completed_successfully`.
    Completed,
}

impl std::fmt::Display for Until {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Until::Started => "started",
            Until::Ready => "ready",
            Until::Completed => "completed",
        })
    }
}

/// What `service` waits for. Dependencies without a container, and optional ones that are absent, are left out.
pub(super) fn dependencies(project: &Project, service: &Service) -> Vec<Dependency> {
    let mut found = Vec::new();
    for (name, dependency) in &service.depends_on {
        let has_container = |other: &Service| other.scale > 0 && other.provider.is_none();
        if !project.services.get(name).is_some_and(has_container) {
            continue;
        }
        let until = match dependency.condition {
            Condition::ServiceStarted if dependency.written_out => Until::Started,
            Condition::ServiceStarted | Condition::ServiceHealthy => Until::Ready,
            Condition::ServiceCompletedSuccessfully => Until::Completed,
        };
        found.push(Dependency { service: name.clone(), until });
    }
    found
}

/// All services, each after its dependencies. The reader has refused cycles.
pub(super) fn topological(services: &BTreeMap<String, Service>) -> Vec<&str> {
    fn visit<'a>(
        services: &'a BTreeMap<String, Service>,
        name: &'a str,
        seen: &mut BTreeSet<&'a str>,
        order: &mut Vec<&'a str>,
    ) {
        let Some(service) = services.get(name) else { return };
        if !seen.insert(name) {
            return;
        }
        for dependency in service.depends_on.keys() {
            visit(services, dependency, seen, order);
        }
        order.push(name);
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    for name in services.keys() {
        visit(services, name, &mut seen, &mut order);
    }
    order
}
