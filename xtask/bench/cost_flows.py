"""Measures an upload, a list, a view, the check of a token, a creation with and without a webhook, and a deletion on a
running stack, with its meter (xtask/src/python/meter.py).

Usage: cost_flows.py OUTPUTS JSON [UPLOADS]

Each flow runs alone, after some that are not counted, so that no start of a function is counted. The pictures are
photographs of twelve megapixels with the metadata of a phone.
"""

import io
import json
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import numpy
import skimage
from PIL import Image

from metered import Client, measure

WARM_UP = 4
# The function that checks tokens.
AUTHORIZER = "KeysAuthorizer"
# What the page asks for (web/tiles.js).
LIST = {
    "limit": "24", "thumbnails": "209",
    "fields": "file_name,title,status,created_at,thumbnails,placeholder,source_image_id",
}


def photograph(number):
    """A photograph of twelve megapixels, with noise as a camera has it, and its EXIF."""
    base = Image.fromarray(skimage.data.coffee()).resize((4032, 3024), Image.Resampling.BICUBIC)
    random = numpy.random.default_rng(number)
    noise = random.normal(0, 4, (3024, 4032, 1)) + random.normal(0, 2, (3024, 4032, 3))
    picture = Image.fromarray(numpy.clip(numpy.asarray(base, numpy.float32) + noise, 0, 255).astype(numpy.uint8))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Google", "Pixel 9 Pro", 1
    camera = exif.get_ifd(0x8769)
    camera[0x9003], camera[0x9011], camera[0x8827] = "2026:03:12 19:03:58", "+01:00", 125
    camera[0x829A], camera[0x829D], camera[0x920A] = 0.008, 1.68, 6.9
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=88, exif=exif)
    return content.getvalue()


def upload(client, content, number):
    """Sends a file and waits until its picture is ready. Returns the id of the image."""
    body = {"file_name": f"IMG_20260312_{number:06}.jpg", "content_type": "image/jpeg", "size": len(content)}
    # As the page and the client for TypeScript do.
    return client.upload(body, content, {"Idempotency-Key": str(uuid.uuid4())})


def view(client, image):
    """The image, and its middle thumbnail from the bucket."""
    found = client.call("GET", f"/api/images/{image}")
    thumbnails = found.get("thumbnails") or found["image"]["thumbnails"]
    client.send("GET", thumbnails[len(thumbnails) // 2]["url"])


def authorizations(client, times, image):
    """Measures requests with new tokens. The gateway keeps the check of a token for a minute, so it lets the authorizer
    check each of them."""
    def request(_):
        client.log_in()
        client.call("GET", f"/api/images/{image}/status")

    flow = measure(client, "authorization", times, request)
    checked = flow["invocations"].get(AUTHORIZER, {}).get("count")
    if checked != times:
        raise SystemExit(f"the meter has counted {checked} checks of tokens")
    return flow


def without_authorizer(flow):
    """A flow without the checks of tokens. Its duration decides how many it has."""
    flow["invocations"].pop(AUTHORIZER, None)
    flow["calls"] = [call for call in flow["calls"] if call["function"] != AUTHORIZER]
    return flow


class Receiver(BaseHTTPRequestHandler):
    """Accepts each delivery to a webhook."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def deliveries(client, times):
    """Measures the creation of an image twice: without a webhook, and with one that gets the event."""
    def create(_):
        client.call("POST", "/api/images", {"file_name": "a.jpg", "content_type": "image/jpeg", "size": 1})

    create(0)
    flows = [measure(client, "creation", times, create)]
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    webhook = client.call("POST", "/api/webhooks", {"url": f"http://127.0.0.1:{receiver.server_port}/"})
    create(0)
    flows.append(measure(client, "delivery", times, create))
    client.call("DELETE", f"/api/webhooks/{webhook['id']}")
    receiver.shutdown()
    delivered = flows[1]["invocations"].get("WorkersWebhook", {}).get("count")
    if delivered != times:
        raise SystemExit(f"the meter has counted {delivered} deliveries to the webhook")
    return flows


def check(flow):
    """Stops if the meter has missed a part of an upload: its file, three thumbnails, and what three functions write."""
    puts = sum(call["count"] for call in flow["calls"] if call["operation"] == "PutObject")
    writers = {call["function"] for call in flow["calls"] if call.get("writes")}
    if puts != 4 * flow["times"] or not {"ImagesCreate", "WorkersThumbnail"} <= writers:
        raise SystemExit(f"the meter has counted {puts} files, and writes of {writers or 'no function'}")
    if "WorkersEvents" not in flow["invocations"]:
        raise SystemExit("the meter has not seen WorkersEvents")


def main():
    outputs, target = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    uploads = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    client = Client(outputs)
    client.log_in()
    content, images = photograph(1), []
    print(f"a photograph of {len(content):,} bytes", file=sys.stderr)
    for number in range(WARM_UP):
        images.append(upload(client, content, number))
        view(client, images[-1])
        client.call("GET", f"/api/images?{urlencode(LIST)}")
    for image in images[2:]:
        client.call("DELETE", f"/api/images/{image}")
        client.call("DELETE", f"/api/images/{image}?permanent=true")
    kept = []
    # The list has 24 images.
    flows = [measure(client, "upload", uploads, lambda number: kept.append(upload(client, content, number)))]
    check(flows[0])
    flows.append(measure(client, "list", uploads, lambda _: client.call("GET", f"/api/images?{urlencode(LIST)}")))
    flows.append(measure(client, "view", uploads, lambda number: view(client, kept[number])))
    flows += deliveries(client, uploads)
    flows.append(measure(client, "trash", uploads, lambda number: client.call("DELETE", f"/api/images/{kept[number]}")))
    permanent = [f"/api/images/{image}?permanent=true" for image in kept]
    flows.append(measure(client, "delete", uploads, lambda number: client.call("DELETE", permanent[number])))
    flows = [without_authorizer(flow) for flow in flows]
    flows.append(authorizations(client, uploads, images[0]))
    target.write_text(json.dumps({"upload_bytes": len(content), "flows": flows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
