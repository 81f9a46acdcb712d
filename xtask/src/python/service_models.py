"""Checks requests to AWS with botocore's service models.

botocore's own validator checks only required members, types and minima. This module also checks maxima, patterns,
enums, unions and unknown members.
"""

import base64
import binascii
import json
from functools import cache
from urllib.parse import unquote
from xml.etree import ElementTree

import regex
from botocore.loaders import Loader
from botocore.model import ServiceModel

# Headers that belong to the signature or to the SDKs, not to an operation.
SDK_HEADERS = {
    "x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token", "x-amz-target", "x-amz-trailer", "x-amz-user-agent",
}  # fmt: skip
SDK_CHECKSUM = "x-amz-checksum-"
# SDKs send the operation's name in this parameter if several operations share a method and path.
OPERATION_ID = "x-id"
SHOWN = 200


class Refusal(Exception):
    """The reason why a service would refuse a request."""


class Service:
    """One service, as its model describes it."""

    def __init__(self, name):
        self.name = name
        self.model = ServiceModel(Loader().load_service_model(name, "service-2"), name)
        self.routes = [] if self.is_json else [Route(self.model, name) for name in self.model.operation_names]

    @property
    def is_json(self):
        """Whether the protocol sends the operation in a header and all members in a JSON body."""
        return self.model.metadata["protocol"] == "json"

    def operation(self, request):
        """The operation that a request is for."""
        if self.is_json:
            name = request.headers.get("x-amz-target", "").rpartition(".")[2]
        elif OPERATION_ID in request.query:
            name = request.query[OPERATION_ID]
        else:
            name = max((found for route in self.routes if (found := route.match(request))), default=(0, None))[1]
        if name not in self.model.operation_names:
            raise Refusal(f"{self.name} has no operation for {request.method} {request.path}: {name}")
        return self.model.operation_model(name)

    def needs_body(self, operation):
        """Whether the body contains members, rather than nothing or a blob."""
        if self.is_json:
            return True
        shape = operation.input_shape
        if shape is None:
            return False
        payload = shape.serialization.get("payload")
        if payload is not None:
            return shape.members[payload].type_name == "structure"
        return any("location" not in member.serialization for member in shape.members.values())

    def members(self, operation, request):
        """The members of a request, from its path, query, headers and body."""
        shape = operation.input_shape
        if self.is_json:
            return {} if shape is None else json_body(request.body)
        route = next(route for route in self.routes if route.name == operation.name)
        if shape is None:
            return {}
        members = route.members(request)
        payload = shape.serialization.get("payload")
        if payload is None:
            if self.needs_body(operation):
                members.update(json_body(request.body))
        elif request.body and shape.members[payload].type_name == "structure":
            if self.model.metadata["protocol"] == "rest-json":
                members[payload] = json_body(request.body)
            else:
                members[payload] = xml_body(shape.members[payload], request.body)
        return members


@cache
def service(name):
    """A service's model, read once."""
    return Service(name)


class Route:
    """The method, path and query that identify an operation of a REST protocol, and the places of its members."""

    def __init__(self, model, name):
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        self.name = name
        self.method = operation.http["method"]
        # A label matches one segment of the path. A label with a plus matches the rest of the path.
        segments = [
            f"(?P<{label.rstrip('+')}>{'.+' if label.endswith('+') else '[^/]*'})" if label else regex.escape(text)
            for text, label in regex.findall(r"([^{]+)|\{([^}]+)\}", path)
        ]
        self.path = regex.compile("".join(segments))
        self.query = dict(part.partition("=")[::2] for part in query.split("&") if part)
        self.shape = operation.input_shape
        self.places = {}
        for member, shape in self.shape.members.items() if self.shape else []:
            place = shape.serialization.get("location")
            if place is not None:
                self.places.setdefault(place, {})[shape.serialization.get("name", member)] = (member, shape)
        required = set(self.shape.required_members) if self.shape else set()
        self.required = {
            place: {key for key, (member, _) in found.items() if member in required}
            for place, found in self.places.items()
        }

    def match(self, request):
        """How specifically the operation matches a request, and its name, or None if it does not match."""
        if request.method != self.method or not self.path.fullmatch(request.path):
            return None
        for name, value in self.query.items():
            if name not in request.query or (value and request.query[name] != value):
                return None
        query, headers = self.required.get("querystring", set()), self.required.get("header", set())
        if not query <= request.query.keys() or not all(name.lower() in request.headers for name in headers):
            return None
        return len(self.query) + len(query) + len(headers), self.name

    def members(self, request):
        """The members in path, query and headers."""
        labels = self.path.fullmatch(request.path)
        if labels is None or request.method != self.method:
            raise Refusal(f"{self.name} is no {request.method} {request.path}")
        labels = {member: unquote(labels[name]) for name, (member, _) in self.places.get("uri", {}).items()}
        return labels | self.from_query(request.query) | self.from_headers(request.headers)

    def from_query(self, query):
        members, known = {}, self.places.get("querystring", {})
        takes_any = any(shape.type_name == "map" for _, shape in known.values())
        for name, value in query.items():
            if name in known:
                member, shape = known[name]
                members[member] = from_text(shape, value, member)
            elif name not in self.query and name != OPERATION_ID and not takes_any:
                raise Refusal(f"{self.name} has no parameter {name} in its query")
        return members

    def from_headers(self, headers):
        members, known = {}, {name.lower(): found for name, found in self.places.get("header", {}).items()}
        prefixes = {name.lower(): member for name, (member, _) in self.places.get("headers", {}).items()}
        for name, value in headers.items():
            prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), None)
            if name in known:
                member, shape = known[name]
                members[member] = from_text(shape, value, member)
            elif prefix is not None:
                members.setdefault(prefixes[prefix], {})[name.removeprefix(prefix)] = value
            elif name.startswith("x-amz-") and name not in SDK_HEADERS and not name.startswith(SDK_CHECKSUM):
                raise Refusal(f"{self.name} has no header {name}")
        return members


