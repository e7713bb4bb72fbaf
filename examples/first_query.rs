//! Brings up a compose file, queries its database, and takes the stack down again.
//!
//! `cargo run --example first_query -- docker-compose.yml timescaledb`
#![expect(clippy::print_stdout, reason = "an example prints its results")]

use greenroom::Stack;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_else(|| "docker-compose.yml".to_owned());
    let service = arguments.next().unwrap_or_else(|| "timescaledb".to_owned());

    let stack = Stack::up(file).await?;
    println!("{}", stack.report());
    let pool = stack.postgres(&service)?.pool().await?;
    let version: String = sqlx::query_scalar("SELECT version()").fetch_one(&pool).await?;
    println!("{version}");
    Ok(stack.down().await?)
}
