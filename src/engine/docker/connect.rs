//! Connecting to the engine, once per process.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use testcontainers::bollard;
use testcontainers::core::client::docker_client_instance;

use super::Docker;
use super::error::with_causes;
use crate::engine::{ConnectError, Engine, OLDEST_API};
use crate::plan::EngineVersion;

/// The process's engine. A failure is not cached: the engine may have been started by the next `up`.
static ENGINE: OnceCell<Arc<Docker>> = OnceCell::new();

/// Connects to the engine at `DOCKER_HOST` or at the platform's default socket, once per process.
///
/// # Errors
///
/// No engine answers, the process may not open its socket, the engine is too old, or `DOCKER_HOST` names another machine.
/// The next call tries again.
pub(crate) async fn connect() -> Result<Arc<dyn Engine>, ConnectError> {
    if let Some(engine) = ENGINE.get() {
        return Ok(engine.clone());
    }
    let (client, version) = open().await?;
    let engine = ENGINE.get_or_try_init(|| Ok(Arc::new(Docker::new(client, version))))?;
    Ok(engine.clone())
}

/// Connects without asking for the version, which is known for the engine of a running stack.
pub(crate) async fn connect_again(version: &EngineVersion) -> Result<Arc<dyn Engine>, ConnectError> {
    match ENGINE.get() {
        Some(engine) => Ok(engine.clone()),
        // Not cached: the next `connect` is to check the engine and report what is wrong with it.
        None => Ok(Arc::new(Docker::new(client(&address()).await?, version.clone()))),
    }
}

/// The value of `DOCKER_HOST`; empty for the default socket.
pub(crate) fn address() -> String {
    std::env::var("DOCKER_HOST").unwrap_or_default()
}

/// The engine's address, for messages.
pub(crate) fn shown_address() -> String {
    let host = address();
    if host.is_empty() { "unix:///var/run/docker.sock".to_owned() } else { host }
}

async fn client(host: &str) -> Result<bollard::Docker, ConnectError> {
    docker_client_instance().await.map_err(|error| unavailable(host, &with_causes(&error)))
}

async fn open() -> Result<(bollard::Docker, EngineVersion), ConnectError> {
    let host = address();
    if let Some(scheme) = remote_scheme(&host) {
        return Err(ConnectError {
            message: format!(
                "DOCKER_HOST={host} names an engine reached by `{scheme}`, but greenroom works with one on this machine"
            ),
            hint: "unset DOCKER_HOST, or let it name a socket: unix:///var/run/docker.sock".to_owned(),
        });
    }
    let client = client(&host).await?;
    let version = client.version().await.map_err(|error| unavailable(&host, &with_causes(&error)))?;
    let engine = version.version.unwrap_or_default();
    let api = version.api_version.unwrap_or_default();
    match parse_api(&api) {
        Some(api) if api >= OLDEST_API => Ok((client, EngineVersion { engine, api })),
        _ => Err(ConnectError {
            message: format!(
                "the container engine is too old: version {engine}, API {api}; greenroom needs API {}.{}",
                OLDEST_API.0, OLDEST_API.1
            ),
            hint: "update it to Docker Engine 20.10 or newer".to_owned(),
        }),
    }
}

/// The scheme of an address that may be on another machine, where ports would not be on 127.0.0.1.
fn remote_scheme(host: &str) -> Option<&str> {
    let (scheme, _) = host.split_once("://")?;
    (!matches!(scheme, "unix" | "npipe")).then_some(scheme)
}

fn parse_api(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The error for an engine that does not answer; the hint depends on the cause.
fn unavailable(host: &str, cause: &str) -> ConnectError {
    let at = if host.is_empty() { "unix:///var/run/docker.sock" } else { host };
    let lower = cause.to_lowercase();
    if lower.contains("permission denied") {
        return ConnectError {
            message: format!("no permission to talk to the container engine at {at}: {cause}"),
            hint: "add yourself to the `docker` group (`sudo usermod -aG docker $USER`, then log in again), or set DOCKER_HOST to a rootless engine's socket".to_owned(),
        };
    }
    ConnectError {
        message: format!("no container engine answers at {at}: {cause}"),
        hint: if host.is_empty() {
            "start it (`sudo systemctl start docker`, or Docker Desktop), or set DOCKER_HOST to its socket"
                .to_owned()
        } else {
            "DOCKER_HOST is set: check the address, or unset it to use the default socket".to_owned()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_on_another_machine_is_told_from_one_here() {
        assert_eq!(remote_scheme("tcp://10.0.0.1:2375"), Some("tcp"));
        assert_eq!(remote_scheme("ssh://me@host"), Some("ssh"));
        assert_eq!(remote_scheme("unix:///run/docker.sock"), None);
        assert_eq!(remote_scheme(""), None);
    }

    #[test]
    fn api_versions_compare_as_numbers() {
        assert!(parse_api("1.9") < Some(OLDEST_API));
        assert!(parse_api("1.51") > Some(OLDEST_API));
        assert_eq!(parse_api("nonsense"), None);
    }

    #[test]
    fn what_to_do_depends_on_how_it_failed() {
        let denied = unavailable("", "Permission denied (os error 13)");
        assert!(denied.hint.contains("docker` group"), "{denied:?}");
        let absent = unavailable("", "No such file or directory");
        assert!(absent.hint.contains("systemctl start docker"), "{absent:?}");
        let set = unavailable("unix:///nowhere.sock", "No such file or directory");
        assert!(
            set.message.contains("unix:///nowhere.sock") && set.hint.contains("DOCKER_HOST is set"),
            "{set:?}"
        );
    }
}
