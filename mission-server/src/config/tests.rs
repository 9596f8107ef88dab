use super::{
    environment,
    keys::{self, KEYS},
    layers::Layers,
    settings::{JwtKeys, PackSource, Settings},
    *,
};
use crate::auth::DEVELOPMENT_SECRET;

const SECRET: &str = "MISSION_JWT_SECRET";
const LONG: &str = "0123456789abcdef0123456789abcdef";

/// The settings of a file alone.
fn of_file(text: &str) -> Result<Settings, ConfigError> {
    let mut layers = Layers::defaults()?;
    layers.take_file(text, "my.toml", |path| layers::Origin::File(path.to_owned()))?;
    Settings::from_layers(layers)
}

/// The settings of a file with a good key.
fn with_key(text: &str) -> Result<Settings, ConfigError> {
    of_file(&format!("jwt.secret = \"{LONG}\"\n{text}"))
}

fn of_flags(flags: &[&str]) -> Result<Settings, ConfigError> {
    let matches = command()
        .try_get_matches_from([&["mission-server"], flags].concat())
        .expect("flags");
    let mut layers = Layers::defaults()?;
    layers.take_matches(&matches)?;
    Settings::from_layers(layers)
}

#[test]
fn the_printed_file_holds_every_setting() {
    let table: toml::Table = DEFAULT_FILE.parse().expect("TOML");
    for key in KEYS {
        let mut at = Some(&table);
        let mut parts = key.name.split('.').peekable();
        let mut found = false;
        while let (Some(part), Some(level)) = (parts.next(), at) {
            match parts.peek() {
                Some(_) => at = level.get(part).and_then(toml::Value::as_table),
                None => found = level.contains_key(part),
            }
        }
        let last = key.name.rsplit('.').next().unwrap_or_default();
        assert!(
            found || DEFAULT_FILE.contains(&format!("\n# {last} = ")),
            "{} is not documented",
            key.name
        );
    }
}

#[test]
fn the_defaults_are_those_of_the_types() {
    let settings = with_key("").expect("defaults");
    assert_eq!(settings.scripts, mission_rules::Limits::default());
    assert_eq!(settings.write, mission_core::engine::Limits::default());
    assert_eq!(settings.late_window, mission_core::event::LateWindow::default());
    assert_eq!(settings.fraud.policy, mission_core::fraud::FraudPolicy::default());
    let http = crate::http::HttpSettings::default();
    assert_eq!(
        (settings.http.body_limit, settings.http.timeout),
        (http.body_limit, http.timeout)
    );
    assert_eq!(
        (settings.http.max_requests, settings.http.max_connections),
        (http.max_requests, http.max_connections)
    );
    assert_eq!(settings.http.body_timeout, http.body_timeout);
    assert_eq!(settings.uploads.limits, crate::uploads::Limits::default());
    assert_eq!(settings.uploads.location.to_string(), "file://mission-files");
    let rates = [
        settings.fraud.rate_limit_per_user,
        settings.fraud.rate_limit_per_address,
    ];
    assert_eq!(
        rates.map(|rate| rate.map(|rate| rate.to_string())),
        [Some("120/min".into()), Some("1200/min".into())]
    );
    assert_eq!(settings.listen, "127.0.0.1:8080");
    assert_eq!(settings.database.url.to_string(), "sqlite://mission.db");
    assert_eq!(settings.database.connect_timeout.as_secs(), 30);
    let postgres = crate::store::postgres::PostgresOptions::default();
    assert_eq!(
        (
            settings.database.connections,
            settings.database.prepared_statements
        ),
        (postgres.connections, postgres.prepared_statements)
    );
    assert!(!settings.dev && !settings.test_clock && settings.pack.is_none());
    assert_eq!(settings.drain, std::time::Duration::from_secs(5));
}

