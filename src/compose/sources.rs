//! The texts that were read, to tell and to show places in them.

use std::path::{Path, PathBuf};

use super::model::Place;
use super::node::Spot;

/// Every file that was read, in order; a [`Spot`] names one by its index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    files: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    /// As it is shown: relative to the working directory where it lies below it.
    shown: PathBuf,
    text: String,
}

impl Sources {
    /// Adds a file and answers the number that its spots carry.
    pub(crate) fn add(&mut self, path: &Path, working_dir: &Path, text: String) -> u32 {
        let shown = path.strip_prefix(working_dir).unwrap_or(path).to_owned();
        self.files.push(Source { shown, text });
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn text(&self, file: u32) -> &str {
        self.files.get(file as usize).map_or("", |source| &source.text)
    }

    /// The beginning of the file that was read last from `path`.
    pub(crate) fn beginning(&self, path: &Path, working_dir: &Path) -> Option<Spot> {
        let shown = path.strip_prefix(working_dir).unwrap_or(path);
        let file = self.files.iter().rposition(|source| source.shown == shown)?;
        Some(Spot { file: u32::try_from(file).unwrap_or(u32::MAX), line: 1, column: 1 })
    }

    /// The name that the file is shown by.
    pub(crate) fn name(&self, file: u32) -> String {
        self.files.get(file as usize).map_or(String::new(), |source| source.shown.display().to_string())
    }

    pub(crate) fn place(&self, spot: Spot) -> Option<Place> {
        let source = self.files.get(spot.file as usize)?;
        Some(Place { file: source.shown.clone(), line: spot.line as usize, column: spot.column as usize })
    }

    pub(crate) fn line(&self, spot: Spot) -> Option<&str> {
        let source = self.files.get(spot.file as usize)?;
        source.text.lines().nth((spot.line as usize).checked_sub(1)?)
    }

    /// The line at a place that this value has handed out.
    pub(crate) fn line_at(&self, place: &Place) -> Option<&str> {
        let source = self.files.iter().find(|source| source.shown == place.file)?;
        source.text.lines().nth(place.line.checked_sub(1)?)
    }
}
