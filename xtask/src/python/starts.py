"""Starts few execution environments at the same time, and lets each end its request before it stops.

AWS starts an environment for each simultaneous request. ministack does the same, with a process for each. A hundred
requests would then start a hundred processes at once, and all other requests would wait for longer than their timeouts,
because a laptop has few processors. Here, a request waits until an environment of its function is free, or until it may
start one itself.

While a function is updated, AWS goes on to serve requests with the earlier code and configuration ("Lambda function
states", AWS Lambda Developer Guide). ministack kills the function's processes at once, and their requests fail. Here, a
process ends after its request.
"""

import os
import threading

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

AT_ONCE = max(2, os.cpu_count() or 2)
# A waiting request looks for a free environment this often. ministack does not report each release.
POLL_SECONDS = 0.1


class Starts:
    """The environments that are starting. A start needs no other request, so requests that call each other cannot block
    one another."""

    def __init__(self):
        self.changed = threading.Condition()
        self.starting = set()

    def bounded(self, acquire_worker):
        def acquire(name, config, code_zip, qualifier="$LATEST", **options):
            key = lambda_runtime._worker_key(name, config, qualifier)
            with self.changed:
                while len(self.starting) >= AT_ONCE and not is_one_free(key):
                    self.changed.wait(POLL_SECONDS)
                worker, how = acquire_worker(name, config, code_zip, qualifier=qualifier, **options)
                if how == "spawn":
                    self.starting.add(worker)
                return worker, how

        return acquire

    def ended(self, worker):
        with self.changed:
            self.starting.discard(worker)
            self.changed.notify_all()

    def noting_start(self, spawn):
        def noted(worker, *arguments, **options):
            try:
                return spawn(worker, *arguments, **options)
            finally:
                self.ended(worker)

        return noted

    def noting_release(self, release_worker):
        def release(worker):
            release_worker(worker)
            # Also if it has never started.
            self.ended(worker)

        return release


def is_one_free(key):
    with lambda_runtime._lock:
        return any(not worker.in_use for worker in lambda_runtime._workers.get(key, []))


def after_their_requests(kill_workers):
    """Kills the processes that serve no request now, and each of the others when it has ended its request."""

    def end(worker):
        # A worker holds its lock while it serves a request.
        with worker._lock:
            kill_workers([worker])

    def kill(workers):
        busy = [worker for worker in workers if worker._lock.locked()]
        kill_workers([worker for worker in workers if worker not in busy])
        for worker in busy:
            threading.Thread(target=end, args=[worker], daemon=True).start()

    return kill


def install():
    starts = Starts()
    lambda_runtime.kill_workers = after_their_requests(lambda_runtime.kill_workers)
    lambda_svc.acquire_worker = starts.bounded(lambda_svc.acquire_worker)
    lambda_svc.release_worker = starts.noting_release(lambda_svc.release_worker)
    # Each of the two has a method of its own.
    for kind in (lambda_runtime.Worker, lambda_runtime.ProvidedWorker):
        kind._spawn = starts.noting_start(kind._spawn)
