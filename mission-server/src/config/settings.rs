//! The settings as the server uses them.

use std::{fmt, path::PathBuf, time::Duration};

use ipnet::IpNet;
use mission_core::{
    Points,
    engine::Limits,
    event::LateWindow,
    fraud::{CheckMode, FraudPolicy, ReviewTimeout},
};
use secrecy::SecretString;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use url::Url;

use super::{
    ConfigError, DatabaseUrl, EffectiveSetting, effective,
    layers::{Layers, Origin},
    values,
};
use crate::{
    amqp::BrokerSettings,
    auth::DEVELOPMENT_SECRET,
    http::{HttpSettings, Quota},
    neighbours::{AddressGuard, CallbackKey, NeighbourSettings},
    telemetry::TraceSettings,
    uploads::{self, Location},
};

/// All settings of the server. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `HOST:PORT`.
    pub listen: String,
    /// What HTTPS is spoken with; none where it is HTTP.
    pub tls: Option<TlsSettings>,
    /// Where others reach this server, where that is not where it listens.
    pub public_url: Option<Url>,
    /// Networks that are not public and may be told of events by webhooks.
    pub webhook_addresses: Vec<IpNet>,
    /// Whether this is a development server.
    pub dev: bool,
    /// Whether the domain's clock can be set.
    pub test_clock: bool,
    /// Where the data is.
    pub database: DatabaseSettings,
    /// The addresses of Redis, several for a cluster; none where there is none.
    pub redis: Vec<SecretString>,
    /// The broker, where there is one.
    pub amqp: Option<BrokerSettings>,
    /// Who is let in.
    pub jwt: JwtSettings,
    /// What is applied at start.
    pub pack: Option<PackSource>,
    /// Other services.
    pub neighbours: NeighbourSettings,
    /// Limits of requests.
    pub http: HttpSettings,
    /// Proxies whose word on a client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Files that users upload.
    pub uploads: UploadSettings,
    /// Checks against fraud.
    pub fraud: FraudSettings,
    /// How early and late activity events may come.
    pub late_window: LateWindow,
    /// How commands are batched.
    pub write: Limits,
    /// For how long what grows is kept.
    pub retention: RetentionSettings,
    /// What scripts may use.
    pub scripts: mission_rules::Limits,
    /// What readiness needs.
    pub ready_requires: ReadyRequires,
    /// All settings as operators see them.
    pub in_force: Vec<EffectiveSetting>,
    /// Settings of the log.
    pub log: LogSettings,
    /// Where traces go, if they go anywhere.
    pub traces: Option<TraceSettings>,
    /// How long a stopping server still serves.
    pub drain: Duration,
    /// How long a stopping server waits for what runs after that.
    pub shutdown_timeout: Duration,
}

/// Settings of a wallet in a process of its own.
#[derive(Clone, Debug)]
pub struct WalletSettings {
    /// `HOST:PORT`, for health and metrics.
    pub listen: String,
    /// Where the ledger is.
    pub database: DatabaseSettings,
    /// The broker.
    pub broker: BrokerSettings,
    /// The queue that it takes events out of.
    pub queue: String,
    /// Settings of the log.
    pub log: LogSettings,
    /// How long a stopping wallet waits for what runs.
    pub shutdown_timeout: Duration,
}

/// The settings that a wallet has; the first two with defaults of their own.
pub(super) const OF_A_WALLET: [&str; 10] = [
    "listen",
    "database.url",
    "database.connect_timeout",
    "database.connections",
    "database.prepared_statements",
    "amqp.url",
    "amqp.wallet_queue",
    "log",
    "log_format",
    "shutdown_timeout",
];

impl WalletSettings {
    pub(super) fn from_layers(mut layers: Layers) -> Result<Self, ConfigError> {
        layers.default_to("listen", "127.0.0.1:8081");
        layers.default_to("database.url", "sqlite://wallet.db");
        let broker = amqp(&layers)?.ok_or_else(|| {
            ConfigError::Conflict(
                "a wallet takes events out of a broker, and there is none: set MISSION_AMQP_URL or `--amqp-url`"
                    .to_owned(),
            )
        })?;
        let queue = broker.wallet_queue.clone().ok_or_else(|| {
            ConfigError::Conflict(
                "a wallet takes events out of a queue: `amqp.wallet_queue` must not be empty".to_owned(),
            )
        })?;
        Ok(WalletSettings {
            listen: layers.need("listen", values::address)?,
            database: database(&layers)?,
            broker,
            queue,
            log: log(&layers)?,
            shutdown_timeout: layers.need("shutdown_timeout", values::positive_duration)?,
        })
    }
}

