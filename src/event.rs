//! Events: what happens to a stack, reported as it happens.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::compose::Warning;
use crate::limits;
use crate::plan::Plan;

/// Something that happened to a stack. Secrets in its text are hidden.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The plan is made; nothing runs yet.
    Planned(Plan),
    /// A shared stack that is already up is used.
    Attached {
        /// The stack's name.
        stack: String,
    },
    /// A shared stack was found, but cannot be used any more; another one replaces it.
    Replaced {
        /// The name of the unusable stack.
        stack: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A wait for another process or for the engine takes long. Each such wait has a deadline.
    Waiting {
        /// What is waited for: `process 12 (greenroom), which is starting or removing this stack`.
        what: String,
    },
    /// Progress of a pull or a build.
    ImageProgress {
        /// The service that needs the image.
        service: String,
        /// A line of output from the engine or the builder.
        line: String,
    },
    /// The image that the file names is unavailable; the declared fallback is used.
    FallbackImage {
        /// The service that needs the image.
        service: String,
        /// The image that the file names.
        wanted: String,
        /// The image that runs.
        used: String,
        /// Why the wanted image is unavailable.
        reason: String,
    },
    /// The engine warned that it does something differently from the file.
    Warned(Warning),
    /// A container was started.
    Started {
        /// The service.
        service: String,
    },
    /// A service exited before it was ready, and is restarted.
    Restarting {
        /// The service.
        service: String,
        /// How it exited.
        exit: String,
        /// The pause before the restart.
        pause: Duration,
    },
    /// A `pre_stop` hook failed. The container is stopped all the same.
    HookFailed {
        /// The service.
        service: String,
        /// The hook: `pre_stop[0]`.
        hook: String,
        /// How it failed.
        message: String,
        /// What it printed; empty if the secrets in it are not known.
        output: String,
    },
    /// A service answers, or has completed.
    Ready(ServiceReady),
    /// Logs and state were saved.
    EvidenceSaved {
        /// The folder.
        directory: PathBuf,
    },
    /// The removal of a stack begins, once no other process starts or removes it.
    Removing {
        /// The stack's name.
        stack: String,
    },
    /// Everything that belonged to the stack is removed.
    Removed {
        /// The stack's name.
        stack: String,
        /// How long the removal took.
        after: Duration,
    },
}

/// A service that has become ready.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceReady {
    /// The service.
    pub service: String,
    /// The image that runs.
    pub image: String,
    /// From the container's last start until the service was ready.
    pub after: Duration,
    /// How it was probed.
    pub probe: String,
    /// How often it was restarted before it was ready.
    pub restarts: u32,
}

/// Receives the events, if there is one. The library prints nothing: without an observer, events only go to `tracing`.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<Observe>>);

type Observe = dyn Fn(&Event) + Send + Sync;

impl Observer {
    pub(crate) const NOBODY: Observer = Observer(None);

    pub(crate) fn new(observe: impl Fn(&Event) + Send + Sync + 'static) -> Observer {
        Observer(Some(Arc::new(observe)))
    }

    pub(crate) fn notify(&self, event: &Event) {
        match event {
            Event::Planned(plan) => tracing::debug!(stack = plan.stack, "planned"),
            Event::Attached { stack } => tracing::debug!(stack, "attached"),
            Event::Replaced { stack, reason } => {
                tracing::warn!(stack, reason, "replacing a shared stack");
            }
            Event::Waiting { what } => tracing::warn!(what, "waiting"),
            Event::ImageProgress { service, line } => tracing::debug!(service, line, "image"),
            Event::FallbackImage { service, wanted, used, reason } => {
                tracing::warn!(service, wanted, used, reason, "using a fallback image");
            }
            Event::Warned(warning) => tracing::warn!("{warning}"),
            Event::Started { service } => tracing::debug!(service, "started"),
            Event::Restarting { service, exit, .. } => tracing::info!(service, exit, "restarting"),
            Event::HookFailed { service, hook, message, output } => {
                tracing::warn!(service, hook, message, output, "a hook failed");
            }
            Event::Ready(ready) => tracing::info!(service = ready.service, after = ?ready.after, "ready"),
            Event::EvidenceSaved { directory } => {
                tracing::info!(directory = %directory.display(), "evidence saved");
            }
            Event::Removing { stack } => tracing::debug!(stack, "removing"),
            Event::Removed { stack, after } => tracing::info!(stack, ?after, "removed"),
        }
        if let Some(observe) = &self.0 {
            observe(event);
        }
    }
}

impl Observer {
    /// Runs `wait`. If that takes long, notifies the observer once.
    pub(crate) async fn announcing<T>(&self, what: impl Fn() -> String, wait: impl Future<Output = T>) -> T {
        let mut wait = pin!(wait);
        match tokio::time::timeout(limits::ANNOUNCED_AFTER, &mut wait).await {
            Ok(done) => done,
            Err(_) => {
                self.notify(&Event::Waiting { what: what() });
                wait.await
            }
        }
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}
