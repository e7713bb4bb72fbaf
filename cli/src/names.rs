//! Names on the command line that nothing has.

use crate::failure::Failure;

/// `name` is not among `there_are`: wrong usage, told with the nearest and with all there is.
pub(crate) fn unknown(what: &str, name: &str, there_are: &[String]) -> Failure {
    let hint = match there_are {
        [] => format!("there are no {what}s"),
        _ => {
            let nearest =
                nearest(name, there_are).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            format!("{nearest}{what}s are {}", list(there_are))
        }
    };
    Failure::Usage(format!("there is no {what} `{name}`\n\nhint: {hint}"))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The name that was probably meant: at most every third letter is another.
fn nearest<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let (distance, near) =
        names.iter().map(|other| (strsim::damerau_levenshtein(name, other), other)).min()?;
    (distance * 3 <= name.len().max(3)).then_some(near)
}