/// What HTTPS is spoken with. Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The database.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// How long to try to reach it.
    pub connect_timeout: Duration,
    /// Connections to PostgreSQL at most.
    pub connections: u32,
    /// Whether PostgreSQL keeps statements prepared.
    pub prepared_statements: bool,
}

/// Settings for verifying tokens.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// By which keys.
    pub keys: JwtKeys,
    /// The only issuer that is taken.
    pub issuer: Option<String>,
    /// The audience that must be named.
    pub audience: Option<String>,
    /// How far clocks may be apart.
    pub leeway: Duration,
    /// How often keys are fetched again.
    pub refresh: Duration,
}

/// Keys of one kind. Neither `Debug` nor `Display` shows a secret.
#[derive(Clone)]
pub enum JwtKeys {
    /// A shared secret (HS256).
    Secret(SecretString),
    /// Public keys at an address.
    Url(Url),
    /// Public keys in a file.
    File(PathBuf),
}

impl fmt::Display for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JwtKeys::Secret(_) => f.write_str("a shared secret"),
            JwtKeys::Url(url) => {
                let mut shown = url.clone();
                values::hide_secrets(&mut shown);
                write!(f, "those at {shown}")
            }
            JwtKeys::File(path) => write!(f, "those in {}", path.display()),
        }
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtKeys({self})")
    }
}

impl JwtSettings {
    /// Tokens by a shared secret, from any issuer, for any audience.
    #[must_use]
    pub fn with_secret(secret: &str) -> Self {
        Self::with_keys(JwtKeys::Secret(secret.to_owned().into()))
    }

    /// Tokens by some keys, from any issuer, for any audience.
    #[must_use]
    pub fn with_keys(keys: JwtKeys) -> Self {
        let refresh = Duration::from_secs(300);
        JwtSettings {
            keys,
            issuer: None,
            audience: None,
            leeway: Duration::ZERO,
            refresh,
        }
    }
}

/// A pack to apply at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackSource {
    /// A folder.
    Folder(PathBuf),
    /// The example that is built in.
    Example,
}

/// For how long what grows with every command is kept; `None` for ever.
#[derive(Clone, Debug)]
pub struct RetentionSettings {
    /// Journal entries, from when their command was carried out.
    pub journal: Option<Duration>,
    /// Tasks, from when they expired.
    pub expired_tasks: Option<Duration>,
    /// A folder or bucket into which they are written before they go.
    pub archive: Option<Location>,
}

/// Files that users upload.
#[derive(Clone, Debug)]
pub struct UploadSettings {
    /// Where they are kept.
    pub location: Location,
    /// What is taken.
    pub limits: uploads::Limits,
    /// What links to files are signed with, where that is not what tokens are.
    pub link_secret: Option<SecretString>,
}

/// The checks against fraud.
#[derive(Clone, Debug)]
pub struct FraudSettings {
    /// How often one user may change something; `None` = no limit.
    pub rate_limit_per_user: Option<Quota>,
    /// How often one address may; `None` = no limit.
    pub rate_limit_per_address: Option<Quota>,
    /// Grants by hand of more points need a second operator's approval; `None` = none does.
    pub approve_grants_above: Option<Points>,
    /// Revocations by hand of more points need another operator; none does without it.
    pub approve_revocations_above: Option<Points>,
    /// For how many minutes a review is left to the reviewer who takes it on.
    pub assignment_minutes: u32,
    /// After how many hours a review that nobody has decided is decided without a person, and how; `None` = never.
    pub review_timeout: Option<(u32, ReviewTimeout)>,
    /// How often rings of accounts are looked for; `None` = never.
    pub find_rings_every: Option<Duration>,
    /// What is checked within a command.
    pub policy: FraudPolicy,
}

/// The dependencies that readiness requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyRequires {
    /// All that is configured.
    All,
    /// The database.
    Database,
}

/// Settings of the log.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// Which lines.
    pub filter: Targets,
    /// In which form.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// For people.
    Pretty,
}

