//! The variables that interpolation sees, each with the place that it comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Names, values and origins. Earlier layers win: the process's environment, then `.env`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    values: BTreeMap<String, Variable>,
}

#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) value: String,
    /// "the environment", ".env"
    pub(crate) origin: Arc<str>,
}

impl Variables {
    pub(crate) fn of_process(environment: &BTreeMap<String, String>) -> Variables {
        let mut variables = Variables::default();
        variables.add_missing(environment.clone(), "the environment");
        variables
    }

    /// Adds what is not there yet.
    pub(crate) fn add_missing(&mut self, values: impl IntoIterator<Item = (String, String)>, origin: &str) {
        let origin: Arc<str> = origin.into();
        for (name, value) in values {
            self.values.entry(name).or_insert_with(|| Variable { value, origin: origin.clone() });
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str, origin: &str) {
        self.values.insert(name.to_owned(), Variable { value: value.to_owned(), origin: origin.into() });
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Variable> {
        self.values.get(name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(|variable| variable.value.as_str())
    }

    /// The value, if it is set and not empty.
    pub(crate) fn non_empty(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }
}
