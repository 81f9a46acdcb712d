"""Adapts schemathesis to this API: values of custom formats, cursors, integers, and names below `.localhost`."""

import socket

import schemathesis
from hypothesis import strategies as st

# Valid numbers in Berlin. No regular expression describes all valid phone numbers.
schemathesis.openapi.format("phone", st.from_regex(r"\A\+49 ?30 ?90[0-9]{4}\Z").filter(lambda text: text.isascii()))

# Contains the letters and digits that the user pool's password policy requires.
schemathesis.openapi.format("password", st.from_regex(r"\A[a-z]{3}[A-Z]{3}[0-9]{3}[!-~]{0,20}\Z"))


def whole(value):
    """Replaces 16.0 with 16. Both are integers in JSON Schema, but the API only accepts integers without a fraction."""
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(element) for element in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def before_call(context, case, kwargs):
    """Removes generated cursors from valid requests. The API signs cursors and refuses generated ones, so the rest of
    the request would not be tested. Also removes the token from requests of guests."""
    if case.operation.path == "/api/upload-links/{id}/images" and case.headers:
        # Guests have no token.
        case.headers.pop("Authorization", None)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        case.query.pop("cursor", None)
    case.body = whole(case.body)


# Some resolvers do not resolve names below `.localhost` to this machine.
getaddrinfo = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **named: getaddrinfo(
    "127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **named
)
