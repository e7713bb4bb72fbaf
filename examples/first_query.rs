//! Brings up a compose file, asks its database a question, and takes it down.
use std::time::Instant;
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), greenroom::Error> {
    let begin = Instant::now();
    let stack = greenroom::Stack::builder(std::env::args().nth(1).unwrap())
        .observe(|e| {
            if !matches!(e, greenroom::Event::Planned(_)) {
                eprintln!("{e:?}")
            }
        })
        .up()
        .await?;
    eprintln!("up {:?}", begin.elapsed());
    println!("{}", stack.report());
    let db = stack.timescale("db")?;
    let pool = db.pool().await?;
    let one: i32 = sqlx::query_scalar("SELECT 1").fetch_one(&pool).await.unwrap();
    println!("{one} {:?} {}", db.extension_version().await?, db.url());
    eprintln!("checked {:?} {:?}", begin.elapsed(), stack.check().await);
    stack.down().await?;
    eprintln!("down {:?}", begin.elapsed());
    Ok(())
}
