"""Measures how many removals of images `workers-stream` processes in a second, if each call takes some milliseconds.
Also measures how long a user waits for another user who deletes many images.

Usage: stream.py MILLISECONDS BINARY…

Each binary receives batches of up to 200 stream records from a Lambda Runtime API, and sends its calls to a server that
answers all of them after the same time. Everything is on the loopback interface. So the result shows how many calls the
function makes, and how many of them at the same time. It does not depend on the speed of an emulator.
"""

import asyncio
import copy
import functools
import json
import statistics
import sys
import time
from pathlib import Path

from loopback import endlessly, respond

RECORDS = 200
RUNS = 5
TIMEOUT = 60
SAMPLE = json.loads((Path(__file__).parents[2] / "events/workers-stream.json").read_text())["Records"][0]
CASES = [
    ("never uploaded, of one user", 1, False),
    ("never uploaded, each of another user", RECORDS, False),
    ("with a thumbnail, of one user", 1, True),
]
# Lambda processes so many batches of a shard at the same time (template.yaml, ParallelizationFactor).
LANES = 4
# Creations and deletions of images by one user. The event source leaves the creations out.
PAIRS = (0, 5000)
JOB = "01JZ8Q4T2N6V5X3R9C7M1K0B8D"
LIST = '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{}1</Key></Contents></ListBucketResult>'


def user(number):
    return f"5f0c1d9e-7c53-4d7e-a1c9-{number:012}"


BUSY, OTHER = user(0), user(1)


def removal(number, owner, has_files):
    """The removal of an image, in the shape of events/workers-stream.json."""
    record = copy.deepcopy(SAMPLE)
    change = record["dynamodb"]
    change["SequenceNumber"] = str(10**20 + number)
    image = change["OldImage"]
    image["id"] = {"S": f"01JZ8Q4T2N6V5X3R9C7M{number:06}"}
    for item in (change["Keys"], image):
        item["pk"] = {"S": f"USER#{owner}"}
        item["sk"] = {"S": f"IMAGE#{image['id']['S']}"}
    if not has_files:
        image["status"] = {"S": "pending"}
        for name in ("picture", "sequencer", "uploaded_at"):
            image.pop(name, None)
    return record


def new_job(number, owner):
    """The record of a new job."""
    record = copy.deepcopy(SAMPLE)
    keys = {"pk": {"S": f"USER#{owner}"}, "sk": {"S": f"JOB#{JOB}"}}
    job = {"id": {"S": JOB}, "task": {"S": "delete_dropbox_copy"}, "path": {"S": "/a"}, "attempts": {"N": "0"}}
    record["eventName"] = "INSERT"
    change = record["dynamodb"]
    del change["OldImage"]
    change.update(Keys=keys, NewImage=keys | job, SequenceNumber=str(10**20 + number))
    return record


def batch(users, have_files):
    """One batch of removals, each of the next user."""
    return {"Records": [removal(number, user(number % users), have_files) for number in range(RECORDS)]}


def behind(pairs):
    """The batches of each lane: removals of one user, and behind them a removal and a job of another user."""
    records = [removal(number, BUSY, False) for number in range(pairs)]
    lanes = [records[lane::LANES] for lane in range(LANES)]
    lanes[0].append(removal(pairs, OTHER, True))
    lanes[1].append(new_job(pairs + 1, OTHER))
    return [
        [{"Records": lane[start : start + RECORDS]} for start in range(0, len(lane), RECORDS)] for lane in lanes
    ]


class Measurement:
    """`lanes` contains the batches of each instance of the function. All instances begin at the same time."""

    def __init__(self, lanes, seconds):
        self.lanes, self.seconds = [[json.dumps(event) for event in lane] for lane in lanes], seconds
        self.calls, self.start, self.end = 0, None, asyncio.get_running_loop().create_future()
        self.left, self.failures, self.begun = sum(map(len, lanes)), [], set()
        self.barrier = asyncio.Barrier(len(lanes))
        # When the clean-up after the image of the other user had ended, and when the job was in its queue.
        self.cleaned_up, self.queued = None, None

    async def aws(self, head, headers, body, writer):
        await asyncio.sleep(self.seconds)
        self.calls += 1
        line, target = head.split("\r\n")[0], headers.get("x-amz-target", "")
        if target.endswith(".TransactWriteItems") and OTHER.encode() in body:
            self.cleaned_up = time.perf_counter() - self.start
        if target.endswith(".SendMessage") and JOB.encode() in body:
            self.queued = time.perf_counter() - self.start
        if target:
            respond(writer, "{}", content_type="application/x-amz-json-1.0")
        elif "list-type" in line:
            prefix = line.split("prefix=")[1].split("&")[0].split(" ")[0].replace("%2F", "/")
            respond(writer, LIST.format(prefix), content_type="application/xml")
        else:
            respond(writer, "<DeleteResult></DeleteResult>", content_type="application/xml")

    async def runtime(self, lane, head, _headers, body, writer):
        if "/invocation/next" not in head:
            self.failures += json.loads(body)["batchItemFailures"]
            respond(writer, "", "202 Accepted")
            self.left -= 1
            if not self.left:
                self.end.set_result(time.perf_counter() - self.start)
            return
        if lane not in self.begun:
            self.begun.add(lane)
            await self.barrier.wait()
            self.start = self.start or time.perf_counter()
        if not self.lanes[lane]:
            await asyncio.sleep(TIMEOUT)
            return
        deadline = int((time.time() + TIMEOUT) * 1000)
        respond(
            writer, self.lanes[lane].pop(0), lambda_runtime_aws_request_id="1", lambda_runtime_deadline_ms=deadline,
            lambda_runtime_invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:workers-stream",
        )


