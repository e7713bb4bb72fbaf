//! SIGINT and SIGTERM: the command removes what it started before it exits.

use std::pin::pin;

use greenroom::Error;
use tokio::sync::watch;

use crate::failure::{Failure, Signal};
use crate::output;

/// The first signal received. After [`Signals::listen`], a signal no longer kills the process by itself.
pub(crate) struct Signals {
    first: watch::Receiver<Option<Signal>>,
}

impl Signals {
    pub(crate) fn listen() -> Result<Signals, Failure> {
        let mut source =
            Source::new().map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
        let (sender, first) = watch::channel(None);
        tokio::spawn(async move {
            let signal = source.next().await;
            sender.send_replace(Some(signal));
            source.next().await;
            output::tell(
                "still removing; one more signal exits at once, and `greenroom ps` then lists what is left",
            );
            let signal = source.next().await;
            output::tell(&format!("{}: exited before everything was removed", signal.name()));
            std::process::exit(Failure::Interrupted(signal).exit_code().into());
        });
        Ok(Signals { first })
    }

    /// Runs `work` until it is done or a signal arrives. On a signal, prints `what_follows` and then drops `work`:
    /// dropping a start removes what was started.
    pub(crate) async fn until<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
        what_follows: &str,
    ) -> Result<T, Failure> {
        // Boxed, so that `work` can be dropped after the message that explains the wait.
        let mut work = Box::pin(work);
        let signal = tokio::select! {
            biased;
            result = &mut work => return Ok(result?),
            signal = self.first() => signal,
        };
        output::tell(&format!("{}: {what_follows}", signal.name()));
        drop(work);
        Err(Failure::Interrupted(signal))
    }

    /// Runs `work` to completion even when a signal arrives, since half a removal is worse than a whole one. Fails
    /// afterwards if there was a signal.
    pub(crate) async fn finish<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        self.finish_if(|| true, work).await
    }

    /// Like [`finish`](Signals::finish), but ends at once if `has_begun` says that nothing has been removed yet.
    pub(crate) async fn finish_if<T>(
        &self,
        has_begun: impl Fn() -> bool,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            result = &mut work => Ok(result?),
            signal = self.first() => {
                if !has_begun() {
                    output::tell(&format!("{}: nothing was removed", signal.name()));
                    return Err(Failure::Interrupted(signal));
                }
                output::tell(&format!("{}: finishing the removal first", signal.name()));
                work.await?;
                Err(Failure::Interrupted(signal))
            }
        }
    }

    async fn first(&self) -> Signal {
        match self.first.clone().wait_for(Option::is_some).await.as_deref() {
            Ok(Some(signal)) => *signal,
            // The sender lives as long as the runtime does.
            _ => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Source> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Source {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> std::io::Result<Source> {
        Ok(Source)
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
