"""Makes the delivery of events as bad as AWS allows, for `cargo xtask chaos`.

Lambda and SQS deliver at least once, sometimes late and in any order ("Event notification types and destinations",
Amazon S3 User Guide; "Amazon SQS at-least-once delivery", Amazon SQS Developer Guide). ministack delivers everything
once and at once. While a plan is set, this module repeats and delays events, so that they also overtake each other.

`POST /_darkroom/chaos` sets the plan, `GET` returns what was done and what is still on its way. Only the emulators of
tests have this address.
"""

import contextvars
import heapq
import itertools
import json
import random
import threading
import time
import uuid

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import lambda_svc, sqs

PATH = "/_darkroom/chaos"
# How many asynchronous events run at the same time. On AWS the reserved concurrency of the function is the limit.
THREADS = 6
QUIET = {"seed": 0, "repeat": 0.0, "delay": 0.0, "delay_seconds": 0.0, "lose": 0.0, "hurry": 1.0}


class Deliveries:
    """The plan, and the asynchronous events that wait."""

    def __init__(self):
        self.plan, self.random = None, random.Random(0)
        self.waiting, self.order, self.running = [], itertools.count(), 0
        self.changed = threading.Condition()
        # Since the last plan with a seed.
        self.counts = {"repeated": 0, "delayed": 0, "lost": 0, "retried": 0, "given_up": 0}
        self.invoke_async, self.receive = lambda_svc.invoke_async_with_retry, sqs._receive_messages_for_esm
        self.change_visibility, self.send_message = sqs._act_change_visibility, sqs._act_send_message
        self.threads = []

    def set_plan(self, plan):
        with self.changed:
            self.plan = None if plan is None else QUIET | plan
            if plan and "seed" in plan:
                self.random = random.Random(plan["seed"])
                self.counts = dict.fromkeys(self.counts, 0)
            if not self.threads:
                self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(THREADS)]
                for thread in self.threads:
                    thread.start()

    def happens(self, what):
        with self.changed:
            return self.plan is not None and self.random.random() < self.plan[what]

    def times(self):
        """When to deliver an event, in seconds from now."""
        with self.changed:
            plan, chance = self.plan or QUIET, self.random
            first = chance.uniform(0, plan["delay_seconds"]) if chance.random() < plan["delay"] else 0.0
            times = [first]
            if chance.random() < plan["repeat"]:
                times.append(first + chance.uniform(0, 2 * plan["delay_seconds"]))
            self.counts["delayed"] += first > 0
            self.counts["repeated"] += len(times) - 1
            return times

    def repeats_batch(self):
        """Whether a batch of a stream is delivered once more."""
        if not self.happens("repeat"):
            return False
        self.counts["repeated"] += 1
        return True

    # ------------------------------------------------------------ asynchronous invocations

    def invoke(self, function, event):
        """Replaces `lambda_svc.invoke_async_with_retry`."""
        if self.plan is None:
            return self.invoke_async(function, event)
        if self.happens("lose"):
            self.counts["lost"] += 1
            return None
        for seconds in self.times():
            # Each delivery has an id of its own. Its retries keep it.
            self.later(seconds, (contextvars.copy_context(), function, event, str(uuid.uuid4()), 0))
        return None

    def later(self, seconds, delivery):
        with self.changed:
            heapq.heappush(self.waiting, (time.monotonic() + seconds, next(self.order), delivery))
            self.changed.notify()

    def work(self):
        while True:
            with self.changed:
                while not self.waiting or self.waiting[0][0] > time.monotonic():
                    left = self.waiting[0][0] - time.monotonic() if self.waiting else None
                    self.changed.wait(left)
                _, _, delivery = heapq.heappop(self.waiting)
                self.running += 1
            try:
                delivery[0].run(self.deliver, *delivery)
            finally:
                with self.changed:
                    self.running -= 1

    def deliver(self, context, function, event, request_id, failures):
        config = function.get("config") or function
        account, region = lambda_svc._account_region_from_function_config(config)
        _request_account_id.set(account)
        _request_region.set(region)
        slot, _ = lambda_svc._acquire_execution_slot(function, config)
        if slot is None:
            # A throttled event stays in Lambda's own queue, and uses up no attempt ("Asynchronous invocation").
            return self.later(0.5, (context, function, event, request_id, failures))
        try:
            result = lambda_svc._execute_function_dispatch(function, config, event, request_id, time.time())
        finally:
            lambda_svc._release_execution_slot(slot)
        log(config.get("FunctionName"), event, result)
        if not result.get("error"):
            return None
        settings = (function.get("event_invoke_configs") or {}).get("$LATEST")
        settings = function.get("event_invoke_config") or settings or {}
        retries = settings.get("MaximumRetryAttempts", 2)
        if failures < retries:
            self.counts["retried"] += 1
            return self.later(2**failures, (context, function, event, request_id, failures + 1))
        self.counts["given_up"] += 1
        target = (settings.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
        if target:
            lambda_svc._route_async_failure(target, config.get("FunctionName", ""), event, result)
        return None

    # ------------------------------------------------------------ messages

    def receive_messages(self, queue_url, most):
        """Replaces `sqs._receive_messages_for_esm`: delays new messages, and leaves copies of some in the queue."""
        if self.plan is None:
            return self.receive(queue_url, most)
        with sqs._queues_lock:
            queue, now = sqs._get_q(queue_url), time.time()
            for message in list(queue["messages"]):
                if message.get("chaos") or message.get("receive_count"):
                    continue
                message["chaos"] = True
                first, *repeats = self.times()
                message["visible_at"] = max(message["visible_at"], now + first)
                for seconds in repeats:
                    queue["messages"].append(message | {"visible_at": now + seconds, "receipt_handle": None})
        return self.receive(queue_url, most)

    def hurries(self, data, queue_url):
        """Whether the pauses of a queue are shortened. A job stores the time of its next attempt, which stays the
        same, so a shorter pause would only deliver its message too often."""
        return self.plan is not None and "Retries" in data.get("QueueUrl", queue_url)

    def change_visibility_sooner(self, data, queue_url):
        """Replaces `sqs._act_change_visibility`: shortens long pauses, so that a run need not wait for hours."""
        if self.hurries(data, queue_url):
            seconds = int(data.get("VisibilityTimeout", 30))
            data = data | {"VisibilityTimeout": min(seconds, max(1, round(seconds / self.plan["hurry"])))}
        return self.change_visibility(data, queue_url)

    def send_sooner(self, data, queue_url):
        """Replaces `sqs._act_send_message`: shortens the delay of a message."""
        if self.hurries(data, queue_url) and "DelaySeconds" in data:
            data = data | {"DelaySeconds": round(int(data["DelaySeconds"]) / self.plan["hurry"])}
        return self.send_message(data, queue_url)

    def state(self, behind):
        with self.changed:
            return self.counts | {"waiting": len(self.waiting) + self.running, "behind": behind()}


def log(function, event, result):
    """Keeps what a function did in the emulator's log, which xtask keeps after a failure."""
    lambda_svc.logger.info("%s got %s and said %s\n%s", function, event, result.get("body"), result.get("log", ""))


class Control:
    """Answers the requests to PATH, and passes on all others."""

    def __init__(self, application, deliveries, poller):
        self.application, self.deliveries, self.poller = application, deliveries, poller

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] != PATH:
            return await self.application(scope, receive, send)
        if scope["method"] == "POST":
            message = await receive()
            self.deliveries.set_plan(json.loads(message.get("body") or b"null"))
        body = json.dumps(self.deliveries.state(self.poller.behind)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        return await send({"type": "http.response.body", "body": body})


def install(application, poller):
    """Puts the deliveries into ministack, and returns the application with the address of the plan."""
    deliveries = Deliveries()
    poller.repeats = deliveries.repeats_batch
    lambda_svc.invoke_async_with_retry = deliveries.invoke
    sqs._receive_messages_for_esm = deliveries.receive_messages
    sqs._HANDLERS["SendMessage"] = deliveries.send_sooner
    sqs._HANDLERS["ChangeMessageVisibility"] = deliveries.change_visibility_sooner
    return Control(application, deliveries, poller)
