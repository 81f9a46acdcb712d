"""Runs ministack in a session of its own, saving its state while it runs.

By itself ministack saves only when it is ended in good order. Here the data (items, users, buckets)
is saved every few seconds, and everything at SIGUSR1, which xtask sends after each deploy. So a
killed stack comes back. Objects in S3 are files from the start.

With arguments (Node.js, the script that judges DynamoDB's requests, a file for what is refused), a stricter judge
stands before it: see judge.py.
"""

import base64
import hashlib
import os
import re
import signal
import sys
import threading
import time

from ministack import app
from ministack.core import lambda_runtime
from ministack.core.persistence import PERSIST_STATE, save_all
from ministack.services import dynamodb, sts

DATA = {"cognito", "dynamodb", "s3"}
SECONDS = 3
TTL_SECONDS = 10
TOKEN_BYTES = 901


def save(only=None):
    services = app._build_persistence_save_dict()
    save_all({name: state for name, state in services.items() if only is None or name in only})


def on_the_loop(*arguments):
    if app._MAIN_LOOP is not None:
        app._MAIN_LOOP.call_soon_threadsafe(save, *arguments)


def keep_saving():
    while True:
        time.sleep(SECONDS)
        on_the_loop(DATA)


def over_tls(pin_request_origin):
    """Lets policies that demand TLS see it. The loopback interface has none, and the template is the same as on AWS."""

    return lambda address, _secure: pin_request_origin(address, True)



def real_token(token):
    """A function's session token, as long as AWS's: it is in every presigned address.

    ministack's has 64 hexadecimal digits. AWS promises no size ("AssumeRole", AWS STS API Reference); those of
    functions have 1,000 to 1,500 characters of base64. This one has 1,217, some of which addresses have to escape.
    """
    if not re.fullmatch("[0-9a-f]{64}", token or ""):
        return token
    return "IQoJb3JpZ2luX2Vj" + base64.b64encode(hashlib.shake_256(token.encode()).digest(TOKEN_BYTES)).decode()


def with_real_tokens(execution_credentials):
    """Gives a function the long token."""

    def credentials(config):
        found = execution_credentials(config)
        return found | {"AWS_SESSION_TOKEN": real_token(found["AWS_SESSION_TOKEN"])}

    return credentials


def for_real_tokens(register_session):
    """Expects the long token of a function."""

    def register(access_key, session):
        register_session(access_key, session | {"SessionToken": real_token(session.get("SessionToken"))})

    return register


def with_ttl_records(remove_item):
    """What expires leaves a record in the table's stream, as "DynamoDB Streams and Time to Live" in the Amazon DynamoDB
    Developer Guide has it. ministack's reaper removes items without one."""

    def remove(table, *key):
        item = remove_item(table, *key)
        stream = table.get("StreamSpecification") or {}
        if item and stream.get("StreamEnabled") and threading.current_thread().name == "dynamodb-ttl-reaper":
            record = dynamodb._build_change_record(table, "REMOVE", item, None, stream["StreamViewType"])
            record["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
            dynamodb._stream_records.setdefault(table["TableName"], []).append(record)
            dynamodb.esm_wake.set()
        return item

    return remove


class Clock:
    """The module `time` for ministack's DynamoDB, whose reaper sleeps for a minute before it looks again."""

    def __getattr__(self, name):
        return getattr(time, name)

    def sleep(self, seconds):
        time.sleep(min(seconds, TTL_SECONDS))


app.pin_request_origin = over_tls(app.pin_request_origin)
sts.register_session = for_real_tokens(sts.register_session)
lambda_runtime.execution_credentials = with_real_tokens(lambda_runtime.execution_credentials)
dynamodb._remove_item = with_ttl_records(dynamodb._remove_item)
dynamodb.time = Clock()

if sys.argv[1:]:
    from judge import Judge

    app.app = Judge(app.app, *sys.argv[1:])
    # ministack reads them too.
    del sys.argv[1:]

os.setsid()
signal.signal(signal.SIGUSR1, lambda *_: on_the_loop())
if PERSIST_STATE:
    threading.Thread(target=keep_saving, daemon=True).start()
app.main()
