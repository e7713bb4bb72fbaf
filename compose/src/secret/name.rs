//! Which variables hold secrets, by their names.

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
