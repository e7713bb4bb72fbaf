//! What is secret, and how it is kept out of everything that is printed.
//!
//! A value is secret by its *name* (`POSTGRES_PASSWORD`, `POLYGON_API_KEY`), by its *place* (the content of
//! a compose file's `secrets:`), or by its *shape* (the password inside a URL). Structured output hides by place,
//! free text (log excerpts, probe output, error texts) by value. Text is hidden before it is cut: a part of a secret
//! would not be found any more.

mod search;
mod url;

use std::collections::BTreeSet;

use search::Needles;

/// Replaces a hidden value.
pub const HIDDEN: &str = "***";

/// A variable whose name has one of these words is secret. Case does not matter.
const SECRET_WORDS: [&str; 12] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "KEY",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
];

/// Whether a variable of this name holds a secret.
///
/// `*_FILE` variables name a file, not a secret, and are not hidden.
///
/// ```
/// assert!(greenroom_compose::is_secret_name("POSTGRES_PASSWORD"));
/// assert!(greenroom_compose::is_secret_name("polygonApiKey"));
/// assert!(!greenroom_compose::is_secret_name("POSTGRES_PASSWORD_FILE"));
/// assert!(!greenroom_compose::is_secret_name("MONKEY"));
/// ```
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    if matches!(words.last().map(String::as_str), Some("FILE" | "PATH" | "DIR")) {
        return false;
    }
    words.iter().any(|word| {
        SECRET_WORDS.contains(&word.as_str())
            || ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "CREDENTIAL"]
                .iter()
                .any(|part| word.contains(part))
    })
}

/// Splits `POSTGRES_PASSWORD`, `api-key` and `apiKey` into upper-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("there is always a last word").extend(c.to_uppercase());
        }
        previous_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

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
