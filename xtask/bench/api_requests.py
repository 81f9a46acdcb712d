"""Measures what requests for lists and pictures cost: calls to AWS, bytes, addresses, and processor time.

Usage: api_requests.py [--json FILE] [--bodies DIRECTORY] [--only TEXT] REQUESTS DIRECTORY…

Each directory contains builds of the functions: `<function>`, or `<function>/bootstrap`. A function receives its
requests from a Lambda Runtime API on the loopback interface, and its calls to AWS are answered there at once, with
items of real size and with a session token of 1,400 characters. Processor time is that of warm requests, after ten
others. Only a release build tells it. Needs the package cryptography, which makes the key of the edge.
"""

import argparse
import asyncio
import base64
import copy
import gzip
import itertools
import json
import random
import string
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from loopback import endlessly, respond

SAMPLE = json.loads((Path(__file__).parents[2] / "events/images-list.json").read_text())
USER = "5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11"
TIMEOUT = 60
WARM_UP = 10
TOKEN_CHARACTERS = 1400
SIZES = (200, 400, 1200)
EDGE = {
    "EDGE_DOMAIN": "d111111abcdef8.cloudfront.net",
    "EDGE_KEY_ID": "K2JCJMDEHXQW5F",
    "EDGE_KEY_SECRET": "stack/edge-key-A",
}
# What the page asks for (web/tiles.js).
TILES = {
    "fields": "file_name,title,status,created_at,thumbnails,placeholder,source_image_id",
    "thumbnails": "209",
}
LIST = {"limit": "24"}
NEW = {"file_name": "IMG_20260312_000001.jpg", "content_type": "image/jpeg", "size": 3_000_000}


class Case(NamedTuple):
    """A request, and the number of images in the table."""

    name: str
    function: str
    path: str
    parameters: dict
    query: dict
    images: int
    body: dict | None = None


CASES = [
    Case("24 images", "images-list", "/api/images", {}, LIST, 24),
    Case("24 images, as the page asks", "images-list", "/api/images", {}, LIST | TILES, 24),
    Case("20 images", "images-list", "/api/images", {}, {"limit": "20"}, 20),
    Case("20 images, as the page asks", "images-list", "/api/images", {}, {"limit": "20"} | TILES, 20),
    Case("100 sets of three", "imagesets-list", "/api/imagesets", {}, {"limit": "100"}, 300),
    Case("100 sets of three, as the page asks", "imagesets-list", "/api/imagesets", {}, {"limit": "100"} | TILES, 300),
    Case("one image", "images-get", "/api/images/{id}", {"id": ""}, {}, 1),
    Case("one thumbnail", "images-thumbnail", "/api/images/{id}/thumbnail", {"id": ""}, {"size": "400"}, 1),
    Case("one status", "images-status", "/api/images/{id}/status", {"id": ""}, {}, 1),
    Case("one creation", "images-create", "/api/images", {}, {}, 1, NEW),
]


def session_token():
    characters = itertools.cycle(string.ascii_letters + string.digits + "+/")
    return "".join(itertools.islice(characters, TOKEN_CHARACTERS - 1)) + "="


def private_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def ulid(kind, index):
    """A ULID of some day. Its last 16 characters are random, and the same in each run."""
    characters = random.Random(f"{kind} {index}").choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=16)
    return "01JZ8Q4T2N" + "".join(characters)


def image_id(index):
    return ulid("image", index)


def attribute(value):
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [attribute(element) for element in value]}
        case dict():
            return {"M": item(value)}
        case _:
            return {"NULL": True}


def item(members):
    return {name: attribute(value) for name, value in members.items()}


