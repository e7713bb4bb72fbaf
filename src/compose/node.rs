//! The document while it is read: a tree in which every node knows its place.

use std::sync::Arc;

use indexmap::IndexMap;

/// A place in one of the files of a [`Sources`](super::sources::Sources); lines and columns count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// One value of the document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// Where the value begins.
    pub(crate) spot: Spot,
    /// Where the key begins under which the value stands, if it stands under one.
    pub(crate) key: Option<Spot>,
    /// `!reset` or `!override`.
    pub(crate) tag: Option<MergeTag>,
    /// The variables whose values are part of this text, as they are named in messages.
    pub(crate) variables: Option<Arc<str>>,
    /// Whether the file wrote this value; defaults and short forms brought to their long form did not.
    pub(crate) written: bool,
}

pub(crate) type Map = IndexMap<String, Node>;

/// The types that Compose distinguishes, in the words of Go's YAML library.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// A plain date or time. Nothing in Compose takes one; `x-` fields show it as it is.
    Time(String),
    Text(String),
    List(Vec<Node>),
    Map(Map),
}

/// How a node wants to be merged (Compose specification, "Merge": "Reset value" and "Replace value").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeTag {
    Reset,
    Override,
}

impl Node {
    pub(crate) fn new(value: Value, spot: Spot) -> Node {
        Node { value, spot, key: None, tag: None, variables: None, written: true }
    }

    /// A value that no file wrote, standing where `origin` stands.
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

    /// Where the key stands, or the value where there is no key: the place of complaints about the whole entry.
    pub(crate) fn entry_spot(&self) -> Spot {
        self.key.unwrap_or(self.spot)
    }

    /// The value as Go prints it with `%v`: what becomes of a number or boolean among environment variables.
    pub(crate) fn to_go_text(&self) -> Option<String> {
        Some(match &self.value {
            Value::Text(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => super::scalar::go_float(*value),
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

    /// Whether two nodes hold the same value, wherever they stand.
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
