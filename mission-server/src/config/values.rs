//! How single values are written.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use ipnet::IpNet;
use mission_core::Points;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::uploads::{Location, MediaType, UploadError};

/// The address of the database. Never shows a password.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(PostgresUrl),
}

/// The address of a database on a PostgreSQL server. Never shows what may be a password.
#[derive(Clone)]
pub struct PostgresUrl {
    whole: SecretString,
    shown: String,
}

impl PostgresUrl {
    /// The address with its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.whole.expose_secret()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => f.write_str(&url.shown),
        }
    }
}

pub(super) fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return postgres_url(text).map(DatabaseUrl::Postgres);
    }
    let help = "write `sqlite://FILE` (relative to the working directory), `sqlite:///ABSOLUTE/FILE` or \
                `postgres://USER:PASSWORD@HOST:PORT/DATABASE`";
    let path = text
        .strip_prefix("sqlite://")
        .or_else(|| text.strip_prefix("sqlite:"));
    match path.map(|path| path.split('?').next().unwrap_or_default()) {
        Some(":memory:") => Err("must be a file: memory would not survive the server".to_owned()),
        Some(path) if !path.is_empty() => Ok(DatabaseUrl::Sqlite(PathBuf::from(path))),
        // The text itself may hold a password.
        _ => Err(format!(
            "is no address of a database that this server knows; {help}"
        )),
    }
}

fn postgres_url(text: &str) -> Result<PostgresUrl, String> {
    let help = "write `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; a character such as `@`, `/` or `#` in the \
                password is written as `%40`, `%2F` or `%23`";
    if !cfg!(feature = "postgres") {
        return Err(
            "asks for PostgreSQL, which this server was built without (feature `postgres`)".to_owned(),
        );
    }
    let mut shown = Url::parse(text).map_err(|error| format!("is no address: {error}; {help}"))?;
    if shown.host_str().is_none_or(str::is_empty) && shown.query().is_none() {
        return Err(format!("names no host; {help}"));
    }
    hide_secrets(&mut shown);
    Ok(PostgresUrl {
        whole: SecretString::from(text.to_owned()),
        shown: shown.to_string(),
    })
}

/// Takes what may be a secret out of an address that people are shown.
pub(super) fn hide_secrets(url: &mut Url) {
    // Fails for a URL that cannot be a base, which one with `//` always can.
    if url.password().is_some() {
        let _ = url.set_password(Some("***"));
    }
    // A password can stand there too.
    url.set_query(None);
    url.set_fragment(None);
}

pub(super) fn redis_urls(text: &str) -> Result<Vec<SecretString>, String> {
    let help = "write `redis://HOST:PORT`, `rediss://HOST:PORT` for TLS, or the nodes of a cluster with commas between";
    let nodes = text.split(',').map(str::trim).filter(|node| !node.is_empty());
    let nodes = nodes.map(|node| {
        let url = Url::parse(node).map_err(|error| format!("is no address: {error}; {help}"))?;
        match url.scheme() {
            "redis" | "rediss" if url.host_str().is_some_and(|host| !host.is_empty()) => {
                Ok(node.to_owned().into())
            }
            // The text itself may hold a password.
            _ => Err(format!("is no address of a Redis; {help}")),
        }
    });
    nodes.collect()
}

pub(super) fn amqp_url(text: &str) -> Result<SecretString, String> {
    let help = "write `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS; a virtual host `/` is written as `%2f`, \
                as are such characters in the password";
    let url = Url::parse(text).map_err(|error| format!("is no address: {error}; {help}"))?;
    let names_a_host = url.host_str().is_some_and(|host| !host.is_empty());
    match url.scheme() {
        "amqp" | "amqps" if names_a_host => text
            .parse::<lapin::uri::AMQPUri>()
            .map(|_| text.to_owned().into())
            .map_err(|error| format!("is no address of a RabbitMQ: {error}; {help}")),
        // The text itself may hold a password.
        _ => Err(format!("is no address of a RabbitMQ; {help}")),
    }
}

/// A queue's name; none where there is to be none.
pub(super) fn queue(text: &str) -> Result<Option<String>, String> {
    // Of the 255 bytes that a broker allows, the queue of its dead letters needs five.
    if text.len() > 250 {
        return Err("must have at most 250 bytes".to_owned());
    }
    if text.starts_with("amq.") {
        return Err("must not begin with `amq.`, which the broker keeps for itself".to_owned());
    }
    Ok(Some(text.to_owned()).filter(|name| !name.is_empty()))
}

pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

pub(super) fn address(text: &str) -> Result<String, String> {
    let help = || format!("must be `HOST:PORT`, such as `127.0.0.1:8080`, not `{text}`");
    let (host, port) = text.rsplit_once(':').ok_or_else(help)?;
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(help());
    }
    Ok(text.to_owned())
}

