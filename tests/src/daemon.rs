//! Programs that run beside a test.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

/// How much of an output is kept: its end.
const KEPT: usize = 256 * 1024;

/// A program that has said it is ready. What it writes is collected, so that its pipes never fill; it is killed on drop.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    watcher: Option<Child>,
    output: Output,
    readers: Vec<JoinHandle<()>>,
}

impl Daemon {
    /// Starts a program and waits for the line of its standard output that `ready` makes something of.
    pub(crate) fn start<T: Send + 'static>(
        mut command: Command,
        limit: Duration,
        ready: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> Result<(Self, T)> {
        let name = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;

        let output = Output::default();
        let (sender, receiver) = mpsc::channel();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let log = Arc::clone(&output.stdout);
            readers.push(collect(stdout, log, move |line| {
                if let Some(found) = ready(line) {
                    // Nobody listens any more once the first was found.
                    let _ = sender.send(found);
                }
            }));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(collect(stderr, Arc::clone(&output.stderr), |_| {}));
        }

        let mut daemon = Self {
            watcher: watcher(child.id()),
            child,
            output,
            readers,
        };
        match receiver.recv_timeout(limit) {
            Ok(found) => Ok((daemon, found)),
            Err(error) => Err(daemon.failure(&name, error, limit)),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub(crate) fn output(&self) -> &Output {
        &self.output
    }

    /// Waits until it has ended by itself; `None` when it has not after that time.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.child.try_wait().context("cannot wait for it")?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn failure(
        &mut self,
        name: &str,
        error: mpsc::RecvTimeoutError,
        limit: Duration,
    ) -> anyhow::Error {
        // A program that has closed its output is about to end; its exit code says more than a killed one's.
        let deadline = Instant::now() + Duration::from_secs(1);
        let wait = error == mpsc::RecvTimeoutError::Disconnected;
        let mut status = self.child.try_wait().ok().flatten();
        while wait && status.is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
            status = self.child.try_wait().ok().flatten();
        }
        let what = match status {
            Some(status) => format!("{name} ended before it was ready: {status}"),
            None if wait => format!("{name} closed its output before it was ready"),
            None => format!("{name} was not ready within {limit:?}"),
        };
        self.stop();
        // The readers end with the program, unless something it started still holds the pipes.
        while self.readers.iter().any(|reader| !reader.is_finished()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        anyhow!("{what}\n{}", self.output)
    }

    fn stop(&mut self) {
        // First, so that it does not kill another process that is given the number later.
        if let Some(mut watcher) = self.watcher.take() {
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills the program when this process is gone: a daemon in a `static` is never dropped. The shell reads from a pipe whose
/// other end closes with this process, however that ends.
fn watcher(process: u32) -> Option<Child> {
    Command::new("sh")
        .args(["-c", &format!("read _; kill -9 {process}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a program has written.
#[derive(Debug, Default)]
pub(crate) struct Output {
    stdout: Log,
    stderr: Log,
}

type Log = Arc<Mutex<String>>;

impl Output {
    pub(crate) fn stdout(&self) -> String {
        self.stdout
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, log) in [
            ("standard output", &self.stdout),
            ("standard error", &self.stderr),
        ] {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.is_empty() {
                writeln!(f, "--- {name}: nothing")?;
            } else {
                writeln!(f, "--- {name}:\n{}", log.trim_end())?;
            }
        }
        Ok(())
    }
}

fn collect(
    pipe: impl Read + Send + 'static,
    log: Log,
    each: impl Fn(&str) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        // An error ends the collecting as the end of the output does.
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&text);
            if log.len() > 2 * KEPT {
                let cut = log.len() - KEPT;
                let cut = (cut..)
                    .find(|cut| log.is_char_boundary(*cut))
                    .unwrap_or(cut);
                log.replace_range(..cut, "[…]\n");
            }
            drop(log);
            each(text.trim_end());
            line.clear();
        }
    })
}

/// The first program of these names that is in `PATH`.
pub(crate) fn find(names: &[impl AsRef<OsStr>]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name.as_ref()))
            .find(|file| file.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_ends_too_early_is_reported_with_all_it_wrote() {
        let script = "echo one; echo two >&2; exit 3";
        let error = Daemon::start(shell(script), Duration::from_secs(30), |_| None::<()>)
            .err()
            .map(|e| e.to_string());
        let error = error.expect("it is never ready");
        assert!(
            error.starts_with("sh ended before it was ready: exit status: 3\n"),
            "{error}"
        );
        assert!(error.contains("standard output:\none\n"), "{error}");
        assert!(error.contains("standard error:\ntwo\n"), "{error}");
    }

    #[test]
    fn a_program_that_hangs_is_killed_and_reported() {
        let started = Instant::now();
        let error = Daemon::start(
            shell("echo hm >&2; exec sleep 60"),
            Duration::from_millis(300),
            |_| None::<()>,
        );
        let error = error.expect_err("it is never ready").to_string();
        assert!(
            error.starts_with("sh was not ready within 300ms\n"),
            "{error}"
        );
        assert!(error.contains("standard error:\nhm\n"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn pipes_never_fill_and_only_the_end_is_kept() {
        let script = "i=0; while [ $i -lt 20000 ]; do echo 'äöü 0123456789 0123456789 0123456789'; i=$((i+1)); done; \
                      echo ready; exec sleep 60";
        let ready = |line: &str| (line == "ready").then_some(());
        let (daemon, ()) =
            Daemon::start(shell(script), Duration::from_secs(60), ready).expect("it gets ready");
        let output = daemon.output().to_string();
        assert!(output.contains("[…]") && output.contains("\nready\n"));
        assert!(output.len() < 3 * KEPT, "{}", output.len());
    }
}
