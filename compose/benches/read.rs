//! How long reading a project takes: `cargo bench -p greenroom-compose`.
//!
//! The files are in memory, so that nothing but the reader is measured.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use greenroom_compose::{Files, Request, Values};

struct Memory(BTreeMap<PathBuf, String>);

impl Memory {
    fn of(files: &[(&str, String)]) -> Memory {
        let file = |(name, text): &(&str, String)| (Path::new("/bench").join(name), text.clone());
        Memory(files.iter().map(file).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.clone().into_bytes())
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}

/// One database, as in a first test.
fn small() -> Memory {
    let text = "services:\n  db:\n    image: postgres:17\n    environment: {POSTGRES_PASSWORD: secret}\n    ports: [\"5432:5432\"]\n";
    Memory::of(&[("compose.yaml", text.to_owned())])
}

/// Ten services with an override and environment files.
fn typical() -> Memory {
    let changed = (0..10).map(|number| format!("  service-{number}:\n    environment: {{LEVEL: debug}}\n"));
    Memory::of(&[
        ("compose.yaml", services(10)),
        ("compose.override.yaml", format!("services:\n{}", changed.collect::<String>())),
        (".env", "TAG=1.2.3\nREGISTRY=registry.example\n".to_owned()),
    ])
}

/// A thousand services.
fn huge() -> Memory {
    Memory::of(&[("compose.yaml", services(1_000))])
}

fn services(count: usize) -> String {
    let mut text = String::from("x-common: &common\n  restart: unless-stopped\n\nservices:\n");
    for number in 0..count {
        text += &format!(
            r#"  service-{number}:
    <<: *common
    image: "${{REGISTRY:-docker.io}}/service-{number}:${{TAG:-latest}}"
    command: [run, --name, service-{number}]
    environment:
      DATABASE_URL: postgres://user:secret@db:5432/service_{number}
      LEVEL: info
    ports:
      - "{}:80"
    volumes:
      - data:/var/lib/data
      - ./config/{number}:/etc/service:ro
    labels:
      - traefik.enable=true
    healthcheck:
      test: [CMD, curl, -f, http://localhost/health]
      interval: 10s
    depends_on:
      service-{}: {{condition: service_healthy}}
"#,
            10_000 + number,
            number + 1,
        );
    }
    text += &format!("  service-{count}:\n    image: postgres:17\nvolumes:\n  data: {{}}\n");
    text
}

fn read(criterion: &mut Criterion) {
    let request = Request::in_directory("/bench");
    for (name, files) in [("small", small()), ("typical", typical()), ("huge", huge())] {
        criterion.bench_function(&format!("read {name}"), |bencher| {
            bencher
                .iter(|| greenroom_compose::read(black_box(&request), &files).expect("the files are right"));
        });
    }
    let project = greenroom_compose::read(&request, &huge()).expect("the files are right");
    criterion.bench_function("print huge", |bencher| bencher.iter(|| project.to_json(Values::Shown)));
}

criterion_group!(benches, read);
criterion_main!(benches);