/// Whether only this machine can reach an address.
pub(super) fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

pub(super) fn web_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("must be an `https://` address".to_owned()),
    }
}

/// Where others reach this server.
pub(super) fn public_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("must have no name, query or fragment: `https://missions.example`".to_owned());
    }
    Ok(url)
}

/// The address of a service, to which paths are added.
pub(super) fn service_url(text: &str) -> Result<Url, String> {
    let help = "write `https://HOST:PORT`, with a path where the service has one";
    // The text itself may hold a password, so that it is not repeated.
    let url = Url::parse(text).map_err(|error| format!("is no address: {error}; {help}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("is no address of a service; {help}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not hold a name or a password: MISSION_SERVICE_TOKEN is what services are shown".to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("must not have a query or a fragment; {help}"));
    }
    Ok(url)
}

/// The address of a collector of traces.
pub(super) fn collector_url(text: &str) -> Result<Url, String> {
    let url = service_url(text)?;
    if url.path().ends_with("/v1/traces") {
        return Err("must not end in `/v1/traces`, which is added".to_owned());
    }
    Ok(url)
}

/// A part of a whole.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a number from 0 to 1, such as 0.05".to_owned()),
    }
}

/// A token that can be sent in a header.
pub(super) fn token(text: &str) -> Result<SecretString, String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(SecretString::from(text.to_owned()));
    }
    Err("has characters that a token cannot have: only printable ASCII, without spaces".to_owned())
}

/// The shortest secret that is as strong as HS256.
const SECRET_BYTES: usize = 32;

pub(super) fn secret(text: &str) -> Result<SecretString, String> {
    if text.len() < SECRET_BYTES {
        return Err(format!(
            "has {} bytes and can be guessed: it must have at least {SECRET_BYTES}; `openssl rand -base64 48` makes one",
            text.len()
        ));
    }
    Ok(SecretString::from(text.to_owned()))
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(format!("must be `true` or `false`, not `{text}`")),
    }
}

/// The longest duration: a hundred years, so that sums of times never overflow.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let help = || format!("must be a duration such as `500ms`, `30s`, `5min`, `2h` or `7d`, not `{text}`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| help())?;
    let seconds = match unit.trim() {
        "ms" => return Ok(Duration::from_millis(number).min(LONGEST)),
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(help()),
    };
    Ok(Duration::from_secs(number.saturating_mul(seconds)).min(LONGEST))
}

/// A duration above zero.
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be longer than 0".to_owned()),
        long => Ok(long),
    }
}

/// For how long something is kept, at least two days; `off` for ever.
pub(super) fn retention(text: &str) -> Result<Option<Duration>, String> {
    const SHORTEST: Duration = Duration::from_secs(2 * 86_400);
    if text == "off" {
        return Ok(None);
    }
    let kept = duration(text).map_err(|error| format!("{error}, or `off`"))?;
    if kept < SHORTEST {
        return Err("must be at least `2d`, or `off`: answers are looked up for a day".to_owned());
    }
    Ok(Some(kept))
}

/// A folder or bucket.
pub(super) fn archive(text: &str) -> Result<Location, String> {
    match location(text)? {
        Location::Service(_) => {
            Err("must be a folder (`file://…`) or a bucket (`s3://…`, `gs://…`, `az://…`)".to_owned())
        }
        place => Ok(place),
    }
}

pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let help = || format!("must be a number of bytes such as `65536`, `64KiB` or `1MiB`, not `{text}`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: usize = number.parse().map_err(|_| help())?;
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return Err(help()),
    };
    number
        .checked_mul(factor)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(help)
}

/// A whole number from 1.
pub(super) fn count<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(number) if number >= T::from(1) => Ok(number),
        _ => Err(format!("must be a whole number from 1, not `{text}`")),
    }
}

/// Comma-separated texts.
pub(super) fn points(text: &str) -> Result<Points, String> {
    let number = text
        .parse()
        .map_err(|_| "expected a number of points, such as `1000`".to_owned())?;
    Points::new(number).map_err(|error| error.to_string())
}

pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect())
}

pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    let origins = list(text)?;
    for origin in &origins {
        let is_origin = Url::parse(origin)
            .is_ok_and(|url| url.has_host() && url.origin().ascii_serialization() == *origin);
        if origin != "*" && !is_origin {
            return Err(format!(
                "must name origins such as `https://app.example`, or `*`, not `{origin}`"
            ));
        }
    }
    Ok(origins)
}

/// Where files are kept.
pub(super) fn location(text: &str) -> Result<Location, String> {
    text.parse().map_err(|error: UploadError| error.to_string())
}

