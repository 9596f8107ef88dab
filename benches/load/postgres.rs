//! Check-ins on PostgreSQL, over TCP and over the Unix socket of the same server, in turns.

use std::{ffi::OsStr, str::FromStr};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{
    CONNECTIONS, Options, Result,
    client::{Calls, Kind},
    report::Series,
    server::Server,
};

/// A schema of one server's own, dropped with this.
struct Schema {
    name: String,
    database: String,
}

impl Schema {
    fn create(database: &str) -> Result<Self> {
        let name = format!("mission_load_{}", Uuid::new_v4().simple());
        run(database, &format!("CREATE SCHEMA {name}"))?;
        Ok(Schema {
            name,
            database: database.to_owned(),
        })
    }

    fn url(&self, parameter: &str) -> String {
        let joint = if self.database.contains('?') { '&' } else { '?' };
        format!(
            "{}{joint}options=-csearch_path%3D{}{parameter}",
            self.database, self.name
        )
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Err(error) = run(&self.database, &format!("DROP SCHEMA {} CASCADE", self.name)) {
            eprintln!("the schema {} stays behind: {error}", self.name);
        }
    }
}

fn run(database: &str, sql: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect_with(&PgConnectOptions::from_str(database)?).await?;
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        Ok(connection.close().await?)
    })
}

fn serve(options: &Options, schema: &Schema, parameter: &str) -> Result<Server> {
    let url = schema.url(parameter);
    Server::start_with(
        &options.folder,
        &[("MISSION_DATABASE_URL", OsStr::new(url.as_str()))],
    )
}

/// Prints the rates of both ways and their ratio, which is far below one where small segments wait to be acknowledged.
pub(crate) fn measure(options: &Options, database: &str, calls: &mut Calls) -> Result<()> {
    let socket = format!("&host={}", options.postgres_socket.display());
    for connections in CONNECTIONS {
        let schemas = [Schema::create(database)?, Schema::create(database)?];
        let over_tcp = serve(options, &schemas[0], "")?;
        let over_socket = serve(options, &schemas[1], &socket)?;
        let mut series = [
            Series::new("check-ins, PostgreSQL over TCP"),
            Series::new("check-ins, over its Unix socket"),
        ];
        // One round to warm up, which does not count.
        for round in 0..=options.rounds {
            for (series, server) in series.iter_mut().zip([&over_tcp, &over_socket]) {
                let run = calls.run(server, Kind::CheckIn, connections, options.time)?;
                if round > 0 {
                    series.add(run);
                }
            }
        }
        println!(
            "\nPostgreSQL, {connections} connection(s); medians of {} interleaved rounds",
            options.rounds
        );
        let [tcp, socket] = &series;
        tcp.print();
        socket.print();
        println!("  TCP / Unix socket: {:.2}", tcp.rate() / socket.rate());
    }
    Ok(())
}
