"""Measures searches among many images of one user, on a running stack with its meter (xtask/src/python/meter.py).

Usage: search.py OUTPUTS [IMAGES]

One image is created by the API. The others are copies of its items with other ids and texts, so that their creation
takes seconds. Each has a file name, a title and a description, with 43 words of some 250 bytes.
"""

import json
import random
import secrets
import statistics
import struct
import sys
import time
import zlib
from pathlib import Path
from urllib.parse import urlencode

import boto3

from metered import Client

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SHARDS = 8
TIMES = 20
VOCABULARY = 2_000
CONSONANTS, VOWELS = "bcdfgklmnprst", "aeiou"


def png():
    """A grey PNG of one pixel."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")


def ulid(milliseconds):
    """A ULID, and the shard of its random part (shared/domain/src/id.rs)."""
    chance = secrets.randbits(80)
    value = (milliseconds << 80) | chance
    return "".join(CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5)), chance % SHARDS


def words(count, chance):
    """Invented words. As in a language, some are much more frequent than others."""
    numbers = [int(chance.expovariate(1 / 300)) % VOCABULARY for _ in range(count)]
    return " ".join(f"{CONSONANTS[number % 13]}{VOWELS[number % 5]}{number}" for number in numbers)


def texts(number, chance):
    """The texts of an image."""
    return {
        "file_name": f"IMG_{number:06}_{words(1, chance)}.jpg",
        "title": words(4, chance),
        "description": words(38, chance),
    }


def stop_stream():
    """No function receives a stream record of the copies. A search only reads, so it needs none of these functions."""
    functions = boto3.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        if ":dynamodb:" in mapping["EventSourceArn"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def fill(table, user, image, count):
    """Writes copies of an image."""
    pk, chance = f"USER#{user}", random.Random(1)
    original = table.get_item(Key={"pk": pk, "sk": f"IMAGE#{image}"})["Item"]
    start = time.time()
    milliseconds = int(start * 1000) - count
    with table.batch_writer() as batch:
        for number in range(count):
            found = texts(number, chance)
            copy, shard = ulid(milliseconds + number)
            item = {name: value.replace(image, copy) if isinstance(value, str) else value
                    for name, value in original.items()}
            batch.put_item(item | found)
            folded = {f"{name}_words": f" {text.replace('_', ' ').replace('.', ' ').lower()}"
                      for name, text in found.items()}
            batch.put_item({"pk": pk, "sk": f"WORDS#{shard}#{copy}", "sort_name": found["file_name"].lower()} | folded)
    print(f"{count} images were written in {time.time() - start:.0f} s", file=sys.stderr)


def upload(client):
    """Creates an image, and waits until it is ready."""
    content = png()
    body = {"file_name": "pixel.png", "content_type": "image/png", "size": len(content)}
    return client.upload(body, content)


def row(client, name, query):
    """A row of the table of docs/BENCHMARKS.md."""
    times, counts = [], set()

    def ask(_):
        start = time.monotonic()
        counts.add(len(client.call("GET", f"/api/images?{urlencode(query)}")["images"]))
        times.append((time.monotonic() - start) * 1000)

    ask(0)
    times.clear()
    client.meter("POST")
    for number in range(TIMES):
        ask(number)
    counted = client.meter("GET")
    calls = [call for call in counted["calls"] if call["function"] == "ImagesList"]
    per = {key: sum(call.get(key, 0) for call in calls) / TIMES for key in ("count", "reads", "received")}
    cpu = counted["invocations"]["ImagesList"]["cpu_ms"] / TIMES
    print(f"| {name} | {max(counts)} | {per['count']:.1f} | {per['reads']:.0f} | {per['received'] / 1000:,.0f} | "
          f"{cpu:.1f} | {statistics.median(times):.0f} |")


def main():
    outputs = json.loads(Path(sys.argv[1]).read_text())
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    client = Client(outputs)
    client.log_in()
    image = upload(client)
    user = client.call("GET", "/api/auth/profile")["id"]
    stop_stream()
    fill(boto3.resource("dynamodb").Table(outputs["table"]), user, image, count)
    chance = random.Random(1)
    one = [texts(number, chance) for number in range(count)][count // 2]
    rare = f"{one['file_name'][:10]} {one['title'].split()[0]} {one['description'].split()[0]}"
    print("| request | images on the page | calls | read units | KB from the table | CPU, ms | response, ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    row(client, "the newest 24 images", {"limit": 24})
    row(client, "one word", {"limit": 24, "q": one["title"].split()[1]})
    row(client, "the beginnings of three words", {"limit": 24, "q": "ba ke mi"})
    row(client, "three words of one image", {"limit": 24, "q": rare})
    row(client, "three words that no image has", {"limit": 24, "q": "xylophone zebra quartz"})


if __name__ == "__main__":
    main()
