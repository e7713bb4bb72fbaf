//! Brings secrets and configs into a container: copies them in before it starts or, where a copy is impossible, mounts
//! them.

use std::path::Path;

use crate::compose::Mount;
use crate::engine::FileSpec;
use crate::plan::{Content, Delivery, PlannedFile, PlannedService};
use crate::state::StateFolder;

/// Writes the files to mount below greenroom's state folder, which only its user can access; returns their mounts.
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

/// Sets the owner that the compose file states: a bind-mounted file keeps its owner from the host.
#[cfg(unix)]
fn hand_over(file: &PlannedFile, path: &Path) -> Result<(), String> {
    if file.uid.is_none() && file.gid.is_none() {
        return Ok(());
    }
    std::os::unix::fs::chown(path, file.uid, file.gid).map_err(|error| {
        format!(
            "cannot give {} to the user and group that the compose file states: {error}; it must be mounted, because it cannot be copied into a read-only root file system or below another mount, and only root can change a file's owner",
            file.target
        )
    })
}

/// This platform has no numeric owners; the machine that the engine runs on decides.
#[cfg(not(unix))]
fn hand_over(_file: &PlannedFile, _path: &Path) -> Result<(), String> {
    Ok(())
}

/// The files to copy.
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
