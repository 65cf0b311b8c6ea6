//! The hosts whose processes use the database.

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl as _;

use super::connection::Connection;
use super::statement::statement;

#[derive(QueryableByName)]
struct Host {
    #[diesel(sql_type = Text)]
    host: String,
}

/// The name of this computer.
pub(crate) fn computer() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// The name in the host of a worker, before what tells the starts of a computer apart.
pub(crate) fn computer_of(host: &str) -> &str {
    host.split(' ').next().unwrap_or_default()
}

/// The names of the computers that workers are on.
pub(crate) async fn computers(conn: &mut Connection) -> Result<Vec<String>, diesel::result::Error> {
    let hosts: Vec<Host> = crate::with_conn!(conn, |conn| {
        statement("SELECT DISTINCT host FROM tasks_workers")
            .load(conn)
            .await
    })?;
    let name = |host: Host| computer_of(&host.host).to_owned();
    Ok(hosts.into_iter().map(name).collect())
}
