//! The document while it is read: nodes that know their places, and the way to them.
//!
//! Nothing here knows what a key means, or notes a problem.

pub(crate) mod forms;
pub(crate) mod json;
mod node;
mod trail;

pub(crate) use node::{BYTES_OF_A_VALUE, Map, MergeTag, Node, Spot, Value};
pub(crate) use trail::Trail;
