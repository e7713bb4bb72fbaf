//! `security_opt` as the engine expects it: with the content of a seccomp profile, not its file name.

use std::path::Path;

use crate::engine::Security;

/// Reads the profiles that the options name, relative to the project's folder, as Compose does.
pub(in crate::stack) fn read(options: &[String], directory: &Path) -> Result<Security, String> {
    let mut read = Security::default();
    for option in options {
        if option == "systempaths=unconfined" {
            read.shows_system_paths = true;
            continue;
        }
        // The older notation has a colon.
        let (name, value) = option.split_once('=').or_else(|| option.split_once(':')).unwrap_or((option, ""));
        match (name, value) {
            ("seccomp", "unconfined" | "builtin") => read.options.push(option.clone()),
            ("seccomp", file) => read.options.push(format!("seccomp={}", profile(&directory.join(file))?)),
            _ => read.options.push(option.clone()),
        }
    }
    Ok(read)
}

fn profile(file: &Path) -> Result<serde_json::Value, String> {
    let failed = |error: &dyn std::fmt::Display| {
        format!("cannot read the seccomp profile {}: {error}", file.display())
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profiles_content_is_sent_and_other_options_are_unchanged() {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        std::fs::write(folder.path().join("p.json"), "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\"\n}")
            .expect("it can be written to");
        let options =
            ["no-new-privileges:true", "seccomp:./p.json", "systempaths=unconfined", "seccomp=unconfined"];
        let read = read(&options.map(str::to_owned), folder.path()).expect("the profile is there");
        assert_eq!(
            read.options,
            ["no-new-privileges:true", r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW"}"#, "seccomp=unconfined"]
        );
        assert!(read.shows_system_paths);
    }

    #[test]
    fn a_missing_profile_is_named() {
        let error = read(&["seccomp=p.json".to_owned()], Path::new("/nowhere")).expect_err("it is not there");
        assert!(error.starts_with("cannot read the seccomp profile /nowhere/p.json: "), "{error}");
    }
}
