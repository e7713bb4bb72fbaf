//! A plain program that uses a stack and exits in the requested way. greenroom's tests also kill it in other ways.
//!
//! `downstream LIFETIME FILE [GATE [END]]`: brings the stack of FILE up, waits for the lock of the file GATE, checks
//! every service once more, and exits by END: `return`, `exit`, `abort`, `panic`, or `unwind`: a panic that drops
//! the stack. Prints one line for each result.

use std::fs::File;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use greenroom::{Lifetime, Stack};

/// A value in a `static` is never dropped.
static STACK: OnceLock<Stack> = OnceLock::new();

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let begin = Instant::now();
    let mut arguments = std::env::args().skip(1);
    let lifetime = match arguments.next().as_deref() {
        Some("test") => Lifetime::Test,
        Some("process") => Lifetime::Process,
        Some("run") => Lifetime::Run,
        Some("keep") => Lifetime::Keep,
        other => return Err(format!("{other:?} is not a lifetime").into()),
    };
    let mut builder = Stack::builder(arguments.next().ok_or("no file is given")?)
        .lifetime(lifetime)
        .observe(|event| {
            if let greenroom::Event::Replaced { stack, reason } = event {
                println!("replaced {stack}: {reason}");
            }
        });
    if let Ok(seconds) = std::env::var("IDLE_SECONDS") {
        builder = builder.idle(Duration::from_secs(seconds.parse()?));
    }
    if let Ok(profile) = std::env::var("PROFILE") {
        builder = builder.profile(&profile);
    }
    let (gate, end) = (arguments.next(), arguments.next());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pid = std::process::id();
    let dropped;
    let stack = match runtime.block_on(builder.up()) {
        Ok(stack) if end.as_deref() == Some("unwind") => {
            dropped = stack;
            &dropped
        }
        Ok(stack) => STACK.get_or_init(|| stack),
        Err(error) => {
            println!("failed {pid} {error:?}");
            std::process::exit(1);
        }
    };
    println!("up {pid} {} after {:.1} ms", stack.name(), begin.elapsed().as_secs_f64() * 1e3);

    if let Some(gate) = gate {
        File::open(gate)?.lock_shared()?;
        match runtime.block_on(stack.check())?.as_slice() {
            [] => println!("fine {pid}"),
            silent => println!("lost {pid} {silent:?}"),
        }
    }
    match end.as_deref() {
        None | Some("return") => Ok(()),
        Some("exit") => std::process::exit(0),
        Some("abort") => std::process::abort(),
        Some("panic") => panic!("as programs do"),
        Some("unwind") => panic!("as tests do"),
        Some(other) => Err(format!("{other} is not a way to exit").into()),
    }
}
