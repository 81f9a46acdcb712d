"""Darkroom beside sharp and Pillow on the same files; prints Markdown.

imaging.py --darkroom EXECUTABLE --sharp DIR --dir DIR [--photo FILE] [--runs N]
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import struct
import subprocess
import sys
import textwrap
import time
import zlib
from pathlib import Path

import numpy
import PIL
import pillow_heif
import pillow_jxl  # noqa: F401, Pillow uses it
import skimage
from PIL import Image, ImageDraw, features
from skimage.metrics import structural_similarity

ONE, THREE = [400], [200, 400, 1200]
# What the sharp of npm does not decode.
NOT_SHARP = (".heic", ".jxl")
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()


def pictures(directory, photo):
    """The files to develop: photographs of many megapixels are made from a small one, with noise as a
    camera has it, since without noise they would be too easy to decode."""
    directory.mkdir(parents=True, exist_ok=True)

    def synthesised(megapixels):
        width = round((megapixels * 1.5e6) ** 0.5)
        height = int(megapixels * 1e6 / width)  # never above the limit
        base = numpy.asarray(photo.resize((width, height), Image.Resampling.BICUBIC), numpy.float32)
        random = numpy.random.default_rng(megapixels)
        noise = random.normal(0, 4, (height, width, 1)) + random.normal(0, 2, (height, width, 3))
        return Image.fromarray(numpy.clip(base + noise, 0, 255).astype(numpy.uint8))

    def graphics():
        picture = Image.new("RGB", (3000, 2000), "white")
        draw = ImageDraw.Draw(picture)
        random = numpy.random.default_rng(1)
        for x, y, size, *colour in random.integers((0, 0, 20, 0, 0, 0), (3000, 2000, 400, 256, 256, 256), (300, 6)):
            draw.ellipse((x, y, x + size, y + size // 2), fill=tuple(colour), outline="black", width=3)
        for line in range(40):
            draw.text((60, 50 * line), "The quick brown fox jumps over the lazy dog " * 3, "black", font_size=36)
        return picture

    def jpeg(megapixels, **options):
        return lambda path: synthesised(megapixels).save(path, "JPEG", quality=88, **options)

    files = [
        ("JPEG, 2 MP", "photo-2.jpg", jpeg(2)),
        ("JPEG, 12 MP", "photo-12.jpg", jpeg(12)),
        ("JPEG, 24 MP", "photo-24.jpg", jpeg(24)),
        ("JPEG, 50 MP", "photo-50.jpg", jpeg(50)),
        ("progressive JPEG, 12 MP", "progressive-12.jpg", jpeg(12, progressive=True)),
        ("PNG, photo of 6 MP", "photo-6.png", lambda path: synthesised(6).save(path)),
        ("PNG, graphics of 6 MP", "graphics-6.png", lambda path: graphics().save(path)),
        ("WebP, photo of 6 MP", "photo-6.webp", lambda path: synthesised(6).save(path, quality=80)),
        ("TIFF, photo of 6 MP with LZW", "photo-6.tif", lambda path: synthesised(6).save(path, compression="tiff_lzw")),
        ("TIFF, photo of 12 MP, not compressed", "photo-12.tif", lambda path: synthesised(12).save(path)),
        ("HEIC, photo of 12 MP", "photo-12.heic",
         lambda path: pillow_heif.from_pillow(synthesised(12)).save(path, quality=60)),
        ("JPEG XL, photo of 12 MP", "photo-12.jxl", lambda path: synthesised(12).save(path, quality=85, effort=5)),
    ]
    for name, file, make in files:
        path = directory / file
        if not path.exists():
            make(path)
        yield name, path


def at_the_limit(directory, photo):
    """A picture of 50 megapixels in each of the formats that take most memory to decode."""
    directory.mkdir(parents=True, exist_ok=True)
    width, height = 8660, 5773
    made = []

    def opaque():
        if not made:
            made.append(photo.resize((width, height), Image.Resampling.BICUBIC))
        return made[0]

    def transparent():
        picture = opaque().copy()
        picture.putalpha(Image.linear_gradient("L").resize((width, height)))
        return picture

    def png_16(path):
        """Colours in 16 bits, which Pillow does not write. Each row is a copy of the first row of the photograph."""
        row = numpy.asarray(transparent())[:1].astype(">u2") * 257
        packer = zlib.compressobj(1)
        parts = [packer.compress(b"\0" + row.tobytes())]
        parts += [packer.compress(b"\2" + bytes(width * 8)) for _ in range(1, height)]
        header = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", b"".join(parts) + packer.flush()), (b"IEND", b"")]
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks))

    kinds = [
        ("JPEG", "baseline.jpg", lambda path: opaque().save(path, quality=88)),
        ("JPEG, progressive at 4:4:4", "progressive.jpg",
         lambda path: opaque().save(path, quality=88, progressive=True, subsampling=0)),
        ("JPEG, CMYK and progressive", "cmyk.jpg",
         lambda path: opaque().convert("CMYK").save(path, quality=88, progressive=True, subsampling=0)),
        ("PNG", "rgb.png", lambda path: opaque().save(path, compress_level=1)),
        ("PNG, 16 bits with alpha", "rgba-16.png", png_16),
        ("GIF", "canvas.gif", lambda path: opaque().convert("P").save(path)),
        ("WebP", "lossy.webp", lambda path: opaque().save(path, quality=80, method=0)),
        ("WebP with alpha", "alpha.webp", lambda path: transparent().save(path, quality=80, method=0)),
        ("WebP, lossless with alpha", "lossless.webp",
         lambda path: transparent().save(path, lossless=True, quality=0, method=0)),
        ("AVIF at 4:4:4", "444.avif", lambda path: opaque().save(path, quality=60, speed=10, subsampling="4:4:4")),
        ("AVIF with alpha", "alpha.avif", lambda path: transparent().save(path, quality=60, speed=10)),
        ("HEIC", "420.heic", lambda path: pillow_heif.from_pillow(opaque()).save(path, quality=60)),
        ("HEIC at 4:4:4", "444.heic",
         lambda path: pillow_heif.from_pillow(opaque()).save(path, quality=60, chroma=444)),
        ("HEIC with alpha", "alpha.heic", lambda path: pillow_heif.from_pillow(transparent()).save(path, quality=60)),
        ("TIFF, JPEG", "jpeg.tif", lambda path: opaque().save(path, compression="jpeg", quality=88)),
        ("TIFF, CMYK with Deflate", "cmyk.tif",
         lambda path: opaque().convert("CMYK").save(path, compression="tiff_adobe_deflate")),
        ("JPEG XL", "lossy.jxl", lambda path: opaque().save(path, quality=80, effort=3)),
        ("JPEG XL, lossless with alpha", "lossless.jxl",
         lambda path: transparent().save(path, lossless=True, effort=1)),
    ]
    for name, file, make in kinds:
        path = directory / file
        if not path.exists():
            make(path)
        yield name, path


def darkroom(executable, path, sizes, runs, out):
    """Each file in a process of its own for memory; many times in one process for time."""
    command = [executable, "--sizes", ",".join(map(str, sizes)), "--out", out]
    once = json.loads(subprocess.check_output([*command, path]))
    lines = subprocess.check_output([*command, *[path] * runs]).splitlines()
    lines = [json.loads(line) for line in lines]
    return {
        "cpu": statistics.median(line["cpu_ms"] for line in lines),
        "wall": statistics.median(line["wall_ms"] for line in lines),
        "peak": once["peak_rss_kb"],
        "paths": [thumbnail["path"] for thumbnail in once["thumbnails"]],
        "code": once["code"],
    }


def sharp(directory, path, sizes, runs, out):
    """The cheapest of its pipelines by processor time, and all of them. There are none if sharp lacks the decoder."""
    if path.endswith(NOT_SHARP):
        return None, []
    script = Path(directory, "sharp.mjs")
    command = ["node", script, path, ",".join(map(str, sizes)), str(runs), out]
    pipelines = [json.loads(line) for line in subprocess.check_output(command).splitlines()]
    for pipeline in pipelines:
        pipeline["paths"].sort(key=lambda path: int(path.rsplit("-", 1)[1]))
    return min(pipelines, key=lambda pipeline: pipeline["cpu"]), pipelines


def pillow(path, sizes, runs, out):
    """In a process of its own, which is this script again."""
    command = [sys.executable, __file__, "--pillow", path, ",".join(map(str, sizes)), str(runs), out]
    return json.loads(subprocess.check_output(command))


def pillow_here(path, sizes, runs, out):
    def develop():
        paths = []
        picture = Image.open(path)
        for size in sorted(sizes, reverse=True):
            # The largest from the file, reduced while it is decoded; the others from that.
            picture.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
            paths.append(f"{out}/pillow-{size}")
            picture.convert("RGB").save(paths[-1], "JPEG", quality=80, optimize=True)
        return paths[::-1]

    def decode():
        """libjpeg-turbo's scaled decoding alone."""
        picture = Image.open(path)
        picture.draft("RGB", (max(sizes), max(sizes)))
        picture.load()

    cpu, wall, alone = [], [], []
    for _ in range(runs):
        before, start = time.process_time(), time.perf_counter()
        paths = develop()
        cpu.append((time.process_time() - before) * 1e3)
        wall.append((time.perf_counter() - start) * 1e3)
    # What getrusage tells would include the process that this one was started from.
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    if path.endswith(".jpg"):
        for _ in range(runs):
            before = time.process_time()
            decode()
            alone.append((time.process_time() - before) * 1e3)
    print(json.dumps({
        "cpu": statistics.median(cpu), "wall": statistics.median(wall), "peak": peak, "paths": paths,
        "alone": statistics.median(alone) if alone else None,
    }))


