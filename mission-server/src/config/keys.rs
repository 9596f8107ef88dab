//! Every setting by name. Flags, variables and the file's keys follow from the name.

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// The name in the file, with dots between tables.
    pub(super) name: &'static str,
    /// What stands for the value in `--help`.
    pub(super) value: &'static str,
    /// One sentence for `--help`; the file says more.
    pub(super) help: &'static str,
    /// Under which heading `--help` shows it.
    pub(super) heading: &'static str,
    /// For what is or holds a secret: the name under which a file can be named that holds it.
    pub(super) file: Option<&'static str>,
    /// Whether an empty value means something; else it is refused as a variable, and counts as not given elsewhere.
    pub(super) may_be_empty: bool,
}

/// The variable: `MISSION_DATABASE_URL` for `database.url`.
pub(super) fn variable(name: &str) -> String {
    format!("MISSION_{}", name.replace('.', "_").to_ascii_uppercase())
}

/// The flag without dashes: `database-url` for `database.url`.
pub(super) fn flag(name: &str) -> String {
    name.replace(['.', '_'], "-")
}

impl Key {
    /// How the values are written, for `--help`.
    pub(super) fn unit(&self) -> &'static str {
        match self.value {
            "DURATION" => "; such as 500ms, 30s, 5min, 2h, 7d; seconds where no unit is given",
            "BYTES" => "; such as 65536, 64KiB, 1MiB; bytes where no unit is given",
            _ => "",
        }
    }

    /// Its name, and that of the file which may hold it.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.file)
    }

    /// Whether the flag alone means `true`.
    pub(super) fn is_switch(&self) -> bool {
        self.value == "BOOL"
    }
}

const fn key(heading: &'static str, name: &'static str, value: &'static str, help: &'static str) -> Key {
    Key {
        name,
        value,
        help,
        heading,
        file: None,
        may_be_empty: false,
    }
}

/// A setting that is or holds a secret, and can be read from a file that `file` names.
const fn secret(
    heading: &'static str,
    name: &'static str,
    file: &'static str,
    value: &'static str,
    help: &'static str,
) -> Key {
    Key {
        file: Some(file),
        ..key(heading, name, value, help)
    }
}

const SERVER: &str = "Server";
const DATABASE: &str = "Database";
const REDIS: &str = "Redis";
const BROKER: &str = "RabbitMQ";
const TOKENS: &str = "Tokens";
const NEIGHBOURS: &str = "Other services";
const HTTP: &str = "HTTP";
const UPLOADS: &str = "Uploads";
const FRAUD: &str = "Anti-fraud";
const ENGINE: &str = "Engine";
const RETENTION: &str = "Retention";
const SCRIPTS: &str = "Limits of mission scripts";

