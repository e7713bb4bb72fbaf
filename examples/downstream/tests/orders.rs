//! Ten tests that share a database, each with its own table: plain tests, and tests on both flavors of tokio's runtime.

use downstream::{builder, stack, visit};
use greenroom::blocking;

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Stores orders in the test's own table and counts them.
async fn orders(table: &str, count: i32) -> Result {
    let stack = stack().await;
    let pool = stack.postgres("db")?.pool().await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} AS SELECT generate_series(1, {count}) AS id"
    )))
    .execute(&pool)
    .await?;
    let stored: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(&pool).await?;
    assert_eq!(stored, i64::from(count));
    assert_eq!(visit(&stack).await?, 200);
    Ok(())
}

fn blocking_orders(table: &'static str, count: i64) -> Result {
    let stack = blocking::Stack::up_as(builder())?;
    let db = stack.postgres("db")?;
    let stored = blocking::wait(async move {
        let pool = db.pool().await?;
        let sum = format!("SELECT count(*) FROM generate_series(1, {count}) AS {table}");
        Ok(sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sum)).fetch_one(&pool).await)
    })?;
    assert_eq!(stored?, count);
    // The stack is shared: `down` only releases this test's share.
    Ok(stack.down()?)
}

#[test]
fn a_plain_test_counts_one() -> Result {
    blocking_orders("plain_one", 1)
}

#[test]
fn a_plain_test_counts_many() -> Result {
    blocking_orders("plain_many", 100)
}

#[test]
fn a_plain_test_finds_the_extension() -> Result {
    let stack = blocking::Stack::up_as(builder())?;
    let db = stack.timescale("db")?;
    assert!(blocking::wait(async move { db.extension_version().await })?.is_some());
    Ok(())
}

#[tokio::test]
async fn one_order() -> Result {
    orders("one_order", 1).await
}

#[tokio::test]
async fn two_orders() -> Result {
    orders("two_orders", 2).await
}

#[tokio::test]
async fn a_share_that_is_given_up_leaves_the_stack_to_the_others() -> Result {
    stack().await.down().await?;
    orders("given_up", 3).await
}

#[tokio::test]
async fn the_web_server_answers() -> Result {
    assert_eq!(visit(&stack().await).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_on_many_threads() -> Result {
    orders("many_threads", 50).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_on_two_threads() -> Result {
    orders("two_threads", 20).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_have_the_same_stack() -> Result {
    let (one, other) = tokio::join!(stack(), stack());
    assert_eq!(one.name(), other.name());
    Ok(())
}
