//! Collections in the form that requests take them.

use std::collections::{BTreeMap, HashMap};

pub(super) fn to_map(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// `None` for an empty list, which requests leave out.
pub(super) fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}
