//! No matter how a test ends, nothing is left.

use std::sync::mpsc;
use std::time::Duration;

use greenroom::Stack;

use crate::{assert_gone, polygon, shell};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[tokio::test]
async fn down_removes_all_of_a_stack_and_nothing_else() -> Result {
    let (one, other) = tokio::try_join!(shell("one-shot").up(), shell("one-shot").up())?;
    let (gone, stays) = (one.name().to_owned(), other.name().to_owned());
    one.down().await?;
    assert_gone(&gone).await;
    assert!(greenroom::stack::stacks().await?.iter().any(|found| found.name == stays));
    other.down().await?;
    assert_gone(&stays).await;
    Ok(())
}

#[tokio::test]
async fn a_test_that_panics_leaves_nothing() -> Result {
    let (sender, receiver) = mpsc::channel();
    let panicked = tokio::spawn(async move {
        let stack = polygon().up().await.expect("it comes up");
        sender.send(stack.name().to_owned()).expect("the test waits");
        panic!("as tests do");
    });
    assert!(panicked.await.is_err_and(|error| error.is_panic()));
    assert_gone(&receiver.recv()?).await;
    Ok(())
}

#[tokio::test]
async fn a_test_that_returns_an_error_leaves_nothing() -> Result {
    async fn test(name: &mut String) -> Result<(), greenroom::Error> {
        let stack = shell("one-shot").up().await?;
        stack.name().clone_into(name);
        stack.postgres("idle")?;
        stack.down().await
    }
    let mut name = String::new();
    assert!(test(&mut name).await.is_err());
    assert_gone(&name).await;
    Ok(())
}

#[test]
fn a_stack_outlives_its_runtime_and_is_dropped_outside_of_any() -> Result {
    for runtime in [
        tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?,
    ] {
        let stack: Stack = runtime.block_on(shell("one-shot").up())?;
        drop(runtime);
        let name = stack.name().to_owned();
        drop(stack);
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(assert_gone(&name));
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_start_leaves_nothing() -> Result {
    let (sender, receiver) = mpsc::channel();
    let builder = shell("slowly-healthy").observe(move |event| {
        if let greenroom::Event::Planned(plan) = event {
            // The receiver lives to the end of the test.
            let _ = sender.send(plan.stack.clone());
        }
    });
    // Cancelled in the middle of the wait for readiness, which takes at least a second.
    let given_up = tokio::time::timeout(Duration::from_millis(700), builder.up()).await;
    assert!(given_up.is_err());
    assert_gone(&receiver.recv()?).await;
    Ok(())
}

#[tokio::test]
async fn the_unmodified_file_runs_twice_at_once() -> Result {
    let (one, other) = tokio::try_join!(polygon().up(), polygon().up())?;
    for stack in [&one, &other] {
        let pool = stack.postgres("timescaledb")?.pool().await?;
        sqlx::raw_sql("CREATE TABLE only_mine (id int)").execute(&pool).await?;
    }
    tokio::try_join!(one.down(), other.down())?;
    Ok(())
}
