"""What Darkroom reads of EXIF beside what exiftool reads; prints Markdown.

exif.py --darkroom EXECUTABLE --exiftool EXECUTABLE --dir DIR [--samples DIR] [FILE|DIRECTORY…]

Without files, it compares the samples, which are files of real cameras from exiftool's own tests. It also copies their
metadata into pictures of the other formats, and writes the fields of newer cameras into pictures. It ends with status 1
if a field is wrong.
"""

import argparse
import collections
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pillow_heif
from PIL import Image

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff"}
# The formats besides JPEG that contain EXIF, with the ending of their files.
CARRIERS = {"PNG": "png", "WEBP": "webp", "AVIF": "avif", "HEIF": "heic", "TIFF": "tif"}
FIELDS = ["taken_at", "camera", "lens", "exposure_time", "f_number", "iso", "focal_length", "location"]

# What newer cameras write, as their files show it: the samples are from before 2019.
NEWER = {
    "samsung": {"Make": "samsung", "Model": "SM-S918B", "SubSecTimeOriginal": "417", "OffsetTimeOriginal": "+09:00",
                "ExposureTime": "1/50", "FNumber": 1.7, "ISO": 640, "FocalLength": 6.3, "Software": "S918BXXS3AWF7"},
    "google": {"Make": "Google", "Model": "Pixel 8 Pro", "SubSecTimeOriginal": "083", "OffsetTimeOriginal": "-07:00",
               "LensModel": "Pixel 8 Pro back camera 6.9mm f/1.68", "ExposureTime": 0.000416, "FNumber": 1.68,
               "ISO": 22, "FocalLength": 6.9, "GPSLatitude": 37.4219, "GPSLatitudeRef": "N", "GPSLongitude": 122.0841,
               "GPSLongitudeRef": "W", "GPSAltitude": 12.5, "GPSAltitudeRef": 0},
    "apple": {"Make": "Apple", "Model": "iPhone 15 Pro", "SubSecTimeOriginal": "512", "OffsetTimeOriginal": "+02:00",
              "LensModel": "iPhone 15 Pro back triple camera 6.765mm f/1.78", "ExposureTime": 1 / 1721,
              "FNumber": 1.7799999713897705, "ISO": 80, "FocalLength": 6.764999866370901, "GPSLatitude": 33.85986,
              "GPSLatitudeRef": "S", "GPSLongitude": 151.21111, "GPSLongitudeRef": "E", "GPSAltitude": 3.5,
              "GPSAltitudeRef": 1},
    "xiaomi": {"Make": "Xiaomi", "Model": "2211133G", "SubSecTimeOriginal": "911", "OffsetTimeOriginal": "+08:00",
               "ExposureTime": "1/33", "FNumber": 1.75, "ISO": 2054, "FocalLength": 5.59},
    "huawei": {"Make": "HUAWEI", "Model": "MNA-LX9", "SubSecTimeOriginal": "123456", "ExposureTime": 0.01,
               "FNumber": 1.4, "ISO": 50, "FocalLength": 6.69},
    "oneplus": {"Make": "OnePlus", "Model": "CPH2449", "OffsetTimeOriginal": "+05:30", "ExposureTime": "1/100",
                "FNumber": 1.8, "ISO": 320, "FocalLength": 6.06},
    "dji": {"Make": "DJI", "Model": "FC3582", "ExposureTime": "1/3200", "FNumber": 1.7, "ISO": 100,
            "FocalLength": 6.72, "GPSLatitude": 46.5197, "GPSLatitudeRef": "N", "GPSLongitude": 6.6323,
            "GPSLongitudeRef": "E", "GPSAltitude": 512.345, "GPSAltitudeRef": 0},
    "leica": {"Make": "LEICA CAMERA AG", "Model": "LEICA Q3", "OffsetTimeOriginal": "+01:00",
              "LensModel": "SUMMILUX 1:1.7/28 ASPH.", "ExposureTime": "1/125", "FNumber": 4, "ISO": 100,
              "FocalLength": 28},
    "hasselblad": {"Make": "Hasselblad", "Model": "X2D 100C", "SubSecTimeOriginal": "00", "LensModel": "XCD 38V",
                   "ExposureTime": "1/250", "FNumber": 5.6, "ISO": 64, "FocalLength": 38},
    "sony": {"Make": "SONY", "Model": "ILCE-7M4", "SubSecTimeOriginal": "207", "OffsetTimeOriginal": "+02:00",
             "LensModel": "FE 24-70mm F2.8 GM II", "ExposureTime": 30, "FNumber": 11, "ISO": 51200, "FocalLength": 24},
    "canon": {"Make": "Canon", "Model": "Canon EOS R5", "SubSecTimeOriginal": "08", "OffsetTimeOriginal": "+00:00",
              "LensModel": "RF24-105mm F4 L IS USM", "ExposureTime": 0.5, "FNumber": 4, "ISO": 65535,
              "SensitivityType": 2, "RecommendedExposureIndex": 102400, "FocalLength": 105},
    "nikon": {"Make": "NIKON CORPORATION", "Model": "NIKON Z 8", "SubSecTimeOriginal": "55",
              "OffsetTimeOriginal": "-03:00", "LensModel": "NIKKOR Z 24-120mm f/4 S", "ExposureTime": "1/8000",
              "FNumber": 4, "ISO": 64, "FocalLength": 120},
    "fujifilm": {"Make": "FUJIFILM", "Model": "X-T5", "SubSecTimeOriginal": "00", "OffsetTimeOriginal": "+12:45",
                 "LensModel": "XF16-55mmF2.8 R LM WR", "ExposureTime": "1/180", "FNumber": 2.8, "ISO": 125,
                 "FocalLength": 55},
    "om": {"Make": "OM Digital Solutions", "Model": "OM-1", "LensModel": "OM 12-40mm F2.8 II", "ExposureTime": 60,
           "FNumber": 8, "ISO": 200, "FocalLength": 12},
    "motorola": {"Make": "motorola", "Model": "moto g(60)", "SubSecTimeOriginal": "000871", "ExposureTime": "1/17",
                 "FNumber": 1.7, "ISO": 1600, "FocalLength": 4.73},
    "nokia": {"Make": "HMD Global", "Model": "Nokia 7.2", "OffsetTimeOriginal": "+03:00", "ExposureTime": "1/60",
              "FNumber": 1.8, "ISO": 200, "FocalLength": 4.75},
}


