"""Renditions of a JPEG of 12 megapixels by Darkroom and by sharp, and the speeds of the AVIF encoder; prints Markdown.

delivery.py --darkroom EXECUTABLE --avif EXECUTABLE --sharp DIR --dir DIR [--photo FILE] [--runs N]
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy
import skimage
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from imaging import pictures, print_machine, reference

SHAPES = [
    ("640 wide", 640, 0, "scale-down"),
    ("400 x 400, cover", 400, 400, "cover"),
    ("1600 wide", 1600, 0, "scale-down"),
]
FORMATS = ["jpeg", "png", "webp", "avif"]
SPEEDS = [4, 6, 7, 8, 9, 10]


def scores(path, expected):
    """SSIM and PSNR in dB."""
    with Image.open(path) as opened:
        made = numpy.asarray(opened.convert("RGB"), numpy.float64)
    similarity = structural_similarity(
        expected, made, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    return similarity, peak_signal_noise_ratio(expected, made, data_range=255)


def expected_pixels(picture, width, height, fit):
    """The rendition without loss."""
    if fit == "cover":
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
        return reference(picture, (width, height))
    return reference(picture, (width, round(picture.height * width / picture.width)))


def run(command):
    return json.loads(subprocess.check_output([str(part) for part in command]))


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--darkroom", "--avif", "--sharp"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("--dir", required=True, type=Path)
    arguments.add_argument("--photo")
    arguments.add_argument("--runs", type=int, default=11)
    arguments = arguments.parse_args()
    photo = Image.open(arguments.photo).convert("RGB") if arguments.photo else Image.fromarray(skimage.data.coffee())
    out = arguments.dir / "renditions"
    out.mkdir(parents=True, exist_ok=True)
    path = next(path for name, path in pictures(arguments.dir / "pictures", photo) if name == "JPEG, 12 MP")
    with Image.open(path) as opened:
        picture = opened.convert("RGB")

    print_machine(arguments.sharp, arguments.runs)
    print("| rendition | format | Darkroom CPU, ms | wall | bytes | SSIM | sharp CPU, ms | wall | bytes | SSIM "
          "| CPU to sharp's | wall to sharp's |")
    print("| --- | --- | ---: " + "| ---: " * 9 + "|")
    for name, width, height, fit in SHAPES:
        expected = expected_pixels(picture, width, height, fit)
        for kind in FORMATS:
            print(f"{name}, {kind}", file=sys.stderr)
            what = [width, height, fit, kind, arguments.runs, out]
            ours = run([arguments.darkroom, path, *what])
            theirs = run(["node", Path(arguments.sharp, "delivery.mjs"), path, *what])
            cells = [
                f"{engine['cpu']:.0f} | {engine['wall']:.0f} | {os.path.getsize(engine['path'])} "
                f"| {scores(engine['path'], expected)[0]:.4f}" for engine in (ours, theirs)]
            print(f"| {name} | {kind} | {' | '.join(cells)} | **{ours['cpu'] / theirs['cpu']:.2f}** "
                  f"| **{ours['wall'] / theirs['wall']:.2f}** |")

    print("\nThe speeds of the AVIF encoder at Darkroom's quality 80, for the rendition that is 640 pixels wide.\n")
    print("| speed | CPU, ms | bytes | SSIM | PSNR, dB |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    expected = expected_pixels(picture, 640, 0, "scale-down")
    pixels = out / "640.png"
    Image.fromarray(numpy.rint(expected).astype(numpy.uint8)).save(pixels)
    for speed in SPEEDS:
        made = run([arguments.avif, pixels, speed, 65, arguments.runs, out])
        similarity, noise = scores(made["path"], expected)
        print(f"| {speed} | {made['cpu']:.0f} | {os.path.getsize(made['path'])} | {similarity:.4f} | {noise:.2f} |")


if __name__ == "__main__":
    main()
