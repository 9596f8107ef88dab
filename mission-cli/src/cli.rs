//! The commands and their arguments.

use std::{num::NonZeroUsize, path::PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use mission_core::{check_in::Zone, mission::MissionCode};
use mission_rules::{FindingCode, run::SegmentField};
use uuid::Uuid;

/// Make, check, test, try out and replay packs of missions, and send them to a server.
#[derive(Debug, Parser)]
#[command(
    name = "mission",
    version,
    propagate_version = true,
    after_help = "\
Exit codes: 0 fine, 1 failed (findings, failing cases, a bad line, a refusal), 2 unusable (bad arguments, unreadable pack).

Start with:
  mission new my-pack
  mission check my-pack
  mission test my-pack"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell the main job step by step: start, progress, completion, claim, a refused claim, a week of check-ins
    Demo,
    New(New),
    Check(Check),
    Fmt(Fmt),
    Test(Test),
    Eval(Eval),
    Replay(Replay),
    Explain(Explain),
    Schema(Schema),
    Lsp(Lsp),
    Push(Push),
    Diff(Diff),
    Pull(Pull),
    Rollback(Rollback),
    Shadow(Shadow),
    #[cfg(feature = "database")]
    Audit(Audit),
    #[cfg(feature = "database")]
    Backup(Backup),
    ExportLog(ExportLog),
    Broker(Broker),
    Token(Token),
    Completions(Completions),
}

/// Make a pack that passes its own tests, to start from.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mission new my-pack && mission test my-pack")]
pub(crate) struct New {
    /// The folder to make; one that is there must be empty
    pub(crate) dir: PathBuf,
}

/// Find what is wrong with a pack, with file, line, column and a caret.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mission check my-pack
  mission check my-pack --deny-warnings               for CI
  mission check my-pack --format sarif > pack.sarif   for a code-scanning view
  mission check --explain script/unknown-field        what a finding means, with a wrong example and a right one
  mission check my-pack --fix --dry-run               what --fix would change: typing errors with one way out")]
pub(crate) struct Check {
    /// The folder that holds `pack.toml`
    #[arg(required_unless_present = "explain")]
    pub(crate) pack: Option<PathBuf>,
    /// How findings are shown
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    pub(crate) format: CheckFormat,
    /// Exit with 1 on warnings too
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Print what a finding means, and check nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["pack", "format", "deny_warnings", "fix"])]
    pub(crate) explain: Option<FindingCode>,
    /// Change what has only one way out, show it as a diff, and tell of the rest
    #[arg(long)]
    pub(crate) fix: bool,
    /// Only show what `--fix` would change
    #[arg(long, requires = "fix")]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CheckFormat {
    /// The source line and a caret
    Human,
    /// One object with every finding
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// Write the files of a pack in one way: indentation, white space, blank lines.
#[derive(Debug, Args)]
#[command(after_help = "\
Comments, the order of things and all that means something stay. Scripts are indented by four spaces a bracket, lists in TOML by
two; more than one blank line becomes one. A file that cannot be read stays as it is, with exit 1: `mission check` says why.

Examples:
  mission fmt my-pack
  mission fmt my-pack --check             for CI: write nothing, show a diff, exit 1 if a file would change")]
pub(crate) struct Fmt {
    /// The folder that holds `pack.toml`
    pub(crate) pack: PathBuf,
    /// Write nothing; show what would change, and exit with 1 if something would
    #[arg(long)]
    pub(crate) check: bool,
}

/// Write JSON Schemas of a pack's files, by which editors complete them and mark mistakes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mission schema my-pack                  into my-pack/.schemas, which is no part of the pack
  mission schema --print mission > mission.schema.json

Editors with the language server taplo (Even Better TOML in VS Code) read a first line such as
  #:schema ../.schemas/mission.schema.json")]
pub(crate) struct Schema {
    /// The folder that holds `pack.toml`
    pub(crate) pack: Option<PathBuf>,
    /// Print one instead: pack, mission, checkin, referral, risk or cases
    #[arg(long, value_name = "NAME", conflicts_with = "pack")]
    pub(crate) print: Option<String>,
}

