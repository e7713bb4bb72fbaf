//! What the fuzz targets share.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use greenroom_compose::{Files, Place, Request};

/// Where the files of every input lie.
pub const FOLDER: &str = "/fuzz";

/// Several files in memory.
#[derive(Clone, Debug, Default)]
pub struct Texts(pub BTreeMap<PathBuf, Vec<u8>>);

impl Texts {
    /// Splits an input at lines `=== NAME`. What stands before the first one is `compose.yaml`.
    pub fn split(input: &[u8]) -> Texts {
        let mut texts = Texts::default();
        let mut path = Path::new(FOLDER).join("compose.yaml");
        let mut text = Vec::new();
        for line in input.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_prefix(b"=== ") {
                Some(name) => {
                    texts.0.insert(path, std::mem::take(&mut text));
                    path = Path::new(FOLDER).join(String::from_utf8_lossy(name).trim());
                }
                None => text.extend_from_slice(line),
            }
        }
        texts.0.insert(path, text);
        texts
    }

    /// Fails if no file has this place.
    pub fn assert_has(&self, place: &Place) {
        let text = self.0.get(&Path::new(FOLDER).join(&place.file));
        let text = text.unwrap_or_else(|| panic!("{place}: there is no such file"));
        let text = String::from_utf8_lossy(text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let unbroken = text.replace("\r\n", "\n");
        // YAML 1.1 has more line breaks than most.
        let mut lines = unbroken.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
        let line = lines.nth(place.line - 1).unwrap_or_else(|| panic!("{place}: there is no such line"));
        assert!(place.column >= 1 && place.column <= line.chars().count() + 1, "{place}: not in `{line}`");
    }
}

impl Files for Texts {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// The request that every input is read with.
pub fn request() -> Request {
    let environment = [("GREETING", "hello"), ("EMPTY", ""), ("API_TOKEN", "tok-12345678"), ("PORT", "8080")];
    let mut request = Request::in_directory(FOLDER);
    request.environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    request.home = Some("/home/tester".into());
    request
}
