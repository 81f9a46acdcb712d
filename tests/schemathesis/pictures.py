"""Uploads two pictures as a user of the stack, so that schemathesis also finds images that are ready. Creates an
expiring link and an upload link, and writes their ids to links.json, so that it also finds what visitors and guests may
do."""

import json
import os
import struct
import sys
import time
import zlib

import requests

import hooks  # noqa: F401 - resolves names below `.localhost`

API = os.environ["API_URL"]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height):
    rows = b"".join(b"\0" + bytes((x * 3 % 256, y * 5 % 256, 90)) * width for y, x in enumerate(range(height)))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def answer(response):
    response.raise_for_status()
    return response.json()


with open(sys.argv[1], encoding="utf-8") as file:
    user = json.load(file)[os.environ["LOGIN"]]
session = requests.Session()
token = answer(session.post(f"{API}/api/auth/login", json=user))["access_token"]
session.headers["authorization"] = f"Bearer {token}"
for number in range(2):
    bytes_ = png(300 + number, 200)
    fields = {"file_name": f"{number}.png", "content_type": "image/png", "size": len(bytes_)}
    created = answer(session.post(f"{API}/api/images", json=fields))
    upload = created["upload"]
    requests.put(upload["url"], data=bytes_, headers=upload["headers"], timeout=60).raise_for_status()
    end = time.monotonic() + 60
    while answer(session.get(f"{API}/api/images/{created['image']['id']}/status"))["status"] != "ready":
        if time.monotonic() > end:
            raise TimeoutError("a picture is not ready after a minute")
        time.sleep(0.3)

with open("links.json", "w", encoding="utf-8") as file:
    image = created["image"]["id"]
    links = {"/l/{link_id}": f"images/{image}/links", "/api/upload-links/{id}/images": "upload-links"}
    fields = {"expires_in": 86_400}
    answers = {path: session.post(f"{API}/api/{of}", json=fields) for path, of in links.items()}
    # The tier of the admin has no links.
    json.dump({path: link.json()["id"] for path, link in answers.items() if link.status_code == 201}, file)
