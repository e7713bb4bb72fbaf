//! Measures how much longer `up` takes than starting the same containers by hand: `cargo bench --bench up`.
//!
//! By hand means: the `docker` command creates the network and each container. The database is started first. Its two
//! dependents are started together once the database has answered a query. Every service is polled every ten
//! milliseconds. The two ways alternate, so that both see the same load on the machine. The benchmark needs a
//! container engine, the `docker` command, and the images of this repository's stack; `cargo run -- smoke` builds
//! fallbacks for missing images.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::process::Command;
use std::time::{Duration, Instant};

use greenroom::{Report, Stack};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// Enough rounds that a single slow one does not change the median.
const ROUNDS: usize = 7;
const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "greenroom-bench-password";

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let images = warm_up().await?;
        let (mut ours, mut by_hand, mut down) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            by_hand.push(ByHand::start(&images, round).await?);
            let (up, removal) = greenroom().await?;
            ours.push(up);
            down.push(removal);
        }
        let (ours, by_hand) = (median(ours), median(by_hand));
        println!("up, greenroom   {:>7.3} s (median of {ROUNDS})", ours.as_secs_f64());
        println!("up, by hand     {:>7.3} s", by_hand.as_secs_f64());
        println!("ratio           {:>7.2}", ours.as_secs_f64() / by_hand.as_secs_f64());
        println!("down, greenroom {:>7.3} s", median(down).as_secs_f64());
        Ok(())
    })
}

/// Brings the stack up once, so that all images are there. Returns the report, which names the images.
async fn warm_up() -> Result<Report> {
    let stack = Stack::up("docker-compose.yml").await?;
    let report = stack.report();
    stack.down().await?;
    Ok(report)
}

async fn greenroom() -> Result<(Duration, Duration)> {
    let begin = Instant::now();
    let stack = Stack::up("docker-compose.yml").await?;
    let up = begin.elapsed();
    let begin = Instant::now();
    stack.down().await?;
    Ok((up, begin.elapsed()))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A stack started by hand; removed when dropped.
struct ByHand {
    name: String,
}

impl ByHand {
    /// Starts the stack and returns the time until all three services have answered.
    async fn start(images: &Report, round: usize) -> Result<Duration> {
        let stack = ByHand { name: format!("greenroom-bench-{}-{round}", std::process::id()) };
        let image = |service: &str| images.services[service].image.clone();
        let begin = Instant::now();
        docker(&["network", "create", &stack.name])?;
        let password = format!("POSTGRES_PASSWORD={PASSWORD}");
        let volume = |service: &str, target: &str| format!("{}-{service}:{target}", stack.name);
        let data = volume("db", "/home/postgres/pgdata");
        let database = ["--network-alias", "timescaledb", "--env", &password, "--volume", &data];
        stack.run("db", "5432", &image("timescaledb"), &database)?;
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(stack.port("db", "5432")?)
            .username("postgres")
            .password(PASSWORD)
            .database("postgres");
        until(async || match PgConnection::connect_with(&options).await {
            Ok(mut connection) => sqlx::query("SELECT 1").execute(&mut connection).await.is_ok(),
            Err(_) => false,
        })
        .await?;
        let service = format!("SPRING_DATASOURCE_PASSWORD={PASSWORD}");
        let settings = [
            "--env",
            "SPRING_DATASOURCE_URL=jdbc:postgresql://timescaledb:5432/postgres",
            "--env",
            "SPRING_DATASOURCE_USERNAME=postgres",
            "--env",
            &service,
            "--env",
            "POLYGON_API_KEY=none",
        ];
        let (ticker, grafana) = std::thread::scope(|threads| {
            let ticker = threads.spawn(|| {
                stack
                    .run("ticker", "8080", &image("ticker-service"), &settings)
                    .map_err(|error| error.to_string())
            });
            let state = volume("grafana", "/var/lib/grafana");
            let grafana = stack.run("grafana", "3000", &image("grafana"), &["--volume", &state]);
            (ticker.join(), grafana)
        });
        ticker.map_err(|_| "the thread panicked")??;
        grafana?;
        for (service, port, path) in
            [("ticker", "8080", "/actuator/health"), ("grafana", "3000", "/api/health")]
        {
            let url = format!("http://127.0.0.1:{}{path}", stack.port(service, port)?);
            let client = reqwest::Client::builder().no_proxy().build()?;
            until(async || client.get(&url).send().await.is_ok_and(|answer| answer.status().as_u16() < 500))
                .await?;
        }
        Ok(begin.elapsed())
    }

    fn run(&self, service: &str, port: &str, image: &str, arguments: &[&str]) -> Result<()> {
        let container = format!("{}-{service}", self.name);
        let publish = format!("127.0.0.1::{port}");
        let mut all =
            vec!["run", "--detach", "--name", &container, "--network", &self.name, "--publish", &publish];
        all.extend(arguments);
        all.push(image);
        docker(&all).map(drop)
    }

    fn port(&self, service: &str, port: &str) -> Result<u16> {
        let address = docker(&["port", &format!("{}-{service}", self.name), port])?;
        Ok(address.trim().rsplit(':').next().unwrap_or_default().parse()?)
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        for service in ["db", "ticker", "grafana"] {
            // Errors are ignored: a container that was never started cannot be removed.
            let container = format!("{}-{service}", self.name);
            let _ = docker(&["rm", "--force", "--volumes", &container]);
            let _ = docker(&["volume", "rm", "--force", &container]);
        }
        let _ = docker(&["network", "rm", &self.name]);
    }
}

fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).output()?;
    if !output.status.success() {
        return Err(
            format!("docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

async fn until(mut ready: impl AsyncFnMut() -> bool) -> Result<()> {
    let begin = Instant::now();
    while !ready().await {
        if begin.elapsed() > PATIENCE {
            return Err("not ready by hand".into());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