/// Help to write packs in an editor: a language server, over the standard input and output.
#[derive(Debug, Args)]
#[command(after_help = "\
Editors start it; docs/packs.md, \"In your editor\", says how in VS Code, Neovim and Helix. It shows what `mission check` finds
while you type, completes fields, functions, keys and values, tells what they mean, leads to missions, scripts and functions,
and corrects what was misspelled. A file belongs to the pack of the nearest folder upwards that holds `pack.toml`.

Examples:
  mission lsp
  hx my-pack/rules/watch.rhai            in Helix, with `command = \"mission\"` and `args = [\"lsp\"]`")]
pub(crate) struct Lsp {
    /// What it does in any case; some editors say so
    #[arg(long)]
    stdio: bool,
}

/// Run the cases and properties in `tests/` of a pack, on the engine that a server runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mission test my-pack
  mission test my-pack --filter watch
  mission test my-pack --format junit > report.xml
  mission test my-pack --watch                              again at every change
  mission test my-pack --coverage --min-coverage 100        what no case tried yet; exit 1 if anything
  mission test my-pack --seed 7                             properties on other contexts than by default

A property that fails shows the simplest context that was found on which it does not hold:
`mission eval --context` takes it.")]
pub(crate) struct Test {
    /// The folder that holds `pack.toml`
    pub(crate) pack: PathBuf,
    /// Only cases and properties whose name, file or mission contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// How results are shown
    #[arg(long, value_enum, default_value_t = TestFormat::Human)]
    pub(crate) format: TestFormat,
    /// Show which lines of the scripts ran, and which ways of each `if` were taken
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Fail where less than so many percent of the lines, or of the ways, ran
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) min_coverage: Option<u8>,
    /// Write the coverage as an LCOV tracefile, for editors and code review
    #[arg(long, value_name = "FILE")]
    pub(crate) lcov: Option<PathBuf>,
    /// Which contexts the properties are tried on: the same ones for the same number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Run again whenever a file of the pack changes, until it is interrupted
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TestFormat {
    /// One line a case or property; of failing ones what was expected beside what came out
    Human,
    /// One object with every case
    Json,
    /// JUnit XML
    Junit,
}

/// Evaluate one hook of a mission's script on one context, and print `{"value":…}`.
#[derive(Debug, Args)]
#[command(after_help = "\
Fields of the context may be left out: they read as (). Where `mission` is left out, it is the pack's.

Examples:
  mission eval my-pack watch-3-videos eligible --context context.json
  echo '{\"event\":{\"data\":{\"seconds\":35}}}' | mission eval my-pack watch-3-videos progress --context - --trace
  echo '{\"action\":\"claim\",\"signals\":{\"device_users\":4}}' | mission eval my-pack - risk --context -")]
pub(crate) struct Eval {
    /// The folder that holds `pack.toml`
    pub(crate) pack: PathBuf,
    /// The mission's code; `-` for `risk` of an action that concerns none
    pub(crate) mission: String,
    /// `eligible`, `progress`, `verify` or `reward`; `risk` of the script that `risk.toml` names
    pub(crate) hook: String,
    /// A JSON file with what the script reads as `ctx`; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) context: PathBuf,
    /// Show, on the standard error, each statement that ran with the values that it saw
    #[arg(long)]
    pub(crate) trace: bool,
}

