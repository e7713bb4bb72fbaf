//! Processes that share stacks, and one of them, their runner, or a watcher killed at a random moment, round after round.
//!
//! `GREENROOM_TORTURE_ROUNDS` says how many rounds, `GREENROOM_TORTURE_SEED` with which moments.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::file;
use crate::world::{World, signal};

/// How many rounds `cargo test` makes.
const ROUNDS: u32 = 8;

/// A kill comes within this time of the start: before, while, and after the stacks come up.
const LATEST_MILLIS: u64 = 2_500;

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn whoever_is_killed_nothing_hangs_nothing_is_lost_and_nothing_is_left() {
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

struct Round {
    seed: u64,
    number: u32,
}

impl Round {
    /// Gives whether the next `up` had to collect what was left.
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

        // Not a wait for anything: the moment is what is tested.
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
        // Whoever lives comes up.
        let is_up =
            |said: &[String], pid: u32| said.iter().any(|line| line.starts_with(&format!("up {pid} ")));
        while !children.iter().all(|pid| is_up(&said, *pid)) {
            let line = runner.processes.line();
            said.push(line.unwrap_or_else(|| panic!("all have ended: {}", told(&said))));
            assert!(!said.iter().any(|line| line.starts_with("failed")), "{}", told(&said));
        }
        gate.open();
        // And has its stack to the end; then everything has ended, for nobody holds the pipe any more.
        said.extend(runner.end());
        for pid in &children {
            assert!(said.contains(&format!("fine {pid}")), "{}", told(&said));
        }
        self.until_nothing_is_left(&world, &shell, victim == "watcher")
    }

    fn until_nothing_is_left(&self, world: &World, shell: &str, may_need_help: bool) -> bool {
        let begin = Instant::now();
        // A watcher that was killed and not missed takes nothing down: the next `up` sees to that.
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

/// Numbers that come again with the same seed.
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
