//! Adopts a stack whose record is lost or damaged, with what the engine knows of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Engine, Inspection, State};
use crate::known::{Known, RunningService, UsedImage};
use crate::plan::{Plan, PlannedService};
use crate::stack::listing::addresses_of_owner;
use crate::stack::running::Running;
use crate::stack::up::{FALLBACK_PREFIX, login};

/// Adopts a running stack after probing every service. The error says why the stack is unusable.
pub(in crate::stack) async fn adopt(engine: Arc<dyn Engine>, plan: Plan) -> Result<Arc<Running>, String> {
    let mut services = BTreeMap::new();
    for planned in &plan.services {
        let known = known(engine.as_ref(), planned).await?;
        services.insert(planned.name.clone(), RunningService { planned: planned.clone(), known });
    }
    let running = Running::new(Arc::new(plan), services, Duration::ZERO, Vec::new());
    match running.silent(engine.as_ref()).await.into_iter().next() {
        None => Ok(running),
        Some(silent) => Err(silent.to_string()),
    }
}

/// What the engine knows of a service.
async fn known(engine: &dyn Engine, planned: &PlannedService) -> Result<Known, String> {
    let gone = |what: String| format!("service `{}` {what}", planned.name);
    let found = match engine.inspect(&planned.container).await {
        Ok(found) => found,
        Err(error) if error.is_not_found() => return Err(gone("is gone".to_owned())),
        Err(error) => return Err(error.to_string()),
    };
    let completed = match &found.state {
        State::Running => false,
        State::Exited(exit) if exit.code == 0 => true,
        State::Exited(exit) => return Err(gone(exit.to_string())),
        State::Created | State::Paused => return Err(gone("is not running".to_owned())),
    };
    let login = match &planned.login {
        Some(login) if !completed => {
            let login = tokio::time::timeout(planned.timeout, login::resolve(engine, &found.id, login)).await;
            let login = login.unwrap_or_else(|_| Err("did not return its login in time".to_owned()));
            Some(login.map_err(gone)?)
        }
        _ => None,
    };
    let addresses = addresses_of_owner(engine, planned).await.map_err(|error| error.to_string())?;
    Ok(Known {
        image: used_image(engine, planned, &found).await?,
        id: found.id,
        addresses: addresses.unwrap_or(found.addresses),
        mounts: found.mounts,
        login,
        completed,
        ..Known::default()
    })
}

async fn used_image(
    engine: &dyn Engine,
    planned: &PlannedService,
    found: &Inspection,
) -> Result<UsedImage, String> {
    let wanted = planned.service.image.clone();
    Ok(UsedImage {
        reference: found.image.clone(),
        stands_in_for: wanted.filter(|_| found.image.starts_with(FALLBACK_PREFIX)),
        healthcheck: engine
            .image(&found.image)
            .await
            .map_err(|error| error.to_string())?
            .and_then(|image| image.healthcheck),
        ..UsedImage::default()
    })
}
