//! Developing a picture in a process of its own. The program is a worker as it is deployed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use domain::{FailureCode, Rendition};
use imaging::{Output, Settings};
use tokio::sync::{Mutex, MutexGuard};
use workers::{DevelopOptions, DevelopProcess};

/// A GIF of one pixel.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

const SIZES: [u32; 2] = [200, 400];

/// Lets one test run at a time, because one of them counts the processes that this one has started.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

fn options(output: &str) -> DevelopOptions {
    DevelopOptions { output: output.to_owned(), animation: "first".to_owned(), heic: true }
}

fn process() -> DevelopProcess {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_workers-thumbnail"));
    DevelopProcess { program, ..DevelopProcess::default() }
}

/// A grey progressive JPEG with so many pixels per side and so many scans. A decoder goes over the whole picture for each
/// scan.
fn jpeg(side: u16, scans: usize) -> Vec<u8> {
    let segment = |marker: u8, content: &[u8]| {
        [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    };
    let mut lengths = [0; 16];
    lengths[0] = 1;
    // Each table has one code of one bit: no difference, and the end of 2 to the 14th blocks.
    let table = |class: u8, value: u8| segment(0xc4, &[&[class][..], &lengths, &[value]].concat());
    let blocks = usize::from(side.div_ceil(8)).pow(2);
    let scan = |first: u8, last: u8, data: usize| {
        [segment(0xda, &[1, 1, 0, first, last, 0]), vec![0; data]].concat()
    };
    let side = side.to_be_bytes();
    [
        b"\xff\xd8".to_vec(),
        segment(0xdb, &[&[0][..], &[1; 64]].concat()),
        segment(0xc2, &[&[8][..], &side, &side, &[1, 1, 0x11, 0]].concat()),
        table(0, 0),
        table(0x10, 0xe0),
        scan(0, 0, blocks / 8 + 1),
        scan(1, 63, blocks.div_ceil(1 << 14) * 2).repeat(scans),
        b"\xff\xd9".to_vec(),
    ]
    .concat()
}

/// The names of the processes that this one has started and that are still there.
fn children() -> Vec<String> {
    let parent = format!("PPid:\t{}", std::process::id());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let statuses = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("status")).ok());
    let mine = statuses.filter(|status| status.lines().any(|line| line == parent));
    mine.filter_map(|status| status.lines().next().map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_process_makes_renditions_too() {
    let _alone = alone().await;
    let options =
        domain::RenditionOptions::from_query([("width", "8"), ("height", "4"), ("fit", "pad")]).unwrap();
    let rendition = Rendition::Picture(options);
    let made = process().render(GIF, &rendition, &self::options("auto")).await.unwrap().unwrap();
    assert_eq!((made.size, made.content_type.as_str()), (Some((8, 4)), "image/jpeg"));
    assert!(made.bytes.starts_with(&[0xff, 0xd8, 0xff]));

    // Without metadata, and otherwise the same file.
    let comment = [&GIF[..19], b"!\xfe\x07comment\0", &GIF[19..]].concat();
    let stripped = process().render(comment, &Rendition::StrippedOriginal, &self::options("auto")).await;
    let stripped = stripped.unwrap().unwrap();
    assert_eq!((stripped.size, stripped.content_type.as_str(), &*stripped.bytes), (None, "image/gif", GIF));

    let rejected =
        process().render(b"<svg/>", &rendition, &self::options("auto")).await.unwrap().unwrap_err();
    assert_eq!(rejected.failure.code, FailureCode::NotAnImage);
}

#[tokio::test]
async fn the_process_gives_what_the_engine_gives() {
    let _alone = alone().await;
    let made = process().develop(GIF, &SIZES, &options("webp")).await.unwrap().unwrap();
    let settings = Settings { output: Output::Webp, ..Settings::default() };
    let expected = imaging::develop(GIF, &SIZES, &settings).unwrap();
    assert_eq!((made.width, made.height), (expected.width, expected.height));
    assert_eq!(made.placeholder.thumbhash, expected.placeholder.thumbhash);
    assert_eq!(made.placeholder.color, expected.placeholder.color);
    let made = made.thumbnails.into_iter().map(|(thumbnail, file)| {
        (thumbnail.size, thumbnail.width, thumbnail.height, thumbnail.content_type, file)
    });
    let expected = expected.thumbnails.into_iter();
    assert!(made.eq(expected.map(|t| (t.size, t.width, t.height, t.content_type.to_owned(), t.bytes))));
}

#[tokio::test]
async fn the_process_also_reads_what_a_camera_wrote() {
    let _alone = alone().await;
    let picture = jpeg(8, 1);
    // One field: the model of the camera.
    let block = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x10\0\x02\0\0\0\x04Cat\0\0\0\0\0";
    let picture = [&picture[..2], block, &picture[2..]].concat();
    let made = process().develop(picture, &SIZES, &options("auto")).await.unwrap().unwrap();
    assert_eq!(made.exif.camera.as_deref(), Some("Cat"));
    let made = process().develop(GIF, &SIZES, &options("auto")).await.unwrap().unwrap();
    assert!(made.exif.is_empty());
}

#[tokio::test]
async fn the_owner_learns_why_a_picture_was_refused() {
    let _alone = alone().await;
    let failure =
        process().develop(&b"<svg/>"[..], &SIZES, &options("auto")).await.unwrap().unwrap_err().failure;
    assert_eq!(failure.code, FailureCode::NotAnImage);
}

#[tokio::test]
async fn a_decode_that_never_ends_is_stopped_and_nothing_of_it_disturbs_the_next_picture() {
    let _alone = alone().await;
    // This takes many seconds on any machine.
    let endless = jpeg(7_000, 60);
    let limited = DevelopProcess { max_time: Duration::from_millis(300), ..process() };
    let start = Instant::now();
    let failure =
        limited.develop(endless.clone(), &[4_096], &options("auto")).await.unwrap().unwrap_err().failure;
    assert_eq!(failure.code, FailureCode::Timeout);
    assert!(start.elapsed() < Duration::from_secs(5), "stopped after {:?}", start.elapsed());
    // The next picture has the processor and the memory for itself.
    assert_eq!(children(), Vec::<String>::new());
    assert_eq!(process().develop(GIF, &SIZES, &options("auto")).await.unwrap().unwrap().thumbnails.len(), 2);

    // The process also ends if nobody waits for it any longer.
    let process = process();
    let options = options("auto");
    let abandoned = process.develop(endless, &[4_096], &options);
    assert!(tokio::time::timeout(Duration::from_millis(300), abandoned).await.is_err());
    assert_eq!(children(), Vec::<String>::new());
}

#[tokio::test]
async fn a_decoder_that_wants_more_memory_than_it_may_have_is_a_corrupt_image() {
    let _alone = alone().await;
    let process = DevelopProcess { max_memory: 80_000_000, ..process() };
    let failure =
        process.develop(jpeg(7_000, 1), &[4_096], &options("auto")).await.unwrap().unwrap_err().failure;
    assert_eq!(failure.code, FailureCode::CorruptImage);
    // The same limit is enough for a small picture.
    assert!(process.develop(GIF, &SIZES, &options("auto")).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_failure_of_the_process_does_not_reject_the_picture() {
    let _alone = alone().await;
    for program in ["/nonexistent/program", "/bin/true", "/bin/false"] {
        let process = DevelopProcess { program: program.into(), ..process() };
        assert!(process.develop(GIF, &SIZES, &options("auto")).await.is_err(), "{program}");
    }
}

#[tokio::test]
async fn the_settings_of_the_deployment_reach_the_engine() {
    /// Two frames of one pixel: white and black.
    const ANIMATION: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0\
        ,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0,\0\0\0\0\x01\0\x01\0\0\x02\x02L\x01\0;";
    /// The start of a HEIC.
    const HEIC: &[u8] = b"\0\0\0\x14ftypheic\0\0\0\0mif1";
    let _alone = alone().await;
    for (animation, content_type) in [("first", "image/jpeg"), ("all", "image/webp")] {
        let options = DevelopOptions { animation: animation.to_owned(), ..options("auto") };
        let made = process().develop(ANIMATION, &[200], &options).await.unwrap().unwrap();
        assert_eq!(made.thumbnails[0].0.content_type, content_type);
    }
    for (heic, code) in [(true, FailureCode::CorruptImage), (false, FailureCode::HeicNotSupported)] {
        let options = DevelopOptions { heic, ..options("auto") };
        let rejected = process().develop(HEIC, &[200], &options).await.unwrap().unwrap_err();
        assert_eq!(rejected.failure.code, code);
    }
}
