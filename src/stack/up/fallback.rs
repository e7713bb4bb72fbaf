//! Builds a declared fallback image, once: its tag is a hash of everything it is built from.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::start::Start;
use crate::engine::{BuildSpec, Context, Dockerfile, Image, Progress};
use crate::plan::{Base, Fallback, hash};
use crate::state::{Lock, unique};

/// The prefix of all fallback images' names.
pub(in crate::stack) const PREFIX: &str = "greenroom-fallback/";

/// The build argument that names the Dockerfile's base image.
const BASE_ARGUMENT: &str = "BASE";

/// How many of a failed program's last output lines the error shows.
const LINES_SHOWN: usize = 20;

/// Points `prepare` programs to a copy of the build context, which they may add files to.
const CONTEXT_VARIABLE: &str = "GREENROOM_BUILD_CONTEXT";

/// The name of a fallback image, derived from its content, and the content's hash.
pub(in crate::stack) fn name(directory: &Path, fallback: &Fallback) -> io::Result<(String, String)> {
    let content = hash_inputs(directory, fallback)?;
    Ok((format!("{PREFIX}{}:{content}", image_name(&fallback.context)), content))
}

/// Builds the fallback image unless the engine has it; returns its name and the image.
pub(super) async fn build(
    start: &Start,
    service: &str,
    fallback: &Fallback,
) -> Result<(String, Image), String> {
    let directory = &start.plan.directory;
    let (reference, content) =
        name(directory, fallback).map_err(|error| format!("cannot read its sources: {error}"))?;
    if let Some(image) = find(start, &reference).await? {
        return Ok((reference, image));
    }
    let _lock = lock(start, format!("build-{content}")).await?;
    if let Some(image) = find(start, &reference).await? {
        return Ok((reference, image));
    }

    let progress = |line: &str| start.image_progress(service, line);
    progress(&format!("building {reference}"));
    let context = Scratch::new(&format!("context-{content}")).map_err(|error| error.to_string())?;
    copy_folder(&directory.join(&fallback.context), &context.0)
        .map_err(|error| format!("cannot copy {}: {error}", fallback.context))?;
    if let Some((program, arguments)) = fallback.prepare.split_first() {
        let mut command = Command::new(directory.join(program));
        command.args(arguments).env(CONTEXT_VARIABLE, &context.0);
        run(command, program, directory, &progress).await?;
    }
    let mut args = fallback.args.clone();
    if let Some(base) = &fallback.base {
        args.insert(BASE_ARGUMENT.to_owned(), base_image(start, base, &progress).await?);
    }
    let dockerfile = Dockerfile::Path(fallback.dockerfile.clone());
    let mut spec = BuildSpec::new(reference.clone(), Context::Folder(context.0.clone()), dockerfile);
    spec.args = args;
    spec.labels = BTreeMap::from([("greenroom.fallback".to_owned(), service.to_owned())]);
    start.engine.build(&spec, &progress).await.map_err(|error| error.to_string())?;
    let image = find(start, &reference).await?;
    image
        .map(|image| (reference, image))
        .ok_or_else(|| "it was built, but the engine does not have it".to_owned())
}

async fn find(start: &Start, reference: &str) -> Result<Option<Image>, String> {
    start.engine.image(reference).await.map_err(|error| error.to_string())
}

