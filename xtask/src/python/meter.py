"""Counts what AWS would bill, for `cargo xtask cost`: calls, capacity units, bytes, log lines and processor time.

`POST /_darkroom/meter` sets the counters to zero and begins to count, `GET` returns what was counted. Only the
emulators of tests have this address. Until the first `POST`, nothing is counted and no request is changed.

ministack calculates the write units of DynamoDB as AWS does ("DynamoDB read and write operations" and "Using Global
Secondary Indexes in DynamoDB", Amazon DynamoDB Developer Guide): a write of each begun KB costs a unit, and two in a
transaction, and each index whose view of the item changes costs its own. A write that a condition refuses returns no
units, and is counted without them. Read units are calculated here, because ministack ignores the sizes of items.
"""

import json
import os
import re
import threading
from collections import Counter, defaultdict
from pathlib import Path

from ministack.core import lambda_runtime
from ministack.services import dynamodb, eventbridge, lambda_svc, s3, sqs, sts

PATH = "/_darkroom/meter"
READS = {"GetItem", "BatchGetItem", "Query", "Scan"}
# `darkroom-local-ImagesCreate-1A2B3C`.
FUNCTION = re.compile(r"darkroom-local-(\w+)-\w+$")
TICKS = os.sysconf("SC_CLK_TCK")


