"""The planned responses of the stand-ins and the received calls, by the word of a test."""

import threading
import time


class Wrong(Exception):
    """A request that violates the provider's documentation."""


class Plans:
    def __init__(self):
        self.steps, self.calls, self.lock = {}, {}, threading.Lock()

    def plan(self, word, steps):
        with self.lock:
            self.steps[word] = steps

    def calls_of(self, word):
        with self.lock:
            return list(self.calls.get(word, []))

    def step(self, word, call):
        """Records a call, waits for the planned delay, and returns the planned response."""
        with self.lock:
            self.calls.setdefault(word, []).append(call | {"time": time.time()})
            steps = self.steps.get(word, [])
            step = steps.pop(0) if steps else {}
        time.sleep(step.get("seconds", 0))
        return step
