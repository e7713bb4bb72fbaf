//! What is secret, and how it is kept out of everything that is printed.
//!
//! A value is secret by its *name* (`POSTGRES_PASSWORD`, `POLYGON_API_KEY`), by its *place* (the content of
//! a compose file's `secrets:`), or by its *shape* (the password inside a URL). Structured output hides by place,
//! free text (log excerpts, probe output, error texts) by value.

use std::collections::BTreeSet;

/// Replaces a hidden value.
pub const HIDDEN: &str = "***";

/// Shorter values are not searched for in free text: hiding every `a` of a log helps nobody.
const SHORTEST_HIDDEN_BY_VALUE: usize = 6;

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
}

impl Secrets {
    /// Remembers `value` as a secret.
    pub fn add(&mut self, value: &str) {
        if !value.trim().is_empty() {
            self.values.insert(value.to_owned());
        }
    }

    /// Remembers `value` if `name` is a secret's name, and the password of any URL in it.
    pub fn add_named(&mut self, name: &str, value: &str) {
        if is_secret_name(name) {
            self.add(value);
        }
        if let Some(password) = url_password(value) {
            self.add(password);
        }
    }

    /// Remembers the content of a secret's file: all of it, and each line, because a key of several lines is seldom
    /// printed in one piece. Content that is not text is ignored.
    pub fn add_content(&mut self, content: &[u8]) {
        let Ok(text) = std::str::from_utf8(content) else { return };
        self.add(text.trim());
        for line in text.lines().map(str::trim) {
            self.add(line);
        }
    }

    /// `text` with every secret of at least six characters, and the password of every URL, replaced by [`HIDDEN`].
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut hidden = text.to_owned();
        let is_in = |value: &&String| {
            value.chars().nth(SHORTEST_HIDDEN_BY_VALUE - 1).is_some() && text.contains(value.as_str())
        };
        let mut longest_first: Vec<_> = self.values.iter().filter(is_in).collect();
        longest_first.sort_by_key(|value| std::cmp::Reverse(value.len()));
        for value in longest_first {
            hidden = hidden.replace(value.as_str(), HIDDEN);
        }
        hide_url_passwords(&hidden)
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

/// The password in the first `scheme://user:password@host` of `text`.
fn url_password(text: &str) -> Option<&str> {
    let (start, end) = url_password_span(text)?;
    Some(&text[start..end])
}

/// The span of the password in the first URL that has one: after `scheme://user:`, up to the last `@` before the
/// path.
fn url_password_span(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let start = from + at + 3;
        let authority_end = text[start..]
            .find(|c: char| c == '/' || c == '?' || c == '#' || c == '"' || c == '\'' || c.is_whitespace())
            .map_or(text.len(), |end| start + end);
        let authority = &text[start..authority_end];
        if let Some((userinfo, _host)) = authority.rsplit_once('@')
            && let Some((user, password)) = userinfo.split_once(':')
            && !password.is_empty()
        {
            let begin = start + user.len() + 1;
            return Some((begin, begin + password.len()));
        }
        from = start;
    }
    None
}

fn hide_url_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end)) = url_password_span(rest) {
        out.push_str(&rest[..start]);
        out.push_str(HIDDEN);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_secrets() {
        for name in [
            "POSTGRES_PASSWORD",
            "DB_PASS",
            "MY_API_KEY",
            "apiKey",
            "GITHUB_TOKEN",
            "aws.secret",
            "PGPASSWORD",
            "CREDENTIALS",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["POSTGRES_USER", "MONKEY", "POSTGRES_PASSWORD_FILE", "KEYBOARD", "COMPASS", "PATH"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn free_text_loses_secrets_and_url_passwords() {
        let mut secrets = Secrets::default();
        secrets.add_named("PASSWORD", "hunter2-hunter2");
        secrets.add_named("SHORT_KEY", "abc");
        secrets.add_named("URL", "postgres://u:p@ss-word@db:5432/x");
        assert_eq!(secrets.hide("login hunter2-hunter2 failed abc"), "login *** failed abc");
        assert_eq!(secrets.hide("tried p@ss-word"), "tried ***");
        assert_eq!(secrets.hide("amqp://me:short@h/ and http://h:80/"), "amqp://me:***@h/ and http://h:80/");
        assert_eq!(format!("{secrets:?}"), "Secrets(3 hidden)");
    }
}