#[test]
fn names_of_flags_and_variables_follow_from_the_setting() {
    let names = |name| keys::find(name).map(|key| (keys::flag(key.name), keys::variable(key.name)));
    assert_eq!(
        names("jwt.jwks_url"),
        Some(("jwt-jwks-url".to_owned(), "MISSION_JWT_JWKS_URL".to_owned()))
    );
    for (name, variable) in [
        ("listen", "MISSION_LISTEN"),
        ("database.url", "MISSION_DATABASE_URL"),
        ("database.connect_timeout", "MISSION_DATABASE_CONNECT_TIMEOUT"),
        ("database.connections", "MISSION_DATABASE_CONNECTIONS"),
        ("jwt.secret", SECRET),
        ("jwt.issuer", "MISSION_JWT_ISSUER"),
        ("fraud.rate_limit_per_user", "MISSION_FRAUD_RATE_LIMIT_PER_USER"),
        ("fraud.flag_devices", "MISSION_FRAUD_FLAG_DEVICES"),
        ("fraud.require_device", "MISSION_FRAUD_REQUIRE_DEVICE"),
        ("fraud.remember_addresses", "MISSION_FRAUD_REMEMBER_ADDRESSES"),
        ("storage.url", "MISSION_STORAGE_URL"),
        ("upload.max_bytes", "MISSION_UPLOAD_MAX_BYTES"),
        ("upload.types", "MISSION_UPLOAD_TYPES"),
        ("trusted_proxies", "MISSION_TRUSTED_PROXIES"),
        ("ready_requires", "MISSION_READY_REQUIRES"),
        ("write.batch", "MISSION_WRITE_BATCH"),
        ("write.batches", "MISSION_WRITE_BATCHES"),
        ("retention.journal", "MISSION_RETENTION_JOURNAL"),
        ("retention.archive", "MISSION_RETENTION_ARCHIVE"),
        ("log", "MISSION_LOG"),
        ("log_format", "MISSION_LOG_FORMAT"),
        ("iam.url", "MISSION_IAM_URL"),
        ("social.url", "MISSION_SOCIAL_URL"),
        ("moderation.url", "MISSION_MODERATION_URL"),
        ("moderation.secret", "MISSION_MODERATION_SECRET"),
        ("service_token", "MISSION_SERVICE_TOKEN"),
    ] {
        assert_eq!(
            names(name).map(|(_, variable)| variable).as_deref(),
            Some(variable)
        );
    }
    command().debug_assert();
}

#[test]
fn flags_are_stronger_than_the_file() {
    let matches = command()
        .try_get_matches_from(["mission-server", "--write-batch", "7"])
        .expect("flags");
    let mut layers = Layers::defaults().expect("defaults");
    let file = format!("jwt.secret = \"{LONG}\"\n[write]\nbatch = 3\nqueue = 9\n");
    layers
        .take_file(&file, "my.toml", |path| layers::Origin::File(path.to_owned()))
        .expect("file");
    layers.take_matches(&matches).expect("flags");
    let settings = Settings::from_layers(layers).expect("settings");
    assert_eq!((settings.write.batch, settings.write.queue), (7, 9));
}

