//! How the reader sees files: through a trait, so that callers can hand in text and the crate stays pure.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Larger than any real compose or environment file.
pub(crate) const MOST_BYTES: usize = 10 * 1024 * 1024;

/// The files that a compose file names: itself, overrides, `.env`, `env_file`, `extends` and `include`.
///
/// ```
/// use std::{io, path::Path};
///
/// struct OneFile(&'static str);
///
/// impl greenroom_compose::Files for OneFile {
///     fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
///         Ok(self.0.as_bytes().to_vec())
///     }
///     fn is_file(&self, path: &Path) -> bool {
///         path.ends_with("compose.yaml")
///     }
/// }
/// ```
pub trait Files {
    /// The whole content of `path`.
    ///
    /// # Errors
    /// Any error of the file system. The reader adds the place that names the file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether `path` is there and is not a directory.
    fn is_file(&self, path: &Path) -> bool;

    /// Whether `path` is there and is a directory. The default is `true`, for implementations that can't tell.
    fn is_directory(&self, _path: &Path) -> bool {
        true
    }

    /// How many bytes `path` has, if that can be known without reading it: a file that is too large is refused
    /// unread.
    fn size(&self, _path: &Path) -> Option<u64> {
        None
    }
}

/// The real file system. Only regular files are read, because a pipe or a device may never end; `/dev/null` is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("/dev/null") {
            return Ok(Vec::new());
        }
        // Checked before the file is opened, because opening a pipe waits for a writer.
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        // One byte more than the limit, so that a file that grows or has no size is refused, not truncated.
        let mut bytes = Vec::new();
        File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn size(&self, path: &Path) -> Option<u64> {
        fs::metadata(path).ok().map(|metadata| metadata.len())
    }
}
