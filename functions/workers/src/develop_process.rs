//! Develops one picture in a process of its own.
//!
//! A thread that runs a decoder cannot be stopped. If the instance exits to stop it, Lambda repeats the event, and the
//! next upload waits for a cold start. A child process costs a few milliseconds for each picture. It can be killed, a
//! crash ends only this process, the kernel limits its memory, and it has no credentials.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use aws::CallError;
use domain::{Exif, Failure, Placeholder, Rendition, Thumbnail};
use imaging::{DevelopError, Developed, Settings};
use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    exif::exif,
    render::{RenditionFile, render},
};

/// The argument with which a worker starts itself.
const ARGUMENT: &str = "develop-one-picture";

/// The maximum length of an answer. The thumbnails of a picture have some megabytes.
const MAX_REPLY: u64 = 256 << 20;

/// The signal with which the kernel ends a process if the machine has no memory left.
const KILLED: i32 = 9;

/// Starts a process for each picture.
#[derive(Clone, Debug)]
pub struct DevelopProcess {
    /// The program to start. It calls [`develop_if_asked`] first of all.
    pub program: PathBuf,
    /// The time after which the process is killed. It is longer than the engine's own limit, which the engine checks
    /// between its steps, and shorter than the functions' timeouts.
    pub max_time: Duration,
    /// The maximum address space of the process, in bytes. It is more than the engine's own limit, which is an estimate
    /// from the picture's header, and less than the memory of the functions.
    pub max_memory: u64,
}

impl Default for DevelopProcess {
    /// Starts the running program again.
    fn default() -> Self {
        // The link stays valid while a new build replaces the file. Only Linux has it.
        let link = PathBuf::from("/proc/self/exe");
        let program = if link.exists() { link } else { std::env::current_exe().unwrap_or_default() };
        Self { program, max_time: Duration::from_secs(40), max_memory: 1_400_000_000 }
    }
}

/// How a deployment develops pictures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DevelopOptions {
    /// The format of the thumbnails, as the engine names it.
    pub output: String,
    /// Which frames of an animation the thumbnails show, as the engine names it.
    pub animation: String,
    /// Whether HEIC is decoded.
    pub heic: bool,
}

/// What the process made of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct MadeThumbnails {
    /// The width of the upright original, in pixels.
    pub width: u32,
    /// The height of the upright original, in pixels.
    pub height: u32,
    /// What clients show until they have loaded a thumbnail.
    pub placeholder: Placeholder,
    /// What a camera wrote into the original.
    pub exif: Exif,
    /// The thumbnails and their files.
    pub thumbnails: Vec<(Thumbnail, Vec<u8>)>,
}

/// Why a picture cannot be developed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The failure that the owner of the image sees.
    pub failure: Failure,
    /// The cause, for the log.
    pub cause: String,
}

impl Rejected {
    fn new(error: &DevelopError, cause: String) -> Self {
        Self { failure: crate::failure::failure(error), cause }
    }
}

/// The first line that the process reads. The file follows.
#[derive(Serialize, Deserialize)]
struct Request {
    /// The rendition to make. Without one, the process makes thumbnails.
    rendition: Option<Rendition>,
    sizes: Vec<u32>,
    options: DevelopOptions,
    bytes: usize,
    max_memory: u64,
}

/// The first line that the process writes. The files follow.
#[derive(Serialize, Deserialize)]
enum Reply {
    Made {
        width: u32,
        height: u32,
        placeholder: Placeholder,
        exif: Exif,
        thumbnails: Vec<(Thumbnail, usize)>,
    },
    Rendered {
        size: Option<(u32, u32)>,
        content_type: String,
        bytes: usize,
    },
    Rejected(Rejected),
}

impl DevelopProcess {
    /// Develops a picture. Returns the reason if that is not possible.
    ///
    /// # Errors
    /// [`CallError`] if the process could not do its work, so that a retry may succeed.
    pub async fn develop(
        &self,
        bytes: impl AsRef<[u8]> + Send + 'static,
        sizes: &[u32],
        options: &DevelopOptions,
    ) -> Result<Result<MadeThumbnails, Rejected>, CallError> {
        self.run(bytes, None, sizes, options, read_thumbnails).await
    }

