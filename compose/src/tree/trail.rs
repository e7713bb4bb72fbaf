//! The way from the document's root to a node: shown in messages, matched by the tables of rules.

use std::fmt;

/// One step of the way; the root has none.
#[derive(Clone, Copy)]
pub(crate) struct Trail<'a> {
    parent: Option<&'a Trail<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl Step<'_> {
    /// What stands in a pattern before its last part, if that is this step.
    fn before<'p>(&self, pattern: &'p str) -> Option<&'p str> {
        match self {
            Step::Key(key) => pattern.strip_suffix('*').or_else(|| pattern.strip_suffix(*key)),
            Step::Index(_) => pattern.strip_suffix('*'),
            Step::Root => None,
        }
    }
}

impl<'a> Trail<'a> {
    pub(crate) const ROOT: Trail<'static> = Trail { parent: None, step: Step::Root };

    pub(crate) fn key(&'a self, key: &'a str) -> Trail<'a> {
        Trail { parent: Some(self), step: Step::Key(key) }
    }

    pub(crate) fn index(&'a self, index: usize) -> Trail<'a> {
        Trail { parent: Some(self), step: Step::Index(index) }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// Whether this is the way that `pattern` describes: keys with dots between, `*` for any key or index.
    pub(crate) fn matches(&self, pattern: &str) -> bool {
        // From the end, where most patterns differ already.
        let (Some(parent), before) = (self.parent, self.step.before(pattern)) else {
            return pattern.is_empty();
        };
        match (parent.step, before) {
            (_, None) => false,
            (Step::Root, Some(before)) => before.is_empty(),
            (_, Some(before)) => before.strip_suffix('.').is_some_and(|pattern| parent.matches(pattern)),
        }
    }

    /// How many steps it is from the root.
    pub(crate) fn depth(&self) -> usize {
        self.parent.map_or(0, |parent| parent.depth() + 1)
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Key(key) if self.depth() == 1 => f.write_str(key),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}
