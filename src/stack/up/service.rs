//! Starts one service, from its image to ready.

use std::future::Future;

use tokio::sync::watch;
use tokio::time::Instant;

use super::failure::{Failure, ServiceFailure};
use super::start::Start;
use super::wait::until_ready;
use super::{claim, external, files, hook, image, security};
use crate::engine::{ContainerSpec, EngineError};
use crate::event::Event;
use crate::known::{RunningService, UsedImage};
use crate::plan::PlannedService;
use crate::stack::hook::run_pre_stop;
use crate::stack::spec;

/// How far a service has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    Waiting,
    Started,
    Ready,
}

/// Creates the container, waits for `dependencies`, starts it and waits until it is ready.
pub(super) async fn run_service(
    start: &Start,
    planned: &PlannedService,
    image: &UsedImage,
    progress: &watch::Sender<Progress>,
    dependencies: impl Future<Output = ()>,
) -> Result<RunningService, Failure> {
    let name = &planned.name;
    let not_started = |error: String| start.failed(name, ServiceFailure::not_started(error));
    let security =
        security::read(&planned.service.security_opt, &start.plan.directory).map_err(not_started)?;
    let mut spec = spec::container(&start.plan, planned, &image.reference, security, &start.owner);
    image::make_bind_folders(&spec.mounts).map_err(not_started)?;
    spec.mounts.extend(files::mounts(&start.state, &start.plan.stack, planned).map_err(not_started)?);
    let refused = async |error: EngineError| {
        let held = external::address_holder(&start.plan, start.engine.as_ref(), planned).await;
        start.failed(name, ServiceFailure::NotStarted { error: error.to_string(), held })
    };
    let id = match created(start, planned, &spec, dependencies).await {
        Ok(id) => id,
        Err(error) => return Err(refused(error).await),
    };
    claim::confirm(start, planned).await?;
    if let Err(error) = start.engine.start_container(&spec).await {
        return Err(refused(error).await);
    }
    let begin = Instant::now();
    start.observer.notify(&Event::Started { service: name.clone() });
    hook::post_start(start, planned, &id, begin).await?;
    progress.send_replace(Progress::Started);

    let running = until_ready(start, planned, image, &id, begin).await?;
    progress.send_replace(Progress::Ready);
    Ok(running)
}

/// Creates the container and waits for its dependencies. It is created while they come up, which saves time, unless it
/// uses another container's namespaces or volumes: that container must exist first.
async fn created(
    start: &Start,
    planned: &PlannedService,
    spec: &ContainerSpec,
    dependencies: impl Future<Output = ()>,
) -> Result<String, EngineError> {
    let create = async {
        let created = {
            let (engine, spec) = (start.engine.clone(), spec.clone());
            start.create(async move { engine.create_container(&spec).await }).await?
        };
        created.warnings.iter().for_each(|warning| start.engine_warns(&planned.name, warning));
        let copies = files::copies(planned);
        if !copies.is_empty() {
            // Copied into the container's own layer, which survives a restart.
            start.engine.copy_into(&created.id, &copies).await?;
        }
        Ok::<_, EngineError>(created.id)
    };
    if spec.is_made_of_others() {
        dependencies.await;
        create.await
    } else {
        let id = create.await?;
        dependencies.await;
        Ok(id)
    }
}

/// Stops the service with its own signal and grace period, starts it again and waits until it is ready. Its `pre_stop`
/// and `post_start` hooks run, too.
pub(in crate::stack) async fn restart(
    start: &Start,
    running: &RunningService,
) -> Result<RunningService, Failure> {
    let RunningService { planned, known } = running;
    let name = &planned.name;
    let engine = |error: EngineError| start.failed(name, ServiceFailure::not_started(error));
    let secrets = &start.plan.secrets;
    run_pre_stop(start.engine.as_ref(), planned, &known.id, secrets, &start.observer).await;
    start.engine.stop(&known.id, planned.stop_grace).await.map_err(engine)?;
    start.engine.restart_container(&known.id).await.map_err(engine)?;
    let begin = Instant::now();
    start.observer.notify(&Event::Started { service: name.clone() });
    hook::post_start(start, planned, &known.id, begin).await?;
    until_ready(start, planned, &known.image, &known.id, begin).await
}