    /// Makes a rendition of a picture. Returns the reason if that is not possible.
    ///
    /// # Errors
    /// [`CallError`] if the process could not do its work, so that a retry may succeed.
    pub async fn render(
        &self,
        bytes: impl AsRef<[u8]> + Send + 'static,
        rendition: &Rendition,
        options: &DevelopOptions,
    ) -> Result<Result<RenditionFile, Rejected>, CallError> {
        self.run(bytes, Some(rendition), &[], options, read_rendition).await
    }

    async fn run<T: Send + 'static>(
        &self,
        bytes: impl AsRef<[u8]> + Send + 'static,
        rendition: Option<&Rendition>,
        sizes: &[u32],
        options: &DevelopOptions,
        read: ReadReply<T>,
    ) -> Result<Result<T, Rejected>, CallError> {
        let mut command = Command::new(&self.program);
        command.arg(ARGUMENT).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Running(command.spawn().map_err(CallError::internal)?);
        let (Some(mut stdin), Some(stdout)) = (process.0.stdin.take(), process.0.stdout.take()) else {
            return Err(CallError::internal("the process has no pipes"));
        };
        let request = Request {
            rendition: rendition.cloned(),
            sizes: sizes.to_vec(),
            options: options.clone(),
            bytes: bytes.as_ref().len(),
            max_memory: self.max_memory,
        };
        // The thread ends with the process, because the pipes do.
        let exchange = tokio::task::spawn_blocking(move || -> std::io::Result<Result<T, Rejected>> {
            let mut line = serde_json::to_vec(&request)?;
            line.push(b'\n');
            stdin.write_all(&line)?;
            stdin.write_all(bytes.as_ref())?;
            // The process has its own copy now, and knows by the end of its input that it has all.
            drop((stdin, bytes));
            read_reply(BufReader::new(stdout.take(MAX_REPLY)), read)
        });
        let Ok(outcome) = timeout(self.max_time, exchange).await else {
            process.end().map_err(CallError::internal)?;
            let cause = format!("killed after {:?}", self.max_time);
            return Ok(Err(Rejected::new(&DevelopError::Timeout, cause)));
        };
        match outcome.map_err(CallError::internal)? {
            Ok(outcome) => Ok(outcome),
            Err(error) => process.without_reply(&error),
        }
    }
}

/// A process that ends at the latest when this value is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.end();
    }
}

impl Running {
    /// Kills the process, if it still runs, and waits until it is gone.
    fn end(&mut self) -> std::io::Result<ExitStatus> {
        self.0.kill()?;
        self.0.wait()
    }

    /// The result of a process that ended without a reply. A decoder that crashes, or that wants more memory than it
    /// may have, does so every time. But if the kernel had no memory left, another picture may be the reason.
    fn without_reply<T>(&mut self, error: &std::io::Error) -> Result<Result<T, Rejected>, CallError> {
        // The process has closed its pipes, so a status other than that of the kill is its own.
        let status = self.end().map_err(CallError::internal)?;
        match status.signal() {
            Some(signal) if signal != KILLED => {
                let error = DevelopError::CorruptImage { reason: status.to_string() };
                Ok(Err(Rejected::new(&error, format!("the process crashed: {status}"))))
            }
            _ => Err(CallError::internal(format!("no reply from the process: {error}, {status}"))),
        }
    }
}

/// Develops the picture on the standard input, and exits, if the process was started for that. Otherwise returns at once.
///
/// Each program that develops pictures calls it before it does anything else.
pub fn develop_if_asked() {
    if std::env::args().nth(1).as_deref() == Some(ARGUMENT) {
        let outcome = develop_input();
        if let Err(error) = &outcome {
            eprintln!("developing a picture failed: {error}");
        }
        std::process::exit(i32::from(outcome.is_err()));
    }
}

