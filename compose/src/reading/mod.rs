//! What one read gathers on its way: texts, problems, warnings, secrets. It also holds the limits of a read.
//!
//! It decides nothing about a document.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};

mod encoding;
mod files;
mod named;
mod problem;
mod sources;

use files::MOST_BYTES;

pub use files::{Disk, Files};
pub(crate) use named::{Named, Source};
pub use problem::{Place, Problem, Problems, Warning};
pub(crate) use sources::Sources;

use crate::secret::Secrets;
use crate::text::path;
use crate::tree::{BYTES_OF_A_VALUE, Node, Spot};

/// How many values one read may create: aliases, `extends`, `include`, variables and ranges of ports can all make a
/// small file large. Enough for ten thousand services or all ports of one, in less than half a gigabyte.
const MOST_VALUES: usize = 500_000;

/// What a file counts in values, because reading even an empty file takes time.
const VALUES_OF_A_FILE: usize = 10;
/// More problems or warnings than anybody reads at once.
const MOST_PROBLEMS: usize = 100;
const MOST_WARNINGS: usize = 1_000;

/// Longer messages are cut: a value can be as long as a file.
const LONGEST_MESSAGE: usize = 2_000;

/// The state of one read.
pub(crate) struct Reading<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) working_dir: PathBuf,
    pub(crate) home: Option<PathBuf>,
    pub(crate) sources: Sources,
    pub(crate) problems: Vec<Problem>,
    /// How many of the problems hide what they lead to, and what that is.
    causes: usize,
    hidden: Hidden,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) secrets: Secrets,
    /// The unset variables that were warned about, each once.
    unset: BTreeSet<String>,
    /// The services that extend others, and where they say so.
    extending: Vec<(String, Spot)>,
    /// Values created so far; see [`MOST_VALUES`].
    values: usize,
    /// The files that were read already, with their numbers.
    texts: HashMap<PathBuf, u32>,
    /// Returned instead of a stored problem once there are too many.
    surplus: Problem,
}

/// Which problems earlier ones hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// Those at the same place.
    AtPlace,
    /// Also those of the same value, and of one that it is part of.
    AtPlaceOrPath,
}

