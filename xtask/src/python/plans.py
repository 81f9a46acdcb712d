"""What the stand-ins are to answer, and the calls that came, each by a word that a test made up."""

import threading
import time


class Wrong(Exception):
    """A request that is not as its provider documents it."""


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
        """Keeps a call, and gives what it is to be answered with, when that is due."""
        with self.lock:
            self.calls.setdefault(word, []).append(call | {"time": time.time()})
            steps = self.steps.get(word, [])
            step = steps.pop(0) if steps else {}
        time.sleep(step.get("seconds", 0))
        return step
