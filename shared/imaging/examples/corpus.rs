//! `corpus make DIR` writes the seeds for fuzzing. `corpus run DIR…` develops every file in the directories, checks what
//! must be true for any bytes, and prints the number of files for each outcome, and the slowest file.
#![expect(clippy::unwrap_used, reason = "the pictures are the program's own")]

#[path = "../fuzz/fuzz_targets/check.rs"]
mod check;
#[path = "../tests/develop/container.rs"]
mod container;
#[path = "../tests/develop/hevc.rs"]
mod hevc;
#[path = "../tests/develop/jxl_made.rs"]
mod jxl_made;

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use container::{Container, tiles};
use hevc::{Coding, Hevc, USUAL};
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use ravif::Img;
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder};
use turbojpeg::{Colorspace, Compressor, PixelFormat, Subsamp};

/// The maximum time for one file.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", directory] => make(Path::new(directory)),
        ["run", directories @ ..] if !directories.is_empty() => return run(directories),
        _ => {
            eprintln!("usage: corpus make DIR | corpus run DIR…");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(directories: &[&str]) -> ExitCode {
    let (mut outcomes, mut slowest, mut is_slow) = (BTreeMap::new(), (Duration::ZERO, PathBuf::new()), false);
    let mut rest: Vec<PathBuf> = directories.iter().map(PathBuf::from).collect();
    while let Some(path) = rest.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            rest.extend(entries.flatten().map(|entry| entry.path()));
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let (sizes, settings) = check::settings(&bytes);
        eprintln!("{}", path.display()); // before the work, so that a crash has a file name
        let start = Instant::now();
        let outcome = check::check(&bytes, &sizes, &settings);
        let took = start.elapsed();
        is_slow |= took > PATIENCE;
        slowest = slowest.max((took, path));
        *outcomes.entry(outcome.map_or_else(|error| error.code(), |_| "developed")).or_insert(0) += 1;
    }
    println!("{outcomes:?}, the slowest {:?}: {}", slowest.0, slowest.1.display());
    if is_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Writes one small file of every kind that has code of its own.
fn make(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(directory.join(name), bytes).unwrap();
    let opaque: DynamicImage =
        RgbaImage::from_fn(45, 37, |x, y| Rgba([x as u8 * 5, y as u8 * 6, 90, 255])).into();
    let veiled: DynamicImage =
        RgbaImage::from_fn(45, 37, |x, y| Rgba([x as u8 * 5, 200, y as u8 * 6, 90])).into();

    for (name, picture) in [
        ("rgb8", DynamicImage::from(opaque.to_rgb8())),
        ("rgba8", veiled.clone()),
        ("l8", opaque.to_luma8().into()),
        ("la8", veiled.to_luma_alpha8().into()),
        ("rgb16", opaque.to_rgb16().into()),
        ("rgba16", veiled.to_rgba16().into()),
        ("l16", opaque.to_luma16().into()),
        ("la16", veiled.to_luma_alpha16().into()),
    ] {
        write(&format!("png-{name}"), &encoded(&picture, ImageFormat::Png));
    }
    write("gif", &encoded(&veiled, ImageFormat::Gif));
    for (name, bytes) in jxls().into_iter().chain(animations(&veiled)) {
        write(name, &bytes);
    }
    for (name, picture) in [("rgb8", DynamicImage::from(opaque.to_rgb8())), ("rgba8", veiled.clone())] {
        write(&format!("bmp-{name}"), &encoded(&picture, ImageFormat::Bmp));
    }
    for (name, bytes) in tiffs(&opaque, &veiled) {
        write(&name, &bytes);
    }
    for (name, bytes) in heics(&opaque, &veiled) {
        write(name, &bytes);
    }
    for (name, picture, has_alpha) in [("opaque", &opaque, false), ("veiled", &veiled, true)] {
        write(&format!("webp-lossless-{name}"), &encoded(picture, ImageFormat::WebP));
        let config = webpx::EncoderConfig::new().quality(60.0);
        let (rgb, rgba) = (picture.to_rgb8(), picture.to_rgba8());
        let bytes = if has_alpha {
            config.encode_rgba(&rgba, 45, 37, webpx::Unstoppable)
        } else {
            config.encode_rgb(&rgb, 45, 37, webpx::Unstoppable)
        };
        write(&format!("webp-lossy-{name}"), &bytes.unwrap());
        let pixels: Vec<_> =
            rgba.pixels().map(|p| ravif::RGBA8::new(p.0[0], p.0[1], p.0[2], p.0[3])).collect();
        let encoder = ravif::Encoder::new().with_speed(10).with_num_threads(Some(1));
        for depth in [ravif::BitDepth::Eight, ravif::BitDepth::Ten] {
            let bytes = encoder
                .clone()
                .with_bit_depth(depth)
                .encode_rgba(Img::new(&pixels, 45, 37))
                .unwrap()
                .avif_file;
            write(&format!("avif-{depth:?}-{name}"), &bytes);
        }
    }
    for (name, bytes) in avif_containers(&opaque, &veiled) {
        write(name, &bytes);
    }
    for (name, subsampling) in
        [("444", Subsamp::None), ("422", Subsamp::Sub2x1), ("420", Subsamp::Sub2x2), ("grey", Subsamp::Gray)]
    {
        for is_progressive in [false, true] {
            let kind = if is_progressive { "progressive" } else { "sequential" };
            let bytes = jpeg(&opaque.to_rgb8(), PixelFormat::RGB, subsampling, is_progressive, None);
            write(&format!("jpeg-{name}-{kind}"), &bytes);
        }
    }
    for (name, colors) in [("cmyk", Colorspace::CMYK), ("ycck", Colorspace::YCCK)] {
        let bytes = jpeg(&veiled.to_rgba8(), PixelFormat::CMYK, Subsamp::None, false, Some(colors));
        write(&format!("jpeg-{name}"), &bytes);
    }
}

/// JPEG XL files: lossy, lossless, with alpha and 16 bits, animated, and with hidden frames.
fn jxls() -> Vec<(&'static str, Vec<u8>)> {
    use jxl_made::{HEAD, Head, black, head, hidden};
    let lossless = include_bytes!("../tests/develop/coded/lossless.jxl");
    vec![
        ("jxl-lossy", include_bytes!("../tests/develop/coded/lossy.jxl").to_vec()),
        ("jxl-lossless", lossless.to_vec()),
        ("jxl-alpha", include_bytes!("../tests/develop/coded/alpha.jxl").to_vec()),
        ("jxl-grey", include_bytes!("../tests/develop/coded/grey.jxl").to_vec()),
        ("jxl-grey-alpha", include_bytes!("../tests/develop/coded/grey-alpha.jxl").to_vec()),
        ("jxl-16", include_bytes!("../tests/develop/coded/deep.jxl").to_vec()),
        ("jxl-animation", include_bytes!("../tests/develop/coded/animation.jxl").to_vec()),
        ("jxl-hidden", jxl_made::with_hidden_frames((300, 200), 2)),
        ("jxl-hidden-larger", [head(HEAD), hidden((2304, 2304)), black(HEAD.size, false)].concat()),
        ("jxl-turned", [&head(Head { is_p3: true, orientation: 7, ..HEAD }), &lossless[5..]].concat()),
    ]
}

/// Animations of all formats that stay animated.
fn animations(picture: &DynamicImage) -> Vec<(&'static str, Vec<u8>)> {
    let turned = picture.flipv().fliph();
    let frame = |color: u8, dispose| gif::Frame {
        width: 30,
        height: 20,
        left: 9,
        buffer: vec![color; 600].into(),
        transparent: Some(3),
        delay: 5,
        dispose,
        ..gif::Frame::default()
    };
    let mut gif = Vec::new();
    let mut encoder = gif::Encoder::new(&mut gif, 45, 37, &[90; 12]).unwrap();
    encoder.set_repeat(gif::Repeat::Finite(2)).unwrap();
    for (color, dispose) in [
        (0, gif::DisposalMethod::Keep),
        (3, gif::DisposalMethod::Previous),
        (1, gif::DisposalMethod::Background),
        (2, gif::DisposalMethod::Any),
    ] {
        encoder.write_frame(&frame(color, dispose)).unwrap();
    }
    drop(encoder);

    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 45, 37);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_animated(2, 0).unwrap();
    encoder.set_blend_op(png::BlendOp::Over).unwrap();
    encoder.set_dispose_op(png::DisposeOp::Previous).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for frame in [picture, &turned] {
        writer.write_image_data(frame.as_bytes()).unwrap();
    }
    writer.finish().unwrap();

    let mut encoder = webpx::AnimationEncoder::with_options(45, 37, true, 0).unwrap();
    encoder.add_frame_rgba(picture.as_bytes(), 0).unwrap();
    encoder.add_frame_rgba(turned.as_bytes(), 50).unwrap();
    let avif: &[u8] = include_bytes!("../tests/develop/coded/animation-alpha.avif");
    vec![
        ("animation-gif", gif),
        ("animation-png", png),
        ("animation-webp", encoder.finish(90).unwrap()),
        ("animation-avif", avif.to_vec()),
    ]
}