/// What is said of one variable.
fn of_variable(name: &str, value: &str) -> Result<(), String> {
    environment::check([(name.into(), value.into())])
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn a_variable_that_no_setting_reads_is_refused_with_what_may_have_been_meant() {
    for (name, meant) in [
        ("MISSION_DATABSE_URL", "did you mean `MISSION_DATABASE_URL`?"),
        ("MISSION_LISTN", "did you mean `MISSION_LISTEN`?"),
        ("MISSION_TEST_CLOK", "did you mean `MISSION_TEST_CLOCK`?"),
        ("MISSION_", "no setting"),
    ] {
        let message = of_variable(name, "hunter2").expect_err(name);
        assert!(
            message.contains(&format!("`{name}`"))
                && message.contains(meant)
                && message.contains("--help")
                && !message.contains("hunter2"),
            "{message}"
        );
    }
    let message = of_variable("MISSION_COLOUR", "red").expect_err("nothing reads it");
    assert!(!message.contains("did you mean"), "{message}");
}

#[test]
fn an_empty_variable_is_refused() {
    assert_eq!(
        of_variable("MISSION_AMQP_WALLET_QUEUE", ""),
        Ok(()),
        "it means none"
    );
    for name in [SECRET, "MISSION_CONFIG"] {
        for value in ["", " "] {
            let message = of_variable(name, value).expect_err(name);
            assert!(message.contains(&format!("`{name}` is empty")), "{message}");
        }
    }
}

#[test]
fn the_wallets_queue_has_a_name_of_its_own_or_none() {
    let amqp = |flags: &[&str]| {
        let flags = [&["--jwt-secret", LONG][..], flags].concat();
        of_flags(&flags).expect("settings").amqp
    };
    assert!(amqp(&[]).is_none(), "there is no broker");
    let queue = |flags: &[&str]| {
        let flags = [&["--amqp-url", "amqp://mission:hunter2@broker"][..], flags].concat();
        let settings = amqp(&flags).expect("a broker");
        assert!(!format!("{settings:?}").contains("hunter2"));
        settings.wallet_queue
    };
    assert_eq!(queue(&[]).as_deref(), Some("mission.wallet"));
    assert_eq!(queue(&["--amqp-wallet-queue", "w"]).as_deref(), Some("w"));
    assert_eq!(queue(&["--amqp-wallet-queue", ""]), None);
}

#[test]
fn variables_of_others_stop_nothing() {
    for name in [
        "PATH",
        "MISSION",
        "MISSION_TOKEN",
        "MISSION_SERVER",
        "MISSION_TEST_SERVICES",
        "MISSION_TEST_DATABASE",
        "MISSION_TEST_POSTGRES_URL",
        "MISSION_TEST_REDIS_URL",
        "MISSION_TEST_AMQP_URL",
    ] {
        assert_eq!(of_variable(name, ""), Ok(()), "{name}");
    }
    for name in [SECRET, "MISSION_CONFIG", "MISSION_TEST_CLOCK"] {
        assert_eq!(of_variable(name, "x"), Ok(()), "{name}");
    }
}

#[test]
fn a_server_without_a_key_says_how_to_give_one() {
    let message = of_file("").expect_err("no key").to_string();
    for way in [
        "MISSION_JWT_SECRET",
        "MISSION_JWT_JWKS_URL",
        "MISSION_JWT_JWKS_FILE",
        "--dev",
    ] {
        assert!(message.contains(way), "{message}");
    }
}

#[test]
fn mistakes_are_named_with_their_place_and_the_way_out() {
    let table = [
        (
            "lisen = \"a:1\"",
            "unknown setting `lisen`; did you mean `listen`?",
        ),
        (
            "[fraud]\nflag_device = \"on\"",
            "did you mean `fraud.flag_devices`?",
        ),
        ("redis_url = \"redis://x\"", "did you mean `redis.url`?"),
        ("[redis]\nurl = \"http://x\"", "is no address of a Redis"),
        ("[amqp]\nurl = \"http://x\"", "is no address of a RabbitMQ"),
        (
            "[amqp]\nurl = \"amqp://h/%2f?heartbeat=x\"",
            "is no address of a RabbitMQ",
        ),
        ("[amqp]\nwallet_queue = \"amq.gen\"", "must not begin with `amq.`"),
        ("colour = \"red\"", "--print-config"),
        (
            "listen = \"8080\"",
            "`listen` (from the file `my.toml`) must be `HOST:PORT`",
        ),
        ("fraud.rate_limit_per_user = \"5/day\"", "`N/min`"),
        ("fraud.rate_limit_per_user = \"0/s\"", "`N/min`"),
        (
            "fraud.flag_devices = \"maybe\"",
            "must be one of `on`, `observe`, `off`, not `maybe`",
        ),
        ("fraud.require_device = \"perhaps\"", "`true` or `false`"),
        ("write.batch = 0", "must be a whole number from 1, not `0`"),
        ("write.batch = -3", "must be a whole number from 1, not `-3`"),
        ("http.request_timeout = \"0s\"", "longer than 0"),
        ("http.cors_origins = [\"app.example\"]", "`https://app.example`"),
        ("http.cors_origins = [1]", "a list of texts"),
        ("trusted_proxies = [\"proxy\"]", "`10.0.0.0/8`"),
        ("database.url = \"mysql://u:p@h/d\"", "`sqlite://FILE`"),
        ("log = \"loud\"", "`info,mission_server=debug`"),
        ("log_format = \"xml\"", "`json`, `pretty`"),
        ("ready_requires = \"luck\"", "`all`, `database`"),
        ("jwt.jwks_file = \"a.json\"", "exclude each other"),
        ("jwt.jwks_url = \"ftp://x\"", "`https://` address"),
        ("dev = true", "`--dev` has a key that everybody knows"),
        ("iam.url = \"iam.example\"", "is no address"),
        ("iam.url = \"ftp://iam.example\"", "`https://HOST:PORT`"),
        (
            "social.url = \"https://a:b@social.example\"",
            "MISSION_SERVICE_TOKEN",
        ),
        ("social.url = \"https://social.example/?x=1\"", "query"),
        (
            "moderation.url = \"http://169.254.169.254/\"",
            "`neighbours.allowed_addresses`",
        ),
        ("moderation.url = \"http://[::ffff:169.254.1.1]/\"", "link-local"),
        ("moderation.secret = \"hunter2\"", "`whsec_`"),
        ("moderation.secret = \"whsec_aHVudGVyMg==\"", "24 to 64 bytes"),
        ("service_token = \"a b\"", "printable ASCII"),
    ];
    for (file, part) in table {
        let message = with_key(file).expect_err(file).to_string();
        assert!(message.contains(part), "{file}: {message}");
    }
    let message = of_file("listen = ").expect_err("no TOML").to_string();
    assert!(
        message.contains("`my.toml` is no TOML") && message.contains("line 1"),
        "{message}"
    );
    let message = of_flags(&["--jwt-secret", LONG, "--write-batch", "none"])
        .expect_err("no number")
        .to_string();
    assert!(
        message.contains("`write.batch` (from the flag `--write-batch`)"),
        "{message}"
    );
}

#[test]
fn a_secret_under_32_bytes_is_refused() {
    assert!(of_flags(&["--jwt-secret", LONG]).is_ok());
    for short in ["hunter2", &LONG[1..]] {
        let message = of_flags(&["--jwt-secret", short])
            .expect_err("it can be guessed")
            .to_string();
        assert!(
            message.contains("`jwt.secret` (from the flag `--jwt-secret`)")
                && message.contains("at least 32")
                && !message.contains(short),
            "{message}"
        );
    }
}

#[test]
fn development_brings_its_own_defaults_under_what_was_said() {
    let settings = of_flags(&["--dev"]).expect("dev");
    assert!(settings.dev && settings.test_clock && settings.drain.is_zero());
    assert_eq!(
        settings.database.url.to_string(),
        "sqlite://.mission-dev/mission.db"
    );
    assert_eq!(settings.uploads.location.to_string(), "file://.mission-dev/files");
    assert_eq!(settings.pack, Some(PackSource::Example));
    assert!(matches!(&settings.jwt.keys, JwtKeys::Secret(secret)
        if secrecy::ExposeSecret::expose_secret(secret) == DEVELOPMENT_SECRET));
    let settings = of_flags(&["--dev", "--pack", "mine", "--test-clock=false"]).expect("dev");
    assert_eq!(
        (settings.pack, settings.test_clock),
        (Some(PackSource::Folder("mine".into())), false)
    );
}

#[test]
fn development_refuses_what_is_not_its_own() {
    for (flag, key, value) in [
        ("--database-url", "database.url", "sqlite://mission.db"),
        ("--storage-url", "storage.url", "file:///var/files"),
        ("--jwt-jwks-url", "jwt.jwks_url", "https://id.example/keys"),
        ("--jwt-jwks-file", "jwt.jwks_file", "keys.json"),
        ("--listen", "listen", "0.0.0.0:8080"),
        ("--listen", "listen", "[::]:8080"),
        ("--listen", "listen", "mission.example:8080"),
    ] {
        let message = of_flags(&["--dev", flag, value]).expect_err(flag).to_string();
        assert!(
            message.contains(&format!("`{key}` is set (from the flag `{flag}`)"))
                && message.contains("without `--dev`"),
            "{message}"
        );
    }
    for address in ["127.0.0.1:0", "[::1]:0", "localhost:8080"] {
        assert!(of_flags(&["--dev", "--listen", address]).is_ok(), "{address}");
    }
}

#[test]
fn a_settable_clock_is_refused_with_published_keys() {
    for keys in [
        ["--jwt-jwks-url", "https://id.example/keys"],
        ["--jwt-jwks-file", "keys.json"],
    ] {
        for clock in ["--test-clock", "--dev"] {
            let error = of_flags(&[clock, keys[0], keys[1]]).expect_err(clock);
            assert!(matches!(error, ConfigError::Conflict(_)), "{error}");
        }
        assert!(of_flags(&keys).is_ok());
    }
    assert!(of_flags(&["--test-clock", "--jwt-secret", LONG]).is_ok());
}

/// A file of a test's own.
fn file_with(bytes: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, bytes).expect("a file");
    let path = path.display().to_string();
    (folder, path)
}

