"""Signs URLs with botocore's CloudFrontSigner and a new RSA key, for the tests of edge.rs.

Standard input is JSON: `key_id`, and `requests` with `url`, `expires` and, for a custom policy, `resource`. Standard
output is JSON: the key as `pem`, and the signed `urls`.
"""

import datetime
import json
import sys

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(signer, url, expires, resource=None):
    time = datetime.datetime.fromtimestamp(expires, datetime.UTC)
    if resource is None:
        signed_url = signer.generate_presigned_url(url, date_less_than=time)
    else:
        signed_url = signer.generate_presigned_url(url, policy=signer.build_policy(resource, time))
    # CloudFrontSigner leaves the choice of the hash to its caller, and does not name it.
    return f"{signed_url}&Hash-Algorithm=SHA256"


def main():
    work = json.load(sys.stdin)
    signer = CloudFrontSigner(work["key_id"], lambda message: key.sign(message, padding.PKCS1v15(), hashes.SHA256()))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    urls = [signed(signer, **request) for request in work["requests"]]
    json.dump({"pem": pem.decode(), "urls": urls}, sys.stdout)


main()
