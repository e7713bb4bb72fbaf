//! YAML text to events: a port of libyaml's parser, as Go's YAML library is one.
//!
//! What one takes for YAML, and where one sees a mistake, so does the other. Where Go's library goes its own way,
//! this port follows it: inside brackets a plain scalar can end with `:` and can't hold `?`, a tag can hold commas
//! and brackets, `\'` is an escape and `\/` is not.
//!
//! [`scanner`] makes tokens of the text with the help of [`scalar`], and [`parser`] makes events of the tokens.
//! Anchors are not resolved here, and scalars have no type yet: see [`parse`](crate::parse).
//!
//! libyaml is Copyright (c) 2017-2020 Ingy döt Net and Copyright (c) 2006-2016 Kirill Simonov. `LICENSE-libyaml`,
//! beside this file, has its MIT license in full.

mod parser;
mod scalar;
mod scanner;

use std::borrow::Cow;

pub(crate) use parser::Parser;

/// A place in the text; all count from 0, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The byte.
    pub(crate) at: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A step of the way through the nodes of a document.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: EventKind<'a>,
    /// Where it begins.
    pub(crate) mark: Mark,
}

#[derive(Debug)]
pub(crate) enum EventKind<'a> {
    StreamEnd,
    DocumentStart { version: Option<(u32, u32)> },
    DocumentEnd,
    Alias { anchor: &'a str },
    Scalar { properties: Properties<'a>, value: Cow<'a, str>, style: Style },
    SequenceStart { properties: Properties<'a> },
    SequenceEnd,
    MappingStart { properties: Properties<'a> },
    MappingEnd,
}

/// What can stand before a node: `&anchor` and `!tag`.
#[derive(Debug, Default)]
pub(crate) struct Properties<'a> {
    pub(crate) anchor: Option<&'a str>,
    /// The whole tag, as in `tag:yaml.org,2002:str`.
    pub(crate) tag: Option<String>,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    Block,
}

/// What is no YAML, in libyaml's words.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) problem: &'static str,
    /// "while parsing a block mapping", or nothing.
    pub(crate) context: &'static str,
    pub(crate) mark: Mark,
    /// Where that begins which could not be read.
    pub(crate) begun: Mark,
}
