//! Names in messages: the one that was probably meant, and all there are.

/// The cost of a comparison is the product of the lengths. Nobody mistypes a name that is longer than this by one
/// letter, and nobody waits until a name is compared with more.
const LONGEST_COMPARED: usize = 100;
const MOST_COMPARED: usize = 1_000;

/// How many names a message lists.
const MOST_LISTED: usize = 50;

/// The one of `candidates` that `name` was probably meant to be: for "did you mean".
///
/// At most a third of the letters of the shorter name may differ, and always one; never all of them, so that `a` is
/// not suggested for `b`. A transposition counts as one difference, and case as none.
///
/// ```
/// use greenroom_compose::nearest;
///
/// assert_eq!(nearest("databse", ["database", "cache"]), Some("database"));
/// assert_eq!(nearest("DB", ["db"]), Some("db"));
/// assert_eq!(nearest("queue", ["database", "cache"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_short = |name: &str| name.len() <= LONGEST_COMPARED;
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .take(if is_short(name) { MOST_COMPARED } else { 0 })
        .filter(|candidate| is_short(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let shorter = candidate.len().min(name.len());
            *distance <= 1.max(shorter / 3) && *distance < shorter
        })
        .min()
        .map(|(_, candidate)| candidate)
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
