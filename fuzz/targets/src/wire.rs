//! What comes over the wire is read or refused without a panic, and what was read is written so that it reads the
//! same again.

use chrono::DateTime;
use mission_core::{
    check_in::CheckInPolicy,
    event::{ActivityEvent, CloudEvent},
    mission::Definition,
    task::{Evidence, EvidenceType, check_evidence},
};
use serde::{Serialize, de::DeserializeOwned};

/// Reads the bytes as each type that comes over the wire.
///
/// # Panics
/// When what was read cannot be written, or is read in another way then.
pub fn wire(bytes: &[u8]) {
    if let Some(event) = round_trip::<CloudEvent>(bytes)
        && let Ok(activity) = ActivityEvent::from_cloud_event(event.clone(), DateTime::UNIX_EPOCH)
    {
        assert!(event.validate().is_ok(), "an invalid envelope was taken");
        assert!(!activity.id.is_empty() && !activity.source.is_empty() && !activity.event_type.is_empty());
        round_trip::<ActivityEvent>(&serde_json::to_vec(&activity).expect("an event can be written"));
    }
    if let Some(definition) = round_trip::<Definition>(bytes) {
        for flaw in definition.validation_errors() {
            assert!(!flaw.path.is_empty() && !flaw.message.is_empty());
        }
    }
    if let Some(evidence) = round_trip::<Evidence>(bytes) {
        judge(&evidence);
    }
    round_trip::<CheckInPolicy>(bytes);
}

fn round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&written)));
    assert_eq!(read, again);
    Some(read)
}

/// Good evidence is never of another type than the mission asks for.
fn judge(evidence: &Evidence) {
    let started = DateTime::UNIX_EPOCH + chrono::Duration::days(20_000);
    for evidence_type in [
        EvidenceType::WatchDuration,
        EvidenceType::ClickData,
        EvidenceType::UploadedContent,
        EvidenceType::SocialProof,
        EvidenceType::InviteCode,
    ] {
        let demand = mission_core::mission::EvidenceRequirement {
            evidence_type,
            min_seconds: Some(30),
            review: mission_core::mission::EvidenceReview::default(),
        };
        let now = started + chrono::Duration::minutes(1);
        if check_evidence(evidence, &demand, started, now).is_ok() {
            assert_eq!(evidence.evidence_type, evidence_type);
            if evidence_type == EvidenceType::WatchDuration {
                assert!(
                    evidence
                        .seconds()
                        .is_some_and(|seconds| (30..=65).contains(&seconds))
                );
            }
        }
    }
}
