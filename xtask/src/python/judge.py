"""A judge in front of the emulator. It refuses requests that AWS would refuse.

The judge checks requests to six services, whether a function, a test or xtask sends them. It finds the service in the
Authorization header, or for Cognito's unsigned calls in X-Amz-Target. It ignores presigned requests, because some tests
send broken ones on purpose.

botocore's service models check the members of every request. dynalite, in a child process, checks DynamoDB's
expressions, values, keys and indexes.

The judge answers a bad request with AWS's error, and appends it to a file. xtask fails the test stage if the file has
lines. A test that sends a bad request on purpose adds the header `x-darkroom-judge: expected`: the judge still refuses
the request, but does not write it to the file.
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
COGNITO = "AWSCognitoIdentityProviderService"
# DynamoDB Streams has a model of its own, but signs its requests as DynamoDB.
STREAMS = "DynamoDBStreams_20120810"
EXPECTED = "x-darkroom-judge"
DESCRIPTION = ("TableName", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")


class Request:
    """The parts of an HTTP request that determine the operation and its members."""

    def __init__(self, scope):
        self.method = scope["method"]
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        # The path stays encoded until its labels are known, because a label may contain an encoded slash.
        self.path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        self.query = {name: values[0] for name, values in query.items()}
        self.body = b""

    def into_bucket(self):
        """Turns a virtual-hosted address of S3 into a path-style one, and removes the slash after a lone bucket."""
        bucket = app._extract_s3_vhost_bucket(self.headers.get("host", ""))
        path = f"/{bucket}{self.path}" if bucket else self.path
        self.path = path.rstrip("/") if path.count("/") == 2 and path.endswith("/") else path

    def service(self):
        """The name of the service, or None if the judge does not check it."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" Credential=")
        target = self.headers.get("x-amz-target", "").partition(".")[0]
        if scheme == "AWS4-HMAC-SHA256" and target != STREAMS:
            scope = rest.partition(",")[0].split("/")
            return scope[3] if len(scope) == 5 and scope[3] in SERVICES else None
        # The SDK does not sign Cognito's public calls, such as SignUp.
        return "cognito-idp" if target == COGNITO else None

    def caller(self):
        """The function that sent the request, or else the user agent."""
        key = self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        arn = sts._sessions.get(key, {}).get("Arn")
        return arn.rpartition("/")[2] if arn else self.headers.get("user-agent", "")[: service_models.SHOWN]


class Judge:
    """An ASGI application that checks each request before it calls another application."""

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
    """The child process that checks requests to DynamoDB. It ends when its standard input closes."""

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
    """The description of each table by name."""
    found = dynamodb._tables.items()
    return {name: {part: table[part] for part in DESCRIPTION if table.get(part)} for name, table in found}


async def read(receive):
    """Reads a request's body. Returns it, and a `receive` that returns the same body again."""
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
    """Sends the error that the service would send."""
    request_id = str(uuid.uuid4())
    if service == "s3":
        kind = "application/xml"
        message = f"<Code>InvalidRequest</Code><Message>{escape(reason)}</Message>"
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error>{message}</Error>'
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

