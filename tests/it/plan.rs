//! Runs the planner on fixture files. A case is a file `fixtures/plan/<case>.yml`, with the expected plan next to it in
//! `<case>.plan.txt`, or the expected message in `<case>.error.txt`. `UPDATE_EXPECT=1 cargo test --test it` updates the
//! expected files.
//!
//! A case's builder options are in the same file, under `x-case`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::expect_file;
use greenroom::plan::Fate;
use greenroom::{Error, Plan, Probe, StackBuilder};
use serde::Deserialize;

/// The options under `x-case`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Request {
    keep: Vec<String>,
    fixed_ports: bool,
    timeout_seconds: Option<u64>,
    env_file: Option<String>,
    /// The HTTP path to probe, by service.
    ready: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "x-case", default)]
    request: Request,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plan")
}

fn plan(case: &Path) -> Result<Plan, Error> {
    let text = std::fs::read_to_string(case).unwrap();
    let Case { request } = serde_yaml::from_str(&text).unwrap();
    let mut builder = StackBuilder::new().working_directory(fixtures()).file(case).project_name("shop");
    builder = request.keep.iter().fold(builder, |builder, key| builder.keep_volume(key));
    builder = request
        .ready
        .iter()
        .fold(builder, |builder, (service, path)| builder.ready(service, Probe::http(path)));
    if request.fixed_ports {
        builder = builder.fixed_ports();
    }
    if let Some(seconds) = request.timeout_seconds {
        builder = builder.timeout(Duration::from_secs(seconds));
    }
    if let Some(file) = request.env_file {
        builder = builder.env_file(fixtures().join(file));
    }
    builder.plan()
}

/// The printed plan and its warnings. Placeholders replace the parts that depend on the run or the folder.
fn print(plan: &Plan) -> String {
    let mut text = plan.to_string();
    text.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}\n")));
    for kept in plan.volumes.iter().filter(|volume| volume.fate == Fate::Kept) {
        text = text.replace(&kept.name, &format!("greenroom_{}_FOLDER_{}", plan.project, kept.key));
    }
    text.replace(&plan.stack, &format!("greenroom-{}-ID", plan.project))
}

#[test]
fn every_fixture_gives_its_plan_or_its_message() {
    let files = std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "yml")).collect();
    cases.sort();
    for case in cases {
        let (text, end, other) = match plan(&case) {
            Ok(plan) => (print(&plan), "plan.txt", "error.txt"),
            Err(error) => {
                assert!(error.is_usage(), "{}: {error:?}", case.display());
                (format!("{error:?}\n"), "error.txt", "plan.txt")
            }
        };
        let other = case.with_extension(other);
        assert!(!other.exists(), "{}: was expected, and came {text}", other.display());
        assert!(!text.contains("hunter2"), "{}: shows a secret: {text}", case.display());
        let text = text.replace(&fixtures().display().to_string(), "$DIR");
        expect_file![case.with_extension(end)].assert_eq(&text);
    }
}

#[test]
fn two_plans_of_a_file_share_no_name_but_those_of_kept_volumes() {
    let [one, two] = [(), ()].map(|()| plan(&fixtures().join("volumes.yml")).unwrap());
    assert_ne!(one.stack, two.stack);
    for (one, two) in one.volumes.iter().zip(&two.volumes) {
        assert_eq!(one.name == two.name, one.fate != Fate::Fresh, "{}", one.name);
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    // The secret is in the environment, a label, a build argument, the command and the healthcheck. In the last two,
    // greenroom recognizes the secret by its value.
    const TEXT: &str = r#"services:
  db:
    build: {context: ., args: {NPM_TOKEN: hunter2-hunter2}}
    environment: {DB_PASSWORD: hunter2-hunter2}
    labels: {api.key: hunter2-hunter2}
    command: [serve, --password, hunter2-hunter2]
    healthcheck: {test: [CMD, ask, --password, hunter2-hunter2]}
    secrets: [password]
    configs: [settings]
    post_start: [{command: [seed, hunter2-hunter2], environment: {A_TOKEN: hunter2-hunter2}}]
    pre_stop: [{command: [drain, hunter2-hunter2]}]
secrets: {password: {environment: DB_PASSWORD}}
configs: {settings: {content: "password = hunter2-hunter2"}}
"#;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("compose.yaml");
    std::fs::write(&file, TEXT).unwrap();
    let builder = StackBuilder::new()
        .file(&file)
        .env("DB_PASSWORD", "hunter2-hunter2")
        .ready("db", Probe::exec(["ask", "hunter2-hunter2"]));
    let (project, plan) = (builder.read().unwrap(), builder.plan().unwrap());
    let planned = plan.service("db").unwrap();
    let mut request = greenroom::compose::Request::in_directory(folder.path());
    request.environment = [("DB_PASSWORD".to_owned(), "hunter2-hunter2".to_owned())].into();
    let sources = (&project.secret_sources, &project.config_sources);
    let hooks = (&planned.service.post_start, &planned.files);
    let all = format!(
        "{builder:?} {project:?} {:?} {plan:?} {planned:?} {request:?} {sources:?} {hooks:?}",
        project.services
    );
    assert!(all.contains("db") && !all.contains("hunter2"), "{all}");
}
