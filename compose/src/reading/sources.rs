//! The texts of the files that were read, for places and for the lines at them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::Place;
use crate::text::path;
use crate::tree::Spot;

/// Every file that was read, in order; a [`Spot`] names one by its index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    files: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    /// The path as it is shown: relative to the working directory where that is shorter.
    shown: PathBuf,
    text: String,
    /// Where each line begins; computed when first needed.
    lines: OnceLock<Vec<usize>>,
}

/// Longer lines are not shown: a program wrote them.
const LONGEST_LINE: usize = 64 * 1024;

impl Sources {
    /// Adds a file and returns its number, which its spots carry.
    pub(crate) fn add(&mut self, path: &Path, working_dir: &Path, text: String) -> u32 {
        let shown = path::shown(working_dir, path);
        self.files.push(Source { shown, text, lines: OnceLock::new() });
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn text(&self, file: u32) -> &str {
        self.files.get(file as usize).map_or("", |source| &source.text)
    }

    /// The start of the file that was last read from `path`.
    pub(crate) fn beginning(&self, path: &Path, working_dir: &Path) -> Option<Spot> {
        let shown = path::shown(working_dir, path);
        let file = self.files.iter().rposition(|source| source.shown == shown)?;
        Some(Spot { file: u32::try_from(file).unwrap_or(u32::MAX), line: 1, column: 1 })
    }

    /// The name that the file is shown by.
    pub(crate) fn name(&self, file: u32) -> String {
        self.files.get(file as usize).map_or(String::new(), |source| source.shown.display().to_string())
    }

    pub(crate) fn place(&self, spot: Spot) -> Option<Place> {
        let source = self.files.get(spot.file as usize)?;
        let (line, column) = (spot.line as usize, spot.column as usize);
        let last = source.starts().len();
        // The parser counts the end of a file without a final line break as another line.
        let (line, column) = if line > last {
            (last, source.line(last).unwrap_or_default().chars().count() + 1)
        } else {
            (line, column)
        };
        Some(Place { file: source.shown.clone(), line, column })
    }

    pub(crate) fn line(&self, spot: Spot) -> Option<&str> {
        let source = self.files.get(spot.file as usize)?;
        let number = (spot.line as usize).min(source.starts().len());
        source.line(number).filter(|line| line.len() <= LONGEST_LINE)
    }

    /// The place of `part` in the block scalar that begins with `|` or `>` at `spot`; `spot` itself if it is not there.
    pub(crate) fn spot_in_block(&self, spot: Spot, part: &str) -> Spot {
        self.find_in_block(spot, part).unwrap_or(spot)
    }

    fn find_in_block(&self, spot: Spot, part: &str) -> Option<Spot> {
        let source = self.files.get(spot.file as usize)?;
        let head: String =
            source.line(spot.line as usize)?.chars().skip((spot.column as usize).checked_sub(1)?).collect();
        if !head.starts_with(['|', '>']) {
            return None;
        }
        let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let lines = (spot.line + 1..).map_while(|number| Some((number, source.line(number as usize)?)));
        let mut deepest = None;
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            // The first line of the text says how deep it is.
            if indent(line) < *deepest.get_or_insert(indent(line).max(1)) {
                return None;
            }
            if let Some(at) = line.find(part) {
                let column = u32::try_from(line[..at].chars().count()).ok()? + 1;
                return Some(Spot { file: spot.file, line: number, column });
            }
        }
        None
    }

    /// The line at a place of these sources.
    pub(crate) fn line_at(&self, place: &Place) -> Option<&str> {
        let source = self.files.iter().find(|source| source.shown == place.file)?;
        source.line(place.line)
    }
}

impl Source {
    fn line(&self, number: usize) -> Option<&str> {
        let starts = self.starts();
        let start = *starts.get(number.checked_sub(1)?)?;
        // Nothing follows the last line break.
        if start == self.text.len() {
            return None;
        }
        let end = starts.get(number).copied().unwrap_or(self.text.len());
        Some(self.text[start..end].trim_end_matches(LINE_BREAKS))
    }

    fn starts(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let breaks = self.text.match_indices(LINE_BREAKS);
            let ends = breaks.map(|(at, found)| at + found.len());
            let is_end =
                |end: &usize| !self.text[..*end].ends_with('\r') || !self.text[*end..].starts_with('\n');
            std::iter::once(0).chain(ends.filter(is_end)).collect()
        })
    }
}

/// What ends a line in YAML 1.1; a carriage return and a line feed together are one.
const LINE_BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
