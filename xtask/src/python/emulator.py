"""Runs ministack in a new session, and saves its state while it runs.

ministack itself saves its state only when it stops normally. This program saves the data (items, users, buckets) every
three seconds, or less often if saving takes long. It saves everything at SIGUSR1, which xtask sends after each
deployment. So most data survives if the stack is killed. Objects in S3 are always files.

With arguments (the paths of Node.js, of judge.js and of the file for refused requests), a stricter judge checks every
request first: see judge.py.
"""

import base64
import functools
import gc
import hashlib
import json
import os
import re
import signal
import sys
import threading
import time

from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.core.persistence import PERSIST_STATE, save_all
from ministack.services import dynamodb, sts

DATA = {"cognito", "dynamodb", "s3"}
SECONDS = 3
TTL_SECONDS = 10
TOKEN_BYTES = 901
# More expressions than the functions use.
EXPRESSIONS = 1000
PREFIX = re.compile(r"begins_with\s*\(\s*(#?\w+)\s*,\s*(:\w+)\s*\)")
RANGE = re.compile(r"(#?\w+)\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+)")


def save(only=None):
    services = app._build_persistence_save_dict()
    save_all({name: state for name, state in services.items() if only is None or name in only})


def save_all_services(*_signal):
    if app._MAIN_LOOP is not None:
        app._MAIN_LOOP.call_soon_threadsafe(save)


def save_data():
    """Saves the data, again and again. Requests wait meanwhile: half a second, once a table has a few megabytes. So
    this takes at most a twentieth of the time."""
    start = time.monotonic()
    try:
        save(DATA)
    finally:
        app._MAIN_LOOP.call_later(max(SECONDS, 19 * (time.monotonic() - start)), save_data)


def begin_saving():
    while app._MAIN_LOOP is None:
        time.sleep(SECONDS)
    app._MAIN_LOOP.call_soon_threadsafe(save_data)


def keep_collections_short():
    """Python's full garbage collection looks at every object, and all threads wait for it: seconds, once a table has
    thousands of items. Calls of functions then time out. Frozen objects are not looked at again, so a cycle among them
    is never freed: a few megabytes in the life of a stack."""

    while True:
        time.sleep(SECONDS)
        gc.collect(1)
        gc.freeze()


def over_tls(pin_request_origin):
    """Lets policies that demand TLS see it. The loopback interface has none, and the template is the same as on AWS."""

    return lambda address, _secure: pin_request_origin(address, True)


def real_token(token):
    """Lengthens the session token of a function to a realistic size. Every presigned address contains this token.

    ministack's tokens have 64 hexadecimal digits. AWS does not fix the size ("AssumeRole", AWS STS API Reference); a
    function's token has 1,000 to 1,500 characters of base64. This one has 1,220, and some need escaping in addresses.
    """
    if not re.fullmatch("[0-9a-f]{64}", token or ""):
        return token
    return "IQoJb3JpZ2luX2Vj" + base64.b64encode(hashlib.shake_256(token.encode()).digest(TOKEN_BYTES)).decode()


def with_real_tokens(execution_credentials):
    """Passes the long token to functions."""

    def credentials(config):
        found = execution_credentials(config)
        return found | {"AWS_SESSION_TOKEN": real_token(found["AWS_SESSION_TOKEN"])}

    return credentials


def with_log_format(execution_credentials):
    """Sets the variable of the log format, as Lambda does ("Configuring advanced logging controls", AWS Lambda
    Developer Guide). ministack stores the format and does not pass it on."""

    def credentials(config):
        logging = config.get("LoggingConfig") or {}
        return execution_credentials(config) | {"AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat", "Text")}

    return credentials


def for_real_tokens(register_session):
    """Makes the emulator accept the long token of a function."""

    def register(access_key, session):
        register_session(access_key, session | {"SessionToken": real_token(session.get("SessionToken"))})

    return register


def with_ttl_records(remove_item):
    """Writes a stream record for each expired item ("DynamoDB Streams and Time to Live", Amazon DynamoDB Developer
    Guide). ministack's reaper removes the items but writes no records."""

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
    """Replaces the module `time` in ministack's DynamoDB, so that its reaper sleeps for seconds instead of a minute."""

    def __getattr__(self, name):
        return getattr(time, name)

    def sleep(self, seconds):
        time.sleep(min(seconds, TTL_SECONDS))


def parsed_once(tokenize):
    """Parses each expression once. ministack parses it again for each item that a query reads, which takes most of its
    time if a partition has thousands of items."""

    parsed = functools.lru_cache(EXPRESSIONS)(lambda expression: tuple(tokenize(expression)))
    return lambda expression: list(parsed(expression))


@functools.lru_cache(EXPRESSIONS)
def sort_key_range(expression):
    """Returns the attribute that a key condition restricts to a prefix or a range, and the names of the bounds."""

    found = PREFIX.search(expression) or RANGE.search(expression)
    return found and found.groups()


def outside(expression, item, values, names):
    """Whether the string of the sort key is outside the prefix or range of a key condition."""

    if not (bounds := sort_key_range(expression)):
        return False
    attribute, *references = bounds
    key = item.get(names.get(attribute, attribute), {}).get("S")
    strings = [values.get(reference, {}).get("S") for reference in references]
    if key is None or None in strings:
        return False
    return not key.startswith(strings[0]) if len(strings) == 1 else not strings[0] <= key <= strings[1]


def with_sort_keys(evaluate_condition):
    """Compares the sort key first. DynamoDB finds the items by their sort keys. ministack evaluates the whole key
    condition for each item of the partition, which takes seconds for a user with thousands of items."""

    def evaluate(expression, item, values, names, slot="ConditionExpression"):
        if slot == "KeyConditionExpression" and outside(expression, item, values, names):
            return False
        return evaluate_condition(expression, item, values, names, slot)

    return evaluate


def with_denials(access_denied_response):
    """Notes each denied action and its caller, so that the tests of the policies can see them at once."""

    def response(service, action, caller, *rest, **options):
        with open("denied.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"action": action, "caller": caller}) + "\n")
        return access_denied_response(service, action, caller, *rest, **options)

    return response


app.pin_request_origin = over_tls(app.pin_request_origin)
sts.register_session = for_real_tokens(sts.register_session)
lambda_runtime.execution_credentials = with_log_format(with_real_tokens(lambda_runtime.execution_credentials))
dynamodb._remove_item = with_ttl_records(dynamodb._remove_item)
dynamodb.time = Clock()
dynamodb._tokenize = parsed_once(dynamodb._tokenize)
dynamodb._evaluate_condition = with_sort_keys(dynamodb._evaluate_condition)
dynamodb._condition_syntax_error = functools.lru_cache(EXPRESSIONS)(dynamodb._condition_syntax_error)

# Not before `execution_credentials` is replaced: ministack's Lambda, which these modules load, keeps what it finds.
import cognito  # noqa: E402
import edge  # noqa: E402
import starts  # noqa: E402
import streams  # noqa: E402

cognito.install()
edge.install()
starts.install()
poller = streams.install()

if sys.argv[1:]:
    import deliveries
    import meter
    from judge import Judge

    iam_actions.access_denied_response = with_denials(iam_actions.access_denied_response)
    app.app = meter.install(deliveries.install(Judge(app.app, *sys.argv[1:]), poller), poller)
    # ministack parses the remaining arguments.
    del sys.argv[1:]

os.setsid()
signal.signal(signal.SIGUSR1, save_all_services)
if PERSIST_STATE:
    threading.Thread(target=begin_saving, daemon=True).start()
threading.Thread(target=keep_collections_short, daemon=True).start()
app.main()
