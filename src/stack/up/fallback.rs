//! Building a declared fallback image, once: its tag is the hash of all that it is made of.

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
use crate::state::unique;

/// What the names of all fallback images begin with.
pub(in crate::stack) const PREFIX: &str = "greenroom-fallback/";

/// The build argument by which a Dockerfile takes its base image.
const BASE_ARGUMENT: &str = "BASE";

/// How many of a failed program's last lines its error shows.
const LINES_TOLD: usize = 20;

/// Where `prepare` programs find the copy of the build context that they may add to.
const CONTEXT_VARIABLE: &str = "GREENROOM_BUILD_CONTEXT";

/// What a fallback image is called, which follows from what it is made of: its name with the hash in it, and the hash.
pub(in crate::stack) fn name(directory: &Path, fallback: &Fallback) -> io::Result<(String, String)> {
    let content = hash_inputs(directory, fallback)?;
    Ok((format!("{PREFIX}{}:{content}", image_name(&fallback.context)), content))
}

/// Gives the fallback image, which the engine has afterwards, and its name.
pub(super) async fn build(
    start: &Start,
    service: &str,
    fallback: &Fallback,
) -> Result<(String, Image), String> {
    let directory = &start.plan.directory;
    let (reference, content) =
        name(directory, fallback).map_err(|error| format!("cannot read what it is made of: {error}"))?;
    if let Some(image) = find(start, &reference).await? {
        return Ok((reference, image));
    }
    // Two processes that start at the same moment build it once.
    let _lock = start.state.lock(format!("build-{content}")).await.map_err(|error| format!("{error:?}"))?;
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
        .ok_or_else(|| "it was built, and the engine does not have it".to_owned())
}

async fn find(start: &Start, reference: &str) -> Result<Option<Image>, String> {
    start.engine.image(reference).await.map_err(|error| error.to_string())
}

/// The base: present, else pulled, else made by its script and imported.
async fn base_image(start: &Start, base: &Base, progress: Progress<'_>) -> Result<String, String> {
    if find(start, &base.image).await?.is_some() {
        return Ok(base.image.clone());
    }
    let script = start.plan.directory.join(&base.script);
    let content = fs::read(&script).map_err(|error| format!("cannot read {}: {error}", script.display()))?;
    let name = base.image.rsplit('/').next().unwrap_or(&base.image).replace(':', "-");
    let content = hash(&content);
    let reference = format!("greenroom-fallback/base-{name}:{content}");

    let _lock = start.state.lock(format!("base-{content}")).await.map_err(|error| format!("{error:?}"))?;
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

/// Runs a program of the host, each line of its output as progress; the last lines are told when it fails.
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
        tell_lines(child.stdout.take(), progress),
        tell_lines(child.stderr.take(), progress),
        child.wait()
    );
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed ({status}):\n    {}", last.join("\n    "))),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// Tells each line of a program's output, and gives the last ones.
async fn tell_lines(stream: Option<impl AsyncRead + Unpin>, progress: Progress<'_>) -> Vec<String> {
    let mut last = Vec::new();
    let Some(stream) = stream else { return last };
    let mut lines = BufReader::new(stream).lines();
    // A line that is not text ends the telling, not the program.
    while let Ok(Some(line)) = lines.next_line().await {
        progress(&line);
        last.push(line);
        if last.len() > LINES_TOLD {
            last.remove(0);
        }
    }
    last
}

/// A folder that is removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(purpose: &str) -> io::Result<Scratch> {
        let name = format!("greenroom-{purpose}-{}{}", std::process::id(), unique());
        let path = std::env::temp_dir().join(name);
        // What a killed process of the same number left behind must not get into the image.
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

/// What the image is called: its context's folder, in the letters that an image's name may have. Services that are made of
/// the same share it.
fn image_name(context: &str) -> String {
    let folder =
        Path::new(context).file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = folder.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "image".to_owned() } else { name.to_owned() }
}

/// A fingerprint of what the image is made of: the content of the context, the inputs and the programs that are run, and
/// what is said to them. Where all that lies does not count, so that several files can share an image.
fn hash_inputs(directory: &Path, fallback: &Fallback) -> io::Result<String> {
    let base = fallback.base.as_ref();
    let said =
        (&fallback.dockerfile, &fallback.args, base.map(|base| &base.image), fallback.prepare.get(1..));
    let mut content = format!("{said:?}").into_bytes();
    let script = base.map(|base| &base.script);
    let paths =
        [&fallback.context].into_iter().chain(fallback.prepare.first()).chain(script).chain(&fallback.inputs);
    for path in paths {
        add_content(&mut content, &directory.join(path), Path::new(""))?;
    }
    Ok(hash(&content))
}

/// Adds a file, or all files of a folder, each behind its name and length.
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
