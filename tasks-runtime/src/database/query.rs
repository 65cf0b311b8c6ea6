//! How queries are run.

use diesel::dsl::Limit;
use diesel::query_builder::QueryId;
use diesel::query_dsl::methods::LimitDsl;
use diesel_async::methods::{ExecuteDsl, LoadQuery};
use diesel_async::return_futures::{GetResult, LoadFuture};
use diesel_async::{AsyncConnectionCore, RunQueryDsl as Dsl};

/// Runs a query of diesel's on a connection that a closure was lent.
///
/// The methods of `diesel_async`'s trait of this name, which has them for every type there is: beside it,
/// [`TaskExecutor::execute`](crate::TaskExecutor::execute) and the `first` of a list would be taken for queries. This one has them
/// for queries alone, so that both can be in scope.
///
/// ```
/// use tasks_runtime::database::RunQueryDsl;
/// use tasks_runtime::prelude::*;
///
/// #[task]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let executor = TaskExecutor::builder(TaskRegistry::builder().task(add).build()?).build()?;
/// assert_eq!(executor.execute::<i64>("add", serde_json::json!({"a": 1, "b": 2})).await?, 3);
///
/// # #[cfg(feature = "sqlite")] {
/// let database = Database::sqlite_in_memory().connect().await?;
/// let numbers: i32 = database
///     .session()
///     .read(async |conn| {
///         with_conn!(conn, |conn| {
///             let one = diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>("1"));
///             Ok::<_, DatabaseError>(one.get_result(conn).await?)
///         })
///     })
///     .await?;
/// assert_eq!(numbers, 1);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub trait RunQueryDsl<Conn>: Sized {
    /// Runs a command, and says how many rows it affected.
    fn execute<'conn, 'query>(self, conn: &'conn mut Conn) -> Conn::ExecuteFuture<'conn, 'query>
    where
        Conn: AsyncConnectionCore + Send,
        Self: ExecuteDsl<Conn> + 'query,
    {
        Dsl::execute(self, conn)
    }

    /// Runs a query, and gives all rows.
    fn load<'query, 'conn, U>(
        self,
        conn: &'conn mut Conn,
    ) -> LoadFuture<'conn, 'query, Self, Conn, U>
    where
        U: Send,
        Conn: AsyncConnectionCore,
        Self: LoadQuery<'query, Conn, U> + 'query,
    {
        Dsl::load(self, conn)
    }

    /// Runs a query, and gives its rows one after the other.
    fn load_stream<'conn, 'query, U>(self, conn: &'conn mut Conn) -> Self::LoadFuture<'conn>
    where
        Conn: AsyncConnectionCore,
        U: 'conn,
        Self: LoadQuery<'query, Conn, U> + 'query,
    {
        Dsl::load_stream(self, conn)
    }

    /// Runs a query, and gives its first row; `NotFound` when there is none.
    fn get_result<'query, 'conn, U>(
        self,
        conn: &'conn mut Conn,
    ) -> GetResult<'conn, 'query, Self, Conn, U>
    where
        U: Send + 'conn,
        Conn: AsyncConnectionCore,
        Self: LoadQuery<'query, Conn, U> + 'query,
    {
        Dsl::get_result(self, conn)
    }

    /// Runs a command with a `RETURNING` clause, and gives all rows.
    fn get_results<'query, 'conn, U>(
        self,
        conn: &'conn mut Conn,
    ) -> LoadFuture<'conn, 'query, Self, Conn, U>
    where
        U: Send,
        Conn: AsyncConnectionCore,
        Self: LoadQuery<'query, Conn, U> + 'query,
    {
        Dsl::get_results(self, conn)
    }

    /// Runs a query with a limit of one row, and gives that; `NotFound` when there is none.
    fn first<'query, 'conn, U>(
        self,
        conn: &'conn mut Conn,
    ) -> GetResult<'conn, 'query, Limit<Self>, Conn, U>
    where
        U: Send + 'conn,
        Conn: AsyncConnectionCore,
        Self: LimitDsl,
        Limit<Self>: LoadQuery<'query, Conn, U> + Send + 'query,
    {
        Dsl::first(self, conn)
    }
}

impl<T: QueryId, Conn> RunQueryDsl<Conn> for T {}
