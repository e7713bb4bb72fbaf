//! Docker, over its HTTP API and through testcontainers.

mod archive;
mod body;
mod connect;
mod context;
mod error;
mod exec;
mod found;
mod ignore;
mod image;
mod mount;
mod options;
mod resources;
mod sockets;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use testcontainers::bollard;
use testcontainers::bollard::exec::CreateExecOptions;
use testcontainers::bollard::models::NetworkConnectRequest;
use testcontainers::bollard::query_parameters::{
    InspectNetworkOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
    StartContainerOptions, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt, ReuseDirective};

use super::{
    BuildSpec, ContainerSpec, Created, Engine, EngineError, ExecOutput, FileSpec, Filter, FoundContainer,
    FoundObject, Image, Inspection, Keep, NetworkSpec, Progress, Removal, Sink, VolumeSpec,
};
use crate::compose::Hook;
use crate::plan::EngineVersion;
use error::{absent_is_fine, failed, with_causes};

pub(crate) use connect::{address, connect, connect_again, shown_address};
pub(crate) use image::fingerprint;

/// From this API version on, a container can be created with several networks.
const SEVERAL_NETWORKS: (u32, u32) = (1, 44);

/// testcontainers only starts and holds containers with this label.
const MANAGED_BY: (&str, &str) = ("org.testcontainers.managed-by", "testcontainers");

pub(crate) struct Docker {
    client: bollard::Docker,
    version: EngineVersion,
    /// The containers that testcontainers holds, by name. With [`ReuseDirective::Always`], dropping one does nothing.
    held: Mutex<HashMap<String, ContainerAsync<GenericImage>>>,
}

#[async_trait]
impl Engine for Docker {
    fn version(&self) -> EngineVersion {
        self.version.clone()
    }

    async fn ping(&self) -> Result<(), EngineError> {
        self.client.ping().await.map(drop).map_err(failed("ping the container engine".to_owned()))
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        match self.client.inspect_image(reference).await {
            Ok(found) => Ok(Some(image::from_inspect(found))),
            Err(error) => match failed(format!("inspect image `{reference}`"))(error) {
                error if error.is_not_found() => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<(), EngineError> {
        image::pull(&self.client, reference, platform, progress).await
    }

    async fn build(&self, build: &BuildSpec, progress: Progress<'_>) -> Result<(), EngineError> {
        image::build(&self.client, build, progress).await
    }

    async fn import(&self, tar: &Path, reference: &str) -> Result<(), EngineError> {
        image::import(&self.client, tar, reference).await
    }

    async fn create_network(&self, network: &NetworkSpec) -> Result<(), EngineError> {
        self.client
            .create_network(body::network(network))
            .await
            .map(drop)
            .map_err(failed(format!("create network `{}`", network.name)))
    }

    async fn create_volume(&self, volume: &VolumeSpec) -> Result<FoundObject, EngineError> {
        self.client
            .create_volume(body::volume(volume))
            .await
            .map(found::volume)
            .map_err(failed(format!("create volume `{}`", volume.name)))
    }

    async fn create_container(&self, container: &ContainerSpec) -> Result<Created, EngineError> {
        let most = if self.version.api < SEVERAL_NETWORKS { 1 } else { usize::MAX };
        let (at_once, later) = container.networks.split_at(container.networks.len().min(most));
        let mut body = body::container(container, at_once);
        body.labels.get_or_insert_default().insert(MANAGED_BY.0.into(), MANAGED_BY.1.into());
        let created = self
            .client
            .create_container(Some(body::options(container)), body)
            .await
            .map_err(failed(format!("create container `{}`", container.name)))?;
        for attachment in later {
            let request = NetworkConnectRequest {
                container: created.id.clone(),
                endpoint_config: Some(body::endpoint(attachment)),
            };
            self.client.connect_network(&attachment.network, request).await.map_err(failed(format!(
                "connect container `{}` to network `{}`",
                container.name, attachment.network
            )))?;
        }
        Ok(Created { id: created.id, warnings: created.warnings })
    }

    async fn copy_into(&self, id: &str, files: &[FileSpec]) -> Result<(), EngineError> {
        let operation = || {
            let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
            format!("copy {} into container `{id}`", paths.join(", "))
        };
        let archive = archive::of_files(files).map_err(|error| EngineError::new(operation(), error))?;
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        self.client
            .upload_to_container(id, Some(options), bollard::body_full(archive.into()))
            .await
            .map_err(failed(operation()))
    }

    async fn start_container(&self, container: &ContainerSpec) -> Result<(), EngineError> {
        let started = GenericImage::new(container.image.as_str(), "")
            .with_container_name(&container.name)
            .with_labels(container.labels.iter().filter(|(_, value)| !value.is_empty()))
            .with_reuse(ReuseDirective::Always)
            .start()
            .await
            .map_err(|error| {
                EngineError::new(format!("start container `{}`", container.name), with_causes(&error))
            })?;
        self.held
            .lock()
            .expect("nothing panics while it holds this lock")
            .insert(container.name.clone(), started);
        Ok(())
    }

    async fn restart_container(&self, id: &str) -> Result<(), EngineError> {
        self.client
            .start_container(id, None::<StartContainerOptions>)
            .await
            .map_err(failed(format!("start container `{id}` again")))
    }

    async fn inspect(&self, id: &str) -> Result<Inspection, EngineError> {
        let found = self
            .client
            .inspect_container(id, None)
            .await
            .map_err(failed(format!("inspect container `{id}`")))?;
        Ok(found::inspection(found))
    }

    fn listening(&self, container: &Inspection) -> Option<Vec<SocketAddr>> {
        sockets::listening(&container.id, container.pid?)
    }

    async fn exec(&self, id: &str, argv: &[String], keep: Keep) -> Result<ExecOutput, EngineError> {
        let options = CreateExecOptions { cmd: Some(argv.to_vec()), ..CreateExecOptions::default() };
        self.run(id, options, keep).await
    }

    async fn run_hook(&self, id: &str, hook: &Hook) -> Result<ExecOutput, EngineError> {
        self.run(id, exec::options(hook), exec::OF_A_HOOK).await
    }

    async fn read_log(&self, id: &str, tail: Option<usize>, sink: Sink<'_>) -> Result<(), EngineError> {
        let tail = tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&tail).build();
        let mut stream = self.client.logs(id, Some(options));
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(failed(format!("read the log of container `{id}`")))?;
            if sink(&piece.into_bytes()).is_break() {
                break;
            }
        }
        Ok(())
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let seconds = i32::try_from(grace.as_secs_f64().ceil() as i64).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        // The engine answers when the container has stopped.
        let client = self.client.clone().with_timeout(self.client.timeout().saturating_add(grace));
        // 304: it was not running.
        match client.stop_container(id, Some(options)).await.map_err(failed(format!("stop container `{id}`")))
        {
            Err(error) if matches!(error.status, Some(304 | 404)) => Ok(()),
            other => other,
        }
    }

    async fn remove_container(&self, id: &str) -> Result<Removal, EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = self.client.remove_container(id, Some(options)).await;
        let removal = match removed.map_err(failed(format!("remove container `{id}`"))) {
            Err(refusal) if refusal.status == Some(409) => Removal::UnderWay(refusal),
            removed => absent_is_fine(removed).map(|()| Removal::Gone)?,
        };
        self.held.lock().expect("nothing panics while it holds this lock").retain(|_, held| held.id() != id);
        Ok(removal)
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        let removed = self.client.remove_network(name).await;
        absent_is_fine(removed.map_err(failed(format!("remove network `{name}`"))))
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        let removed = self.client.remove_volume(name, None::<RemoveVolumeOptions>).await;
        absent_is_fine(removed.map_err(failed(format!("remove volume `{name}`"))))
    }

