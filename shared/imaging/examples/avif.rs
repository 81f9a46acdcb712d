//! Encodes a picture as AVIF with a speed and a quality of the encoder, as often as asked, and prints one JSON line:
//! `avif FILE SPEED QUALITY RUNS OUT`.

use std::error::Error;
use std::fs;
use std::time::Instant;

use ravif::{Encoder, Img, RGB8};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, speed, quality, runs, out] = &arguments[..] else {
        return Err("avif FILE SPEED QUALITY RUNS OUT".into());
    };
    let picture = image::open(file)?.into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels: Vec<RGB8> = picture.pixels().map(|pixel| RGB8::from(pixel.0)).collect();
    let encoder =
        Encoder::new().with_quality(quality.parse()?).with_speed(speed.parse()?).with_num_threads(Some(1));
    let (mut times, mut made) = (Vec::new(), Vec::new());
    for _ in 0..runs.parse::<usize>()? {
        let start = Instant::now();
        made = encoder.encode_rgb(Img::new(&pixels, width, height))?.avif_file;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let path = format!("{out}/speed-{speed}.avif");
    fs::write(&path, made)?;
    println!("{}", json!({"cpu": times.get(times.len() / 2), "path": path}));
    Ok(())
}
