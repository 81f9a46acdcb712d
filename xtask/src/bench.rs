//! Measures the size, the start time and the memory of each function.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{command, project, release, template};

const EMPTY: &str = "empty-function";
const PATIENCE: Duration = Duration::from_secs(10);

struct Function {
    name: String,
    bootstrap: PathBuf,
    starts: Vec<Duration>,
    memory: Vec<u64>,
}

/// Measures every function of the template, built by `cargo lambda build --release` or taken from `binaries`, and
/// prints a table.
pub(crate) fn functions(binaries: Option<&Path>, runs: usize) -> Result<()> {
    let binaries = match binaries {
        Some(dir) => dir.to_owned(),
        None => {
            release::build(&[EMPTY])?;
            release::dir()
        }
    };
    let template = project::template();
    let names = template::functions(&template)?.into_iter().map(|function| function.bin);
    let mut functions: Vec<Function> = std::iter::once(EMPTY.to_owned())
        .chain(names)
        .map(|name| {
            let bootstrap = binaries.join(&name).join("bootstrap");
            Function { name, bootstrap, starts: Vec::new(), memory: Vec::new() }
        })
        .collect();
    let variables = template::variables(&template)?;
    let api = RuntimeApi::serve()?;
    command::step(&format!("starting each function {runs} times, in turns"), || {
        for _ in 0..runs {
            for function in &mut functions {
                function.start(&api, &variables)?;
            }
        }
        Ok(())
    })?;
    print(&mut functions)
}

impl Function {
    /// Starts the function once, until it asks for an event.
    fn start(&mut self, api: &RuntimeApi, variables: &[String]) -> Result<()> {
        let mut process = Command::new(&self.bootstrap);
        process.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        process.envs(variables.iter().map(|name| (name, value(name))));
        process.env("AWS_LAMBDA_RUNTIME_API", &api.address).env("AWS_LAMBDA_FUNCTION_NAME", &self.name);
        process.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128").env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        process.env("AWS_REGION", "us-east-1").env("AWS_ACCESS_KEY_ID", "bench");
        process.env("AWS_SECRET_ACCESS_KEY", "bench").env("AWS_SESSION_TOKEN", "bench");
        let start = Instant::now();
        let mut child = command::spawn(&mut process)?;
        let asked = api.asked.recv_timeout(PATIENCE);
        let memory = resident(&child);
        end(&mut child)?;
        let Ok(asked) = asked else { bail!("{} does not ask for an event", self.name) };
        self.starts.push(asked - start);
        self.memory.push(memory?);
        Ok(())
    }
}

/// A value that a function accepts for one of its environment variables.
fn value(variable: &str) -> &'static str {
    match variable {
        "DEFAULT_REGION" => "DE",
        "JWT_ISSUER" => "https://bench.example",
        "AUDIT_DAYS" | "WEBHOOK_PAUSES" => "1",
        _ if variable.ends_with("_SECONDS") => "60",
        _ if variable.ends_with("_URL") => "http://127.0.0.1:9",
        _ => "bench",
    }
}

/// The part of the Lambda Runtime API that a function needs to start.
struct RuntimeApi {
    address: String,
    asked: Receiver<Instant>,
}

impl RuntimeApi {
    fn serve() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?.to_string();
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            // The function waits for an event, which this server never sends. So the connection must stay open.
            let mut connections = Vec::new();
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                if reader.read_line(&mut line).is_ok() && line.contains("/invocation/next") {
                    // Nobody receives it after the measurement.
                    let _ = tell.send(Instant::now());
                }
                connections.push(reader);
            }
        });
        Ok(Self { address, asked })
    }
}

/// Resident memory in KiB.
fn resident(child: &Child) -> Result<u64> {
    let path = format!("/proc/{}/status", child.id());
    let status = fs::read_to_string(&path).with_context(|| format!("{path}: this needs Linux"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

fn end(child: &mut Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn print(functions: &mut [Function]) -> Result<()> {
    let archive = project::target().join("bench.zip");
    let mut empty = None;
    println!("| function | zip, MB | start, ms | of empty | memory, MiB |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for function in functions {
        let start = median(&mut function.starts).as_secs_f64() * 1000.0;
        let ratio = start / *empty.get_or_insert(start);
        let memory = median(&mut function.memory).div_ceil(1024);
        let mut zip = Command::new("python3");
        command::run(zip.args(["-m", "zipfile", "-c"]).arg(&archive).arg(&function.bootstrap))?;
        let thousands = fs::metadata(&archive)?.len().div_ceil(10_000);
        let name = &function.name;
        println!(
            "| {name} | {}.{:02} | {start:.1} | {ratio:.2} | {memory} |",
            thousands / 100,
            thousands % 100
        );
    }
    Ok(fs::remove_file(&archive)?)
}

fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_an_outlier() {
        assert_eq!(median(&mut [900, 3, 2, 1, 2]), 2);
    }
}
