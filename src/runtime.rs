//! The background runtime, which has its own threads.
//!
//! All engine I/O runs here. So a stack outlives the runtime of the `#[tokio::test]` that created it, serves tests that
//! each have a runtime, and works from a plain `#[test]`.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::Error;

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

fn runtime() -> Result<&'static Runtime, Error> {
    RUNTIME
        .get_or_try_init(|| {
            Builder::new_multi_thread().worker_threads(2).thread_name("greenroom").enable_all().build()
        })
        .map_err(Error::no_runtime)
}

/// Starts `future` in the background.
pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    Ok(runtime()?.spawn(future))
}

/// Runs `future` in the background and waits for it, from any runtime. Dropping the wait does not stop `future`.
pub(crate) async fn run<T: Send + 'static>(
    future: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match spawn(future)?.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::task_lost()),
        },
    }
}

/// Runs blocking work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match runtime()?.spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::task_lost()),
        },
    }
}

/// Runs `future` in the background and blocks this thread until it is done. Works inside and outside of a runtime.
pub(crate) fn block_on<T: Send + 'static>(
    future: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let task = spawn(async move {
        // The receiver waits below, unless its thread is gone.
        let _ = sender.send(future.await);
    })?;
    receiver.recv().unwrap_or_else(|_| {
        drop(task);
        Err(Error::task_lost())
    })
}

/// Runs `future` in the background and blocks this thread until it is done, but no longer than `limit`. `None` if the
/// limit passed or there is no runtime.
pub(crate) fn block_on_at_most<T: Send + 'static>(
    limit: Duration,
    future: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    spawn(async move {
        // The receiver is gone if the limit has passed.
        let _ = sender.send(future.await);
    })
    .ok()?;
    receiver.recv_timeout(limit).ok()
}
