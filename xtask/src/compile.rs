//! Runs cargo and shows the number of remaining steps, instead of a line for each crate.

use std::io::{BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command;

const HEARTBEAT: Duration = Duration::from_secs(10);

/// Runs cargo. While it compiles, a line shows the number of remaining steps. In a terminal, this line changes in place.
/// Elsewhere there is a new line every ten seconds. Warnings, errors and the output of programs are not changed.
pub(crate) fn run(cargo: &mut Command) -> Result<()> {
    let terminal = std::io::stderr().is_terminal();
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "200");
    if terminal {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command::spawn(cargo.stderr(Stdio::piped()))?;
    let output = child.stderr.take().context("cargo has no stderr")?;
    let mut report = Report { terminal, start: Instant::now(), next: HEARTBEAT };
    let mut line = Vec::new();
    for byte in BufReader::new(output).bytes() {
        match byte? {
            // Cargo ends each state of its progress bar with a carriage return.
            b'\r' | b'\n' => {
                report.line(&String::from_utf8_lossy(&line));
                line.clear();
            }
            byte => line.push(byte),
        }
    }
    report.line(&String::from_utf8_lossy(&line));
    report.clear();
    let status = child.wait()?;
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
