//! Unique names, and the labels by which greenroom recognises what it created.

use std::path::Path;

use sha2::{Digest, Sha256};

/// The labels on everything greenroom creates.
pub(crate) mod label {
    /// The stack's name. Kept volumes do not have this label, because they outlive the stack.
    pub(crate) const STACK: &str = "greenroom.stack";
    /// The name of the object that carries the label. A container of an image that was committed from one of ours
    /// inherits all labels, but has another name.
    pub(crate) const OBJECT: &str = "greenroom.object";
    pub(crate) const PROJECT: &str = "greenroom.project";
    /// The project's folder.
    pub(crate) const DIRECTORY: &str = "greenroom.directory";
    pub(crate) const SERVICE: &str = "greenroom.service";
    /// A hash of what the stack was planned from: the same file and options give the same hash.
    pub(crate) const PLAN: &str = "greenroom.plan";
    /// How long the stack lives: `test`, `process`, `run` or `keep`.
    pub(crate) const LIFETIME: &str = "greenroom.lifetime";
    /// The stack's lease, and the state folder that holds the lease.
    pub(crate) const LEASE: &str = "greenroom.lease";
    pub(crate) const STATE: &str = "greenroom.state";
    /// Random: distinguishes the lease from all others of the same id.
    pub(crate) const NONCE: &str = "greenroom.nonce";
    /// A shared stack's key, a hash.
    pub(crate) const KEY: &str = "greenroom.key";
    /// The user's numeric id.
    pub(crate) const USER: &str = "greenroom.user";
    /// The machine or container, and its boot: the process ids in the next two labels are valid only there.
    pub(crate) const HOST: &str = "greenroom.host";
    pub(crate) const BOOT: &str = "greenroom.boot";
    /// The process that created it.
    pub(crate) const OWNER: &str = "greenroom.owner";
    /// The test runner that it belongs to.
    pub(crate) const RUNNER: &str = "greenroom.runner";
    /// When the stack was created, in seconds since 1970.
    pub(crate) const SINCE: &str = "greenroom.since";
    /// On an image that greenroom built: a hash of what it was built from, and the name it was built as.
    pub(crate) const BUILD: &str = "greenroom.build";
    /// `fresh`, `kept`, or `claim` for a claim on a kept volume.
    pub(crate) const VOLUME: &str = "greenroom.volume";
    /// The volume's key in the compose file.
    pub(crate) const VOLUME_KEY: &str = "greenroom.volume.key";
    /// On a claim: tells its claimant from all others.
    pub(crate) const CLAIM: &str = "greenroom.claim";

    // Compose's own labels, so that `docker compose -p NAME ps|logs` work on a greenroom stack.
    pub(crate) const COMPOSE_PROJECT: &str = "com.docker.compose.project";
    pub(crate) const COMPOSE_SERVICE: &str = "com.docker.compose.service";
    pub(crate) const COMPOSE_NUMBER: &str = "com.docker.compose.container-number";
    pub(crate) const COMPOSE_CONFIG_HASH: &str = "com.docker.compose.config-hash";
    pub(crate) const COMPOSE_ONEOFF: &str = "com.docker.compose.oneoff";
    pub(crate) const COMPOSE_VOLUME: &str = "com.docker.compose.volume";
    pub(crate) const COMPOSE_NETWORK: &str = "com.docker.compose.network";
}

/// The longest word that is read from a label: as long as a file name may be.
const LONGEST_WORD: usize = 255;

/// Whether `text` has the form of the names that greenroom makes: letters, digits, `-`, `_` and `.`, with at least one
/// letter or digit. Whatever is read from a label must have this form before it becomes part of a path.
pub(crate) fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= LONGEST_WORD
        && text.bytes().all(is_plain)
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// How many hexadecimal digits of a hash are enough to distinguish the folders and contents on one machine.
const SHORT: usize = 12;

/// A stack's name, from the project's name and a unique id.
pub(super) fn stack(project: &str, id: &str) -> String {
    format!("greenroom-{project}-{id}")
}

/// The unique id in the name of a stack.
pub(crate) fn id_of_stack<'a>(stack: &'a str, project: &str) -> &'a str {
    stack.strip_prefix(&format!("greenroom-{project}-")).unwrap_or(stack)
}

/// The name of a service's container on the engine, numbered as Compose does.
pub(super) fn container(stack: &str, service: &str, number: u32) -> String {
    format!("{stack}-{service}-{number}")
}

/// The name of a replica in its stack: `web`, and `web#2` for the second. Service names contain no `#`.
pub(crate) fn replica(service: &str, number: u32) -> String {
    if number == 1 { service.to_owned() } else { format!("{service}#{number}") }
}

/// The stable name of a kept volume. It includes the folder's hash, so that checkouts of a project share no data.
pub(super) fn kept_volume(project: &str, directory: &Path, key: &str) -> String {
    format!("greenroom_{project}_{}_{key}", &hash(directory.to_string_lossy().as_bytes())[..8])
}

/// A short, stable fingerprint of `content`.
pub(crate) fn hash(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().take(SHORT / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_cannot_lead_out_of_a_folder() {
        for word in ["greenroom-shop-7f3a", "process-12-345", ".hidden", "a.b_c"] {
            assert!(is_word(word), "{word}");
        }
        let long = "a".repeat(LONGEST_WORD + 1);
        for other in ["", ".", "..", "../victim", "a/b", "/etc", "a b", "a\0", "ä", "a\\b", &long] {
            assert!(!is_word(other), "{other:?}");
        }
    }
}
