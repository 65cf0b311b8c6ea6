//! A database that tasks share: SQLite, which is built in, or PostgreSQL.
//!
//! A [`Database`] is a pool of connections. A [`Session`] is what a task takes: it holds no connection, so a task may keep
//! one for an hour and block nobody. It lends a connection to a closure, for as long as the closure runs:
//!
//! ```
//! use diesel::prelude::*;
//! use tasks_runtime::database::RunQueryDsl;
//! use tasks_runtime::prelude::*;
//!
//! diesel::table! {
//!     users (id) {
//!         id -> BigInt,
//!         name -> Text,
//!     }
//! }
//!
//! /// Adds a user, and says how many there are.
//! #[task]
//! async fn add_user(session: Session, name: String) -> anyhow::Result<i64> {
//!     session
//!         .transaction(async |tx| {
//!             with_conn!(tx, |conn| {
//!                 diesel::insert_into(users::table)
//!                     .values(users::name.eq(&name))
//!                     .execute(conn)
//!                     .await?;
//!                 Ok::<_, anyhow::Error>(users::table.count().get_result(conn).await?)
//!             })
//!         })
//!         .await
//! }
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let database = Database::sqlite_in_memory().connect().await?;
//! database
//!     .session()
//!     .execute_script("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
//!     .await?;
//! let executor = tasks_runtime::testing::executor([task(add_user)]).provide(database).build()?;
//! assert_eq!(executor.run::<i64>(call!(add_user, name = "Ada")).await?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # One code for both databases
//!
//! Queries are ordinary diesel, run by diesel-async. The connection a closure gets is one of two types, and
//! [`with_conn!`](crate::with_conn) compiles its block for each: write a query once where both understand it, and match on
//! [`Connection::kind`] where they really differ.
//!
//! # What is promised
//!
//! - [`Session::read`] sees the database as it was at one moment, and cannot write.
//! - [`Session::transaction`] commits when its closure returns `Ok`, and otherwise leaves no trace: an error, a panic, a
//!   timeout, a client that hung up and a process that was killed all roll back. Nothing is written outside of one.
//! - In SQLite there is one writer at a time, in the order they asked; readers wait for nobody.
//! - What a closure leaves behind in the middle of a query is not given to anybody else.

mod app_migrations;
mod async_closure;
mod backend;
mod background;
mod builder;
mod change;
mod checks;
mod closure_run;
mod connection;
mod error;
mod handle;
mod hosts;
mod identities;
mod identity;
mod lent_connection;
mod migrations;
#[cfg(feature = "sqlite")]
mod opened_file;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod private_directory;
mod query;
pub(crate) mod search;
mod session;
mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod start_error;
mod statement;
mod transaction_mode;
mod url;
mod write_health;

pub use async_closure::{AsyncClosure, RepeatableClosure};
pub use backend::Backend;
pub use builder::DatabaseBuilder;
pub use change::DatabaseChange;
pub use connection::{Connection, ConnectionKind, Transaction};
pub use error::DatabaseError;
pub use handle::{Database, PoolStatus};
#[cfg(feature = "postgres")]
pub use postgres::PgConnection;
pub use query::RunQueryDsl;
pub use search::SEARCH_LENGTH;
pub use session::Session;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteConnection;
pub(crate) use statement::statement;
pub use write_health::WriteFailure;

pub(crate) use hosts::{computer, computer_of, computers};
pub(crate) use identity::Identity;
