//! Chooses the image that runs: present, else pulled, else built, else the declared fallback.
//!
//! The order is Compose's (<https://github.com/compose-spec/compose-spec/blob/main/05-services.md#pull_policy>). Only
//! the fallback is greenroom's own, and it is always reported.

use std::path::Path;
use std::time::SystemTime;

use super::failure::{Failure, ServiceFailure};
use super::fallback;
use super::start::Start;
use crate::compose::{Build, Mount, MountKind};
use crate::engine::{BuildSpec, Context, Dockerfile, EngineError, Image};
use crate::event::Event;
use crate::known::UsedImage;
use crate::plan::{PlannedService, PullPolicy, cached_image};

/// Makes sure that the engine has the service's image, or its fallback.
pub(super) async fn resolve(start: &Start, planned: &PlannedService) -> Result<UsedImage, Failure> {
    let service = &planned.service;
    let reference =
        service.image.clone().unwrap_or_else(|| format!("{}-{}", start.plan.project, service.name));
    let error = match obtain(start, planned, &reference).await {
        Ok(image) => return Ok(UsedImage { reference, stands_in_for: None, healthcheck: image.healthcheck }),
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
    Ok(UsedImage { reference: used, stands_in_for: Some(reference), healthcheck: image.healthcheck })
}

/// Finds, pulls or builds the image, depending on `pull_policy`.
async fn obtain(start: &Start, planned: &PlannedService, reference: &str) -> Result<Image, EngineError> {
    let service = &planned.service;
    let engine = &start.engine;
    let progress = |line: &str| start.image_progress(&service.name, line);
    let present = engine.image(reference).await?;
    if service.image.is_some() && is_to_be_pulled(planned.pull, present.as_ref(), SystemTime::now()) {
        progress(&format!("pulling {reference}"));
        match engine.pull(reference, service.platform.as_deref(), &progress).await {
            Ok(()) => return made(start, reference).await,
            // As in Compose, an image that can be built need not be in a registry.
            Err(error) if service.build.is_some() => progress(&error.to_string()),
            Err(error) => return Err(error),
        }
    }
    match (&service.build, present) {
        (Some(build), present) if present.is_none() || planned.pull == PullPolicy::Build => {
            progress(&format!("building {reference} from {}", build.context));
            engine.build(&build_spec(reference, build, planned), &progress).await?;
            made(start, reference).await
        }
        (_, Some(image)) => Ok(image),
        (_, None) => {
            let why = match planned.pull {
                PullPolicy::Build => "and `pull_policy: build` has no `build` to use",
                _ => "and `pull_policy: never` forbids pulling it",
            };
            let message = format!("the engine does not have it, {why}");
            Err(EngineError::new(format!("find image `{reference}`"), message))
        }
    }
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