def reference(picture, size):
    """Reduced from all pixels with Lanczos in floating point, and never rounded."""
    channels = [channel.convert("F").resize(size, Image.Resampling.LANCZOS) for channel in picture.split()]
    return numpy.clip(numpy.dstack([numpy.asarray(channel) for channel in channels]), 0, 255)


def quality(picture, paths, references):
    """SSIM and bytes of each size."""
    results = []
    for path in paths:
        with Image.open(path) as opened:
            made = opened.convert("RGB")
        expected = references.setdefault(made.size, None)
        if expected is None:
            expected = references[made.size] = reference(picture, made.size)
        score = structural_similarity(
            expected, numpy.asarray(made, numpy.float64), channel_axis=2, data_range=255,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        results.append((score, os.path.getsize(path)))
    return results


def print_limits(executable, directory, photo, out):
    print("\nA picture of 50 megapixels to three sizes, in Darkroom.\n")
    print("| format | peak, MB | CPU, ms |")
    print("| --- | ---: | ---: |")
    for name, path in at_the_limit(directory, photo):
        print(f"at the limit: {name}", file=sys.stderr)
        ours = darkroom(executable, str(path), THREE, 1, out)
        outcome = f" (refused: `{ours['code']}`)" if ours["code"] else ""
        print(f"| {name}{outcome} | {ours['peak'] / 1024:.0f} | {ours['cpu']:.0f} |")


def print_machine(sharp, runs, more=""):
    """Prints the machine, and the versions of sharp and of others. `sharp` is the directory where it is installed."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next(line.split(":")[1].strip() for line in processors if line.startswith("model name"))
    node = json.loads(subprocess.check_output(
        ["node", "-p", "JSON.stringify({node: process.version, ...require('sharp').versions})"], cwd=sharp))
    machine = (f"Machine: {cpu}, {os.cpu_count()} cores, Linux {platform.release()}. Versions: sharp {node['sharp']} "
               f"with libvips {node['vips']} on Node {node['node']}{more}; medians of {runs} runs.")
    print(textwrap.fill(machine, 120) + "\n")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--darkroom", required=True)
    arguments.add_argument("--sharp", required=True)
    arguments.add_argument("--dir", required=True, type=Path)
    arguments.add_argument("--photo")
    arguments.add_argument("--runs", type=int, default=11)
    arguments = arguments.parse_args()
    photo = Image.open(arguments.photo).convert("RGB") if arguments.photo else Image.fromarray(skimage.data.coffee())
    out = arguments.dir / "thumbnails"
    out.mkdir(parents=True, exist_ok=True)

    rows, qualities, pipelines_seen = [], [], []
    for name, path in pictures(arguments.dir / "pictures", photo):
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        references = {}
        for sizes in (ONE, THREE):
            print(f"{name}, {len(sizes)}", file=sys.stderr)
            ours = darkroom(arguments.darkroom, str(path), sizes, arguments.runs, str(out))
            theirs, pipelines = sharp(arguments.sharp, str(path), sizes, arguments.runs, str(out))
            other = pillow(str(path), sizes, arguments.runs, str(out))
            if len(sizes) > 1 and pipelines:
                pipelines_seen.append((name, ours, pipelines))
            rows.append((name, len(sizes), ours, theirs, other))
            engines = [engine["paths"] if engine else [] for engine in (ours, theirs, other)]
            scores = [quality(picture, paths, references) for paths in engines]
            if len(sizes) > 1:
                for size, *engines in itertools.zip_longest(sizes, *scores):
                    qualities.append((name, size, *engines))

    others = f"; Pillow {PIL.__version__} with libjpeg-turbo {features.version_feature('libjpeg_turbo')}"
    print_machine(arguments.sharp, arguments.runs, others)
    print("| picture | sizes | Darkroom CPU, ms | wall | peak, MB | sharp CPU, ms | wall | peak, MB "
          "| Pillow CPU, ms | wall | peak, MB | CPU to sharp's | CPU to the scaled decode alone |")
    print("| --- | ---: " + "| ---: " * 11 + "|")
    for name, count, ours, theirs, other in rows:
        cells = [f"{e['cpu']:.0f} | {e['wall']:.0f} | {e['peak'] / 1024:.0f}" if e else " | | "
                 for e in (ours, theirs, other)]
        ratio = f"**{ours['cpu'] / theirs['cpu']:.2f}**" if theirs else ""
        alone = f"{ours['cpu'] / other['alone']:.2f}" if other["alone"] else ""
        print(f"| {name} | {count} | {' | '.join(cells)} | {ratio} | {alone} |")
    print("\nsharp's pipelines for three sizes, CPU in ms, and Darkroom's part of each; the cheapest is above.\n")
    print("| picture | each size from the file | cloned | the largest decoded once, the others from it |")
    print("| --- | ---: | ---: | ---: |")
    for name, ours, pipelines in pipelines_seen:
        cells = [f"{p['cpu']:.0f} ({ours['cpu'] / p['cpu']:.2f})" for p in pipelines]
        print(f"| {name} | {' | '.join(cells)} |")
    print_limits(arguments.darkroom, arguments.dir / "limits", photo, str(out))
    print("\nQuality: SSIM to the reference, and bytes.\n")
    print("| picture | size | Darkroom | bytes | sharp | bytes | Pillow | bytes |")
    print("| --- | ---: " + "| ---: " * 6 + "|")
    for name, size, *engines in qualities:
        cells = [f"{engine[0]:.4f} | {engine[1]}" if engine else " | " for engine in engines]
        print(f"| {name} | {size} | {' | '.join(cells)} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pillow"]:
        path, sizes, runs, out = sys.argv[2:6]
        pillow_here(path, [int(size) for size in sizes.split(",")], int(runs), out)
    else:
        main()
