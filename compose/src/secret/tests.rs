use super::*;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};

#[test]
fn names_tell_secrets() {
    for name in [
        "POSTGRES_PASSWORD",
        "DB_PASS",
        "MY_API_KEY",
        "apiKey",
        "GITHUB_TOKEN",
        "aws.secret",
        "PGPASSWORD",
        "CREDENTIALS",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["POSTGRES_USER", "MONKEY", "POSTGRES_PASSWORD_FILE", "KEYBOARD", "COMPASS", "PATH"] {
        assert!(!is_secret_name(name), "{name}");
    }
}

/// Some secrets of all kinds.
fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add_named("PASSWORD", "hunter2-hunter2");
    secrets.add_named("SHORT_KEY", "abc");
    secrets.add_named("URL", "postgres://u:p@ss-word@db:5432/x");
    secrets.add_named("BROKERS", "amqp://u:one%20way@a,amqp://u:or-another@b");
    secrets.add("an/\"odd\"?one ä\u{1f511}");
    secrets.add("-- begin --\nfirst line\r\n  second line\nend\n");
    secrets.add("overlap1");
    secrets.add("lap1-next");
    secrets
}

#[test]
fn free_text_loses_secrets_and_url_passwords() {
    for (text, expected) in [
        ("login hunter2-hunter2 failed abc", "login *** failed abc"),
        ("tried p@ss-word", "tried ***"),
        ("tried one%20way, one way and or-another", "tried ***, *** and ***"),
        ("amqp://me:short@h/ and http://h:80/", "amqp://me:***@h/ and http://h:80/"),
        ("hunter2-hunter2hunter2-hunter2", "***"),
        // Two secrets that have a part in common.
        ("overlap1-next", "***"),
        // Each line of a secret, and the whole.
        ("-- begin --\nfirst line\r\n  second line\nend", "***"),
        ("read first line, end", "read ***, end"),
        ("-- begin --\\nfirst line\\r\\n  second line\\nend", "***"),
        // Short ones after a secret's name.
        ("SHORT_KEY=abc, key: abc", "SHORT_KEY=***, key: ***"),
        (r#"{"apiKey": "abc", "user":"abc"}"#, r#"{"apiKey": "***", "user":"abc"}"#),
        (r#"msg="{\"password\":\"abc\"}""#, r#"msg="{\"password\":\"***\"}""#),
        ("psql --password abc --user abc", "psql --password *** --user abc"),
        ("key=abcd, monkey=abc, key abc", "key=abcd, monkey=abc, key abc"),
        // Written for a URL or as JSON, in any case and by any writer.
        ("?p=an%2F%22odd%22%3Fone%20%C3%A4%F0%9F%94%91&q=1", "?p=***&q=1"),
        ("?p=an/%22odd%22?one+%c3%a4%f0%9f%94%91&q=1", "?p=***&q=1"),
        ("?p=an%2f%22odd%22%3fone ä\u{1f511}", "?p=***"),
        (r#""an/\"odd\"?one ä🔑""#, r#""***""#),
        (r#""an\/\"odd\"?one \u00e4\ud83d\udd11""#, r#""***""#),
        (r#""\u0061n/\u0022odd\u0022?one \u00E4\uD83D\uDD11""#, r#""***""#),
        // Escapes that mean nothing.
        (r"hunter\2-hunter2 50% \u12 \", r"hunter\2-hunter2 50% \u12 \"),
    ] {
        assert_eq!(secrets().hide(text), expected, "{text}");
    }
    assert_eq!(format!("{:?}", secrets()), "Secrets(10 hidden)");
}

#[test]
fn base64_with_a_secret_in_it_is_hidden_whatever_is_beside_the_secret() {
    let engines = [BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD];
    for secret in ["secret", "hunter2-hunter2", "an/\"odd\"?one ä\u{1f511}", "???>>>~~~\u{ff}"] {
        let mut secrets = Secrets::default();
        secrets.add(secret);
        for engine in &engines {
            for (before, after) in [("", ""), ("a:", ""), ("user:", "\n"), ("me:", "!!"), ("", "~")] {
                let encoded = engine.encode(format!("{before}{secret}{after}"));
                let text = format!("Authorization: Basic {encoded} sent");
                assert_eq!(secrets.hide(&text), "Authorization: Basic *** sent", "{before}{secret}{after}");
            }
        }
        let long = BASE64_STANDARD.encode(secret.repeat(20));
        let lines: Vec<_> = long.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        let hidden = secrets.hide(&lines.join("\r\n"));
        assert!(hidden.lines().all(|line| line == "***"), "{hidden}");
    }
}

#[test]
fn no_part_of_a_secret_is_left_wherever_it_is_written() {
    // Numbers that are different each time, and the same in each run.
    let mut state = 1_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let of_secrets: Vec<char> = "ABCDEFGH%+&=\"\\/ ä".chars().collect();
    for _ in 0..500 {
        let mut secrets = Secrets::default();
        let values: Vec<String> = (0..3)
            .map(|_| (0..8 + below(20)).map(|_| of_secrets[below(of_secrets.len())]).collect::<String>())
            .map(|value| format!("X{value}X"))
            .collect();
        values.iter().for_each(|value| secrets.add(value));
        let mut text = String::new();
        for _ in 0..6 {
            let value = &values[below(values.len())];
            let json = serde_json::to_string(value).expect("text is JSON");
            let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let written = &[value.clone(), json, percent, BASE64_URL_SAFE.encode(value)][below(4)];
            text.push_str(&format!("{} {written} ", "word ".repeat(below(3))));
        }
        let hidden = secrets.hide(&text);
        let is_left = hidden.chars().any(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        assert!(!is_left, "{hidden}\nof {text}\nwith {values:?}");
    }
}
