//! The files of a build context, without those that `.dockerignore` excludes: as a tar archive, or as a hash.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

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
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(false);
    // Engines do not know the extension by which sparse files are packed.
    tar.sparse(false);
    let dockerfile = visit(context, dockerfile, &mut tar)?;
    Ok(Packed { tar: tar.into_inner()?, dockerfile })
}

/// Adds what [`pack`] would send to `hash`, except for times and owners, which do not get into an image.
pub(super) fn add_to_hash(context: &Path, dockerfile: &Dockerfile, hash: &mut Sha256) -> io::Result<()> {
    let dockerfile = visit(context, dockerfile, hash)?;
    add_part(hash, dockerfile.as_bytes());
    Ok(())
}

/// What receives the files of a context.
trait Sink {
    /// Adds a file, a folder without its content, or a link.
    fn add(&mut self, path: &Path, name: &Path) -> io::Result<()>;
    fn add_text(&mut self, name: &str, text: &str) -> io::Result<()>;
}

impl Sink for tar::Builder<Vec<u8>> {
    fn add(&mut self, path: &Path, name: &Path) -> io::Result<()> {
        self.append_path_with_name(path, name)
    }

    fn add_text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        self.append_data(&mut header, name, text.as_bytes())
    }
}

impl Sink for Sha256 {
    fn add(&mut self, path: &Path, name: &Path) -> io::Result<()> {
        let metadata = std::fs::symlink_metadata(path)?;
        add_part(self, name.as_os_str().as_encoded_bytes());
        self.update(mode(&metadata).to_le_bytes());
        if metadata.is_symlink() {
            add_part(self, std::fs::read_link(path)?.as_os_str().as_encoded_bytes());
        } else if metadata.is_file() {
            self.update(metadata.len().to_le_bytes());
            let mut file = std::fs::File::open(path)?;
            let mut chunk = vec![0; CHUNK];
            loop {
                match file.read(&mut chunk)? {
                    0 => break,
                    length => self.update(&chunk[..length]),
                }
            }
        }
        Ok(())
    }

    fn add_text(&mut self, name: &str, text: &str) -> io::Result<()> {
        add_part(self, name.as_bytes());
        add_part(self, text.as_bytes());
        Ok(())
    }
}

const CHUNK: usize = 256 * 1024;

/// Adds bytes after their length, so that no two lists of parts look the same.
fn add_part(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

/// What the file is, and who may use it.
#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

#[cfg(not(unix))]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    u32::from(metadata.is_dir())
}

/// Hands the context's files to `sink`; returns the Dockerfile's path among them.
fn visit(context: &Path, dockerfile: &Dockerfile, sink: &mut dyn Sink) -> io::Result<String> {
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
    let mut visit = Visit { sink, root: context, ignore, is_own, dockerfile };
    visit.folder(Path::new(""))?;
    visit.finish(own_ignore)
}

/// Where the Dockerfile is.
enum Where {
    Inside(PathBuf),
    /// Outside of the context; its text.
    Added(String),
}

struct Visit<'a> {
    sink: &'a mut dyn Sink,
    root: &'a Path,
    ignore: Ignore,
    /// Whether `ignore` is the context's own file, which the builder reads as well.
    is_own: bool,
    dockerfile: Where,
}

impl Visit<'_> {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        let path = self.root.join(folder);
        let entries = std::fs::read_dir(&path).map_err(|error| of(&path, &error))?;
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = folder.join(entry.file_name());
            let is_ignored = self.ignore.matches(&name) && !self.is_needed(&name);
            if entry.file_type()?.is_dir() {
                if !is_ignored {
                    self.sink.add(&entry.path(), &name)?;
                }
                // An ignored folder is still entered where something of it is wanted all the same.
                if !is_ignored || self.ignore.has_exceptions || self.has_dockerfile(&name) {
                    self.folder(&name)?;
                }
            } else if !is_ignored && !self.is_rewritten(&name) {
                self.sink.add(&entry.path(), &name)?;
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

    /// Whether [`finish`](Visit::finish) adds its own version of the file.
    fn is_rewritten(&self, name: &Path) -> bool {
        matches!(self.dockerfile, Where::Added(_)) && name == Path::new(DOCKERIGNORE)
    }

    /// Adds a Dockerfile from outside the context, and excludes it in `.dockerignore`: the builder then removes it from
    /// the context before the first step.
    fn finish(self, own_ignore: Option<String>) -> io::Result<String> {
        Ok(match &self.dockerfile {
            Where::Inside(path) => path.to_string_lossy().into_owned(),
            Where::Added(text) => {
                let is_in_image = !self.ignore.matches(Path::new(DOCKERIGNORE));
                let own_ignore = own_ignore.filter(|_| is_in_image);
                let own_ignore = own_ignore.unwrap_or_else(|| DOCKERIGNORE.to_owned());
                self.sink.add_text(DOCKERIGNORE, &format!("{own_ignore}\n{ADDED_DOCKERFILE}\n"))?;
                self.sink.add_text(ADDED_DOCKERFILE, text)?;
                ADDED_DOCKERFILE.to_owned()
            }
        })
    }
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
            std::io::Read::read_to_string(&mut entry, &mut text).expect("it is text");
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

    fn hashed(context: &Path, dockerfile: &Dockerfile) -> String {
        let mut hash = Sha256::new();
        add_to_hash(context, dockerfile, &mut hash).expect("it can be read");
        format!("{:?}", hash.finalize())
    }

    #[test]
    fn the_hash_changes_with_what_is_sent_and_with_nothing_else() {
        let files =
            [(".dockerignore", "left-out"), ("Dockerfile", "FROM a"), ("src/a", "1"), ("left-out", "1")];
        let (one, same) = (folder(&files), folder(&files));
        let before = hashed(one.path(), &path("Dockerfile"));
        fs::write(same.path().join("left-out"), "2").expect("it can be written");
        fs::write(same.path().join("src/a"), "1").expect("it can be written");
        assert_eq!(hashed(same.path(), &path("Dockerfile")), before);

        let changes: [(&str, &str); 4] =
            [("src/a", "2"), ("src/b", ""), ("Dockerfile", "FROM b"), (".dockerignore", "")];
        for (name, text) in changes {
            let changed = folder(&files);
            fs::write(changed.path().join(name), text).expect("it can be written");
            assert_ne!(hashed(changed.path(), &path("Dockerfile")), before, "{name}");
        }
        assert_ne!(hashed(one.path(), &Dockerfile::Inline("FROM a".to_owned())), before);
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