/// All settings, in the order of the file.
pub(super) const KEYS: &[Key] = &[
    key(
        SERVER,
        "listen",
        "HOST:PORT",
        "Where to listen; port 0 picks a free one",
    ),
    key(
        SERVER,
        "tls.cert",
        "FILE",
        "Serve HTTPS: a certificate in PEM, followed by those that vouch for it",
    ),
    key(SERVER, "tls.key", "FILE", "Its private key in PEM"),
    key(
        SERVER,
        "public_url",
        "URL",
        "Where other services reach this server: https://HOST; by default where it listens",
    ),
    key(
        SERVER,
        "pack",
        "DIR",
        "A pack that is loaded, and whose new missions are activated, at start",
    ),
    key(
        SERVER,
        "log",
        "FILTER",
        "What is logged: off, error, warn, info, debug, trace, or target=level lists",
    ),
    key(
        SERVER,
        "log_format",
        "FORMAT",
        "How it is logged, on stderr: json or pretty",
    ),
    key(
        SERVER,
        "traces.endpoint",
        "URL",
        "Send traces to a collector by OTLP over HTTP, such as http://127.0.0.1:4318",
    ),
    key(
        SERVER,
        "traces.sample",
        "SHARE",
        "The part of the traces that begin here which is sent, from 0 to 1",
    ),
    key(
        SERVER,
        "ready_requires",
        "WHAT",
        "What /health/ready needs: all, or database alone",
    ),
    key(
        SERVER,
        "drain",
        "DURATION",
        "How long a server that was told to stop still serves while /health/ready says that it is not ready",
    ),
    key(
        SERVER,
        "shutdown_timeout",
        "DURATION",
        "How long a stopping server waits for running requests",
    ),
    key(
        SERVER,
        "dev",
        "BOOL",
        "Development server: own database, known key, example pack, test clock; never in production",
    ),
    key(
        SERVER,
        "test_clock",
        "BOOL",
        "Adds /dev/clock, open to all, which sets the domain's time; never in production",
    ),
    secret(
        DATABASE,
        "database.url",
        "database.url_file",
        "URL",
        "Where everything is kept: sqlite://FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE",
    ),
    key(
        DATABASE,
        "database.connect_timeout",
        "DURATION",
        "How long to try to reach the database before giving up",
    ),
    key(
        DATABASE,
        "database.connections",
        "N",
        "Connections to PostgreSQL at most",
    ),
    key(
        DATABASE,
        "database.prepared_statements",
        "BOOL",
        "Whether PostgreSQL keeps statements prepared; false behind a PgBouncer in transaction mode before 1.21",
    ),
    secret(
        REDIS,
        "redis.url",
        "redis.url_file",
        "URL",
        "A Redis that servers share: redis://HOST:PORT, rediss:// for TLS, or a cluster's nodes with commas between",
    ),
    secret(
        BROKER,
        "amqp.url",
        "amqp.url_file",
        "URL",
        "A RabbitMQ through which events leave: amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS",
    ),
    Key {
        may_be_empty: true,
        ..key(
            BROKER,
            "amqp.wallet_queue",
            "NAME",
            "The queue that keeps what moves points until a wallet takes it; empty for none",
        )
    },
    secret(
        TOKENS,
        "jwt.secret",
        "jwt.secret_file",
        "SECRET",
        "The shared secret of HS256 tokens; better set as a variable, where `ps` does not show it",
    ),
    key(
        TOKENS,
        "jwt.jwks_url",
        "URL",
        "The address of the keys of RS256, ES256 and EdDSA tokens",
    ),
    key(
        TOKENS,
        "jwt.jwks_file",
        "FILE",
        "A file with such keys; read again when it changes",
    ),
    key(TOKENS, "jwt.issuer", "TEXT", "The only `iss` that is taken"),
    key(TOKENS, "jwt.audience", "TEXT", "The `aud` that tokens must name"),
    key(
        TOKENS,
        "jwt.leeway",
        "DURATION",
        "How far the clocks of issuer and server may be apart",
    ),
    key(
        TOKENS,
        "jwt.refresh",
        "DURATION",
        "How often keys are fetched again",
    ),
    key(
        NEIGHBOURS,
        "iam.url",
        "URL",
        "The IAM service, which knows names and pictures of users: https://HOST",
    ),
    key(
        NEIGHBOURS,
        "social.url",
        "URL",
        "The social service, which knows friends: https://HOST",
    ),
    key(
        NEIGHBOURS,
        "moderation.url",
        "URL",
        "The moderation service, which judges uploads: https://HOST",
    ),
    secret(
        NEIGHBOURS,
        "moderation.secret",
        "moderation.secret_file",
        "SECRET",
        "What moderation signs its callbacks with: whsec_ and base64",
    ),
    secret(
        NEIGHBOURS,
        "service_token",
        "service_token_file",
        "TOKEN",
        "The bearer token that is sent to all of them",
    ),
    key(
        NEIGHBOURS,
        "neighbours.allowed_addresses",
        "ADDRESSES",
        "Link-local or metadata addresses and networks that may be called all the same, comma-separated",
    ),
    key(
        NEIGHBOURS,
        "webhooks.allowed_addresses",
        "NETWORKS",
        "Networks that are not public and may be told of events by webhooks, also without TLS: ADDRESS[/BITS],…",
    ),
    key(HTTP, "http.body_limit", "BYTES", "The largest request body"),
    key(
        HTTP,
        "http.request_timeout",
        "DURATION",
        "How long a request may take",
    ),
    key(
        HTTP,
        "http.max_requests",
        "N",
        "Requests of users that are served at once; one more is refused with 503",
    ),
    key(
        HTTP,
        "http.max_connections",
        "N",
        "Connections that are open at once; further ones wait",
    ),
    key(
        HTTP,
        "http.body_timeout",
        "DURATION",
        "How long a client may pause while it sends a body",
    ),
    key(
        HTTP,
        "http.cors_origins",
        "ORIGINS",
        "Origins whose pages may call the API, comma-separated; * for all",
    ),
    key(
        HTTP,
        "trusted_proxies",
        "ADDRESSES",
        "Addresses or networks of proxies whose X-Forwarded-For is believed, comma-separated",
    ),
    key(
        UPLOADS,
        "storage.url",
        "URL",
        "Where uploaded files are kept: file://FOLDER, s3://BUCKET/PREFIX, gs://… or az://…",
    ),
    key(
        UPLOADS,
        "upload.max_bytes",
        "BYTES",
        "The largest file that is taken",
    ),
    key(
        UPLOADS,
        "upload.types",
        "TYPES",
        "The types of files that are taken, comma-separated, such as image/png",
    ),
    key(
        UPLOADS,
        "upload.max_pixels",
        "N",
        "Width times height of an image at most",
    ),
    key(
        UPLOADS,
        "upload.decode_time",
        "DURATION",
        "How long an image may take to decode",
    ),
    secret(
        UPLOADS,
        "upload.link_secret",
        "upload.link_secret_file",
        "SECRET",
        "What links to files are signed with, alike on all servers",
    ),
    key(
        FRAUD,
        "fraud.rate_limit_per_user",
        "RATE",
        "Changes that one user may ask for: N/s, N/min, N/h or off",
    ),
    key(
        FRAUD,
        "fraud.rate_limit_per_address",
        "RATE",
        "Changes that may be asked for from one address: N/s, N/min, N/h or off",
    ),
    key(
        FRAUD,
        "fraud.flag_devices",
        "MODE",
        "What unknown and shared devices do: on (review), observe (count only), off",
    ),
    key(
        FRAUD,
        "fraud.require_device",
        "BOOL",
        "Whether check-ins, completions and claims must name their device",
    ),
    key(
        FRAUD,
        "fraud.shared_device_users",
        "N",
        "So many other users make a device a shared one",
    ),
    key(FRAUD, "fraud.shared_device_window", "DURATION", "Within so long"),
    key(
        FRAUD,
        "fraud.remember_addresses",
        "BOOL",
        "Whether hashes of the addresses that users come from are kept",
    ),
    key(
        FRAUD,
        "fraud.approve_grants_above",
        "POINTS",
        "Grants by hand of more points need a second operator's approval",
    ),
    key(
        FRAUD,
        "fraud.approve_revocations_above",
        "POINTS",
        "Revocations by hand of more granted points need a second operator's approval",
    ),
    key(
        FRAUD,
        "fraud.assignment_minutes",
        "N",
        "For how long a review is left to the reviewer who takes it on",
    ),
    key(
        FRAUD,
        "fraud.review_timeout_hours",
        "N",
        "After how many hours a review that nobody has decided is decided without a person",
    ),
    key(
        FRAUD,
        "fraud.review_timeout",
        "MODE",
        "How it is decided then: reject, approve",
    ),
    key(
        FRAUD,
        "fraud.find_rings",
        "BOOL",
        "Whether rings of accounts are looked for: on, off",
    ),
    key(FRAUD, "fraud.find_rings_every", "DURATION", "How often"),
    key(
        ENGINE,
        "events.ahead_window",
        "DURATION",
        "How far ahead of the clock an activity event may be",
    ),
    key(
        ENGINE,
        "events.late_window",
        "DURATION",
        "How late an activity event may come",
    ),
    key(
        ENGINE,
        "write.batch",
        "N",
        "Commands that are committed together at most; 1 = one a transaction",
    ),
    key(
        ENGINE,
        "write.batches",
        "N",
        "Batches under way at once; 2 pays where the database is far away",
    ),
    key(
        ENGINE,
        "write.queue",
        "N",
        "Commands that may wait; one more is refused with 503",
    ),
    key(
        RETENTION,
        "retention.journal",
        "DURATION|off",
        "How long journal entries are kept, at least 2d; off = for ever",
    ),
    key(
        RETENTION,
        "retention.expired_tasks",
        "DURATION|off",
        "How long tasks are kept after they have expired, at least 2d; off = for ever",
    ),
    key(
        RETENTION,
        "retention.archive",
        "URL",
        "Where they are written as JSON Lines before they go: file://FOLDER, s3://BUCKET/PREFIX, gs://… or az://…",
    ),
    key(SCRIPTS, "scripts.bytes", "BYTES", "The longest source"),
    key(SCRIPTS, "scripts.functions", "N", "Functions of one script"),
    key(SCRIPTS, "scripts.operations", "N", "Operations of one evaluation"),
    key(
        SCRIPTS,
        "scripts.wall_time",
        "DURATION",
        "Wall time of one evaluation",
    ),
    key(
        SCRIPTS,
        "scripts.call_depth",
        "N",
        "Function calls within each other",
    ),
    key(
        SCRIPTS,
        "scripts.expression_depth",
        "N",
        "Expressions within each other",
    ),
    key(
        SCRIPTS,
        "scripts.variables",
        "N",
        "Variables alive at once in one call",
    ),
    key(
        SCRIPTS,
        "scripts.string_bytes",
        "BYTES",
        "Bytes of all strings within one value",
    ),
    key(
        SCRIPTS,
        "scripts.array_items",
        "N",
        "Items of all lists within one value",
    ),
    key(
        SCRIPTS,
        "scripts.map_entries",
        "N",
        "Entries of all maps within one value",
    ),
];

pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The setting that a file holds which this name names.
pub(super) fn find_file(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.file == Some(name))
}

/// The nearest of some names, if one is near enough to have been meant.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}
