//! The ticker-service stores what its feed sends, and its health shows whether the database answers.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use greenroom::polygon::{PolygonStack, TickerHealth};
use sqlx::Row;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use crate::polygon;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// How long a condition may take to become true on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three minute bars, as the feed sends them.
const BARS: &str = r#"[
  {"ev":"AM","sym":"TSLA","v":1200,"o":180.5,"c":181.0,"h":181.5,"l":180.25,"vw":180.9,"s":1700000000000,"e":1700000060000,"n":17,"av":5000,"op":179.0,"a":180.6,"z":70},
  {"ev":"AM","sym":"TSLA","v":900,"o":181.0,"c":180.75,"h":181.25,"l":180.5,"vw":180.8,"s":1700000060000,"e":1700000120000,"n":12,"av":5900,"op":179.0,"a":180.6,"z":75},
  {"ev":"AM","sym":"TSLA","v":300,"o":180.75,"c":182.0,"h":182.0,"l":180.75,"vw":181.4,"s":1700000120000,"e":1700000180000,"n":9,"av":6200,"op":179.0,"a":180.7,"z":33}
]"#;

/// Serves one subscriber: accepts its login, and sends the bars once it has subscribed.
async fn feed(listener: TcpListener) -> Result {
    let (stream, _) = listener.accept().await?;
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    socket.send(Message::text(status("connected", "Connected Successfully"))).await?;
    let login = next_text(&mut socket).await?;
    assert!(
        login.contains(r#""action":"auth""#) && login.contains("greenroom-test-polygon-api-key"),
        "{login}"
    );
    socket.send(Message::text(status("auth_success", "authenticated"))).await?;
    let subscription = next_text(&mut socket).await?;
    assert!(subscription.contains("AM.TSLA"), "{subscription}");
    socket.send(Message::text(status("success", "subscribed to: AM.TSLA"))).await?;
    socket.send(Message::text(BARS)).await?;
    // Keeps the connection until the other side closes it.
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

fn status(status: &str, message: &str) -> String {
    format!(r#"[{{"ev":"status","status":"{status}","message":"{message}"}}]"#)
}

async fn next_text(socket: &mut tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>) -> Result<String> {
    loop {
        match socket.next().await.ok_or("the subscriber went away")?? {
            Message::Text(text) => return Ok(text.to_string()),
            _ => continue,
        }
    }
}

#[tokio::test]
async fn three_minute_bars_become_rows_of_the_hypertable() -> Result {
    // On all addresses, because the container uses the one that its engine gives the host.
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let url = format!("ws://host.docker.internal:{}", listener.local_addr()?.port());
    let feed = tokio::spawn(feed(listener));
    let stack = PolygonStack::of(polygon().env("POLYGON_WS_URL", &url).up().await?)?;

    let pool = stack.timescaledb.pool().await?;
    let begin = Instant::now();
    let rows = loop {
        let rows = sqlx::query(
            "SELECT symbol, agg_close, volume::float8, extract(epoch FROM start_time)::int8 FROM stock_aggregates_min ORDER BY start_time",
        )
        .fetch_all(&pool)
        .await?;
        if rows.len() >= 3 {
            break rows;
        }
        if begin.elapsed() > PATIENCE {
            let log = stack.service("ticker-service")?.logs().await?;
            return Err(format!(
                "{} rows after {PATIENCE:?}; feed ended: {}; log:\n{log}",
                rows.len(),
                feed.is_finished()
            )
            .into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let rows: Vec<(String, f64, f64, i64)> = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)))
        .collect::<Result<_, sqlx::Error>>()?;
    let tesla = |close, volume, start| ("TSLA".to_owned(), close, volume, start);
    assert_eq!(
        rows,
        [
            tesla(181.0, 1200.0, 1_700_000_000),
            tesla(180.75, 900.0, 1_700_000_060),
            tesla(182.0, 300.0, 1_700_000_120)
        ]
    );
    let tables = stack.timescaledb.hypertables().await?;
    assert!(tables.iter().any(|table| table.name == "stock_aggregates_min"), "{tables:?}");

    feed.abort();
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn without_its_database_the_service_is_not_up() -> Result {
    let stack = PolygonStack::of(polygon().up().await?)?;
    assert!(stack.ticker_service.health().await?.up);
    stack.service("timescaledb")?.stop(Duration::from_secs(10)).await?;
    let begin = Instant::now();
    let health: TickerHealth = loop {
        let health = stack.ticker_service.health().await?;
        if !health.up || begin.elapsed() > PATIENCE {
            break health;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(!health.up && health.status == 503, "{health:?}");
    stack.down().await?;
    Ok(())
}
