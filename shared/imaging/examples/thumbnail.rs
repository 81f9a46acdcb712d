//! Develops files, and all files in directories, and prints one JSON line for each:
//! `thumbnail [--sizes 200,400,1200] [--out DIR] [--format auto|webp|avif] [--animation first|all] FILE…`. It continues after
//! a rejected file.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imaging::{DevelopError, Developed, Settings, develop};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut sizes, mut out, mut named) = (vec![200, 400, 1200], None, Vec::new());
    let mut settings = Settings::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--sizes" => sizes = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--out" => out = Some(PathBuf::from(value()?)),
            "--format" => settings.output = value()?.parse()?,
            "--animation" => settings.animation = value()?.parse()?,
            _ => named.push(PathBuf::from(argument)),
        }
    }
    if let Some(out) = &out {
        fs::create_dir_all(out)?;
    }
    for (base, file) in named.iter().flat_map(|path| files(path)) {
        // The path inside the named directory, so that files with the same name stay apart.
        let name = file.strip_prefix(&base).unwrap_or(&file).to_string_lossy().replace(['/', '\\'], "-");
        println!("{}", line(&file, &name, &sizes, out.as_deref(), &settings));
    }
    Ok(())
}

/// A file itself, or all files in a directory, sorted by path. Each comes with its base directory.
fn files(path: &Path) -> Vec<(PathBuf, PathBuf)> {
    let base = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let mut found = Vec::new();
    let mut rest = vec![path.to_owned()];
    while let Some(path) = rest.pop() {
        // A directory that cannot be listed is reported as a file that cannot be read.
        match fs::read_dir(&path) {
            Ok(entries) => rest.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => found.push((base.to_owned(), path)),
        }
    }
    found.sort();
    found
}

fn line(file: &Path, name: &str, sizes: &[u32], out: Option<&Path>, settings: &Settings) -> Value {
    // Linux then measures the peak from here on.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (start, cpu_before) = (Instant::now(), cpu_ms());
    let outcome = fs::read(file)
        .map_err(|error| ("unreadable", error.to_string()))
        .and_then(|bytes| develop(&bytes, sizes, settings).map_err(|error| (error.code(), detail(&error))));
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    let cpu_ms = cpu_ms().zip(cpu_before).map(|(after, before)| tenths(after - before));
    let peak_rss_kb = peak_rss_kb();
    let outcome = outcome.and_then(|developed| {
        let thumbnails = written(&developed, name, out).map_err(|error| ("unwritable", error.to_string()))?;
        Ok((developed, thumbnails))
    });
    let (picture, (code, detail)) = match outcome {
        Ok(picture) => (Some(picture), (None, None)),
        Err((code, detail)) => (None, (Some(code), Some(detail))),
    };
    let developed = picture.as_ref().map(|(developed, _)| developed);
    json!({
        "file": file,
        "ok": picture.is_some(),
        "code": code,
        "detail": detail,
        "format": developed.map(|d| d.format.extension()),
        "width": developed.map(|d| d.width),
        "height": developed.map(|d| d.height),
        "frames": developed.map(|d| d.frames),
        "thumbnails": picture.as_ref().map_or(&[][..], |(_, thumbnails)| thumbnails),
        "placeholder": developed.map(|d| json!({
            "thumbhash": d.placeholder.thumbhash,
            "color": d.placeholder.color,
        })),
        "cpu_ms": cpu_ms,
        "wall_ms": tenths(wall_ms),
        "peak_rss_kb": peak_rss_kb,
    })
}

/// The message for the owner of the picture, and the message for the log.
fn detail(error: &DevelopError) -> String {
    format!("{error} ({error:?})")
}

fn written(developed: &Developed, name: &str, out: Option<&Path>) -> std::io::Result<Vec<Value>> {
    let mut thumbnails = Vec::new();
    for thumbnail in &developed.thumbnails {
        let ending = thumbnail.content_type.trim_start_matches("image/");
        let path = out.map(|out| out.join(format!("{name}-{}.{ending}", thumbnail.size)));
        if let Some(path) = &path {
            fs::write(path, &thumbnail.bytes)?;
        }
        thumbnails.push(json!({
            "size": thumbnail.size,
            "width": thumbnail.width,
            "height": thumbnail.height,
            "content_type": thumbnail.content_type,
            "bytes": thumbnail.bytes.len(),
            "path": path,
        }));
    }
    Ok(thumbnails)
}

fn tenths(milliseconds: f64) -> f64 {
    (milliseconds * 10.0).round() / 10.0
}

/// The CPU time of this thread. Only Linux provides it.
fn cpu_ms() -> Option<f64> {
    let schedule = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = schedule.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}

/// The peak of resident memory. Only Linux provides it.
fn peak_rss_kb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
