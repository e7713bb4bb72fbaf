//! What is secret, and how it is kept out of everything that is printed.
//!
//! A value is secret by its *name* (`POSTGRES_PASSWORD`, `POLYGON_API_KEY`), by its *place* (the content of
//! a compose file's `secrets:`), or by its *shape* (the password inside a URL). Structured output hides by place,
//! free text (log excerpts, probe output, error texts) by value. Text is hidden before it is cut: a part of a secret
//! would not be found any more.

mod name;
mod search;
mod url;

use std::collections::BTreeSet;

use search::Needles;

pub use name::is_secret_name;

/// Replaces a hidden value.
pub const HIDDEN: &str = "***";

/// The secret values of a project, which are hidden in everything that is printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    values: BTreeSet<String>,
    /// How the values are written in free text.
    needles: Needles,
}

impl Secrets {
    /// Remembers `value` as a secret, and each line of it: a key of several lines is seldom printed in one piece.
    pub fn add(&mut self, value: &str) {
        let value = value.trim();
        if !value.is_empty() && self.values.insert(value.to_owned()) {
            self.needles.add(value);
        }
    }

    /// Remembers `value` if `name` is a secret's name, and the passwords of the URLs in it.
    pub fn add_named(&mut self, name: &str, value: &str) {
        if is_secret_name(name) {
            self.add(value);
        }
        for password in url::passwords(value) {
            self.add(&value[password.clone()]);
            self.add(&url::decode(&value[password]));
        }
    }

    /// Remembers the content of a secret's file. Content that is not text is ignored.
    pub fn add_content(&mut self, content: &[u8]) {
        if let Ok(text) = std::str::from_utf8(content) {
            self.add(text);
        }
    }

    /// `text` with the secrets in it, and the password of every URL, replaced by [`HIDDEN`].
    ///
    /// A secret of at least six characters is found wherever it is: as it is, URL-encoded, escaped as in JSON, or in
    /// base64. A shorter one is found after a secret's name, as in `PASSWORD=abc` or `"password": "abc"`.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut spans = self.needles.find(text);
        spans.extend(url::passwords(text));
        spans.sort_by_key(|span| span.start);
        let (mut hidden, mut shown_to) = (String::with_capacity(text.len()), 0);
        for span in spans {
            // Of spans that overlap or touch, the first writes the stars.
            if span.start > shown_to || hidden.is_empty() {
                hidden.push_str(&text[shown_to..span.start]);
                hidden.push_str(HIDDEN);
            }
            shown_to = shown_to.max(span.end);
        }
        hidden.push_str(&text[shown_to..]);
        hidden
    }

    /// What to show for a variable: the value, or [`HIDDEN`] if its name or its content makes it secret.
    #[must_use]
    pub fn show(&self, name: &str, value: &str) -> String {
        if is_secret_name(name) && !value.is_empty() { HIDDEN.to_owned() } else { self.hide(value) }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} hidden)", self.values.len())
    }
}

#[cfg(test)]
mod tests;
