"""What schemathesis cannot know of the values of some formats, and of this machine."""

import socket

import schemathesis
from hypothesis import strategies as st

# Every number a person could have here; the pattern of all numbers in the world is no regular expression.
schemathesis.openapi.format("phone", st.from_regex(r"\A\+49 ?30 ?90[0-9]{4}\Z").filter(lambda text: text.isascii()))

# With the letters and digits that the user pool's policy asks for.
schemathesis.openapi.format("password", st.from_regex(r"\A[a-z]{3}[A-Z]{3}[0-9]{3}[!-~]{0,20}\Z"))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Leaves made-up cursors out of requests that are meant to be good: a cursor is sealed, so that one that only looks
    like a cursor is refused, and nothing else of the request would be tried."""
    if case.meta is not None and case.meta.generation.mode.is_positive and case.query:
        case.query.pop("cursor", None)


# Not every resolver knows that all of `.localhost` is this machine.
getaddrinfo = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **named: getaddrinfo(
    "127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **named
)
