//! Missions made, changed, moved through their life; packs put in place.

use serde_json::json;

use super::{Definition, Mission, MissionCode, MissionStatus, StatusTransition};
use crate::{
    MissionId,
    decision::{
        AuditSubject, Claim, CreateMission, DecisionContext, Interrupt, MissionSaved, MoveMission,
        PackRecord, PackSaved, PutPack, Rejection, ResourceKind, UpdateMission,
    },
};

pub(crate) fn create(
    cx: &mut DecisionContext<'_>,
    command: &CreateMission,
) -> Result<MissionSaved, Interrupt> {
    if let Some(known) = cx.mission(command.mission)? {
        return Err(code_taken(&known.definition.code, known.pack.as_deref()).into());
    }
    let mission = made(cx, command.mission, &command.definition, None)?;
    put(cx, None, &mission);
    Ok(MissionSaved { mission })
}

pub(crate) fn update(
    cx: &mut DecisionContext<'_>,
    command: &UpdateMission,
) -> Result<MissionSaved, Interrupt> {
    let before = current(cx, command.mission, command.expected_version)?;
    let mission = changed(cx, before.clone(), &command.definition)?;
    put(cx, Some(&before), &mission);
    Ok(MissionSaved { mission })
}

pub(crate) fn change_status(
    cx: &mut DecisionContext<'_>,
    command: &MoveMission,
) -> Result<MissionSaved, Interrupt> {
    let before = current(cx, command.mission, command.expected_version)?;
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
    put(cx, Some(&before), &mission);
    Ok(MissionSaved { mission })
}

pub(crate) fn put_pack(cx: &mut DecisionContext<'_>, command: &PutPack) -> Result<PackSaved, Interrupt> {
    let before = cx.pack(command.pack)?;
    let policy_holder = cx.claim_holder(&Claim::Policy)?;
    match (&command.policy, policy_holder) {
        (Some(_), Some(holder)) if holder != command.pack.0 => return Err(Rejection::PolicyTaken.into()),
        (Some(_), None) => {
            cx.write_set.claims.insert(Claim::Policy, command.pack.0);
        }
        (None, Some(holder)) if holder == command.pack.0 => {
            cx.write_set.releases.insert(Claim::Policy);
        }
        _ => {}
    }
    let mut missions = Vec::with_capacity(command.missions.len());
    let (mut created, mut edited) = (0, 0);
    for (id, definition) in &command.missions {
        let mission = match cx.mission(*id)? {
            Some(known) if known.pack.as_deref() != Some(&command.name) => {
                return Err(code_taken(&known.definition.code, known.pack.as_deref()).into());
            }
            Some(known) if let Some(status) = known.dropped_from => {
                created += 1;
                Mission {
                    status,
                    dropped_from: None,
                    ..changed(cx, known, definition)?
                }
            }
            Some(known) if known.definition == *definition => known,
            Some(known) => {
                edited += 1;
                changed(cx, known, definition)?
            }
            None => {
                created += 1;
                let status = if command.activate {
                    MissionStatus::Draft.after(StatusTransition::Activate)
                } else {
                    Ok(MissionStatus::Draft)
                };
                Mission {
                    status: status.unwrap_or_default(),
                    ..made(cx, *id, definition, Some(&command.name))?
                }
            }
        };
        cx.put_mission_record(mission.id, mission.clone());
        missions.push(mission);
    }
    let archived = archive_removed(cx, command)?;
    let held = before
        .as_ref()
        .map(|known| json!({"version": known.version, "missions": known.missions}));
    let same = before.as_ref().is_some_and(|known| known.files == command.files);
    let version = before.map_or(0, |known| known.version) + u64::from(!same);
    cx.put_pack_record(
        command.pack,
        PackRecord {
            id: command.pack,
            name: command.name.clone(),
            files: command.files.clone(),
            policy: command.policy.clone(),
            caps: command.caps.clone(),
            missions: missions
                .iter()
                .map(|mission| mission.definition.code.clone())
                .collect(),
            updated_at: cx.now(),
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
        cx.audit((AuditSubject::Pack, command.name.clone()), None, held, after);
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
fn put(cx: &mut DecisionContext<'_>, before: Option<&Mission>, after: &Mission) {
    let state = |mission: &Mission| json!({"version": mission.version, "status": mission.status, "definition": mission.definition});
    let subject = (AuditSubject::Mission, after.id.to_string());
    cx.audit(subject, None, before.map(state), state(after));
    cx.put_mission_record(after.id, after.clone());
}

/// Archives what the pack held and no longer holds, whatever its status: nobody could move it any more.
fn archive_removed(cx: &mut DecisionContext<'_>, command: &PutPack) -> Result<Vec<Mission>, Interrupt> {
    let mut archived = Vec::new();
    for id in cx.catalog().removed_by(command) {
        let Some(known) = cx.mission(id)? else { continue };
        if known.status == MissionStatus::Archived || known.pack.as_deref() != Some(&command.name) {
            continue;
        }
        let mission = Mission {
            dropped_from: Some(known.status),
            status: MissionStatus::Archived,
            version: known.version + 1,
            ..known
        };
        cx.put_mission_record(mission.id, mission.clone());
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

fn current(cx: &DecisionContext<'_>, id: MissionId, expected: Option<u64>) -> Result<Mission, Interrupt> {
    let mission = cx
        .mission(id)?
        .ok_or(Rejection::NotFound(ResourceKind::Mission))?;
    match expected {
        Some(version) if version != mission.version => Err(Rejection::VersionConflict {
            current: mission.version,
        }
        .into()),
        _ => Ok(mission),
    }
}

fn made(
    cx: &mut DecisionContext<'_>,
    id: MissionId,
    definition: &Definition,
    pack: Option<&str>,
) -> Result<Mission, Interrupt> {
    take_code(cx, id, definition)?;
    Ok(Mission {
        id,
        definition: definition.clone(),
        status: MissionStatus::Draft,
        pack: pack.map(str::to_owned),
        dropped_from: None,
        running_version: 0,
        editions: Vec::new(),
        created_at: cx.now(),
        version: 1,
    })
}

fn changed(
    cx: &mut DecisionContext<'_>,
    before: Mission,
    definition: &Definition,
) -> Result<Mission, Interrupt> {
    let fixed = |definition: &Definition| (definition.shadow, definition.shadow_of.clone());
    if before.was_active() && fixed(&before.definition) != fixed(definition) {
        let code = before.definition.code.to_string();
        return Err(Rejection::ShadowFixed { code }.into());
    }
    if before.definition.code != definition.code {
        take_code(cx, before.id, definition)?;
        cx.write_set
            .releases
            .insert(Claim::MissionCode(before.definition.code.clone()));
    }
    Ok(before.edited(definition, cx.now()))
}

fn take_code(cx: &mut DecisionContext<'_>, id: MissionId, definition: &Definition) -> Result<(), Interrupt> {
    let claim = Claim::MissionCode(definition.code.clone());
    match cx.claim_holder(&claim)? {
        Some(holder) if holder != id.0 => {
            let holder = cx.catalog().mission(MissionId(holder));
            let pack = holder.and_then(|compiled| compiled.mission.pack.as_deref());
            Err(code_taken(&definition.code, pack).into())
        }
        Some(_) => Ok(()),
        None => {
            cx.write_set.claims.insert(claim, id.0);
            Ok(())
        }
    }
}
