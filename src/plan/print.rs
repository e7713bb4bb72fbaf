//! The plan as text, for `greenroom plan`.

use std::fmt;

use super::{Fate, Plan, PlannedPort, Restart};
use crate::address::Port;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stack {}", self.stack)?;
        writeln!(f, "  project {} in {}", self.project, self.directory.display())?;
        for file in &self.env_files {
            writeln!(f, "  environment from {}", file.display())?;
        }
        for network in &self.networks {
            let external = if network.network.external { ", external" } else { "" };
            writeln!(f, "network {}: {}{external}", network.key, network.name)?;
        }
        for volume in &self.volumes {
            writeln!(f, "volume {}: {}, {}", volume.key, volume.name, volume.fate)?;
        }
        // Replicas differ only in their container's name.
        for planned in self.services.iter().filter(|planned| planned.number == 1) {
            let service = &planned.service;
            writeln!(f, "service {}", service.name)?;
            if let Some(image) = &service.image {
                writeln!(f, "  image {image}")?;
            }
            if let Some(build) = &service.build {
                writeln!(f, "  build {}", build.context)?;
            }
            if let Some(fallback) = &planned.fallback {
                writeln!(f, "  fallback {}", fallback.context)?;
            }
            for replica in self.replicas(&service.name) {
                writeln!(f, "  container {}", replica.container)?;
            }
            if let Some(owner) = &planned.network_of {
                writeln!(f, "  on the network of container {owner}")?;
            }
            for port in &planned.ports {
                let is_unserved = planned.unserved.iter().any(|number| port.port == Port::tcp(*number));
                writeln!(f, "  port {port}{}", if is_unserved { ", not served at the start" } else { "" })?;
            }
            for attachment in &planned.networks {
                writeln!(f, "  on {} as {}", attachment.network, attachment.aliases.join(", "))?;
            }
            for mount in &service.volumes {
                let source = mount.source.as_deref().unwrap_or("a volume of its own");
                writeln!(f, "  mount {} from {}", mount.target, source)?;
            }
            for file in &planned.files {
                writeln!(f, "  {file}")?;
            }
            for (when, hooks) in [("post_start", &service.post_start), ("pre_stop", &service.pre_stop)] {
                for hook in hooks {
                    writeln!(f, "  {when} `{}`", self.secrets.hide(&hook.command.join(" ")))?;
                }
            }
            for (name, value) in &service.environment {
                match value {
                    Some(value) => writeln!(f, "  env {name}={}", self.secrets.show(name, value))?,
                    None => writeln!(f, "  env {name} unset")?,
                }
            }
            for dependency in &planned.waits_for {
                writeln!(f, "  after {} is {}", dependency.service, dependency.until)?;
            }
            writeln!(f, "  ready when {}", self.secrets.hide(&planned.readiness.to_string()))?;
            writeln!(f, "  within {:?}", planned.timeout)?;
            if planned.restart != Restart::No {
                writeln!(f, "  restart {}", planned.restart)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fate::Fresh => "fresh: removed with the stack",
            Fate::Kept => "kept",
            Fate::External => "external: never created or removed",
        })
    }
}

impl fmt::Display for PlannedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host_port == 0 { "a picked port".to_owned() } else { self.host_port.to_string() };
        write!(f, "{} at {}:{host}", self.port, self.host_ip)
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Restart::No => write!(f, "no"),
            Restart::Always => write!(f, "while it is waited for"),
            Restart::OnFailure(None) => write!(f, "on failure while it is waited for"),
            Restart::OnFailure(Some(most)) => {
                write!(f, "on failure while it is waited for, at most {most} times")
            }
        }
    }
}
