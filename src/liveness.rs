//! Requests to an engine that may stop answering: its process is stopped, or its machine is out of memory.
//!
//! A request may take long: a removal waits for a busy disk, a command in a container for its own end. So no request has
//! a short deadline. Instead, while one is under way the engine is asked for a sign of life.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{sleep, timeout};

use crate::compose::Hook;
use crate::engine::{
    self, BuildSpec, ConnectError, ContainerSpec, Created, Engine, EngineError, ExecOutput, FileSpec, Filter,
    FoundContainer, FoundObject, Image, Inspection, Keep, NetworkSpec, Progress, Removal, Sink, VolumeSpec,
};
use crate::event::{Event, Observer};
use crate::limits;
use crate::plan::EngineVersion;

/// How long a request is under way before the engine is asked, and asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Connects to the engine; see [`engine::connect`]. `observer` is notified whenever the engine does not answer.
pub(crate) async fn connect(observer: &Observer) -> Result<Arc<dyn Engine>, ConnectError> {
    let connected = observer.announcing(waiting, timeout(limits::ENGINE, engine::connect())).await;
    let engine = connected.unwrap_or_else(|_| Err(ConnectError::silent(limits::ENGINE)))?;
    Ok(LivenessChecked::with(engine, observer.clone(), IS_GIVEN_UP.clone()))
}

/// Connects to the engine of a running stack; see [`engine::connect_again`].
pub(crate) async fn connect_again(
    version: &EngineVersion,
    observer: &Observer,
) -> Result<Arc<dyn Engine>, ConnectError> {
    Ok(LivenessChecked::with(engine::connect_again(version).await?, observer.clone(), IS_GIVEN_UP.clone()))
}

/// A process has one engine.
static IS_GIVEN_UP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

fn waiting() -> String {
    format!("the container engine at {}, which does not answer", engine::shown_address())
}

/// An engine whose requests fail if it shows no sign of life in time.
pub(crate) struct LivenessChecked {
    engine: Arc<dyn Engine>,
    observer: Observer,
    /// The observer knows that the engine does not answer.
    is_told: AtomicBool,
    /// A request was given up, and the engine has not answered since. Further requests are given up sooner.
    is_given_up: Arc<AtomicBool>,
}

impl LivenessChecked {
    /// An engine of its own, for tests on the scripted engine.
    #[cfg(test)]
    pub(crate) fn over(engine: Arc<dyn Engine>, observer: Observer) -> Arc<dyn Engine> {
        LivenessChecked::with(engine, observer, Arc::default())
    }

    /// `observer` is notified when the engine does not answer.
    fn with(engine: Arc<dyn Engine>, observer: Observer, is_given_up: Arc<AtomicBool>) -> Arc<dyn Engine> {
        Arc::new(LivenessChecked { engine, observer, is_told: AtomicBool::new(false), is_given_up })
    }

    async fn while_alive<T>(
        &self,
        request: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        tokio::select! {
            biased;
            answer = request => {
                self.has_answered();
                answer
            }
            silent = self.until_silent() => Err(silent),
        }
    }

    /// Ends when the engine has not answered a ping in time.
    async fn until_silent(&self) -> EngineError {
        loop {
            sleep(PAUSE).await;
            let mut ping = pin!(self.engine.ping());
            // If it fails, so will the request.
            if timeout(limits::ANNOUNCED_AFTER - PAUSE, &mut ping).await.is_ok() {
                self.has_answered();
                continue;
            }
            if !self.is_told.swap(true, Ordering::Relaxed) {
                self.observer.notify(&Event::Waiting { what: waiting() });
            }
            let is_given_up = self.is_given_up.load(Ordering::Relaxed);
            let rest = if is_given_up { Duration::ZERO } else { limits::ENGINE - limits::ANNOUNCED_AFTER };
            if timeout(rest, ping).await.is_err() {
                self.is_given_up.store(true, Ordering::Relaxed);
                return EngineError::silent(limits::ENGINE);
            }
            self.has_answered();
        }
    }

    fn has_answered(&self) {
        self.is_told.store(false, Ordering::Relaxed);
        self.is_given_up.store(false, Ordering::Relaxed);
    }
}

#[async_trait]
impl Engine for LivenessChecked {
    fn version(&self) -> EngineVersion {
        self.engine.version()
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.engine.ping().await
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        self.while_alive(self.engine.image(reference)).await
    }

    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<(), EngineError> {
        self.while_alive(self.engine.pull(reference, platform, progress)).await
    }

    async fn build(&self, build: &BuildSpec, progress: Progress<'_>) -> Result<(), EngineError> {
        self.while_alive(self.engine.build(build, progress)).await
    }

    async fn import(&self, tar: &Path, reference: &str) -> Result<(), EngineError> {
        self.while_alive(self.engine.import(tar, reference)).await
    }

    async fn create_network(&self, network: &NetworkSpec) -> Result<(), EngineError> {
        self.while_alive(self.engine.create_network(network)).await
    }

    async fn create_volume(&self, volume: &VolumeSpec) -> Result<FoundObject, EngineError> {
        self.while_alive(self.engine.create_volume(volume)).await
    }

    async fn create_container(&self, container: &ContainerSpec) -> Result<Created, EngineError> {
        self.while_alive(self.engine.create_container(container)).await
    }

    async fn copy_into(&self, id: &str, files: &[FileSpec]) -> Result<(), EngineError> {
        self.while_alive(self.engine.copy_into(id, files)).await
    }

    async fn start_container(&self, container: &ContainerSpec) -> Result<(), EngineError> {
        self.while_alive(self.engine.start_container(container)).await
    }

    async fn restart_container(&self, id: &str) -> Result<(), EngineError> {
        self.while_alive(self.engine.restart_container(id)).await
    }

    async fn inspect(&self, id: &str) -> Result<Inspection, EngineError> {
        self.while_alive(self.engine.inspect(id)).await
    }

    fn listening(&self, container: &Inspection) -> Option<Vec<SocketAddr>> {
        self.engine.listening(container)
    }

    async fn exec(&self, id: &str, argv: &[String], keep: Keep) -> Result<ExecOutput, EngineError> {
        self.while_alive(self.engine.exec(id, argv, keep)).await
    }

    async fn run_hook(&self, id: &str, hook: &Hook) -> Result<ExecOutput, EngineError> {
        self.while_alive(self.engine.run_hook(id, hook)).await
    }

    async fn read_log(&self, id: &str, tail: Option<usize>, sink: Sink<'_>) -> Result<(), EngineError> {
        self.while_alive(self.engine.read_log(id, tail, sink)).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        self.while_alive(self.engine.stop(id, grace)).await
    }

    async fn remove_container(&self, id: &str) -> Result<Removal, EngineError> {
        self.while_alive(self.engine.remove_container(id)).await
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        self.while_alive(self.engine.remove_network(name)).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        self.while_alive(self.engine.remove_volume(name)).await
    }

    async fn containers(&self, filter: &Filter) -> Result<Vec<FoundContainer>, EngineError> {
        self.while_alive(self.engine.containers(filter)).await
    }

    async fn networks(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError> {
        self.while_alive(self.engine.networks(filter)).await
    }

    async fn volumes(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError> {
        self.while_alive(self.engine.volumes(filter)).await
    }

    async fn network_addresses(&self, name: &str) -> Result<Vec<(IpAddr, String)>, EngineError> {
        self.while_alive(self.engine.network_addresses(name)).await
    }
}
