//! Runs cargo and shows the number of remaining steps, instead of a line for each crate.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::command;

const HEARTBEAT: Duration = Duration::from_secs(10);
/// If more tests fail, they have a common cause, and none runs again.
const AT_MOST_AGAIN: usize = 10;

/// Runs cargo. While it compiles, a line shows the number of remaining steps. In a terminal, this line changes in place.
/// Elsewhere there is a new line every ten seconds. Warnings, errors and the output of programs are not changed.
pub(crate) fn run(cargo: &mut Command) -> Result<()> {
    let status = watched(cargo, |_| Ok(()))?;
    ended(cargo, status)
}

/// Runs `cargo test` like [`run`], and the tests that failed once more. Machines for CI are slow at times, and each of
/// hundreds of tests has timeouts. A fault of the program that does not occur in each run, such as a race, can pass the
/// second time. So the output names the tests that failed first, and `.ci/run` repeats their names at its end.
pub(crate) fn run_tests(cargo: &mut Command) -> Result<()> {
    let mut failed = Failed::default();
    cargo.stdout(Stdio::piped());
    let status = watched(cargo, |child| {
        for line in BufReader::new(child.stdout.take().context("cargo has no stdout")?).lines() {
            let line = line?;
            println!("{line}");
            failed.line(&line);
        }
        Ok(())
    })?;
    let first = ended(cargo, status);
    if first.is_ok() || failed.tests.is_empty() || failed.tests.len() > AT_MOST_AGAIN {
        return first;
    }
    let tests = failed.tests.join(", ");
    eprintln!("    These tests failed, and run again: {tests}");
    run(cargo.stdout(Stdio::inherit()).arg("--exact").args(&failed.tests))?;
    eprintln!("    These tests passed only when they ran again: {tests}");
    Ok(())
}

/// Runs cargo, shows its progress, and lets `read` read what the child prints to pipes.
fn watched(cargo: &mut Command, read: impl FnOnce(&mut Child) -> Result<()>) -> Result<ExitStatus> {
    let terminal = std::io::stderr().is_terminal();
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "200");
    if terminal {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command::spawn(cargo.stderr(Stdio::piped()))?;
    let output = child.stderr.take().context("cargo has no stderr")?;
    let report = Report { terminal, start: Instant::now(), next: HEARTBEAT };
    thread::scope(|scope| {
        let reported = scope.spawn(|| report.all(output));
        read(&mut child)?;
        reported.join().map_err(|_| anyhow!("the thread panicked"))?
    })?;
    Ok(child.wait()?)
}

/// An error unless cargo succeeded.
fn ended(cargo: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` ended with {status}", command::line(cargo));
    }
    Ok(())
}

struct Report {
    terminal: bool,
    start: Instant,
    next: Duration,
}

impl Report {
    /// Shows all that cargo prints.
    fn all(mut self, output: ChildStderr) -> Result<()> {
        let mut line = Vec::new();
        for byte in BufReader::new(output).bytes() {
            match byte? {
                // Cargo ends each state of its progress bar with a carriage return.
                b'\r' | b'\n' => {
                    self.line(&String::from_utf8_lossy(&line));
                    line.clear();
                }
                byte => line.push(byte),
            }
        }
        self.line(&String::from_utf8_lossy(&line));
        self.clear();
        Ok(())
    }

    fn line(&mut self, line: &str) {
        let plain = without_colours(line);
        match Output::of(&plain) {
            Output::Progress { done, all, crates } => self.progress(done, all, crates),
            Output::Routine => {}
            Output::Message => {
                self.clear();
                eprintln!("{line}");
            }
        }
    }

    fn progress(&mut self, done: u32, all: u32, crates: &str) {
        let left = all.saturating_sub(done);
        let elapsed = self.start.elapsed();
        if self.terminal {
            eprint!("\r\x1b[2K    {left} of {all} compile steps left: {crates:.60}");
            // Otherwise a line without its end stays in the buffer.
            let _ = std::io::stderr().flush();
        } else if elapsed >= self.next {
            eprintln!("    {} s: {left} of {all} compile steps left", elapsed.as_secs());
            self.next = elapsed + HEARTBEAT;
        }
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

/// The names of failed tests, from the list at the end of the output of each test binary:
///
/// ```text
/// failures:
///     images::list
///
/// test result: FAILED. 1 passed; 1 failed; …
/// ```
#[derive(Default)]
struct Failed {
    tests: Vec<String>,
    in_list: bool,
}

impl Failed {
    /// Takes the next line of the output.
    fn line(&mut self, line: &str) {
        if line == "failures:" {
            self.in_list = true;
        } else if self.in_list {
            match line.strip_prefix("    ").filter(|name| !name.contains(char::is_whitespace)) {
                Some(name) => self.tests.push(name.to_owned()),
                // Before the list of names there is another one with the output of each test.
                None => self.in_list = line.is_empty(),
            }
        }
    }
}

/// The kinds of lines that cargo prints.
#[derive(Debug, PartialEq)]
enum Output<'a> {
    /// The numbers of finished steps and of all steps, and the crates that are compiling.
    Progress { done: u32, all: u32, crates: &'a str },
    /// A line that the progress line replaces.
    Routine,
    /// A line for the user.
    Message,
}

impl<'a> Output<'a> {
    fn of(line: &'a str) -> Self {
        const ROUTINE: [&str; 5] = ["Checking ", "Compiling ", "Downloaded ", "Downloading ", "Updating "];
        let text = line.trim();
        if text.starts_with("Building [") {
            let counts = text.split_once("] ").map_or("", |(_, counts)| counts);
            let (counts, crates) = counts.split_once(": ").unwrap_or((counts, ""));
            let parsed = counts.split_once('/').and_then(|(done, all)| {
                Some(Self::Progress { done: done.parse().ok()?, all: all.parse().ok()?, crates })
            });
            return parsed.unwrap_or(Self::Routine);
        }
        if text.is_empty() || ROUTINE.iter().any(|routine| text.starts_with(routine)) {
            return Self::Routine;
        }
        Self::Message
    }
}

/// The text without ANSI's escape sequences for colours, which end with an `m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_found() {
        let output = "\
running 3 tests
test images::list ... FAILED
test images::get ... ok
test sets::get ... FAILED

failures:

---- images::list stdout ----
Error: got
    two lines

---- sets::get stdout ----
    failure

failures:
    images::list
    sets::get

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s

    indented
";
        let mut failed = Failed::default();
        output.lines().for_each(|line| failed.line(line));
        assert_eq!(failed.tests, ["images::list", "sets::get"]);
    }

    #[test]
    fn progress_is_told_from_messages() {
        let bar = "\x1b[1m\x1b[36m    Building\x1b[0m [=======> ] 197/199: aws-sdk-s3, ring    ";
        let plain = without_colours(bar);
        let expected = Output::Progress { done: 197, all: 199, crates: "aws-sdk-s3, ring" };
        assert_eq!(Output::of(&plain), expected);
        assert_eq!(Output::of("   Compiling store v0.1.0"), Output::Routine);
        assert_eq!(Output::of("    Building [> ] 3"), Output::Routine);
        assert_eq!(Output::of("warning: unused variable: `x`"), Output::Message);
        assert_eq!(Output::of("    Finished `local` profile in 4m 53s"), Output::Message);
    }
}
