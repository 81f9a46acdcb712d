"""Darkroom's thumbnails beside those of reference decoders; prints Markdown.

decoders.py --darkroom EXECUTABLE --dir DIR [--runs N] [FILE|DIRECTORY…]

Without files, it makes one photograph in every format and kind, and animations. The reference is Pillow, with libheif
for HEIC, libjxl for JPEG XL and LittleCMS for profiles. It reduces all pixels with Lanczos. The contact sheet in DIR
shows Darkroom's thumbnails on a chequered ground.
"""

import argparse
import io
import itertools
import json
import os
import statistics
import struct
import subprocess
import sys
import textwrap
import time
from importlib import metadata
from pathlib import Path

import numpy
import pillow_heif
import pillow_jxl  # noqa: F401, Pillow uses it
import skimage
from PIL import Image, ImageCms, ImageDraw, ImageFile, ImageOps, ImageSequence

SIZE = 200
# The mean difference that has to be explained.
OUTLIER = 6
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()


def photo(width, height):
    """A photograph with the noise of a camera."""
    base = Image.fromarray(skimage.data.coffee()).resize((width, height), Image.Resampling.BICUBIC)
    noise = numpy.random.default_rng(1).normal(0, 3, (height, width, 3))
    return Image.fromarray(numpy.clip(numpy.asarray(base, numpy.float32) + noise, 0, 255).astype(numpy.uint8))


