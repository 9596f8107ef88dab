use chrono::TimeDelta;

use super::{
    WholeStore, records,
    store_fixture::{StoreFixture, noon},
};
use crate::{
    PackId,
    engine::{PackPolicy, PackRecord, ReferralPolicy},
    mission::{Mission, MissionStatus},
    ports::{
        queries::{CatalogRecords, PACK_VERSIONS_KEPT, PackVersion},
        store::{Change, Root, Version},
    },
    testing::{active, definition, user},
};

#[expect(clippy::expect_used, reason = "a store that fails breaks the contract")]
async fn catalog<S: WholeStore>(fixture: &StoreFixture<'_, S>) -> CatalogRecords {
    let catalog = fixture.store.catalog_records().await;
    let mut catalog = catalog.expect("`catalog` must answer");
    let version = fixture.store.catalog_version().await;
    assert_eq!(
        version.expect("`catalog_version` must answer"),
        catalog.version,
        "both ways to ask for the version agree"
    );
    catalog.missions.sort_by_key(|mission| mission.id);
    catalog.packs.sort_by_key(|pack| pack.id);
    catalog
}

fn saving<S: WholeStore>(fixture: &StoreFixture<'_, S>, mission: &Mission, version: u64) -> Change {
    let root = Root::Mission(mission.id);
    let mut change = Change::default();
    change.expected.insert(root, Version(version));
    change.journal.push(fixture.entry(root, noon()));
    change
        .write_set
        .writes
        .mission
        .insert(mission.id, Some(mission.clone()));
    change
}

fn saving_pack<S: WholeStore>(fixture: &StoreFixture<'_, S>, pack: &PackRecord, version: u64) -> Change {
    let root = Root::Pack(pack.id);
    let mut change = Change::default();
    change.expected.insert(root, Version(version));
    change.journal.push(fixture.entry(root, noon()));
    change.write_set.writes.pack.insert(pack.id, Some(pack.clone()));
    change
}

pub(super) async fn the_catalog_holds_missions_and_packs<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let empty = catalog(fixture).await;
    assert_eq!((empty.missions, empty.packs), (Vec::new(), Vec::new()));
    let one = active(1, definition("one"));
    let mut two = active(2, definition("two"));
    let mut pack = records::pack("starter", noon());
    fixture.committed(&saving(fixture, &one, 0)).await;
    fixture.committed(&saving(fixture, &two, 0)).await;
    fixture.committed(&saving_pack(fixture, &pack, 0)).await;
    two.status = MissionStatus::Archived;
    two.version = 2;
    fixture.committed(&saving(fixture, &two, 1)).await;
    pack.policy = Some(PackPolicy {
        referral: Some(ReferralPolicy { points: 7.into() }),
        ..PackPolicy::default()
    });
    fixture.committed(&saving_pack(fixture, &pack, 1)).await;
    let whole = catalog(fixture).await;
    assert_eq!(
        whole.missions,
        [one, two],
        "every mission of whatever status, as it is now"
    );
    assert_eq!(whole.packs, [pack]);
}

pub(super) async fn the_last_versions_of_a_pack_are_kept<S: WholeStore>(fixture: &StoreFixture<'_, S>) {
    let mut pack = records::pack("starter", noon());
    let mut other = records::pack("other", noon());
    fixture.committed(&saving_pack(fixture, &other, 0)).await;
    let mut put = Vec::new();
    for version in 1..=PACK_VERSIONS_KEPT + 2 {
        pack.version = version;
        pack.updated_at += TimeDelta::microseconds(1);
        pack.files.insert("pack.toml".to_owned(), format!("# {version}"));
        fixture.committed(&saving_pack(fixture, &pack, version - 1)).await;
        put.push(pack.clone());
    }
    // The same content once more is no version of its own.
    let again = PackRecord {
        updated_at: pack.updated_at + TimeDelta::seconds(1),
        ..pack.clone()
    };
    fixture
        .committed(&saving_pack(fixture, &again, PACK_VERSIONS_KEPT + 2))
        .await;
    other.version = 2;
    fixture.committed(&saving_pack(fixture, &other, 1)).await;

    let (id, store) = (pack.id, fixture.store);
    assert_eq!(store.pack(id, None).await, Ok(Some(again)), "as it is");
    assert_eq!(store.pack(id, Some(2)).await, Ok(None), "too old");
    let kept = put.get(2..).unwrap_or_default();
    for was in kept {
        let found = store.pack(id, Some(was.version)).await;
        assert_eq!(found, Ok(Some(was.clone())), "as it was put first");
    }
    let newest_first: Vec<PackVersion> = kept
        .iter()
        .rev()
        .map(|was| PackVersion {
            version: was.version,
            updated_at: was.updated_at,
        })
        .collect();
    assert_eq!(store.pack_versions(id).await, Ok(newest_first));
    assert_eq!(store.pack_versions(PackId(user(9).0)).await, Ok(Vec::new()));
    assert_eq!(store.pack(PackId(user(9).0), None).await, Ok(None));
}

pub(super) async fn the_catalog_version_changes_with_missions_alone<S: WholeStore>(
    fixture: &StoreFixture<'_, S>,
) {
    let mut seen = vec![catalog(fixture).await.version];
    let mission = active(1, definition("one"));
    let pack = records::pack("starter", noon());
    let changes = [
        saving(fixture, &mission, 0),
        saving(fixture, &mission, 1),
        saving_pack(fixture, &pack, 0),
        saving_pack(fixture, &pack, 1),
    ];
    for change in changes {
        fixture.committed(&change).await;
        let version = catalog(fixture).await.version;
        assert!(
            !seen.contains(&version),
            "every change of a mission or a pack gives a new version"
        );
        seen.push(version);
    }
    let before = catalog(fixture).await.version;
    fixture
        .refused(&saving(fixture, &mission, 0), "a stale version is a conflict")
        .await;
    fixture.committed(&fixture.change(user(1), 0)).await;
    assert_eq!(
        catalog(fixture).await.version,
        before,
        "neither a conflict nor a user's change does"
    );
}
