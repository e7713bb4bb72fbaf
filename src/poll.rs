//! Waiting: ask often, wait long, and distinguish "not yet" from "never".

use std::time::Duration;

use tokio::time::Instant;

/// The outcome of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Ready,
    /// Ask again. The text is reported if the deadline passes.
    NotYet(String),
    /// Asking again is pointless, for this reason.
    Never(String),
}

/// How often to ask: each pause is half as long again as the one before, up to a cap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cadence {
    first: Duration,
    cap: Duration,
}

impl Cadence {
    /// For questions that start a process in the container.
    pub(crate) const EXEC: Cadence =
        Cadence { first: Duration::from_millis(20), cap: Duration::from_millis(500) };
    /// For questions with a login, which a server may lock after a few refusals.
    pub(crate) const LOGIN: Cadence =
        Cadence { first: Duration::from_millis(100), cap: Duration::from_secs(2) };
    /// For questions over loopback and inspections, which are cheap enough to ask more often.
    pub(crate) const CHEAP: Cadence =
        Cadence { first: Duration::from_millis(10), cap: Duration::from_millis(150) };
}

/// A wait that ended without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GaveUp {
    pub attempts: u32,
    pub last: String,
    /// Whether the deadline passed; otherwise the answer was "never".
    pub timed_out: bool,
}

/// A wait in progress: call [`attempt`](Wait::attempt) until it returns an outcome.
pub(crate) struct Wait {
    deadline: Instant,
    pause: Duration,
    cap: Duration,
    gave_up: GaveUp,
}

impl Wait {
    pub(crate) fn until(deadline: Instant, cadence: Cadence) -> Wait {
        let gave_up = GaveUp { attempts: 0, last: "no attempt had finished".to_owned(), timed_out: true };
        Wait { deadline, pause: cadence.first, cap: cadence.cap, gave_up }
    }

    /// How many attempts have failed so far.
    pub(crate) fn failed_attempts(&self) -> u32 {
        self.gave_up.attempts
    }

    /// Asks once, and pauses if the answer is "not yet". Returns the outcome once the wait is over: success, "never",
    /// or the deadline. An attempt in progress is dropped at the deadline.
    pub(crate) async fn attempt(&mut self, ask: impl Future<Output = Answer>) -> Option<Result<(), GaveUp>> {
        match tokio::time::timeout_at(self.deadline, ask).await {
            Ok(Answer::Ready) => return Some(Ok(())),
            Ok(Answer::Never(last)) => {
                return Some(Err(GaveUp { attempts: self.gave_up.attempts + 1, last, timed_out: false }));
            }
            Ok(Answer::NotYet(last)) => self.gave_up.last = last,
            Err(_) => return Some(Err(self.gave_up.clone())),
        }
        self.gave_up.attempts += 1;
        tokio::time::sleep_until(self.deadline.min(Instant::now() + self.pause)).await;
        self.pause = (self.pause * 3 / 2).min(self.cap);
        (Instant::now() >= self.deadline).then(|| Err(self.gave_up.clone()))
    }
}

/// Asks until the answer is final, or is still "not yet" after `patience`. Unlike in a [`Wait`], an attempt in progress
/// is not cut short, so there is always an answer.
pub(crate) async fn ask_for<F: Future<Output = Answer>>(
    patience: Duration,
    cadence: Cadence,
    mut ask: impl FnMut() -> F,
) -> Answer {
    let until = Instant::now() + patience;
    let mut pause = cadence.first;
    loop {
        let answer = ask().await;
        if !matches!(answer, Answer::NotYet(_)) || Instant::now() >= until {
            return answer;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(cadence.cap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until_ready(
        deadline: Instant,
        cadence: Cadence,
        mut ask: impl AsyncFnMut() -> Answer,
    ) -> Result<(), GaveUp> {
        let mut wait = Wait::until(deadline, cadence);
        loop {
            if let Some(end) = wait.attempt(ask()).await {
                return end;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_attempt_is_immediate_and_the_pauses_grow_to_the_cap() {
        let start = Instant::now();
        let mut asked = Vec::new();
        let result = until_ready(start + Duration::from_secs(5), Cadence::EXEC, async || {
            asked.push(start.elapsed().as_millis());
            Answer::NotYet("connection refused".to_owned())
        })
        .await;
        assert_eq!(&asked[..4], &[0, 20, 50, 95]);
        let widest = asked.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(widest.is_some_and(|widest| (500..=502).contains(&widest)), "{asked:?}");
        let gave_up = result.expect_err("never ready");
        assert_eq!((gave_up.last.as_str(), gave_up.timed_out), ("connection refused", true));
        assert_eq!(gave_up.attempts as usize, asked.len());
    }

    #[tokio::test(start_paused = true)]
    async fn never_ends_the_wait_at_once() {
        let start = Instant::now();
        let result = until_ready(start + Duration::from_secs(60), Cadence::CHEAP, async || {
            Answer::Never("exited".to_owned())
        })
        .await;
        assert_eq!(result, Err(GaveUp { attempts: 1, last: "exited".to_owned(), timed_out: false }));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_attempt_does_not_outlive_the_deadline() {
        let start = Instant::now();
        let result = until_ready(start + Duration::from_secs(3), Cadence::CHEAP, async || {
            std::future::pending().await
        })
        .await;
        assert!(result.is_err_and(|gave_up| gave_up.timed_out));
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }
}
