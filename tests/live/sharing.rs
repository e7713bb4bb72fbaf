//! One stack for all that want the same one.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use greenroom::{Lifetime, Stack};

use crate::world::{World, program};
use crate::{assert_gone, file};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn fixed() -> greenroom::StackBuilder {
    Stack::builder(file("fixtures/live/fixed.yml"))
}

#[tokio::test]
async fn the_tests_of_a_binary_share_a_stack_of_the_process() -> Result {
    let shared = || fixed().lifetime(Lifetime::Process);
    let (one, other) = tokio::try_join!(shared().up(), shared().up())?;
    assert_eq!(one.name(), other.name());
    let own = fixed().up().await?;
    assert_ne!(own.name(), one.name());
    own.down().await?;
    // This releases one share, and the stack is still there.
    one.down().await?;
    assert_eq!(other.check().await?, []);
    let again = shared().up().await?;
    assert_eq!(again.name(), other.name());
    // A different stack is not shared.
    let named = shared().project_name("fixed-by-another-name").up().await?;
    assert_ne!(named.name(), other.name());
    Ok(())
}

#[tokio::test]
async fn twenty_stacks_of_the_unmodified_file_run_at_once() -> Result {
    let begin = Instant::now();
    let stacks = try_join_all((0..20).map(|_| fixed().up())).await?;
    let up = begin.elapsed();
    let mut addresses = Vec::new();
    for stack in &stacks {
        let web = stack.http("web")?;
        assert_eq!(web.client()?.get("/").await?.status().as_u16(), 200);
        addresses.push(web.base_url());
    }
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 20);
    let names: Vec<_> = stacks.iter().map(|stack| stack.name().to_owned()).collect();
    let begin = Instant::now();
    try_join_all(stacks.into_iter().map(Stack::down)).await?;
    eprintln!("20 stacks: up after {up:.2?}, down after {:.2?}", begin.elapsed());
    for name in names {
        assert_gone(&name).await;
    }
    Ok(())
}

#[test]
fn a_process_that_finds_the_stack_up_attaches() {
    let world = World::new();
    let path = file("fixtures/live/fixed.yml").display().to_string();
    let gate = world.gate("gate");
    let mut runner = world.runner();
    runner.start(&format!("run {path} {}", gate.path));
    let first = runner.processes.says("up");
    let mut whole = Vec::new();
    let mut library = Vec::new();
    for _ in 0..41 {
        let begin = Instant::now();
        runner.start(&format!("run {path}"));
        let said = runner.processes.says("up");
        whole.push(begin.elapsed());
        assert_eq!(said.split(' ').nth(1), first.split(' ').nth(1));
        let millis: f64 =
            said.split(' ').nth(3).and_then(|text| text.parse().ok()).expect("it prints how long it took");
        library.push(Duration::from_secs_f64(millis / 1e3));
    }
    for times in [&mut whole, &mut library] {
        times.sort();
    }
    eprintln!(
        "attach, debug build, median of {}: {:.1?} in the library, {:.1?} from spawning the process on ({})",
        whole.len(),
        library[library.len() / 2],
        whole[whole.len() / 2],
        program().display()
    );
    gate.open();
    runner.end();
    assert_eq!(world.created().len(), 1);
    world.until_nothing_is_left();
}
