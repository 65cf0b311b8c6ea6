//! Databases, sessions and transactions, on SQLite.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use diesel::prelude::*;
use tasks_runtime::database::RunQueryDsl;
use tasks_runtime::prelude::*;

diesel::table! { notes (id) { id -> BigInt, text -> Text } }

#[task(register = false)]
async fn add(session: Session, text: String) -> anyhow::Result<i64> {
    session
        .transaction(async |tx| {
            with_conn!(tx, |conn| {
                diesel::insert_into(notes::table)
                    .values(notes::text.eq(&text))
                    .execute(conn)
                    .await?;
                Ok::<_, anyhow::Error>(notes::table.count().get_result(conn).await?)
            })
        })
        .await
}

#[tokio::test]
async fn smoke() {
    let db = Database::sqlite_in_memory().connect().await.unwrap();
    db.session()
        .execute_script("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
        .await
        .unwrap();
    let ex = tasks_runtime::testing::executor([task(add)])
        .provide(db.clone())
        .build()
        .unwrap();
    assert_eq!(ex.run::<i64>(call!(add, text = "a")).await.unwrap(), 1);
    let n: i64 = db
        .session()
        .read(async |c| with_conn!(c, |c| notes::table.count().get_result(c).await))
        .await
        .unwrap();
    assert_eq!(n, 1);
    let e = db
        .session()
        .transaction(async |_tx| {
            db.session()
                .transaction(async |tx| tx.batch("SELECT 1").await)
                .await
        })
        .await;
    assert!(e.unwrap_err().to_string().contains("open already"));
}
