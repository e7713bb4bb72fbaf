//! The tar archive of a build context, without the files that `.dockerignore` excludes.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::ignore::Ignore;
use crate::engine::Dockerfile;

/// The name inside the context of a Dockerfile from outside it; it must not hide a file of the user's.
const ADDED_DOCKERFILE: &str = ".greenroom.Dockerfile";

const DOCKERIGNORE: &str = ".dockerignore";

/// A context, ready to be sent.
pub(super) struct Packed {
    pub(super) tar: Vec<u8>,
    /// The Dockerfile's path inside the archive.
    pub(super) dockerfile: String,
}

/// Packs the folder `context`, and the Dockerfile even if it lies elsewhere or `.dockerignore` excludes it.
pub(super) fn pack(context: &Path, dockerfile: &Dockerfile) -> io::Result<Packed> {
    let own_ignore = read_if_there(&context.join(DOCKERIGNORE))?;
    let (ignore, dockerfile) = match dockerfile {
        Dockerfile::Inline(text) => (None, Where::Added(text.clone())),
        Dockerfile::Path(path) => {
            let path = clean(&context.join(path));
            // One that belongs to the Dockerfile beats the context's own.
            let ignore = read_if_there(&with_end(&path, DOCKERIGNORE))?.map(|text| Ignore::parse(&text));
            // The builder knows the context's own alone: what another one ignores must not be sent.
            let is_sent = |name: &Path| ignore.as_ref().is_none_or(|ignore| !ignore.matches(name));
            let place = match path.strip_prefix(clean(context)) {
                Ok(inside) if is_sent(inside) => Where::Inside(inside.to_owned()),
                _ => Where::Added(std::fs::read_to_string(&path).map_err(|error| of(&path, &error))?),
            };
            (ignore, place)
        }
    };
    let is_own = ignore.is_none();
    let ignore = ignore.unwrap_or_else(|| Ignore::parse(own_ignore.as_deref().unwrap_or_default()));
    let mut packing =
        Packing { tar: tar::Builder::new(Vec::new()), root: context, ignore, is_own, dockerfile };
    packing.tar.follow_symlinks(false);
    // Engines do not know the extension by which sparse files are packed.
    packing.tar.sparse(false);
    packing.pack_folder(Path::new(""))?;
    packing.finish(own_ignore)
}

/// Where the Dockerfile is.
enum Where {
    Inside(PathBuf),
    /// Outside of the context; its text.
    Added(String),
}

struct Packing<'a> {
    tar: tar::Builder<Vec<u8>>,
    root: &'a Path,
    ignore: Ignore,
    /// Whether `ignore` is the context's own file, which the builder reads as well.
    is_own: bool,
    dockerfile: Where,
}

impl Packing<'_> {
    fn pack_folder(&mut self, folder: &Path) -> io::Result<()> {
        let path = self.root.join(folder);
        let entries = std::fs::read_dir(&path).map_err(|error| of(&path, &error))?;
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = folder.join(entry.file_name());
            let is_ignored = self.ignore.matches(&name) && !self.is_needed(&name);
            if entry.file_type()?.is_dir() {
                if !is_ignored {
                    self.tar.append_path_with_name(entry.path(), &name)?;
                }
                // An ignored folder is still entered where something of it is wanted all the same.
                if !is_ignored || self.ignore.has_exceptions || self.has_dockerfile(&name) {
                    self.pack_folder(&name)?;
                }
            } else if !is_ignored && !self.is_rewritten(&name) {
                self.tar.append_path_with_name(entry.path(), &name)?;
            }
        }
        Ok(())
    }

    /// The builder reads these files itself, and keeps excluded ones out of the image.
    fn is_needed(&self, name: &Path) -> bool {
        (self.is_own && name == Path::new(DOCKERIGNORE))
            || matches!(&self.dockerfile, Where::Inside(path) if path == name)
    }

    fn has_dockerfile(&self, folder: &Path) -> bool {
        matches!(&self.dockerfile, Where::Inside(path) if path.starts_with(folder))
    }

    /// Whether [`finish`](Packing::finish) adds its own version of the file.
    fn is_rewritten(&self, name: &Path) -> bool {
        matches!(self.dockerfile, Where::Added(_)) && name == Path::new(DOCKERIGNORE)
    }

    /// Adds a Dockerfile from outside the context, and excludes it in `.dockerignore`: the builder then removes it from
    /// the context before the first step.
    fn finish(mut self, own_ignore: Option<String>) -> io::Result<Packed> {
        let dockerfile = match &self.dockerfile {
            Where::Inside(path) => path.to_string_lossy().into_owned(),
            Where::Added(text) => {
                let is_in_image = !self.ignore.matches(Path::new(DOCKERIGNORE));
                let own_ignore = own_ignore.filter(|_| is_in_image);
                let own_ignore = own_ignore.unwrap_or_else(|| DOCKERIGNORE.to_owned());
                append(&mut self.tar, DOCKERIGNORE, &format!("{own_ignore}\n{ADDED_DOCKERFILE}\n"))?;
                append(&mut self.tar, ADDED_DOCKERFILE, text)?;
                ADDED_DOCKERFILE.to_owned()
            }
        };
        Ok(Packed { tar: self.tar.into_inner()?, dockerfile })
    }
}

