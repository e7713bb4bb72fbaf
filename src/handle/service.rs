//! A handle for any service.

use std::sync::Arc;

use crate::address::Addresses;
use crate::compose::Secrets;
use crate::engine::{Engine, Keep};
use crate::event::Observer;
use crate::known::RunningService;
use crate::stack::run_pre_stop;
use crate::{Error, runtime};

/// A service: its addresses, container and log, and a way to run commands in it.
#[derive(Clone)]
pub struct ServiceHandle {
    engine: Arc<dyn Engine>,
    secrets: Secrets,
    service: Arc<RunningService>,
}

/// The result of a command run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecOutput {
    /// The exit code.
    pub code: i64,
    /// Standard output and standard error, interleaved as written.
    pub output: String,
}

impl ServiceHandle {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        secrets: Secrets,
        service: Arc<RunningService>,
    ) -> ServiceHandle {
        ServiceHandle { engine, secrets, service }
    }

    fn addresses(&self) -> &Addresses {
        &self.service.known.addresses
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.service.planned.name
    }

    /// The container's name.
    #[must_use]
    pub fn container_name(&self) -> &str {
        &self.service.planned.container
    }

    /// The address to dial from this machine: never `localhost`, whose IPv4 and IPv6 ports may lead to different containers.
    #[must_use]
    pub fn host(&self) -> &str {
        self.addresses().iter().next().map_or("127.0.0.1", |(_, address)| &address.host)
    }

    /// The host port at which the container's TCP port `container_port` is reached.
    ///
    /// # Errors
    ///
    /// That port is not published.
    pub fn port(&self, container_port: u16) -> Result<u16, Error> {
        self.service.address(container_port).map(|address| address.port)
    }

    /// `scheme://127.0.0.1:port` for the container's TCP port `container_port`.
    ///
    /// # Errors
    ///
    /// That port is not published.
    pub fn url(&self, scheme: &str, container_port: u16) -> Result<String, Error> {
        Ok(format!("{scheme}://{}:{}", self.host(), self.port(container_port)?))
    }

    /// The container's log so far: standard output and standard error, interleaved as written. The log is returned
    /// unchanged: greenroom hides no secrets in it.
    ///
    /// # Errors
    ///
    /// The engine does not answer, or the container is gone.
    pub async fn logs(&self) -> Result<String, Error> {
        let (engine, service) = (self.engine.clone(), self.service.clone());
        runtime::run(async move { Ok(engine.logs(&service.known.id, None).await?) }).await
    }

    /// Runs a command in the container, without a shell, as the container's user.
    ///
    /// # Errors
    ///
    /// The engine could not run the command. A nonzero exit code is not an error.
    pub async fn exec<S: Into<String>>(
        &self,
        argv: impl IntoIterator<Item = S>,
    ) -> Result<ExecOutput, Error> {
        let ServiceHandle { engine, secrets, service } = self.clone();
        let argv: Vec<String> = argv.into_iter().map(Into::into).collect();
        runtime::run(async move {
            let done = engine.exec(&service.known.id, &argv, Keep::All).await.map_err(|mut error| {
                error.operation = secrets.hide(&error.operation);
                Error::from(error)
            })?;
            Ok(ExecOutput { code: done.code, output: done.output })
        })
        .await
    }

    /// Stops the service as an orderly shutdown would: runs its `pre_stop` hooks, within their own time limit, then
    /// sends its stop signal, and kills the service if it still runs after `grace`. The container stays, and
    /// [`Stack::restart`](crate::Stack::restart) starts it again.
    ///
    /// # Errors
    ///
    /// The engine could not stop the service.
    pub async fn stop(&self, grace: std::time::Duration) -> Result<(), Error> {
        let ServiceHandle { engine, secrets, service } = self.clone();
        runtime::run(async move {
            let RunningService { planned, known } = &*service;
            run_pre_stop(engine.as_ref(), planned, &known.id, &secrets, &Observer::default()).await;
            Ok(engine.stop(&known.id, grace).await?)
        })
        .await
    }
}

impl std::fmt::Debug for ServiceHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceHandle")
            .field("name", &self.name())
            .field("container", &self.container_name())
            .field("addresses", self.addresses())
            .finish()
    }
}