def json_body(body):
    """Parses a JSON body. An empty body is an empty object."""
    try:
        members = json.loads(body or b"{}")
    except ValueError as error:
        raise Refusal(f"the body is not JSON: {error}") from None
    if not isinstance(members, dict):
        raise Refusal("the body is not an object")
    return members


def xml_body(shape, body):
    """Parses an XML body."""
    try:
        return from_xml(shape, ElementTree.fromstring(body))
    except ElementTree.ParseError as error:
        raise Refusal(f"the body is not XML: {error}") from None


def from_xml(shape, element):
    def local(child):
        return child.tag.rpartition("}")[2]

    if shape.type_name == "list":
        return [from_xml(shape.member, child) for child in element]
    if shape.type_name != "structure":
        return from_text(shape, element.text or "", local(element))
    names = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    members = {}
    for child in element:
        if local(child) not in names:
            raise Refusal(f"{shape.name} has no member {local(child)}")
        name, member = names[local(child)]
        if member.type_name == "list" and member.serialization.get("flattened"):
            members.setdefault(name, []).append(from_xml(member.member, child))
        else:
            members[name] = from_xml(member, child)
    return members


def from_text(shape, text, where):
    """Converts text to the type of its shape."""
    try:
        match shape.type_name:
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "list":
                return [from_text(shape.member, part.strip(), where) for part in text.split(",")]
            case "blob":
                return base64.b64encode(text.encode()).decode()
    except (KeyError, ValueError):
        raise Refusal(f"Value at '{where}' failed to satisfy constraint: Member must be a {shape.type_name}") from None
    return text


def check(shape, value, where=""):
    """Raises a Refusal if a value violates a constraint of its shape."""

    def must(is_so, constraint):
        if not is_so:
            raise Refusal(
                f"1 validation error detected: Value at '{where or 'input'}' failed to satisfy constraint: {constraint}"
            )

    def is_within(size, what):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        must(low is None or size >= low, f"Member must have {what} greater than or equal to {low}")
        must(high is None or size <= high, f"Member must have {what} less than or equal to {high}")

    match shape.type_name:
        case "structure":
            must(isinstance(value, dict), "Member must be a structure")
            # The services ignore members that are null.
            given = {name: member for name, member in value.items() if member is not None}
            known = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
            known |= {name: (name, member) for name, member in shape.members.items()}
            for name in given:
                must(name in known, f"{shape.name} has no member {name}")
            present = {known[name][0] for name in given}
            for name in shape.required_members:
                must(name in present, f"Member {name} must not be null")
            must(not shape.is_tagged_union or len(present) == 1, "exactly one member must be set")
            for name, member in given.items():
                # A document type has no constraints.
                if not shape.is_document_type:
                    check(known[name][1], member, f"{where}.{known[name][0]}" if where else known[name][0])
        case "list":
            must(isinstance(value, list), "Member must be a list")
            is_within(len(value), "length")
            for index, member in enumerate(value):
                check(shape.member, member, f"{where}.{index + 1}.member")
        case "map":
            must(isinstance(value, dict), "Member must be a map")
            is_within(len(value), "length")
            for key, member in value.items():
                check(shape.key, key, f"{where}.key")
                check(shape.value, member, f"{where}.{key[:SHOWN]}")
        case "string" | "character":
            must(isinstance(value, str), "Member must be a string")
            is_within(len(value), "length")
            enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
            must(enum is None or value in enum, f"Member must satisfy enum value set: {enum}")
            must(
                pattern is None or compiled(pattern).fullmatch(value),
                f"Member must satisfy regular expression pattern: {pattern}",
            )
        case "blob":
            must(isinstance(value, str), "Member must be base64")
            try:
                is_within(len(base64.b64decode(value, validate=True)), "length")
            except binascii.Error:
                must(False, "Member must be base64")
        case "integer" | "long":
            must(isinstance(value, int) and not isinstance(value, bool), f"Member must be a {shape.type_name}")
            is_within(value, "value")
        case "float" | "double":
            must(isinstance(value, int | float) and not isinstance(value, bool), "Member must be a number")
            is_within(value, "value")
        case "boolean":
            must(isinstance(value, bool), "Member must be a boolean")


@cache
def compiled(pattern):
    """Compiles a model's pattern, a regular expression in Java's syntax."""
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    # In Java, `\w` matches only ASCII. The flag would restrict `\p{L}` to ASCII as well.
    return regex.compile(pattern, 0 if r"\p{" in pattern else regex.ASCII)


def shown(shape, value):
    """A value for the report: without members that the model marks as sensitive, and with long text truncated."""
    if shape is None or value is None:
        return value
    if shape.metadata.get("sensitive"):
        return "(secret)"
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: shown(shape.members.get(name), member) for name, member in value.items()}
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: shown(shape.value, member) for name, member in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [shown(shape.member, member) for member in value]
    if isinstance(value, str) and len(value) > SHOWN:
        return f"{value[:SHOWN]}… ({len(value)} characters)"
    return value