def read_units(operation, request, answer):
    """The read units of a request ("DynamoDB read and write operations", Amazon DynamoDB Developer Guide): one for each
    begun 4 KB, or half of one if the read is not consistent. A query rounds the sum of its items, and a batch each
    item."""

    def units(table, consistent, *items):
        size = sum(dynamodb._billed_item_bytes(dynamodb._tables.get(table, {}), item) for item in items)
        return max(1, -(-size // 4096)) * (1 if consistent else 0.5)

    match operation:
        case "BatchGetItem":
            total = 0
            for table, asked in request["RequestItems"].items():
                found = answer.get("Responses", {}).get(table, [])
                # A key without an item costs as much as a small item.
                found = found + [{}] * (len(asked["Keys"]) - len(found))
                total += sum(units(table, asked.get("ConsistentRead"), item) for item in found)
            return total
        case "GetItem":
            return units(request["TableName"], request.get("ConsistentRead"), answer.get("Item", {}))
        case _:
            return units(request["TableName"], request.get("ConsistentRead"), *answer.get("Items", []))


def write_units(consumed):
    """The write units that an answer names, and the part of each index."""
    consumed = [consumed] if isinstance(consumed, dict) else consumed
    sizes = Counter(writes=sum(one["CapacityUnits"] for one in consumed))
    for one in consumed:
        for index, part in (one.get("GlobalSecondaryIndexes") or {}).items():
            sizes[f"index {index}"] += part["CapacityUnits"]
    return sizes


class Meter:
    """What was counted since the last start."""

    def __init__(self, poller):
        self.poller, self.lock = poller, threading.Lock()
        self.counts, self.running, self.before = False, 0, {}
        self.calls, self.invocations = defaultdict(Counter), defaultdict(Counter)

    def start(self):
        with self.lock:
            self.counts = True
            self.calls.clear()
            self.invocations.clear()
            self.before = processor_times()

    def call(self, service, operation, caller, **amounts):
        if self.counts:
            with self.lock:
                self.calls[caller, service, operation].update(Counter(count=1, **amounts))

    def state(self):
        """The calls and the invocations, and whether something still runs."""
        with self.lock:
            calls = [
                {"function": function, "service": service, "operation": operation} | amounts
                for (function, service, operation), amounts in sorted(self.calls.items())
            ]
            invocations = {function: dict(amounts) for function, amounts in sorted(self.invocations.items())}
            before = self.before
            running = self.running
        for amounts in invocations.values():
            amounts["cpu_ms"] = 0.0
        for key, seconds in processor_times().items():
            if key[0] in invocations:
                invocations[key[0]]["cpu_ms"] += (seconds - before.get(key, 0.0)) * 1000
        return {"calls": calls, "invocations": invocations, "busy": running + self.poller.behind()}

    # ------------------------------------------------------------ what is replaced in ministack

    def for_dynamodb(self, handle):
        async def request(method, path, headers, body, query):
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            if not self.counts or operation not in READS | {
                "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem",
            }:
                return await handle(method, path, headers, body, query)
            asked = json.loads(body or b"{}") | {"ReturnConsumedCapacity": "INDEXES"}
            answer = await handle(method, path, headers, json.dumps(asked).encode(), query)
            said = json.loads(answer[2] or b"{}")
            if operation in READS:
                sizes = Counter(reads=read_units(operation, asked, said))
            else:
                sizes = write_units(said.get("ConsumedCapacity") or [])
            self.call("DynamoDB", operation, caller(headers), received=len(answer[2]), sent=len(body), **sizes)
            return answer

        return request

    def for_s3(self, handle):
        async def request(method, path, headers, body, query, *rest, **options):
            answer = await handle(method, path, headers, body, query, *rest, **options)
            if self.counts and not options.get("internal"):
                operation = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject"}.get(method, method.title())
                operation = {"Delete": "DeleteObject", "Post": "DeleteObjects"}.get(operation, operation)
                if "list-type" in query or "versions" in query:
                    operation = "ListObjects"
                received = len(answer[2]) if isinstance(answer[2], (bytes, str)) else 0
                self.call("S3", operation, caller(headers), sent=len(body or b""), received=received)
            return answer

        return request

    def for_target(self, service, handle):
        """For services whose requests name the operation in X-Amz-Target."""

        async def request(method, path, headers, body, query):
            if self.counts:
                operation = headers.get("x-amz-target", "").rpartition(".")[2]
                entries = json.loads(body or b"{}").get("Entries") or [None] if operation else [None]
                self.call(service, operation, caller(headers), entries=len(entries), sent=len(body))
            return await handle(method, path, headers, body, query)

        return request

    def for_invocations(self, execute):
        def dispatch(function, config, event, *rest):
            with self.lock:
                self.running += 1
            try:
                result = execute(function, config, event, *rest)
            finally:
                with self.lock:
                    self.running -= 1
            if self.counts:
                lines = [line for line in (result.get("log") or "").splitlines() if line.strip()]
                records = event.get("Records") if isinstance(event, dict) else None
                is_stream = bool(records) and records[0].get("eventSource") == "aws:dynamodb"
                amounts = Counter(
                    count=1, log_lines=len(lines), log_bytes=sum(len(line.encode()) for line in lines),
                    # Lambda may deliver each record of a stream alone.
                    records=len(records) if is_stream else 1, errors=int(bool(result.get("error"))),
                )
                with self.lock:
                    name = name_of(config.get("FunctionName", ""))
                    self.invocations[name].update(amounts)
                    self.invocations[name]["memory_mb"] = config.get("MemorySize", 128)
            return result

        return dispatch


def name_of(function):
    """The logical id of a function in template.yaml."""
    found = FUNCTION.match(function)
    return found[1] if found else function


def caller(headers):
    """The function that sent a request. Empty for a client."""
    key = headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
    return name_of(sts._sessions.get(key, {}).get("Arn", "").rpartition("/")[2])


def processor_times():
    """The processor time of each instance in seconds, with that of the child processes that have ended."""
    with lambda_runtime._lock:
        workers = [worker for workers in lambda_runtime._workers.values() for worker in workers]
    times = {}
    for worker in workers:
        process = worker._proc
        if process is None or process.poll() is not None:
            continue
        try:
            tasks = Path(f"/proc/{process.pid}/task").iterdir()
            own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            # It has just ended.
            continue
        times[name_of(worker.func_name), process.pid] = own + (int(fields[13]) + int(fields[14])) / TICKS
    return times


class Control:
    """Answers the requests to PATH, and passes on all others."""

    def __init__(self, application, meter):
        self.application, self.meter = application, meter

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != PATH:
            return await self.application(scope, receive, send)
        if scope["method"] == "POST":
            self.meter.start()
        body = json.dumps(self.meter.state()).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        return await send({"type": "http.response.body", "body": body})


def install(application, poller):
    """Puts the meter into ministack, and returns the application with the address of the counters."""
    meter = Meter(poller)
    dynamodb.handle_request = meter.for_dynamodb(dynamodb.handle_request)
    s3.handle_request = meter.for_s3(s3.handle_request)
    sqs.handle_request = meter.for_target("SQS", sqs.handle_request)
    eventbridge.handle_request = meter.for_target("EventBridge", eventbridge.handle_request)
    lambda_svc._execute_function_dispatch = meter.for_invocations(lambda_svc._execute_function_dispatch)
    return Control(application, meter)
