"""Makes ministack's CloudFront do what AWS documents and a stack with `Edge=on` needs.

ministack routes requests by the behaviors of a distribution, runs its functions and applies its policies. It lacks:

- CloudFormation creates public keys and key groups (AWS CloudFormation Template Reference, AWS::CloudFront::PublicKey,
  AWS::CloudFront::KeyGroup).
- A behavior with trusted key groups refuses requests without a valid signature: see signed_urls.py.
- CloudFront keeps responses of origins: see edge_cache.py.
- The API of this emulator can be an origin, and clients reach the distribution at a fixed name below `localhost`.

ministack's names with a leading underscore have no other way in.
"""

import os
import re

from ministack.core.responses import new_uuid
from ministack.services import cloudfront
from ministack.services.cloudformation import provisioners

import edge_cache
import signed_urls

# The domain name of the only distribution: `cargo xtask up --edge` needs to know it before the stack exists.
LABEL = "darkroomedge"
API = re.compile(r"([a-f0-9]{8})\.execute-api\.[a-z0-9-]+\.amazonaws\.com")


def create_public_key(_logical_id, properties, _stack):
    config = properties["PublicKeyConfig"]
    signed_urls.public_key(config["EncodedKey"])
    if any(config["Name"] == key["Config"]["Name"] for key in cloudfront._public_keys.values()):
        raise ValueError(f"a public key {config['Name']} exists already")
    key = {"Id": cloudfront._pk_id(), "ETag": new_uuid(), "CreatedTime": cloudfront._now_iso(), "Config": dict(config)}
    cloudfront._public_keys[key["Id"]] = key
    return key["Id"], {"Id": key["Id"], "CreatedTime": key["CreatedTime"]}


def update_public_key(_physical_id, old, new, _stack):
    # CloudFront cannot change a key, and CloudFormation does not replace it (aws-cloudformation/
    # cloudformation-coverage-roadmap, issue 924).
    raise ValueError(f"Invalid request provided: AWS::CloudFront::PublicKey: {old} cannot become {new}")


def delete_public_key(physical_id, _properties):
    if users := cloudfront._public_keys_using(physical_id):
        raise ValueError(f"the public key {physical_id} is in use by {users}")
    cloudfront._public_keys.pop(physical_id, None)


def key_group_config(properties):
    config = dict(properties["KeyGroupConfig"])
    unknown = [key for key in config["Items"] if key not in cloudfront._public_keys]
    if unknown or not config["Items"]:
        raise ValueError(f"a key group needs public keys that exist: {config['Items']}")
    return config


def create_key_group(_logical_id, properties, _stack):
    config = key_group_config(properties)
    group = {"Id": cloudfront._kg_id(), "ETag": new_uuid(), "LastModifiedTime": cloudfront._now_iso(), "Config": config}
    cloudfront._key_groups[group["Id"]] = group
    return group["Id"], {"Id": group["Id"], "LastModifiedTime": group["LastModifiedTime"]}


def update_key_group(physical_id, _old, new, _stack):
    group = cloudfront._key_groups[physical_id]
    group.update(Config=key_group_config(new), ETag=new_uuid(), LastModifiedTime=cloudfront._now_iso())
    return physical_id, {"Id": physical_id, "LastModifiedTime": group["LastModifiedTime"]}


def delete_key_group(physical_id, _properties):
    cloudfront._key_groups.pop(physical_id, None)


def behavior_xml(distribution, pattern):
    """The behavior with a path pattern, or the default behavior."""
    config = cloudfront._dist_config_el(distribution)
    if pattern is None:
        return cloudfront._find(config, "DefaultCacheBehavior")
    behaviors = cloudfront._find(cloudfront._find(config, "CacheBehaviors"), "Items")
    return next(behavior for behavior in behaviors if cloudfront._text(behavior, "PathPattern") == pattern)


def trusted_keys(behavior):
    """The public keys by id that a behavior trusts, or `None` if it demands no signatures."""
    trusted = cloudfront._find(behavior, "TrustedKeyGroups")
    if trusted is None:
        return None
    groups = [element.text for element in trusted.iter() if element.tag.split("}")[-1] == "KeyGroup"]
    keys = [key for group in groups for key in cloudfront._key_groups[group]["Config"]["Items"]]
    return {key: signed_urls.public_key(cloudfront._public_keys[key]["Config"]["EncodedKey"]) for key in keys}


def with_signatures_and_cache(handle):
    async def handle_viewer_request(distribution, *request):
        method, path, uri, query, headers, body, parameters, client = request
        # The loopback interface has no TLS, and the template is the same as on AWS.
        headers = {**headers, "x-forwarded-proto": "https"}
        parsed = cloudfront.parse_distribution_dataplane_config(distribution)
        behavior = cloudfront._match_behavior(parsed, path)
        keys = trusted_keys(behavior_xml(distribution, behavior["path_pattern"]))
        if keys is not None:
            url = f"http://{headers.get('host', '')}{uri}"
            rest, refusal = signed_urls.check(url, query, keys, client)
            if refusal:
                error = {"Content-Type": "text/xml", "Server": "CloudFront", "X-Cache": "Error from cloudfront"}
                return 403, error, refusal.encode()
            query = rest
        # CloudFront takes the parameters of a signature out of every request.
        parameters = {name: values for name, values in parameters.items() if name not in signed_urls.PARAMETERS}
        request = (distribution, method, path, uri, query, headers, body, parameters, client)
        return await edge_cache.serve(handle, request, behavior["cache_policy_id"])

    return handle_viewer_request


def with_local_api(read_origin):
    def origin(element):
        found = read_origin(element)
        if api := API.fullmatch(found["domain_name"]):
            found["domain_name"] = f"{api[1]}.execute-api.localhost"
        return found

    return origin


def with_loopback(connect_target):
    def target(origin, viewer_is_https):
        if origin["domain_name"].endswith(".execute-api.localhost"):
            return "127.0.0.1", int(os.environ["GATEWAY_PORT"]), False
        return connect_target(origin, viewer_is_https)

    return target


def install():
    provisioners._RESOURCE_HANDLERS["AWS::CloudFront::PublicKey"] = {
        "create": create_public_key, "update": update_public_key, "delete": delete_public_key,
    }
    provisioners._RESOURCE_HANDLERS["AWS::CloudFront::KeyGroup"] = {
        "create": create_key_group, "update": update_key_group, "delete": delete_key_group,
    }
    cloudfront._new_distribution_domain = lambda: f"{LABEL}.cloudfront.net"
    cloudfront._dataplane_origin = with_local_api(cloudfront._dataplane_origin)
    cloudfront._origin_connect_target = with_loopback(cloudfront._origin_connect_target)
    cloudfront._fetch_from_origin = edge_cache.with_cache(cloudfront._fetch_from_origin)
    cloudfront.handle_viewer_request = with_signatures_and_cache(cloudfront.handle_viewer_request)