/// Show what each user of a recorded log would have earned, on the engine that a server runs.
#[derive(Debug, Args)]
#[command(after_help = "\
The log has one CloudEvent in JSON a line, in time order: activity events, and the commands `checkin`, `task.start`,
`task.progress`, `task.evidence`, `task.upload`, `task.complete`, `task.claim` (`data.mission` = code, and the route's body),
`review.decided` and `user.updated`. `subject` is the user, `time` the moment. The lines of a file that is not in order
are sorted; out of the standard input they are refused with exit 2. A line that cannot be read ends the
replay with `file:line: reason` and exit 1; nothing is printed then. What the rules refuse is no error, but counted.

With --against both packs see the same log, and what is shown is who gains, who loses and what it costs: in total, by mission, by
day, by group of users (--segment), and for the users whose points change most.

Examples:
  mission replay my-pack --events log.jsonl
  mission replay my-pack --events log.jsonl --format json > earned.json
  mission replay my-pack --events log.jsonl --against my-new-pack
  mission replay my-pack --events log.jsonl --against my-new-pack --segment level --segment tags --format html > report.html
  zcat log.jsonl.gz | mission replay my-pack --events -")]
pub(crate) struct Replay {
    /// The folder that holds `pack.toml`
    pub(crate) pack: PathBuf,
    /// The log; `-` is the standard input
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) events: PathBuf,
    /// Replay this pack too, and print what is different under it
    #[arg(long, value_name = "PACK2")]
    pub(crate) against: Option<PathBuf>,
    /// Group users by what the log says of them: `level`, `country`, `tags`, `days_known` or `attributes.NAME`; can be given
    /// again
    #[arg(long = "segment", value_name = "FIELD", requires = "against")]
    pub(crate) segments: Vec<SegmentField>,
    /// How results are shown
    #[arg(long, value_enum, default_value_t = ReplayFormat::Human)]
    pub(crate) format: ReplayFormat,
    /// Claim what completes at that moment; with `--auto-claim=false` only `task.claim` claims
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1,
        default_missing_value = "true")]
    pub(crate) auto_claim: bool,
    /// Tell of lines that cannot be read, leave them out, and exit with 1 at the end
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// How many threads play the log; else one a core. The result is the same
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// Show why a user can do a mission or cannot: every condition, what it saw, and which one decides.
#[derive(Debug, Args)]
#[command(after_help = "\
A log says what happened to the user before: `mission replay --help` tells its form. Without one nobody knows the user. With
--server in place of a pack, the server says it of its own missions and users (`users:read`).

Examples:
  mission explain my-pack --user 0190163d-8694-739b-aea5-966c26f8ad91 --mission watch-3-videos --events log.jsonl
  mission explain --server http://127.0.0.1:8080 --user 0190163d-8694-739b-aea5-966c26f8ad91 --mission watch-3-videos
  mission explain my-pack --user 0190163d-8694-739b-aea5-966c26f8ad91 --mission watch-3-videos --at 2026-01-05T10:00:00Z")]
pub(crate) struct Explain {
    /// The folder that holds `pack.toml`; else a server is asked
    #[arg(required_unless_present = "server")]
    pub(crate) pack: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: OtherwiseServer,
    /// The user's id
    #[arg(long, value_name = "UUID")]
    pub(crate) user: Uuid,
    /// The mission's code
    #[arg(long, value_name = "CODE")]
    pub(crate) mission: MissionCode,
    /// What happened before; `-` is the standard input
    #[arg(long, value_name = "FILE.jsonl", requires = "pack")]
    pub(crate) events: Option<PathBuf>,
    /// The moment, in RFC 3339; else that of the log's last line, or now
    #[arg(long, value_name = "TIME", requires = "pack")]
    pub(crate) at: Option<DateTime<Utc>>,
    /// How the explanation is shown
    #[arg(long, value_enum, default_value_t = ExplainFormat::Human)]
    pub(crate) format: ExplainFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// A line a condition
    Human,
    /// One object, as `GET /users/{id}/missions/{mission}/explain` answers
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReplayFormat {
    /// A summary
    Human,
    /// One object: `users` by id, and `totals`; equal byte for byte at every run
    Json,
    /// One page with charts and tables, which needs nothing else
    Html,
}

/// Which server, and who asks, where no pack is given.
#[derive(Args)]
pub(crate) struct OtherwiseServer {
    /// The server to ask, such as http://127.0.0.1:8080
    #[arg(long, env = "MISSION_SERVER", value_name = "URL")]
    server: Option<url::Url>,
    /// A token with the permission `users:read`; see `mission token`
    #[arg(long, env = "MISSION_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl OtherwiseServer {
    pub(crate) fn given(&self) -> Option<Server> {
        Some(Server {
            server: self.server.clone()?,
            token: self.token.clone(),
        })
    }
}

impl std::fmt::Debug for OtherwiseServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.given().fmt(f)
    }
}

