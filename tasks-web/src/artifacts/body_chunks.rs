//! Reads a body piece by piece, as it comes.

use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};
use tasks_runtime::artifacts::Upload;

use crate::problem::Problem;

/// The next piece, unless it takes too long.
pub(super) async fn next<T, E>(
    stream: &mut (impl Stream<Item = Result<T, E>> + Unpin),
    time_limit: Duration,
) -> Result<Option<Result<T, E>>, Problem> {
    timeout(time_limit, stream.next())
        .await
        .map_err(|_| Problem::request_timeout(time_limit))
}

/// Reads the pieces as they come.
pub(super) async fn receive<E: std::fmt::Display>(
    upload: &mut Upload,
    mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    time_limit: Duration,
) -> Result<u64, Problem> {
    let mut length = 0;
    while let Some(piece) = next(&mut stream, time_limit).await? {
        let piece = piece.map_err(Problem::broken_body)?;
        length += piece.len() as u64;
        upload.write(piece).await?;
    }
    Ok(length)
}
