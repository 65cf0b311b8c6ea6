//! Statements written in SQL that a connection prepares once, and keeps by their text.
//!
//! [`diesel::sql_query`] has its statement prepared again each time it runs: one more visit to the server.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A statement with its values, in whose text `$1` is the first of them; each may occur more than once.
#[derive(Debug)]
pub(crate) struct Statement<'a, V = ()> {
    sql: Cow<'a, str>,
    values: V,
}

/// A value of a type of SQL.
#[derive(Debug)]
pub(crate) struct Bound<S, T> {
    value: T,
    of: PhantomData<fn() -> S>,
}

/// A statement without values so far. There must not be many texts: each is kept for as long as its connection.
pub(crate) fn statement<'a>(sql: impl Into<Cow<'a, str>>) -> Statement<'a> {
    Statement {
        sql: sql.into(),
        values: (),
    }
}

impl<'a, V> Statement<'a, V> {
    /// The next value.
    pub(crate) fn bind<S, T>(self, value: T) -> Statement<'a, (V, Bound<S, T>)> {
        let value = Bound {
            value,
            of: PhantomData,
        };
        Statement {
            sql: self.sql,
            values: (self.values, value),
        }
    }
}

/// The values of a statement, by their numbers.
pub(crate) trait Values<DB: Backend> {
    const COUNT: usize;

    fn push<'b>(&'b self, number: usize, out: AstPass<'_, 'b, DB>) -> QueryResult<()>;
}

impl<DB: Backend> Values<DB> for () {
    const COUNT: usize = 0;

    fn push<'b>(&'b self, number: usize, _: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let message = format!("a statement has no value ${number}");
        Err(diesel::result::Error::QueryBuilderError(message.into()))
    }
}

impl<DB, V, S, T> Values<DB> for (V, Bound<S, T>)
where
    DB: Backend + HasSqlType<S>,
    V: Values<DB>,
    T: ToSql<S, DB>,
{
    const COUNT: usize = V::COUNT + 1;

    fn push<'b>(&'b self, number: usize, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if number == Self::COUNT {
            return out.push_bind_param::<S, T>(&self.1.value);
        }
        self.0.push(number, out)
    }
}

impl<DB: Backend, V: Values<DB>> QueryFragment<DB> for Statement<'_, V> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut pieces = self.sql.split('$');
        out.push_sql(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = piece.split_at(digits);
            self.values
                .push(number.parse().unwrap_or_default(), out.reborrow())?;
            out.push_sql(rest);
        }
        Ok(())
    }
}

impl<V> QueryId for Statement<'_, V> {
    type QueryId = ();

    // By its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<V> Query for Statement<'_, V> {
    type SqlType = Untyped;
}

impl<V, C> diesel::RunQueryDsl<C> for Statement<'_, V> {}