#[test]
fn every_secret_can_stand_in_a_file_of_its_own() {
    let exposed = |settings: &Settings| match &settings.jwt.keys {
        JwtKeys::Secret(secret) => secrecy::ExposeSecret::expose_secret(secret).to_owned(),
        other => panic!("{other:?}"),
    };
    for ending in ["", "\n", "\r\n", "\n\n"] {
        let (_folder, path) = file_with(format!("{LONG}{ending}").as_bytes());
        let settings = of_flags(&["--jwt-secret-file", &path]).expect("a secret");
        assert_eq!(exposed(&settings), LONG);
        let settings = of_file(&format!("jwt.secret_file = \"{path}\"")).expect("a secret");
        assert_eq!(exposed(&settings), LONG);
    }
    let (_folder, path) = file_with(b"postgres://u:hunter2@db/x\n");
    let flags = ["--jwt-secret", LONG, "--database-url-file", &path];
    let settings = of_flags(&flags).expect("an address");
    assert_eq!(settings.database.url.to_string(), "postgres://u:***@db/x");
    let (_folder, path) = file_with(b"redis://a:1,redis://b:2\n");
    let settings = of_flags(&["--jwt-secret", LONG, "--redis-url-file", &path]).expect("addresses");
    assert_eq!(settings.redis.len(), 2);
    for key in KEYS.iter().filter(|key| key.file.is_some()) {
        assert_eq!(key.file, Some(format!("{}_file", key.name).as_str()));
    }
    assert_eq!(
        of_variable("MISSION_REDIS_URL_FILE", "/run/secrets/redis"),
        Ok(())
    );
    let meant = of_variable("MISSION_DATABSE_URL_FILE", "x").expect_err("misspelt");
    assert!(
        meant.contains("did you mean `MISSION_DATABASE_URL_FILE`?"),
        "{meant}"
    );
}

