//! Which keys of `build` the engine's classic builder can do: it is on every engine, and needs no plugin.

use serde_json::Value as Json;

use super::{problem, support};
use crate::compose::{Problem, Project, Warning};

/// What only BuildKit has, and the image would not be the same without.
const NEEDS_BUILDKIT: [&str; 5] = ["additional_contexts", "entitlements", "privileged", "secrets", "ssh"];

/// What changes nothing about the image itself.
const NOT_APPLIED: [&str; 3] = ["cache_to", "provenance", "sbom"];

/// Contexts that only BuildKit fetches.
const BUILDKIT_SCHEMES: [&str; 4] = ["docker-image://", "oci-layout://", "service:", "target:"];

/// Complains of what the builder cannot do, and notes what it need not.
pub(super) fn check(
    project: &Project,
    service: &str,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Warning>,
) {
    let Some(build) = &project.services[service].build else { return };
    let path = |key: &str| format!("services.{service}.build.{key}");
    let written = &project.document()["services"][service]["build"];
    let says = |key: &&str| {
        written.get(*key).is_some_and(|value| *value != Json::Bool(false) && !support::is_absent(value))
    };
    for key in NEEDS_BUILDKIT.iter().filter(|key| says(key)) {
        problems.push(*needs_buildkit(project, &path(key), &format!("`{key}`")));
    }
    for key in NOT_APPLIED.iter().filter(|key| says(key)) {
        warnings.push(support::not_applied(project, &path(key)));
    }
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
            let message = format!("{path}: greenroom's builds take steps over from images only");
            warnings.push(Warning { place: project.place(&path), message });
        }
    }
}

fn needs_buildkit(project: &Project, path: &str, what: &str) -> Box<Problem> {
    let message = format!("{what} needs BuildKit, and greenroom builds with the engine's own builder");
    let mut refused = problem(project, path, message);
    refused.hint = Some(
        "build it first with `docker compose build`; for tests, name the image in an override file: `image: NAME` and `build: !reset null`"
            .to_owned(),
    );
    refused
}

/// The image that an entry of `cache_from` names: the entry itself, or the `ref` of one that names a registry.
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
