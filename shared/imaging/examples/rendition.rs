//! Makes one rendition of a file, as often as asked, and prints one JSON line:
//! `rendition FILE WIDTH HEIGHT FIT FORMAT RUNS OUT`. A height of 0 follows from the width.

use std::error::Error;
use std::fs;
use std::time::Instant;

use imaging::{Fit, RenderFormat, Rendering, Settings, render};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, width, height, fit, format, runs, out] = &arguments[..] else {
        return Err("rendition FILE WIDTH HEIGHT FIT FORMAT RUNS OUT".into());
    };
    let rendering = Rendering {
        width: Some(width.parse()?),
        height: Some(height.parse()?).filter(|height| *height > 0),
        fit: match fit.as_str() {
            "cover" => Fit::Cover { x: 0.5, y: 0.5 },
            _ => Fit::ScaleDown,
        },
        format: match format.as_str() {
            "jpeg" => RenderFormat::Jpeg,
            "png" => RenderFormat::Png,
            "webp" => RenderFormat::Webp,
            "avif" => RenderFormat::Avif,
            _ => RenderFormat::Auto,
        },
        ..Rendering::default()
    };
    let bytes = fs::read(file)?;
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    let mut made = None;
    for _ in 0..runs.parse::<usize>()? {
        let (start, before) = (Instant::now(), cpu_ms().unwrap_or_default());
        made = Some(render(&bytes, &rendering, &Settings::default())?);
        cpu.push(cpu_ms().unwrap_or_default() - before);
        wall.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let made = made.ok_or("no run")?;
    let path = format!("{out}/darkroom-{width}-{height}.{format}");
    fs::write(&path, &made.bytes)?;
    println!("{}", json!({"cpu": median(&mut cpu), "wall": median(&mut wall), "path": path}));
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The CPU time of this thread. Only Linux provides it.
fn cpu_ms() -> Option<f64> {
    let schedule = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = schedule.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}
