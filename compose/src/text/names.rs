//! Names in messages: the one that was probably meant, and all there are.

/// Comparing names takes time by the product of their lengths: no slip of the pen is in a name that is longer, and
/// nobody waits until a name is compared with more.
const LONGEST_COMPARED: usize = 100;
const MOST_COMPARED: usize = 1_000;

/// How many names a message lists.
const MOST_LISTED: usize = 50;

/// The known name that `name` most probably stands for.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let is_short = |name: &str| name.len() <= LONGEST_COMPARED;
    known
        .take(if is_short(name) { MOST_COMPARED } else { 0 })
        .filter(|known| is_short(known))
        .map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase()), known))
        .filter(|(distance, known)| {
            let shorter = known.len().min(name.len());
            *distance <= 1.max(shorter / 3) && *distance < shorter
        })
        .min()
        .map(|(_, known)| known)
}

/// "`a`, `b` and `c`"
pub(crate) fn list<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let mut listed: Vec<String> = names.by_ref().take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    let more = names.count();
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    match listed.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => listed.concat(),
    }
}