fn append(tar: &mut tar::Builder<Vec<u8>>, name: &str, text: &str) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, text.as_bytes())
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(of(path, &error)),
    }
}

/// Adds the path to an error.
fn of(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The path without `.` and `..`. Symbolic links are not followed.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            part => cleaned.push(part),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with these files and their texts.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written to");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        }
        folder
    }

    /// The Dockerfile's name in the archive, then the archive's files without folders.
    fn packed(context: &Path, dockerfile: Dockerfile) -> Vec<String> {
        let packed = pack(context, &dockerfile).expect("it can be packed");
        let mut archive = tar::Archive::new(&*packed.tar);
        let entries = archive.entries().expect("it is a tar file").map(|entry| {
            let entry = entry.expect("so is every part");
            entry.path().expect("a name").to_string_lossy().into_owned()
        });
        let files = entries.filter(|name| context.join(name).is_file() || name.starts_with('.'));
        std::iter::once(packed.dockerfile).chain(files).collect()
    }

    fn path(path: &str) -> Dockerfile {
        Dockerfile::Path(path.to_owned())
    }

    #[test]
    fn the_dockerfile_and_dockerignore_are_sent_though_ignored() {
        let folder =
            folder(&[(".dockerignore", "*\n!src\n"), ("docker/Dockerfile", ""), ("src/a", ""), ("b", "")]);
        assert_eq!(
            packed(folder.path(), path("./docker/Dockerfile")),
            ["docker/Dockerfile", ".dockerignore", "docker/Dockerfile", "src/a"]
        );
    }

    #[test]
    fn a_dockerfiles_own_dockerignore_beats_the_contexts() {
        let folder =
            folder(&[(".dockerignore", "a"), ("x.dockerignore", "b"), ("x", ""), ("a", ""), ("b", "")]);
        assert_eq!(packed(folder.path(), path("x")), ["x", ".dockerignore", "a", "x", "x.dockerignore"]);
    }

    #[test]
    fn what_a_dockerfiles_own_dockerignore_names_is_not_in_the_image() {
        let folder = folder(&[
            (".dockerignore", "a"),
            ("x.dockerignore", ".dockerignore\nx*"),
            ("x", "FROM scratch"),
            ("a", ""),
        ]);
        let packed = pack(folder.path(), &path("x")).expect("it can be packed");
        let mut archive = tar::Archive::new(&*packed.tar);
        let mut texts = std::collections::BTreeMap::new();
        for entry in archive.entries().expect("it is a tar file") {
            let mut entry = entry.expect("so is every part");
            let name = entry.path().expect("a name").to_string_lossy().into_owned();
            let mut text = String::new();
            io::Read::read_to_string(&mut entry, &mut text).expect("it is text");
            texts.insert(name, text);
        }
        assert_eq!(packed.dockerfile, ".greenroom.Dockerfile");
        assert_eq!(texts[".greenroom.Dockerfile"], "FROM scratch");
        // So the builder takes both out.
        assert_eq!(texts[".dockerignore"], ".dockerignore\n.greenroom.Dockerfile\n");
        assert_eq!(texts.keys().collect::<Vec<_>>(), [".dockerignore", ".greenroom.Dockerfile", "a"]);
    }

    #[test]
    fn a_dockerfile_from_elsewhere_is_added_and_kept_from_the_image() {
        let folder =
            folder(&[("context/a", ""), ("context/.dockerignore", "b"), ("Dockerfile", "FROM scratch")]);
        let context = folder.path().join("context");
        for dockerfile in [path("../Dockerfile"), Dockerfile::Inline("FROM scratch".to_owned())] {
            assert_eq!(
                packed(&context, dockerfile),
                [".greenroom.Dockerfile", "a", ".dockerignore", ".greenroom.Dockerfile"]
            );
        }
        let absolute = folder.path().join("Dockerfile").to_string_lossy().into_owned();
        assert_eq!(packed(&context, path(&absolute))[0], ".greenroom.Dockerfile");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = folder(&[("context/a", "")]);
        for (context, dockerfile) in [("context", "../Dockerfile"), ("nowhere", "Dockerfile")] {
            let error = pack(&folder.path().join(context), &path(dockerfile)).err().expect("it is not there");
            let named = if context == "nowhere" { "nowhere" } else { "Dockerfile" };
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
