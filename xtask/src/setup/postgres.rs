//! Where PostgreSQL's server is. The tests look into the same folders.

use std::path::PathBuf;
use std::{env, fs};

use super::version;

/// Where packages put the programs that a user does not call by hand, one folder per version.
const FOLDERS: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/libexec", ""),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
];

/// What is in the first folder that has all that is needed.
pub(super) fn find() -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folder = env::split_paths(&path).chain(installed()).find(|folder| {
        ["initdb", "postgres"]
            .iter()
            .all(|name| folder.join(name).is_file())
    })?;
    version(&folder.join("initdb"))?;
    version(&folder.join("postgres"))
}

/// PgBouncer, which packages put among the programs of an administrator.
pub(super) fn find_pgbouncer() -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = |folder: PathBuf| version(&folder.join("pgbouncer"));
    folders.into_iter().find_map(found)
}

/// `/usr/lib/postgresql/15/bin`, `/usr/pgsql-17/bin` and their like.
fn installed() -> Vec<PathBuf> {
    FOLDERS
        .iter()
        .flat_map(|(parent, below)| {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            entries.map(move |entry| entry.path().join(below))
        })
        .collect()
}