/// The error of a stage that found problems, which are in [`Reading::problems`].
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
            causes: 0,
            hidden: Hidden::AtPlace,
            warnings: Vec::new(),
            secrets: Secrets::default(),
            unset: BTreeSet::new(),
            extending: Vec::new(),
            values: 0,
            texts: HashMap::new(),
            surplus: Problem::without_place(String::new()),
        }
    }

    /// Counts created values, and reports a problem if there are too many.
    pub(crate) fn spend(&mut self, values: usize, spot: Spot, path: impl ToString) -> Result<(), Stopped> {
        if self.is_spent() {
            return Err(Stopped);
        }
        self.values += values;
        if self.is_spent() {
            let message = format!(
                "the files hold more than {MOST_VALUES} values after aliases, variables, `extends`, `include` and \
                 ranges of ports are expanded"
            );
            self.problem(spot, path, message);
            return Err(Stopped);
        }
        Ok(())
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.values > MOST_VALUES
    }

    /// How many more values may be created.
    pub(crate) fn left(&self) -> usize {
        MOST_VALUES.saturating_sub(self.values)
    }

    /// Reports a problem at `spot`.
    pub(crate) fn problem(
        &mut self,
        spot: Spot,
        path: impl ToString,
        message: impl Into<String>,
    ) -> &mut Problem {
        let (path, place) = (path.to_string(), self.sources.place(spot));
        if self.is_full() || self.is_consequence(&path, place.as_ref()) {
            return &mut self.surplus;
        }
        let problem = Problem {
            place,
            path,
            message: message.into(),
            hint: None,
            line: self.sources.line(spot).map(str::to_owned),
        };
        self.push(problem)
    }

    /// Reports a problem with a value, and names the variables that it came from.
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

    /// Reports a problem without a place.
    pub(crate) fn problem_without_place(&mut self, message: impl Into<String>) -> &mut Problem {
        if self.is_full() { &mut self.surplus } else { self.push(Problem::without_place(message.into())) }
    }

    fn push(&mut self, mut problem: Problem) -> &mut Problem {
        cut(&mut problem.path, LONGEST_MESSAGE);
        if problem.message.len() > 20 * LONGEST_MESSAGE {
            // Once it is cut, a secret at its end is not found any more.
            problem.message = self.secrets.hide(&problem.message);
            cut(&mut problem.message, 20 * LONGEST_MESSAGE);
        }
        let index = self.problems.len();
        self.problems.push(problem);
        &mut self.problems[index]
    }

    /// Whether further problems are dropped, so that costly messages can be skipped.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    /// A text without the secrets that are known so far, for a message.
    pub(crate) fn hide(&self, text: &str) -> String {
        if self.is_full() { String::new() } else { self.secrets.hide(text) }
    }

    /// The problems, without secrets and cut to a readable length.
    pub(crate) fn take_problems(&mut self) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.problems);
        for problem in &mut problems {
            problem.message = self.secrets.hide(&problem.message);
            cut(&mut problem.message, LONGEST_MESSAGE);
            problem.line = problem.line.take().map(|line| self.secrets.hide(&line));
        }
        problems
    }

    /// Goes on with what has problems, to find others. From now on, what the problems so far lead to is hidden. Stops if
    /// a limit is reached, so that nothing more could be found.
    pub(crate) fn go_on(&mut self, hidden: Hidden) -> Result<(), Stopped> {
        (self.causes, self.hidden) = (self.problems.len(), hidden);
        if self.is_spent() || self.is_full() { Err(Stopped) } else { Ok(()) }
    }

    fn is_consequence(&self, path: &str, place: Option<&Place>) -> bool {
        let is_at_path = |cause: &Problem| {
            let below = cause.path.strip_prefix(path);
            below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
        };
        self.problems[..self.causes].iter().any(|cause| {
            let is_at_place = place.is_some() && cause.place.as_ref() == place;
            is_at_place || (self.hidden == Hidden::AtPlaceOrPath && is_at_path(cause))
        })
    }

    /// Fails if a problem was reported since there were `before`.
    pub(crate) fn checked_since(&self, before: usize) -> Result<(), Stopped> {
        if self.problems.len() > before { Err(Stopped) } else { Ok(()) }
    }

    /// Fails if any problem was reported so far.
    pub(crate) fn checked(&self) -> Result<(), Stopped> {
        if self.problems.is_empty() { Ok(()) } else { Err(Stopped) }
    }

    pub(crate) fn warn(&mut self, spot: Option<Spot>, message: String) {
        if self.warnings.len() >= MOST_WARNINGS {
            return;
        }
        let place = spot.and_then(|spot| self.sources.place(spot));
        self.warnings.push(Warning { place, message });
    }

    /// Warns that a variable is not set, once per variable.
    pub(crate) fn warn_unset(&mut self, spot: Spot, name: &str) {
        if self.warnings.len() < MOST_WARNINGS && self.unset.insert(name.to_owned()) {
            self.warn(
                Some(spot),
                format!("the variable `{name}` is not set: an empty string is used in its place"),
            );
        }
    }

    /// Remembers that a service extends another one, for messages about what that brings in.
    pub(crate) fn note_extends(&mut self, service: &str, spot: Spot) {
        self.extending.push((format!("services.{service}."), spot));
    }

    /// " at base.yaml:3:5, which `extends` at compose.yaml:5:5 brings in": the place of something that was merged into
    /// what `path` names.
    pub(crate) fn place_of_merged(&self, spot: Spot, path: &str) -> String {
        let Some(place) = self.sources.place(spot) else { return String::new() };
        let extending = self.extending.iter().find(|(service, _)| path.starts_with(service));
        match extending.and_then(|(_, extends)| self.sources.place(*extends)) {
            Some(extends) => format!(" at {place}, which `extends` at {extends} brings in"),
            None => format!(" at {place}"),
        }
    }

    /// Reads a text file within the limits and adds it to the sources.
    ///
    /// The error says what is wrong with the file; the caller adds what named it.
    pub(crate) fn read_text(&mut self, path: &Path) -> Result<u32, ReadError> {
        self.read_decoded(path, encoding::utf8)
    }

    /// The same for YAML, whose readers know UTF-16 as well.
    pub(crate) fn read_yaml(&mut self, path: &Path) -> Result<u32, ReadError> {
        self.read_decoded(path, encoding::utf8_or_utf16)
    }

    fn read_decoded(
        &mut self,
        path: &Path,
        decode: fn(Vec<u8>) -> Result<String, String>,
    ) -> Result<u32, ReadError> {
        if let Some(index) = self.texts.get(path).copied() {
            self.count_text(index)?;
            return Ok(index);
        }
        let too_large = || ReadError::Content(format!("it is larger than {} MB", MOST_BYTES / 1024 / 1024));
        if self.files.size(path).is_some_and(|size| size > MOST_BYTES as u64) {
            return Err(too_large());
        }
        let bytes = self.files.read(path).map_err(ReadError::Io)?;
        if bytes.len() > MOST_BYTES {
            return Err(too_large());
        }
        let text = decode(bytes).map_err(ReadError::Encoding)?;
        if let Some(at) = text.find('\0') {
            return Err(ReadError::Content(format!("it contains a NUL character (byte {at})")));
        }
        let index = self.sources.add(path, &self.working_dir, text);
        self.texts.insert(path.to_owned(), index);
        self.count_text(index)?;
        Ok(index)
    }

    /// Counts a text that is about to be parsed, even if it was parsed before.
    fn count_text(&mut self, index: u32) -> Result<(), ReadError> {
        self.values += VALUES_OF_A_FILE + self.sources.text(index).len() / BYTES_OF_A_VALUE;
        if self.is_spent() {
            return Err(ReadError::Content("the files read before it use up the limit".to_owned()));
        }
        Ok(())
    }

    /// How a path is shown: relative to the working directory where that is shorter.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let shown = path::shown(&self.working_dir, path);
        if shown.as_os_str().is_empty() { ".".to_owned() } else { shown.display().to_string() }
    }
}

/// Cuts a text that is too long.
fn cut(text: &mut String, longest: usize) {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
}

/// Why a file could not be read.
pub(crate) enum ReadError {
    Io(io::Error),
    Content(String),
    /// It is not text in an encoding that is read.
    Encoding(String),
}

impl ReadError {
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn hint(&self) -> Option<&'static str> {
        matches!(self, ReadError::Encoding(_)).then_some("save it as UTF-8")
    }

    /// The cause in a few words, without error numbers.
    pub(crate) fn reason(&self) -> String {
        match self {
            ReadError::Content(reason) | ReadError::Encoding(reason) => reason.clone(),
            ReadError::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
                io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => error.to_string(),
            },
        }
    }
}
