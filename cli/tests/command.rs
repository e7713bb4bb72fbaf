//! Tests of the command that need no container engine.
//!
//! `UPDATE_EXPECT=1 cargo test -p greenroom-cli` updates the expected output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect, expect_file};
use serde_json::Value;

const SHOP: &str = "\
services:
  api:
    image: example/api:1
    ports: ['8080:80']
    environment:
      API_TOKEN: ${TOKEN:-a-secret-token}
    depends_on: [db]
  db:
    image: example/db:1
    volumes: ['db-data:/data']
volumes:
  db-data:
";

/// A folder with files; the command runs there.
struct Folder(PathBuf);

impl Folder {
    /// `name` is the name of the test, so that no two tests share a folder.
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        Folder(folder)
    }

    fn shop(name: &str) -> Folder {
        Folder::new(name, &[("docker-compose.yml", SHOP)])
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .env_clear()
            // Make sure that no test uses a real engine.
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .env("GREENROOM_STATE_DIR", self.0.join("state"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run { output: self.command(arguments).output().unwrap(), folder: self.0.display().to_string() }
    }
}

struct Run {
    output: Output,
    folder: String,
}

impl Run {
    /// Compares the exit code, then standard output, then standard error.
    fn check(&self, expected: &Expect) {
        expected.assert_eq(&format!("exit {}\n{}{}", self.code(), self.stdout(), self.stderr()));
    }

    fn code(&self) -> i32 {
        self.output.status.code().expect("the command exits by itself")
    }

    fn stdout(&self) -> String {
        self.text(&self.output.stdout)
    }

    fn stderr(&self) -> String {
        self.text(&self.output.stderr)
    }

    /// The error in the JSON result of a command that exits with `code`.
    fn error(&self, code: i32) -> Value {
        assert_eq!(self.code(), code, "{}{}", self.stdout(), self.stderr());
        let result: Value = serde_json::from_str(&self.stdout()).unwrap();
        result["error"].clone()
    }

    fn text(&self, bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap().replace(&self.folder, "FOLDER")
    }
}

#[test]
fn help_tells_what_there_is() {
    let folder = Folder::new("help", &[]);
    let help = |arguments: &[&str]| {
        let run = folder.run(arguments);
        assert_eq!((run.code(), run.stderr().as_str()), (0, ""));
        run.stdout()
    };
    expect_file!["help/greenroom.txt"].assert_eq(&help(&["--help"]));
    expect_file!["help/down.txt"].assert_eq(&help(&["down", "--help"]));
    expect_file!["help/logs.txt"].assert_eq(&help(&["logs", "--help"]));
    expect_file!["help/volumes.txt"].assert_eq(&help(&["volumes", "--help"]));
    expect_file!["help/volumes-rm.txt"].assert_eq(&help(&["volumes", "rm", "--help"]));
}

#[test]
fn an_unknown_subcommand_is_wrong_usage() {
    Folder::new("unknown-subcommand", &[]).run(&["upp"]).check(&expect![[r#"
        exit 2
        error: unrecognized subcommand 'upp'

          tip: a similar subcommand exists: 'up'

        Usage: greenroom [OPTIONS] <COMMAND>

        For more information, try '--help'.
    "#]]);
}

#[test]
fn a_timeout_is_a_compose_duration() {
    let folder = Folder::shop("timeout");
    let run = folder.run(&["up", "--timeout", "soon"]);
    assert_eq!(run.code(), 2);
    assert!(run.stderr().contains("`soon` is not a duration"), "{}", run.stderr());
    assert!(folder.run(&["plan", "--timeout", "1m30s"]).stdout().contains("within 90s"));
}

#[test]
fn a_format_that_the_subcommand_cannot_write_is_wrong_usage() {
    let folder = Folder::shop("format");
    folder.run(&["ps", "--format", "yaml"]).check(&expect![[r#"
        exit 2
        error: this command does not support the format yaml

        hint: `--format` may be text or json
    "#]]);
    assert_eq!(folder.run(&["config", "--format", "text"]).code(), 2);
}

#[test]
fn a_subcommand_without_formats_does_not_offer_them() {
    let folder = Folder::shop("no-format");
    for command in ["plan", "logs"] {
        let help = folder.run(&[command, "--help"]).stdout();
        assert!(!help.contains("--format"), "{help}");
        for arguments in [[command, "--format", "json"], ["--format", "json", command]] {
            let error = folder.run(&arguments).error(2);
            assert_eq!(error["kind"], "usage", "{error}");
        }
    }
}

#[test]
fn a_failure_is_json_where_json_is_asked_for() {
    let text = "services:\n  db:\n    imagee: example/db:1\n    user: 5\n";
    let folder = Folder::new("json-failure", &[("docker-compose.yml", text)]);
    let ps = ["ps", "-f", "docker-compose.yml"];
    for arguments in [&["smoke"][..], &["up"], &["down"], &ps, &["config"]] {
        let error = folder.run(&[arguments, &["--format", "json"]].concat()).error(2);
        expect![[r#"
            {
              "kind": "usage",
              "message": "docker-compose.yml:3:5: services.db: unknown key `imagee`\n    3 |     imagee: example/db:1\n      |     ^\n\nhint: did you mean `image`?\n\ndocker-compose.yml:4:11: services.db.user: must be a string, not a number\n    4 |     user: 5\n      |           ^\n\nhint: write it in quotes",
              "hint": null,
              "problems": [
                {
                  "file": "docker-compose.yml",
                  "line": 3,
                  "column": 5,
                  "path": "services.db",
                  "message": "unknown key `imagee`",
                  "hint": "did you mean `image`?"
                },
                {
                  "file": "docker-compose.yml",
                  "line": 4,
                  "column": 11,
                  "path": "services.db.user",
                  "message": "must be a string, not a number",
                  "hint": "write it in quotes"
                }
              ],
              "evidence": null
            }"#]]
        .assert_eq(&format!("{error:#}"));
    }
    let shop = Folder::shop("json-failure-shop");
    let without_engine = [
        &["smoke"][..],
        &["up"],
        &["down"],
        &["ps"],
        &["prune"],
        &["volumes", "ls"],
        &["volumes", "rm", "data"],
    ];
    for arguments in without_engine {
        let error = shop.run(&[arguments, &["--format=json"]].concat()).error(3);
        assert_eq!(error["kind"], "engine-unavailable", "{error}");
        assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("DOCKER_HOST")), "{error}");
    }
    let error = shop.run(&["up", "--format", "json", "--timeout", "soon"]).error(2);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("`soon`")), "{error}");
}

#[test]
fn a_project_is_listed_from_anywhere() {
    // Without an engine, nothing else can be wrong: no compose file is needed.
    let run = Folder::new("ps-project", &[]).run(&["ps", "-p", "shop"]);
    assert_eq!(run.code(), 3, "{}", run.stderr());
}

#[test]
fn f_of_logs_names_a_file() {
    Folder::shop("logs-f").run(&["logs", "-f", "cache"]).check(&expect![[r#"
        exit 2
        error: there is no compose file cache

        hint: `-f` is short for `--file` in every command; `greenroom logs cache` shows the log of the service `cache` as it is now, and `docker logs -f CONTAINER` follows one
    "#]]);
}

#[test]
fn an_override_file_that_is_not_read_is_told() {
    let over = "services: {db: {image: 'example/db:2'}}\n";
    let folder = Folder::shop("override");
    fs::write(folder.0.join("docker-compose.override.yml"), over).unwrap();
    let found = folder.run(&["plan"]);
    assert_eq!((found.stdout().contains("image example/db:2"), found.stderr().as_str()), (true, ""));
    let named = folder.run(&["plan", "-f", "docker-compose.yml"]);
    assert!(named.stdout().contains("image example/db:1"), "{}", named.stdout());
    expect![[r#"
        warning: docker-compose.override.yml is not read, because docker-compose.yml is named: name both files, or none (no `-f`, `StackBuilder::new()`)
    "#]].assert_eq(&named.stderr());
    let both = folder.run(&["plan", "-f", "docker-compose.yml", "-f", "docker-compose.override.yml"]);
    assert_eq!((both.stdout().contains("image example/db:2"), both.stderr().as_str()), (true, ""));
}

#[test]
fn a_service_that_the_file_does_not_have_is_wrong_usage() {
    Folder::shop("unknown-service").run(&["logs", "apo"]).check(&expect![[r#"
        exit 2
        error: there is no service `apo`

        hint: did you mean `api`? services are `api`, `db`
    "#]]);
}

#[test]
fn a_volume_that_the_file_does_not_have_is_wrong_usage() {
    Folder::shop("unknown-volume").run(&["smoke", "--keep-volume", "data"]).check(&expect![[r#"
        exit 2
        error: there is no volume `data`

        hint: defined volumes are `db-data`
    "#]]);
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let folder = Folder::new("missing-file", &[]);
    folder.run(&["up", "-f", "other.yml"]).check(&expect![[r#"
        exit 2
        error: can't read other.yml: there is no such file
    "#]]);
}

#[test]
fn a_broken_file_is_told_with_the_place() {
    let text = "services:\n  db:\n    imagee: example/db:1\n";
    let folder = Folder::new("broken-file", &[("docker-compose.yml", text)]);
    let ps = ["ps", "-f", "docker-compose.yml"];
    for arguments in [&["smoke"][..], &["up"], &["down"], &ps, &["logs"], &["plan"], &["config"]] {
        let run = folder.run(arguments);
        assert_eq!((run.code(), run.stdout().as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr().starts_with("error: docker-compose.yml:3:5: "), "{}", run.stderr());
    }
}

#[test]
fn no_engine_is_told_with_what_to_do() {
    let folder = Folder::shop("no-engine");
    folder.run(&["up"]).check(&expect![[r#"
        exit 3
        error: no container engine answers at unix:///nowhere/docker.sock: failed to initialize a docker client: Socket not found: /nowhere/docker.sock

        hint: DOCKER_HOST is set: check the address, or unset it to use the default socket
    "#]]);
    for arguments in [&["smoke"][..], &["down"], &["ps"], &["prune"], &["logs"], &["volumes", "ls"]] {
        assert_eq!(folder.run(arguments).code(), 3, "{arguments:?}");
    }
}

#[test]
fn an_engine_on_another_machine_is_refused() {
    let folder = Folder::shop("remote-engine");
    let output = folder.command(&["smoke"]).env("DOCKER_HOST", "tcp://10.0.0.1:2375").output().unwrap();
    Run { output, folder: folder.0.display().to_string() }.check(&expect![[r#"
        exit 3
        error: DOCKER_HOST=tcp://10.0.0.1:2375 names an engine reached by `tcp`, but greenroom works with one on this machine

        hint: unset DOCKER_HOST, or let it name a socket: unix:///var/run/docker.sock
    "#]]);
}

#[test]
fn a_plan_is_shown_without_an_engine_and_without_secrets() {
    let run = Folder::shop("plan").run(&["plan", "--keep-volume", "db-data"]);
    let plan = run.stdout();
    assert_eq!((run.code(), run.stderr().as_str()), (0, ""));
    assert!(plan.contains("service db\n  image example/db:1\n"), "{plan}");
    assert!(plan.contains("port 80/tcp at 127.0.0.1:a picked port"), "{plan}");
    assert!(plan.contains("db-data, kept"), "{plan}");
    assert!(plan.contains("API_TOKEN=***") && !plan.contains("a-secret-token"), "{plan}");
}

#[test]
fn options_count_before_and_after_the_subcommand() {
    let over = "services: {db: {image: 'example/db:2'}}\n";
    let folder =
        Folder::new("options", &[("base.yml", SHOP), ("over.yml", over), (".env.other", "TOKEN=1\n")]);
    let run = folder.run(&["-f", "base.yml", "-p", "first", "plan", "-f", "over.yml", "-p", "second"]);
    let plan = run.stdout();
    assert!(plan.contains("image example/db:2") && plan.contains("image example/api:1"), "{plan}");
    assert!(plan.contains("project second"), "{plan}");

    let run = folder.run(&["--fixed-ports", "--env-file", ".env.other", "plan", "--file=base.yml"]);
    let plan = run.stdout();
    assert!(plan.contains("port 80/tcp at 127.0.0.1:8080"), "{plan}");
    assert!(plan.contains("environment from FOLDER/.env.other"), "{plan}");
}

#[test]
fn the_projects_folder_can_be_another_one() {
    let folder = Folder::shop("project-directory");
    fs::create_dir(folder.0.join("below")).unwrap();
    let plan = folder.run(&["plan", "-f", "docker-compose.yml", "--project-directory", "below"]).stdout();
    assert!(plan.contains("in FOLDER/below\n"), "{plan}");
}

#[test]
fn config_shows_what_compose_would() {
    let folder = Folder::shop("config");
    folder.run(&["-f", "docker-compose.yml", "config", "--format", "json"]).check(&expect![[r#"
        exit 0
        {
          "name": "config",
          "networks": {
            "default": {
              "ipam": {},
              "name": "config_default"
            }
          },
          "services": {
            "api": {
              "command": null,
              "depends_on": {
                "db": {
                  "condition": "service_started",
                  "required": true
                }
              },
              "entrypoint": null,
              "environment": {
                "API_TOKEN": "a-secret-token"
              },
              "image": "example/api:1",
              "networks": {
                "default": null
              },
              "ports": [
                {
                  "mode": "ingress",
                  "protocol": "tcp",
                  "published": "8080",
                  "target": 80
                }
              ]
            },
            "db": {
              "command": null,
              "entrypoint": null,
              "image": "example/db:1",
              "networks": {
                "default": null
              },
              "volumes": [
                {
                  "source": "db-data",
                  "target": "/data",
                  "type": "volume",
                  "volume": {}
                }
              ]
            }
          },
          "volumes": {
            "db-data": {
              "name": "config_db-data"
            }
          }
        }
    "#]]);
    folder.run(&["config", "--redact"]).check(&expect![[r#"
        exit 0
        name: config
        networks:
          default:
            name: config_default
        services:
          api:
            ports:
            - mode: ingress
              protocol: tcp
              published: '8080'
              target: 80
            depends_on:
              db:
                condition: service_started
                required: true
            networks:
              default: null
            environment:
              API_TOKEN: '***'
            image: example/api:1
          db:
            volumes:
            - source: db-data
              target: /data
              type: volume
              volume: {}
            networks:
              default: null
            image: example/db:1
        volumes:
          db-data:
            name: config_db-data
    "#]]);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let folder = Folder::shop("closed-pipe");
    let mut child =
        folder.command(&["config"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn the_watchers_variable_alone_makes_no_watcher() {
    let folder = Folder::shop("watched");
    let mut command = folder.command(&["--version"]);
    let output = command.env("GREENROOM_WATCHED_LEASE", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("greenroom "));
}
