"""Darkroom's thumbnails beside those of reference decoders; prints Markdown.

decoders.py --darkroom EXECUTABLE --dir DIR [--runs N] [FILE|DIRECTORY…]

Without files, it makes one photograph in every format and kind. The reference is Pillow, with libheif for HEIC and with
LittleCMS for profiles. It reduces all pixels with Lanczos. The contact sheet in DIR shows Darkroom's thumbnails.
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
import time
from pathlib import Path

import numpy
import pillow_heif
import skimage
from PIL import Image, ImageCms, ImageDraw, ImageFile, ImageOps

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
    tags, data, offset = [], b"", 128 + 4 + 4 * 12
    rights = b"text" + bytes(4) + b"none\0"
    for name, value in ((b"desc", description), (b"wtpt", white), (b"A2B0", lut), (b"cprt", rights)):
        content = value + bytes(-len(value) % 4)
        tags.append(name + struct.pack(">II", offset + len(data), len(content)))
        data += content
    body = struct.pack(">I", len(tags)) + b"".join(tags) + data
    header = struct.pack(">I4sI4s4s4s", 128 + len(body), b"none", 0x02400000, b"prtr", b"CMYK", b"Lab ")
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
    ]
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
    profile = picture.info.get("icc_profile")
    if picture.mode in ("I;16", "I;16B", "I"):
        picture = Image.fromarray((numpy.asarray(picture, numpy.uint32) >> 8).astype(numpy.uint8))
    if picture.mode in ("P", "PA", "LA", "RGBa", "1"):
        picture = picture.convert("RGBA")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
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


def contact_sheet(pictures, path):
    across = 6
    down = -(-len(pictures) // across)
    sheet = Image.new("RGB", (across * (SIZE + 16), down * (SIZE - 30)), "#888")
    draw = ImageDraw.Draw(sheet)
    for index, (name, picture) in enumerate(pictures):
        at = (index % across * (SIZE + 16) + 8, index // across * (SIZE - 30) + 8)
        sheet.paste(picture.convert("RGB"), at, picture)
        draw.text((at[0], at[1] + 138), name, "white", font_size=12)
    sheet.save(path)


def times(executable, directory, runs):
    """HEIC of 12 and 48 megapixels, beside libheif."""
    rows = []
    for megapixels, width, height, depth in ((12, 4032, 3024, 8), (12, 4032, 3024, 10), (48, 8064, 6048, 8)):
        path = directory / f"large-{megapixels}-{depth}.heic"
        if not path.exists():
            picture = photo(width, height)
            if depth == 8:
                pillow_heif.from_pillow(picture).save(path, quality=60)
            else:
                samples = (numpy.asarray(picture, numpy.uint16) * 257).tobytes()
                pillow_heif.from_bytes(mode="RGB;16", size=picture.size, data=samples).save(path, quality=60)
        command = [executable, "--sizes", "200,400,1200"]
        once = json.loads(subprocess.check_output([*command, path]))
        if not once["ok"]:
            raise SystemExit(f"{path}: {once['code']}")
        lines = [json.loads(line) for line in subprocess.check_output([*command, *[path] * runs]).splitlines()]
        ours = [statistics.median(line[key] for line in lines) for key in ("cpu_ms", "wall_ms")]
        theirs = json.loads(subprocess.check_output([sys.executable, __file__, "--libheif", path, str(runs)]))
        rows.append((f"HEIC, {megapixels} MP, {depth} bits", *ours, once["peak_rss_kb"] / 1024,
                     theirs["cpu"], theirs["wall"], theirs["peak"] / 1024))
    return rows


def libheif_here(path, runs):
    """Decodes with libheif, and makes the same sizes with Pillow. In a process of its own: this script again."""
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
    versions = f"Pillow {Image.__version__}, {heif}"
    print(f"Reference: {versions}. Thumbnails of {SIZE} pixels; the mean difference of all samples, of 255.\n")
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
        print("\nThree thumbnails of large HEIC files, one process each. libheif decodes with all cores.\n")
        print("| picture | Darkroom CPU, ms | wall | peak, MB | libheif CPU, ms | wall | peak, MB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name, *numbers in times(arguments.darkroom, arguments.dir, arguments.runs):
            print(f"| {name} | " + " | ".join(f"{number:.0f}" for number in numbers) + " |")


if __name__ == "__main__":
    os.umask(0o022)
    if sys.argv[1:2] == ["--libheif"]:
        libheif_here(sys.argv[2], int(sys.argv[3]))
    else:
        main()