/// Which server, and who asks.
#[derive(Args)]
pub(crate) struct Server {
    /// The server's address, such as http://127.0.0.1:8080
    #[arg(long, env = "MISSION_SERVER", value_name = "URL")]
    pub(crate) server: url::Url,
    /// A token with the permission `missions:write`, `users:read` for `export-log`, or `messages:read` and
    /// `messages:write` for `broker`; see `mission token`
    #[arg(long, env = "MISSION_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("server", &self.server.as_str())
            .finish_non_exhaustive()
    }
}

/// Put a pack in place on a server, all or nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  MISSION_TOKEN=$(mission token --sub 0190163d-8694-739b-aea5-966c26f8ad91 --permission missions:write) \\
    mission push my-pack --server http://127.0.0.1:8080")]
pub(crate) struct Push {
    /// The folder that holds `pack.toml`
    pub(crate) pack: PathBuf,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) how: PutArgs,
}

/// How a pack is put in place.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// Leave new missions as drafts; missions that the server knows keep their status in any case
    #[arg(long)]
    pub(crate) draft: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Check, test and show what would change, and push nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

/// Put an earlier version of a pack back in place on its server.
#[derive(Debug, Args)]
#[command(
    disable_version_flag = true,
    after_help = "\
The server keeps the last 100 versions of each pack. What is put back is a new version with the files of the old one: it is
checked, tested and shown as a push is. Missions that only the newer version held are archived.

Examples:
  mission rollback starter 3 --server http://127.0.0.1:8080 --dry-run     what would change
  mission rollback starter 3 --server http://127.0.0.1:8080"
)]
pub(crate) struct Rollback {
    /// The pack's name on the server
    pub(crate) pack: String,
    /// The version, as `mission push` told it; of one that is not there the command says which are
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) version: u64,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) how: PutArgs,
}

/// Show what a shadow mission would have granted on live events, and where it differs from the mission that pays.
#[derive(Debug, Args)]
#[command(after_help = "\
A mission with `shadow = true` is evaluated in full and grants nothing; `shadow_of` names the one that it is compared with.

Example:
  mission shadow watch-v2 --server http://127.0.0.1:8080")]
pub(crate) struct Shadow {
    /// The shadow mission's code
    pub(crate) mission: MissionCode,
    #[command(flatten)]
    pub(crate) server: Server,
    /// How the report is shown
    #[arg(long, value_enum, default_value_t = ShadowFormat::Human)]
    pub(crate) format: ShadowFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShadowFormat {
    /// Tables
    Human,
    /// One object, as `GET /missions/{mission}/shadow` answers
    Json,
}

/// Show how a pack differs from the one on a server; exit 1 where it does.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mission diff my-pack --server http://127.0.0.1:8080")]
pub(crate) struct Diff {
    /// The folder that holds `pack.toml`
    pub(crate) pack: PathBuf,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Write a server's pack into a folder.
#[derive(Debug, Args)]
#[command(
    disable_version_flag = true,
    after_help = "\
Examples:
  mission pull my-pack --server http://127.0.0.1:8080
  mission pull copy --name starter --server http://127.0.0.1:8080
  mission pull before --name starter --version 3 --server http://127.0.0.1:8080"
)]
pub(crate) struct Pull {
    /// The folder
    pub(crate) pack: PathBuf,
    /// The pack's name on the server; else that in the folder's `pack.toml`, or the folder's own
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A version that the server keeps, one of the last 100; else the one in force
    #[arg(long = "version", value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) version: Option<u64>,
    /// Overwrite files that differ, and remove files that the server's pack does not have
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Recount a database: does every grant follow from the recorded commands, and does all that is kept twice agree?
#[cfg(feature = "database")]
#[derive(Debug, Args)]
#[command(after_help = "\
It reads one moment of the database and writes nothing: run it on a restored backup, or beside servers at night. Every command
in the journal is decided again, on the missions and policies of its time, and every reward, booking, task, check-in, score, sum
by hour and budget is held to the others. Each deviation is listed as it is found, with the command that led to it; what could
not be looked at, such as erased users, is counted. See docs/operating.md.

Exit codes: 0 everything agrees, 1 deviations, 2 the database cannot be read.

Examples:
  mission audit --database sqlite://mission.db
  MISSION_DATABASE_URL=postgres://mission@db/mission mission audit
  mission audit --database-file /run/secrets/database-url --format json | jq .deviations")]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) database: Database,
    /// How late activity events could come, as the servers were set (`MISSION_EVENTS_LATE_WINDOW`)
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16))]
    pub(crate) late_days: u16,
    /// How deviations are shown
    #[arg(long, value_enum, default_value_t = AuditFormat::Human)]
    pub(crate) format: AuditFormat,
}

