// What every ledger owes. Included by a module that knows how to make one, and how to sum it up.

#[test]
fn a_grant_is_booked_once_and_revoked_once() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let wallet = test_store.store.wallet();
        let (grant, revocation) = (claimed(1, 1, "12.5"), revoked(1, 1, "12.5"));
        wallet.handle(&[grant.clone(), grant.clone()]).await.unwrap();
        wallet.handle(std::slice::from_ref(&grant)).await.unwrap();
        assert_eq!(balance(&wallet, 1).await, "12.5");
        wallet
            .handle(&[claimed(2, 1, "0.000001"), revocation.clone(), grant.clone()])
            .await
            .unwrap();
        wallet.handle(&[revocation]).await.unwrap();
        assert_eq!(balance(&wallet, 1).await, "0.000001");
        let entries = wallet.entries(user(1)).await.unwrap();
        let amounts: Vec<String> = entries.iter().map(|entry| entry.amount.to_string()).collect();
        assert_eq!(amounts, ["12.5", "0.000001", "-12.5"]);
        assert_eq!(
            serde_json::to_value(&entries[2]).unwrap()["amount"].to_string(),
            "-12.5",
            "exact digits on the wire"
        );
        assert_eq!(sums(&test_store).await, [("user".to_owned(), 1)].into());
    });
}

#[test]
fn who_was_erased_has_no_account_and_the_sums_stay() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let wallet = test_store.store.wallet();
        wallet
            .handle(&[
                claimed(1, 1, "10"),
                claimed(2, 2, "5"),
                erased(1),
                claimed(3, 1, "1"),
            ])
            .await
            .unwrap();
        wallet.handle(&[claimed(1, 1, "10"), erased(1)]).await.unwrap();
        assert_eq!(balance(&wallet, 1).await, "0");
        assert_eq!(wallet.entries(user(1)).await.unwrap(), []);
        assert_eq!(balance(&wallet, 2).await, "5");
        let expected = [
            ("erased", 11_000_000),
            ("user", 5_000_000),
        ];
        assert_eq!(
            sums(&test_store).await,
            expected.map(|(kind, sum)| (kind.to_owned(), sum)).into()
        );
    });
}

#[test]
fn events_that_move_no_points_are_none_of_its_business() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let wallet = test_store.store.wallet();
        let mut other = claimed(1, 1, "10");
        other.event_type = "MissionCompletedEvent".to_owned();
        wallet.handle(&[other]).await.unwrap();
        assert_eq!(balance(&wallet, 1).await, "0");
    });
}

#[test]
fn an_unreadable_event_is_refused_with_its_name_and_books_nothing() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let wallet = test_store.store.wallet();
        for data in [
            serde_json::json!({"rewardId": "x"}),
            serde_json::Value::Null,
            serde_json::json!({
                "rewardId": Uuid::nil(), "userId": Uuid::nil(), "totalPoints": -1, "currency": "POINTS",
                "claimedAt": "2026-01-05T10:00:00Z",
            }),
        ] {
            let mut broken = claimed(2, 1, "10");
            broken.data = Some(data);
            let refusal = wallet.handle(&[claimed(1, 1, "10"), broken]).await.unwrap_err();
            assert!(
                matches!(&refusal, mission_core::ports::store::StoreError::Refused(why)
                    if why.contains("RewardClaimedEvent") || why.contains("-1 points")),
                "{refusal}"
            );
            assert_eq!(balance(&wallet, 1).await, "0");
        }
    });
}

/// Whatever comes, in whatever order and however often: the books equal those of a naive model, and an erasure changes no
/// sum.
#[test]
fn the_books_always_balance() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let Some(test_store) = runtime.block_on(test_store()) else {
        return;
    };
    let wallet = test_store.store.wallet();
    let case = Cell::new(0);
    let issued = Cell::new(0);
    let history = async |batches: Vec<Vec<Delivery>>| {
        // Other users and grants in every case, in the same books.
        case.set(case.get() + 1);
        let (who, grant) = (|who| case.get() * 100 + who, |grant| case.get() * 100 + grant);
        let mut booked: BTreeMap<(u64, bool), ()> = BTreeMap::new();
        let mut gone: Vec<u64> = Vec::new();
        for batch in &batches {
            let events: Vec<CloudEvent> = batch
                .iter()
                .map(|delivery| match *delivery {
                    Delivery::Grant(n) => {
                        booked.insert((n, true), ());
                        claimed(grant(n), who(holder(n)), &micros(amount(n)))
                    }
                    Delivery::Revocation(n) => {
                        booked.insert((n, false), ());
                        revoked(grant(n), who(holder(n)), &micros(amount(n)))
                    }
                    Delivery::Erasure(n) => {
                        gone.push(n);
                        erased(who(n))
                    }
                })
                .collect();
            wallet.handle(&events).await.unwrap();
        }
        for one in 0..3 {
            let expected: i64 = booked
                .keys()
                .filter(|(grant, _)| holder(*grant) == one && !gone.contains(&one))
                .map(|(grant, granted)| if *granted { amount(*grant) } else { -amount(*grant) })
                .sum();
            let found = wallet.balance(user(who(one))).await.unwrap();
            assert_eq!(
                found,
                mission_core::points::total_from_millionths(expected),
                "user {one}"
            );
        }
        let moved = booked.keys();
        let moved = moved.map(|(grant, granted)| if *granted { amount(*grant) } else { -amount(*grant) });
        issued.set(issued.get() + moved.sum::<i64>());
        assert_eq!(sums(&test_store).await.values().sum::<i64>(), issued.get());
    };
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let ran = runner.run(&deliveries(), |batches| {
        runtime.block_on(history(batches));
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn nobody_has_an_account_at_first() {
    block_on(async {
        let Some(test_store) = test_store().await else { return };
        let wallet = test_store.store.wallet();
        let nobody = UserId(Uuid::nil());
        assert!(wallet.balance(nobody).await.unwrap().is_zero());
        assert_eq!(wallet.entries(nobody).await.unwrap(), []);
    });
}