impl Settings {
    pub(super) fn from_layers(mut layers: Layers) -> Result<Self, ConfigError> {
        let dev = settle(&mut layers)?;
        let settings = Settings {
            listen: layers.need("listen", values::address)?,
            tls: tls(&layers)?,
            public_url: layers.read("public_url", values::public_url)?,
            dev,
            test_clock: layers.need("test_clock", values::switch)?,
            database: database(&layers)?,
            redis: layers.read("redis.url", values::redis_urls)?.unwrap_or_default(),
            amqp: amqp(&layers)?,
            jwt: jwt(&layers)?,
            pack: match layers.read("pack", values::path)? {
                Some(folder) => Some(PackSource::Folder(folder)),
                None => dev.then_some(PackSource::Example),
            },
            neighbours: neighbours(&layers)?,
            http: HttpSettings {
                body_limit: layers.need("http.body_limit", values::bytes)?,
                timeout: layers.need("http.request_timeout", values::positive_duration)?,
                max_requests: layers.need("http.max_requests", values::count)?,
                max_connections: layers.need("http.max_connections", values::count)?,
                body_timeout: layers.need("http.body_timeout", values::positive_duration)?,
                development: dev,
                cors_origins: layers
                    .read("http.cors_origins", values::origins)?
                    .unwrap_or_default(),
            },
            webhook_addresses: layers
                .read("webhooks.allowed_addresses", values::networks)?
                .unwrap_or_default(),
            trusted_proxies: layers
                .read("trusted_proxies", values::networks)?
                .unwrap_or_default(),
            uploads: uploads(&layers)?,
            fraud: fraud(&layers)?,
            late_window: LateWindow {
                ahead: layers.need("events.ahead_window", chrono_duration)?,
                behind: layers.need("events.late_window", chrono_duration)?,
            },
            write: Limits {
                queue: layers.need("write.queue", values::count)?,
                batch: layers.need("write.batch", values::count)?,
                batches: layers.need("write.batches", values::count)?,
                ..Limits::default()
            },
            retention: RetentionSettings {
                journal: layers.need("retention.journal", values::retention)?,
                expired_tasks: layers.need("retention.expired_tasks", values::retention)?,
                archive: layers.read("retention.archive", values::archive)?,
            },
            scripts: scripts(&layers)?,
            ready_requires: layers.need("ready_requires", |text| {
                values::word(
                    text,
                    &[("all", ReadyRequires::All), ("database", ReadyRequires::Database)],
                )
            })?,
            log: log(&layers)?,
            traces: traces(&layers)?,
            drain: layers.need("drain", values::duration)?,
            shutdown_timeout: layers.need("shutdown_timeout", values::positive_duration)?,
            in_force: effective::settings(&layers),
        };
        if settings.test_clock && !matches!(settings.jwt.keys, JwtKeys::Secret(_)) {
            return Err(ConfigError::Conflict(
                "`--test-clock` lets everybody set the time, so it is refused together with `jwt.jwks_url` and \
                 `jwt.jwks_file`, the keys of a real deployment; leave one of the two out"
                    .to_owned(),
            ));
        }
        if settings.neighbours.moderation.is_some()
            && settings.public_url.is_none()
            && !values::is_loopback(&settings.listen)
        {
            return Err(ConfigError::Conflict(
                "`moderation.url` is set, and moderation has to reach this server, to read files and to call back; say \
                 where with `public_url`"
                    .to_owned(),
            ));
        }
        Ok(settings)
    }
}

/// Brings in what a development server has of its own, if it is to be one.
pub(super) fn settle(layers: &mut Layers) -> Result<bool, ConfigError> {
    let dev = layers.need("dev", values::switch)?;
    if dev {
        develop(layers)?;
    }
    Ok(dev)
}

fn develop(layers: &mut Layers) -> Result<(), ConfigError> {
    for (key, own) in [
        ("database.url", "keeps its data in `./.mission-dev/` alone"),
        ("storage.url", "keeps its files in `./.mission-dev/` alone"),
        ("tls.cert", "speaks HTTP on loopback alone"),
        ("tls.key", "speaks HTTP on loopback alone"),
        ("jwt.jwks_url", "has a key of its own"),
        ("jwt.jwks_file", "has a key of its own"),
    ] {
        if let Some(origin) = layers.given(key) {
            return Err(not_with_dev(key, origin, own));
        }
    }
    if let Some(origin) = layers.given("listen")
        && !layers.get("listen").is_some_and(values::is_loopback)
    {
        let own = "has a key that everybody knows, so it listens on loopback alone, such as `127.0.0.1:0`";
        return Err(not_with_dev("listen", origin, own));
    }
    if layers
        .get("jwt.secret")
        .is_some_and(|secret| secret != DEVELOPMENT_SECRET)
    {
        return Err(ConfigError::Conflict(
            "`--dev` has a key that everybody knows; leave `jwt.secret` out, or start without `--dev`, with \
             `--test-clock` if that is what you need"
                .to_owned(),
        ));
    }
    layers.develop("jwt.secret", DEVELOPMENT_SECRET);
    layers.develop("database.url", "sqlite://.mission-dev/mission.db");
    layers.develop("storage.url", "file://.mission-dev/files");
    layers.develop("test_clock", "true");
    layers.develop("drain", "0s");
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        layers.develop("log_format", "pretty");
    }
    Ok(())
}