def turned(orientation):
    """EXIF that says how a picture was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def text():
    """Encoders of JPEG XL store equal letters once, in a hidden frame."""
    picture = Image.new("RGB", (1200, 800), "white")
    draw = ImageDraw.Draw(picture)
    for line in range(20):
        draw.text((20, 40 * line), "The quick brown fox jumps over the lazy dog. " * 3, "black", font_size=24)
    return picture


def press_profile():
    """A CMYK profile of an imaginary press: inks that make each other darker, in a table of 9 values per ink. The
    colors are relative to the paper, which is therefore white."""
    inks = [(55, -36, -48), (48, 72, -4), (88, -6, 90), (14, 0, 0)]
    steps = numpy.linspace(0, 1, 9)
    table = bytearray()
    for mix in itertools.product(steps, repeat=4):
        lightness, color = 100.0, numpy.zeros(2)
        for amount, ink in zip(mix, inks, strict=True):
            # Dots of ink grow on paper.
            part = amount**0.8
            lightness *= 1 - part * (1 - ink[0] / 100)
            color = color * (1 - part * (1 - ink[0] / 100)) + part * numpy.array(ink[1:])
        table += bytes(int(numpy.clip(round(value), 0, 255)) for value in (lightness * 2.55, *(color + 128)))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    linear = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 9, 0]) + matrix + linear * 4 + bytes(table) + linear * 3
    description = b"desc" + bytes(4) + struct.pack(">I", 6) + b"press\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    rights = b"text" + bytes(4) + b"none\0"
    tags = {b"desc": description, b"wtpt": white, b"A2B0": lut, b"cprt": rights}
    return profile(b"prtr", b"CMYK", b"Lab ", tags)


def display_p3():
    """A profile with the primaries of Display P3, adapted to D50 (SMPTE EG 432-1), and a gamma of 2.2."""
    def xyz(*values):
        return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))

    gamma = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256))
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 3) + b"P3\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": xyz(0.96420, 1, 0.82491),
        b"rXYZ": xyz(0.51512, 0.24120, -0.00105),
        b"gXYZ": xyz(0.29198, 0.69225, 0.04189),
        b"bXYZ": xyz(0.15710, 0.06657, 0.78407),
        b"rTRC": gamma,
        b"gTRC": gamma,
        b"bTRC": gamma,
    }
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


def profile(kind, colors, connection, tags):
    """An ICC profile of version 2.4 with these tags (ICC.1:2001-04)."""
    table, data, offset = [], b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        content = value + bytes(-len(value) % 4)
        table.append(name + struct.pack(">II", offset + len(data), len(content)))
        data += content
    body = struct.pack(">I", len(tags)) + b"".join(table) + data
    header = struct.pack(">I4sI4s4s4s", 128 + len(body), b"none", 0x02400000, kind, colors, connection)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + body


def pictures(directory):
    """The name and the file of each kind."""
    directory.mkdir(parents=True, exist_ok=True)
    rgb = photo(1200, 800)
    odd = rgb.crop((0, 0, 1001, 667))
    rgba = rgb.copy()
    rgba.putalpha(Image.linear_gradient("L").resize(rgb.size))
    deep = Image.fromarray(numpy.asarray(rgb.convert("L"), numpy.uint16) * 257)
    press = press_profile()
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    def heif(picture, **options):
        def save(path):
            # Ten bits, from samples of 16 bits.
            if options.pop("deep", False):
                samples = (numpy.asarray(picture, numpy.uint16) * 257).tobytes()
                mode = "RGBA;16" if picture.mode == "RGBA" else "RGB;16"
                pillow_heif.from_bytes(mode=mode, size=picture.size, data=samples).save(path, **options)
            else:
                pillow_heif.from_pillow(picture).save(path, **options)
        return save

    def save(picture, **options):
        return lambda path: picture.save(path, **options)

    kinds = [
        ("JPEG, 4:2:0", "420.jpg", save(rgb, quality=90)),
        ("JPEG, 4:4:4, progressive", "444.jpg", save(rgb, quality=90, subsampling=0, progressive=True)),
        ("JPEG, grey", "grey.jpg", save(rgb.convert("L"), quality=90)),
        ("JPEG, CMYK without a profile", "cmyk.jpg", save(rgb.convert("CMYK"), quality=90)),
        ("JPEG, CMYK with a profile", "cmyk-profile.jpg", save(rgb.convert("CMYK"), quality=90, icc_profile=press)),
        ("PNG", "rgb.png", save(rgb)),
        ("PNG, palette", "palette.png", save(rgb.quantize(256))),
        ("PNG, grey of 16 bits", "grey-16.png", save(deep)),
        ("PNG with alpha", "rgba.png", save(rgba)),
        ("WebP", "lossy.webp", save(rgb, quality=85)),
        ("WebP, lossless with alpha", "lossless.webp", save(rgba, lossless=True)),
        ("GIF", "palette.gif", save(rgb.quantize(256))),
        ("AVIF, 4:2:0", "420.avif", save(rgb, quality=80)),
        ("AVIF, 4:4:4 with alpha", "444.avif", save(rgba, quality=80, subsampling="4:4:4")),
        ("HEIC, 4:2:0", "420.heic", heif(rgb, quality=80)),
        ("HEIC, 4:2:2", "422.heic", heif(rgb, quality=80, chroma=422)),
        ("HEIC, 4:4:4", "444.heic", heif(rgb, quality=80, chroma=444)),
        ("HEIC, lossless", "lossless.heic", heif(rgb, quality=-1)),
        ("HEIC, 10 bits", "10.heic", heif(rgb, quality=80, deep=True)),
        ("HEIC, grey", "grey.heic", heif(rgb.convert("L"), quality=80)),
        ("HEIC with alpha", "rgba.heic", heif(rgba, quality=80)),
        ("HEIC, 10 bits with alpha", "rgba-10.heic", heif(rgba, quality=80, deep=True)),
        ("HEIC, odd sides", "odd.heic", heif(odd, quality=80)),
        ("HEIC, Display P3", "p3.heic", heif(rgb, quality=80, icc_profile=display_p3())),
        ("HEIC, held sideways", "turned.heic",
         heif(rgb.transpose(Image.Transpose.ROTATE_90), quality=80, exif=turned(6))),
        ("HEIC, BT.709 matrix, television range", "709.heic",
         heif(rgb, quality=80, matrix_coefficients=1, full_range_flag=0)),
        ("TIFF, not compressed", "raw.tif", save(rgb)),
        ("TIFF, LZW", "lzw.tif", save(rgb, compression="tiff_lzw")),
        ("TIFF, Deflate", "deflate.tif", save(rgb, compression="tiff_adobe_deflate")),
        ("TIFF, PackBits", "packbits.tif", save(rgb, compression="packbits")),
        ("TIFF, JPEG", "jpeg.tif", save(rgb, compression="jpeg", quality=90)),
        ("TIFF, fax", "fax.tif", save(rgb.convert("1"), compression="group4")),
        ("TIFF, 1 bit", "bits.tif", save(rgb.convert("1"))),
        ("TIFF, palette", "palette.tif", save(rgb.quantize(256))),
        ("TIFF, grey of 16 bits", "grey-16.tif", save(deep)),
        ("TIFF with alpha", "rgba.tif", save(rgba)),
        ("TIFF, CMYK without a profile", "cmyk.tif", save(rgb.convert("CMYK"))),
        ("TIFF, CMYK with a profile", "cmyk-profile.tif", save(rgb.convert("CMYK"), icc_profile=press)),
        ("TIFF with a profile", "profile.tif", save(rgb, icc_profile=wide)),
        ("BMP", "rgb.bmp", save(rgb)),
        ("BMP, 32 bits", "rgba.bmp", save(rgba)),
        ("BMP, palette", "palette.bmp", save(rgb.quantize(256))),
        ("BMP, 1 bit", "bits.bmp", save(rgb.convert("1"))),
        ("JPEG XL", "lossy.jxl", save(rgb, quality=90)),
        ("JPEG XL, small file", "small.jxl", save(rgb, quality=50)),
        ("JPEG XL, lossless", "lossless.jxl", save(rgb, lossless=True)),
        ("JPEG XL, grey", "grey.jxl", save(rgb.convert("L"), quality=90)),
        ("JPEG XL, grey of 16 bits", "grey-16.jxl", save(deep, lossless=True)),
        ("JPEG XL with alpha", "rgba.jxl", save(rgba, quality=90)),
        ("JPEG XL, text with repeated parts", "text.jxl", save(text(), quality=90, effort=9)),
    ] + [
        (f"{name}, held sideways", f"turned.{ending}", save(rgb.transpose(Image.Transpose.ROTATE_90), exif=turned(6)))
        for name, ending in (("JPEG", "jpg"), ("PNG", "png"), ("WebP", "webp"), ("AVIF", "avif"), ("TIFF", "tif"))
    ]
    return make_files(directory, kinds)


def make_files(directory, kinds):
    """The names and paths of files, which are made unless they exist."""
    for name, file, make in kinds:
        path = directory / file
        if not path.exists():
            make(path)
        yield name, path


def reference(path):
    """The picture as the reference shows it, in sRGB and upright, on white."""
    picture = Image.open(path)
    picture.load()
    # libheif has already turned the picture.
    if picture.format != "HEIF":
        picture = ImageOps.exif_transpose(picture)
    icc = picture.info.get("icc_profile")
    if picture.mode in ("I;16", "I;16B", "I"):
        picture = Image.fromarray((numpy.asarray(picture, numpy.uint32) >> 8).astype(numpy.uint8))
    if picture.mode in ("P", "PA", "LA", "RGBa", "1"):
        picture = picture.convert("RGBA")
    if icc:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            mode = "RGBA" if picture.mode == "RGBA" else "RGB"
            picture = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode=mode)
        except (ImageCms.PyCMSError, OSError):
            pass
    return picture if picture.mode == "RGBA" else picture.convert("RGB")


def on_white(picture):
    """What a page shows, as numbers."""
    white = Image.new("RGBA", picture.size, "white")
    return numpy.asarray(Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB"), numpy.float32)


def reduced(picture, size):
    """With Lanczos, and colors weighted by alpha."""
    if picture.mode == "RGBA":
        return picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    return picture.resize(size, Image.Resampling.LANCZOS)


def encoded(picture, line):
    """As Darkroom encodes its thumbnail, so that only the decoders differ."""
    file = io.BytesIO()
    if line["thumbnails"][0]["content_type"] == "image/jpeg":
        picture.convert("RGB").save(file, "JPEG", quality=80)
    else:
        picture.save(file, "WEBP", quality=80, alpha_quality=100)
    return Image.open(file)


def compare(executable, named, directory):
    out = directory / "thumbnails"
    out.mkdir(parents=True, exist_ok=True)
    rows, sheet = [], []
    for name, path in named:
        line = json.loads(subprocess.check_output([executable, "--sizes", str(SIZE), "--out", out, path]))
        try:
            expected = reference(path)
        except Exception as error:
            expected, why = None, f"{type(error).__name__}"
        if not line["ok"]:
            rows.append((name, None, line["code"] + (", and not by the reference" if expected is None else "")))
            continue
        with Image.open(line["thumbnails"][0]["path"]) as opened:
            seen = opened.convert("RGBA")
        sheet.append((name, seen))
        if expected is None:
            rows.append((name, None, f"only Darkroom shows it ({why})"))
            continue
        if (line["width"], line["height"]) != expected.size:
            rows.append((name, None, f"{line['width']} x {line['height']} instead of {expected.size}"))
            continue
        difference = numpy.abs(on_white(seen) - on_white(encoded(reduced(expected, seen.size), line)))
        rows.append((name, float(difference.mean()), ""))
    return rows, sheet


def animations(directory):
    """The name and the file of each kind, with frames that differ in a part, and with transparency."""
    ground = photo(300, 200)
    frames = []
    for number in range(12):
        frame = ground.convert("RGBA")
        ImageDraw.Draw(frame).ellipse((20 * number, 60, 20 * number + 70, 130), fill=(250, 20 * number, 40, 255))
        frames.append(frame)
    clear = []
    for number in range(12):
        frame = Image.new("RGBA", ground.size, (0, 0, 0, 0))
        ImageDraw.Draw(frame).rectangle((20 * number, 40, 20 * number + 60, 160), fill=(20, 90, 20 * number, 255))
        clear.append(frame)
    delays = [40, 70, 100, 1000, 30, 20] * 2

    def save(frames, **options):
        return lambda path: frames[0].save(path, save_all=True, append_images=frames[1:], **options)

    kinds = [
        ("GIF", "photo.gif", save([frame.convert("RGB") for frame in frames], duration=delays, loop=0)),
        ("GIF, twice", "twice.gif", save([frame.convert("RGB") for frame in frames], duration=delays, loop=1)),
        ("GIF, once", "once.gif", save([frame.convert("RGB") for frame in frames], duration=delays)),
        ("GIF with transparency", "clear.gif", save(clear, duration=delays, loop=0, disposal=2)),
        ("GIF, each frame restored", "restored.gif", save(clear, duration=delays, loop=0, disposal=3)),
        ("PNG", "photo.png", save(frames, duration=delays, loop=0)),
        ("PNG, three times, with transparency", "clear.png", save(clear, duration=delays, loop=3, disposal=1, blend=1)),
        ("PNG, each frame restored", "restored.png", save(clear, duration=delays, loop=3, disposal=2)),
        ("WebP", "photo.webp", save(frames, duration=delays, loop=0, quality=90)),
        ("WebP, twice, lossless with transparency", "clear.webp",
         save(clear, duration=delays, loop=2, lossless=True, kmax=3)),
        ("AVIF", "photo.avif", save(frames, duration=delays, quality=90)),
        ("AVIF with transparency", "clear.avif", save(clear, duration=delays, quality=90)),
    ]
    directory.mkdir(parents=True, exist_ok=True)
    return make_files(directory, kinds)


def played(picture):
    """How often an animation is shown, or 0 for always, and its frames with their delays as browsers take them. Equal
    frames that follow each other are one."""
    plays = picture.info.get("loop", 1 if picture.format == "GIF" else 0)
    if picture.format == "GIF" and plays > 0 and "loop" in picture.info:
        plays += 1
    frames = []
    for frame in ImageSequence.Iterator(picture):
        # Pillow knows the delay of a WebP only after it has decoded the frame.
        pixels = frame.convert("RGBA")
        delay = round(frame.info.get("duration", 0))
        delay = 100 if delay <= 10 else delay
        if frames and numpy.array_equal(on_white(frames[-1][0]), on_white(pixels)):
            frames[-1][1] += delay
        else:
            frames.append([pixels, delay])
    return plays, frames


def compare_animations(executable, named, directory):
    """The largest mean difference of a frame, for each animation."""
    out = directory / "animated"
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, path in named:
        command = [executable, "--sizes", str(SIZE), "--animation", "all", "--out", out, path]
        line = json.loads(subprocess.check_output(command))
        if not line["ok"]:
            raise SystemExit(f"{path}: {line['code']}")
        made = line["thumbnails"][0]
        with Image.open(path) as original, Image.open(made["path"]) as thumbnail:
            plays, expected = played(original)
            seen_plays, seen = played(thumbnail)
        if (seen_plays, len(seen)) != (plays, len(expected)):
            raise SystemExit(f"{path}: {len(seen)} frames {seen_plays} times, not {len(expected)} frames {plays} times")
        if [delay for _, delay in seen] != [delay for _, delay in expected]:
            raise SystemExit(f"{path}: other delays")
        size = (made["width"], made["height"])
        differences = [numpy.abs(on_white(a) - on_white(reduced(b, size))).mean()
                       for (a, _), (b, _) in zip(seen, expected, strict=True)]
        rows.append((name, len(expected), max(differences), made["bytes"], line["cpu_ms"]))
    return rows


def contact_sheet(pictures, path):
    across = 6
    down = -(-len(pictures) // across)
    sheet = Image.new("RGB", (across * (SIZE + 16), down * (SIZE + 40)), "#888")
    squares = (numpy.indices(sheet.size[::-1]) // 10).sum(axis=0) % 2
    sheet.paste(Image.fromarray((squares * 40 + 110).astype(numpy.uint8)))
    draw = ImageDraw.Draw(sheet)
    for index, (name, picture) in enumerate(pictures):
        at = (index % across * (SIZE + 16) + 8, index // across * (SIZE + 40) + 8)
        sheet.paste(picture.convert("RGB"), at, picture)
        draw.text((at[0], at[1] + SIZE + 6), name, "white", font_size=12)
    sheet.save(path)


def large(directory):
    """HEIC and JPEG XL of 12 and 48 megapixels."""
    def heic(depth):
        def save(picture, path):
            if depth == 8:
                pillow_heif.from_pillow(picture).save(path, quality=60)
            else:
                samples = (numpy.asarray(picture, numpy.uint16) * 257).tobytes()
                pillow_heif.from_bytes(mode="RGB;16", size=picture.size, data=samples).save(path, quality=60)
        return save

    twelve, all_pixels = (4032, 3024), (8064, 6048)
    for name, file, size, save in (
        ("HEIC, 12 MP, 8 bits", "large-12-8.heic", twelve, heic(8)),
        ("HEIC, 12 MP, 10 bits", "large-12-10.heic", twelve, heic(10)),
        ("HEIC, 48 MP, 8 bits", "large-48-8.heic", all_pixels, heic(8)),
        ("JPEG XL, 12 MP", "large-12.jxl", twelve, lambda picture, path: picture.save(path, quality=85, effort=5)),
        ("JPEG XL, 12 MP, lossless", "large-12-lossless.jxl", twelve,
         lambda picture, path: picture.save(path, lossless=True, effort=3)),
        ("JPEG XL, 48 MP", "large-48.jxl", all_pixels, lambda picture, path: picture.save(path, quality=85, effort=5)),
    ):
        path = directory / file
        if not path.exists():
            save(photo(*size), path)
        yield name, path


def times(executable, directory, runs):
    """Large pictures, beside the reference."""
    rows = []
    for name, path in large(directory):
        command = [executable, "--sizes", "200,400,1200"]
        once = json.loads(subprocess.check_output([*command, path]))
        if not once["ok"]:
            raise SystemExit(f"{path}: {once['code']}")
        lines = [json.loads(line) for line in subprocess.check_output([*command, *[path] * runs]).splitlines()]
        ours = [statistics.median(line[key] for line in lines) for key in ("cpu_ms", "wall_ms")]
        theirs = json.loads(subprocess.check_output([sys.executable, __file__, "--reference", path, str(runs)]))
        rows.append((name, *ours, once["peak_rss_kb"] / 1024, theirs["cpu"], theirs["wall"], theirs["peak"] / 1024))
    return rows


def reference_here(path, runs):
    """Decodes with Pillow's library, and makes the same sizes. In a process of its own: this script again."""
    cpu, wall = [], []
    for _ in range(runs):
        before, start = time.process_time(), time.perf_counter()
        picture = Image.open(path)
        for size in (1200, 400, 200):
            picture.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
            picture.convert("RGB").save(io.BytesIO(), "JPEG", quality=80, optimize=True)
        cpu.append((time.process_time() - before) * 1e3)
        wall.append((time.perf_counter() - start) * 1e3)
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    print(json.dumps({"cpu": statistics.median(cpu), "wall": statistics.median(wall), "peak": peak}))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--darkroom", required=True)
    arguments.add_argument("--dir", required=True, type=Path)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("files", nargs="*", type=Path)
    arguments = arguments.parse_args()
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    if arguments.files:
        found = [path for file in arguments.files for path in ([file] if file.is_file() else sorted(file.rglob("*")))]
        named = [(path.name, path) for path in found if path.is_file()]
    else:
        named = list(pictures(arguments.dir / "pictures"))
    rows, sheet = compare(arguments.darkroom, named, arguments.dir)
    heif = f"pillow-heif {pillow_heif.__version__} with libheif {pillow_heif.libheif_version()}"
    versions = f"Pillow {Image.__version__}, {heif}, pillow-jxl-plugin {metadata.version('pillow-jxl-plugin')}"
    reference = f"Reference: {versions}. Thumbnails of {SIZE} pixels; the mean difference of all samples, of 255."
    print(textwrap.fill(reference, 120) + "\n")
    print("| picture | mean difference | |")
    print("| --- | ---: | --- |")
    for name, difference, remark in rows:
        shown = "" if difference is None else f"{difference:.2f}"
        print(f"| {name} | {shown} | {remark} |")
    outliers = [name for name, difference, _ in rows if difference is not None and difference > OUTLIER]
    print(f"\nMore than {OUTLIER}: {', '.join(outliers) or 'none'}.")
    contact_sheet(sheet, arguments.dir / "contact-sheet.png")
    print(f"contact sheet: {arguments.dir / 'contact-sheet.png'}", file=sys.stderr)
    if not arguments.files:
        print(f"\nAnimated thumbnails of {SIZE} pixels, with the frames, delays and repetitions that Pillow reads.\n")
        print("| animation | frames | largest mean difference of a frame | bytes | CPU, ms |")
        print("| --- | ---: | ---: | ---: | ---: |")
        named = animations(arguments.dir / "animations")
        for name, frames, difference, length, cpu in compare_animations(arguments.darkroom, named, arguments.dir):
            print(f"| {name} | {frames} | {difference:.2f} | {length} | {cpu:.0f} |")
        print("\nThree thumbnails of large files, one process each. The references decode with all cores.\n")
        print("| picture | Darkroom CPU, ms | wall | peak, MB | reference CPU, ms | wall | peak, MB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name, *numbers in times(arguments.darkroom, arguments.dir, arguments.runs):
            print(f"| {name} | " + " | ".join(f"{number:.0f}" for number in numbers) + " |")


if __name__ == "__main__":
    os.umask(0o022)
    if sys.argv[1:2] == ["--reference"]:
        reference_here(sys.argv[2], int(sys.argv[3]))
    else:
        main()