#[test]
fn a_file_for_a_secret_that_is_of_no_use_is_named_with_the_reason() {
    for (bytes, reason) in [
        (Vec::new(), "is empty"),
        (b" \n".to_vec(), "is empty"),
        (vec![0xff, 0xfe], "no text (UTF-8)"),
        (vec![b'x'; 70_000], "more than 65536 bytes"),
    ] {
        let (_folder, path) = file_with(&bytes);
        let message = of_flags(&["--jwt-secret-file", &path])
            .expect_err(reason)
            .to_string();
        assert!(
            message.contains(reason) && message.contains(&path) && message.contains("--jwt-secret-file"),
            "{message}"
        );
    }
    let message = of_flags(&["--jwt-secret-file", "/no/such/file"])
        .expect_err("none")
        .to_string();
    assert!(
        message.contains("`/no/such/file`") && message.contains("cannot be read"),
        "{message}"
    );
    let (_folder, path) = file_with(b"hunter2");
    let message = of_flags(&["--jwt-secret-file", &path])
        .expect_err("short")
        .to_string();
    assert!(
        message.contains("at least 32") && message.contains(&path),
        "{message}"
    );
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_secret_and_a_file_for_it_exclude_each_other() {
    let (_folder, path) = file_with(LONG.as_bytes());
    let message = of_flags(&["--jwt-secret", LONG, "--jwt-secret-file", &path])
        .expect_err("both")
        .to_string();
    for part in [
        "`--jwt-secret`",
        "`--jwt-secret-file`",
        "`jwt.secret`",
        "`jwt.secret_file`",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let message = with_key(&format!("jwt.secret_file = \"{path}\""))
        .expect_err("both")
        .to_string();
    assert!(message.contains("`jwt.secret_file` too"), "{message}");
}

/// The configuration file with what is in force.
fn printed(file: &str, flags: &[&str]) -> String {
    let matches = command()
        .try_get_matches_from([&["mission-server"], flags].concat())
        .expect("flags");
    let mut layers = Layers::defaults().expect("defaults");
    layers
        .take_file(file, "my.toml", |path| layers::Origin::File(path.to_owned()))
        .expect("file");
    layers.take_matches(&matches).expect("flags");
    settings::settle(&mut layers).expect("settings");
    effective::file(&layers).expect("a file")
}

#[test]
fn the_printed_file_shows_what_is_in_force_and_where_it_came_from() {
    let (_folder, path) = file_with(LONG.as_bytes());
    let flags = [
        "--write-batch",
        "7",
        "--fraud-require-device",
        "--database-url",
        "postgres://u:hunter2@db/x",
        "--redis-url",
        "redis://:hunter2@cache:6379",
        "--amqp-url",
        "amqp://mission:hunter2@broker/%2f",
        "--trusted-proxies",
        "10.0.0.1, 10.1.0.0/16",
        "--jwt-secret-file",
        &path,
    ];
    let shown = printed("[http]\nrequest_timeout = \"9s\"\n", &flags);
    for line in [
        "batch = 7  # from the flag `--write-batch`",
        "queue = 4096  # by default",
        "require_device = true  # from the flag `--fraud-require-device`",
        "# url = \"postgres://u:***@db/x\"  # from the flag `--database-url`",
        "# url = \"redis://***@cache:6379\"  # from the flag `--redis-url`",
        "# url = \"amqp://***@broker/%2f\"  # from the flag `--amqp-url`",
        "trusted_proxies = [\"10.0.0.1\", \"10.1.0.0/16\"]  # from the flag `--trusted-proxies`",
        "request_timeout = \"9s\"  # from the file `my.toml`",
        &format!("# secret = \"***\"  # out of `{path}`, named from the flag `--jwt-secret-file`"),
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} is not in\n{shown}"
        );
    }
    assert!(!shown.contains("hunter2") && !shown.contains(LONG), "{shown}");
    // It is a file that can be used again.
    let again = format!("{shown}\n");
    let mut layers = Layers::defaults().expect("defaults");
    layers
        .take_file(&again, "again.toml", |path| layers::Origin::File(path.to_owned()))
        .expect("a good file");
    let dev = printed("", &["--dev"]);
    assert!(dev.contains("drain = \"0s\"  # from `--dev`"), "{dev}");
    assert!(dev.contains("# secret = \"***\"  # from `--dev`"), "{dev}");
}

