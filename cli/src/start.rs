//! Bringing a stack up, for `smoke` and `up`.

use greenroom::{Error, Stack, StackBuilder};

use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::signals::Signals;

/// What is told at a signal.
pub(crate) const REMOVING: &str = "removing what was started";

/// Brings the stack up by `up`, telling how it goes. When a signal ends that, what was started is removed before this returns.
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

/// What a drop removes, it removes without a word, and within a time: this looks, and removes what is left.
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
