//! Ten more tests in another binary, written with rstest. They find the stack that the first binary brought up.

use downstream::visit;
use greenroom::{Stack, StackBuilder};
use rstest::{fixture, rstest};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Overrides greenroom's own fixture of this name, which its fixture `stack` uses.
#[fixture]
fn stack_builder() -> StackBuilder {
    downstream::builder()
}

#[fixture]
async fn stack(stack_builder: StackBuilder) -> Stack {
    greenroom::fixtures::stack(stack_builder).await
}

#[rstest]
#[tokio::test]
async fn a_price_is_rounded(
    #[future(awt)] stack: Stack,
    #[values(1, 2, 3)] digits: i32,
    #[values("2.71828", "3.14159")] price: &str,
) -> Result {
    let pool = stack.postgres("db")?.pool().await?;
    let rounded: String = sqlx::query_scalar("SELECT round($1::text::numeric, $2)::text")
        .bind(price)
        .bind(digits)
        .fetch_one(&pool)
        .await?;
    assert_eq!(rounded.len(), 2 + usize::try_from(digits)?);
    Ok(())
}

#[rstest]
#[case::first("tea")]
#[case::second("coffee")]
#[tokio::test]
async fn a_name_is_kept(#[future(awt)] stack: Stack, #[case] name: &str) -> Result {
    let pool = stack.postgres("db")?.pool().await?;
    let kept: String = sqlx::query_scalar("SELECT $1").bind(name).fetch_one(&pool).await?;
    assert_eq!(kept, name);
    Ok(())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_shop_is_open(#[future(awt)] stack: Stack) -> Result {
    assert_eq!(visit(&stack).await?, 200);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn every_service_answers(#[future(awt)] stack: Stack) -> Result {
    assert_eq!(stack.check().await?, []);
    Ok(())
}
