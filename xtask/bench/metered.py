"""A client of a running stack with a meter (xtask/src/python/meter.py)."""

import http.client
import json
import sys
import time
from urllib.parse import urlsplit

METER = "/_darkroom/meter"
PAUSE = 0.5
PATIENCE = 120


class Client:
    """Sends requests to the emulator, which finds the service by the header `Host`."""

    def __init__(self, outputs):
        self.api, self.user = urlsplit(outputs["api_url"]), outputs["demo"]
        self.token, self.requests, self.received = None, 0, 0

    def send(self, method, address, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=PATIENCE)
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, (headers or {}) | {"Host": parts.netloc})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if response.status >= 300:
            raise SystemExit(f"{method} {parts.path}: {response.status} {content[:500]}")
        return content

    def call(self, method, path, body=None, headers=None):
        """A request to the API. It is counted."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | (headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        content = self.send(method, f"{self.api.scheme}://{self.api.netloc}{path}", body, headers)
        self.requests, self.received = self.requests + 1, self.received + len(content)
        return json.loads(content or b"null")

    def log_in(self):
        answer = self.call("POST", "/api/auth/login", self.user)
        self.token = answer["access_token"]

    def upload(self, body, content, headers=None):
        """Creates an image, sends its file, and waits until its picture is ready. Returns the id of the image."""
        created = self.call("POST", "/api/images", body, headers)
        target, image = created["upload"], created["image"]["id"]
        self.send(target["method"], target["url"], content, target["headers"])
        end = time.monotonic() + PATIENCE
        while (status := self.call("GET", f"/api/images/{image}/status")["status"]) != "ready":
            if status == "failed" or time.monotonic() > end:
                raise SystemExit(f"the picture is {status}")
            time.sleep(PAUSE)
        return image

    def meter(self, method):
        return json.loads(self.send(method, f"{self.api.scheme}://localhost:{self.api.port}{METER}"))

    def quiet(self):
        """Waits until nothing runs any more, and returns what the meter has counted."""
        end, calm = time.monotonic() + PATIENCE, 0
        while calm < 4:
            if time.monotonic() > end:
                raise SystemExit("the stack does not come to rest")
            time.sleep(PAUSE)
            counted = self.meter("GET")
            calm = calm + 1 if counted["busy"] == 0 else 0
        return counted


def measure(client, name, times, work):
    """Counts what some repetitions of a flow need."""
    client.quiet()
    client.requests = client.received = 0
    client.meter("POST")
    for number in range(times):
        work(number)
    counted = client.quiet()
    print(f"{name}: {times} times, {client.requests} requests", file=sys.stderr)
    failed = {function: found["errors"] for function, found in counted["invocations"].items() if found["errors"]}
    if failed:
        raise SystemExit(f"{name}: invocations failed: {failed}")
    return {
        "flow": name, "times": times, "requests": client.requests, "received": client.received,
        "calls": counted["calls"], "invocations": counted["invocations"],
    }
