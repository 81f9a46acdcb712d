//! Reads the EXIF of files, and of all files in directories, and prints one JSON line for each: `exif FILE…`. With
//! `--runs N`, it reads each file N times and prints the median time in microseconds.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use imaging::{Exif, read_exif};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut runs, mut rest) = (1_usize, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().ok_or("--runs needs a number")?.parse()?,
            _ => rest.push(PathBuf::from(argument)),
        }
    }
    let mut files = Vec::new();
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                rest.push(entry?.path());
            }
        } else {
            files.push(path);
        }
    }
    files.sort();
    for file in files {
        let bytes = fs::read(&file)?;
        let mut times: Vec<Duration> = (0..runs).map(|_| time(&bytes)).collect();
        times.sort();
        let median = times.get(runs / 2).map(Duration::as_secs_f64).map(|seconds| seconds * 1e6);
        println!("{}", json!({"file": file, "exif": shown(read_exif(&bytes)), "microseconds": median}));
    }
    Ok(())
}

fn time(bytes: &[u8]) -> Duration {
    let start = Instant::now();
    black_box(read_exif(black_box(bytes)));
    start.elapsed()
}

fn shown(exif: Exif) -> Value {
    let place = exif.location.map(
        |place| json!({"latitude": place.latitude, "longitude": place.longitude, "altitude": place.altitude}),
    );
    json!({
        "taken_at": exif.taken_at,
        "camera": exif.camera,
        "lens": exif.lens,
        "exposure_time": exif.exposure_time,
        "f_number": exif.f_number,
        "iso": exif.iso,
        "focal_length": exif.focal_length,
        "location": place,
    })
}
