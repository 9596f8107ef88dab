//! What PostgreSQL's refusals mean.

use mission_core::ports::store::{Store, StoreError};

use super::test_store;
use crate::store::tests::{block_on, builders::change};

/// As on a disk that has become read-only: it has the code of rights that are missing, and is over by itself.
#[test]
fn a_file_that_postgresql_cannot_use_is_no_missing_right() {
    block_on(async {
        let Some(test_store) = test_store().await else {
            return;
        };
        test_store.schema.run(
            "CREATE FUNCTION read_a_file() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM pg_read_file('/root/mission');
                RETURN NULL;
            END $$;
            CREATE TRIGGER reads_a_file AFTER INSERT ON users EXECUTE FUNCTION read_a_file()",
        );
        let failed = test_store.store.commit(&[change(1, 0)]).await.unwrap_err();
        assert!(
            matches!(&failed, StoreError::Unavailable(why) if why.contains("/root/mission")),
            "{failed:?}"
        );
    });
}
