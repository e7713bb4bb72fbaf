//! What one read gathers on its way: texts, problems, warnings, secrets.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::node::{Node, Spot};
use super::problem::{Problem, Warning};
use super::sources::Sources;
use crate::Secrets;

/// No compose or environment file is this large; reading one that is would only cost memory.
const MOST_BYTES: usize = 10 * 1024 * 1024;

/// The state of one read.
pub(crate) struct Reading<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) working_dir: PathBuf,
    pub(crate) home: Option<PathBuf>,
    pub(crate) sources: Sources,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) secrets: Secrets,
    /// Unset variables that were warned about: once for each is enough.
    unset: BTreeSet<String>,
}

/// A stage that found problems leaves them in [`Reading::problems`] and answers this.
#[derive(Debug)]
pub(crate) struct Stopped;

impl<'a> Reading<'a> {
    pub(crate) fn new(files: &'a dyn Files, working_dir: PathBuf, home: Option<PathBuf>) -> Reading<'a> {
        Reading {
            files,
            working_dir,
            home,
            sources: Sources::default(),
            problems: Vec::new(),
            warnings: Vec::new(),
            secrets: Secrets::default(),
            unset: BTreeSet::new(),
        }
    }

    /// Notes a problem with what stands at `spot`.
    pub(crate) fn problem(
        &mut self,
        spot: Spot,
        path: impl ToString,
        message: impl Into<String>,
    ) -> &mut Problem {
        let problem = Problem {
            place: self.sources.place(spot),
            path: path.to_string(),
            message: message.into(),
            hint: None,
            line: self.sources.line(spot).map(str::to_owned),
        };
        self.push(problem)
    }

    /// Notes a problem with a value, and names the variables that the value came from.
    pub(crate) fn value_problem(
        &mut self,
        node: &Node,
        path: impl ToString,
        message: impl Into<String>,
    ) -> &mut Problem {
        let mut message = message.into();
        if let Some(variables) = &node.variables {
            message = format!("{message} (the value comes from {variables})");
        }
        self.problem(node.spot, path, message)
    }

    /// Notes a problem that no place is to blame for.
    pub(crate) fn problem_without_place(&mut self, message: impl Into<String>) -> &mut Problem {
        self.push(Problem {
            place: None,
            path: String::new(),
            message: message.into(),
            hint: None,
            line: None,
        })
    }

    fn push(&mut self, problem: Problem) -> &mut Problem {
        let index = self.problems.len();
        self.problems.push(problem);
        &mut self.problems[index]
    }

    /// Goes on if no problem was noted so far.
    pub(crate) fn checked(&self) -> Result<(), Stopped> {
        if self.problems.is_empty() { Ok(()) } else { Err(Stopped) }
    }

    pub(crate) fn warn(&mut self, spot: Option<Spot>, message: String) {
        let place = spot.and_then(|spot| self.sources.place(spot));
        self.warnings.push(Warning { place, message });
    }

    /// Warns that a variable is not set, the first time that it is missed.
    pub(crate) fn warn_unset(&mut self, spot: Spot, name: &str) {
        if self.unset.insert(name.to_owned()) {
            self.warn(
                Some(spot),
                format!("the variable `{name}` is not set: an empty text stands in its place"),
            );
        }
    }

    /// Reads a text file within the limits and adds it to the sources.
    ///
    /// The message of an `Err` says what is wrong with the file; the caller knows who named it.
    pub(crate) fn read_text(&mut self, path: &Path) -> Result<u32, ReadError> {
        let too_large = || ReadError::Content(format!("it is larger than {} MB", MOST_BYTES / 1024 / 1024));
        if self.files.size(path).is_some_and(|size| size > MOST_BYTES as u64) {
            return Err(too_large());
        }
        let bytes = self.files.read(path).map_err(ReadError::Io)?;
        if bytes.len() > MOST_BYTES {
            return Err(too_large());
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            ReadError::Content(format!("it is not valid UTF-8 (byte {at})"))
        })?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        if let Some(at) = text.find('\0') {
            return Err(ReadError::Content(format!("it holds a NUL character (byte {at})")));
        }
        Ok(self.sources.add(path, &self.working_dir, text))
    }

    /// How a path is shown to the user: relative to the working directory where it lies below it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(&self.working_dir) {
            Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
            Ok(below) => below.display().to_string(),
            Err(_) => path.display().to_string(),
        }
    }
}

/// Why a file's text could not be had.
pub(crate) enum ReadError {
    Io(io::Error),
    Content(String),
}

impl ReadError {
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// The cause in a word, without the operating system's error numbers.
    pub(crate) fn reason(&self) -> String {
        match self {
            ReadError::Content(reason) => reason.clone(),
            ReadError::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
                io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => error.to_string(),
            },
        }
    }
}
