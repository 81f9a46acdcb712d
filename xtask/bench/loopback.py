"""A small HTTP server for measurements: the Lambda Runtime API and AWS, as a function sees them."""

import asyncio


async def read(reader):
    """The head and the body of a request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
    headers = {name.lower(): value for name, value in lines}
    return head, headers, await reader.readexactly(int(headers.get("content-length", 0)))


def respond(writer, body, status="200 OK", **headers):
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + content)


def endlessly(answer):
    """A handler of connections that answers each request with `answer`."""

    async def connection(reader, writer):
        try:
            while True:
                await answer(*await read(reader), writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    return connection
