//! Unknown names on the command line.

use greenroom::compose::nearest;

use crate::failure::Failure;

/// The usage error for a `name` that is not among `there_are`. The hint suggests the nearest name and lists them all.
pub(crate) fn unknown(what: &str, name: &str, there_are: &[String]) -> Failure {
    let hint = match there_are {
        [] => format!("there are no {what}s"),
        _ => {
            let near = nearest(name, there_are.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`? "))
                .unwrap_or_default();
            format!("{near}{what}s are {}", list(there_are))
        }
    };
    Failure::Usage(format!("there is no {what} `{name}`\n\nhint: {hint}"))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
