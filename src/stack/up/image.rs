//! Chooses the image that runs: present, else pulled, else built, else the declared fallback. An image that greenroom
//! built is built again when what it is built from has changed.
//!
//! The order is Compose's (<https://github.com/compose-spec/compose-spec/blob/main/05-services.md#pull_policy>). Only
//! the fallback is greenroom's own, and it is always reported.

use std::path::Path;
use std::time::SystemTime;

use super::failure::{Failure, ServiceFailure};
use super::fallback;
use super::start::Start;
use crate::compose::{Build, Mount, MountKind};
use crate::engine::{self, BuildSpec, Context, Dockerfile, EngineError, Image};
use crate::event::Event;
use crate::known::UsedImage;
use crate::lease::Facts;
use crate::plan::{Plan, PlannedService, PullPolicy, cached_image, label};

/// Makes sure that the engine has the service's image, or its fallback.
pub(super) async fn resolve(start: &Start, planned: &PlannedService) -> Result<UsedImage, Failure> {
    let service = &planned.service;
    let reference = reference(&start.plan, planned);
    let error = match obtain(start, planned, &reference).await {
        Ok((image, rebuilt)) => {
            let built_from = built_from(&image, &reference).map(str::to_owned);
            let healthcheck = image.healthcheck;
            return Ok(UsedImage { reference, stands_in_for: None, healthcheck, built_from, rebuilt });
        }
        Err(error) => error,
    };
    let no_image = |fallback| {
        start.failed(&service.name, ServiceFailure::NoImage { error: error.to_string(), fallback })
    };
    let Some(fallback) = &planned.fallback else { return Err(no_image(None)) };
    let (used, image) =
        fallback::build(start, &service.name, fallback).await.map_err(|second| no_image(Some(second)))?;
    start.observer.notify(&Event::FallbackImage {
        service: service.name.clone(),
        wanted: reference.clone(),
        used: used.clone(),
        reason: start.plan.secrets.hide(&error.message),
    });
    let (stands_in_for, healthcheck) = (Some(reference), image.healthcheck);
    Ok(UsedImage { reference: used, stands_in_for, healthcheck, ..UsedImage::default() })
}

/// The image's name: the file's, or Compose's for an image that is built.
fn reference(plan: &Plan, planned: &PlannedService) -> String {
    let service = &planned.service;
    service.image.clone().unwrap_or_else(|| format!("{}-{}", plan.project, service.name))
}

/// Builds the images of all services that the file builds, whether or not anything has changed.
pub(in crate::stack) async fn build_all(start: &Start) -> Result<(), Failure> {
    for planned in start.plan.services.iter().filter(|planned| planned.name == planned.service.name) {
        let Some(build) = &planned.service.build else { continue };
        let reference = reference(&start.plan, planned);
        let built = build_image(start, planned, &reference, build).await;
        built.map_err(|error| {
            let error = error.to_string();
            start.failed(&planned.name, ServiceFailure::NoImage { error, fallback: None })
        })?;
    }
    Ok(())
}

/// The first service whose image is not what its build would give now, as far as that can be known.
pub(in crate::stack) async fn changed_since(plan: &Plan, facts: &Facts) -> Option<String> {
    for planned in &plan.services {
        let known = facts.services.get(&planned.name).and_then(|facts| facts.known.image.built_from.as_ref());
        let (Some(build), Some(built)) = (&planned.service.build, known) else { continue };
        let spec = build_spec(&reference(plan, planned), build, planned);
        if mark(&spec).await.is_ok_and(|mark| mark.is_some_and(|mark| mark != *built)) {
            return Some(planned.name.clone());
        }
    }
    None
}

/// Finds, pulls or builds the image, depending on `pull_policy`. Returns also whether it was built again because of a
/// change.
async fn obtain(
    start: &Start,
    planned: &PlannedService,
    reference: &str,
) -> Result<(Image, bool), EngineError> {
    let service = &planned.service;
    let engine = &start.engine;
    let progress = |line: &str| start.image_progress(&service.name, line);
    let present = engine.image(reference).await?;
    if service.image.is_some() && is_to_be_pulled(planned.pull, present.as_ref(), SystemTime::now()) {
        progress(&format!("pulling {reference}"));
        match engine.pull(reference, service.platform.as_deref(), &progress).await {
            Ok(()) => return Ok((made(start, reference).await?, false)),
            // As in Compose, an image that can be built need not be in a registry.
            Err(error) if service.build.is_some() => progress(&error.to_string()),
            Err(error) => return Err(error),
        }
    }
    match (&service.build, present) {
        (Some(build), Some(image)) if planned.pull != PullPolicy::Build => {
            build_if_changed(start, planned, reference, build, image).await
        }
        (Some(build), _) => Ok((build_image(start, planned, reference, build).await?, false)),
        (None, Some(image)) => Ok((image, false)),
        (None, None) => {
            let why = match planned.pull {
                PullPolicy::Build => "and `pull_policy: build` has no `build` to use",
                _ => "and `pull_policy: never` forbids pulling it",
            };
            let message = format!("the engine does not have it, {why}");
            Err(EngineError::new(format!("find image `{reference}`"), message))
        }
    }
}