    async fn containers(&self, filter: &Filter) -> Result<Vec<FoundContainer>, EngineError> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters(filter)).build();
        let found =
            self.client.list_containers(Some(options)).await.map_err(failed("list containers".to_owned()))?;
        Ok(found.into_iter().map(found::container).collect())
    }

    async fn networks(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError> {
        let options = ListNetworksOptionsBuilder::new().filters(&filters(filter)).build();
        let found =
            self.client.list_networks(Some(options)).await.map_err(failed("list networks".to_owned()))?;
        Ok(found.into_iter().map(found::network).collect())
    }

    async fn volumes(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError> {
        let options = ListVolumesOptionsBuilder::new().filters(&filters(filter)).build();
        let found =
            self.client.list_volumes(Some(options)).await.map_err(failed("list volumes".to_owned()))?;
        Ok(found.volumes.unwrap_or_default().into_iter().map(found::volume).collect())
    }

    async fn network_addresses(&self, name: &str) -> Result<Vec<(IpAddr, String)>, EngineError> {
        let found = self
            .client
            .inspect_network(name, None::<InspectNetworkOptions>)
            .await
            .map_err(failed(format!("inspect network `{name}`")))?;
        Ok(found::addresses(found))
    }
}

impl Docker {
    pub(super) fn new(client: bollard::Docker, version: EngineVersion) -> Docker {
        Docker { client, version, held: Mutex::default() }
    }
}

fn filters(filter: &Filter) -> HashMap<String, Vec<String>> {
    let mut filters = HashMap::from([("label".to_owned(), filter.labels.clone())]);
    if let Some(volume) = &filter.volume {
        filters.insert("volume".to_owned(), vec![volume.clone()]);
    }
    filters
}

#[cfg(test)]
pub(crate) use body::requests;
