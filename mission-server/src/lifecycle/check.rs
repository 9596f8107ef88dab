//! Whether the server would start with its settings, as far as that shows without connecting to anything.

use std::{io::Write, process::ExitCode};

use super::{StartError, pack, storage, tls::Tls};
use crate::{
    auth::Authenticator,
    config::{ConfigError, JwtKeys, Settings},
    neighbours::{Limits, Neighbours},
    redis::RedisConnection,
};

/// Says on stdout what the server would do, or on stderr why it would not start. Answers 0 or 1.
#[must_use]
pub fn check(settings: Result<Box<Settings>, ConfigError>) -> ExitCode {
    let outcome = settings.map_err(|error| error.to_string()).and_then(|settings| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime
            .block_on(look(&settings))
            .map_err(|error| error.to_string())
    });
    let written = match &outcome {
        Ok(report) => std::io::stdout().lock().write_all(report.as_bytes()),
        Err(error) => writeln!(std::io::stderr().lock(), "mission-server: {error}"),
    };
    match outcome {
        Ok(_) if written.is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

async fn look(settings: &Settings) -> Result<String, StartError> {
    Authenticator::new(&settings.jwt).await?;
    let keys = &settings.jwt.keys;
    let asked = if matches!(keys, JwtKeys::Url(_)) {
        " (not asked)"
    } else {
        ""
    };
    let tls = match &settings.tls {
        Some(tls) => {
            Tls::new(tls)?;
            format!("by {}", tls.certificate.display())
        }
        None => "none".to_owned(),
    };
    if !settings.dev {
        storage::check_folder(&settings.database.url)?;
    }
    let redis = if settings.redis.is_empty() {
        "none"
    } else {
        RedisConnection::new(&settings.redis)?;
        "given (not asked)"
    };
    let broker = if settings.amqp.is_some() {
        "given (not asked)"
    } else {
        "none"
    };
    Neighbours::new(&settings.neighbours, &Limits::default())?;
    let neighbours = [
        ("iam", &settings.neighbours.iam),
        ("social", &settings.neighbours.social),
        ("storage", &settings.neighbours.storage),
        ("moderation", &settings.neighbours.moderation),
    ];
    let neighbours: String = neighbours
        .into_iter()
        .filter_map(|(name, url)| Some(format!("{name:10}{} (not asked)\n", url.as_ref()?)))
        .collect();
    let pack = match &settings.pack {
        Some(source) => pack::check(source, settings.scripts)?,
        None => "none".to_owned(),
    };
    let (listen, database) = (&settings.listen, &settings.database.url);
    Ok(format!(
        "The server would start; nothing was connected to.\n\
         listen    {listen}\n\
         tls       {tls}\n\
         database  {database} (not asked)\n\
         redis     {redis}\n\
         rabbitmq  {broker}\n\
         {neighbours}\
         keys      {keys}{asked}\n\
         pack      {pack}\n"
    ))
}
