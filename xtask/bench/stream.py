"""Measures how many removals of images `workers-stream` processes in a second, if each call takes some milliseconds.

Usage: stream.py MILLISECONDS BINARY…

Each binary receives one batch of 200 stream records from a Lambda Runtime API, and sends its calls to a server that
answers all of them after the same time. Everything is on the loopback interface. So the result shows how many calls the
function makes, and how many of them at the same time. It does not depend on the speed of an emulator.
"""

import asyncio
import copy
import json
import statistics
import sys
import time
from pathlib import Path

from loopback import endlessly, respond

RECORDS = 200
RUNS = 5
TIMEOUT = 60
SAMPLE = Path(__file__).parents[2] / "events/workers-stream.json"
CASES = [
    ("never uploaded, of one user", 1, False),
    ("never uploaded, each of another user", RECORDS, False),
    ("with a thumbnail, of one user", 1, True),
]
LIST = '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{}1</Key></Contents></ListBucketResult>'


def batch(users, have_files):
    """The removals of images, each in the shape of events/workers-stream.json."""
    sample = json.loads(SAMPLE.read_text())["Records"][0]
    records = []
    for number in range(RECORDS):
        record = copy.deepcopy(sample)
        change = record["dynamodb"]
        change["SequenceNumber"] = str(10**20 + number)
        image = change["OldImage"]
        image["id"] = {"S": f"01JZ8Q4T2N6V5X3R9C7M{number:06}"}
        for item in (change["Keys"], image):
            item["pk"] = {"S": f"USER#5f0c1d9e-7c53-4d7e-a1c9-{number % users:012}"}
            item["sk"] = {"S": f"IMAGE#{image['id']['S']}"}
        if not have_files:
            image["status"] = {"S": "pending"}
            for name in ("picture", "sequencer", "uploaded_at"):
                image.pop(name, None)
        records.append(record)
    return {"Records": records}


class Measurement:
    def __init__(self, event, seconds):
        self.event, self.seconds = json.dumps(event), seconds
        self.calls, self.start, self.end = 0, None, asyncio.get_running_loop().create_future()

    async def aws(self, head, headers, _body, writer):
        await asyncio.sleep(self.seconds)
        self.calls += 1
        line = head.split("\r\n")[0]
        if "x-amz-target" in headers:
            respond(writer, "{}", content_type="application/x-amz-json-1.0")
        elif "list-type" in line:
            prefix = line.split("prefix=")[1].split("&")[0].split(" ")[0].replace("%2F", "/")
            respond(writer, LIST.format(prefix), content_type="application/xml")
        else:
            respond(writer, "<DeleteResult></DeleteResult>", content_type="application/xml")

    async def runtime(self, head, _headers, body, writer):
        if "/invocation/next" not in head:
            self.end.set_result((time.perf_counter() - self.start, json.loads(body)))
            respond(writer, "", "202 Accepted")
            return
        if self.start:
            await asyncio.sleep(TIMEOUT)
        self.start = time.perf_counter()
        deadline = int((time.time() + TIMEOUT) * 1000)
        respond(
            writer, self.event, lambda_runtime_aws_request_id="1", lambda_runtime_deadline_ms=deadline,
            lambda_runtime_invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:workers-stream",
        )


async def measure(binary, event, seconds):
    """The seconds and the calls of one batch."""
    measurement = Measurement(event, seconds)
    servers = [
        await asyncio.start_server(endlessly(handler), "127.0.0.1", 0)
        for handler in (measurement.aws, measurement.runtime)
    ]
    aws, runtime = (f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers)
    names = ("TABLE_NAME", "UPLOADS_BUCKET", "DERIVED_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    jobs = ("ANALYSIS_QUEUE", "EDITS_QUEUE", "DROPBOX_QUEUE", "DOWNLOADS_QUEUE", "WEBHOOKS_QUEUE", "ACCOUNTS_QUEUE")
    queues = (*jobs, "TIERS_QUEUE", "UPLOAD_RETRIES", "RECLAIM_QUEUE")
    variables = dict.fromkeys(names, "bench") | dict.fromkeys(queues, f"http://{aws}/queue") | {
        "AWS_ENDPOINT_URL": f"http://{aws}", "AWS_LAMBDA_RUNTIME_API": runtime, "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "workers-stream", "AWS_LAMBDA_FUNCTION_VERSION": "1", "RETRY_SECONDS": "10",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "UPLOAD_RETRY_SECONDS": "10",
    }
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(binary, env=variables, stdout=quiet)
    exited = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait([measurement.end, exited], timeout=TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if not measurement.end.done():
            sys.exit(f"{binary} did not answer within {TIMEOUT} seconds, or exited before")
        seconds, answer = measurement.end.result()
    finally:
        if not exited.done():
            process.kill()
        await exited
        for server in servers:
            server.close()
    if answer["batchItemFailures"]:
        sys.exit(f"{binary} did not process all records")
    return seconds, measurement.calls


async def main(milliseconds, *binaries):
    print("| images | binary | calls for each removal | removals a second |")
    print("| --- | --- | ---: | ---: |")
    for name, users, have_files in CASES:
        event = batch(users, have_files)
        results = {binary: [] for binary in binaries}
        for _ in range(RUNS):
            for binary in binaries:
                results[binary].append(await measure(binary, event, int(milliseconds) / 1000))
        for binary, runs in results.items():
            seconds = statistics.median(seconds for seconds, _ in runs)
            print(f"| {name} | `{binary}` | {runs[0][1] / RECORDS:.2f} | {RECORDS / seconds:.0f} |")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
