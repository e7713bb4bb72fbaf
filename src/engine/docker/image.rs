//! Inspecting, pulling, building and importing images.

use std::path::{Path, PathBuf};

use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use testcontainers::bollard::Docker;
use testcontainers::bollard::auth::DockerCredentials;
use testcontainers::bollard::models::ImageInspect;
use testcontainers::bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, CreateImageOptionsBuilder,
};
use testcontainers::bollard::{body_full, body_try_stream};
use tokio::io::AsyncReadExt;

use super::context::{self, Packed};
use super::error::failed;
use super::options::to_map;
use crate::engine::{BuildSpec, Context, Dockerfile, EngineError, Image, Progress};
use crate::plan::hash;

pub(super) fn from_inspect(found: ImageInspect) -> Image {
    let config = found.config.unwrap_or_default();
    let healthcheck = config.healthcheck.and_then(|check| check.test);
    Image {
        id: found.id.unwrap_or_default(),
        healthcheck: healthcheck.filter(|test| test.len() > 1 && test[0] != "NONE"),
        exposed_ports: config.exposed_ports.unwrap_or_default(),
        environment: config
            .env
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        stop_signal: config.stop_signal,
        named_at: found
            .metadata
            .and_then(|metadata| metadata.last_tag_time)
            // The engine reports "never" as a time in the year 1.
            .filter(|time| time.unix_timestamp() > 0)
            .map(Into::into),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        is_from_registry: !found.repo_digests.unwrap_or_default().is_empty(),
    }
}

/// A hash of what an image is built from: the context as it is sent, and the options. `None` if the engine fetches the
/// context. It reads all of the context.
pub(crate) fn fingerprint(build: &BuildSpec) -> std::io::Result<Option<String>> {
    let Context::Folder(folder) = &build.context else { return Ok(None) };
    // The Dockerfile's text is part of the context. A checkout elsewhere builds the same image.
    let options = BuildSpec {
        context: Context::Folder(PathBuf::new()),
        dockerfile: Dockerfile::Inline(String::new()),
        ..build.clone()
    };
    let mut content = Sha256::new();
    content.update(format!("{options:?}"));
    context::add_to_hash(folder, &build.dockerfile, &mut content)?;
    Ok(Some(hash(&content.finalize())))
}

pub(super) async fn pull(
    client: &Docker,
    reference: &str,
    platform: Option<&str>,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    // Without a tag, the engine would pull every tag of the name.
    let last = reference.rsplit('/').next().unwrap_or(reference);
    let reference = if last.contains(':') || last.contains('@') {
        reference.to_owned()
    } else {
        format!("{reference}:latest")
    };
    let mut options = CreateImageOptionsBuilder::new().from_image(&reference);
    if let Some(platform) = platform {
        options = options.platform(platform);
    }
    let mut stream = client.create_image(Some(options.build()), None, credentials(&reference));
    while let Some(info) = stream.next().await {
        let info = info.map_err(failed(format!("pull image `{reference}`")))?;
        if let Some(message) = info.error_detail.and_then(|error| error.message) {
            return Err(EngineError::new(format!("pull image `{reference}`"), message));
        }
        let detail = info
            .progress_detail
            .and_then(|detail| Some(format!(" {} of {} MB", detail.current? >> 20, detail.total? >> 20)));
        if let Some(status) = info.status {
            let layer = info.id.map(|id| format!("{id}: ")).unwrap_or_default();
            progress(&format!("{layer}{status}{}", detail.unwrap_or_default()));
        }
    }
    Ok(())
}

/// The credentials that `docker login` stored for the image's registry.
fn credentials(reference: &str) -> Option<DockerCredentials> {
    // The first part names a registry if it contains a dot or a port, or is `localhost`; else it is Docker Hub's image.
    let registry = reference
        .split_once('/')
        .map(|(first, _)| first)
        .filter(|first| first.contains(['.', ':']) || *first == "localhost")
        .unwrap_or("https://index.docker.io/v1/");
    match docker_credential::get_credential(registry) {
        Ok(docker_credential::DockerCredential::UsernamePassword(username, password)) => {
            Some(DockerCredentials {
                username: Some(username),
                password: Some(password),
                ..DockerCredentials::default()
            })
        }
        Ok(docker_credential::DockerCredential::IdentityToken(token)) => {
            Some(DockerCredentials { identitytoken: Some(token), ..DockerCredentials::default() })
        }
        // Public images need no credentials; for others, the engine reports what is missing.
        Err(_) => None,
    }
}

/// Builds with the engine's classic builder, which every engine since 20.10 has without a plugin.
pub(super) async fn build(
    client: &Docker,
    build: &BuildSpec,
    progress: Progress<'_>,
) -> Result<(), EngineError> {
    let operation = || format!("build image `{}` from {}", build.reference, build.context);
    let packed = pack(build)
        .await
        .map_err(|error| EngineError::new(operation(), format!("cannot read the build context: {error}")))?;
    let options = build_options(build, &packed.dockerfile);
    let client = with_query(client, &unnamed_options(build));
    let mut stream = client.build_image(options, None, Some(body_full(packed.tar.into())));
    let mut last_lines = std::collections::VecDeque::new();
    while let Some(info) = stream.next().await {
        let info = info.map_err(failed(operation())).map_err(|error| with_output(error, &last_lines))?;
        let said: Vec<_> = info.stream.iter().chain(&info.status).map(|text| without_escapes(text)).collect();
        for line in said.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()) {
            progress(line);
            last_lines.push_back(line.to_owned());
            if last_lines.len() > 20 {
                last_lines.pop_front();
            }
        }
    }
    Ok(())
}

