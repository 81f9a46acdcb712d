//! A new stack for one run. At the end of the run it is deleted, except for its logs if the run failed.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};

use crate::emulator::Emulator;
use crate::judge::Judge;
use crate::project;
use crate::providers::Providers;
use crate::stack::{Binaries, Outputs, Stack};

/// The exit status after Ctrl-C.
pub(crate) const INTERRUPTED: i32 = 130;

/// Starts a stack with these providers on a free port, runs `work` on it, and deletes it, at Ctrl-C too.
pub(crate) fn with(
    providers: &Providers,
    work: impl FnOnce(&Stack, &Emulator, &Outputs) -> Result<()>,
) -> Result<()> {
    with_binaries(Binaries::Local, providers, work)
}

/// The same, with the edge in front.
pub(crate) fn with_edge(
    providers: &Providers,
    work: impl FnOnce(&Stack, &Emulator, &Outputs) -> Result<()>,
) -> Result<()> {
    run(Stack::with_edge, providers, work)
}

/// The same, with these builds of the functions.
pub(crate) fn with_binaries(
    binaries: Binaries,
    providers: &Providers,
    work: impl FnOnce(&Stack, &Emulator, &Outputs) -> Result<()>,
) -> Result<()> {
    run(|stack| stack.running_on(binaries), providers, work)
}

fn run(
    configure: impl FnOnce(Stack) -> Stack,
    providers: &Providers,
    work: impl FnOnce(&Stack, &Emulator, &Outputs) -> Result<()>,
) -> Result<()> {
    let dir = project::target().join(format!("e2e-{}", std::process::id()));
    let stack = configure(Stack::new(&dir, false)?.with_judge(Judge::ensure()?));
    let interrupted = dir.clone();
    ctrlc::set_handler(move || {
        if let Err(error) = end(&interrupted) {
            eprintln!("{error:#}");
        }
        std::process::exit(INTERRUPTED);
    })?;
    let up = stack.up(0, providers);
    let result = up.and_then(|(emulator, outputs)| stack.judged(|| work(&stack, &emulator, &outputs)));
    if result.is_err() {
        keep_logs(&stack)?;
    }
    end(&dir)?;
    result
}

fn keep_logs(stack: &Stack) -> Result<()> {
    // Several processes may have a stack.
    let dir = project::target().join("e2e-logs").join(std::process::id().to_string());
    fs::create_dir_all(&dir)?;
    for log in stack.logs() {
        if let (true, Some(name)) = (log.exists(), log.file_name()) {
            let copy = dir.join(name);
            fs::copy(&log, &copy)?;
            eprintln!("The log is kept: {}", copy.display());
        }
    }
    Ok(())
}

/// Deletes the stack. Ctrl-C also ends the work, so two threads call this, and the first one deletes.
fn end(dir: &Path) -> Result<()> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    if dir.exists() {
        Stack::new(dir, false)?.down(true)?;
        fs::remove_dir_all(dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    Ok(())
}
