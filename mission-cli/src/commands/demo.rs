//! `mission demo`: the main job, told step by step on the engine in memory.

use std::process::ExitCode;

use chrono::{DateTime, Duration, Utc};
use mission_core::{
    UserId,
    engine::{Reply, Settings},
    mission::MissionCode,
};
use mission_rules::pack::{
    Pack, PackFiles,
    simulation::{CaseStep, Simulation, StepError},
    template,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    failure::{CommandResult, Failure},
    output::{self, FAINT, GOOD},
    pack,
};

const ANNA: Uuid = Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad91);

pub(crate) fn run() -> CommandResult {
    let scripts = pack::scripts();
    let (pack, _) = Pack::load_with(&PackFiles::from_map(template::files("demo")), &scripts);
    let pack = pack.ok_or_else(|| Failure::Failed("the demo's pack has errors".to_owned()))?;
    let definitions = pack.missions.iter().map(|mission| &mission.definition);
    let mut stage = DemoServer {
        simulation: Simulation::new(
            definitions,
            &pack.policy,
            pack.caps.clone(),
            Settings::default(),
            &scripts,
        ),
        now: DateTime::UNIX_EPOCH + Duration::days(20_458) + Duration::hours(10),
    };
    stage.tell(
        "The pack that `mission new` makes has one mission: watch 3 videos of half a minute, for 50 points.",
    )?;
    stage.watch(
        35,
        "Anna watches a video of 35 seconds: the mission starts by itself",
    )?;
    stage.watch(
        12,
        "and one of 12 seconds, which the mission's script does not count",
    )?;
    stage.watch(40, "and one of 40 seconds")?;
    stage.watch(31, "and one of 31 seconds, the third that counts")?;
    stage.claim("She takes her reward")?;
    stage.claim("and tries to take it once more")?;
    stage.tell("\nShe comes back every day for a week: 10 points a day, and more when the streak is seven days long.")?;
    for _ in 0..7 {
        stage.check_in()?;
        stage.now += Duration::days(1);
    }
    stage.tell("\nNow make a pack of your own:  mission new my-pack && mission test my-pack")?;
    Ok(ExitCode::SUCCESS)
}

struct DemoServer {
    simulation: Simulation,
    now: DateTime<Utc>,
}

impl DemoServer {
    fn tell(&self, text: &str) -> Result<(), Failure> {
        Ok(output::line(text)?)
    }

    fn say(&self, what: &str, came: &str) -> Result<(), Failure> {
        let time = self.now.format("%Y-%m-%d %H:%M");
        Ok(output::line(&format!(
            "{FAINT}{time}{FAINT:#}  {what}: {GOOD}{came}{GOOD:#}"
        ))?)
    }

    fn step(&mut self, step: CaseStep) -> Result<Result<Reply, String>, Failure> {
        match self.simulation.step(UserId(ANNA), self.now, step) {
            Ok(reply) => Ok(Ok(reply)),
            Err(StepError::Rejected(why)) => Ok(Err(format!("refused, `{}`: {why}", why.code()))),
            Err(failed) => Err(Failure::Failed(failed.to_string())),
        }
    }

    fn watch(&mut self, seconds: u32, what: &str) -> Result<(), Failure> {
        let data = json!({"seconds": seconds})
            .as_object()
            .cloned()
            .unwrap_or_default();
        let came = match self.step(CaseStep::Activity {
            id: None,
            event_type: "video.watched".to_owned(),
            time: None,
            data,
        })? {
            Ok(Reply::EventResult(result)) => result.tasks.first().map_or_else(
                || "no progress".to_owned(),
                |task| {
                    let done = if task.completed_at.is_some() {
                        ", completed"
                    } else {
                        ""
                    };
                    format!("{} of {}{done}", task.progress.current(), task.progress.target())
                },
            ),
            Ok(_) => "done".to_owned(),
            Err(refused) => refused,
        };
        self.say(what, &came)?;
        self.now += Duration::minutes(5);
        Ok(())
    }

    fn claim(&mut self, what: &str) -> Result<(), Failure> {
        let mission: MissionCode = "watch-3-videos"
            .parse()
            .map_err(|error| Failure::Failed(format!("{error}")))?;
        let came = match self.step(CaseStep::Claim { mission })? {
            Ok(Reply::RewardTaken(taken)) => format!("{} points", taken.reward.amount.total()),
            Ok(_) => "done".to_owned(),
            Err(refused) => refused,
        };
        self.say(what, &came)
    }

    fn check_in(&mut self) -> Result<(), Failure> {
        let came = match self.step(CaseStep::CheckIn { zone: None })? {
            Ok(Reply::CheckedIn(done)) => {
                let earned = done.day.earned;
                let milestone = if earned.is_milestone() {
                    ", a milestone"
                } else {
                    ""
                };
                format!(
                    "streak {}, {} points{milestone}",
                    done.streak.current,
                    earned.total()
                )
            }
            Ok(_) => "done".to_owned(),
            Err(refused) => refused,
        };
        self.say("A check-in", &came)
    }
}
