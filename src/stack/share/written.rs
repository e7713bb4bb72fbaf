//! Restores a running stack from its record and the engine's list of containers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::FoundContainer;
use crate::known::{Known, RunningService};
use crate::lease::Facts;
use crate::plan::Plan;
use crate::stack::running::Running;
use crate::stack::up::{FALLBACK_PREFIX, fallback_name};

/// The recorded stack, with the ports it has now. The error says why the stack cannot be used any more.
pub(in crate::stack) fn running(
    plan: Plan,
    facts: &Facts,
    listed: &[FoundContainer],
) -> Result<Arc<Running>, String> {
    let mut services = BTreeMap::new();
    for planned in &plan.services {
        let name = &planned.name;
        let known = match facts.services.get(name) {
            Some(facts) => &facts.known,
            None => return Err(format!("service `{name}` is not in the stack's record")),
        };
        let container = listed
            .iter()
            .find(|container| container.id == known.id)
            .ok_or_else(|| format!("service `{name}` is gone"))?;
        if !known.completed && !container.running {
            return Err(format!("service `{name}` is no longer running"));
        }
        // A service on another container's network has that container's ports.
        let on_its_network = match &planned.network_of {
            Some(owner) => listed.iter().find(|container| container.name == *owner),
            None => Some(container),
        };
        let addresses = on_its_network.map(|found| &found.addresses).filter(|found| !found.is_empty());
        // An engine shows an image's name only while the name refers to that image.
        if container.image.starts_with("sha256:") && container.image != known.image.reference {
            return Err(format!(
                "service `{name}` runs an image that `{}` no longer refers to",
                known.image.reference
            ));
        }
        if let Some(fallback) =
            planned.fallback.as_ref().filter(|_| known.image.reference.starts_with(FALLBACK_PREFIX))
            && fallback_name(&plan.directory, fallback)
                .is_ok_and(|(reference, _)| reference != known.image.reference)
        {
            return Err(format!("service `{name}` runs a fallback image whose sources have changed"));
        }
        let known = Known { addresses: addresses.unwrap_or(&known.addresses).clone(), ..known.clone() };
        services.insert(name.clone(), RunningService { planned: planned.clone(), known });
    }
    Ok(Running::new(Arc::new(plan), services, facts.total, Vec::new()))
}
