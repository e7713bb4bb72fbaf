//! `x-greenroom`, the part of a compose file that is greenroom's own. `serde_yaml` types it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Accept, Kind, Probe, problem};
use crate::compose::{Problem, Project};

/// What `x-greenroom:` of a service may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a mapping")]
pub(super) struct Extension {
    /// What the service is, where its image's name does not tell.
    #[serde(default)]
    pub kind: Option<Kind>,
    #[serde(default)]
    ready: Option<Ready>,
    /// The service's deadline: a Compose duration.
    #[serde(default)]
    timeout: Option<String>,
    #[serde(default)]
    pub fallback: Option<Fallback>,
}

/// `ready:` names one question; `port` and `status` refine it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a mapping such as {http: /health}")]
struct Ready {
    http: Option<String>,
    tcp: Option<u16>,
    sql: Option<String>,
    exec: Option<Vec<String>>,
    log: Option<String>,
    port: Option<u16>,
    status: Option<u16>,
}

/// How to build an image that may stand in where the real one is neither here nor to be had.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a mapping such as {context: images/db}")]
#[non_exhaustive]
pub struct Fallback {
    /// The build context, relative to the project's folder.
    pub context: String,
    /// The Dockerfile, relative to the context.
    #[serde(default = "default_dockerfile")]
    pub dockerfile: String,
    /// Build arguments.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// What the Dockerfile's `ARG BASE` stands for.
    #[serde(default)]
    pub base: Option<Base>,
    /// A program of the host, with its arguments, that is run in the project's folder before the build. It finds a copy
    /// of the context at `GREENROOM_BUILD_CONTEXT` and may add to it, for example what a compiler made.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// Files and folders, besides the context, that the image is made of: a change of theirs makes a new image.
    #[serde(default)]
    pub inputs: Vec<String>,
}

/// A base image that can be made without a registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a mapping of `image` and `script`")]
#[non_exhaustive]
pub struct Base {
    /// The image to use where a registry gives it.
    pub image: String,
    /// Where none does: a program that writes a root filesystem as a tar file to the path that is its argument.
    pub script: String,
}

fn default_dockerfile() -> String {
    "Dockerfile".to_owned()
}

impl Extension {
    /// Types the `x-greenroom` of `service`; without one, an empty extension.
    pub(super) fn of(project: &Project, service: &str) -> Result<Extension, Box<Problem>> {
        let Some(value) = &project.services[service].greenroom else { return Ok(Extension::default()) };
        serde_yaml::to_value(value)
            .and_then(serde_yaml::from_value)
            .map_err(|error| problem(project, &path(service), error.to_string()))
    }

    /// The deadline that the file states.
    pub(super) fn timeout(&self, project: &Project, service: &str) -> Result<Option<Duration>, Box<Problem>> {
        let Some(text) = &self.timeout else { return Ok(None) };
        crate::compose::parse_duration(text)
            .map(Some)
            .map_err(|message| problem(project, &format!("{}.timeout", path(service)), message))
    }

    /// The question that the file asks.
    pub(super) fn probe(&self, project: &Project, service: &str) -> Result<Option<Probe>, Box<Problem>> {
        let Some(ready) = &self.ready else { return Ok(None) };
        let invalid =
            |message: &str| problem(project, &format!("{}.ready", path(service)), message.to_owned());
        let mut probes: Vec<Probe> = Vec::new();
        probes.extend(ready.http.as_deref().map(|path| {
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            Probe::http(&path).accepting(ready.status.map_or(Accept::Success, Accept::Status))
        }));
        probes.extend(ready.tcp.map(Probe::tcp));
        probes.extend(ready.sql.as_deref().map(Probe::sql));
        probes.extend(ready.exec.clone().map(|argv| Probe::Exec { argv }));
        probes.extend(ready.log.as_deref().map(Probe::log));
        let [probe] = &probes[..] else {
            return Err(invalid("`ready` takes exactly one of `http`, `tcp`, `sql`, `exec` and `log`"));
        };
        if ready.status.is_some() && ready.http.is_none() {
            return Err(invalid("`status` goes with `http`"));
        }
        if matches!(probe, Probe::Exec { argv } if argv.is_empty()) {
            return Err(invalid("`exec` takes a program and its arguments"));
        }
        match (ready.port, probe) {
            (None, probe) => Ok(Some(probe.clone())),
            (Some(port), Probe::Http { .. } | Probe::Sql { .. }) => Ok(Some(probe.clone().on(port))),
            (Some(_), _) => Err(invalid("`port` goes with `http` and `sql`")),
        }
    }
}

fn path(service: &str) -> String {
    format!("services.{service}.x-greenroom")
}
