//! A build context as the tar stream that the engine takes, less what `.dockerignore` leaves out.

use std::io;
use std::path::Path;

/// Packs the folder `context`; `dockerfile` is always packed, whatever `.dockerignore` says.
pub(super) fn pack(context: &Path, dockerfile: &str, inline: Option<&str>) -> io::Result<Vec<u8>> {
    let ignore = Ignore::read(context)?;
    let mut tar = tar::Builder::new(Vec::new());
    tar.follow_symlinks(false);
    // Engines do not know the extension by which sparse files are packed.
    tar.sparse(false);
    pack_folder(&mut tar, context, Path::new(""), &ignore, dockerfile)?;
    if let Some(text) = inline {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, dockerfile, text.as_bytes())?;
    }
    tar.into_inner()
}

fn pack_folder(
    tar: &mut tar::Builder<Vec<u8>>,
    root: &Path,
    folder: &Path,
    ignore: &Ignore,
    dockerfile: &str,
) -> io::Result<()> {
    let mut entries = std::fs::read_dir(root.join(folder))?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = folder.join(entry.file_name());
        let is_folder = entry.file_type()?.is_dir();
        let ignored = ignore.matches(&name) && name != Path::new(dockerfile);
        if is_folder {
            // An ignored folder is still entered where a later `!pattern` may bring something of it back.
            if !ignored {
                tar.append_path_with_name(entry.path(), &name)?;
            }
            if !ignored || ignore.has_exceptions || Path::new(dockerfile).starts_with(&name) {
                pack_folder(tar, root, &name, ignore, dockerfile)?;
            }
        } else if !ignored {
            tar.append_path_with_name(entry.path(), &name)?;
        }
    }
    Ok(())
}

/// The patterns of a `.dockerignore`, in order; the last that matches decides.
/// <https://docs.docker.com/build/concepts/context/#dockerignore-files>
struct Ignore {
    patterns: Vec<(bool, Vec<String>)>,
    has_exceptions: bool,
}

impl Ignore {
    fn read(context: &Path) -> io::Result<Ignore> {
        match std::fs::read_to_string(context.join(".dockerignore")) {
            Ok(text) => Ok(Ignore::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ignore::parse("")),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Ignore {
        let patterns: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let (ignored, pattern) =
                    line.strip_prefix('!').map_or((true, line), |rest| (false, rest.trim()));
                let parts = pattern
                    .split('/')
                    .filter(|part| !part.is_empty() && *part != ".")
                    .map(str::to_owned)
                    .collect();
                (ignored, parts)
            })
            .collect();
        let has_exceptions = patterns.iter().any(|(ignored, _)| !ignored);
        Ignore { patterns, has_exceptions }
    }

    fn matches(&self, path: &Path) -> bool {
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let mut ignored = false;
        for (ignores, pattern) in &self.patterns {
            // A pattern also covers all that lies below what it names.
            if (1..=parts.len()).any(|end| matches_parts(pattern, &parts[..end])) {
                ignored = *ignores;
            }
        }
        ignored
    }
}

fn matches_parts(pattern: &[String], parts: &[std::borrow::Cow<'_, str>]) -> bool {
    match (pattern.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            (0..=parts.len()).any(|skip| matches_parts(rest, &parts[skip..]))
        }
        (Some((first, rest)), Some((part, others))) => {
            matches_part(first.as_bytes(), part.as_bytes()) && matches_parts(rest, others)
        }
        _ => false,
    }
}

/// Go's `filepath.Match` without character classes: `*` and `?` inside one path part.
fn matches_part(pattern: &[u8], part: &[u8]) -> bool {
    match (pattern.split_first(), part.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=part.len()).any(|skip| matches_part(rest, &part[skip..])),
        (Some((b'?', rest)), Some((_, others))) => matches_part(rest, others),
        (Some((byte, rest)), Some((other, others))) => byte == other && matches_part(rest, others),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_matching_pattern_decides() {
        let ignore = Ignore::parse("# comment\ntarget\n*.log\n!keep.log\n**/node_modules\ndocs/*.md\n");
        for (path, ignored) in [
            ("target", true),
            ("target/debug/x", true),
            ("src/target", false),
            ("a.log", true),
            ("keep.log", false),
            ("a/b/node_modules/c", true),
            ("docs/a.md", true),
            ("docs/a.txt", false),
        ] {
            assert_eq!(ignore.matches(Path::new(path)), ignored, "{path}");
        }
    }
}
