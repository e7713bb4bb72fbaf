//! Interpolates the texts of a document (Compose specification, "Interpolation"), each by itself, after YAML is
//! parsed.
//!
//! Keys stay as they are, and so does the type: see [`cast`](crate::schema::cast).

use std::sync::Arc;

use super::Variables;
use super::template::{self, Lookup, TemplateError};
use crate::reading::Reading;
use crate::tree::{BYTES_OF_A_VALUE, MergeTag, Node, Spot, Trail, Value};

/// Interpolates every text below `node`; problems are noted and the text is left as it was.
pub(crate) fn interpolate(
    reading: &mut Reading<'_>,
    node: &mut Node,
    variables: &Variables,
    trail: &Trail<'_>,
) {
    match &mut node.value {
        // A reset value is removed before interpolation.
        _ if node.tag == Some(MergeTag::Reset) => {}
        Value::Map(map) => {
            for (key, value) in map {
                interpolate(reading, value, variables, &trail.key(key));
            }
        }
        Value::List(list) => {
            for (index, value) in list.iter_mut().enumerate() {
                interpolate(reading, value, variables, &trail.index(index));
            }
        }
        Value::Text(text) if text.contains('$') && !reading.is_spent() => {
            let mut lookup = Tracked::new(reading, variables, node.spot);
            match template::substitute(text, &mut lookup) {
                Ok(value) => {
                    node.variables = lookup.description();
                    // A short text can become a long one.
                    let made = value.len() / BYTES_OF_A_VALUE;
                    *text = value;
                    let _ = reading.spend(made, node.spot, trail);
                }
                // The text stays, although the file is refused: later stages look for other problems.
                Err(error) => note(reading, node, trail, error),
            }
        }
        _ => {}
    }
}

fn note(reading: &mut Reading<'_>, node: &Node, trail: &Trail<'_>, error: TemplateError) {
    match error {
        TemplateError::Invalid(part) => {
            let spot = reading.sources.spot_in_block(node.spot, &part);
            let hint = match template::meant_as_default(&part) {
                Some(meant) => format!("write `{meant}`: Compose does not assign variables"),
                None => "write `$$` for a literal `$`".to_owned(),
            };
            reading.problem(spot, trail, format!("`{part}` is not a valid variable")).hint = Some(hint);
        }
        TemplateError::Missing { name, message, is_set } => {
            let spot = reading.sources.spot_in_block(node.spot, &format!("${{{name}"));
            let message = reading.hide(&template::missing(&name, &message, is_set));
            reading.problem(spot, trail, message).hint =
                Some(format!("set `{name}` in the environment or in an environment file"));
        }
        TemplateError::TooDeep => {
            reading.problem(node.spot, trail, "variables are nested too deeply");
        }
        TemplateError::TooLong => {
            reading.problem(node.spot, trail, "variables make this text too long");
        }
    }
}

/// How many variables a message names for one text.
const MOST_NAMED: usize = 10;

/// Looks up variables, and remembers which ones were used.
pub(crate) struct Tracked<'r, 'f, 'v> {
    reading: &'r mut Reading<'f>,
    variables: &'v Variables,
    spot: Spot,
    used: Vec<String>,
}

impl<'r, 'f, 'v> Tracked<'r, 'f, 'v> {
    pub(crate) fn new(
        reading: &'r mut Reading<'f>,
        variables: &'v Variables,
        spot: Spot,
    ) -> Tracked<'r, 'f, 'v> {
        Tracked { reading, variables, spot, used: Vec::new() }
    }

    /// "`PORT` from .env, `HOST` (not set)"
    fn description(&self) -> Option<Arc<String>> {
        if self.used.is_empty() { None } else { Some(Arc::new(self.used.join(", "))) }
    }

    fn remember(&mut self, description: String) {
        if self.used.len() < MOST_NAMED && !self.used.contains(&description) {
            self.used.push(description);
        }
    }
}

impl Lookup for Tracked<'_, '_, '_> {
    fn value(&mut self, name: &str) -> Option<String> {
        let variable = self.variables.get(name)?;
        self.reading.secrets.add_named(name, &variable.value);
        self.remember(format!("`{name}` from {}", variable.origin));
        Some(variable.value.clone())
    }

    fn missed(&mut self, name: &str) {
        self.remember(format!("`{name}`, which is not set"));
        self.reading.warn_unset(self.spot, name);
    }
}