#[cfg(feature = "database")]
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AuditFormat {
    /// A line each, and a summary
    Human,
    /// One JSON object: `deviations`, and `report` with what was looked at
    Json,
}

/// Which database.
#[cfg(feature = "database")]
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// The address: `sqlite://` and a path, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`
    #[arg(
        long,
        value_name = "URL",
        env = "MISSION_DATABASE_URL",
        hide_env_values = true
    )]
    pub(crate) database: Option<String>,
    /// A file that holds the address, so that no list of processes shows its password
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub(crate) database_file: Option<PathBuf>,
}

/// Copy a SQLite database that a server uses, and check the copy.
#[cfg(feature = "database")]
#[derive(Debug, Args)]
#[command(after_help = "\
The copy is one moment of the database: every command that was answered before it began is in it. The server goes on meanwhile.
The file has its name only once it is whole, checked and on the disk, and its owner alone can read it: it holds personal data and
the secrets of webhooks. Uploaded files are not in it. PostgreSQL is copied by its own programs. See docs/backup.md, which also
says how to restore.

Exit codes: 0 copied, 1 not copied or damaged, 2 unusable (no such database, a file that is there already).

Examples:
  mission backup --database sqlite://mission.db --to backup.db
  mission backup --database sqlite://mission.db --to /backup/mission.db --force     over the one of before, once the new one is whole
  mission backup --to \"mission-$(date +%F).db\" --format json")]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) database: Database,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// How the copy is described
    #[arg(long, value_enum, default_value_t = BackupFormat::Human)]
    pub(crate) format: BackupFormat,
}

#[cfg(feature = "database")]
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BackupFormat {
    /// A line
    Human,
    /// One JSON object: `file`, `bytes`, `migration`, `last_command_at`
    Json,
}

/// Write what a server's users did as a log that `mission replay` reads.
#[derive(Debug, Args)]
#[command(after_help = "\
The log has the commands and events that the server carried out, in the order in which they came, with what users claimed:
replay it with --auto-claim=false. What was refused is not in it, nor what a replay cannot know: erased users, what
operators took back, referrals that were paid.

With --mask ids, texts and addresses are replaced by hashes under a key that is drawn anew and kept nowhere, the same by the same,
so that a replay gives the same sums: see docs/packs.md for each field.

Examples:
  mission export-log --server http://127.0.0.1:8080 --output log.jsonl
  mission export-log --server http://127.0.0.1:8080 --mask --mask-for my-pack --output log.jsonl
  mission replay my-pack --events log.jsonl --auto-claim=false --against my-new-pack
  mission export-log --server http://127.0.0.1:8080 --user 0190163d-8694-739b-aea5-966c26f8ad91")]