/// AVIF files whose main picture is more than one coded picture: grids, hidden frames, animations.
fn avif_containers(opaque: &DynamicImage, veiled: &DynamicImage) -> [(&'static str, Vec<u8>); 4] {
    let grid = || container::grid(2, 2, 45, 37);
    let mut with_alpha = Container::of_grid(grid(), tiles(opaque, 24));
    let item = with_alpha.add_grid(grid(), tiles(veiled, 24), vec![container::alpha()]);
    with_alpha.references.push((*b"auxl", item, vec![1]));
    let coded = container::coded(opaque);
    let (head, frame) = container::head_and_frame(&coded);
    let animation = Container { samples: Some(3), ..Container::of(coded.clone()) };
    [
        ("avif-grid", Container::of_grid(grid(), tiles(opaque, 24)).build()),
        ("avif-grid-alpha", with_alpha.build()),
        ("avif-frames", Container::of([head, &frame.repeat(3)].concat()).build()),
        ("avif-animation", animation.build()),
    ]
}

/// HEIC files: of 8 and 10 bits, grids, alpha, turns, and a part that is cut out.
fn heics(opaque: &DynamicImage, veiled: &DynamicImage) -> [(&'static str, Vec<u8>); 5] {
    let usual = Hevc::of(opaque);
    let grid = || container::grid(2, 2, 45, 37);
    let mut with_alpha = hevc::file(&usual, &[]);
    with_alpha.items.push(hevc::item(&Hevc::grey(&veiled.to_luma8()), &[container::alpha()]));
    with_alpha.references.push((*b"auxl", 2, vec![1]));
    let part = [20_u32, 1, 30, 1, 1, 2, 0, 1].map(u32::to_be_bytes).concat();
    let turned = [(*b"irot", vec![1]), (*b"imir", vec![0]), (*b"clap", part)];
    let deep = Coding { depth: 10, is_full_range: false, ..USUAL };
    [
        ("heic-8", hevc::file(&usual, &[]).build()),
        ("heic-10", hevc::file(&Hevc::coded(opaque, deep), &[hevc::nclx(9, 16, 9, false)]).build()),
        ("heic-grid", hevc::file_of_grid(grid(), &hevc::tiles(opaque, 24), &[hevc::extent(45, 37)]).build()),
        ("heic-alpha", with_alpha.build()),
        ("heic-turned", hevc::file(&usual, &turned).build()),
    ]
}

/// Writes a TIFF file into memory.
type Tiff<'a> = TiffEncoder<&'a mut Cursor<Vec<u8>>>;

/// TIFF files of each compression and of several kinds of samples.
fn tiffs(opaque: &DynamicImage, veiled: &DynamicImage) -> Vec<(String, Vec<u8>)> {
    use tiff::encoder::colortype::{CMYK8, Gray8, Gray16, RGB8, RGBA16};
    let mut files = Vec::new();
    for (name, compression) in [
        ("raw", Compression::Uncompressed),
        ("lzw", Compression::Lzw),
        ("deflate", Compression::Deflate(DeflateLevel::Fast)),
        ("packbits", Compression::Packbits),
    ] {
        let mut write = |kind: &str, page: &dyn Fn(&mut Tiff<'_>)| {
            let mut file = Cursor::new(Vec::new());
            page(&mut TiffEncoder::new(&mut file).unwrap().with_compression(compression));
            files.push((format!("tiff-{name}-{kind}"), file.into_inner()));
        };
        write("rgb8", &|tiff| tiff.write_image::<RGB8>(45, 37, &opaque.to_rgb8()).unwrap());
        write("rgba16", &|tiff| tiff.write_image::<RGBA16>(45, 37, &veiled.to_rgba16()).unwrap());
        write("grey8", &|tiff| tiff.write_image::<Gray8>(45, 37, &opaque.to_luma8()).unwrap());
        write("grey16", &|tiff| tiff.write_image::<Gray16>(45, 37, &opaque.to_luma16()).unwrap());
        write("cmyk", &|tiff| tiff.write_image::<CMYK8>(45, 37, &veiled.to_rgba8()).unwrap());
    }
    files
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(
    pixels: &[u8],
    format: PixelFormat,
    subsampling: Subsamp,
    is_progressive: bool,
    colors: Option<Colorspace>,
) -> Vec<u8> {
    let mut encoder = Compressor::new().unwrap();
    encoder.set_quality(80).unwrap();
    encoder.set_subsamp(subsampling).unwrap();
    encoder.set_progressive(is_progressive).unwrap();
    if let Some(colors) = colors {
        encoder.set_colorspace(colors).unwrap();
    }
    let image = turbojpeg::Image { pixels, width: 45, pitch: 45 * format.size(), height: 37, format };
    encoder.compress_to_vec(image).unwrap()
}
