"""AWS calls for xtask: one JSON request a line on stdin, one JSON answer a line on stdout."""

import json
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

clients = {}
for line in sys.stdin:
    request = json.loads(line)
    service = request["service"]
    try:
        if service not in clients:
            clients[service] = boto3.client(service)
        answer = {"ok": getattr(clients[service], request["operation"])(**request["parameters"])}
    except ClientError as error:
        answer = {"code": error.response["Error"]["Code"], "message": str(error)}
    except (AttributeError, BotoCoreError) as error:
        answer = {"code": type(error).__name__, "message": str(error)}
    print(json.dumps(answer, default=str), flush=True)