#[test]
fn help_names_the_units() {
    let command = command();
    for key in KEYS {
        let argument = command
            .get_arguments()
            .find(|argument| argument.get_id() == key.name);
        let help = argument.and_then(clap::Arg::get_help).map(ToString::to_string);
        let help = help.expect(key.name);
        match key.value {
            "DURATION" => assert!(
                help.contains("500ms, 30s, 5min") && help.contains("seconds"),
                "{help}"
            ),
            "BYTES" => assert!(help.contains("64KiB"), "{help}"),
            _ => {}
        }
    }
}

#[test]
fn rate_limits_can_be_switched_off() {
    let settings = with_key("fraud.rate_limit_per_user = \"off\"").expect("settings");
    assert!(settings.fraud.rate_limit_per_user.is_none() && settings.fraud.rate_limit_per_address.is_some());
}

/// Good values that hold a secret, for every setting that is or holds one.
fn with_secrets() -> Vec<(&'static str, &'static str)> {
    let mut values = vec![("jwt.jwks_url", "https://id:hunter2@id.example/keys?token=hunter3")];
    for key in KEYS.iter().filter(|key| key.file.is_some()) {
        let value = match key.name {
            "jwt.secret" => "hunter4-hunter4-hunter4-hunter4-hunter4",
            "database.url" => "postgres://user:hunter5@db.example/x?sslpassword=hunter6",
            "redis.url" => "redis://user:hunter7@one.example,redis://:hunter8@two.example",
            "amqp.url" => "amqp://user:hunter9@broker.example/%2f",
            "service_token" => "hunter10",
            "moderation.secret" => "whsec_aHVudGVyaHVudGVyaHVudGVyaHVudGVy",
            "upload.link_secret" => "hunter11-hunter11-hunter11-hunter11",
            other => panic!("`{other}` may be given in a file of its own: give it a value here"),
        };
        values.push((key.name, value));
    }
    values
}

