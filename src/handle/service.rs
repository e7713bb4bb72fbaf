//! Any service, by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Engine;
use crate::plan::Plan;
use crate::stack::RunningService;
use crate::{Error, runtime};

/// A service: where it is reached, its container, its log, and a way to run a command in it.
#[derive(Clone)]
pub struct ServiceHandle {
    engine: Arc<dyn Engine>,
    plan: Arc<Plan>,
    name: String,
    id: String,
    container: String,
    ports: BTreeMap<String, (String, u16)>,
}

/// What a command in a container gave.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecOutput {
    /// The exit code.
    pub code: i64,
    /// Standard output and standard error, as they came.
    pub output: String,
}

impl ServiceHandle {
    pub(super) fn new(engine: Arc<dyn Engine>, plan: Arc<Plan>, service: &RunningService) -> ServiceHandle {
        ServiceHandle {
            engine,
            plan,
            name: service.planned.name.clone(),
            id: service.id.clone(),
            container: service.planned.container.clone(),
            ports: service.ports.clone(),
        }
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The container's name.
    #[must_use]
    pub fn container_name(&self) -> &str {
        &self.container
    }

    /// The address to dial from this machine: never `localhost`, whose IPv4 and IPv6 ports may lead to different containers.
    #[must_use]
    pub fn host(&self) -> &str {
        self.ports.values().next().map_or("127.0.0.1", |(host, _)| host)
    }

    /// The host port at which the container's TCP port `container_port` is reached.
    ///
    /// # Errors
    ///
    /// That port is not published.
    pub fn port(&self, container_port: u16) -> Result<u16, Error> {
        self.ports.get(&format!("{container_port}/tcp")).map(|(_, port)| *port).ok_or_else(|| {
            let published: Vec<_> = self.ports.keys().collect();
            Error::handle(format!("service `{}` does not publish port {container_port}/tcp", self.name))
                .with_hint(if published.is_empty() {
                    "it publishes no port".to_owned()
                } else {
                    format!("it publishes {}", crate::error::list(&published))
                })
        })
    }

    /// `scheme://127.0.0.1:port` for the container's TCP port `container_port`.
    ///
    /// # Errors
    ///
    /// That port is not published.
    pub fn url(&self, scheme: &str, container_port: u16) -> Result<String, Error> {
        Ok(format!("{scheme}://{}:{}", self.host(), self.port(container_port)?))
    }

    /// The container's log so far: standard output and standard error, as they came. These are the service's own words;
    /// greenroom hides nothing in them.
    ///
    /// # Errors
    ///
    /// The engine does not answer, or the container is gone.
    pub async fn logs(&self) -> Result<String, Error> {
        crate::stack::logs(self.engine.clone(), self.id.clone(), None).await
    }

    /// Runs a command in the container, without a shell, as the container's user.
    ///
    /// # Errors
    ///
    /// The engine could not run it. A command that ends with another code than 0 is not an error.
    pub async fn exec<S: Into<String>>(
        &self,
        argv: impl IntoIterator<Item = S>,
    ) -> Result<ExecOutput, Error> {
        let (engine, id) = (self.engine.clone(), self.id.clone());
        let argv: Vec<String> = argv.into_iter().map(Into::into).collect();
        let secrets = self.plan.secrets.clone();
        runtime::run(async move {
            let done = engine.exec(&id, &argv).await.map_err(|mut error| {
                error.operation = secrets.hide(&error.operation);
                Error::from(error)
            })?;
            Ok(ExecOutput { code: done.code, output: done.output })
        })
        .await
    }

    /// Stops the service with its own signal, as an orderly shutdown would, at most `grace` long; then it is killed. Its
    /// `pre_stop` hooks are run before, within their own time. Its container stays, and [`Stack::restart`](crate::Stack::restart) starts it again.
    ///
    /// # Errors
    ///
    /// The engine could not stop it.
    pub async fn stop(&self, grace: std::time::Duration) -> Result<(), Error> {
        let (engine, id) = (self.engine.clone(), self.id.clone());
        let (plan, name) = (self.plan.clone(), self.name.clone());
        runtime::run(async move {
            crate::stack::run_pre_stop(engine.as_ref(), &plan, &name, &id).await;
            Ok(engine.stop(&id, grace).await?)
        })
        .await
    }
}

impl std::fmt::Debug for ServiceHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceHandle")
            .field("name", &self.name)
            .field("container", &self.container)
            .field("ports", &self.ports)
            .finish()
    }
}
