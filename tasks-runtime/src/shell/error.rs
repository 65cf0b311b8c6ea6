//! Why a command did not run.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A command could not be started. How it ended once it was started is a [`ShellOutput`](super::ShellOutput).
#[derive(Debug)]
#[non_exhaustive]
pub enum ShellError {
    /// The directory it was to run in cannot be entered.
    Directory(PathBuf, io::Error),
    /// What was given as the directory is something else.
    NotADirectory(PathBuf),
    /// The program cannot be started.
    Spawn(OsString, io::Error),
    /// The system does not tell how it ended.
    Wait(io::Error),
}

impl fmt::Display for ShellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path, error) => {
                write!(
                    f,
                    "the command was not run: its working directory `{}` cannot be used: {error}",
                    path.display()
                )
            }
            Self::NotADirectory(path) => {
                write!(
                    f,
                    "the command was not run: its working directory `{}` is not a directory",
                    path.display()
                )
            }
            Self::Spawn(program, error) if error.kind() == io::ErrorKind::NotFound => {
                write!(
                    f,
                    "the program `{}` was not found: install it, or give its whole path",
                    program.display()
                )
            }
            Self::Spawn(program, error) => write!(
                f,
                "the program `{}` cannot be started: {error}",
                program.display()
            ),
            Self::Wait(error) => write!(f, "the end of the command was missed: {error}"),
        }
    }
}

impl Error for ShellError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Directory(_, error) | Self::Spawn(_, error) | Self::Wait(error) => Some(error),
            Self::NotADirectory(_) => None,
        }
    }
}
