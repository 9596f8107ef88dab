//! Stand-ins for IAM, social, storage, moderation and mining at one address, until Ctrl-C. See `README.md` beside this.
#![expect(
    clippy::print_stdout,
    reason = "it tells whoever started it where the services are"
)]

use clap::Parser;
use mission_neighbours::{Moderation, StandIn, Verdict};
use tokio::{net::TcpListener, process::Command};

/// Stand-ins for the services around a mission server, which misbehave on demand.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: String,
    /// What moderation signs its callbacks with.
    #[arg(long, default_value = SECRET)]
    secret: String,
    /// A command to run with the variables that lead it to the services, such as a mission server; both end together.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Known to everybody: for trying things out.
const SECRET: &str = "whsec_dHJ5IHRoaW5ncyBvdXQgd2l0aCB0aGlzIGtleSE=";

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let services = StandIn::listen(TcpListener::bind(&options.listen).await?)?;
    services.moderate(Moderation {
        callbacks: vec![Verdict::Approved],
        delay_ms: 2000,
        secret: options.secret.clone(),
        ..Moderation::default()
    });
    let variables = [
        ("MISSION_IAM_URL", &services.url),
        ("MISSION_SOCIAL_URL", &services.url),
        ("MISSION_MODERATION_URL", &services.url),
        ("MISSION_MODERATION_SECRET", &options.secret),
    ];
    let Some((program, arguments)) = options.command.split_first() else {
        println!(
            "the services listen on {}; a mission server finds them by",
            services.url
        );
        for (name, value) in variables {
            println!("  export {name}={value}");
        }
        println!("  export MISSION_STORAGE_URL={}", services.url);
        return tokio::signal::ctrl_c().await;
    };
    let mut server = Command::new(program)
        .args(arguments)
        .envs(variables)
        .kill_on_drop(true)
        .spawn()?;
    tokio::select! {
        ended = server.wait() => ended.map(drop),
        // The server hears of it by itself, and ends in order.
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            server.wait().await.map(drop)
        }
    }
}
