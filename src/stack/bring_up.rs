//! Brings up a stack from a builder: in the background, and cancelled once nobody waits for it.

use tokio::sync::oneshot;

use super::builder::{StackBuilder, Wanted};
use super::live::Live;
use super::owner::Owner;
use super::stack::{DROP_LIMIT, Stack};
use super::{share, up};
use crate::lease::{Lifetime, Request};
use crate::state::StateFolder;
use crate::{Error, engine, liveness, runtime};

impl StackBuilder {
    /// Brings the stack up and waits until every service answers. A shared stack that is already up is used as it is,
    /// after a single request to the engine.
    ///
    /// # Errors
    ///
    /// As for [`Stack::up`].
    pub async fn up(self) -> Result<Stack, Error> {
        bring_up(self.wanted()?).await
    }

    /// Attaches to this file's kept stack, or brings it up if there is none. Of two simultaneous calls, the second
    /// waits for the first and gets the same stack.
    ///
    /// # Errors
    ///
    /// As for [`Stack::up`].
    pub async fn attach_or_up(self) -> Result<Stack, Error> {
        self.lifetime(Lifetime::Keep).up().await
    }

    /// Attaches to the kept stack of this file with these options; `None` if none is running.
    ///
    /// # Errors
    ///
    /// As for [`read`](StackBuilder::read); also when there is no container engine.
    pub async fn attach(self) -> Result<Option<Stack>, Error> {
        let wanted = self.lifetime(Lifetime::Keep).wanted()?;
        runtime::run(async move { Ok(share::find(wanted).await?.map(Stack::of)) }).await
    }
}

/// Brings a stack up in the background. When the caller stops waiting (a test's timeout, Ctrl-C), the start is
/// cancelled, and what it had created is removed before the drop of this future returns.
async fn bring_up(wanted: Wanted) -> Result<Stack, Error> {
    let (cancel, cancelled) = oneshot::channel::<()>();
    let (done, is_done) = std::sync::mpsc::sync_channel::<()>(1);
    // Declared before the receiver, so dropped after it: a stack that nobody received is removed first.
    let mut guard = StartGuard { cancel: Some(cancel), is_done };
    let (hand_over, receiver) = oneshot::channel();
    runtime::spawn(async move {
        let started = start(wanted, cancelled).await.map(Stack::of);
        if let Err(Ok(stack)) = hand_over.send(started) {
            let stack: Stack = stack;
            if let Err(error) = stack.down().await {
                tracing::error!("{error:?}");
            }
        }
        // The guard may already be gone.
        let _ = done.send(());
    })?;
    let result = receiver.await.unwrap_or_else(|_| Err(Error::task_lost()));
    guard.cancel = None;
    result
}

/// Cancels the start when the wait for it is dropped.
struct StartGuard {
    cancel: Option<oneshot::Sender<()>>,
    is_done: std::sync::mpsc::Receiver<()>,
}

impl Drop for StartGuard {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            // A start that has already ended needs no cancelling.
            let _ = cancel.send(());
            // Wait no longer than a drop may take; `greenroom down` finds what is left by then.
            let _ = self.is_done.recv_timeout(DROP_LIMIT);
        }
    }
}

async fn start(wanted: Wanted, mut cancelled: oneshot::Receiver<()>) -> Result<Live, Error> {
    let state = StateFolder::of_user();
    if wanted.lifetime != Lifetime::Test {
        return share::up(wanted, state, cancelled).await;
    }
    let request = Request::new(&wanted.plan, wanted.lifetime, None, &state, &engine::address());
    // The watcher starts while this process connects to the engine.
    let prepare = async {
        tokio::join!(async { liveness::connect(&wanted.observer).await.map_err(Error::from) }, async {
            match request {
                Ok(request) => Owner::take(&state, request, &wanted.observer).await,
                Err(error) if error.is_usage() => Err(error),
                Err(error) => Ok(Owner::without_lease(&error)),
            }
        })
    };
    let (engine, owner) = tokio::select! {
        prepared = prepare => prepared,
        // The sender is dropped only after this has ended.
        Ok(()) = &mut cancelled => return Err(Error::start_cancelled()),
    };
    up::start_new(engine?, wanted.plan, wanted.observer, owner?, state, cancelled).await
}
