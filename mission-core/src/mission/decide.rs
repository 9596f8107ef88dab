//! Missions made, changed, moved through their life; packs put in place.

use serde_json::json;

use super::{Definition, Mission, MissionCode, MissionStatus, Move};
use crate::{
    MissionId,
    engine::{
        AuditSubject, CreateMission, Halt, MissionSaved, MoveMission, PackRecord, PackSaved, PutPack,
        Rejection, Thing, UpdateMission, Work,
    },
    ports::store::Claim,
};

pub(crate) fn create(work: &mut Work<'_>, command: &CreateMission) -> Result<MissionSaved, Halt> {
    if let Some(known) = work.mission(command.mission)? {
        return Err(code_taken(&known.definition.code, known.pack.as_deref()).into());
    }
    let mission = made(work, command.mission, &command.definition, None)?;
    put(work, None, &mission);
    Ok(MissionSaved { mission })
}

pub(crate) fn update(work: &mut Work<'_>, command: &UpdateMission) -> Result<MissionSaved, Halt> {
    let before = current(work, command.mission, command.expected_version)?;
    let mission = changed(work, before.clone(), &command.definition)?;
    put(work, Some(&before), &mission);
    Ok(MissionSaved { mission })
}

pub(crate) fn change_status(work: &mut Work<'_>, command: &MoveMission) -> Result<MissionSaved, Halt> {
    let before = current(work, command.mission, command.expected_version)?;
    let status = before
        .status
        .after(command.asked)
        .map_err(|e| Rejection::InvalidTransition {
            from: e.from,
            asked: e.asked,
        })?;
    let mission = Mission {
        status,
        version: before.version + 1,
        ..before.clone()
    };
    put(work, Some(&before), &mission);
    Ok(MissionSaved { mission })
}

pub(crate) fn put_pack(work: &mut Work<'_>, command: &PutPack) -> Result<PackSaved, Halt> {
    let before = work.pack(command.pack)?;
    let policy_holder = work.claim_holder(&Claim::Policy)?;
    match (&command.policy, policy_holder) {
        (Some(_), Some(holder)) if holder != command.pack.0 => return Err(Rejection::PolicyTaken.into()),
        (Some(_), None) => {
            work.effects.claims.insert(Claim::Policy, command.pack.0);
        }
        (None, Some(holder)) if holder == command.pack.0 => {
            work.effects.releases.insert(Claim::Policy);
        }
        _ => {}
    }
    let mut missions = Vec::with_capacity(command.missions.len());
    let (mut created, mut edited) = (0, 0);
    for (id, definition) in &command.missions {
        let mission = match work.mission(*id)? {
            Some(known) if known.pack.as_deref() != Some(&command.name) => {
                return Err(code_taken(&known.definition.code, known.pack.as_deref()).into());
            }
            Some(known) if let Some(status) = known.dropped_from => {
                created += 1;
                Mission {
                    status,
                    dropped_from: None,
                    ..changed(work, known, definition)?
                }
            }
            Some(known) if known.definition == *definition => known,
            Some(known) => {
                edited += 1;
                changed(work, known, definition)?
            }
            None => {
                created += 1;
                let status = if command.activate {
                    MissionStatus::Draft.after(Move::Activate)
                } else {
                    Ok(MissionStatus::Draft)
                };
                Mission {
                    status: status.unwrap_or_default(),
                    ..made(work, *id, definition, Some(&command.name))?
                }
            }
        };
        work.put_mission_record(mission.id, mission.clone());
        missions.push(mission);
    }
    let archived = archive_removed(work, command)?;
    let held = before
        .as_ref()
        .map(|known| json!({"version": known.version, "missions": known.missions}));
    let same = before.as_ref().is_some_and(|known| known.files == command.files);
    let version = before.map_or(0, |known| known.version) + u64::from(!same);
    work.put_pack_record(
        command.pack,
        PackRecord {
            id: command.pack,
            name: command.name.clone(),
            files: command.files.clone(),
            policy: command.policy.clone(),
            missions: missions
                .iter()
                .map(|mission| mission.definition.code.clone())
                .collect(),
            updated_at: work.now(),
            version,
        },
    );
    let codes = |missions: &[Mission]| -> Vec<MissionCode> {
        missions
            .iter()
            .map(|mission| mission.definition.code.clone())
            .collect()
    };
    let after = json!({
        "version": version, "missions": codes(&missions), "created": created, "changed": edited,
        "archived": codes(&archived),
    });
    if !same {
        work.audit((AuditSubject::Pack, command.name.clone()), None, held, after);
    }
    Ok(PackSaved {
        name: command.name.clone(),
        version,
        missions,
        archived,
        created,
        changed: edited,
    })
}

