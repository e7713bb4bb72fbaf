//! Which keys of `build` the engine's classic builder supports. Every engine has that builder, and it needs no plugin.

use super::problem;
use crate::compose::{Problem, Project, Warning};

/// Keys that only BuildKit supports, and that change the image.
pub(super) const NEEDS_BUILDKIT: [&str; 5] =
    ["build.additional_contexts", "build.entitlements", "build.privileged", "build.secrets", "build.ssh"];

/// Schemes of contexts that only BuildKit can fetch.
const BUILDKIT_SCHEMES: [&str; 4] = ["docker-image://", "oci-layout://", "service:", "target:"];

/// Refuses values that the builder does not support, and warns of those it can ignore. `support` checks the keys.
pub(super) fn check(
    project: &Project,
    service: &str,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    let Some(build) = &project.services[service].build else { return };
    let path = |key: &str| format!("services.{service}.build.{key}");
    if let Some(scheme) = BUILDKIT_SCHEMES.iter().find(|scheme| build.context.starts_with(**scheme)) {
        problems.push(*needs_buildkit(project, &path("context"), &format!("a context of `{scheme}`")));
    }
    if build.is_remote() && build.dockerfile_inline.is_some() {
        let what = "`dockerfile_inline` with a context that the engine fetches";
        problems.push(*needs_buildkit(project, &path("dockerfile_inline"), what));
    }
    for (index, source) in build.cache_from.iter().enumerate() {
        if cached_image(source).is_none() {
            let path = path(&format!("cache_from[{index}]"));
            let message = format!("{path}: greenroom can only use images as a build cache");
            warnings.push(Warning::new(project.place(&path), message));
        }
    }
}

pub(super) fn needs_buildkit(project: &Project, path: &str, what: &str) -> Box<Problem> {
    let message = format!("{what} needs BuildKit, and greenroom builds with the engine's own builder");
    let mut refused = problem(project, path, message);
    refused.hint = Some(
        "build it first with `docker compose build`; for tests, name the image in an override file: `image: NAME` and `build: !reset null`"
            .to_owned(),
    );
    refused
}

/// The image that an entry of `cache_from` names: the entry itself, or the `ref` of an entry of type `registry`.
pub(crate) fn cached_image(source: &str) -> Option<String> {
    if !source.contains('=') {
        return Some(source.to_owned());
    }
    let field = |name: &str| {
        source.split(',').filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name)
    };
    field("type").filter(|(_, kind)| *kind == "registry")?;
    field("ref").map(|(_, image)| image.to_owned())
}
