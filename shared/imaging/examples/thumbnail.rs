//! Develops files and prints one JSON line for each:
//! `thumbnail [--sizes 200,400,1200] [--out DIR] FILE…`. Goes on after a bad file.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imaging::{Developed, Limits, develop};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut sizes, mut out, mut files) = (vec![200, 400, 1200], None, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--sizes" => sizes = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--out" => out = Some(PathBuf::from(value()?)),
            _ => files.push(PathBuf::from(argument)),
        }
    }
    if let Some(out) = &out {
        std::fs::create_dir_all(out)?;
    }
    for file in &files {
        println!("{}", line(file, &sizes, out.as_deref()));
    }
    Ok(())
}

fn line(file: &Path, sizes: &[u32], out: Option<&Path>) -> Value {
    let failed =
        |code: &str, detail: String| json!({ "file": file, "ok": false, "code": code, "detail": detail });
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => return failed("unreadable", error.to_string()),
    };
    let start = Instant::now();
    let outcome = develop(&bytes, sizes, &Limits::default());
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    let mut line = match outcome {
        Ok(developed) => {
            written(file, &developed, out).unwrap_or_else(|e| failed("unwritable", e.to_string()))
        }
        Err(error) => failed(error.code(), format!("{error} ({error:?})")),
    };
    line["wall_ms"] = json!((wall_ms * 10.0).round() / 10.0);
    line
}

fn written(file: &Path, developed: &Developed, out: Option<&Path>) -> std::io::Result<Value> {
    let mut thumbnails = Vec::new();
    for thumbnail in &developed.thumbnails {
        let path = out.map(|out| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let ending = thumbnail.content_type.trim_start_matches("image/");
            out.join(format!("{name}-{}.{ending}", thumbnail.size))
        });
        if let Some(path) = &path {
            std::fs::write(path, &thumbnail.bytes)?;
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
    Ok(json!({
        "file": file,
        "ok": true,
        "format": developed.format.extension(),
        "width": developed.width,
        "height": developed.height,
        "thumbnails": thumbnails,
        "placeholder": {
            "thumbhash": developed.placeholder.thumbhash,
            "color": developed.placeholder.color,
        },
    }))
}
