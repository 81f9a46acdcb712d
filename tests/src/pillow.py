"""Reads a picture from the standard input, and prints what Pillow sees: pillow.py POINTS, as a JSON list of [x, y]."""

import io
import json
import sys

from PIL import Image

data = sys.stdin.buffer.read()
with Image.open(io.BytesIO(data)) as picture:
    picture.load()
    facts = {
        "format": picture.format,
        "mode": picture.mode,
        "width": picture.width,
        "height": picture.height,
        "metadata": sorted(set(picture.info) & {"exif", "icc_profile", "xmp", "comment"}),
        "colors": [picture.getpixel((x, y)) for x, y in json.loads(sys.argv[1])],
    }
print(json.dumps(facts))
