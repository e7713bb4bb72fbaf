//! Brings a stack up, for `smoke` and `up`.

use greenroom::{Error, Stack, StackBuilder};

use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::signals::Signals;

/// The message printed when a signal arrives.
pub(crate) const REMOVING: &str = "removing what was started";

/// Brings the stack up with `up` and prints its progress. When a signal interrupts the start, everything that was
/// started is removed before this function returns.
pub(crate) async fn start<F: Future<Output = Result<Stack, Error>>>(
    builder: StackBuilder,
    up: impl FnOnce(StackBuilder) -> F,
    progress: &Progress,
    signals: &Signals,
) -> Result<Stack, Failure> {
    let observed = progress.clone();
    let builder = builder.observe(move |event| observed.tell(event));
    let started = signals.until(up(builder), REMOVING).await;
    if let (Err(Failure::Interrupted(_)), Some(stack)) = (&started, progress.stack()) {
        tell_whether_it_is_gone(&stack).await;
    }
    started
}

/// Removes what is left of a dropped stack and prints the outcome. The drop itself gives up after a time limit and
/// reports nothing.
pub(crate) async fn tell_whether_it_is_gone(stack: &str) {
    match remove_what_is_left(stack).await {
        Ok(()) => output::tell(&format!("nothing of stack {stack} is left")),
        Err(error) => output::tell(&format!("error: {error:?}")),
    }
}

async fn remove_what_is_left(stack: &str) -> Result<(), Error> {
    for left in greenroom::stack::stacks().await?.into_iter().filter(|left| left.name == stack) {
        left.down().await?;
    }
    Ok(())
}
