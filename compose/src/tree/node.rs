//! The document while it is read: a tree in which every node knows its place.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::text::units::go_float;

/// A place in one of the files of a `Sources`; lines and columns count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A text counts as one more value for every so many bytes.
pub(crate) const BYTES_OF_A_VALUE: usize = 64;

/// One value of the document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// Where the value begins.
    pub(crate) spot: Spot,
    /// Where the value's key begins, if it has one.
    pub(crate) key: Option<Spot>,
    /// `!reset` or `!override`.
    pub(crate) tag: Option<MergeTag>,
    /// The variables whose values are part of this text, as messages name them.
    pub(crate) variables: Option<Arc<String>>,
    /// Whether the value is written in a file, unlike defaults and the parts of expanded short forms.
    pub(crate) written: bool,
}

/// A mapping, in the order of the file.
///
/// Boxed, because every node is as large as the largest value, and most nodes hold a scalar.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map(Box<Entries>);

/// Documents are full of short keys, for which the standard hasher is slow. This one has a random seed, too.
type Entries = IndexMap<String, Node, foldhash::fast::RandomState>;

/// The types that Compose distinguishes, in the words of Go's YAML library.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(Int),
    Float(f64),
    /// A plain date or time, as Compose prints it. Only `x-` fields accept one.
    Time(String),
    Text(String),
    List(Vec<Node>),
    Map(Map),
}

/// An integer that fits into 64 bits, with or without a sign.
///
/// Packed, because the alignment of an `i128` would make every node a quarter larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed(8))]
pub(crate) struct Int(i128);

/// How a node asks to be merged (Compose specification, "Merge": "Reset value" and "Replace value").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeTag {
    Reset,
    Override,
}

impl Map {
    pub(crate) fn new() -> Map {
        Map::default()
    }

    pub(crate) fn with_capacity(capacity: usize) -> Map {
        Map(Box::new(Entries::with_capacity_and_hasher(capacity, Default::default())))
    }
}

impl Deref for Map {
    type Target = Entries;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Map {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<const N: usize> From<[(String, Node); N]> for Map {
    fn from(entries: [(String, Node); N]) -> Map {
        entries.into_iter().collect()
    }
}

impl FromIterator<(String, Node)> for Map {
    fn from_iter<T: IntoIterator<Item = (String, Node)>>(entries: T) -> Map {
        Map(Box::new(entries.into_iter().collect()))
    }
}

impl IntoIterator for Map {
    type Item = (String, Node);
    type IntoIter = indexmap::map::IntoIter<String, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a String, &'a Node);
    type IntoIter = indexmap::map::Iter<'a, String, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = (&'a String, &'a mut Node);
    type IntoIter = indexmap::map::IterMut<'a, String, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

impl From<i128> for Int {
    fn from(value: i128) -> Int {
        Int(value)
    }
}

impl From<Int> for i128 {
    fn from(Int(value): Int) -> i128 {
        value
    }
}

impl std::fmt::Display for Int {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        i128::from(*self).fmt(f)
    }
}

impl Node {
    pub(crate) fn new(value: Value, spot: Spot) -> Node {
        Node { value, spot, key: None, tag: None, variables: None, written: true }
    }

    /// A value that is not written in a file, placed where `origin` is.
    pub(crate) fn implied(value: Value, origin: &Node) -> Node {
        Node { value, spot: origin.spot, key: origin.key, tag: None, variables: None, written: false }
    }

    pub(crate) fn text(text: impl Into<String>, origin: &Node) -> Node {
        Node { variables: origin.variables.clone(), ..Node::implied(Value::Text(text.into()), origin) }
    }

    pub(crate) fn empty_map(spot: Spot) -> Node {
        Node { written: false, ..Node::new(Value::Map(Map::new()), spot) }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn as_list_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut()?.get_mut(key)
    }

    /// The text under `key`.
    pub(crate) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    /// The mapping under `key`, as pairs; nothing if there is none.
    pub(crate) fn entries(&self, key: &str) -> impl Iterator<Item = (&String, &Node)> {
        self.get(key).and_then(Node::as_map).into_iter().flatten()
    }

    /// The list under `key`; nothing if there is none.
    pub(crate) fn items(&self, key: &str) -> &[Node] {
        self.get(key).and_then(Node::as_list).unwrap_or_default()
    }

    /// The mapping under `key`, to be changed.
    pub(crate) fn entries_mut(&mut self, key: &str) -> impl Iterator<Item = (&String, &mut Node)> {
        self.get_mut(key).and_then(Node::as_map_mut).into_iter().flatten()
    }

    /// The list under `key`, to be changed.
    pub(crate) fn items_mut(&mut self, key: &str) -> impl Iterator<Item = &mut Node> {
        self.get_mut(key).and_then(Node::as_list_mut).into_iter().flatten()
    }

    /// Whether a place can be in this value's own text, rather than in that of a value it was merged over: merged values
    /// have the place of the later one.
    pub(crate) fn has_in_its_text(&self, spot: Spot) -> bool {
        spot.file == self.spot.file && spot >= self.spot
    }

    /// The place of the key, or of the value if it has no key: for problems with the whole entry.
    pub(crate) fn entry_spot(&self) -> Spot {
        self.key.unwrap_or(self.spot)
    }

    /// The value as Go prints it with `%v`, which is how numbers and booleans become environment variables.
    pub(crate) fn to_go_text(&self) -> Option<String> {
        Some(match &self.value {
            Value::Text(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => go_float(*value),
            _ => return None,
        })
    }

    /// "a string", "a list": for messages about wrong types.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "empty",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Time(_) => "a date",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The message for a value of a wrong type: "must be a list, not a string".
    pub(crate) fn must_be(&self, wanted: &str) -> String {
        match self.value {
            Value::Null => format!("must be {wanted}, but is empty"),
            _ => format!("must be {wanted}, not {}", self.type_name()),
        }
    }

    /// How many values a copy counts as (see `Reading::spend`).
    pub(crate) fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Text(text) | Value::Time(text) => text.len() / BYTES_OF_A_VALUE,
            Value::List(list) => list.iter().map(Node::weight).sum(),
            Value::Map(map) => map.values().map(Node::weight).sum(),
            _ => 0,
        }
    }

    /// Whether two nodes hold the same value, regardless of their places.
    pub(crate) fn same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Text(a), Value::Text(b)) | (Value::Time(a), Value::Time(b)) => a == b,
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| a.same(b)))
            }
            _ => false,
        }
    }
}
