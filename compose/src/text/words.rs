//! Splits a command line into words as Compose does: it is not a shell, and stops at the first unquoted `;`, `&`,
//! `|`, `<` or `>`.

/// The words of a command line; `Err` says what is wrong with it.
pub(crate) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut in_word = false;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut back_quoted = false;
    let mut dollar_quoted = false;
    for c in line.chars() {
        if escaped {
            // Unlike in a shell, a backslash at the end of a line keeps the line's end.
            word.push(c);
            in_word = true;
            escaped = false;
            continue;
        }
        if c == '\\' && quote != Some('\'') {
            escaped = true;
            continue;
        }
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            if quote.is_some() || back_quoted || dollar_quoted {
                word.push(c);
            } else if in_word {
                words.push(std::mem::take(&mut word));
                in_word = false;
            }
            continue;
        }
        match c {
            '`' if quote.is_none() && !dollar_quoted => back_quoted = !back_quoted,
            ')' if quote.is_none() && !back_quoted => dollar_quoted = !dollar_quoted,
            '(' if quote.is_none() && !back_quoted => {
                if dollar_quoted || !word.ends_with('$') {
                    return Err("contains an unquoted `(`");
                }
                dollar_quoted = true;
            }
            '"' | '\'' if quote == Some(c) => {
                quote = None;
                in_word = true;
                continue;
            }
            '"' | '\'' if quote.is_none() && !dollar_quoted => {
                quote = Some(c);
                in_word = true;
                continue;
            }
            ';' | '&' | '|' | '<' | '>' if quote.is_none() && !back_quoted && !dollar_quoted => {
                // `2>&1`: a word that begins with a digit is part of the redirection after it.
                if c == '>' && word.starts_with(|first: char| first.is_ascii_digit()) {
                    in_word = false;
                }
                break;
            }
            _ => {}
        }
        in_word = true;
        word.push(c);
    }
    if in_word && quote.is_none() && !escaped && !back_quoted && !dollar_quoted {
        words.push(word);
    }
    if quote.is_some() || escaped || back_quoted || dollar_quoted {
        return Err("has an unclosed quote");
    }
    Ok(words)
}