/// Packs the build context. A remote context is fetched by the engine, so nothing is sent.
async fn pack(build: &BuildSpec) -> std::io::Result<Packed> {
    match (&build.context, &build.dockerfile) {
        (Context::Folder(folder), dockerfile) => {
            let (folder, dockerfile) = (folder.clone(), dockerfile.clone());
            tokio::task::spawn_blocking(move || context::pack(&folder, &dockerfile))
                .await
                .map_err(std::io::Error::other)
                .flatten()
        }
        (Context::Remote(_), Dockerfile::Path(path)) => {
            Ok(Packed { tar: Vec::new(), dockerfile: path.clone() })
        }
        (Context::Remote(_), Dockerfile::Inline(_)) => {
            Err(std::io::Error::other("the engine fetches it, and takes no other Dockerfile with it"))
        }
    }
}

fn build_options(build: &BuildSpec, dockerfile: &str) -> BuildImageOptions {
    let mut options = BuildImageOptionsBuilder::new()
        .dockerfile(dockerfile)
        .t(&build.reference)
        .rm(true)
        .forcerm(true)
        .nocache(build.no_cache)
        .buildargs(&to_map(&build.args))
        .labels(&to_map(&build.labels));
    if let Context::Remote(url) = &build.context {
        options = options.remote(url);
    }
    if let Some(target) = &build.target {
        options = options.target(target);
    }
    if let Some(network) = &build.network {
        options = options.networkmode(network);
    }
    if let Some(platform) = &build.platform {
        options = options.platform(platform);
    }
    if build.pull {
        options = options.pull("true");
    }
    if !build.cache_from.is_empty() {
        options = options.cachefrom(&build.cache_from);
    }
    options.build()
}

/// Options for which bollard has no field, or only one where several values are needed.
/// <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild>; the command-line client
/// also sends ulimits and isolation.
fn unnamed_options(build: &BuildSpec) -> Vec<(&'static str, String)> {
    let mut options: Vec<_> = build.tags.iter().map(|tag| ("t", tag.clone())).collect();
    options.extend(build.extra_hosts.iter().map(|host| ("extrahosts", host.clone())));
    options.extend(build.shm_size.map(|bytes| ("shmsize", bytes.to_string())));
    options.extend(build.isolation.iter().map(|isolation| ("isolation", isolation.clone())));
    if !build.ulimits.is_empty() {
        let limits = build
            .ulimits
            .iter()
            .map(|(name, limit)| serde_json::json!({"Name": name, "Soft": limit.soft, "Hard": limit.hard}));
        options.push(("ulimits", serde_json::Value::from_iter(limits).to_string()));
    }
    options
}

/// A client that adds these query parameters to its requests.
fn with_query(client: &Docker, parameters: &[(&'static str, String)]) -> Docker {
    if parameters.is_empty() {
        return client.clone();
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    client.clone().with_request_modifier(move |mut request| {
        let joint = if request.uri().query().is_some() { '&' } else { '?' };
        // A URI with form-encoded text appended is still a URI.
        if let Ok(uri) = format!("{}{joint}{query}", request.uri()).parse() {
            *request.uri_mut() = uri;
        }
        request
    })
}

/// A text without the escape sequences that set colours: the builder prints a step's standard error in red.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |end| end + 1);
        plain.push_str(&part[end..]);
    }
    plain
}

/// Adds the last output to a build's error, which names the failed step but not the reason.
fn with_output(mut error: EngineError, last_lines: &std::collections::VecDeque<String>) -> EngineError {
    for line in last_lines {
        error.message.push_str("\n    ");
        error.message.push_str(line);
    }
    error
}

pub(super) async fn import(client: &Docker, tar: &Path, reference: &str) -> Result<(), EngineError> {
    let operation = || format!("import {} as image `{reference}`", tar.display());
    let file = tokio::fs::File::open(tar).await.map_err(|error| EngineError::new(operation(), error))?;
    let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(name).tag(tag).build();
    let mut stream = client.create_image(Some(options), Some(body_try_stream(chunks(file))), None);
    while let Some(info) = stream.next().await {
        let info = info.map_err(failed(operation()))?;
        if let Some(message) = info.error_detail.and_then(|error| error.message) {
            return Err(EngineError::new(operation(), message));
        }
    }
    Ok(())
}

/// Streams a file in chunks.
fn chunks(file: tokio::fs::File) -> impl Stream<Item = Result<bytes::Bytes, std::io::Error>> {
    futures_util::stream::try_unfold(file, async |mut file| {
        let mut chunk = vec![0; 1 << 20];
        let length = file.read(&mut chunk).await?;
        chunk.truncate(length);
        Ok((length > 0).then(|| (chunk.into(), file)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_no_part_of_what_a_build_says() {
        assert_eq!(without_escapes("\x1b[91mgcc: not found\n\x1b[0m\x1b[1;31mx"), "gcc: not found\nx");
    }
}
