//! What happens to a stack, told as it happens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::compose::Warning;
use crate::plan::Plan;

/// One thing that happened. Text in it has its secrets hidden.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The plan is made; nothing runs yet.
    Planned(Plan),
    /// A shared stack that was up already is used.
    Attached {
        /// Its name.
        stack: String,
    },
    /// A shared stack that was found is not fit for use, and another takes its place.
    Replaced {
        /// Its name.
        stack: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An image is being pulled or built.
    ImageProgress {
        /// For which service.
        service: String,
        /// What the engine or the builder said.
        line: String,
    },
    /// The image that the file names is not to be had; another, declared one stands in.
    FallbackImage {
        /// For which service.
        service: String,
        /// The image that the file names.
        wanted: String,
        /// The image that runs.
        used: String,
        /// Why the wanted one is not to be had.
        reason: String,
    },
    /// The engine does something otherwise than the file says, and said so.
    Warned(Warning),
    /// A container runs.
    Started {
        /// The service.
        service: String,
    },
    /// A service ended while it was waited for, and is started again.
    Restarting {
        /// The service.
        service: String,
        /// How it ended.
        exit: String,
        /// After how long it is started again.
        pause: Duration,
    },
    /// A hook failed that was to run before its container is stopped; the container is stopped all the same.
    HookFailed {
        /// The service.
        service: String,
        /// Which one: `pre_stop[0]`.
        hook: String,
        /// How it went.
        message: String,
        /// What it printed; empty where it is not known what in it is a secret.
        output: String,
    },
    /// A service answers, or has completed.
    Ready(ServiceReady),
    /// Logs and state were saved.
    EvidenceSaved {
        /// The folder.
        directory: PathBuf,
    },
    /// All that was the stack's is gone.
    Removed {
        /// The stack's name.
        stack: String,
        /// How long it took.
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
    /// From the container's start to ready.
    pub after: Duration,
    /// How it was asked.
    pub probe: String,
    /// How often it was started again meanwhile.
    pub restarts: u32,
}

/// Who is told. The library prints nothing; without an observer events go to `tracing` alone.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<Observe>>);

type Observe = dyn Fn(&Event) + Send + Sync;

impl Observer {
    pub(crate) fn new(observe: impl Fn(&Event) + Send + Sync + 'static) -> Observer {
        Observer(Some(Arc::new(observe)))
    }

    pub(crate) fn tell(&self, event: &Event) {
        match event {
            Event::Planned(plan) => tracing::debug!(stack = plan.stack, "planned"),
            Event::Attached { stack } => tracing::debug!(stack, "attached"),
            Event::Replaced { stack, reason } => {
                tracing::warn!(stack, reason, "a shared stack is replaced");
            }
            Event::ImageProgress { service, line } => tracing::debug!(service, line, "image"),
            Event::FallbackImage { service, wanted, used, reason } => {
                tracing::warn!(service, wanted, used, reason, "a fallback image stands in");
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
            Event::Removed { stack, after } => tracing::info!(stack, ?after, "removed"),
        }
        if let Some(observe) = &self.0 {
            observe(event);
        }
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}
