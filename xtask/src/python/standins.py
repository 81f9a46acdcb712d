"""The stand-in for OpenAI and Dropbox in tests. It listens only on loopback and is never part of a deployment.

It parses requests with the types of the providers' SDKs, and creates responses from these types. So the tests compare
our wire format with independent code. It answers an invalid request with 400 and prints the reason on standard error.

A test writes `plan:<word>` into its prompt, or the word into a file name. POST /_plans/<word> sets the responses to
the calls with that word, in order. GET /_plans/<word> returns the received calls. Without a plan, all calls succeed.
GET /_files/<word> lists the files in Dropbox.
"""

import base64
import email.parser
import email.policy
import io
import json
import re
import struct
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pydantic
import typing_extensions
from dropbox.stone_validators import ValidationError
from openai.types import Image, ImagesResponse
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.image_edit_params import ImageEditParamsNonStreaming

from dropbox_standin import Dropbox
from plans import Plans, Wrong

KEY = sys.argv[2]
CHAT = pydantic.TypeAdapter(CompletionCreateParamsNonStreaming)
# All parameters except the files, which are separate parts.
FIELDS = typing_extensions.get_type_hints(ImageEditParamsNonStreaming, include_extras=True)
FIELDS = {name: kind for name, kind in FIELDS.items() if name not in ("image", "mask", "markup")}
EDIT = pydantic.TypeAdapter(typing_extensions.TypedDict("Fields", FIELDS, total=False))


def green(side):
    """A PNG that is all green."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    rows = (b"\0" + bytes([0, 160, 0]) * side) * side
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


EDITED = green(64)

plans = Plans()
dropbox = Dropbox(json.loads(sys.argv[3]), plans)


def only(body, names):
    if strangers := set(body) - set(names):
        raise Wrong(f"no such parameters: {sorted(strangers)}")


def picture_of(url):
    match = re.fullmatch(r"data:(image/(?:jpeg|png|webp));base64,([A-Za-z0-9+/=]+)", url)
    if not match:
        raise Wrong("the picture is no data URL")
    return match[1], base64.b64decode(match[2], validate=True)


def exhaust(value):
    """Reads all items, because pydantic checks an Iterable only during iteration."""
    if isinstance(value, dict):
        return {name: exhaust(item) for name, item in value.items()}
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return [exhaust(item) for item in value]


def chat(body):
    only(body, CompletionCreateParamsNonStreaming.__annotations__)
    body = exhaust(CHAT.validate_python(body))
    schema = body["response_format"]["json_schema"]
    if not schema["strict"] or set(schema["schema"]["required"]) != set(schema["schema"]["properties"]):
        raise Wrong("strict mode wants all properties required")
    parts = {part["type"]: part for part in body["messages"][-1]["content"]}
    content_type, picture = picture_of(parts["image_url"]["image_url"]["url"])
    prompt = parts["text"]["text"]
    return prompt, {"model": body["model"], "content_type": content_type, "bytes": len(picture)}


def chat_answer(call):
    content = json.dumps({
        "description": "Four coloured squares.",
        "tags": ["red", "green", "blue"],
        "answer": "Four.",
    })
    message = ChatCompletionMessage(role="assistant", content=content)
    choice = Choice(index=0, finish_reason="stop", message=message)
    completion = ChatCompletion(
        id="chatcmpl-1", object="chat.completion", created=1, model=call["model"] + "-2026", choices=[choice]
    )
    return completion.to_json().encode()


def edit(content_type, data):
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + data)
    fields, picture = {}, None
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if name == "image":
            picture = (part.get_filename(), value, part.get_content_type())
        else:
            text = value.decode()
            fields[name] = int(text) if name in ("n", "output_compression", "partial_images") else text
    if picture is None:
        raise Wrong("no image")
    only(fields, FIELDS)
    EDIT.validate_python(fields)
    if picture[2] not in ("image/png", "image/webp", "image/jpeg") or len(picture[1]) >= 50_000_000:
        raise Wrong("the image is none that the models take")
    seen = {"model": fields["model"], "content_type": picture[2], "bytes": len(picture[1]), "size": fields["size"]}
    return fields["prompt"], seen


def edit_answer(_call):
    image = Image(b64_json=base64.b64encode(EDITED).decode())
    return ImagesResponse(created=1, data=[image], output_format="png", size="1024x1024").to_json().encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code, headers=None):
        error = {"error": {"message": f"You said: {code}", "type": code, "param": None, "code": code}}
        self.reply(status, json.dumps(error).encode(), headers)

    def do_GET(self):
        if self.path.startswith("/scl/"):
            return dropbox.get(self)
        what, word = self.path.lstrip("/").split("/")
        found = plans.calls_of(word) if what == "_plans" else dropbox.holding(word)
        return self.reply(200, json.dumps(found).encode())

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/_plans/"):
            plans.plan(self.path.removeprefix("/_plans/"), json.loads(data))
            return self.reply(204, b"")
        try:
            if self.path.startswith(("/2/", "/oauth2/")):
                return dropbox.post(self, data)
            return self.openai(data)
        except (Wrong, KeyError, ValueError, pydantic.ValidationError, ValidationError) as error:
            print(self.path, error, file=sys.stderr, flush=True)
            return self.refuse(400, "invalid_request_error")
        except OSError:
            return None  # The caller has hung up.

    def openai(self, data):
        if self.headers.get("authorization") != f"Bearer {KEY}":
            return self.refuse(401, "invalid_api_key")
        if self.path == "/v1/chat/completions":
            (prompt, call), answer = chat(json.loads(data)), chat_answer
        elif self.path == "/v1/images/edits":
            (prompt, call), answer = edit(self.headers["content-type"], data), edit_answer
        else:
            return self.refuse(404, "unknown_url")
        words = re.findall(r"plan:([\w-]+)", prompt)
        step = plans.step(words[0] if words else "", call)
        if "garbage" in step:
            return self.reply(200, step["garbage"].encode())
        if "megabytes" in step:
            return self.reply(200, b" " * (step["megabytes"] << 20) + answer(call))
        if "status" in step:
            headers = {"retry-after": str(step["retry_after"])} if "retry_after" in step else {}
            return self.refuse(step["status"], step.get("code", "planned"), headers)
        return self.reply(200, answer(call))


def sdk_agrees(address):
    """Requires that OpenAI's SDK understands the stand-in."""
    client = openai.OpenAI(api_key=KEY, base_url=f"{address}/v1", max_retries=0)
    url = "data:image/png;base64," + base64.b64encode(EDITED).decode()
    said = client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": [
            {"type": "text", "text": "plan:sdk"}, {"type": "image_url", "image_url": {"url": url}},
        ]}],
        response_format={"type": "json_schema", "json_schema": {
            "name": "a", "strict": True, "schema": {"type": "object", "properties": {}, "required": []},
        }},
    )
    assert json.loads(said.choices[0].message.content)["tags"]
    made = client.images.edit(
        model="m", prompt="plan:sdk", image=("a.png", io.BytesIO(EDITED), "image/png"), size="1024x1024"
    )
    assert base64.b64decode(made.data[0].b64_json) == EDITED


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_address[1]}"
sdk_agrees(address)
dropbox.sdk_agrees(address)
print(address, flush=True)
# The stand-in ends when the program that started it closes this pipe.
sys.stdin.read()
