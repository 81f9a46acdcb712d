"""What schemathesis cannot know of the values of some formats, and of this machine."""

import socket

import schemathesis
from hypothesis import strategies as st

# Every number a person could have here; the pattern of all numbers in the world is no regular expression.
schemathesis.openapi.format("phone", st.from_regex(r"\A\+49 ?30 ?90[0-9]{4}\Z").filter(lambda text: text.isascii()))

# With the letters and digits that the user pool's policy asks for.
schemathesis.openapi.format("password", st.from_regex(r"\A[a-z]{3}[A-Z]{3}[0-9]{3}[!-~]{0,20}\Z"))


def whole(value):
    """The same with 16 instead of 16.0: one integer to JSON Schema, but the API takes integers without a fraction."""
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(element) for element in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def before_call(context, case, kwargs):
    """Leaves made-up cursors out of requests that are meant to be good: a cursor is sealed, so that one that only looks
    like a cursor is refused, and nothing else of the request would be tried."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        case.query.pop("cursor", None)
    case.body = whole(case.body)


# Not every resolver knows that all of `.localhost` is this machine.
getaddrinfo = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **named: getaddrinfo(
    "127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **named
)
