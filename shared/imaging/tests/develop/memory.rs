//! The memory of a whole process that develops one file, measured by Linux.
//!
//! Each file gets a process of its own, so that it does not profit from memory that another file has used before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use imaging::{Animation, Settings};

use crate::avif_hostile::bombs;
use crate::heic_hostile;
use crate::jxl_made::with_hidden_frames;
use crate::make::png_chunk;
use crate::refusals::{gif_header, png_header};
use crate::worst::{self, SIDE};

/// The limit of the default settings, and some more for what the engine does not count.
const LIMIT: u64 = 700_000_000;

/// More than a process takes that rejects a picture from its header.
const REJECTED: u64 = 60_000_000;

/// The end of the names of files whose thumbnails show all frames.
const ALL_FRAMES: &str = "all-frames";

/// The variable with the file that a process of this test develops.
const FILE: &str = "IMAGING_TEST_FILE";

/// What the process prints before its result.
const MARK: &str = "measured: ";

/// The process: develops a file and prints the outcome and the peak of its resident memory. It does nothing if the test
/// suite itself runs it.
#[test]
fn process() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let bytes = std::fs::read(Path::new(&file)).unwrap();
    let name = file.to_str().unwrap();
    let sizes: &[u32] = if name.ends_with("4096") { &[4096] } else { &[200, 400, 1200] };
    let animation = if name.ends_with(ALL_FRAMES) { Animation::All } else { Animation::First };
    let mut settings = Settings { animation, ..Settings::default() };
    // A busy machine makes no difference to the memory.
    settings.limits.max_time *= 10;
    let start = std::time::Instant::now();
    let outcome = imaging::develop(&bytes, sizes, &settings);
    if animation == Animation::All {
        let is_animated =
            outcome.iter().all(|made| made.thumbnails.iter().all(|t| t.content_type == "image/webp"));
        assert!(is_animated, "{name} has still thumbnails");
    }
    let took = start.elapsed();
    let code = outcome.map_or_else(|error| error.code(), |_| "developed");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("\n{MARK}{code} {} {}", peak.trim().trim_end_matches(" kB"), took.as_millis());
}

/// The outcome and the peak in bytes, for a file whose name says which sizes are made.
fn measure(name: &str, bytes: &[u8]) -> (String, u64) {
    let (code, peak, _took) = measure_with_time(name, bytes);
    (code, peak)
}

/// Also the time.
fn measure_with_time(name: &str, bytes: &[u8]) -> (String, u64, Duration) {
    let directory = Scratch::new(name);
    let file = directory.0.join(name);
    std::fs::write(&file, bytes).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "memory::process", "--nocapture", "--test-threads=1"]).env(FILE, &file);
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let line = stdout.lines().find_map(|line| line.strip_prefix(MARK));
    assert!(line.is_some(), "{name}: {:?} {stdout}", output.status);
    let mut fields = line.unwrap().split(' ');
    let code = fields.next().unwrap();
    let [kilobytes, milliseconds] = [(); 2].map(|()| fields.next().unwrap().parse::<u64>().unwrap());
    let (peak, took) = (kilobytes * 1024, Duration::from_millis(milliseconds));
    println!("{name}: {code}, {} MB, {took:?}", peak / 1_000_000);
    (code.to_owned(), peak, took)
}

/// A directory that is deleted with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("imaging-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _is_deleted = std::fs::remove_dir_all(&self.0);
    }
}

/// One test, so that no two of these processes run at the same time.
#[test]
fn the_worst_file_of_each_format_stays_within_the_limit() {
    let wide = 16_383;
    let rows = (u32::from(SIDE).pow(2) / u32::from(wide)) as u16;
    for (name, file) in [
        ("jpeg", worst::jpeg(1)),
        ("jpeg-4096", worst::jpeg(1)),
        ("png", worst::png()),
        ("gif", worst::gif()),
        ("webp", worst::webp(wide, rows)),
        ("webp-animated", worst::animated_webp(wide, rows * 9 / 16)),
        ("avif", worst::avif()),
        ("avif-alpha", worst::avif_with_alpha()),
        ("avif-grain", worst::avif_with_grain()),
        ("heic", heic_hostile::file_of_large_picture()),
        ("tiff", worst::tiff()),
        ("bmp", worst::bmp()),
        ("jxl", with_hidden_frames((7_000, 7_000), 0)),
        ("jxl-hidden", with_hidden_frames((2_700, 2_500), 8)),
        ("gif-all-frames", worst::gif_of_frames(4_700)),
        ("png-all-frames", worst::png_of_frames(4_300)),
        ("webp-all-frames", worst::webp_of_frames(4_300)),
    ] {
        let (code, peak) = measure(name, &file);
        assert_eq!(code, "developed", "{name}");
        assert!(peak < LIMIT, "{name}: {peak} bytes");
        // The file does what it is made for.
        assert!(peak > LIMIT / 4, "{name}: {peak} bytes");
    }
}

#[test]
fn what_would_take_more_is_refused_from_its_header() {
    // 65,536 x 65,536 pixels, with half a megabyte of them; 20,000 x 14,000; and 58,593 x 58,596.
    let huge_png = [png_header(65_536, 65_536), png_chunk(b"IDAT", &vec![0; 500_000])].concat();
    let mut huge_jpeg = worst::jpeg(1);
    let frame = huge_jpeg.windows(2).position(|pair| pair == [0xff, 0xc2]).unwrap();
    huge_jpeg[frame + 5..frame + 9].copy_from_slice(&[0x36, 0xb0, 0x4e, 0x20]);
    for (name, file) in [
        ("png-4096", worst::png()),
        ("webp-animated", worst::animated_webp(16_383, 3_000)),
        ("avif-large-tiles", worst::avif_with_large_tiles()),
        ("png-header", huge_png),
        ("jpeg-header", huge_jpeg),
        ("gif-header", gif_header(58_593, 58_596)),
        ("jxl-hidden", with_hidden_frames((7_000, 7_000), 1)),
    ] {
        let (code, peak) = measure(name, &file);
        assert_eq!(code, "too-many-pixels", "{name}");
        assert!(peak < REJECTED, "{name}: {peak} bytes");
    }
}

#[test]
fn containers_made_to_exhaust_memory_take_none() {
    for (index, bomb) in bombs().iter().enumerate() {
        let (code, peak) = measure(&format!("bomb-{index}"), bomb);
        assert_eq!(code, "corrupt-image", "{index}");
        assert!(peak < REJECTED, "{index}: {peak} bytes");
    }
}

#[test]
fn a_profile_that_decompresses_to_hundreds_of_megabytes_is_not_read() {
    let (code, peak) = measure("png-profile", &worst::png_with_profile());
    assert_eq!(code, "developed");
    assert!(peak < LIMIT, "{peak} bytes");
}

#[test]
fn heic_files_made_to_exhaust_memory_or_time_take_neither() {
    for (name, bomb, expected) in heic_hostile::bombs() {
        let (code, peak, took) = measure_with_time(name, &bomb);
        assert_eq!(code, expected, "{name}");
        assert!(peak < REJECTED, "{name}: {peak} bytes");
        assert!(took < Duration::from_secs(1), "{name}: {took:?}");
    }
}
