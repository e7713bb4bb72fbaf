//! `$NAME` and `${NAME…}` in a text (Compose specification, "Interpolation").

/// What can be wrong with a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// A part that looks like a substitution and is not one.
    Invalid(String),
    /// `${NAME:?message}` and the variable has no value.
    Missing { name: String, message: String, is_set: bool },
    /// Substitutions nested too deeply.
    TooDeep,
    /// Variables whose values are too long together.
    TooLong,
}

/// How deep defaults may nest; each level is a recursion.
const DEEPEST: usize = 32;

/// How many bytes variables may add to one text: more than Linux allows in one variable, but not enough to repeat a
/// long variable many times.
const MOST_PUT_IN: usize = 1024 * 1024;

/// A source of variables, which is also told which ones are missing.
pub(crate) trait Lookup {
    fn value(&mut self, name: &str) -> Option<String>;
    fn missed(&mut self, name: &str);
}

/// Replaces variables by their values.
pub(crate) fn substitute(template: &str, lookup: &mut dyn Lookup) -> Result<String, TemplateError> {
    Substitution { lookup, depth: 0, left: MOST_PUT_IN }.text(template)
}

struct Substitution<'l> {
    lookup: &'l mut dyn Lookup,
    depth: usize,
    /// How many bytes variables may still add, including those in unused defaults.
    left: usize,
}

impl Substitution<'_> {
    fn text(&mut self, template: &str) -> Result<String, TemplateError> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (inside, after) = braced(after).ok_or_else(|| invalid(template, rest))?;
                out.push_str(&self.expand(inside, template, rest)?);
                rest = after;
            } else {
                let name = leading_name(rest);
                if name.is_empty() {
                    out.push('$');
                } else {
                    out.push_str(&self.value_or_empty(name)?);
                    rest = &rest[name.len()..];
                }
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Expands the text between braces. `template` and `rest` locate it for a message.
    fn expand(&mut self, inside: &str, template: &str, rest: &str) -> Result<String, TemplateError> {
        let name = leading_name(inside);
        let operation = &inside[name.len()..];
        if name.is_empty() {
            return Err(invalid(template, rest));
        }
        if operation.is_empty() {
            return self.value_or_empty(name);
        }
        let (empty_counts, operation) = match operation.strip_prefix(':') {
            Some(operation) => (false, operation),
            None => (true, operation),
        };
        let Some(operator @ ('-' | '?' | '+')) = operation.chars().next() else {
            return Err(invalid(template, rest));
        };
        // Compose's pattern does not match across lines.
        if operation.contains('\n') {
            return Err(invalid(template, rest));
        }
        let word = self.nested(&operation[1..])?;
        let value = self.value(name)?;
        let is_set = value.is_some();
        let value = value.filter(|value| empty_counts || !value.is_empty());
        match (operator, value) {
            ('-', value) => Ok(value.unwrap_or(word)),
            ('+', value) => Ok(if value.is_some() { word } else { String::new() }),
            (_, Some(value)) => Ok(value),
            (_, None) => Err(TemplateError::Missing { name: name.to_owned(), message: word, is_set }),
        }
    }

    fn nested(&mut self, word: &str) -> Result<String, TemplateError> {
        if self.depth >= DEEPEST {
            return Err(TemplateError::TooDeep);
        }
        self.depth += 1;
        let text = self.text(word)?;
        self.depth -= 1;
        Ok(text)
    }

    fn value_or_empty(&mut self, name: &str) -> Result<String, TemplateError> {
        let value = self.value(name)?;
        Ok(value.unwrap_or_else(|| {
            self.lookup.missed(name);
            String::new()
        }))
    }

    fn value(&mut self, name: &str) -> Result<Option<String>, TemplateError> {
        let value = self.lookup.value(name);
        let length = value.as_ref().map_or(0, String::len);
        self.left = self.left.checked_sub(length).ok_or(TemplateError::TooLong)?;
        Ok(value)
    }
}

/// Splits what follows `${` at the brace that closes it; braces inside must be balanced.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut open = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    // If an opening brace is unmatched, Compose takes everything up to the last closing one.
    let last = text.rfind('}')?;
    Some((&text[..last], &text[last + 1..]))
}

/// `[_a-zA-Z][_a-zA-Z0-9]*`
pub(crate) fn leading_name(text: &str) -> &str {
    let end =
        text.bytes().position(|byte| !(byte == b'_' || byte.is_ascii_alphanumeric())).unwrap_or(text.len());
    if text.starts_with(|first: char| first.is_ascii_digit()) { "" } else { &text[..end] }
}

fn invalid(template: &str, rest: &str) -> TemplateError {
    let start = template.len() - rest.len() - 1;
    let part = &template[start..];
    let part = part.lines().next().unwrap_or_default();
    let end = part.find('}').map_or(part.len(), |at| at + 1);
    TemplateError::Invalid(part[..end].to_owned())
}

/// The default that an assignment of the shell was probably meant as: `${NAME:-text}` for `${NAME:=text}`.
pub(crate) fn meant_as_default(part: &str) -> Option<String> {
    let inside = part.strip_prefix("${")?;
    let name = leading_name(inside);
    let operation = &inside[name.len()..];
    let colon = if operation.starts_with(':') { ":" } else { "" };
    let word = operation[colon.len()..].strip_prefix('=').filter(|_| !name.is_empty())?;
    Some(format!("${{{name}{colon}-{word}"))
}

/// "the variable `NAME` is required and not set: MESSAGE"
pub(crate) fn missing(name: &str, message: &str, is_set: bool) -> String {
    let state = if is_set { "empty" } else { "not set" };
    let colon = if message.is_empty() { "" } else { ": " };
    format!("the variable `{name}` is required and {state}{colon}{message}")
}
