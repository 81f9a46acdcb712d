"""A function that sends each event on to a test."""

import json
import os
import urllib.request


def handler(event, _context):
    urllib.request.urlopen(os.environ["RECEIVER"], json.dumps(event).encode()).close()
