//! Builds that lack a Cargo feature: every weaker readiness check is reported in a warning.

use std::path::Path;

use expect_test::{Expect, expect};
use greenroom::StackBuilder;

const FILE: &str = "services:
  db: {image: postgres, ports: ['5432'], volumes: ['data:/var/lib/postgresql/data']}
  web: {image: nginx, ports: ['80']}
volumes: {data: {}}
";

fn builder(folder: &Path) -> StackBuilder {
    let file = folder.join("compose.yaml");
    std::fs::write(&file, FILE).unwrap();
    StackBuilder::new().file(file).keep_volume("data")
}

/// Compares how each service is probed, and the plan's warnings.
fn check(expected: Expect) {
    let folder = tempfile::tempdir().unwrap();
    let plan = builder(folder.path()).plan().unwrap();
    let asked = plan.services.iter().map(|planned| format!("{}: {}\n", planned.name, planned.readiness));
    let warnings = plan.warnings.iter().map(|warning| format!("{}\n", warning.message));
    expected.assert_eq(&asked.chain(warnings).collect::<String>());
}

#[cfg(all(feature = "postgres", feature = "http"))]
#[test]
fn with_all_features_there_is_nothing_to_tell() {
    check(expect![[r#"
        db: sql :5432 `SELECT 1`, then the image's healthcheck if it has one
        web: http GET :80/ answers below 500, then the image's healthcheck if it has one
    "#]]);
}

#[cfg(not(any(feature = "postgres", feature = "http")))]
#[test]
fn what_cannot_be_asked_is_told() {
    check(expect![[r#"
        db: tcp :5432 accepts and stays open, then the image's healthcheck if it has one
        web: tcp :80 accepts and stays open, then the image's healthcheck if it has one
        services.db: greenroom was built without the feature `postgres`: it counts as ready once port 5432 accepts a connection, not once it answers
        services.db: greenroom was built without the feature `postgres`: whether its data is on the kept volume `data` is not checked
        services.web: greenroom was built without the feature `http`: it counts as ready once port 80 accepts a connection, not once it answers
    "#]]);
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_probe_that_is_asked_for_and_cannot_be_asked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = builder(folder.path()).ready("db", greenroom::Probe::sql("SELECT 2")).plan();
    let error = refused.expect_err("the SQL probe is not compiled in");
    assert!(error.is_usage());
    let told = format!("{error:?}").replace(&folder.path().display().to_string(), "$DIR");
    expect![[r#"
        $DIR/compose.yaml:2:7: services.db: the probe needs the feature `postgres`, and greenroom was built without it
            2 |   db: {image: postgres, ports: ['5432'], volumes: ['data:/var/lib/postgresql/data']}
              |       ^

        hint: add `postgres` to the `features` of greenroom in Cargo.toml"#]].assert_eq(&told);
}
