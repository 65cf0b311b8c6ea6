//! The table of identities: finds the name of a database, and makes one.

use std::sync::Arc;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl as _;

use super::connection::Connection;
use super::error::DatabaseError;
use super::handle::Database;
use super::identity::Identity;
use super::statement::statement;

#[derive(QueryableByName)]
struct IdentityRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    place: String,
}

impl Database {
    /// What it is called outside of it. Read once; it is there once the database was opened, unless somebody else sees to its tables.
    pub(crate) async fn lasting_identity(&self) -> Result<Arc<Identity>, DatabaseError> {
        if let Some(identity) = &*self.identity_slot() {
            return Ok(Arc::clone(identity));
        }
        let found = Arc::new(find_or_make(self).await?);
        // A ping asks for it from now on.
        *self.identity_slot() = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Says that the databases that this one is a copy of are not used any more.
    pub(crate) async fn take_over(&self) -> Result<(), DatabaseError> {
        take_over(self).await?;
        *self.identity_slot() = None;
        Ok(())
    }

    /// What it is called outside of it, if that was read.
    pub(super) fn known_identity(&self) -> Option<Arc<Identity>> {
        self.identity_slot().clone()
    }

    fn identity_slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Identity>>> {
        let slot = &self.shared.identity;
        slot.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Reads the name, or makes one.
async fn find_or_make(database: &Database) -> Result<Identity, DatabaseError> {
    let place = place_of(database).await?;
    let session = database.session();
    let known = session.read(async |conn| all_known(conn).await).await?;
    if let Some(identity) = choose(known, &place) {
        return Ok(identity);
    }
    let new = ulid::Ulid::new().to_string();
    let now = chrono::Utc::now().timestamp_micros();
    let known = session
        .transaction(async |tx| {
            crate::with_conn!(tx, |conn| {
                // Another process may be faster.
                statement(
                    "INSERT INTO tasks_identities (id, place, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                )
                .bind::<Text, _>(&new)
                .bind::<Text, _>(&place)
                .bind::<BigInt, _>(now)
                .execute(conn)
                .await
            })?;
            all_known(tx).await
        })
        .await?;
    choose(known, &place).ok_or_else(|| {
        DatabaseError::Configuration("the database does not keep its own name".to_owned())
    })
}

/// All names, oldest first.
async fn all_known(conn: &mut Connection) -> Result<Vec<IdentityRow>, DatabaseError> {
    Ok(crate::with_conn!(conn, |conn| {
        statement("SELECT id, place FROM tasks_identities ORDER BY created_at, id")
            .load(conn)
            .await
    })?)
}

fn choose(known: Vec<IdentityRow>, place: &str) -> Option<Identity> {
    let (mut own, others): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|known| known.place == place);
    let (taken_over, former): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|known| known.place == taken_over(&known.id, place));
    let ids = |known: Vec<IdentityRow>| known.into_iter().map(|known| known.id).collect();
    Some(Identity {
        own: own.pop()?.id,
        taken_over: ids(taken_over),
        former: ids(former),
    })
}

/// The place of a database whose content the one at this place has taken over. A copy is at another one, and has taken over nothing.
fn taken_over(id: &str, place: &str) -> String {
    format!("{id} taken over by {place}")
}

/// Takes over what the databases have written that this is a copy of.
async fn take_over(database: &Database) -> Result<(), DatabaseError> {
    let place = place_of(database).await?;
    // There has to be a name at this place: without one, nothing tells what is former.
    find_or_make(database).await?;
    database
        .session()
        .transaction_with_retries(async |tx| {
            for known in all_known(tx).await? {
                if known.place == place {
                    continue;
                }
                let taken_over = taken_over(&known.id, &place);
                crate::with_conn!(tx, |conn| {
                    statement("UPDATE tasks_identities SET place = $2 WHERE id = $1")
                        .bind::<Text, _>(&known.id)
                        .bind::<Text, _>(&taken_over)
                        .execute(conn)
                        .await
                })?;
            }
            Ok(())
        })
        .await
}

/// Where a database is: what differs in a copy, and stays when the server or the computer is started again.
struct Place {
    text: String,
    /// How it was written before it said when a file was made.
    before: Option<String>,
}

impl Place {
    fn new(text: String) -> Self {
        Self { text, before: None }
    }
}

/// Where the database is. What is known of it under the former text of that is given the new one.
async fn place_of(database: &Database) -> Result<String, DatabaseError> {
    let Place { text, before } = find_place(database).await?;
    let Some(before) = before else {
        return Ok(text);
    };
    let session = database.session();
    let known = session.read(async |conn| all_known(conn).await).await?;
    if known.iter().any(|known| known.place == before) {
        session
            .transaction_with_retries(async |tx| {
                crate::with_conn!(tx, |conn| {
                    statement("UPDATE tasks_identities SET place = $2 WHERE place = $1")
                        .bind::<Text, _>(&before)
                        .bind::<Text, _>(&text)
                        .execute(conn)
                        .await
                })?;
                Ok::<_, DatabaseError>(())
            })
            .await?;
    }
    Ok(text)
}

async fn find_place(database: &Database) -> Result<Place, DatabaseError> {
    match &database.shared.pools {
        #[cfg(feature = "sqlite")]
        super::handle::Pools::Sqlite(pools) => Ok(place_of_file(&pools.path())),
        #[cfg(feature = "postgres")]
        super::handle::Pools::Postgres(_) => Ok(Place::new(place_on_server(database).await?)),
    }
}

/// The number of the file and when it was made, which a file that is renamed keeps: a copy on another file system may have the same number.
/// Without such numbers, its path.
#[cfg(feature = "sqlite")]
fn place_of_file(path: &str) -> Place {
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(path) {
        use std::os::unix::fs::MetadataExt as _;
        let number = format!("inode {}", metadata.ino());
        // Not all file systems know it.
        let born = metadata.created().ok();
        let born = born.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        return match born {
            Some(born) => Place {
                text: format!("{number} of {}.{:09}", born.as_secs(), born.subsec_nanos()),
                before: Some(number),
            },
            None => Place::new(number),
        };
    }
    let path = std::path::Path::new(path);
    let whole = path.canonicalize();
    Place::new(format!(
        "path {}",
        whole.as_deref().unwrap_or(path).display()
    ))
}

/// The numbers of the server's data and of the database in it.
#[cfg(feature = "postgres")]
async fn place_on_server(database: &Database) -> Result<String, DatabaseError> {
    const DATABASE: &str =
        "(SELECT CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database())";
    const SERVER: &str = "(SELECT CAST(system_identifier AS TEXT) FROM pg_control_system())";
    // Some who speak PostgreSQL's protocol have no such function, or let nobody call it.
    match ask(database, &format!("{SERVER} || ' ' || {DATABASE}")).await {
        Err(DatabaseError::Query(_)) => ask(database, &format!("'- ' || {DATABASE}")).await,
        place => place,
    }
}

/// The value of an expression.
#[cfg(feature = "postgres")]
async fn ask(database: &Database, expression: &str) -> Result<String, DatabaseError> {
    #[derive(QueryableByName)]
    struct LocationRow {
        #[diesel(sql_type = Text)]
        place: String,
    }
    let session = database.session();
    let found: LocationRow = session
        .read(async |conn| {
            Ok::<_, DatabaseError>(crate::with_conn!(conn, |conn| {
                statement(format!("SELECT {expression} AS place"))
                    .get_result(conn)
                    .await
            })?)
        })
        .await?;
    Ok(found.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(rows: &[(&str, &str)]) -> Vec<IdentityRow> {
        rows.iter()
            .map(|(id, place)| IdentityRow {
                id: (*id).to_owned(),
                place: (*place).to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_copy_has_another_name_and_knows_the_former_one() {
        assert!(choose(known(&[]), "here").is_none());
        assert!(choose(known(&[("A", "there")]), "here").is_none());
        let original = choose(known(&[("A", "here")]), "here").expect("it is known");
        assert!(original.own() == "A" && original.is_original());
        let copy = choose(known(&[("A", "there"), ("B", "here")]), "here").expect("it is known");
        assert!(copy.own() == "B" && copy.was("A") && !copy.was("B") && !copy.is_original());
        let place = taken_over("A", "here");
        let alone = choose(known(&[("A", &place), ("B", "here")]), "here").expect("it is known");
        assert!(alone.is_original() && alone.names().eq(["B", "A"]));
        // A copy of that one is a copy of both.
        let rows = [("A", place.as_str()), ("B", "here"), ("C", "there")];
        let copy = choose(known(&rows), "there").expect("it is known");
        assert!(copy.was("A") && copy.was("B") && copy.names().eq(["C"]));
    }
}