fn not_with_dev(key: &str, origin: &Origin, own: &str) -> ConfigError {
    ConfigError::Conflict(format!(
        "`--dev` {own}, but `{key}` is set ({origin}); leave it out, or start without `--dev`"
    ))
}

fn jwt(layers: &Layers) -> Result<JwtSettings, ConfigError> {
    let secret = layers.read("jwt.secret", values::secret)?.map(JwtKeys::Secret);
    let url = layers.read("jwt.jwks_url", values::web_url)?.map(JwtKeys::Url);
    let file = layers.read("jwt.jwks_file", values::path)?.map(JwtKeys::File);
    let mut given = [secret, url, file].into_iter().flatten();
    let keys = given.next().ok_or(ConfigError::NoKey)?;
    if given.next().is_some() {
        return Err(ConfigError::Conflict(
            "`jwt.secret`, `jwt.jwks_url` and `jwt.jwks_file` exclude each other: a server takes tokens of one kind; \
             keep the one that your identity provider uses"
                .to_owned(),
        ));
    }
    Ok(JwtSettings {
        keys,
        issuer: layers.read("jwt.issuer", values::text)?,
        audience: layers.read("jwt.audience", values::text)?,
        leeway: layers.need("jwt.leeway", values::duration)?,
        refresh: layers.need("jwt.refresh", values::positive_duration)?,
    })
}

fn tls(layers: &Layers) -> Result<Option<TlsSettings>, ConfigError> {
    let (certificate, key) = (
        layers.read("tls.cert", values::path)?,
        layers.read("tls.key", values::path)?,
    );
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsSettings { certificate, key })),
        (None, None) => Ok(None),
        _ => Err(ConfigError::Conflict(
            "`tls.cert` and `tls.key` belong together: set both, or neither".to_owned(),
        )),
    }
}

fn database(layers: &Layers) -> Result<DatabaseSettings, ConfigError> {
    Ok(DatabaseSettings {
        url: layers.need("database.url", values::database_url)?,
        connect_timeout: layers.need("database.connect_timeout", values::duration)?,
        connections: layers.need("database.connections", values::count)?,
        prepared_statements: layers.need("database.prepared_statements", values::switch)?,
    })
}

fn log(layers: &Layers) -> Result<LogSettings, ConfigError> {
    let formats = [("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    Ok(LogSettings {
        filter: layers.need("log", log_filter)?,
        format: layers.need("log_format", |text| values::word(text, &formats))?,
    })
}

fn traces(layers: &Layers) -> Result<Option<TraceSettings>, ConfigError> {
    let endpoint = layers.read("traces.endpoint", values::collector_url)?;
    let sample = layers.need("traces.sample", values::share)?;
    Ok(endpoint.map(|endpoint| TraceSettings { endpoint, sample }))
}

fn amqp(layers: &Layers) -> Result<Option<BrokerSettings>, ConfigError> {
    let wallet_queue = layers.read("amqp.wallet_queue", values::queue)?.flatten();
    let url = layers.read("amqp.url", values::amqp_url)?;
    Ok(url.map(|url| BrokerSettings { url, wallet_queue }))
}

fn neighbours(layers: &Layers) -> Result<NeighbourSettings, ConfigError> {
    let allowed = layers.read("neighbours.allowed_addresses", values::networks)?;
    let allowed = allowed.unwrap_or_default();
    let guard = AddressGuard::new(allowed.clone());
    let service = |key| {
        layers.read(key, |text| {
            let url = values::service_url(text)?;
            guard
                .check(&url)
                .map_err(|refused| format!("cannot be used: {refused}"))?;
            Ok(url)
        })
    };
    Ok(NeighbourSettings {
        iam: service("iam.url")?,
        social: service("social.url")?,
        storage: match layers.need("storage.url", values::location)? {
            Location::Service(_) => service("storage.url")?,
            Location::Folder(_) | Location::Bucket(_) => None,
        },
        moderation: service("moderation.url")?,
        moderation_secret: layers.read("moderation.secret", CallbackKey::parse)?,
        token: layers.read("service_token", values::token)?,
        allowed,
    })
}

