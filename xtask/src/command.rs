//! Runs other programs, and reports their duration and their failures.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const POLL: Duration = Duration::from_millis(100);
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Prints the name of a step, runs it, and prints how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {name}");
    let start = Instant::now();
    let result = work().with_context(|| format!("{name}: failed"))?;
    eprintln!("    {:.1} s", start.elapsed().as_secs_f64());
    Ok(result)
}

/// Starts a program. If it is not installed, the error says how to install it.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("`{program}` was not found. {}", remedy(&program)),
        _ => anyhow::Error::new(error).context(format!("starting `{program}`")),
    })
}

/// Lets a program connect to this machine directly, even if the caller uses a proxy.
pub(crate) fn without_proxy(program: &mut Command) -> &mut Command {
    let others = std::env::var("no_proxy").or_else(|_| std::env::var("NO_PROXY"));
    let others = others.map(|others| format!(",{others}")).unwrap_or_default();
    let all = format!("localhost,.localhost,127.0.0.1,::1{others}");
    program.env("NO_PROXY", &all).env("no_proxy", all)
}

/// Runs a program that prints to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = spawn(command)?.wait()?;
    if !status.success() {
        bail!("`{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a program and appends its output to `log`. Prints the latest line every ten seconds, and the end of the output
/// if the program fails.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let file = append(log)?;
    let before = file.metadata()?.len();
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = spawn(command)?;
    let start = Instant::now();
    let mut next = HEARTBEAT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() >= next {
            let output = output_since(log, before)?;
            let latest = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            eprintln!("    {} s: {:.90}", next.as_secs(), latest.trim());
            next += HEARTBEAT;
        }
        sleep(POLL);
    };
    if !status.success() {
        let output = output_since(log, before)?;
        let lines: Vec<&str> = output.lines().collect();
        let tail = lines[lines.len().saturating_sub(25)..].join("\n");
        bail!("`{}` ended with {status}:\n{tail}\n(all of it: {})", line(command), log.display());
    }
    Ok(())
}

/// Waits until no other process installs into `dir`, and keeps others out until the result is dropped.
pub(crate) fn turn(dir: &Path) -> Result<File> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let turn = append(&dir.with_extension("lock"))?;
    turn.lock().with_context(|| format!("waiting for {}", dir.display()))?;
    Ok(turn)
}

/// Opens a log file to write at its end.
pub(crate) fn append(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("opening {}", path.display()))
}

fn output_since(log: &Path, before: u64) -> Result<String> {
    let bytes = std::fs::read(log)?;
    let from = usize::try_from(before)?.min(bytes.len());
    Ok(String::from_utf8_lossy(&bytes[from..]).into_owned())
}

/// The program and its arguments, as in a shell.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn remedy(program: &str) -> &'static str {
    match program {
        "python3" => "Install Python 3: apt-get install python3 python3-venv",
        "npm" | "node" => "Install Node 20 or later, which brings npm",
        "cargo" => "Install Rust: see rustup.rs, then open a new shell",
        _ => "Is it installed and on the PATH?",
    }
}
