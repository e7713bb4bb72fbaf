//! The variables that interpolation sees, each with the place that it comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Names, values and origins. Earlier layers win: the process's environment, then `.env`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    /// Shared, because every service with an `env_file` adds its own layer below the same others.
    layers: Vec<Arc<BTreeMap<String, Variable>>>,
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

    /// Adds variables that are not set yet.
    pub(crate) fn add_missing(&mut self, values: impl IntoIterator<Item = (String, String)>, origin: &str) {
        let origin: Arc<str> = origin.into();
        self.add_layer(
            values.into_iter().map(|(name, value)| (name, Variable { value, origin: origin.clone() })),
        );
    }

    /// Adds variables that are not set yet, each with its own origin.
    pub(crate) fn add_layer(&mut self, variables: impl IntoIterator<Item = (String, Variable)>) {
        self.layers.push(Arc::new(variables.into_iter().collect()));
    }

    /// Sets a variable, replacing any earlier value.
    pub(crate) fn set(&mut self, name: &str, value: &str, origin: &str) {
        let variable = Variable { value: value.to_owned(), origin: origin.into() };
        self.layers.insert(0, Arc::new(BTreeMap::from([(name.to_owned(), variable)])));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Variable> {
        self.layers.iter().find_map(|layer| layer.get(name))
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(|variable| variable.value.as_str())
    }

    /// The value, if it is set and not empty.
    pub(crate) fn non_empty(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }
}