/// Types of files, at least one.
pub(super) fn media_types(text: &str) -> Result<Vec<MediaType>, String> {
    let types: Vec<MediaType> = list(text)?
        .iter()
        .map(|item| item.parse())
        .collect::<Result<_, _>>()
        .map_err(|error: String| format!("must name types of files: {error}"))?;
    if types.is_empty() {
        return Err("must name a type of file, such as `image/png`".to_owned());
    }
    Ok(types)
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |item: &String| {
        item.parse::<IpNet>()
            .or_else(|_| item.parse::<std::net::IpAddr>().map(IpNet::from))
            .map_err(|_| {
                format!("must name addresses or networks such as `10.0.0.1` or `10.0.0.0/8`, not `{item}`")
            })
    };
    list(text)?.iter().map(network).collect()
}

/// One of some words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            format!("must be one of {}, not `{text}`", known.join(", "))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read() {
        for (text, seconds) in [
            ("30s", 30.0),
            ("5", 5.0),
            ("500ms", 0.5),
            ("5min", 300.0),
            ("2h", 7200.0),
            ("7d", 604_800.0),
        ] {
            assert_eq!(
                duration(text).map(|time| time.as_secs_f64()),
                Ok(seconds),
                "{text}"
            );
        }
        for text in ["", "s", "-1s", "1 fortnight", "1.5s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(duration("99999999999999999d"), Ok(LONGEST));
        assert_eq!(retention("off"), Ok(None));
        assert_eq!(retention("2d"), Ok(Some(Duration::from_secs(2 * 86_400))));
        assert!(retention("47h").is_err_and(|why| why.contains("at least `2d`")));
        assert!(retention("never").is_err_and(|why| why.contains("or `off`")));
        assert!(archive("https://host").is_err_and(|why| why.contains("must be a folder")));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert!(bytes("0").is_err() && bytes("99999999999999999999").is_err() && bytes("1XB").is_err());
    }

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["127.0.0.1:0", "[::1]:80", "localhost:8080", "0.0.0.0:65535"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in ["8080", ":8080", "host", "host:http", "host:70000"] {
            assert!(address(bad).is_err(), "{bad}");
        }
        assert!(networks("10.0.0.0/8, ::1,192.168.1.7").is_ok_and(|all| all.len() == 3));
        assert!(networks("10.0.0.0/40").is_err());
        assert!(origins("https://a.example,http://localhost:3000,*").is_ok());
        assert!(origins("https://a.example/").is_err() && origins("a.example").is_err());
    }

    #[test]
    fn places_and_types_of_files_are_told_from_other_texts() {
        assert!(location("file:///var/files").is_ok() && location("files").is_ok());
        for (text, reason) in [
            ("file://", "names no folder"),
            ("ftp://host/x", "knows"),
            ("https://a:b@storage.example", "no credentials"),
        ] {
            let told = location(text).unwrap_err();
            assert!(told.contains(reason) && told.contains("s3://BUCKET"), "{told}");
        }
        #[cfg(not(feature = "s3"))]
        assert!(location("s3://bucket").unwrap_err().contains("feature `s3`"));
        #[cfg(feature = "s3")]
        assert!(location("s3://key:hunter2@bucket").is_err_and(|told| !told.contains("hunter2")));
        assert_eq!(
            media_types("image/png, application/pdf"),
            Ok(vec![MediaType::Png, MediaType::Pdf])
        );
        assert!(media_types("image/svg+xml").is_err_and(|told| told.contains("video/mp4")));
        assert!(media_types(" , ").is_err());
    }

    #[test]
    fn a_foreign_database_is_refused_without_its_password() {
        assert_eq!(
            database_url("sqlite://mission.db").unwrap().to_string(),
            "sqlite://mission.db"
        );
        assert_eq!(
            database_url("sqlite:///var/m.db?mode=rwc").unwrap().to_string(),
            "sqlite:///var/m.db"
        );
        for text in [
            "mysql://u:hunter2@db/x",
            "postgres://u:hunter2@db:port/x",
            "postgres://",
        ] {
            let reason = database_url(text).unwrap_err();
            assert!(
                !reason.contains("hunter2") && reason.contains("postgres://USER"),
                "{reason}"
            );
        }
    }

    #[test]
    fn an_address_of_postgres_shows_no_password() {
        for (text, shown) in [
            ("postgres://u:hunter2@db:6543/x", "postgres://u:***@db:6543/x"),
            ("postgresql://u@db/x", "postgresql://u@db/x"),
            ("postgres://db/x?password=hunter2", "postgres://db/x"),
            (
                "postgres:///x?host=/run/postgresql&password=hunter2",
                "postgres:///x",
            ),
        ] {
            let url = database_url(text).unwrap();
            assert_eq!(url.to_string(), shown);
            let DatabaseUrl::Postgres(url) = url else {
                panic!("{text}");
            };
            assert_eq!(url.expose(), text);
            assert!(!format!("{:?}", DatabaseUrl::Postgres(url)).contains("hunter2"));
        }
    }
}
