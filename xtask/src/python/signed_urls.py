"""Checks CloudFront's signed URLs ("Use signed URLs", Amazon CloudFront Developer Guide).

A URL has either a custom policy (`Policy`) or a canned one (`Expires`), the id of the key and the signature. The canned
policy allows exactly the URL without these parameters.
"""

import base64
import binascii
import ipaddress
import json
import re
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

# What CloudFront takes out of the query. Everything else is a part of the URL that the policy has to allow.
PARAMETERS = {"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}
HASHES = {"SHA1": hashes.SHA1, "SHA256": hashes.SHA256}
# CloudFront's replacements of characters that a query cannot have.
ALPHABET = str.maketrans("-_~", "+=/")

MISSING = "<Error><Code>MissingKey</Code><Message>Missing Key-Pair-Id query parameter or cookie value</Message></Error>"
DENIED = "<Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>"


class Refused(Exception):
    """The URL is not valid."""


def public_key(pem):
    """A key that CloudFront accepts: RSA with 2048 bits, or ECDSA with P-256, in PEM with a newline at its end."""
    key = serialization.load_pem_public_key(pem.encode())
    is_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048
    is_ecdsa = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not (is_rsa or is_ecdsa) or not pem.endswith("\n"):
        raise ValueError("CloudFront does not accept this public key")
    return key


def check(url, query, keys, client):
    """The query without the parameters of the signature, and the body of the refusal, if there is one.

    `url` has no query. `keys` are the trusted public keys by their ids.
    """
    parts = [part.partition("=") for part in query.split("&") if part]
    rest = "&".join(name + equals + value for name, equals, value in parts if name not in PARAMETERS)
    signature = {name: value for name, _, value in parts if name in PARAMETERS}
    if "Key-Pair-Id" not in signature:
        return rest, MISSING
    try:
        verify(f"{url}?{rest}" if rest else url, signature, keys, client)
    except (Refused, InvalidSignature, ValueError, KeyError, TypeError, binascii.Error):
        return rest, DENIED
    return rest, None


def verify(url, signature, keys, client):
    key = keys[signature["Key-Pair-Id"]]
    if "Policy" in signature:
        policy = decoded(signature["Policy"])
    else:
        condition = {"DateLessThan": {"AWS:EpochTime": int(signature["Expires"])}}
        statement = {"Resource": url, "Condition": condition}
        policy = json.dumps({"Statement": [statement]}, separators=(",", ":")).encode()
    algorithm = HASHES[signature.get("Hash-Algorithm", "SHA1")]()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(decoded(signature["Signature"]), policy, padding.PKCS1v15(), algorithm)
    else:
        key.verify(decoded(signature["Signature"]), policy, ec.ECDSA(algorithm))
    [statement] = json.loads(policy)["Statement"]
    if not matches(statement["Resource"], url):
        raise Refused("another resource")
    condition, now = statement["Condition"], time.time()
    if now >= condition["DateLessThan"]["AWS:EpochTime"]:
        raise Refused("expired")
    if "DateGreaterThan" in condition and now < condition["DateGreaterThan"]["AWS:EpochTime"]:
        raise Refused("not valid yet")
    if "IpAddress" in condition:
        network = ipaddress.ip_network(condition["IpAddress"]["AWS:SourceIp"])
        if ipaddress.ip_address(client) not in network:
            raise Refused("another address")


def decoded(text):
    return base64.b64decode(text.translate(ALPHABET), validate=True)


def matches(resource, url):
    """Whether a policy's resource allows a URL: `*` is any text and `?` any character, in the query too."""
    wildcards = {"*": ".*", "?": "."}
    pattern = "".join(wildcards.get(character) or re.escape(character) for character in resource)
    return re.fullmatch(pattern, url, re.DOTALL) is not None
