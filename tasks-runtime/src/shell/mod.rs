//! Commands of the system, from tasks.
//!
//! [`run_shell`] runs a line of shell; [`run_program`] runs a program with arguments, without a shell. Both are built
//! up and then awaited. Unix only.
//!
//! # Injection
//!
//! A shell reads its line as a program. Text that comes from a request and is pasted into that line can run anything:
//! `format!("ls {directory}")` with the directory `; rm -rf ~` does. So either
//!
//! - use [`run_program`], whose arguments are never read as anything but arguments; or
//! - hand text to the shell as an environment variable, and quote it there:
//!   `run_shell("ls -- \"$DIRECTORY\"").env("DIRECTORY", directory)`.

mod capture;
mod error;
mod group;

use std::ffi::OsString;
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, timeout_at};

use capture::Capture;
pub use error::ShellError;
use group::Group;

/// How long output is still read after the processes of a command were killed. A process that left the group may hold
/// the pipe open for ever.
const GRACE: Duration = Duration::from_millis(200);

/// Prepares a line of shell for `/bin/sh -c`.
///
/// See the [module](self) for the danger of text that comes from a request.
///
/// ```
/// use std::time::Duration;
/// use tasks_runtime::run_shell;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let output = run_shell("echo \"Hello, $NAME\"").env("NAME", "Ada").timeout(Duration::from_secs(5)).await?;
/// assert!(output.success());
/// assert_eq!(output.stdout, "Hello, Ada\n");
///
/// // An exit code is a result, not an error.
/// assert_eq!(run_shell("exit 3").await?.returncode, 3);
/// # Ok::<(), tasks_runtime::shell::ShellError>(()) }).unwrap();
/// ```
#[must_use = "a command does nothing until it is awaited"]
pub fn run_shell(command: impl Into<String>) -> ShellCommand {
    let command = command.into();
    ShellCommand::new(
        "/bin/sh".into(),
        vec!["-c".into(), OsString::from(&command)],
        command,
    )
}

/// Prepares a program with arguments. No shell reads them, so text from a request is safe in them, as far as the program
/// itself is: put `--` before what must not be read as an option.
///
/// ```
/// use tasks_runtime::run_program;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let output = run_program("printf", ["%s", "; echo injected"]).await?;
/// assert_eq!(output.stdout, "; echo injected");
/// assert_eq!(output.command, "printf %s '; echo injected'");
/// # Ok::<(), tasks_runtime::shell::ShellError>(()) }).unwrap();
/// ```
#[must_use = "a command does nothing until it is awaited"]
pub fn run_program<A: Into<OsString>>(
    program: impl Into<OsString>,
    arguments: impl IntoIterator<Item = A>,
) -> ShellCommand {
    let program = program.into();
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let words: Vec<String> = std::iter::once(&program)
        .chain(&arguments)
        .map(|word| quoted(&word.to_string_lossy()))
        .collect();
    ShellCommand::new(program, arguments, words.join(" "))
}

/// A word as a person would type it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,%+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A command to be run, made by [`run_shell`] or [`run_program`]. Await it.
#[must_use = "a command does nothing until it is awaited"]
#[derive(Clone)]
pub struct ShellCommand {
    program: OsString,
    arguments: Vec<OsString>,
    shown: String,
    timeout: Option<Duration>,
    cwd: Option<PathBuf>,
    env: Vec<(OsString, OsString)>,
    env_clear: bool,
    stdin: Option<Vec<u8>>,
    output_limit: usize,
}

impl fmt::Debug for ShellCommand {
    /// Shows neither the environment nor the input: that is where secrets are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellCommand")
            .field("command", &self.shown)
            .field("timeout", &self.timeout)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

/// What a command printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ShellOutput {
    /// The command that was run.
    pub command: String,
    /// Its standard output. What is not UTF-8 is replaced by U+FFFD.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
    /// The exit code; `-N` when signal N ended it; `-1` when the timeout did.
    pub returncode: i32,
    /// Whether the timeout ended it. What it printed until then is kept.
    pub timed_out: bool,
    /// Whether it printed more to `stdout` than the limit.
    pub stdout_truncated: bool,
    /// Whether it printed more to `stderr` than the limit.
    pub stderr_truncated: bool,
}

