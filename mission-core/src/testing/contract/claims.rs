use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{WholeStore, store_fixture::StoreFixture};
use crate::{
    UserId,
    engine::ReadSet,
    ports::store::{Change, Claim, CommitOutcome, Root},
    testing::{definition, user},
    user::InviteCode,
};

const EVIDENCE: Claim = Claim::Evidence([1; 32]);

fn claiming<S: WholeStore>(fixture: &StoreFixture<'_, S>, who: UserId, version: u64, claim: Claim) -> Change {
    let mut change = fixture.change(who, version);
    change.write_set.claims.insert(claim, who.0);
    change
}

async fn holder<S: WholeStore>(fixture: &StoreFixture<'_, S>, claim: &Claim) -> Option<Uuid> {
    let keys = ReadSet {
        claims: BTreeSet::from([claim.clone()]),
        ..ReadSet::default()
    };
    let loaded = fixture.load(keys).await;
    assert!(loaded.claims.contains_key(claim), "the claim is answered");
    loaded.claims[claim]
}

pub(super) async fn a_claim_has_one_holder<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&claiming(fixture, user(1), 0, EVIDENCE)).await;
    fixture
        .refused(
            &claiming(fixture, user(2), 0, EVIDENCE),
            "a claim that is held refuses the change",
        )
        .await;
    assert_eq!(holder(fixture, &EVIDENCE).await, Some(user(1).0));
    assert_eq!(
        fixture.version(Root::User(user(2))).await,
        0,
        "a refused change writes nothing"
    );
}

pub(super) async fn a_released_claim_can_be_taken_again<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&claiming(fixture, user(1), 0, EVIDENCE)).await;
    let mut release = fixture.change(user(1), 1);
    release.write_set.releases.insert(EVIDENCE);
    release.write_set.releases.insert(Claim::Policy);
    fixture.committed(&release).await;
    assert_eq!(holder(fixture, &EVIDENCE).await, None, "a released claim is free");
    fixture.committed(&claiming(fixture, user(2), 0, EVIDENCE)).await;
    assert_eq!(holder(fixture, &EVIDENCE).await, Some(user(2).0));
}

pub(super) async fn a_claim_can_change_hands_in_one_change<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    fixture.committed(&claiming(fixture, user(1), 0, EVIDENCE)).await;
    let mut handover = claiming(fixture, user(2), 0, EVIDENCE);
    handover.write_set.releases.insert(EVIDENCE);
    fixture.committed(&handover).await;
    assert_eq!(
        holder(fixture, &EVIDENCE).await,
        Some(user(2).0),
        "claims are let go before others are taken"
    );
}

pub(super) async fn claims_of_one_commit_go_to_the_first<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut release = claiming(fixture, user(4), 0, Claim::Policy);
    fixture.committed(&claiming(fixture, user(3), 0, EVIDENCE)).await;
    release.write_set.releases.insert(EVIDENCE);
    let changes = [
        claiming(fixture, user(2), 0, Claim::Policy),
        release,
        claiming(fixture, user(1), 0, Claim::Policy),
    ];
    assert_eq!(
        fixture.commit(&changes).await,
        [
            CommitOutcome::Committed,
            CommitOutcome::Conflict,
            CommitOutcome::Conflict
        ],
        "of several changes that want one claim, the first gets it"
    );
    assert_eq!(holder(fixture, &Claim::Policy).await, Some(user(2).0));
    assert_eq!(
        holder(fixture, &EVIDENCE).await,
        Some(user(3).0),
        "a refused change releases nothing"
    );
}

pub(super) async fn different_claims_never_meet<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let inbound = |source: &str, id: &str| Claim::Inbound {
        source: source.to_owned(),
        id: id.to_owned(),
    };
    let claims = [
        Claim::Evidence([0; 32]),
        Claim::Evidence([255; 32]),
        Claim::MissionCode(definition("abc").code),
        Claim::InviteCode(InviteCode::typed("abc")),
        Claim::Invitee(user(1)),
        Claim::Invitee(user(2)),
        Claim::ReferralEvent(user(1)),
        Claim::Policy,
        inbound("a", "b:c"),
        inbound("a:b", "c"),
        inbound("a", "B:c"),
        inbound("", "a:b:c"),
        inbound("urn:ünïcödé 🎯", "'; DROP TABLE claims; --"),
        inbound("urn:ünïcödé 🎯", "\"quoted\\\" %_"),
    ];
    for (n, claim) in claims.iter().enumerate() {
        fixture
            .committed(&claiming(fixture, user(100 + n as u64), 0, claim.clone()))
            .await;
    }
    let keys = ReadSet {
        claims: claims.iter().cloned().collect(),
        ..ReadSet::default()
    };
    let expected: BTreeMap<Claim, Option<Uuid>> = claims
        .iter()
        .enumerate()
        .map(|(n, claim)| (claim.clone(), Some(user(100 + n as u64).0)))
        .collect();
    assert_eq!(
        fixture.load(keys).await.claims,
        expected,
        "each claim has its own holder"
    );
}
