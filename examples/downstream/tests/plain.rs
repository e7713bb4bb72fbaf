//! A test binary without libtest: a plain `main` that implements `--list` as test runners expect.

use downstream::{stack, visit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--list") {
        // https://nexte.st/docs/design/custom-test-harnesses/
        if !has("--ignored") {
            println!("main: test");
        }
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stack = stack().await;
        assert_eq!(visit(&stack).await?, 200);
        Ok(())
    })
}