fn uploads(layers: &Layers) -> Result<UploadSettings, ConfigError> {
    Ok(UploadSettings {
        location: layers.need("storage.url", values::location)?,
        limits: uploads::Limits {
            max_bytes: layers.need("upload.max_bytes", |text| {
                values::bytes(text).map(|bytes| bytes as u64)
            })?,
            types: layers.need("upload.types", values::media_types)?,
            max_pixels: layers.need("upload.max_pixels", values::count)?,
            decode_time: layers.need("upload.decode_time", values::positive_duration)?,
        },
        link_secret: layers.read("upload.link_secret", values::secret)?,
    })
}

fn fraud(layers: &Layers) -> Result<FraudSettings, ConfigError> {
    let modes = [
        ("on", CheckMode::On),
        ("observe", CheckMode::Observe),
        ("off", CheckMode::Off),
    ];
    let timeouts = [
        ("reject", ReviewTimeout::Reject),
        ("approve", ReviewTimeout::Approve),
    ];
    let timeout = layers.need("fraud.review_timeout", |text| values::word(text, &timeouts))?;
    Ok(FraudSettings {
        rate_limit_per_user: layers.need("fraud.rate_limit_per_user", rate)?,
        rate_limit_per_address: layers.need("fraud.rate_limit_per_address", rate)?,
        approve_grants_above: layers.read("fraud.approve_grants_above", values::points)?,
        approve_revocations_above: layers.read("fraud.approve_revocations_above", values::points)?,
        assignment_minutes: layers.need("fraud.assignment_minutes", values::count)?,
        review_timeout: layers
            .read("fraud.review_timeout_hours", values::count)?
            .map(|hours| (hours, timeout)),
        find_rings_every: layers
            .need("fraud.find_rings", values::switch)?
            .then_some(layers.need("fraud.find_rings_every", values::positive_duration)?),
        policy: FraudPolicy {
            devices: layers.need("fraud.flag_devices", |text| values::word(text, &modes))?,
            require_device: layers.need("fraud.require_device", values::switch)?,
            shared_device_users: layers.need("fraud.shared_device_users", values::count)?,
            shared_device_window: layers.need("fraud.shared_device_window", chrono_duration)?,
            remember_addresses: layers.need("fraud.remember_addresses", values::switch)?,
        },
    })
}

fn scripts(layers: &Layers) -> Result<mission_rules::Limits, ConfigError> {
    Ok(mission_rules::Limits {
        script_bytes: layers.need("scripts.bytes", values::bytes)?,
        functions: layers.need("scripts.functions", values::count)?,
        operations: layers.need("scripts.operations", values::count)?,
        wall_time: layers.need("scripts.wall_time", values::positive_duration)?,
        call_depth: layers.need("scripts.call_depth", values::count)?,
        expression_depth: layers.need("scripts.expression_depth", values::count)?,
        variables: layers.need("scripts.variables", values::count)?,
        string_bytes: layers.need("scripts.string_bytes", values::bytes)?,
        array_items: layers.need("scripts.array_items", values::count)?,
        map_entries: layers.need("scripts.map_entries", values::count)?,
    })
}

fn rate(text: &str) -> Result<Option<Quota>, String> {
    if text == "off" {
        Ok(None)
    } else {
        text.parse().map(Some)
    }
}

fn chrono_duration(text: &str) -> Result<chrono::Duration, String> {
    chrono::Duration::from_std(values::duration(text)?).map_err(|error| error.to_string())
}

fn log_filter(text: &str) -> Result<Targets, String> {
    let help = "is no filter such as `info` or `info,mission_server=debug`";
    // A lone word that is no level would be taken for a target, and everything else fall silent.
    let stray = text
        .split(',')
        .find(|part| !part.contains('=') && part.trim().parse::<LevelFilter>().is_err());
    match (stray, text.parse()) {
        (None, Ok(filter)) => Ok(filter),
        (Some(word), _) => Err(format!("{help}: `{word}` is no level")),
        (None, Err(error)) => Err(format!("{help}: {error}")),
    }
}
