//! What the file says reaches the container: each service of `fixtures/live/applied/` logs what it finds, as `what:
//! value`.

mod namespaces;
mod networks;
mod newer;
mod process;
mod resources;
mod volumes;

use std::collections::HashMap;

use greenroom::{Stack, StackBuilder};
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::ContainerInspectResponse;
use testcontainers::core::client::docker_client_instance;

use crate::file;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn applied(name: &str) -> StackBuilder {
    Stack::builder(file(&format!("fixtures/live/applied/{name}.yml")))
}

/// What a service has logged.
struct Said {
    values: HashMap<String, String>,
    log: String,
}

impl Said {
    async fn by(stack: &Stack, service: &str) -> Result<Said> {
        let log = stack.service(service)?.logs().await?;
        let pairs = log.lines().filter_map(|line| line.split_once(": "));
        let values = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Ok(Said { values, log })
    }

    fn of(&self, name: &str) -> &str {
        self.values.get(name).map_or_else(|| panic!("it did not say `{name}`:\n{}", self.log), String::as_str)
    }

    /// Asserts that the value is one of these.
    fn is(&self, name: &str, expected: &[&str]) {
        assert!(expected.contains(&self.of(name)), "`{name}` is none of {expected:?}:\n{}", self.log);
    }

    fn has(&self, name: &str, part: &str) {
        assert!(self.of(name).contains(part), "`{name}` has no `{part}`:\n{}", self.log);
    }
}

/// The engine itself, for what a container cannot see and what a test must set up.
async fn engine() -> Result<Docker> {
    Ok(docker_client_instance().await?)
}

/// Its API version.
async fn api() -> Result<(u32, u32)> {
    let api = engine().await?.version().await?.api_version.unwrap_or_default();
    let (major, minor) = api.split_once('.').ok_or("the engine reports no version")?;
    Ok((major.parse()?, minor.parse()?))
}

async fn inspect(stack: &Stack, service: &str) -> Result<ContainerInspectResponse> {
    let planned = stack.plan().service(service).ok_or("there is no such service")?;
    Ok(engine().await?.inspect_container(&planned.container, None).await?)
}

/// A part of a name, unique on this machine.
fn unique() -> String {
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
    format!("{:08x}", random >> 32)
}
