//! The syntax of `.env` and `env_file` (Compose specification, "env_file format"), as Compose reads it.

use indexmap::IndexMap;

use super::template::{self, Lookup, TemplateError};

/// What is wrong, and at which line (from 1).
#[derive(Debug)]
pub(crate) struct DotenvError {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Adds the variables of a file to those of the files before it. `outer` holds the variables that are set outside of
/// the files; inside values they take precedence.
pub(crate) fn parse(
    text: &str,
    variables: &mut Assignments,
    outer: &mut dyn Lookup,
) -> Result<(), DotenvError> {
    let mut file = File { rest: text, line: 1, variables };
    while file.skip_to_statement() {
        file.statement(outer)?;
    }
    Ok(())
}

/// The variables that files set, each with the file and line that set it last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assignments {
    pub(crate) values: IndexMap<String, Assignment>,
    file: u32,
    /// The total length of all values, including replaced ones.
    bytes: usize,
}

/// The limit for that total: enough for the largest file plus variables in its values.
const MOST_BYTES: usize = 32 * 1024 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) value: String,
    pub(crate) file: u32,
    pub(crate) line: usize,
}

impl Assignments {
    /// Attributes the assignments that follow to this file.
    pub(crate) fn begin(&mut self, file: u32) {
        self.file = file;
    }

    fn set(&mut self, name: &str, value: String, line: usize) -> Result<(), DotenvError> {
        self.bytes += value.len();
        if self.bytes > MOST_BYTES {
            let message = format!("the values are longer than {} MB together", MOST_BYTES / 1024 / 1024);
            return Err(DotenvError { line, message });
        }
        self.values.insert(name.to_owned(), Assignment { value, file: self.file, line });
        Ok(())
    }
}

/// Parses `format: raw`, where everything after the `=` is the value.
pub(crate) fn parse_raw(
    text: &str,
    variables: &mut Assignments,
    outer: &mut dyn Lookup,
) -> Result<(), DotenvError> {
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (line, outer.value(line)),
        };
        if name.is_empty() || name.contains([' ', '\t']) {
            let message = if name.is_empty() {
                "a variable has no name"
            } else {
                "a variable name can't contain spaces"
            };
            return Err(DotenvError { line: index + 1, message: message.to_owned() });
        }
        if let Some(value) = value {
            variables.set(name, value, index + 1)?;
        }
    }
    Ok(())
}

struct File<'a> {
    rest: &'a str,
    line: usize,
    variables: &'a mut Assignments,
}

impl File<'_> {
    /// Skips blank lines and comments; `false` at the end of the file.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let trimmed = self.rest.trim_start();
            self.advance(self.rest.len() - trimmed.len());
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.line += self.rest[..bytes].matches('\n').count();
        self.rest = &self.rest[bytes..];
    }

    fn fault(&self, message: impl Into<String>) -> DotenvError {
        DotenvError { line: self.line, message: message.into() }
    }

    fn statement(&mut self, outer: &mut dyn Lookup) -> Result<(), DotenvError> {
        if let Some(after) = self.rest.strip_prefix("export")
            && after.starts_with(is_blank)
        {
            self.rest = after.trim_start_matches(is_blank);
        }
        let line = self.line;
        let (name, has_value) = self.name()?;
        if !has_value {
            if let Some(value) = outer.value(&name) {
                self.variables.set(&name, value, line)?;
            }
            return Ok(());
        }
        let value = self.value(outer)?;
        self.variables.set(&name, value, line)
    }

    /// The name before `=` or `:`; a name alone on its line has no value.
    fn name(&mut self) -> Result<(String, bool), DotenvError> {
        // Compose takes a name alone at the very end of the file for the value of a variable without a name.
        let mut end = None;
        let mut has_value = false;
        for (at, c) in self.rest.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    end = Some(at);
                    has_value = c != '\n';
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if c.is_alphanumeric() || is_blank(c) => {}
                c => {
                    // The text is not shown: it may be the second line of a secret.
                    return Err(self.fault(format!("unexpected character `{c}` in a variable name")));
                }
            }
        }
        let Some(end) = end else { return Ok((String::new(), true)) };
        let name = self.rest[..end].trim_end().to_owned();
        if name.contains(' ') {
            return Err(self.fault("a variable name can't contain spaces"));
        }
        let skipped = if has_value { end + 1 } else { end };
        self.advance(skipped);
        if has_value {
            self.rest = self.rest.trim_start_matches(is_blank);
        }
        Ok((name, has_value))
    }

    fn value(&mut self, outer: &mut dyn Lookup) -> Result<String, DotenvError> {
        let Some(quote @ ('"' | '\'')) = self.rest.chars().next() else {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let value = without_comment(&self.rest[..end]).trim_end();
            let value = self.expand(value, outer)?;
            self.advance(end);
            return Ok(value);
        };
        let body = &self.rest[1..];
        let mut escaped = false;
        let mut close = None;
        for (at, c) in body.char_indices() {
            if c == quote && !escaped {
                close = Some(at);
                break;
            }
            escaped = c == '\\' && !escaped;
        }
        let Some(close) = close else {
            return Err(self.fault("a quoted value is never closed"));
        };
        let mut value = body[..close].to_owned();
        value = match quote {
            '"' => self.expand(&unescape(&value), outer)?,
            _ => value.replace("\\'", "'"),
        };
        self.advance(close + 2);
        Ok(value)
    }

    fn expand(&self, value: &str, outer: &mut dyn Lookup) -> Result<String, DotenvError> {
        let mut lookup = Inside { outer, variables: self.variables };
        template::substitute(value, &mut lookup).map_err(|error| {
            self.fault(match error {
                // The text after the `$` may be part of a secret.
                TemplateError::Invalid(_) => {
                    "a `${` does not start a valid variable; write `$$` for a literal `$`, or use single quotes"
                        .to_owned()
                }
                TemplateError::Missing { name, message, is_set } => {
                    template::missing(&name, &message, is_set)
                }
                TemplateError::TooDeep => "variables are nested too deeply".to_owned(),
                TemplateError::TooLong => "variables make this value too long".to_owned(),
            })
        })
    }
}

/// Inside a file, variables from outside take precedence over those set earlier in the file.
struct Inside<'a> {
    outer: &'a mut dyn Lookup,
    variables: &'a Assignments,
}

impl Lookup for Inside<'_> {
    fn value(&mut self, name: &str) -> Option<String> {
        self.outer.value(name).or_else(|| Some(self.variables.values.get(name)?.value.clone()))
    }

    fn missed(&mut self, name: &str) {
        self.outer.missed(name);
    }
}

/// A `#` starts a comment only after a space, not after a tab.
fn without_comment(line: &str) -> &str {
    line.find(" #").map_or(line, |at| &line[..at])
}

/// White space other than a line feed.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// Replaces the escapes of a double-quoted value. `\$` is left for interpolation; anything that is no escape stays.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (text, length) = match after.chars().next() {
            Some('a') => ("\u{7}", 1),
            Some('b') => ("\u{8}", 1),
            Some('f') => ("\u{c}", 1),
            Some('n') => ("\n", 1),
            Some('r') => ("\r", 1),
            Some('t') => ("\t", 1),
            Some('v') => ("\u{b}", 1),
            Some('$') => ("$$", 1),
            Some('"') => ("\"", 1),
            Some('\\') => ("\\", 1),
            _ => ("\\", 0),
        };
        out.push_str(text);
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}