pub(crate) struct ExportLog {
    #[command(flatten)]
    pub(crate) server: Server,
    /// What this user did, and nobody else
    #[arg(long, value_name = "UUID")]
    pub(crate) user: Option<Uuid>,
    /// The file to write; else the standard output
    #[arg(long, short, value_name = "FILE.jsonl")]
    pub(crate) output: Option<PathBuf>,
    /// Replace what leads back to a person: ids, texts, addresses; leave out notes
    #[arg(long)]
    pub(crate) mask: bool,
    /// Keep the texts that this pack's rules and scripts compare with, so that they decide as before
    #[arg(long, value_name = "PACK", requires = "mask")]
    pub(crate) mask_for: Option<PathBuf>,
    /// Mask under the secret in this file, so that a later log has the same pseudonyms
    #[arg(long, value_name = "FILE", requires = "mask")]
    pub(crate) mask_key_file: Option<PathBuf>,
}

/// Look at messages that a server could not take and events that it could not send, and act on them.
#[derive(Debug, Args)]
pub(crate) struct Broker {
    #[command(subcommand)]
    pub(crate) action: BrokerAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BrokerAction {
    Inspect(Inspect),
    /// Send dead letters back to the server, as if they had never been tried
    #[command(after_help = "\
Examples:
  mission broker requeue 91d037ba1e65f2edc7558ec53212298c --server http://127.0.0.1:8080
  mission broker requeue --all --server http://127.0.0.1:8080")]
    Requeue(DeadLetterArgs),
    /// Throw dead letters away; nothing brings them back
    #[command(after_help = "\
Examples:
  mission broker drop 91d037ba1e65f2edc7558ec53212298c --server http://127.0.0.1:8080
  mission broker drop --all --server http://127.0.0.1:8080")]
    Drop(DeadLetterArgs),
    Retry(Retry),
}

/// Show dead letters and parked events, with the reasons
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) server: Server,
    /// How they are shown
    #[arg(long, value_enum, default_value_t = InspectFormat::Human)]
    pub(crate) format: InspectFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InspectFormat {
    /// Each with its reason
    Human,
    /// One object with everything
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DeadLetterArgs {
    /// The letter, as `mission broker inspect` shows it; copies of it go along
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) id: Option<String>,
    /// All that are there
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Have parked events tried again at once
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// One event; else all
    #[arg(value_name = "EVENT_ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Print a token for a development server, or for any that takes tokens by a shared secret.
#[derive(Debug, Args)]
#[command(after_help = "\
It is signed (HS256) with the key of `mission-server --dev`, which everybody knows; with another one where
MISSION_JWT_SECRET or --secret-file gives it.

Examples:
  mission token --sub 0190163d-8694-739b-aea5-966c26f8ad91
  mission token --sub 0190163d-8694-739b-aea5-966c26f8ad91 --permission missions:write --permission events:write
  mission token --sub 0190163d-8694-739b-aea5-966c26f8ad91 --role admin --expires 8h")]
pub(crate) struct Token {
    /// The user
    #[arg(long, value_name = "UUID")]
    pub(crate) sub: Uuid,
    /// A permission, such as `events:write`; can be given again
    #[arg(long = "permission", value_name = "P")]
    pub(crate) permissions: Vec<String>,
    /// A role, such as `admin`, which has every permission; can be given again
    #[arg(long = "role", value_name = "R")]
    pub(crate) roles: Vec<String>,
    /// How long it holds: a number with s, m, h or d
    #[arg(long, default_value = "1h", value_name = "TIME")]
    pub(crate) expires: Lifetime,
    /// The user's time zone, such as `Asia/Ho_Chi_Minh`
    #[arg(long)]
    pub(crate) zone: Option<Zone>,
    /// Sign with the secret in this file (white space around it does not count)
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

/// Print a script that completes commands and options in a shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mission completions bash > ~/.local/share/bash-completion/completions/mission"
)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// The lifetime of a token, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime(pub(crate) u64);

impl std::str::FromStr for Lifetime {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
        let seconds = units.iter().find_map(|(unit, seconds)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number
                .checked_mul(*seconds)
                .filter(|seconds| (1..=100 * 366 * 86_400).contains(seconds))
        });
        seconds
            .map(Lifetime)
            .ok_or_else(|| "write a number with s, m, h or d, such as 30m or 8h".to_owned())
    }
}