/// Writes a mission that an operator made or changed.
fn put(work: &mut Work<'_>, before: Option<&Mission>, after: &Mission) {
    let state = |mission: &Mission| json!({"version": mission.version, "status": mission.status, "definition": mission.definition});
    let subject = (AuditSubject::Mission, after.id.to_string());
    work.audit(subject, None, before.map(state), state(after));
    work.put_mission_record(after.id, after.clone());
}

/// Archives what the pack held and no longer holds, whatever its status: nobody could move it any more.
fn archive_removed(work: &mut Work<'_>, command: &PutPack) -> Result<Vec<Mission>, Halt> {
    let mut archived = Vec::new();
    for id in work.book().removed_by(command) {
        let Some(known) = work.mission(id)? else { continue };
        if known.status == MissionStatus::Archived || known.pack.as_deref() != Some(&command.name) {
            continue;
        }
        let mission = Mission {
            dropped_from: Some(known.status),
            status: MissionStatus::Archived,
            version: known.version + 1,
            ..known
        };
        work.put_mission_record(mission.id, mission.clone());
        archived.push(mission);
    }
    Ok(archived)
}

fn code_taken(code: &MissionCode, pack: Option<&str>) -> Rejection {
    Rejection::CodeTaken {
        code: code.to_string(),
        owner: pack.map(str::to_owned),
    }
}

fn current(work: &Work<'_>, id: MissionId, expected: Option<u64>) -> Result<Mission, Halt> {
    let mission = work.mission(id)?.ok_or(Rejection::NotFound(Thing::Mission))?;
    match expected {
        Some(version) if version != mission.version => Err(Rejection::VersionConflict {
            current: mission.version,
        }
        .into()),
        _ => Ok(mission),
    }
}

fn made(
    work: &mut Work<'_>,
    id: MissionId,
    definition: &Definition,
    pack: Option<&str>,
) -> Result<Mission, Halt> {
    take_code(work, id, definition)?;
    Ok(Mission {
        id,
        definition: definition.clone(),
        status: MissionStatus::Draft,
        pack: pack.map(str::to_owned),
        dropped_from: None,
        running_version: 0,
        editions: Vec::new(),
        created_at: work.now(),
        version: 1,
    })
}

fn changed(work: &mut Work<'_>, before: Mission, definition: &Definition) -> Result<Mission, Halt> {
    if before.definition.code != definition.code {
        take_code(work, before.id, definition)?;
        work.effects
            .releases
            .insert(Claim::MissionCode(before.definition.code.clone()));
    }
    Ok(before.edited(definition, work.now()))
}

fn take_code(work: &mut Work<'_>, id: MissionId, definition: &Definition) -> Result<(), Halt> {
    let claim = Claim::MissionCode(definition.code.clone());
    match work.claim_holder(&claim)? {
        Some(holder) if holder != id.0 => {
            let holder = work.book().mission(MissionId(holder));
            let pack = holder.and_then(|listed| listed.mission.pack.as_deref());
            Err(code_taken(&definition.code, pack).into())
        }
        Some(_) => Ok(()),
        None => {
            work.effects.claims.insert(claim, id.0);
            Ok(())
        }
    }
}
