//! Paths as texts, by the rules of Go. No file is looked at.

use std::path::{Component, Path, PathBuf};

/// `path` below `base`, unless it is absolute, without `.`, `..` and repeated slashes: Go's `filepath.Join`.
pub(crate) fn join(base: &Path, path: &str) -> PathBuf {
    PathBuf::from(clean(&base.join(path).to_string_lossy()))
}

/// `path` as it is reached from `base`; both are absolute.
pub(crate) fn relative(base: &Path, path: &Path) -> PathBuf {
    let shared = base.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = base.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

/// `path` as messages show it to somebody who works in `base`: relative where that is shorter.
pub(crate) fn shown(base: &Path, path: &Path) -> PathBuf {
    let relative = relative(base, path);
    if relative.as_os_str().len() < path.as_os_str().len() { relative } else { path.to_owned() }
}

/// Go's `path.Clean`.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}