#[test]
fn no_secret_shows_in_debug_output_or_in_the_printed_file() {
    // Either kind of keys, never both.
    for left_out in ["jwt.secret", "jwt.jwks_url"] {
        let given = with_secrets();
        let mut lines: Vec<String> = given
            .iter()
            .filter(|(name, _)| *name != left_out)
            .map(|(name, value)| format!("{name} = \"{value}\""))
            .collect();
        lines.sort();
        let file = lines.join("\n");
        let settings = of_file(&file).expect("settings");
        let mut layers = Layers::defaults().expect("defaults");
        let origin = |path: &str| layers::Origin::File(path.to_owned());
        layers.take_file(&file, "my.toml", origin).expect("file");
        let told = format!("{:?}", effective::settings(&layers));
        let wallet = settings::WalletSettings::from_layers(layers).expect("a wallet's settings");
        for shown in [
            format!("{settings:?}"),
            format!("{settings:#?}"),
            format!("{wallet:?}"),
            settings.jwt.keys.to_string(),
            printed(&file, &[]),
            told,
        ] {
            for secret in ["hunter", "aHVudGVy"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}

#[test]
fn neighbours_are_told_and_their_secrets_are_not() {
    let settings = with_key("").expect("settings").neighbours;
    assert!(settings.iam.is_none() && settings.social.is_none() && settings.moderation.is_none());
    assert!(settings.token.is_none() && settings.moderation_secret.is_none());
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (_folder, token) = file_with(b"hunter2\n");
    let settings = of_flags(&[
        "--jwt-secret",
        LONG,
        "--iam-url",
        "https://iam.example/people",
        "--moderation-url",
        "http://169.254.7.7",
        "--neighbours-allowed-addresses",
        "169.254.7.0/24",
        "--moderation-secret",
        secret,
        "--service-token-file",
        &token,
    ]);
    let settings = settings.expect("settings").neighbours;
    assert_eq!(
        settings.iam.as_ref().map(url::Url::as_str),
        Some("https://iam.example/people")
    );
    let exposed = settings.token.as_ref().map(secrecy::ExposeSecret::expose_secret);
    assert_eq!(exposed, Some("hunter2"));
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("MfKQ"), "{shown}");
    let printed = printed("", &["--service-token", "hunter2", "--moderation-secret", secret]);
    for line in [
        "# service_token = \"***\"  # from the flag `--service-token`",
        "# secret = \"***\"  # from the flag `--moderation-secret`",
    ] {
        assert!(printed.lines().any(|shown| shown == line), "{line}\n{printed}");
    }
}
