//! What is wrong with a compose file, and how it is shown.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

/// A place in a file. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Place {
    /// The file, relative to the working directory where that is shorter.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One problem, with its place and a hint if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where the problem is; `None` if it is not in a file, such as when no compose file is found.
    pub place: Option<Place>,
    /// The path inside the document, such as `services.web.ports[0]`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, as a sentence fragment without secrets.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The text of the line, which is shown with a caret.
    pub line: Option<String>,
}

impl Problem {
    pub(crate) fn without_place(message: String) -> Problem {
        Problem { place: None, path: String::new(), message, hint: None, line: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", WithoutHint(self))?;
        match &self.hint {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

struct WithoutHint<'a>(&'a Problem);

impl fmt::Display for WithoutHint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WithoutHint(problem) = self;
        if let Some(place) = &problem.place {
            write!(f, "{place}: ")?;
        }
        if !problem.path.is_empty() {
            write!(f, "{}: ", problem.path)?;
        }
        write!(f, "{}", problem.message)?;
        if let (Some(place), Some(line)) = (&problem.place, &problem.line) {
            write_line(f, place, line)?;
        }
        Ok(())
    }
}

/// The longest line that is shown in full. Of a longer one, the part around the caret is shown.
const WIDEST_LINE: usize = 100;

fn write_line(f: &mut fmt::Formatter<'_>, place: &Place, line: &str) -> fmt::Result {
    let characters: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let caret = place.column.saturating_sub(1).min(characters.len());
    let start = if characters.len() <= WIDEST_LINE { 0 } else { caret.saturating_sub(WIDEST_LINE / 2) };
    let shown: String = characters[start..].iter().take(WIDEST_LINE).collect();
    let number = place.line.to_string();
    write!(f, "\n{number:>5} | {}", shown.trim_end())?;
    write!(f, "\n      | {:width$}^", "", width = caret - start)
}

/// Everything that is wrong with the files that were read; never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems sorted by place, each once: what services have from one base or anchor is wrong in one place. `None`
    /// if there are none.
    #[must_use]
    pub fn from_list(mut problems: Vec<Problem>) -> Option<Problems> {
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        problems.dedup_by(|later, earlier| later.place.is_none() && later == earlier);
        let mut told = HashSet::new();
        problems.retain(|problem| {
            problem.place.is_none() || told.insert((problem.place.clone(), problem.message.clone()))
        });
        if problems.is_empty() { None } else { Some(Problems(problems)) }
    }

    /// A fallback: a read that stops always reports a problem.
    pub(crate) fn unknown() -> Problems {
        Problems(vec![Problem::without_place("the compose file can't be read".to_owned())])
    }

    /// The problems in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

/// How many problems are shown before the rest is only counted.
const MOST_SHOWN: usize = 20;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(MOST_SHOWN)];
        for (index, problem) in shown.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            // One hint for twenty problems of a kind is shown once.
            let is_new = !shown[..index].iter().any(|earlier| earlier.hint == problem.hint);
            if is_new { write!(f, "{problem}")? } else { write!(f, "{}", WithoutHint(problem))? }
        }
        if self.0.len() > MOST_SHOWN {
            write!(f, "\n\nand {} more", self.0.len() - MOST_SHOWN)?;
        }
        Ok(())
    }
}

/// The same as `Display`, because `unwrap()` and `fn main() -> Result` print `Debug`.
impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problems {}

/// Something that Compose accepts, but that is probably a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// Where it is.
    pub place: Option<Place>,
    /// What it says.
    pub message: String,
}

impl Warning {
    /// A warning, with its place if it has one.
    #[must_use]
    pub fn new(place: Option<Place>, message: impl Into<String>) -> Warning {
        Warning { place, message: message.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}