impl ShellOutput {
    /// Whether the exit code is 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.returncode == 0
    }
}

impl ShellCommand {
    fn new(program: OsString, arguments: Vec<OsString>, shown: String) -> Self {
        Self {
            program,
            arguments,
            shown,
            timeout: None,
            cwd: None,
            env: Vec::new(),
            env_clear: false,
            stdin: None,
            output_limit: 10 * 1024 * 1024,
        }
    }

    /// How long it may take. After that its whole process group is killed, and what it printed is kept. No limit unless
    /// set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The directory it runs in. Defaults to the server's own.
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        self.cwd = Some(directory.as_ref().to_owned());
        self
    }

    /// Adds a variable to the environment.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds variables to the environment.
    pub fn envs<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.env.extend(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        self
    }

    /// Does not inherit the server's environment: only what [`env`](Self::env) adds is there.
    pub fn env_clear(mut self) -> Self {
        self.env_clear = true;
        self
    }

    /// What it reads from standard input. Defaults to nothing.
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// How many bytes of each stream are kept; the rest is read and thrown away. Defaults to 10 MiB.
    pub fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }

    async fn run(self) -> Result<ShellOutput, ShellError> {
        // A time too long for the clock is no limit.
        let deadline = self
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let mut child = self.spawn().await?;
        // Killed when this future is dropped, and all that the command started with it.
        let mut group = Group::of(&child);
        let (mut stdout, mut stderr) = (
            Capture::new(self.output_limit),
            Capture::new(self.output_limit),
        );
        let feed = feed(child.stdin.take(), self.stdin.unwrap_or_default());
        let (out, err) = (child.stdout.take(), child.stderr.take());

        let finished = {
            let work = async {
                let (status, (), (), ()) =
                    tokio::join!(child.wait(), feed, stdout.read(out), stderr.read(err));
                status
            };
            tokio::pin!(work);
            let finished = match deadline {
                None => Some(work.as_mut().await),
                Some(deadline) => timeout_at(deadline, work.as_mut()).await.ok(),
            };
            if finished.is_none() {
                group.kill();
                // What is in the pipes is still read.
                _ = timeout_at(Instant::now() + GRACE, work).await;
            }
            finished
        };
        group.disarm_if(finished.is_some());
        let status = finished.transpose().map_err(ShellError::Wait)?;
        let (stdout, stdout_truncated) = stdout.finish();
        let (stderr, stderr_truncated) = stderr.finish();
        Ok(ShellOutput {
            command: self.shown,
            stdout,
            stderr,
            returncode: status.map_or(-1, returncode),
            timed_out: status.is_none(),
            stdout_truncated,
            stderr_truncated,
        })
    }

    async fn spawn(&self) -> Result<Child, ShellError> {
        if let Some(directory) = &self.cwd {
            match tokio::fs::metadata(directory).await {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(ShellError::NotADirectory(directory.clone())),
                Err(error) => return Err(ShellError::Directory(directory.clone(), error)),
            }
        }
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(if self.stdin.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if self.env_clear {
            command.env_clear();
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.cwd {
            command.current_dir(directory);
        }
        command
            .spawn()
            .map_err(|error| ShellError::Spawn(self.program.clone(), error))
    }
}

impl IntoFuture for ShellCommand {
    type Output = Result<ShellOutput, ShellError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Writes the input. A command that does not read all of it is none of our business.
async fn feed(stdin: Option<ChildStdin>, input: Vec<u8>) {
    if let Some(mut stdin) = stdin {
        _ = stdin.write_all(&input).await;
        _ = stdin.shutdown().await;
    }
}

fn returncode(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| status.signal().map_or(-1, |signal| -signal))
}
