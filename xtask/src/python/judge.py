"""A stricter judge before the emulator: it refuses what AWS would refuse.

It judges the requests to six services that are signed by a header or name their operation in one, whoever sends them:
functions, tests and xtask. It does not judge presigned requests, which the suite's own HTTP client also sends broken on
purpose.

DynamoDB's expressions, values, keys and indexes are judged by dynalite, in a child process. Everything's members are
judged by botocore's models.

What is refused is answered as AWS answers it, and written to a file that fails the suite. A test that sends a bad
request on purpose sends the header `x-darkroom-judge: expected` along: the request is refused as always, and not
written down.
"""

import asyncio
import json
import os
import uuid
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack import app
from ministack.services import dynamodb, sts

import service_models
from service_models import Refusal

SERVICES = {"cognito-idp", "dynamodb", "lambda", "s3", "secretsmanager", "sqs"}
TARGETS = {"AWSCognitoIdentityProviderService": "cognito-idp", "DynamoDB_20120810": "dynamodb"}
EXPECTED = "x-darkroom-judge"
DESCRIPTION = ("TableName", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")


class Request:
    """What of an HTTP request says what it asks for."""

    def __init__(self, scope):
        self.method = scope["method"]
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        # Labels are decoded where they are read, so that a slash in one is none in the path.
        self.path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        self.query = {name: values[0] for name, values in query.items()}
        self.body = b""

    def into_bucket(self):
        """Makes S3's two kinds of addresses one: the bucket comes first in the path, with or without a key."""
        bucket = app._extract_s3_vhost_bucket(self.headers.get("host", ""))
        path = f"/{bucket}{self.path}" if bucket else self.path
        self.path = path.rstrip("/") if path.count("/") == 2 and path.endswith("/") else path

    def service(self):
        """The service that it is signed for, where it is one that is judged."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" Credential=")
        if scheme == "AWS4-HMAC-SHA256":
            scope = rest.partition(",")[0].split("/")
            return scope[3] if len(scope) == 5 and scope[3] in SERVICES else None
        # Cognito's calls for everybody are not signed.
        return TARGETS.get(self.headers.get("x-amz-target", "").partition(".")[0])

    def caller(self):
        """Who sent it: a function's role and name, or the program's user agent."""
        key = self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        arn = sts._sessions.get(key, {}).get("Arn")
        return arn.rpartition("/")[2] if arn else self.headers.get("user-agent", "")[: service_models.SHOWN]


class Judge:
    """An ASGI application before another one."""

    def __init__(self, behind, node, script, refusals):
        self.behind = behind
        self.dynalite = Dynalite(node, script)
        self.refusals = refusals

    async def __call__(self, scope, receive, send):
        request = Request(scope) if scope["type"] == "http" else None
        name = request and request.service()
        if name is None:
            return await self.behind(scope, receive, send)
        service, operation, members = service_models.service(name), None, {}
        if name == "s3":
            request.into_bucket()
        try:
            operation = service.operation(request)
            if service.needs_body(operation):
                request.body, receive = await read(receive)
            members = service.members(operation, request)
            if operation.input_shape is not None:
                service_models.check(operation.input_shape, members)
            if name == "dynamodb":
                await self.dynalite.check(operation.name, members)
        except Refusal as refusal:
            if request.headers.get(EXPECTED) != "expected":
                self.note(request, name, operation, members, str(refusal))
            return await answer(send, name, str(refusal))
        return await self.behind(scope, receive, send)

    def note(self, request, service, operation, members, reason):
        shape = operation and operation.input_shape
        line = {
            "service": service,
            "operation": operation.name if operation else f"{request.method} {request.path}",
            "caller": request.caller(),
            "reason": reason,
            "request": service_models.shown(shape, members),
        }
        with open(self.refusals, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Dynalite:
    """The child process that judges requests to DynamoDB. It ends when its input does."""

    def __init__(self, node, script):
        self.command = [node, script]
        self.process = None
        self.turn = asyncio.Lock()

    async def check(self, operation, request):
        async with self.turn:
            if self.process is None:
                self.process = await asyncio.create_subprocess_exec(
                    *self.command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env={"PATH": os.environ["PATH"]},
                )
            question = {"operation": operation, "request": request, "tables": tables()}
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("the judge of DynamoDB's requests has ended")
        if (reason := json.loads(line)) is not None:
            raise Refusal(reason)


def tables():
    """The tables' descriptions by name."""
    found = dynamodb._tables.items()
    return {name: {part: table[part] for part in DESCRIPTION if table.get(part)} for name, table in found}


async def read(receive):
    """A request's body, and what gives it once more."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body = b"".join(parts)
    again = [{"type": "http.request", "body": body, "more_body": False}]
    if message["type"] != "http.request":
        again = [message]

    async def receive_again():
        return again.pop() if again else await receive()

    return body, receive_again


async def answer(send, service, reason):
    """Refuses a request as the service does."""
    request_id = str(uuid.uuid4())
    if service == "s3":
        kind = "application/xml"
        error = f"<Error><Code>InvalidRequest</Code><Message>{escape(reason)}</Message></Error>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>{error}'
    else:
        kind = "application/x-amz-json-1.0"
        code = "InvalidParameterException" if service == "cognito-idp" else "ValidationException"
        body = json.dumps({"__type": code, "message": reason})
    headers = {"content-type": kind, "x-amzn-requestid": request_id, "x-amz-request-id": request_id}
    if service == "lambda":
        headers["x-amzn-errortype"] = "ValidationException"
    await send({
        "type": "http.response.start",
        "status": 400,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body.encode()})

