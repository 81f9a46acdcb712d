"""Measures searches among many images of one user.

Usage: search.py IMAGES NODE DYNALITE DIRECTORY

DIRECTORY contains a build of images-list, which receives its requests from a Lambda Runtime API on the loopback
interface. The table is one of dynalite, an implementation of DynamoDB for Node.js, which counts read units as DynamoDB
does. DYNALITE is its command. A proxy counts the calls. Each image has a file name, a title and a description, with 43
words of some 250 bytes.
"""

import asyncio
import http.client
import json
import random
import secrets
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import boto3

from api_requests import USER, WARM_UP, Case, Measurement, event, found, image, profile, run
from loopback import respond

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SHARDS = 8
TIMES = 20
VOCABULARY = 2_000
CONSONANTS, VOWELS = "bcdfgklmnprst", "aeiou"
TABLE = "darkroom-Table-1A2B3C4D5E6F"
# DynamoDB accepts 25.
BATCH = 25


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


class Dynalite:
    """A table in a process of its own."""

    def __init__(self, node, command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.calls = []
        self.process = subprocess.Popen(
            [node, command, "--host", "127.0.0.1", "--port", str(self.port), "--createTableMs", "0"],
            stdout=subprocess.PIPE,
        )
        # It prints its address when it listens.
        self.process.stdout.readline()

    def fill(self, count):
        """Makes the table."""
        client = boto3.client(
            "dynamodb", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="eu-central-1",
            aws_access_key_id="bench", aws_secret_access_key="bench",
        )
        client.create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        client.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
        start = time.time()
        items = list(self.items(count))
        for first in range(0, len(items), BATCH):
            puts = [{"PutRequest": {"Item": item}} for item in items[first : first + BATCH]]
            if client.batch_write_item(RequestItems={TABLE: puts})["UnprocessedItems"]:
                raise SystemExit("dynalite did not write all items")
        print(f"{count} images were written in {time.time() - start:.0f} s", file=sys.stderr)

    def items(self, count):
        yield profile()
        milliseconds, chance = int(time.time() * 1000) - count, random.Random(1)
        for number in range(count):
            described = texts(number, chance)
            name, shard = ulid(milliseconds + number)
            strings = {key: {"S": text} for key, text in described.items()}
            yield image(number) | strings | {"sk": {"S": f"IMAGE#{name}"}, "id": {"S": name}}
            folded = {f"{key}_words": {"S": f" {text.replace('_', ' ').replace('.', ' ').lower()}"}
                      for key, text in described.items()}
            key = {"pk": {"S": f"USER#{USER}"}, "sk": {"S": f"WORDS#{shard}#{name}"}}
            yield key | folded | {"sort_name": {"S": described["file_name"].lower()}}

    def forward(self, headers, request):
        """Passes a call on, and counts it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        names = ("authorization", "content-type", "x-amz-date", "x-amz-target")
        kept = {name: headers[name] for name in names}
        connection.request("POST", "/", json.dumps(request | {"ReturnConsumedCapacity": "TOTAL"}), kept)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        consumed = json.loads(content).get("ConsumedCapacity", [])
        consumed = consumed if isinstance(consumed, list) else [consumed]
        self.calls.append((sum(units["CapacityUnits"] for units in consumed), len(content)))
        return content, response.status


class Search(Measurement):
    """Requests for a list or a search, whose answers are timed."""

    def __init__(self, request, table):
        super().__init__(request, table, TIMES)
        self.sent, self.times = 0.0, []

    async def aws(self, _head, headers, body, writer):
        content, status = await asyncio.to_thread(self.table.forward, headers, json.loads(body))
        respond(writer, content, f"{status} -", content_type="application/x-amz-json-1.0")

    async def runtime(self, head, headers, body, writer):
        if "/invocation/next" in head:
            self.sent = time.monotonic()
        else:
            self.times.append((time.monotonic() - self.sent) * 1000)
        await super().runtime(head, headers, body, writer)


async def row(binary, table, name, query):
    """A row of the table of docs/BENCHMARKS.md."""
    case = Case(name, "images-list", "/api/images", {}, query, 0)
    search = Search(event(case, False), table)
    cpu = await run(binary, case, search, {})
    body = search.response["body"]
    if search.response["statusCode"] != 200:
        raise SystemExit(f"{name}: {body}")
    units, received = (sum(call[part] for call in table.calls) for part in (0, 1))
    print(f"| {name} | {len(json.loads(body)['images'])} | {len(table.calls)} | {units:.1f} | {received / 1000:,.0f} | "
          f"{cpu * 1000:.1f} | {statistics.median(search.times[WARM_UP:]):.0f} |")


async def main():
    count, node, dynalite = int(sys.argv[1]), *sys.argv[2:4]
    binary = found(Path(sys.argv[4]), "images-list")
    table = Dynalite(node, dynalite)
    chance = random.Random(1)
    one = [texts(number, chance) for number in range(count)][count // 2]
    rare = f"{one['file_name'][:10]} {one['title'].split()[0]} {one['description'].split()[0]}"
    try:
        table.fill(count)
        print("| request | images on the page | calls | read units | KB from the table | CPU, ms | response, ms |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        await row(binary, table, "the newest 24 images", {"limit": "24"})
        await row(binary, table, "one word", {"limit": "24", "q": one["title"].split()[1]})
        await row(binary, table, "the beginnings of three words", {"limit": "24", "q": "ba ke mi"})
        await row(binary, table, "three words of one image", {"limit": "24", "q": rare})
        await row(binary, table, "three words that no image has", {"limit": "24", "q": "xylophone zebra quartz"})
    finally:
        table.process.kill()


if __name__ == "__main__":
    asyncio.run(main())
