//! Processes share stacks while one of them, their runner, or a watcher is killed at a random moment, round after
//! round.
//!
//! `GREENROOM_TORTURE_ROUNDS` sets the number of rounds, `GREENROOM_TORTURE_SEED` the seed of the random numbers.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::file;
use crate::world::{World, signal, until};

/// The number of rounds under plain `cargo test`.
const ROUNDS: u32 = 8;

/// A kill comes within this time of the start: before, during, and after the start of the stacks.
const LATEST_MILLIS: u64 = 2_500;

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn random_kills_hang_nothing_lose_nothing_and_leave_nothing() {
    let seed = number("GREENROOM_TORTURE_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let rounds = number("GREENROOM_TORTURE_ROUNDS").unwrap_or(ROUNDS);
    let mut dice = Dice(seed | 1);
    let mut collected = 0;
    let mut longest = Duration::ZERO;
    for number in 1..=rounds {
        let begin = Instant::now();
        let round = Round { seed, number };
        if round.play(&mut dice) {
            collected += 1;
        }
        longest = longest.max(begin.elapsed());
    }
    eprintln!(
        "{rounds} rounds, seed {seed}: all clean, {collected} of them by the next `up`; the longest took {longest:.1?}"
    );
}

/// The kills of starting processes under plain `cargo test`.
const KILLS: u32 = 4;

/// A starting process is killed within this time after its network has appeared.
const CREATION_MILLIS: u64 = 150;

#[test]
fn kills_while_a_stack_is_created_leave_nothing() {
    let seed = number("GREENROOM_TORTURE_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let kills = number("GREENROOM_TORTURE_ROUNDS").unwrap_or(KILLS);
    let mut dice = Dice(seed | 1);
    let begin = Instant::now();
    for number in 1..=kills {
        // A kept stack has no watcher once it is up; the others always have one.
        let lifetime = ["keep", "keep", "run", "test"][dice.below(4) as usize];
        kill_while_creating(&Round { seed, number }, lifetime, &mut dice);
    }
    eprintln!("{kills} starts killed, seed {seed}: nothing left, {:.1?}", begin.elapsed());
}

fn kill_while_creating(round: &Round, lifetime: &str, dice: &mut Dice) {
    let world = World::new();
    let shell = file("fixtures/live/shell.yml").display().to_string();
    let mut runner = world.runner();
    runner.start(&format!("{lifetime} {shell}"));
    let pid: u32 = runner.processes.says("child").parse().expect("it is a number");
    until("its network is there", || {
        world.left().iter().any(|left| left.starts_with("network")).then_some(())
    });
    // This waits for nothing: a random moment is what the test needs.
    std::thread::sleep(Duration::from_millis(dice.below(CREATION_MILLIS)));
    signal("KILL", pid);
    let said = runner.end();
    until("the watchers have ended", || world.watchers().is_empty().then_some(()));
    // On a busy machine, it may have come up before it was killed.
    if lifetime == "keep" && said.iter().any(|line| line.starts_with("up")) {
        return greenroom::blocking::wait(async move { take_down(&world).await })
            .expect("the engine answers");
    }
    assert_eq!(world.left(), [""; 0], "{round}: killed while it brought up a stack of lifetime {lifetime}");
}

/// Takes the kept stacks of this state folder down.
async fn take_down(world: &World) -> Result<(), greenroom::Error> {
    let kept = world.created();
    for stack in greenroom::stack::stacks().await?.into_iter().filter(|stack| kept.contains(&stack.name)) {
        stack.down().await?;
    }
    Ok(())
}

struct Round {
    seed: u64,
    number: u32,
}

impl Round {
    /// Gives whether the next `up` had to remove what was left.
    fn play(&self, dice: &mut Dice) -> bool {
        let world = World::new();
        let shell = file("fixtures/live/shell.yml").display().to_string();
        let gate = world.gate("gate");
        let mut runner = world.runner();
        for lifetime in ["run", "run", "run", "test"] {
            let end = ["return", "exit", "abort"][dice.below(3) as usize];
            runner.start(&format!("{lifetime} {shell} {} {end}", gate.path));
        }
        let mut children: Vec<u32> = Vec::new();
        let mut said = Vec::new();
        while children.len() < 4 {
            let line = runner.processes.line().expect("the runner runs");
            match line.strip_prefix("child ") {
                Some(pid) => children.push(pid.parse().expect("it is a number")),
                None => said.push(line),
            }
        }

        // This waits for nothing: a random moment is what the test needs.
        std::thread::sleep(Duration::from_millis(dice.below(LATEST_MILLIS)));
        let (victim, pid) = match dice.below(6) {
            0 => ("runner", Some(runner.processes.id())),
            1 | 2 => {
                let watchers = world.watchers();
                ("watcher", watchers.get(dice.below(watchers.len().max(1) as u64) as usize).copied())
            }
            _ => ("test process", Some(children.remove(dice.below(4) as usize))),
        };
        if let Some(pid) = pid {
            signal("KILL", pid);
        }

        let told = |said: &[String]| format!("{self}, {victim} {pid:?} killed: {said:#?}");
        // Every survivor comes up.
        let is_up =
            |said: &[String], pid: u32| said.iter().any(|line| line.starts_with(&format!("up {pid} ")));
        while !children.iter().all(|pid| is_up(&said, *pid)) {
            let line = runner.processes.line();
            said.push(line.unwrap_or_else(|| panic!("all have ended: {}", told(&said))));
            assert!(!said.iter().any(|line| line.starts_with("failed")), "{}", told(&said));
        }
        gate.open();
        // Every survivor has its stack to the end. After that all processes have ended, because the pipe is closed.
        said.extend(runner.end());
        for pid in &children {
            assert!(said.contains(&format!("fine {pid}")), "{}", told(&said));
        }
        self.until_nothing_is_left(&world, &shell, victim == "watcher")
    }

    fn until_nothing_is_left(&self, world: &World, shell: &str, may_need_help: bool) -> bool {
        let begin = Instant::now();
        // If the watcher was killed and no process noticed, only the next `up` takes the stacks down.
        let needs_help = may_need_help && {
            crate::world::until("the watchers that live have ended", || {
                world.watchers().is_empty().then_some(())
            });
            !world.left().is_empty()
        };
        if needs_help {
            let next = world.run(&["test", shell]);
            next.says("up");
            next.end();
        }
        world.until_nothing_is_left();
        eprintln!("{self}: nothing left after {:.2?}", begin.elapsed());
        needs_help
    }
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "round {} of seed {}", self.number, self.seed)
    }
}

/// Random numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    /// <https://en.wikipedia.org/wiki/Xorshift>
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}
