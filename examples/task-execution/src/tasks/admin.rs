//! Commands of the system.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tasks_web::prelude::*;
use tasks_web::shell::ShellOutput;

/// Runs a shell command.
///
/// Whoever may call this may do everything the server may: it is here to show how, not to be put on a network.
#[task(tags = ["demo", "subprocess"])]
pub async fn run_command(
    /// The command, for `/bin/sh`.
    #[task(example = "echo hello")]
    command: String,
) -> anyhow::Result<ShellOutput> {
    Ok(run_shell(command).timeout(Duration::from_secs(30)).await?)
}

/// Where backups go.
#[derive(Clone, Debug, Injectable)]
pub struct BackupDir(pub PathBuf);

/// How a backup went.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Backup {
    /// It is there.
    Success {
        /// The file's name in the backup directory.
        file: String,
        /// How many bytes it has.
        size: u64,
    },
    /// A step failed.
    Failed {
        /// Which one.
        step: String,
        /// What it said.
        error: String,
    },
}

/// Dumps a database and compresses the dump into the backup directory.
///
/// The URL is handed to the dump command as `$DATABASE_URL`: it is neither on a command line, where every user of the
/// machine could read it, nor in an answer.
#[task(tags = ["admin", "backup"], timeout = "6m")]
pub async fn backup_database(
    backups: BackupDir,
    /// `sqlite:` and a path, or whatever the dump command understands.
    #[task(secret, example = "sqlite:app.db")]
    database_url: String,
    /// The name of the backup: letters, digits, `-` and `_`.
    #[task(default = "backup", example = "nightly")]
    name: String,
    /// Writes the dump to its standard output. Without it, the file of a `sqlite:` URL is copied.
    #[task(example = Some("pg_dump \"$DATABASE_URL\"".to_owned()))]
    dump_command: Option<String>,
) -> anyhow::Result<Backup> {
    anyhow::ensure!(
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')),
        "the name of a backup has only letters, digits, `-` and `_`"
    );
    let file = format!("{name}.dump.gz");
    let failed = |step: &str, error: String| {
        Ok(Backup::Failed {
            step: step.to_owned(),
            error,
        })
    };
    tokio::fs::create_dir_all(&backups.0).await?;
    let partial = backups.0.join(format!("{name}.dump.partial"));

    let command = match &dump_command {
        Some(command) => command.as_str(),
        None if database_url.starts_with("sqlite:") => "cat -- \"${DATABASE_URL#sqlite:}\"",
        None => {
            return failed(
                "dump",
                "only `sqlite:` URLs are dumped without a `dump_command`".to_owned(),
            );
        }
    };
    let dump = run_shell(format!("{{ {command}\n}} > \"$PARTIAL\""))
        .env("DATABASE_URL", &database_url)
        .env("PARTIAL", &partial)
        .timeout(Duration::from_secs(300))
        .await?;
    if !dump.success() {
        // A command may well print the URL it was given, or a part of it.
        let mut message = dump.stderr.replace(&database_url, "***");
        for part in database_url.split([':', '/', '@']) {
            if part.len() > 2 {
                message = message.replace(part, "***");
            }
        }
        return failed("dump", message);
    }

    let target = backups.0.join(&file);
    let compress = run_shell("gzip -c < \"$PARTIAL\" > \"$TARGET\" && rm -f -- \"$PARTIAL\"")
        .env("PARTIAL", &partial)
        .env("TARGET", &target)
        .timeout(Duration::from_secs(60))
        .await?;
    if !compress.success() {
        return failed("compress", compress.stderr);
    }
    Ok(Backup::Success {
        size: tokio::fs::metadata(&target).await?.len(),
        file,
    })
}
