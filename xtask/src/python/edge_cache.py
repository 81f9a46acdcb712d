"""Keeps the responses of origins as CloudFront does ("Manage how long content stays in the cache (expiration)",
"Understand the cache key", Amazon CloudFront Developer Guide).

It keeps complete responses with status 200 to GET. CloudFront also keeps errors for ten seconds, and parts of files.
"""

import contextvars
import time
from urllib.parse import parse_qs

from ministack.services import cloudfront

MAX_ENTRIES = 1000
ENCODINGS = {"EnableAcceptEncodingBrotli": "br", "EnableAcceptEncodingGzip": "gzip"}

entries = {}
# The request that is being served: its policy, the encodings that it accepts, and whether the cache has answered.
current = contextvars.ContextVar("current", default=None)


async def serve(handle, request, policy_id):
    """Serves a viewer's request with a cache policy. `request` are the arguments of `handle`."""
    _, method, _, _, _, headers, *_ = request
    policy = (cloudfront._cache_policies.get(policy_id) or cloudfront._MANAGED_CACHE_POLICIES[policy_id])["Config"]
    accepted = {element.split(";")[0].strip() for element in headers.get("accept-encoding", "").split(",")}
    parameters = policy.get("Parameters") or {}
    encodings = [name for flag, name in ENCODINGS.items() if parameters.get(flag) and name in accepted]
    is_cached = policy["MaxTTL"] > 0 and method == "GET" and "range" not in headers
    state = {"policy": policy, "encodings": ",".join(encodings), "hit": False} if is_cached else None
    token = current.set(state)
    try:
        status, response, body = await handle(*request)
    finally:
        current.reset(token)
    if state and state["hit"]:
        response["X-Cache"] = "Hit from cloudfront"
    if state and status == 200 and is_known(headers.get("if-none-match", ""), response.get("Etag")):
        kept = {name: value for name, value in response.items() if not name.startswith("Content-")}
        return 304, kept | {"X-Cache": "RefreshHit from cloudfront"}, b""
    return status, response, body


def with_cache(fetch):
    async def fetch_from_origin(origin, method, uri, query, headers, *rest):
        state = current.get()
        if state is None:
            return with_disposition(origin, query, await fetch(origin, method, uri, query, headers, *rest))
        key = (origin["id"], uri, query, state["encodings"])
        expires, kept = entries.get(key, (0, None))
        if time.time() < expires:
            state["hit"] = True
            return kept
        # CloudFront itself answers conditional requests.
        headers = {name: value for name, value in headers.items() if not name.startswith("if-")}
        if state["encodings"]:
            headers["accept-encoding"] = state["encodings"]
        response = with_disposition(origin, query, await fetch(origin, method, uri, query, headers, *rest))
        seconds = lifetime(state["policy"], response[2].get("cache-control", ""))
        if response[0] == 200 and seconds > 0:
            while len(entries) >= MAX_ENTRIES:
                entries.pop(next(iter(entries)))
            entries[key] = (time.time() + seconds, response)
        return response

    return fetch_from_origin


def with_disposition(origin, query, response):
    """S3 answers with the parameter `response-content-disposition`, which ministack does not pass to it."""
    disposition = parse_qs(query).get("response-content-disposition")
    if origin.get("s3_bucket") and disposition:
        status, reason, headers, body = response
        return status, reason, headers | {"content-disposition": disposition[0]}, body
    return response


def lifetime(policy, cache_control):
    """The seconds for which CloudFront keeps a response. A minimum above zero has precedence over `private`, `no-store`
    and `no-cache`."""
    directives = dict(part.strip().lower().partition("=")[::2] for part in cache_control.split(","))
    if directives.keys() & {"private", "no-store", "no-cache"}:
        return policy["MinTTL"]
    age = directives.get("s-maxage") or directives.get("max-age")
    return max(policy["MinTTL"], min(policy["MaxTTL"], int(age) if age else policy["DefaultTTL"]))


def is_known(if_none_match, etag):
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag is not None and etag.removeprefix("W/") in tags
