"""Adapts schemathesis to this API: values of custom formats, cursors, passwords, integers, and names below
`.localhost`."""

import json
import os
import re
import socket

import schemathesis
from hypothesis import strategies as st

# Valid numbers in Berlin. No regular expression describes all valid phone numbers.
schemathesis.openapi.format("phone", st.from_regex(r"\A\+49 ?30 ?90[0-9]{4}\Z").filter(lambda text: text.isascii()))

# Contains the letters and digits that the user pool's password policy requires.
schemathesis.openapi.format("password", st.from_regex(r"\A[a-z]{3}[A-Z]{3}[0-9]{3}[!-~]{0,20}\Z"))

# The categories of characters that Cognito accepts in a user name. No regular expression of Python describes them.
visible = st.characters(categories=["L", "M", "S", "N", "P"])
schemathesis.openapi.format("username", st.text(visible, min_size=1, max_size=128))
schemathesis.openapi.format("new-username", st.text(visible.filter(lambda c: c != "@"), min_size=1, max_size=128))


def whole(value):
    """Replaces 16.0 with 16. Both are integers in JSON Schema, but the API only accepts integers without a fraction."""
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(element) for element in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


# The users that this run has created.
created_users = set()
# The form of a user's id in Cognito, and one that nobody has.
USER_ID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
NOBODY = "00000000-0000-4000-8000-000000000000"


def own_password():
    """The password of the user who calls."""
    with open(os.environ["LOGINS"], encoding="utf-8") as file:
        logins = {login["name"]: login["loginEndpointAuth"]["payloadRaw"] for login in json.load(file)["auth"]}
    return json.loads(logins[os.environ["LOGIN"]])["password"]


PASSWORD = own_password()


def links():
    """The ids of links, by the paths at which visitors and guests use them. pictures.py writes them."""
    try:
        with open("links.json", encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


LINKS = links()
# Guests and visitors use these paths with a link, and without a token.
PATHS_OF_GUESTS = ("/api/upload-links/{id}/images", "/l/{link_id}")
AS_GUEST = "AS_GUEST" in os.environ


@schemathesis.check
def protected_operations_refuse_guests(context, response, case):
    """A request without a token must fail, unless the contract says that the operation needs none."""
    is_open = case.operation.definition.raw.get("security") == []
    if AS_GUEST and not is_open and response.status_code < 400:
        raise AssertionError(f"{response.status_code} for a request without a token")


@schemathesis.hook
def after_call(context, case, response):
    if case.operation.label == "POST /api/admin/users" and response.status_code == 201:
        created_users.add(response.json()["id"])


def protect_users(case):
    """Lets requests change only users that this run has created. The run needs the passwords of its own users."""
    label = case.operation.label
    if not label.startswith(("PATCH /api/admin/users/", "POST /api/admin/users/", "DELETE /api/admin/users/")):
        return
    user = (case.path_parameters or {}).get("id")
    if isinstance(user, str) and USER_ID.fullmatch(user) and user not in created_users:
        case.path_parameters["id"] = NOBODY


@schemathesis.hook
def before_call(context, case, kwargs):
    """Removes generated cursors from valid requests. The API signs cursors and refuses generated ones, so the rest of
    the request would not be tested. Adds a prompt to requests for edits, because the stack has no default prompt. Adds
    the user's password to requests that create API keys, so that there are keys to list and to revoke. Gives guests and
    visitors a link, and removes the token from their requests, and from all requests of a run as a guest."""
    protect_users(case)
    is_of_guest = case.operation.path in PATHS_OF_GUESTS
    if (AS_GUEST or is_of_guest) and case.headers:
        case.headers.pop("Authorization", None)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if is_of_guest and case.operation.path in LINKS:
        case.path_parameters = dict.fromkeys(case.path_parameters, LINKS[case.operation.path])
    if case.query:
        case.query.pop("cursor", None)
    case.body = whole(case.body)
    if case.operation.label == "POST /api/images/{id}/edits" and isinstance(case.body, dict):
        case.body["prompt"] = case.body.get("prompt") or "Add a hat"
    if case.operation.label == "POST /api/keys" and isinstance(case.body, dict):
        case.body["password"] = PASSWORD


# Some resolvers do not resolve names below `.localhost` to this machine.
getaddrinfo = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **named: getaddrinfo(
    "127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **named
)
