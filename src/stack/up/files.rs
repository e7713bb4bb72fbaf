//! Secrets and configs on their way into a container: copied into it before it starts or, where that cannot be, mounted.

use std::path::Path;

use crate::compose::Mount;
use crate::engine::FileSpec;
use crate::plan::{Content, Delivery, PlannedFile, PlannedService};
use crate::state::StateFolder;

/// Writes the files that are mounted below greenroom's state, where only their user gets at them, and gives their mounts.
pub(super) fn mounts(
    state: &StateFolder,
    stack: &str,
    planned: &PlannedService,
) -> Result<Vec<Mount>, String> {
    let mounted = planned.files.iter().filter(|file| file.delivery == Delivery::Mounted);
    let mounts = mounted.enumerate().map(|(index, file)| {
        let source = match &file.content {
            Content::Folder(path) => path.clone(),
            Content::Bytes(bytes) => {
                let name = format!("{}-{index}", planned.name);
                let path =
                    state.save_file(stack, &name, bytes, file.mode).map_err(|error| format!("{error:?}"))?;
                hand_over(file, &path)?;
                path
            }
        };
        Ok(Mount::read_only_bind(source.to_string_lossy().into_owned(), file.target.clone()))
    });
    mounts.collect()
}

/// Gives the file to the owner that the compose file names: a file of the host keeps its owner when it is mounted.
#[cfg(unix)]
fn hand_over(file: &PlannedFile, path: &Path) -> Result<(), String> {
    if file.uid.is_none() && file.gid.is_none() {
        return Ok(());
    }
    std::os::unix::fs::chown(path, file.uid, file.gid).map_err(|error| {
        format!(
            "cannot give {} to the user and group that the file states: {error}; it has to be mounted, since it cannot be copied into a read-only root file system or below another mount, and only root can give files away",
            file.target
        )
    })
}

/// There are no such owners here; the engine's own machine decides.
#[cfg(not(unix))]
fn hand_over(_file: &PlannedFile, _path: &Path) -> Result<(), String> {
    Ok(())
}

/// The files that are copied.
pub(super) fn copies(planned: &PlannedService) -> Vec<FileSpec> {
    let copied = planned.files.iter().filter(|file| file.delivery == Delivery::Copied);
    let copies = copied.filter_map(|file| match &file.content {
        Content::Bytes(content) => Some(FileSpec {
            path: file.target.clone(),
            content: content.clone(),
            mode: file.mode,
            uid: file.uid.unwrap_or(0),
            gid: file.gid.unwrap_or(0),
        }),
        Content::Folder(_) => None,
    });
    copies.collect()
}
