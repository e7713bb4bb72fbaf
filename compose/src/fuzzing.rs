//! Access to private modules for the fuzz targets in `fuzz/`; compiled only for them.

use std::collections::BTreeMap;

use crate::variable::dotenv::{self, Assignments};
use crate::variable::template::{self, Lookup};

/// Answers from a map.
struct Known<'a>(&'a BTreeMap<String, String>);

impl Lookup for Known<'_> {
    fn value(&mut self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn missed(&mut self, _name: &str) {}
}

/// What a text becomes with these variables; `None` if it can't be interpolated.
pub fn interpolate(text: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    template::substitute(text, &mut Known(variables)).ok()
}

/// The variables that an environment file sets, each with its value and line; the line and text of the error
/// otherwise.
pub fn dotenv(
    text: &str,
    variables: &BTreeMap<String, String>,
    raw: bool,
) -> Result<BTreeMap<String, (String, usize)>, (usize, String)> {
    let mut assigned = Assignments::default();
    let parse = if raw { dotenv::parse_raw } else { dotenv::parse };
    parse(text, &mut assigned, &mut Known(variables)).map_err(|error| (error.line, error.message))?;
    Ok(assigned.values.into_iter().map(|(name, value)| (name, (value.value, value.line))).collect())
}
