//! Runs `post_start` hooks.

use tokio::time::Instant;

use super::failure::{Failure, ServiceFailure};
use super::start::Start;
use crate::engine::{Inspection, State};
use crate::plan::PlannedService;
use crate::stack::hook;

/// Runs the hooks of a service whose container has just started, within the service's deadline.
pub(super) async fn post_start(
    start: &Start,
    planned: &PlannedService,
    id: &str,
    begin: Instant,
) -> Result<(), Failure> {
    let name = &planned.name;
    let deadline = begin + planned.timeout;
    let Err(hook) = hook::run_all(start.engine.as_ref(), id, &planned.service.post_start, deadline).await
    else {
        return Ok(());
    };
    let failure = match start.engine.inspect(id).await {
        // The container's exit explains more than the hook's failure.
        Ok(Inspection { state: State::Exited(exit), .. }) => ServiceFailure::Exited {
            exit,
            last: Some(format!("post_start[{}] {}", hook.number - 1, hook.what)),
            after: begin.elapsed(),
            restarts: 0,
        },
        _ => ServiceFailure::PostStart {
            command: planned.service.post_start[hook.number - 1].command.join(" "),
            what: hook.what,
            output: hook.output,
        },
    };
    Err(start.failed(name, failure))
}
