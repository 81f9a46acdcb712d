"""Runs ministack in a session of its own, saving its state while it runs.

By itself ministack saves only when it is ended in good order. Here the data (items, users, buckets)
is saved every few seconds, and everything at SIGUSR1, which xtask sends after each deploy. So a
killed stack comes back. Objects in S3 are files from the start.
"""

import os
import signal
import threading
import time

from ministack import app
from ministack.core.persistence import PERSIST_STATE, save_all

DATA = {"cognito", "dynamodb", "s3"}
SECONDS = 3


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


app.pin_request_origin = over_tls(app.pin_request_origin)
os.setsid()
signal.signal(signal.SIGUSR1, lambda *_: on_the_loop())
if PERSIST_STATE:
    threading.Thread(target=keep_saving, daemon=True).start()
app.main()
