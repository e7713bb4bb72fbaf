//! `x-greenroom`, greenroom's own extension of a compose file, deserialised with `serde_yaml`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::problem;
use super::readiness::tcp_ports_of;
use crate::compose::{Problem, Project};
use crate::kind::{Accept, Kind, Probe, Protocol};

/// A service's `x-greenroom:`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a mapping")]
pub(super) struct Extension {
    /// The service's kind, if its image's name does not show it.
    #[serde(default)]
    pub kind: Option<Kind>,
    #[serde(default)]
    ready: Option<Ready>,
    /// Published TCP ports that the service does not serve at its start: `9090`, or a range `"9000-9010"`.
    #[serde(default)]
    unserved: Vec<serde_yaml::Value>,
    /// The service's deadline: a Compose duration.
    #[serde(default)]
    timeout: Option<String>,
    #[serde(default)]
    pub fallback: Option<Fallback>,
}

/// `ready:` names exactly one probe; `port` and `status` refine that probe.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "a mapping such as {http: /health}")]
struct Ready {
    http: Option<String>,
    tcp: Option<u16>,
    sql: Option<String>,
    exec: Option<Vec<String>>,
    log: Option<String>,
    port: Option<u16>,
    status: Option<u16>,
    /// The port, by the protocol's key.
    #[serde(flatten)]
    protocols: BTreeMap<String, serde_yaml::Value>,
}

/// The keys of [`Ready`] that name a probe, in the order in which messages list them. The protocols' keys follow.
const QUESTIONS: [&str; 5] = ["http", "tcp", "sql", "exec", "log"];

/// How to build a replacement image, used if the real image is neither present nor available from a registry.
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
    /// The value of the Dockerfile's `ARG BASE`.
    #[serde(default)]
    pub base: Option<Base>,
    /// A program, with its arguments, that runs on the host in the project's folder before the build. The variable
    /// `GREENROOM_BUILD_CONTEXT` names a copy of the context, to which the program may add files such as compiled code.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// Files and folders outside the context that the image depends on: when one changes, the image is rebuilt.
    #[serde(default)]
    pub inputs: Vec<String>,
}

/// A base image that can be built without a registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a mapping of `image` and `script`")]
#[non_exhaustive]
pub struct Base {
    /// The image to use if a registry provides it.
    pub image: String,
    /// Used otherwise: a program that writes a root filesystem, as a tar file, to the path given as its argument.
    pub script: String,
}

fn default_dockerfile() -> String {
    "Dockerfile".to_owned()
}

impl Extension {
    /// Deserialises the `x-greenroom` of `service`. A service without one gets an empty extension.
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

    /// The published ports that the service does not serve at its start.
    pub(super) fn unserved(&self, project: &Project, service: &str) -> Result<Vec<u16>, Box<Problem>> {
        let published: Vec<_> = tcp_ports_of(&project.services[service]).collect();
        let mut unserved = Vec::new();
        for (index, written) in self.unserved.iter().enumerate() {
            let wrong = |message| problem(project, &format!("{}.unserved[{index}]", path(service)), message);
            let ports =
                ports(written).ok_or_else(|| wrong("must be a port or a range of ports".to_owned()))?;
            if let Some(port) = ports.clone().find(|port| !published.contains(port)) {
                let mut problem = wrong(format!("`{service}` does not publish TCP port {port}"));
                problem.hint = Some(published_ports(&published));
                return Err(problem);
            }
            unserved.extend(ports);
        }
        Ok(unserved)
    }

    /// The probe that the file states.
    pub(super) fn probe(&self, project: &Project, service: &str) -> Result<Option<Probe>, Box<Problem>> {
        let Some(ready) = &self.ready else { return Ok(None) };
        ready
            .probe()
            .map(Some)
            .map_err(|message| problem(project, &format!("{}.ready", path(service)), message))
    }
}

impl Ready {
    /// The probe, or a message that says what is wrong with `ready:`.
    fn probe(&self) -> Result<Probe, String> {
        let mut probes: Vec<Probe> = Vec::new();
        probes.extend(self.http.as_deref().map(|path| {
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            Probe::http(&path).accepting(self.status.map_or(Accept::Success, Accept::Status))
        }));
        probes.extend(self.tcp.map(Probe::tcp));
        probes.extend(self.sql.as_deref().map(Probe::sql));
        probes.extend(self.exec.clone().map(|argv| Probe::Exec { argv }));
        probes.extend(self.log.as_deref().map(Probe::log));
        for (key, port) in &self.protocols {
            probes.push(in_protocol(key, port)?);
        }
        let [probe] = &probes[..] else {
            let known: Vec<_> = questions().map(|key| format!("`{key}`")).collect();
            return Err(format!("`ready` takes exactly one of {}", known.join(", ")));
        };
        if self.status.is_some() && self.http.is_none() {
            return Err("`status` goes with `http`".to_owned());
        }
        if matches!(probe, Probe::Exec { argv } if argv.is_empty()) {
            return Err("`exec` takes a program and its arguments".to_owned());
        }
        match (self.port, probe) {
            (None, probe) => Ok(probe.clone()),
            (Some(port), Probe::Http { .. } | Probe::Sql { .. }) => Ok(probe.clone().on(port)),
            (Some(_), _) => Err("`port` goes with `http` and `sql`".to_owned()),
        }
    }
}

/// The probe for a protocol's key and port: `{redis: 6379}`.
fn in_protocol(key: &str, port: &serde_yaml::Value) -> Result<Probe, String> {
    let Some(protocol) = Protocol::named(key) else {
        let known: Vec<_> = questions().chain(["port", "status"]).map(|key| format!("`{key}`")).collect();
        return Err(format!("unknown field `{key}`, expected one of {}", known.join(", ")));
    };
    let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| format!("`{key}` takes the port inside the container"))?;
    Ok(Probe::protocol(protocol).on(port))
}

/// A port, or a range such as `9000-9010`.
fn ports(written: &serde_yaml::Value) -> Option<RangeInclusive<u16>> {
    let text = match written {
        serde_yaml::Value::String(text) => text.clone(),
        number => number.as_u64()?.to_string(),
    };
    let (first, last) = text.split_once('-').unwrap_or((&text, &text));
    let ports = first.parse().ok()?..=last.parse().ok()?;
    (!ports.is_empty()).then_some(ports)
}

fn published_ports(published: &[u16]) -> String {
    match published {
        [] => "it publishes none".to_owned(),
        ports => {
            let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
            format!("the container ports under its `ports:` are {}", ports.join(", "))
        }
    }
}

/// All keys that name a probe.
fn questions() -> impl Iterator<Item = &'static str> {
    QUESTIONS.into_iter().chain(Protocol::ALL.iter().map(|protocol| protocol.name()))
}

fn path(service: &str) -> String {
    format!("services.{service}.x-greenroom")
}