fn develop_input() -> std::io::Result<()> {
    let mut stdin = std::io::stdin().lock();
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    // Only Linux limits the address space. A crash leaves no dump, which would contain the picture.
    let _is_limited = setrlimit(Resource::RLIMIT_AS, request.max_memory, request.max_memory);
    let _is_limited = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let mut bytes = Vec::with_capacity(request.bytes);
    if stdin.take(request.bytes as u64).read_to_end(&mut bytes)? < request.bytes {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let DevelopOptions { output, animation, heic } = request.options;
    let output = output.parse().map_err(std::io::Error::other)?;
    let animation = animation.parse().map_err(std::io::Error::other)?;
    let settings = Settings { output, animation, heic, ..Settings::default() };
    match request.rendition {
        Some(rendition) => write_rendition(render(&bytes, &rendition, &settings)),
        None => {
            let outcome = imaging::develop(&bytes, &request.sizes, &settings);
            write_reply(outcome.map(|developed| (developed, exif(imaging::read_exif(&bytes)))))
        }
    }
}

fn write_reply(outcome: Result<(Developed, Exif), DevelopError>) -> std::io::Result<()> {
    let (reply, files) = match outcome {
        Ok((Developed { width, height, placeholder, thumbnails, .. }, exif)) => {
            let made = thumbnails.iter().map(|made| {
                let content_type = made.content_type.to_owned();
                let thumbnail =
                    Thumbnail { size: made.size, width: made.width, height: made.height, content_type };
                (thumbnail, made.bytes.len())
            });
            let placeholder = Placeholder { thumbhash: placeholder.thumbhash, color: placeholder.color };
            (Reply::Made { width, height, placeholder, exif, thumbnails: made.collect() }, thumbnails)
        }
        Err(error) => {
            let cause = format!("{error:?}");
            (Reply::Rejected(Rejected::new(&error, cause)), Vec::new())
        }
    };
    write_files(&reply, files.iter().map(|file| &*file.bytes))
}

fn write_rendition(outcome: Result<RenditionFile, DevelopError>) -> std::io::Result<()> {
    match outcome {
        Ok(RenditionFile { size, content_type, bytes }) => {
            let reply = Reply::Rendered { size, content_type, bytes: bytes.len() };
            write_files(&reply, [&*bytes].into_iter())
        }
        Err(error) => {
            let cause = format!("{error:?}");
            write_files(&Reply::Rejected(Rejected::new(&error, cause)), [].into_iter())
        }
    }
}

fn write_files<'a>(reply: &Reply, files: impl Iterator<Item = &'a [u8]>) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, reply)?;
    stdout.write_all(b"\n")?;
    for file in files {
        stdout.write_all(file)?;
    }
    stdout.flush()
}

/// Reads the files of a reply. The second argument reads the next file, which has the given length.
type ReadReply<T> = fn(Reply, &mut dyn FnMut(usize) -> std::io::Result<Vec<u8>>) -> std::io::Result<T>;

fn read_reply<T>(mut reply: impl BufRead, read: ReadReply<T>) -> std::io::Result<Result<T, Rejected>> {
    let mut line = String::new();
    reply.read_line(&mut line)?;
    let made = match serde_json::from_str(&line)? {
        Reply::Rejected(rejected) => return Ok(Err(rejected)),
        made => made,
    };
    let mut next_file = |length: usize| {
        let mut file = Vec::new();
        reply.by_ref().take(length as u64).read_to_end(&mut file)?;
        if file.len() == length { Ok(file) } else { Err(ErrorKind::UnexpectedEof.into()) }
    };
    read(made, &mut next_file).map(Ok)
}

fn read_thumbnails(
    reply: Reply,
    next_file: &mut dyn FnMut(usize) -> std::io::Result<Vec<u8>>,
) -> std::io::Result<MadeThumbnails> {
    let Reply::Made { width, height, placeholder, exif, thumbnails } = reply else {
        return Err(ErrorKind::InvalidData.into());
    };
    let files = thumbnails.into_iter().map(|(thumbnail, length)| Ok((thumbnail, next_file(length)?)));
    let thumbnails = files.collect::<std::io::Result<_>>()?;
    Ok(MadeThumbnails { width, height, placeholder, exif, thumbnails })
}

fn read_rendition(
    reply: Reply,
    next_file: &mut dyn FnMut(usize) -> std::io::Result<Vec<u8>>,
) -> std::io::Result<RenditionFile> {
    let Reply::Rendered { size, content_type, bytes } = reply else {
        return Err(ErrorKind::InvalidData.into());
    };
    Ok(RenditionFile { size, content_type, bytes: next_file(bytes)? })
}
