//! When an image is pulled.

use std::time::Duration;

use super::problem;
use crate::compose::{Problem, Project, parse_duration};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When an image is pulled, and when it is built.
///
/// <https://github.com/compose-spec/compose-spec/blob/main/05-services.md#pull_policy>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullPolicy {
    /// Pulled if it is not present. If it cannot be pulled, it is built.
    #[default]
    Missing,
    /// Pulled each time. If that fails, a present image is used, or it is built if the file has a `build`.
    Always,
    /// Never pulled: it must be present, or is built.
    Never,
    /// Never pulled: it is built each time.
    Build,
    /// Pulled if the engine has had it for longer than this.
    Every(Duration),
}

impl PullPolicy {
    /// The policy of `service`. As with Compose, an unknown word means `missing`.
    pub(super) fn of(project: &Project, service: &str) -> Result<PullPolicy, Box<Problem>> {
        Ok(match project.services[service].pull_policy.as_deref() {
            Some("always") => PullPolicy::Always,
            Some("never") => PullPolicy::Never,
            Some("build") => PullPolicy::Build,
            Some("daily") => PullPolicy::Every(DAY),
            Some("weekly") => PullPolicy::Every(DAY * 7),
            Some(policy) => match policy.strip_prefix("every_") {
                Some(duration) => PullPolicy::Every(parse_duration(duration).map_err(|message| {
                    problem(project, &format!("services.{service}.pull_policy"), message)
                })?),
                None => PullPolicy::Missing,
            },
            None => PullPolicy::Missing,
        })
    }
}