def variables(aws, runtime):
    """The environment of an instance."""
    names = ("TABLE_NAME", "UPLOADS_BUCKET", "DERIVED_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    jobs = ("ANALYSIS_QUEUE", "EDITS_QUEUE", "DROPBOX_QUEUE", "DOWNLOADS_QUEUE", "WEBHOOKS_QUEUE", "ACCOUNTS_QUEUE")
    queues = (*jobs, "TIERS_QUEUE", "UPLOAD_RETRIES", "RECLAIM_QUEUE")
    return dict.fromkeys(names, "bench") | dict.fromkeys(queues, f"http://{aws}/queue") | {
        "AWS_ENDPOINT_URL": f"http://{aws}", "AWS_LAMBDA_RUNTIME_API": runtime, "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "workers-stream", "AWS_LAMBDA_FUNCTION_VERSION": "1", "RETRY_SECONDS": "10",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "UPLOAD_RETRY_SECONDS": "10",
    }


async def measure(binary, lanes, seconds):
    """Lets an instance for each lane process its batches. Returns the seconds of all batches, and the measurement."""
    measurement = Measurement(lanes, seconds)
    handlers = [functools.partial(measurement.runtime, lane) for lane in range(len(lanes))]
    servers = [
        await asyncio.start_server(endlessly(handler), "127.0.0.1", 0) for handler in (measurement.aws, *handlers)
    ]
    aws, *runtimes = (f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers)
    quiet = asyncio.subprocess.DEVNULL
    processes = [
        await asyncio.create_subprocess_exec(binary, env=variables(aws, runtime), stdout=quiet) for runtime in runtimes
    ]
    exits = [asyncio.ensure_future(process.wait()) for process in processes]
    try:
        await asyncio.wait([measurement.end, *exits], timeout=TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if not measurement.end.done():
            sys.exit(f"{binary} did not answer within {TIMEOUT} seconds, or exited before")
    finally:
        for process, exited in zip(processes, exits, strict=True):
            if not exited.done():
                process.kill()
            await exited
        for server in servers:
            server.close()
    if measurement.failures:
        sys.exit(f"{binary} did not process all records")
    return measurement.end.result(), measurement


async def removals(seconds, binaries):
    print("| images | binary | calls for each removal | removals a second |")
    print("| --- | --- | ---: | ---: |")
    for name, users, have_files in CASES:
        event = batch(users, have_files)
        results = {binary: [] for binary in binaries}
        for _ in range(RUNS):
            for binary in binaries:
                results[binary].append(await measure(binary, [[event]], seconds))
        for binary, runs in results.items():
            median = statistics.median(duration for duration, _ in runs)
            print(f"| {name} | `{binary}` | {runs[0][1].calls / RECORDS:.2f} | {RECORDS / median:.0f} |")


async def waits(seconds, binaries):
    print("\n| pairs of one user | binary | deletion of another user, seconds | job of another user, seconds |")
    print("| ---: | --- | ---: | ---: |")
    for pairs in PAIRS:
        results = {binary: [] for binary in binaries}
        for _ in range(RUNS):
            for binary in binaries:
                _, measurement = await measure(binary, behind(pairs), seconds)
                results[binary].append((measurement.cleaned_up, measurement.queued))
        for binary, runs in results.items():
            cleaned_up, queued = (statistics.median(times) for times in zip(*runs, strict=True))
            print(f"| {pairs:,} | `{binary}` | {cleaned_up:.2f} | {queued:.2f} |")


async def main(milliseconds, *binaries):
    seconds = int(milliseconds) / 1000
    await removals(seconds, binaries)
    await waits(seconds, binaries)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
