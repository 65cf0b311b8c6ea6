//! Kinds of errors of PostgreSQL, for which diesel has no words of its own.

use diesel::result::Error;

/// `invalid_sql_statement_name` (26000) and `duplicate_prepared_statement` (42P05): diesel keeps the words alone.
pub(in crate::database) fn is_missing_statement(error: &Error) -> bool {
    let Error::DatabaseError(_, information) = error else {
        return false;
    };
    let message = information.message();
    message.starts_with("prepared statement \"")
        && (message.ends_with("does not exist") || message.ends_with("already exists"))
}

/// Whether the server is away: the words of PostgreSQL (57P01 to 57P03, `admin_shutdown` and its like), and of PgBouncer, which answers in
/// its place.
pub(in crate::database) fn is_server_away(error: &Error) -> bool {
    const WORDS: [&str; 9] = [
        "terminating connection",
        "the database system is",
        "server conn crashed",
        "server connection closed",
        "server login has been failing",
        "server login failed",
        "query_wait_timeout",
        "pgbouncer cannot connect",
        "no more connections allowed",
    ];
    let Error::DatabaseError(_, information) = error else {
        return false;
    };
    let message = information.message();
    WORDS.iter().any(|words| message.contains(words))
}

/// Whether a lock was not granted within `lock_timeout` (`lock_not_available`, 55P03): diesel keeps the words alone.
pub(in crate::database) fn is_lock_timeout(error: &Error) -> bool {
    let Error::DatabaseError(_, information) = error else {
        return false;
    };
    information.message() == "canceling statement due to lock timeout"
}

/// What says that the two sides do not understand each other any more.
pub(super) fn is_protocol_error(error: &Error) -> bool {
    use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    match error {
        Error::DatabaseError(ClosedConnection | UnableToSendCommand, _) => true,
        error if is_server_away(error) => true,
        Error::DatabaseError(_, information) => {
            let message = information.message();
            message.contains("protocol") || message.starts_with("unexpected message from server")
        }
        _ => false,
    }
}

/// Whether the server refuses one more connection (`too_many_connections`, 53300): diesel keeps the words alone.
pub(super) fn is_crowded(error: &diesel::ConnectionError) -> bool {
    let text = error.to_string();
    [
        "too many clients",
        "too many connections",
        "connection slots",
    ]
    .iter()
    .any(|words| text.contains(words))
}
