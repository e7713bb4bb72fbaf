//! The schema: which keys a compose document may have, and what each holds.
//!
//! One table serves every stage that walks the document by its meaning: [`cast`], [`check`] and
//! [`print`](crate::print). A new key of the specification is one line in [`project`] or [`service`]. The table says
//! nothing of rules between keys: see [`resources`] and [`consistency`](crate::normalize::consistency).

pub(crate) mod cast;
pub(crate) mod check;
pub(crate) mod project;
pub(crate) mod resources;
pub(crate) mod service;
mod shared;

/// The type of a value.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A string or nothing.
    OptionalText,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A string that matches one of Compose's patterns, which the function checks.
    Checked(fn(&str) -> bool, &'static str),
    /// `true`, `false`, or a word for them.
    Bool,
    /// A boolean; strings are not accepted.
    PlainBool,
    /// An integer, or a string that holds one.
    Int,
    /// The kind, whose number is in a range that is narrower than the kind's own.
    In(&'static Kind, i128, i128),
    /// A number whose fraction is dropped, or a string that holds an integer.
    LooseInt,
    /// An integer that is not negative, or a string that holds one.
    Unsigned,
    /// The same, or a number whose fraction is dropped.
    LooseUnsigned,
    /// An integer; strings are not accepted.
    PlainInt,
    /// An integer that is written as one: `80.0` is not accepted.
    StrictInt,
    /// A number whose fraction is dropped; strings are not accepted.
    PlainNumber,
    /// A number, or a string that holds one; printed in single precision, as Compose keeps it.
    Number,
    /// Bytes, as a number or as text with a unit; printed as a string of digits.
    Bytes,
    /// The same, without fractions.
    IntBytes,
    /// Bytes, as text with a unit only.
    TextBytes,
    /// `1h30m`.
    Duration,
    /// File permissions; an octal number.
    Mode,
    /// A mapping of scalars, or a list of `KEY=VALUE`; a key without a value is empty.
    Pairs,
    /// The same, where no value means "unset".
    Environment,
    /// A mapping of strings and numbers.
    Options,
    /// The same, where a value may be left out.
    NullableOptions,
    /// The same, where a number is an integer.
    StrictOptions,
    /// A mapping of strings.
    Texts,
    /// A list of strings, each once.
    UniqueList,
    /// A list of strings.
    TextList,
    /// A command line: a string, a list of strings, or nothing.
    Command,
    /// `host=address` in a list, or a mapping of addresses.
    Hosts,
    /// A list of one kind.
    List(&'static Kind),
    /// A list of one kind, in which no two entries are equal.
    UniqueListOf(&'static Kind),
    /// A mapping with names of the user's choosing.
    Names(&'static Kind),
    /// The same, where any key is a valid name.
    AnyNames(&'static Kind),
    /// A mapping with the keys of a table.
    Keys(&'static Keys),
    /// The kind, or nothing.
    Optional(&'static Kind),
    /// Short forms and the long form; the last is the long one, in which the value is printed.
    Either(&'static [Kind]),
    /// SSH agents and keys for a build: `default`, or `ID=PATH`.
    Ssh,
    /// How many devices: a number or `all`.
    Count,
    /// `soft` and `hard`, or one number for both.
    Ulimit,
    /// The same, without strings.
    PlainUlimit,
    /// `external: true`, or the old `external: {name: …}` with what else the schema takes in that mapping.
    External(Extensions),
    /// What a model provider takes: scalars and lists of them.
    ProviderOptions,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) fields: &'static [Field],
    /// Whether `x-…` may stand beside the known keys.
    pub(crate) extensions: Extensions,
}

/// Whether a mapping takes `x-…` keys, and unknown ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extensions {
    Allowed,
    Refused,
    /// The schema leaves this one mapping open.
    AnyKey,
}

/// One known key.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) print: Print,
    pub(crate) required: bool,
    /// The key's name in JSON, if Compose spells it differently there; empty if Compose leaves it out.
    pub(crate) json_name: &'static str,
}

/// When a key shows in the canonical document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Print {
    /// If its value is not empty, zero or false.
    NonEmpty,
    /// If it is there.
    Present,
    /// Always; as `null` if it is missing.
    Always,
    /// Always; as an empty string or zero if it is missing.
    AlwaysZero,
    /// Always; as an empty mapping if it is missing.
    AlwaysMap,
    /// Never; its effect shows elsewhere.
    Never,
}

impl Print {
    pub(crate) fn is_always(self) -> bool {
        matches!(self, Print::Always | Print::AlwaysZero | Print::AlwaysMap)
    }
}

impl Field {
    const fn with(name: &'static str, kind: Kind, print: Print) -> Field {
        Field { name, kind, print, required: false, json_name: name }
    }

    pub(crate) const fn required(mut self) -> Field {
        self.required = true;
        self
    }

    pub(crate) const fn named_in_json(mut self, json_name: &'static str) -> Field {
        self.json_name = json_name;
        self
    }
}

/// A key that is left out of the canonical document when it is empty.
pub(crate) const fn field(name: &'static str, kind: Kind) -> Field {
    Field::with(name, kind, Print::NonEmpty)
}

/// A key that shows in the canonical document if it is there, whatever its value.
pub(crate) const fn shown(name: &'static str, kind: Kind) -> Field {
    Field::with(name, kind, Print::Present)
}

/// A key that always shows.
pub(crate) const fn always(name: &'static str, kind: Kind) -> Field {
    Field::with(name, kind, Print::Always)
}

/// A key that always shows, as empty or zero if it is missing.
pub(crate) const fn always_zero(name: &'static str, kind: Kind) -> Field {
    Field::with(name, kind, Print::AlwaysZero)
}

/// A mapping that always shows.
pub(crate) const fn always_map(name: &'static str, kind: Kind) -> Field {
    Field::with(name, kind, Print::AlwaysMap)
}

/// A key that never shows.
pub(crate) const fn hidden(name: &'static str, kind: Kind) -> Field {
    Field::with(name, kind, Print::Never)
}

/// A mapping with these keys and `x-…`.
pub(crate) const fn open(fields: &'static [Field]) -> Keys {
    Keys { fields, extensions: Extensions::Allowed }
}

/// A mapping with these keys and no others.
pub(crate) const fn closed(fields: &'static [Field]) -> Keys {
    Keys { fields, extensions: Extensions::Refused }
}

impl Kind {
    /// The least and the most that a number of this kind can be; `None` if the kind is not about integers.
    ///
    /// Compose keeps integers in 64 bits or less, and what does not fit wraps around: a target port of 99999999999 is
    /// 1215752191. Nobody means that, so such numbers are refused.
    pub(crate) fn range(&self) -> Option<(i128, i128)> {
        match self {
            Kind::In(_, least, most) => Some((*least, *most)),
            Kind::Unsigned | Kind::LooseUnsigned => Some((0, u64::MAX.into())),
            Kind::Mode => Some((0, i64::MAX.into())),
            Kind::Int
            | Kind::LooseInt
            | Kind::PlainInt
            | Kind::StrictInt
            | Kind::PlainNumber
            | Kind::Bytes
            | Kind::IntBytes
            | Kind::Count
            | Kind::Ulimit
            | Kind::PlainUlimit => Some((i64::MIN.into(), i64::MAX.into())),
            _ => None,
        }
    }
}

impl Keys {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
