//! Users.

use diesel::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use tasks_web::DatabaseError;
use tasks_web::database::RunQueryDsl;
use tasks_web::prelude::*;

use crate::schema::users;

/// A user.
#[derive(Debug, Insertable, JsonSchema, Queryable, Selectable, Serialize)]
pub struct User {
    /// The user's id.
    pub id: String,
    /// What the user is called.
    pub name: String,
    /// Whether the user is active.
    pub active: bool,
    /// How often the user's data was processed.
    pub times_processed: i64,
}

/// Why a task about a user failed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The id is taken.
    #[error("there is a user `{0}` already")]
    Exists(String),
    /// There is no such user.
    #[error("there is no user `{0}`")]
    Unknown(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Adds a user.
#[task(tags = ["database", "users"])]
pub async fn create_user(
    session: Session,
    /// A name for the user that nobody else has.
    #[task(example = "ada")]
    user_id: String,
    /// What the user is called.
    #[task(example = "Ada Lovelace")]
    name: String,
    /// Whether the user is active.
    #[task(default = true)]
    active: bool,
) -> Result<User, UserError> {
    let user = User {
        id: user_id,
        name,
        active,
        times_processed: 0,
    };
    let added: Result<usize, DatabaseError> = session
        .transaction(async |tx| {
            Ok(with_conn!(tx, |conn| {
                diesel::insert_into(users::table)
                    .values(&user)
                    .execute(conn)
                    .await
            })?)
        })
        .await;
    match added {
        Ok(_) => Ok(user),
        Err(error) if error.is_unique_violation() => Err(UserError::Exists(user.id)),
        Err(error) => Err(error.into()),
    }
}

/// How many users there are.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserCount {
    /// The number.
    pub user_count: i64,
}

/// Counts the users.
#[task(tags = ["database", "reporting"])]
pub async fn count_users(
    session: Session,
    /// Counts only those that are active, or only those that are not.
    active: Option<bool>,
) -> Result<UserCount, UserError> {
    let user_count = session
        .read(async |conn| {
            Ok::<i64, DatabaseError>(with_conn!(conn, |conn| {
                let mut query = users::table.count().into_boxed();
                if let Some(active) = active {
                    query = query.filter(users::active.eq(active));
                }
                query.get_result(conn).await
            })?)
        })
        .await?;
    Ok(UserCount { user_count })
}

/// Processes the data of a user: here it is counted how often that was done.
#[task(tags = ["database", "users"])]
pub async fn process_user_data(
    database: Database,
    /// The user.
    #[task(example = "ada")]
    user_id: String,
) -> Result<User, UserError> {
    // Read and written in one transaction: of two calls at once, none is lost.
    let processed: Result<Option<User>, DatabaseError> = database
        .session()
        .transaction(async |tx| {
            Ok(with_conn!(tx, |conn| {
                diesel::update(users::table.find(&user_id))
                    .set(users::times_processed.eq(users::times_processed + 1))
                    .returning(User::as_returning())
                    .get_result(conn)
                    .await
                    .optional()
            })?)
        })
        .await;
    processed?.ok_or(UserError::Unknown(user_id))
}