/// The base image: present, else pulled, else built by its script and imported.
async fn base_image(start: &Start, base: &Base, progress: Progress<'_>) -> Result<String, String> {
    if find(start, &base.image).await?.is_some() {
        return Ok(base.image.clone());
    }
    let script = start.plan.directory.join(&base.script);
    let content = fs::read(&script).map_err(|error| format!("cannot read {}: {error}", script.display()))?;
    let name = base.image.rsplit('/').next().unwrap_or(&base.image).replace(':', "-");
    let content = hash(&content);
    let reference = format!("greenroom-fallback/base-{name}:{content}");

    let _lock = lock(start, format!("base-{content}")).await?;
    if find(start, &reference).await?.is_some() {
        return Ok(reference);
    }
    progress(&format!("pulling {}", base.image));
    match start.engine.pull(&base.image, None, progress).await {
        Ok(()) => return Ok(base.image.clone()),
        Err(error) => progress(&format!("{error}; making the base with {}", base.script)),
    }
    let scratch = Scratch::new(&format!("base-{content}")).map_err(|error| error.to_string())?;
    let tar = scratch.0.join("root.tar");
    let mut command = Command::new(&script);
    command.arg(&tar);
    run(command, &base.script, &start.plan.directory, progress).await?;
    progress(&format!("importing {reference}"));
    start.engine.import(&tar, &reference).await.map_err(|error| error.to_string())?;
    Ok(reference)
}

/// Runs a program on the host and reports each line of its output as progress. The error holds the last lines.
async fn run(
    mut command: Command,
    name: &str,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<(), String> {
    command
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("cannot run {name}: {error}"))?;
    let (_, last, status) = tokio::join!(
        forward_lines(child.stdout.take(), progress),
        forward_lines(child.stderr.take(), progress),
        child.wait()
    );
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed ({status}):\n    {}", last.join("\n    "))),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// Reports each line of a program's output as progress; returns the last ones.
async fn forward_lines(stream: Option<impl AsyncRead + Unpin>, progress: Progress<'_>) -> Vec<String> {
    let mut last = Vec::new();
    let Some(stream) = stream else { return last };
    let mut lines = BufReader::new(stream).lines();
    // A line that is not UTF-8 ends the reporting, not the program.
    while let Ok(Some(line)) = lines.next_line().await {
        progress(&line);
        last.push(line);
        if last.len() > LINES_SHOWN {
            last.remove(0);
        }
    }
    last
}

/// A temporary folder, removed on drop.
struct Scratch(PathBuf);

impl Scratch {
    fn new(purpose: &str) -> io::Result<Scratch> {
        let name = format!("greenroom-{purpose}-{}{}", std::process::id(), unique());
        let path = std::env::temp_dir().join(name);
        // A killed process with the same id may have left files, which must not get into the image.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The name of the context's folder, reduced to the characters that an image name may have. It does not name the
/// service, so that services with the same sources share an image.
fn image_name(context: &str) -> String {
    let folder =
        Path::new(context).file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = folder.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "image".to_owned() } else { name.to_owned() }
}

/// Hashes everything the image is built from: the contents of the context, the inputs and the programs, and their
/// arguments. Paths are left out, so that several compose files can share an image.
fn hash_inputs(directory: &Path, fallback: &Fallback) -> io::Result<String> {
    let base = fallback.base.as_ref();
    let settings =
        (&fallback.dockerfile, &fallback.args, base.map(|base| &base.image), fallback.prepare.get(1..));
    let mut content = format!("{settings:?}").into_bytes();
    let script = base.map(|base| &base.script);
    let paths =
        [&fallback.context].into_iter().chain(fallback.prepare.first()).chain(script).chain(&fallback.inputs);
    for path in paths {
        add_content(&mut content, &directory.join(path), Path::new(""))?;
    }
    Ok(hash(&content))
}

/// Adds a file, or all files in a folder, each preceded by its name and length.
fn add_content(content: &mut Vec<u8>, path: &Path, name: &Path) -> io::Result<()> {
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add_content(content, &entry.path(), &name.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let file = fs::read(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    content.extend_from_slice(name.to_string_lossy().as_bytes());
    content.extend_from_slice(&file.len().to_le_bytes());
    content.extend_from_slice(&file);
    Ok(())
}

/// Takes the lock of an image, so that two simultaneous processes build it once.
async fn lock(start: &Start, name: String) -> Result<Lock, String> {
    let taken = start.state.lock(&name, "which is building the same image", &start.observer).await;
    taken.map_err(|error| format!("{error:?}"))
}