/// Builds the image again if greenroom built it and what it is built from has changed since. Warns if that can't be
/// known.
async fn build_if_changed(
    start: &Start,
    planned: &PlannedService,
    reference: &str,
    build: &Build,
    image: Image,
) -> Result<(Image, bool), EngineError> {
    let built = built_from(&image, reference);
    let unknown = match (built, mark(&build_spec(reference, build, planned)).await) {
        (Some(built), Ok(Some(now))) if built == now => return Ok((image, false)),
        (Some(_), Ok(Some(_))) => {
            let line =
                format!("{reference} is out of date: its context or options have changed since it was built");
            start.image_progress(&planned.service.name, &line);
            return Ok((build_image(start, planned, reference, build).await?, true));
        }
        // The policy takes it from the registry first.
        (None, _) if planned.service.image.is_some() && image.is_from_registry => return Ok((image, false)),
        (_, Err(error)) => format!("its build context cannot be read: {error}"),
        (_, Ok(None)) => "the engine itself fetches its build context".to_owned(),
        (None, Ok(Some(_))) => "greenroom did not build it".to_owned(),
    };
    start.warn(&format!(
        "services.{}.build: the image `{reference}` is used as it is, and may be out of date: {unknown}; `--build`, or \
         `.build()` in Rust, builds it",
        planned.service.name
    ));
    Ok((image, false))
}

async fn build_image(
    start: &Start,
    planned: &PlannedService,
    reference: &str,
    build: &Build,
) -> Result<Image, EngineError> {
    let progress = |line: &str| start.image_progress(&planned.service.name, line);
    let mut spec = build_spec(reference, build, planned);
    // If the context cannot be read, the build says so.
    let mark = mark(&spec).await.ok().flatten();
    spec.labels.extend(mark.map(|mark| (label::BUILD.to_owned(), mark)));
    progress(&format!("building {reference} from {}", build.context));
    start.engine.build(&spec, &progress).await?;
    made(start, reference).await
}

/// The value of the label that tells what an image is built from. It names the image, because images that are built
/// from this one inherit the label.
async fn mark(spec: &BuildSpec) -> std::io::Result<Option<String>> {
    let (copy, reference) = (spec.clone(), &spec.reference);
    let fingerprint = tokio::task::spawn_blocking(move || engine::fingerprint(&copy))
        .await
        .map_err(std::io::Error::other)??;
    Ok(fingerprint.map(|fingerprint| format!("{fingerprint} {reference}")))
}

/// What greenroom built the image from, if greenroom built it under this name.
fn built_from<'a>(image: &'a Image, reference: &str) -> Option<&'a str> {
    let mark = image.labels.get(label::BUILD)?;
    mark.split_once(' ').is_some_and(|(_, built_as)| built_as == reference).then_some(mark)
}

/// Whether the policy asks for a pull. `present` is the image that the engine has.
fn is_to_be_pulled(policy: PullPolicy, present: Option<&Image>, now: SystemTime) -> bool {
    match policy {
        PullPolicy::Always => true,
        PullPolicy::Never | PullPolicy::Build => false,
        PullPolicy::Missing => present.is_none(),
        // Most engines do not record when an image was pulled. Without a time it counts as old, as in Compose.
        PullPolicy::Every(age) => {
            let named_at = present.and_then(|image| image.named_at);
            named_at.is_none_or(|named_at| named_at + age < now)
        }
    }
}

/// The image that was just pulled or built.
async fn made(start: &Start, reference: &str) -> Result<Image, EngineError> {
    start.engine.image(reference).await?.ok_or_else(|| {
        let message = "it was pulled or built, but the engine does not have it";
        EngineError::new(format!("find image `{reference}`"), message)
    })
}

fn build_spec(reference: &str, build: &Build, planned: &PlannedService) -> BuildSpec {
    let dockerfile = match (&build.dockerfile_inline, &build.dockerfile) {
        (Some(text), _) => Dockerfile::Inline(text.clone()),
        (None, Some(path)) => Dockerfile::Path(path.clone()),
        (None, None) => Dockerfile::Path("Dockerfile".to_owned()),
    };
    let context = if build.is_remote() {
        Context::Remote(build.context.clone())
    } else {
        Context::Folder(build.context.clone().into())
    };
    let platform = match (&planned.service.platform, &build.platforms[..]) {
        (Some(platform), _) => Some(platform.clone()),
        (None, [only]) => Some(only.clone()),
        // Of several platforms, the engine's own is the one to run.
        (None, _) => None,
    };
    BuildSpec {
        tags: build.tags.clone(),
        args: build.args.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
        target: build.target.clone(),
        labels: build.labels.clone(),
        network: build.network.clone(),
        platform,
        no_cache: build.no_cache,
        pull: build.pull,
        cache_from: build.cache_from.iter().filter_map(|source| cached_image(source)).collect(),
        extra_hosts: build.extra_hosts.iter().map(|host| host.replacen('=', ":", 1)).collect(),
        shm_size: build.shm_size,
        ulimits: build.ulimits.clone(),
        isolation: build.isolation.clone(),
        ..BuildSpec::new(reference.to_owned(), context, dockerfile)
    }
}

/// Creates missing host folders for binds that ask for it, as Compose does for binds in the short form. The other
/// binds' sources must exist.
pub(super) fn make_bind_folders(mounts: &[Mount]) -> Result<(), String> {
    for mount in mounts.iter().filter(|mount| mount.kind == MountKind::Bind) {
        let Some(source) = mount.source.as_deref().map(Path::new) else { continue };
        // The engine may see a path that this user cannot access.
        if !matches!(source.try_exists(), Ok(false)) {
            continue;
        }
        if !mount.create_host_path {
            return Err(format!(
                "{}, to be mounted at {}, does not exist on the host, and `create_host_path` is not set",
                source.display(),
                mount.target
            ));
        }
        std::fs::create_dir_all(source).map_err(|error| {
            format!("cannot create the folder {} for a bind mount: {error}", source.display())
        })?;
    }
    Ok(())
}