def image(index):
    """A picture of a phone with three thumbnails, as the table stores it."""
    chance = random.Random(index)
    upload = {"content_type": "image/jpeg", "size": chance.randrange(2_000_000, 5_000_000)}
    thumbnails = [
        {"size": size, "width": size, "height": size * 3 // 4, "content_type": "image/jpeg"} for size in SIZES
    ]
    thumbhash = base64.b64encode(chance.randbytes(24)).decode()
    second = f"2026-03-12T19:{chance.randrange(60):02}:{chance.randrange(60):02}"
    picture = upload | {
        "version": 1, "width": 4032, "height": 3024, "thumbnails": thumbnails,
        "placeholder": {"thumbhash": thumbhash, "color": f"#{chance.randrange(2**24):06x}"},
    }
    return item(upload | {
        "pk": f"USER#{USER}", "sk": f"IMAGE#{image_id(index)}", "id": image_id(index),
        "file_name": f"IMG_20260312_{chance.randrange(240_000):06}.jpg", "version": 1, "status": "ready",
        "created_at": f"{second}.{chance.randrange(1000):03}Z", "updated_at": f"{second}.{chance.randrange(1000):03}Z",
        "uploaded_at": f"{second}.{chance.randrange(1000):03}Z", "sequencer": "0066A1B2C3D4E5F6A7", "picture": picture,
        "shard": 3,
    })


def tier():
    return {
        "id": "enterprise", "name": "Enterprise", "thumbnail_sizes": list(SIZES), "original_link": True,
        "expiring_links": True, "renditions": True, "max_image_bytes": 50_000_000, "max_images": 100_000,
        "max_sets": 10_000,
        "max_links": 1000, "max_pending_uploads": 1000, "ai": True, "max_ai_calls_per_day": 1000, "revision": 1,
    }


def profile():
    return item({
        "pk": f"USER#{USER}", "sk": "PROFILE", "tier": "enterprise", "limits": tier(), "images": 300,
        "bytes": 1_000_000_000,
        "sets": 100, "links_at_most": 0, "pending_uploads_at_most": 0,
    })


def image_set(index):
    set_id = ulid("set", index)
    slots = {f"image{slot + 1}": image_id(3 * index + slot) for slot in range(3)}
    return item({
        "pk": f"USER#{USER}", "sk": f"SET#{set_id}", "id": set_id, "title": f"Order {index}", "slots": slots,
        "created_at": "2026-03-12T19:03:58.123Z", "updated_at": "2026-03-12T19:04:01.456Z",
    } | slots)


class Table:
    """A stand-in for DynamoDB and Secrets Manager."""

    def __init__(self, count):
        self.key, self.calls = private_key(), []
        self.images = {f"IMAGE#{image_id(index)}": image(index) for index in range(count)}

    def answer(self, target, request):
        operation = target.split(".")[1]
        match operation:
            case "GetSecretValue":
                answer = {"Name": request["SecretId"], "SecretString": self.key}
            case "Query":
                values = json.dumps(request["ExpressionAttributeValues"])
                found = [image_set(index) for index in range(100)] if "SET#" in values else list(self.images.values())
                answer = {"Items": found, "Count": len(found)}
            case "GetItem":
                key = request["Key"]["sk"]["S"]
                answer = {"Item": self.by_key(key)}
            case "TransactWriteItems":
                answer = {}
            case "BatchGetItem":
                [(table, wanted)] = request["RequestItems"].items()
                answer = {"Responses": {table: [self.by_key(key["sk"]["S"]) for key in wanted["Keys"]]}}
        self.calls.append((operation, sum(size_of(found) for found in items_in(answer))))
        return json.dumps(answer)

    def by_key(self, key):
        if key == "PROFILE":
            return profile()
        return item({"pk": "TIER", "sk": key} | tier()) if key.startswith("TIER#") else self.images[key]


def items_in(answer):
    yield from answer.get("Items", [])
    for found in answer.get("Responses", {}).values():
        yield from found
    if "Item" in answer:
        yield answer["Item"]


def size_of(attributes):
    """The size that DynamoDB counts: names and values (Amazon DynamoDB Developer Guide, "Item sizes and formats")."""
    total = 0
    for name, value in attributes.items():
        [(kind, content)] = value.items()
        total += len(name)
        match kind:
            case "M":
                total += 3 + len(content) + size_of(content)
            case "L":
                total += 3 + len(content) + sum(size_of({"": element}) for element in content)
            case "N":
                total += len(content) // 2 + 1
            case "S":
                total += len(content.encode())
            case _:
                total += 1
    return total


def event(case, accepts_gzip):
    made = copy.deepcopy(SAMPLE)
    parameters = {name: image_id(0) for name in case.parameters}
    made["rawPath"] = case.path.format(**parameters)
    made["requestContext"]["http"]["path"] = made["rawPath"]
    made["rawQueryString"] = urlencode(case.query)
    made["queryStringParameters"] = dict(parse_qsl(made["rawQueryString"]))
    made["pathParameters"] = parameters
    made["headers"]["authorization"] = f"Bearer {'e' * 1000}"
    # As an element `img` asks for a picture.
    made["headers"]["accept"] = "image/avif,image/webp,*/*" if case.path.endswith("/thumbnail") else "application/json"
    if case.body:
        made["requestContext"]["http"]["method"] = "POST"
        made["headers"]["content-type"] = "application/json"
        made["body"], made["isBase64Encoded"] = json.dumps(case.body), False
    if accepts_gzip:
        made["headers"]["accept-encoding"] = "gzip, deflate, br"
    return json.dumps(made)


def processor_seconds(process):
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


class Measurement:
    """A run of a function: it receives `requests` requests, after those of the warm-up."""

    def __init__(self, request, table, requests):
        self.request, self.table, self.left = request, table, requests + WARM_UP
        self.requests, self.process, self.start = requests, None, 0.0
        self.response, self.first_calls = None, None
        self.end = asyncio.get_running_loop().create_future()

    async def aws(self, _head, headers, body, writer):
        answer = self.table.answer(headers["x-amz-target"], json.loads(body))
        respond(writer, answer, content_type="application/x-amz-json-1.0")

    async def runtime(self, head, _headers, body, writer):
        if "/invocation/next" not in head:
            if self.response is None:
                self.response, self.first_calls = json.loads(body), list(self.table.calls)
            if self.left > 0:
                self.table.calls.clear()
            respond(writer, "", "202 Accepted")
            return
        if self.left == self.requests:
            self.start = processor_seconds(self.process)
        if self.left == 0:
            self.end.set_result((processor_seconds(self.process) - self.start) / self.requests)
            await asyncio.sleep(TIMEOUT)
        self.left -= 1
        deadline = int((time.time() + TIMEOUT) * 1000)
        respond(
            writer, self.request, lambda_runtime_aws_request_id="1", lambda_runtime_deadline_ms=deadline,
            lambda_runtime_invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:bench",
        )


def found(directory, function):
    paths = (directory / function / "bootstrap", directory / function)
    return next(path for path in paths if path.is_file())


async def measure(binary, case, edge, accepts_gzip, requests):
    measurement = Measurement(event(case, accepts_gzip), Table(case.images), requests)
    return await run(binary, case, measurement, EDGE if edge else {}), measurement


async def run(binary, case, measurement, variables):
    """Runs a function with these environment variables and those that each function has, until its last request.
    Returns the processor time of a request in seconds."""
    servers = [
        await asyncio.start_server(endlessly(handler), "127.0.0.1", 0, limit=2**20)
        for handler in (measurement.aws, measurement.runtime)
    ]
    aws, runtime = (f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers)
    environment = {
        "AWS_ENDPOINT_URL": f"http://{aws}", "AWS_LAMBDA_RUNTIME_API": runtime, "AWS_REGION": "eu-central-1",
        # Without it, addresses of pictures would be on the loopback interface.
        "AWS_ENDPOINT_URL_S3": "https://s3.eu-central-1.amazonaws.com",
        "AWS_ACCESS_KEY_ID": "ASIA0123456789ABCDEF", "AWS_SECRET_ACCESS_KEY": "s" * 40,
        "AWS_SESSION_TOKEN": session_token(), "AWS_LAMBDA_FUNCTION_NAME": case.function,
        "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "TABLE_NAME": "darkroom-Table-1A2B3C4D5E6F", "CURSOR_KEY": "c" * 100, "RESIZE_FUNCTION": "resize",
        "RENDITION_FUNCTION": "rendition", "DEFAULT_REGION": "DE", "API_URL": "https://api.example",
        "UPLOADS_BUCKET": "darkroom-uploads-123456789012-eu-central-1",
        "DERIVED_BUCKET": "darkroom-derived-123456789012-eu-central-1",
        # As template.yaml sets them.
        "MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TOP_PAD_": "4194304",
    } | variables
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(binary, env=environment, stdout=quiet, stderr=quiet)
    measurement.process = process
    try:
        return await asyncio.wait_for(measurement.end, TIMEOUT)
    finally:
        process.kill()
        await process.wait()
        for server in servers:
            server.close()


def body_of(response):
    """The bytes that are sent, and the text."""
    body = response.get("body") or ""
    sent = base64.b64decode(body) if response["isBase64Encoded"] else body.encode()
    headers = {name.lower(): value for name, value in response["headers"].items()}
    text = gzip.decompress(sent) if headers.get("content-encoding") == "gzip" else sent
    return sent, text.decode(), headers


def row(directory, case, edge, plain, compressed):
    (seconds, measurement), (gzip_seconds, with_gzip) = plain, compressed
    sent, text, headers = body_of(measurement.response)
    gzipped, _, _ = body_of(with_gzip.response)
    if measurement.response["statusCode"] not in (200, 201, 302):
        raise SystemExit(f"{case.name}: {text}")
    addresses = text.count('"url":"https://') + text.count('_url":"https://') + int("location" in headers)
    return {
        "build": str(directory), "request": case.name, "function": case.function, "edge": edge, "addresses": addresses,
        "bytes": len(sent) + len(headers.get("location", "")),
        "gzip_bytes": len(gzipped) + len(headers.get("location", "")),
        "cpu_ms": round(seconds * 1000, 3), "gzip_cpu_ms": round(gzip_seconds * 1000, 3),
        "calls": [{"operation": operation, "bytes": size} for operation, size in measurement.table.calls],
        "calls_on_a_new_instance": len(measurement.first_calls),
    }


def print_table(rows):
    print("| request | edge | calls | addresses | bytes | with gzip | CPU, ms | with gzip, ms |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for found in rows:
        edge = "on" if found["edge"] else "off"
        print(
            f"| {found['request']} | {edge} | {len(found['calls'])} | {found['addresses']} | {found['bytes']:,} "
            f"| {found['gzip_bytes']:,} | {found['cpu_ms']:.2f} | {found['gzip_cpu_ms']:.2f} |"
        )


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--bodies", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("requests", type=int)
    parser.add_argument("directories", type=Path, nargs="+")
    arguments = parser.parse_args()
    all_rows = []
    for directory in arguments.directories:
        rows = []
        for case, edge in itertools.product(CASES, (False, True)):
            if arguments.only not in case.name:
                continue
            binary = found(directory, case.function)
            runs = [await measure(binary, case, edge, accepts, arguments.requests) for accepts in (False, True)]
            rows.append(row(directory, case, edge, *runs))
            if arguments.bodies:
                arguments.bodies.mkdir(parents=True, exist_ok=True)
                name = f"{case.name}, {'edge' if edge else 's3'}.json"
                (arguments.bodies / name).write_text(body_of(runs[0][1].response)[1])
        print(f"\n{directory}\n")
        print_table(rows)
        all_rows += rows
    if arguments.json:
        arguments.json.write_text(json.dumps(all_rows, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
