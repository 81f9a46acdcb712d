"""AWS calls for xtask: one JSON request a line on stdin, one JSON answer a line on stdout."""

import json
import signal
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PEM = serialization.Encoding.PEM


def rsa_key():
    """A key pair for CloudFront, which demands 2,048 bits ("Specify signers that can create signed URLs and signed
    cookies", Amazon CloudFront Developer Guide)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"private": private.decode(), "public": public.decode()}


# Ctrl-C ends this program silently, because xtask prints the message.
signal.signal(signal.SIGINT, signal.SIG_DFL)
clients = {}
for line in sys.stdin:
    request = json.loads(line)
    service = request["service"]
    try:
        if service == "session":
            session = boto3.Session()
            credentials = session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            if session.region_name is None:
                raise NoRegionError
            keys = credentials.get_frozen_credentials()
            answer = {"access_key": keys.access_key, "secret_key": keys.secret_key, "session_token": keys.token}
            print(json.dumps({"ok": answer | {"region": session.region_name}}), flush=True)
            continue
        if service == "keys":
            print(json.dumps({"ok": rsa_key()}), flush=True)
            continue
        if service not in clients:
            clients[service] = boto3.client(service)
        answer = {"ok": getattr(clients[service], request["operation"])(**request["parameters"])}
    except ClientError as error:
        answer = {"code": error.response["Error"]["Code"], "message": str(error)}
    except (AttributeError, BotoCoreError) as error:
        answer = {"code": type(error).__name__, "message": str(error)}
    print(json.dumps(answer, default=str), flush=True)