def picture(path, kind):
    image = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(path)
    else:
        image.save(path, kind)


def run(arguments, **more):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        sys.exit(f"{arguments[0]}: {done.stderr}")
    return done.stdout


def files_of(paths):
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.suffix.lower() in ENDINGS)


def make(exiftool, samples, directory):
    """Files with the metadata of real cameras in other formats, and files of newer cameras."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    # exiftool takes longer to start than to write a file, so it writes all files in one run.
    made, commands = [], []
    for kind, ending in CARRIERS.items():
        for sample in samples:
            file = directory / f"{sample.stem}-{sample.suffix[1:]}.{ending}"
            picture(file, kind)
            commands.append(["-tagsFromFile", sample, "-exif:all", "-makernotes", file])
            made.append(file)
    for number, (name, fields) in enumerate(NEWER.items()):
        for order in ("II", "MM"):
            file = directory / f"{name}-{order}.jpg"
            picture(file, "JPEG")
            tags = {"DateTimeOriginal": f"2024:02:29 23:{number:02}:59", **fields}
            written = [f"-EXIF:{tag}={value}" for tag, value in tags.items()]
            commands.append(["-n", f"-exifByteOrder={order}", *written, file])
            made.append(file)
    lines = "\n".join(str(part) for command in commands for part in [*command, "-execute"])
    # It ends with a status if a sample has nothing to copy.
    write = [exiftool, "-@", "-", "-common_args", "-q", "-q", "-m", "-overwrite_original"]
    subprocess.run(write, input=lines, capture_output=True, text=True, check=False)
    return made


def read_exiftool(exiftool, files):
    names = "\n".join(map(str, files))
    read = [exiftool, "-json", "-n", "-G1", "-a", "-q", "-q", "-m", "-charset", "exif=utf8", "-@", "-"]
    done = subprocess.run(read, input=names, capture_output=True, text=True, check=False)
    return {Path(entry["SourceFile"]): entry for entry in json.loads(done.stdout)}


def read_darkroom(darkroom, files):
    lines = run([darkroom, *map(str, files)]).splitlines()
    return {Path(entry["file"]): entry["exif"] for entry in map(json.loads, lines)}


def text(value):
    """A text as Darkroom returns it: without control characters and spaces around it, at most 100 characters."""
    kept = "".join(character for character in str(value) if character.isprintable())
    return kept.strip()[:100].strip() or None


def positive(value):
    number = float(value) if isinstance(value, (int, float)) else None
    return number if number and number > 0 and math.isfinite(number) else None


def time_of(tags, name, suffix):
    value = str(tags.get(f"ExifIFD:{name}", ""))
    date, _, time = value.partition(" ")
    if date.replace(":", "").strip("0 ") == "" or len(value) < 19:
        return None
    fraction = str(tags.get(f"ExifIFD:SubSecTime{suffix}", "")).strip()
    offset = str(tags.get(f"ExifIFD:OffsetTime{suffix}", "")).strip()
    fraction = f".{fraction}" if fraction.isdigit() else ""
    return f"{date.replace(':', '-')}T{time[:8]}{fraction}{offset if offset[:1] in ('+', '-') else ''}"


def camera_of(tags):
    maker, model = (text(tags.get(f"IFD0:{name}", "")) for name in ("Make", "Model"))
    if maker and model:
        same = maker.split()[0].lower() == model.split()[0].lower()
        return model if same else f"{maker} {model}"
    return model or maker


def iso_of(tags):
    for name in ("ISO", "RecommendedExposureIndex", "ISOSpeed"):
        value = str(tags.get(f"ExifIFD:{name}", "")).split(" ")[0]
        # 65535 means that the sensitivity is higher.
        if value.isdigit() and int(value) > 0 and not (name == "ISO" and int(value) >= 65535):
            return int(value)
    return None


def place_of(tags):
    sides = []
    for name, negative, limit in (("Latitude", "S", 90), ("Longitude", "W", 180)):
        value, side = tags.get(f"GPS:GPS{name}"), text(tags.get(f"GPS:GPS{name}Ref", ""))
        if not isinstance(value, (int, float)) or not side or value > limit:
            return None
        sides.append(-value if side.upper() == negative else value)
    altitude = tags.get("GPS:GPSAltitude")
    if not isinstance(altitude, (int, float)):
        altitude = None
    elif tags.get("GPS:GPSAltitudeRef") == 1:
        altitude = -altitude
    return {"latitude": sides[0], "longitude": sides[1], "altitude": altitude}


def expected_of(tags):
    """What exiftool reads of the fields in the EXIF block, and not in XMP, maker notes or other blocks."""
    return {
        "taken_at": time_of(tags, "DateTimeOriginal", "Original") or time_of(tags, "CreateDate", "Digitized"),
        "camera": camera_of(tags),
        "lens": text(tags.get("ExifIFD:LensModel", "")),
        "exposure_time": positive(tags.get("ExifIFD:ExposureTime")),
        "f_number": positive(tags.get("ExifIFD:FNumber")),
        "iso": iso_of(tags),
        "focal_length": positive(tags.get("ExifIFD:FocalLength")),
        "location": place_of(tags),
    }


def is_equal(ours, theirs):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(is_equal(ours[name], theirs[name]) for name in ours)
    numbers = isinstance(ours, (int, float)) and isinstance(theirs, (int, float))
    # Darkroom rounds to six digits, and places to seven decimals.
    return math.isclose(ours, theirs, rel_tol=6e-6, abs_tol=1e-7) if numbers else ours == theirs


def maker_of(tags):
    maker = text(tags.get("IFD0:Make", "")) or "no maker"
    word = maker.split()[0].rstrip(",").title()
    return {"Eastman": "Kodak", "General": "General Imaging", "Hmd": "HMD", "Om": "OM Digital", "Jvc": "JVC",
            "Dji": "DJI", "Flir": "FLIR", "No": "(no maker)", "Oneplus": "OnePlus", "Gopro": "GoPro"}.get(word, word)


# Tags that say the same outside the EXIF block.
ELSEWHERE = {
    "taken_at": ("DateTimeOriginal", "CreateDate"), "camera": ("Model",), "lens": ("LensModel", "Lens", "LensType"),
    "exposure_time": ("ExposureTime",), "f_number": ("FNumber",), "iso": ("ISO",), "focal_length": ("FocalLength",),
    "location": ("GPSLatitude",),
}


def elsewhere(tags, field):
    """The groups that contain the field although the EXIF block does not."""
    ignored = {"ExifIFD", "IFD0", "GPS", "Composite", "IFD1", "System", "File", "SubIFD"}
    found = (name.split(":") for name in tags if ":" in name)
    return sorted({group for group, tag in found if tag in ELSEWHERE[field] and group not in ignored})


def main():
    parser = argparse.ArgumentParser()
    for name in ("--darkroom", "--exiftool"):
        parser.add_argument(name, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--samples", type=Path)
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    if options.files:
        files = list(files_of(options.files))
    else:
        samples = list(files_of([options.samples]))
        files = samples + make(options.exiftool, samples, options.dir / "made")
    theirs, ours = read_exiftool(options.exiftool, files), read_darkroom(options.darkroom, files)
    rows = collections.defaultdict(collections.Counter)
    wrong, missing, outside = [], [], collections.defaultdict(set)
    for file in files:
        tags = theirs[file]
        expected, maker = expected_of(tags), maker_of(tags)
        if all(value is None for value in (*expected.values(), *ours[file].values())):
            continue
        rows[maker]["files"] += 1
        for field in FIELDS:
            left, right = ours[file][field], expected[field]
            if is_equal(left, right):
                rows[maker]["equal"] += left is not None
            elif left is None:
                rows[maker]["missing"] += 1
                missing.append((file.name, field, right))
            else:
                rows[maker]["wrong"] += 1
                wrong.append((file.name, field, left, right))
            if left is None and right is None and (groups := elsewhere(tags, field)):
                outside[field] |= set(groups)
    version = run([options.exiftool, "-ver"]).strip()
    total = sum(rows.values(), collections.Counter())
    print(f"exiftool {version}: {total['files']} files of {len(rows)} makers, {total['equal']} fields equal, "
          f"{total['missing']} missing, {total['wrong']} wrong.\n")
    print("| maker | files | equal fields | missing | wrong |\n| --- | ---: | ---: | ---: | ---: |")
    for maker, row in sorted(rows.items(), key=lambda entry: entry[0].lower()):
        print(f"| {maker} | {row['files']} | {row['equal']} | {row['missing']} | {row['wrong']} |")
    for title, found in (("Missing", missing), ("Wrong", wrong)):
        if found:
            print(f"\n{title}:\n")
        for file, field, *values in found:
            print(f"- `{file}`, {field}: {' instead of '.join(f'`{value}`' for value in values)}")
    if outside:
        print("\nFields that some files have only outside EXIF, where Darkroom does not look:\n")
        for field, groups in sorted(outside.items()):
            print(f"- {field}: {', '.join(sorted(groups))}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
