//! The tar archive in which files are copied into a container.

use std::io;

use crate::engine::FileSpec;

/// Packs the files with their owners and modes. The archive has no entries for folders: the engine creates missing ones
/// and leaves existing ones unchanged.
pub(super) fn of_files(files: &[FileSpec]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid.into());
        header.set_gid(file.gid.into());
        tar.append_data(&mut header, file.path.trim_start_matches('/'), &*file.content)?;
    }
    tar.into_inner()
}
