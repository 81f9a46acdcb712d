"""Reads the table's stream for functions as Lambda does, in place of ministack's poller.

ministack drops a record that a function reports in `batchItemFailures`, never counts attempts, and lets one slow
function delay all other event sources. Lambda retries from the first reported record on, and sends what failed
`MaximumRetryAttempts` times to the on-failure destination ("Using AWS Lambda with Amazon DynamoDB", "Configuring
partial batch response with DynamoDB and Lambda", AWS Lambda Developer Guide). Bisecting a batch is not imitated.
"""

import json
import threading
import time

from ministack.core.concurrency import spawn_background
from ministack.core.responses import _request_account_id, _request_region
from ministack.services import dynamodb, lambda_svc

PAUSE = 1.0


class StreamPoller:
    """Runs at most one batch for each event source at a time."""

    def __init__(self, repeats=lambda: False):
        # `repeats` decides whether a batch is delivered once more after it succeeded.
        self.repeats = repeats
        self.busy, self.attempts, self.lock = set(), {}, threading.Lock()
        # In memory, as the stream is. ministack saves positions of its own when it stops. In the next process, they are
        # beyond the end of the stream.
        self.positions = {}

    def poll(self):
        """Starts the next batch of each event source. Returns whether it started one, or skipped filtered records."""
        started = False
        for account, region, source in lambda_svc._iter_all_esms():
            arn = source.get("EventSourceArn", "")
            if ":dynamodb:" not in arn or not source.get("Enabled", True):
                continue
            tokens = _request_account_id.set(account), _request_region.set(region)
            try:
                started = self.start(source, arn.split(":table/")[1].split("/")[0]) or started
            finally:
                _request_account_id.reset(tokens[0])
                _request_region.reset(tokens[1])
        return started

    def start(self, source, table):
        source_id = source["UUID"]
        with self.lock:
            if source_id in self.busy:
                return False
        function, _ = lambda_svc._get_func_record_for_qualifier(source["FunctionName"], source.get("Qualifier"))
        if function is None or lambda_svc._esm_backoff_until.get(source_id, 0) > time.time():
            return False
        position = self.position(source, table)
        records = dynamodb.stream_records_since(table, position, source.get("BatchSize", 100))
        if not records:
            return False
        batch = lambda_svc._apply_filter_criteria(records, source)
        if not batch:
            self.advance(source_id, position + len(records))
            return True
        with self.lock:
            self.busy.add(source_id)
        spawn_background(self.run, source, function, position, records, batch, thread_name="stream-batch")
        return True

    def position(self, source, table):
        """Where the next batch begins: at first at the oldest record, because the template says `TRIM_HORIZON`."""
        with self.lock:
            return max(self.positions.get(source["UUID"], 0), dynamodb.stream_start_position(table))

    def advance(self, source_id, position):
        with self.lock:
            self.positions[source_id] = position

    def run(self, source, function, position, records, batch):
        source_id = source["UUID"]
        try:
            result = lambda_svc._execute_function(function, {"Records": batch})
            keys = [record["dynamodb"]["Keys"] for record in batch]
            lambda_svc.logger.info(
                "%s read %s and said %s\n%s", source["FunctionName"], keys, result.get("body"), result.get("log", "")
            )
            failed = first_failure(source, result, batch)
            if failed is None and self.repeats():
                result = lambda_svc._execute_function(function, {"Records": batch})
                failed = first_failure(source, result, batch)
            if failed is None:
                self.attempts.pop(source_id, None)
                self.advance(source_id, position + len(records))
                return
            start = position + records.index(failed)
            attempts = self.attempts.get(source_id, (start, 0))
            count = attempts[1] + 1 if attempts[0] == start else 1
            self.attempts[source_id] = (start, count)
            most = source.get("MaximumRetryAttempts", -1)
            if 0 <= most < count:
                rest, reason = batch[batch.index(failed) :], "RetryAttemptsExhausted"
                lambda_svc._send_ddb_stream_failure_record(
                    source, function, rest, source["EventSourceArn"], result, reason
                )
                start = position + len(records)
            self.advance(source_id, start)
            lambda_svc._esm_backoff_until[source_id] = time.time() + PAUSE
        finally:
            with self.lock:
                self.busy.discard(source_id)
            lambda_svc.esm_wake.set()

    def behind(self):
        """How many records the slowest event source still has to read, filtered ones included."""
        most = 0
        for account, region, source in lambda_svc._iter_all_esms():
            arn = source.get("EventSourceArn", "")
            if ":dynamodb:" not in arn:
                continue
            tokens = _request_account_id.set(account), _request_region.set(region)
            try:
                table = arn.split(":table/")[1].split("/")[0]
                most = max(most, dynamodb.stream_end_position(table) - self.position(source, table))
            finally:
                _request_account_id.reset(tokens[0])
                _request_region.reset(tokens[1])
        return most


def first_failure(source, result, batch):
    """The first record of a batch that has to be delivered again, or None."""
    if result.get("error"):
        return batch[0]
    body = result.get("body")
    body = json.loads(body) if isinstance(body, str) and body else body
    if "ReportBatchItemFailures" not in source.get("FunctionResponseTypes", []) or not isinstance(body, dict):
        return None
    failures = {failure.get("itemIdentifier") for failure in body.get("batchItemFailures") or []}
    if not failures:
        return None
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    # Lambda retries the whole batch if it does not know the identifier.
    known = [numbers.index(number) for number in failures if number in numbers]
    return batch[min(known, default=0)]


def install():
    """Puts the poller into ministack, and returns it."""
    poller = StreamPoller()
    lambda_svc._poll_dynamodb_streams = poller.poll
    return poller
